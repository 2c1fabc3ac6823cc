"""What a program can see of a chapter's rules: order, box, predictions, folded solutions, cell length, no outputs."""

import json
import re
from pathlib import Path

import pytest

from tools import chapters

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = chapters.paths(ROOT)
LONGEST_CELL = 18  # lines of code that are neither blank nor comments; about 15 is the aim
SETUP_LINES = 25
FORBIDDEN = re.compile(r"\b(simply|obviously|just|trivially|clearly|of course)\b|!(?=\s|$)", re.IGNORECASE)

pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def cells_of(path, kind=None):
    return [cell for cell in read(path)["cells"] if kind in (None, cell["cell_type"])]


def prose(path):
    """The chapter's text, without code spans and fences."""
    text = "\n\n".join(source(cell) for cell in cells_of(path, "markdown"))
    return re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", " ", text, flags=re.DOTALL)


def code_lines(cell):
    return [line for line in source(cell).splitlines() if line.strip() and not line.strip().startswith("#")]


def test_metadata(path):
    notebook = read(path)
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"  # without it JupyterLab opens with a dialog
    assert 0 < notebook["metadata"]["course"]["max_seconds"] <= 180
    assert "widgets" not in notebook["metadata"]
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))


def test_nothing_is_missing(path):
    """Its description, checks and their test, assignment, week in the syllabus, and what a skeleton left open."""
    missing = chapters.lacks(ROOT, path)
    assert not missing, "\n".join(missing)


def test_no_stored_outputs(path):
    for cell in cells_of(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None, cell["id"]


def test_number_of_cells(path):
    assert 25 <= len(cells_of(path)) <= 45, f"{len(cells_of(path))} cells, expected 25 to 45"


def test_opens_with_one_title_and_a_question(path):
    first = cells_of(path)[0]
    assert first["cell_type"] == "markdown" and source(first).startswith("# ") and "?" in source(first)
    titles = [line for line in prose(path).splitlines() if line.startswith("# ")]
    assert len(titles) == 1


def test_box(path):
    boxes = [source(cell) for cell in cells_of(path, "markdown") if "**In this chapter**" in source(cell)]
    assert len(boxes) == 1
    wanted = (
        "You will",
        "You will be able to explain",
        "You need",
        "Reading time",
        "Run time",
        "Hardware",
        "Seeds",
    )
    for promise in wanted:
        assert f"**{promise}**" in boxes[0], promise


def test_sections_in_order(path):
    text = "\n\n".join(source(cell) for cell in cells_of(path))
    marks = (
        "**In this chapter**",
        "## Play",
        "**Predict",
        "**Exercise A",
        "## How it breaks",
        "**Exercise C",
        "## The answer",
        "## Recall",
        "## Further reading",
        "## Next",
    )
    assert not [mark for mark in marks if mark not in text]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert text.index("**Exercise A") < text.index("**Exercise B") < text.index("**Exercise C")


def test_one_setup_cell(path):
    setups = [cell for cell in cells_of(path, "code") if "setup" in tags(cell)]
    assert len(setups) == 1 and cells_of(path, "code")[0] == setups[0]
    assert '"google.colab" in sys.modules' in source(setups[0]) and "symrl_lite.__version__" in source(setups[0])
    assert len(code_lines(setups[0])) <= SETUP_LINES


def test_code_cells_are_short(path):
    for cell in cells_of(path, "code"):
        if "setup" not in tags(cell):
            assert len(code_lines(cell)) <= LONGEST_CELL, f"{cell['id']}: {len(code_lines(cell))} lines"


def test_predictions_come_before_results(path):
    cells = cells_of(path)
    predictions = [i for i, cell in enumerate(cells) if re.fullmatch(r"my_\w+ = None  # .+", source(cell))]
    assert predictions, "no cell `my_prediction = None  # ...`"
    for i in predictions:
        assert "Predict" in source(cells[i - 1]) and cells[i + 1]["cell_type"] == "code"


def test_exercises_have_stub_check_hints_and_folded_solution(path):
    cells = cells_of(path)
    stubs = [i for i, cell in enumerate(cells) if "exercise" in tags(cell)]
    assert [source(cells[i]).splitlines()[0] for i in stubs] == [f"# Exercise {letter}" for letter in "ABC"]
    for i in stubs:
        assert "raise NotImplementedError(" in source(cells[i])
        assert re.fullmatch(r"check\.\w+\(\w+\)", source(cells[i + 1])), "the check stands right below its stub"
        help_cell = next(source(cell) for cell in cells[i + 2 :] if cell["cell_type"] == "markdown")
        assert "<summary>Hint 1" in help_cell and "<summary>Hint 2" in help_cell
        folded = re.search(
            r"<details><summary>Solution</summary>\n\n```python\n(.*?)```\n\n</details>", help_cell, re.S
        )
        assert folded and folded.group(1).startswith(source(cells[i]).splitlines()[0])


def test_details_are_balanced_and_folded(path):
    text = "\n".join(source(cell) for cell in cells_of(path, "markdown"))
    assert text.count("<details>") == text.count("</details>") > 3
    assert "<details open" not in text
    recall = text[text.index("## Recall") : text.index("## Further reading")]
    assert 3 <= recall.count("<details>") <= 8, f"{recall.count('<details>')} recall questions, expected 3 to 8"


def test_plain_markdown_only(path):
    """Directives and roles belong in book/: JupyterLab and Colab show them as raw text."""
    text = "\n".join(source(cell) for cell in cells_of(path, "markdown"))
    assert not re.search(r"^(```|:::)\{|\{(ref|doc|cite|glue|numref|term)[:}]", text, re.MULTILINE)


def test_display_formulas_stand_alone(path):
    for cell in cells_of(path, "markdown"):
        for paragraph in re.split(r"\n\s*\n", source(cell)):
            if "$$" in paragraph:
                assert paragraph.strip().startswith("$$") and paragraph.strip().endswith("$$"), paragraph


def test_figures_have_alternative_text(path):
    for cell in cells_of(path, "code"):
        for call in re.findall(r"plots\.([a-z]\w*)\(", source(cell)):
            if not call.startswith("draw_"):
                assert "alt=" in source(cell), f"{cell['id']}: plots.{call} without alt"
    text = "\n".join(source(cell) for cell in cells_of(path, "markdown"))
    assert all(len(alt.strip()) >= 12 for alt in re.findall(r"!\[([^\]]*)\]\(", text))


def test_words(path):
    found = FORBIDDEN.search(prose(path))
    assert not found, prose(path)[max(0, found.start() - 60) : found.end() + 20]


def test_further_reading_is_keyed(path):
    text = source(next(cell for cell in cells_of(path) if "## Further reading" in source(cell)))
    keys = re.findall(r"^- \[(\w+)\]\(https?://", text[text.index("## Further reading") :], re.MULTILINE)
    bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    assert 3 <= len(keys) <= 5, f"{len(keys)} references with a key, expected 3 to 5"
    for key in keys:
        assert f"{{{key}," in bibliography, f"{key} is not in book/references.bib"


def test_uses_the_package_and_asserts(path):
    code = "\n".join(source(cell) for cell in cells_of(path, "code"))
    assert "symrl_lite" in code and "assert" in code and "from symrl_lite.checks import chapter" in code
