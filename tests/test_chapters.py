"""A chapter is described once: what is shown of it agrees, and a chapter that is not finished is told what it lacks."""

from __future__ import annotations

import doctest
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

import symrl_lite
from tools import chapters, new_chapter

ROOT = Path(__file__).resolve().parents[1]
SHOWN = {"README.md": {"table"}, "_toc.yml": {"contents"}, "welcome.md": {"map"}, "instructors.md": {"needs"}}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """All that speaks of chapters."""
    for name in ("README.md", "_toc.yml"):
        shutil.copy(ROOT / name, tmp_path)
    for folder in ("book", "notebooks", "symrl_lite/checks", "tests/checks", "tests/grading/cases", "benchmarks"):
        left_out = shutil.ignore_patterns("vendor", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_out)
    return tmp_path


def change(path: Path, edit: Callable[[Any], object]) -> None:
    """Edit what a JSON file holds."""
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def course(path: Path, **fields: Any) -> None:
    change(path, lambda notebook: notebook["metadata"]["course"].update(fields))


def test_all_that_speaks_of_chapters_agrees() -> None:
    assert chapters.problems(ROOT) == []


def test_the_examples_in_the_program_are_true() -> None:
    found = doctest.testmod(chapters)
    assert found.attempted >= 5 and not found.failed


def test_every_place_that_shows_chapters_has_its_block() -> None:
    for name, blocks in SHOWN.items():
        (path,) = [*ROOT.glob(name), *ROOT.glob(f"book/{name}")]
        found = {block["name"] for block in chapters.BLOCK.finditer(path.read_text(encoding="utf-8"))}
        assert found == blocks, name
    assert set().union(*SHOWN.values()) == set(chapters.MAKERS)


def test_chapters_are_numbered_in_the_contents_and_their_sections_are_not() -> None:
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    (part,) = [part for part in parts if part["caption"] == "Chapters"]
    assert part["numbered"] == 1
    assert [entry["file"] for entry in part["chapters"]] == [c.path.removesuffix(".ipynb") for c in chapters.read(ROOT)]


def test_what_the_metadata_say_is_written_everywhere(copy: Path) -> None:
    path = copy / "notebooks" / "05_homomorphic_networks.ipynb"
    course(path, question="Who is faster?", teaches="who is faster", needs="chapters 2 to 4, a stopwatch", minutes=45)
    course(path, max_seconds=60)
    changed = chapters.write(copy)
    names = ["README.md", "welcome.md", "instructors.md", path.name]
    assert sorted(found.name for found in changed) == sorted(names)
    for name, words in (
        ("README.md", "[5 Homomorphic networks](notebooks/05_homomorphic_networks.ipynb) | who is faster |"),
        ("book/welcome.md", "[Homomorphic networks](../notebooks/05_homomorphic_networks.ipynb)\n  - Who is faster?"),
        ("book/instructors.md", "| chapters 2 to 4, a stopwatch | 45 | about a minute | 55 |"),
        (f"notebooks/{path.name}", "**Reading time** 45 minutes with three exercises. **Run time** about a minute."),
    ):
        assert words in (copy / name).read_text(encoding="utf-8"), name
    assert chapters.write(copy) == [] and chapters.problems(copy) == []


