"""What `make assignments` makes: nbgrader's student version and the site's are the same, neither holds an answer."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.grading import sample
from tools.grading import handout
from tools.grading import notebook as nb
from tools.grading.assignment import ROOT, SOURCES, Assignment, all_assignments, load

NAMES = [path.stem for path in sorted(SOURCES.glob("[0-9][0-9]_*.ipynb"))]
SECRETS = ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN", "END HIDDEN", "Rubric", "secret_word")


def comparable(notebook: dict[str, Any]) -> list[Any]:
    found = []
    for cell in notebook["cells"]:
        metadata = json.loads(json.dumps(cell["metadata"]))
        for key in ("checksum", "cell_type"):
            metadata.get("nbgrader", {}).pop(key, None)
        found.append((cell["cell_type"], nb.source(cell), metadata))
    return found


def released(changed: Sequence[Assignment], course: Path) -> dict[str, Path]:
    """What nbgrader would make of them."""
    made = {assignment.name: course / f"{assignment.name}.ipynb" for assignment in changed}
    for assignment in changed:
        made[assignment.name].write_text(nb.text_of(nb.student_version(assignment.notebook)), encoding="utf-8")
    return made


def test_nbgrader_makes_the_same_student_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbgrader", reason="grading has an environment of its own: make grading-environment")
    from tools import assignments

    sample.write(tmp_path / "sources")
    for path in SOURCES.glob("*.ipynb"):
        (tmp_path / "sources" / path.name).write_bytes(path.read_bytes())
    names, made = assignments.make(tmp_path / "sources", tmp_path / "out")
    assert made == names and sample.NAME in names
    for name in names:
        folder = tmp_path / "out" / name
        source = nb.read(tmp_path / "sources" / f"{name}.ipynb")
        student = nb.read(folder / "student" / f"{name}.ipynb")
        assert comparable(student) == comparable(nb.student_version(source)), name
        assert student["metadata"]["symrl"] == source["metadata"]["symrl"]
        with zipfile.ZipFile(folder / f"{name}-student.zip") as archive:
            assert sorted(archive.namelist()) == [f"{name}/{name}.ipynb", f"{name}/README.txt"]
            for member in archive.namelist():
                text = archive.read(member).decode()
                assert not [secret for secret in SECRETS if secret in text], member
            assert "hand in" in text
        answers = (folder / "answers" / f"{name}.ipynb").read_text(encoding="utf-8")
        assert "BEGIN SOLUTION" in answers and '"outputs": []' in answers
        for cell in student["cells"]:
            assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)
    assert assignments.make(tmp_path / "sources", tmp_path / "out") == (names, []), "nothing has changed"
    (tmp_path / "out" / sample.NAME / "answers" / f"{sample.NAME}.ipynb").unlink()
    monkeypatch.setattr(assignments, "release", released)  # nbgrader has been seen at work
    sample_only = assignments.make(tmp_path / "sources", tmp_path / "out")[1]
    assert sample_only == [sample.NAME]


def test_stubs_run_and_answers_are_gone() -> None:
    notebook = nb.student_version(sample.source())
    cells = {nb.grade_id(cell): cell for cell in notebook["cells"]}
    assert nb.source(cells["q1"]) == f"order = None\n{nb.PLAIN_STUB}"
    assert nb.source(cells["q2"]) == f"def mirrored(x):\n    {nb.CODE_STUB}"
    assert nb.source(cells["q2_general"]) == "# 2 points: other arrays."
    assert nb.source(cells["q4"]) == nb.TEXT_STUB
    assert cells["q2"]["metadata"]["deletable"] is False and "editable" not in cells["q2"]["metadata"]
    assert cells["q2_small"]["metadata"]["editable"] is False
    assert not [secret for secret in SECRETS if secret in json.dumps(notebook)]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ({"solution": True}, "### BEGIN SOLUTION\n1", "without END SOLUTION"),
        ({"solution": True}, "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION", "a second BEGIN SOLUTION"),
        ({"locked": True}, "### BEGIN SOLUTION\n1\n### END SOLUTION", "not marked as one"),
        ({"locked": True}, "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS", "gives no points"),
        ({"solution": True}, "def f(:", "invalid syntax"),
    ],
)
def test_a_source_with_a_mistake_is_refused(tmp_path: Path, kind: dict[str, bool], text: str, said: str) -> None:
    source = sample.source()
    source["cells"].append(sample.cell("code", "q9", text, **kind))
    path = tmp_path / f"{sample.NAME}.ipynb"
    path.write_text(nb.text_of(source), encoding="utf-8")
    with pytest.raises(nb.SourceError, match=f"90_sample.ipynb, q9: .*{said}"):
        load(path)


def test_the_versions_in_the_repository_are_those_of_the_sources() -> None:
    assert handout.stale(ROOT) == [], "run `make assignments`"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_published_holds_no_answer(name: str) -> None:
    text = (ROOT / handout.VERSIONS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("name", NAMES)
def test_an_assignment_keeps_the_rules(name: str) -> None:
    assignment = load(SOURCES / f"{name}.ipynb")
    assert sum(assignment.points.values()) == 10
    assert 3 <= len(assignment.questions) <= 5
    assert sum(assignment.points[cell] for cell in assignment.points if nb.is_by_hand(assignment.cells[cell])) <= 2
    about = assignment.notebook["metadata"]["symrl"]
    assert 30 <= about["minutes"] <= 60 and 5 <= about["seconds"] <= 30
    assert assignment.notebook["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in assignment.notebook["cells"]]
    assert len(ids) == len(set(ids))
    for cell in assignment.notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)
        marks = nb.marks_of(cell)
        assert not marks or marks["schema_version"] == 3
    for question in assignment.questions:
        text = nb.source(assignment.cells[f"{question}_text"])
        assert any(word in text.lower() for word in ("easy", "medium", "hard")) and "minutes" in text, question


def test_handouts_are_written_and_removed(tmp_path: Path) -> None:
    sample.write(tmp_path / handout.SOURCES)
    assert handout.write(tmp_path) == [tmp_path / handout.VERSIONS / f"{sample.NAME}.ipynb"]
    assert handout.write(tmp_path) == handout.stale(tmp_path) == []
    assert handout.listed(tmp_path) == [(sample.NAME, "A sample", 30)]
    (tmp_path / handout.SOURCES / f"{sample.NAME}.ipynb").unlink()
    assert len(handout.write(tmp_path)) == 1 and not list((tmp_path / handout.VERSIONS).iterdir())


def test_all_sources_can_be_read() -> None:
    assert sorted(all_assignments()) == NAMES
