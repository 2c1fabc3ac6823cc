"""A chapter is described once: what is shown of it agrees, and a chapter that is not finished is told what it lacks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import chapters

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
        replaced("book/instructors.md", "| 10 | projects | 7 |", "| 10 | projects | 9 |"),
        "the syllabus has assignment 9, and there is none",
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