def replaced(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        text = (root / name).read_text(encoding="utf-8")
        assert old in text
        (root / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


FIFTH = "notebooks/05_homomorphic_networks.ipynb"
WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a table that was edited": (replaced("README.md", "a thing you can", "nothing you can"), "README.md is not what"),
    "a time in a box": (replaced(FIFTH, "**Reading time** 60", "**Reading time** 30"), f"{FIFTH} is not what"),
    "what the box needs": (
        replaced(FIFTH, "**You need** chapters 2 to 4", "**You need** chapter 4"),
        "the box needs chapters [4], and metadata.course.needs names [2, 3, 4]",
    ),
    "a chapter that comes later": (
        lambda root: course(root / FIFTH, needs="chapters 2 to 6"),
        "metadata.course.needs names chapter 5, which comes later",
    ),
    "an empty field": (lambda root: course(root / FIFTH, teaches=""), "metadata.course.teaches is ''"),
    "a field of another type": (
        lambda root: course(root / FIFTH, minutes="60"),
        "metadata.course.minutes is '60', expected int",
    ),
    "a field that nobody knows": (lambda root: course(root / FIFTH, minute=60), "metadata.course.minute is not known"),
    "a missing field": (
        lambda root: change(root / FIFTH, lambda notebook: notebook["metadata"]["course"].pop("needs")),
        "metadata.course.needs is missing, expected str",
    ),
    "another number": (lambda root: course(root / FIFTH, number=6), "its metadata say 06_homomorphic_networks"),
    "a chapter that is announced and here": (
        lambda root: change(root / chapters.PLANNED, lambda list_: list_.insert(0, {**list_[0], "number": 7})),
        "[1, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12], expected 1 to 13",
    ),
    "no checks": (lambda root: (root / "symrl_lite/checks/chapter05.py").unlink(), "checks/chapter05.py is missing"),
    "checks of another chapter": (
        replaced("symrl_lite/checks/chapter05.py", "chapter 5", "chapter 4"),
        '''does not begin with """Checks for chapter 5, *Homomorphic networks''',
    ),
    "no assignment": (
        lambda root: (root / "book/assignments/05_homomorphic_networks.ipynb").unlink(),
        "notebooks/assignments/05_homomorphic_networks.ipynb, the assignment, is missing",
    ),
    "no answers to try": (
        lambda root: (root / "tests/grading/cases/05_homomorphic_networks.py").unlink(),
        "tests/grading/cases/05_homomorphic_networks.py",
    ),
    "no week for a chapter": (
        lambda root: [
            replaced("book/instructors.md", "| 1, 2 | 1, 2 |", "| 2 | 1, 2 |")(root),
            replaced("book/instructors.md", "| 1 | 1 | |", "| 1 | 2 | |")(root),
            replaced("book/instructors.md", "| 1, Exercise C |", "| 2 |")(root),
        ],
        "no week of the syllabus has chapter 1",
    ),
    "a week for no chapter": (
        replaced("book/instructors.md", "| projects | 8 |", "| projects | 99 |"),
        "the syllabus has assignment 99, and there is none",
    ),
    "what is to be written": (
        replaced(FIFTH, "## Recall", "TODO: questions\\n\\n## Recall"),
        "cell answer: questions",
    ),
    "a block that nothing makes": (
        replaced("README.md", "BEGIN chapters: table", "BEGIN chapters: tables"),
        "no block is called 'tables'; there are contents, table, map, needs",
    ),
}


@pytest.mark.parametrize(("edit", "said"), WRONG.values(), ids=WRONG)
def test_what_does_not_agree_is_named(copy: Path, edit: Callable[[Path], object], said: str) -> None:
    edit(copy)
    found = chapters.problems(copy)
    assert any(said in line for line in found), found
    command = [sys.executable, str(ROOT / "tools" / "chapters.py"), "--check", "--root", str(copy)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.splitlines() == found


# --- a new chapter -----------------------------------------------------------------------------------------

NEXT = chapters.planned(ROOT)[0]
NUMBER, NN, SLUG = NEXT["number"], f"{NEXT['number']:02d}", re.sub(r"\W+", "_", NEXT["title"].lower())
NEW = f"notebooks/{NN}_{SLUG}.ipynb"


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the course in which the chapter that is announced next has been begun."""
    root = tmp_path_factory.mktemp("course")
    for name in ("README.md", "_toc.yml", "_config.yml", "CITATION.cff", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root)
    left_out = shutil.ignore_patterns("vendor", "__pycache__", "_static")
    for folder in ("book", "notebooks", "symrl_lite", "tests", "benchmarks", "tools"):
        shutil.copytree(ROOT / folder, root / folder, ignore=left_out)
    new_chapter.make(root, str(NUMBER), SLUG)
    return root


def inside(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """This Python, in a copy of the course."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([sys.executable, *arguments], cwd=root, env=environment, capture_output=True, text=True)


def test_a_new_chapter_has_its_files_and_its_places(begun: Path) -> None:
    chapter = chapters.described(begun, begun / NEW)
    assert (chapter.number, chapter.name, chapter.title) == (NUMBER, f"{NN}_{SLUG}", NEXT["title"])
    assert chapter.question == NEXT["question"]
    assert chapters.planned(begun) == chapters.planned(ROOT)[1:]
    assert chapters.stale(begun) == []
    toc = yaml.safe_load((begun / "_toc.yml").read_text(encoding="utf-8"))
    assert any({"file": NEW.removesuffix(".ipynb")} in part["chapters"] for part in toc["parts"])
    assert f"[{NEXT['title']}](../notebooks/{NN}_" in (begun / "book/welcome.md").read_text(encoding="utf-8")
    assert f"Chapters 1 to {NUMBER} are here" in (begun / "book/welcome.md").read_text(encoding="utf-8")
    notebook = nbformat.read(begun / NEW, as_version=4)
    nbformat.validate(notebook)
    assert f"symrl_lite-{symrl_lite.__version__}-py3-none-any.whl" in notebook.cells[1].source


def test_the_structure_tests_name_what_a_new_chapter_lacks(begun: Path) -> None:
    result = inside(begun, "-m", "pytest", "-q", "-k", f"{NN}_", "tests/test_notebook_structure.py")
    failed = set(re.findall(r"^FAILED .*::(\w+)\[", result.stdout, re.MULTILINE))
    wanted = {"test_nothing_is_missing", "test_number_of_cells", "test_further_reading_is_keyed"}
    assert failed == wanted, result.stdout[-3000:]
    for line in (
        "metadata.course.teaches is ''",
        "metadata.course.needs is ''",
        "cell play: a widget or a picture, at once: the object first, axioms later",
        "cell exercise-b-help: the solution",
        f"symrl_lite/checks/chapter{NN}.py: name the likely mistake",
        f"tests/checks/test_chapter{NN}.py: right answers, unusual ones too (lists, other formulas, single precision)",
        f"notebooks/assignments/{NN}_{SLUG}.ipynb, the assignment, is missing, or `make assignments` is due",
        f"tests/grading/cases/{NN}_{SLUG}.py, the answers that the assignment is tried on, is missing",
        f"book/instructors.md: no week of the syllabus has chapter {NUMBER}",
        f"book/instructors.md: no week of the syllabus has assignment {NUMBER}",
    ):
        assert line in result.stdout, line
    assert "24 cells, expected 25 to 45" in result.stdout
    assert "0 references with a key, expected 3 to 5" in result.stdout


RUN_ALL = """
import json, sys
from IPython.core.inputtransformer2 import TransformerManager
names = {}
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        code = TransformerManager().transform_cell("".join(cell["source"]))
        if cell["id"].endswith("-check"):
            print(eval(code.strip(), names))
        else:
            exec(code, names)
"""


def test_a_new_chapter_runs_from_top_to_bottom(begun: Path) -> None:
    result = inside(begun, "-c", RUN_ALL, NEW)
    assert result.returncode == 0, result.stderr
    assert re.findall(r"Exercise [ABC]: not solved yet", result.stdout) == [
        f"Exercise {letter}: not solved yet" for letter in "ABC"
    ]


def test_what_every_check_does_the_new_ones_do_and_their_own_answers_are_asked_for(begun: Path) -> None:
    files = ("tests/checks/test_every_check.py", f"tests/checks/test_chapter{NN}.py")
    result = inside(begun, "-m", "pytest", "-q", "-k", f"chapter{NN}", *files)
    failed = re.findall(r"^FAILED tests/checks/(\w+)\.py::\w+\[(\w+)\]", result.stdout, re.MULTILINE)
    names = ("exercise_a", "exercise_b", "exercise_c")
    assert sorted(failed) == sorted((f"test_chapter{NN}", name) for name in names * 2), result.stdout[-3000:]
    assert "exercise_a: no right answer is listed" in result.stdout
    assert "exercise_c: 0 wrong answers are listed, expected 2 or more" in result.stdout


def test_what_is_new_is_in_style(begun: Path) -> None:
    files = [NEW, *(name.format(nn=NN) for name in new_chapter.FILES.values())]
    for command in (("check",), ("format", "--check")):
        result = inside(begun, "-m", "ruff", *command, "--no-cache", *files)
        assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("number", "slug", "said"),
    [
        ("7", "again", "chapter 7 is there already: 07_structured_world_models.ipynb"),
        (str(NUMBER), "again", f"chapter {NUMBER} is there already: {NN}_{SLUG}.ipynb"),
        ("0", "nothing", "NUMBER is '0', expected 1 to 99"),
        ("", "nothing", "NUMBER is '', expected 1 to 99: make chapter NUMBER=8 SLUG=symmetry_as_data"),
        ("9", "Many agents", "SLUG is 'Many agents', expected small letters and underscores"),
        ("9", "../many", "SLUG is '../many'"),
    ],
)
def test_a_chapter_that_cannot_be_begun_is_refused(begun: Path, number: str, slug: str, said: str) -> None:
    command = (str(ROOT / "tools/new_chapter.py"), "--number", number, "--slug", slug, "--root", str(begun))
    result = inside(ROOT, *command)
    assert result.returncode == 1 and result.stderr.startswith(f"symrl: {said}") and not result.stdout
    assert len(chapters.paths(begun)) == NUMBER


def test_a_chapter_that_nobody_announced_is_called_by_its_file(copy: Path) -> None:
    for name in ("_config.yml", "CITATION.cff", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    new_chapter.make(copy, "13", "what_is_next")
    last = chapters.read(copy)[-1]
    assert last.title == "What is next" and chapters.TO_WRITE in last.question
    assert f"Chapters 1 to {NUMBER - 1} and 13 are here" in (copy / "book/welcome.md").read_text(encoding="utf-8")
