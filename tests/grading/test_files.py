"""Which file counts, and what is wrong with one: names as systems export them, and a named reason for each problem."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.grading import sample
from tests.grading.conftest import ordinary_user
from tools.grading import notebook as nb
from tools.grading.assignment import ROOT, Assignment
from tools.grading.precheck import REASONS, Problem, student_submissions


def check(folder: Path, assignment: Assignment) -> tuple[list[Any], list[Problem]]:
    return student_submissions(folder / "ada", {assignment.name: assignment})


def test_the_newest_of_several_files_is_taken(tmp_path: Path, assignment: Assignment) -> None:
    right, blank = sample.answered(assignment), nb.student_version(assignment.notebook)
    sample.hand_in(tmp_path, "ada", blank, "7_late_100_90_sample-1.ipynb")
    sample.hand_in(tmp_path, "ada", right, "7_late_101_90_sample-2.ipynb")
    sample.hand_in(tmp_path, "ada", b"x", "notes.txt")
    sample.hand_in(tmp_path, "ada", b"x", ".DS_Store")
    (one,), problems = check(tmp_path, assignment)
    assert (one.file, one.late, problems) == ("7_late_101_90_sample-2.ipynb", True, [])


def test_the_same_file_twice_is_one(tmp_path: Path, assignment: Assignment) -> None:
    for name in ("90_sample.ipynb", "my 90_sample.ipynb"):
        sample.hand_in(tmp_path, "ada", sample.answered(assignment), name)
    submissions, problems = check(tmp_path, assignment)
    assert len(submissions) == 1 and problems == []


def test_a_renamed_file_is_known_by_its_content_and_folders_are_searched(
    tmp_path: Path, assignment: Assignment
) -> None:
    sample.hand_in(tmp_path, "ada/attachment 1", sample.answered(assignment), "homework.ipynb")
    (one,), problems = check(tmp_path, assignment)
    assert one.assignment == sample.NAME and one.file == "attachment 1/homework.ipynb" and not problems


def test_a_file_from_colab_is_fine(tmp_path: Path, assignment: Assignment) -> None:
    notebook = sample.answered(assignment)
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3"}}
    for cell in notebook["cells"]:
        cell.pop("id")
        cell["metadata"]["id"] = "a1B2"
    sample.hand_in(tmp_path, "ada", b"\xef\xbb\xbf" + json.dumps(notebook).encode())
    submissions, problems = check(tmp_path, assignment)
    assert len(submissions) == 1 and not problems


def cells_changed(assignment: Assignment, change: Any) -> dict[str, Any]:
    notebook = sample.answered(assignment)
    change(notebook)
    return notebook


def pop_metadata(notebook: Any) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id")


DAMAGED: dict[str, Any] = {
    "not-json": lambda a: b'{"cells": [',
    "too-large": lambda a: b"x" * 5_000_001,
    "not-a-notebook": lambda a: {"cells": 3, "nbformat": 4},
    "metadata-stripped": lambda a: cells_changed(a, pop_metadata),
    "missing-grade-ids": lambda a: cells_changed(a, lambda n: n["cells"].pop(4)),
    "duplicate-grade-ids": lambda a: cells_changed(
        a, lambda n: n["cells"].append({**n["cells"][4], "source": "order = 4"})
    ),
    "changed-cell-type": lambda a: cells_changed(a, lambda n: n["cells"][4].update(cell_type="markdown")),
    "unknown-assignment": lambda a: cells_changed(a, lambda n: n["metadata"]["symrl"].update(assignment="77_other")),
    "wrong-assignment": lambda a: cells_changed(a, lambda n: n.update(cells=n["cells"][:4])),
}
MORE = {
    "an old notebook": ("not-a-notebook", {"worksheets": [], "nbformat": 3}),
    "deep nesting": ("not-json", b"[" * 100_000),
    "a list": ("not-a-notebook", b"[]"),
    "cells that are none": ("not-a-notebook", {"cells": [1], "nbformat": 4}),
    "a text that is none": ("not-a-notebook", {"cells": [{"metadata": {}, "source": 7}], "nbformat": 4}),
    "too many cells": ("too-many-cells", {"cells": [{"metadata": {}}] * 501, "nbformat": 4}),
    "not UTF-8": ("not-json", b"\xff\xfe\x00"),
    "empty": ("not-json", b""),
    "a zip with a notebook's name": ("not-json", b"PK\x03\x04" + b"\0" * 50),
}


@pytest.mark.parametrize("reason", DAMAGED)
def test_each_damage_has_its_name(tmp_path: Path, assignment: Assignment, reason: str) -> None:
    sample.hand_in(tmp_path, "ada", DAMAGED[reason](assignment))
    submissions, (problem,) = check(tmp_path, assignment)
    assert not submissions and problem.reason == reason and problem.reason in REASONS


@pytest.mark.parametrize("name", MORE)
def test_unusual_damage_has_a_name_too(tmp_path: Path, assignment: Assignment, name: str) -> None:
    reason, content = MORE[name]
    sample.hand_in(tmp_path, "ada", content)
    submissions, (problem,) = check(tmp_path, assignment)
    assert not submissions and problem.reason == reason


def test_a_name_that_contradicts_the_content_is_not_graded(tmp_path: Path, assignment: Assignment) -> None:
    other = Assignment("91_other", assignment.notebook)
    sample.hand_in(tmp_path, "ada", sample.answered(assignment), "91_other.ipynb")
    _, (problem,) = student_submissions(tmp_path / "ada", {a.name: a for a in (assignment, other)})
    assert problem.reason == "wrong-assignment" and "the content is 90_sample" in problem.detail


def test_folders_without_a_notebook_have_names(tmp_path: Path, assignment: Assignment) -> None:
    (tmp_path / "ada").mkdir()
    assert check(tmp_path, assignment)[1][0].reason == "empty-folder"
    sample.hand_in(tmp_path, "ada", b"%PDF", "answers.pdf")
    assert check(tmp_path, assignment)[1][0].reason == "no-notebook"


def test_several_different_files_are_a_persons_decision(tmp_path: Path, assignment: Assignment) -> None:
    sample.hand_in(tmp_path, "ada", sample.answered(assignment))
    sample.hand_in(tmp_path, "ada", nb.student_version(assignment.notebook), "my 90_sample.ipynb")
    submissions, (problem,) = check(tmp_path, assignment)
    assert not submissions and problem.reason == "several-different-files" and "my 90_sample" in problem.file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files here")
def test_links_and_devices_are_not_opened(tmp_path: Path, assignment: Assignment) -> None:
    secret = sample.hand_in(tmp_path, "bob", sample.answered(assignment))
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "90_sample.ipynb").symlink_to(secret)
    (tmp_path / "ada" / "more").symlink_to(tmp_path / "bob")
    os.mkfifo(tmp_path / "ada" / "90_sample-2.ipynb")
    submissions, problems = check(tmp_path, assignment)
    assert not submissions and {problem.reason for problem in problems} == {"no-file", "symlink"}
    (tmp_path / "eve").symlink_to(tmp_path / "bob")
    assert student_submissions(tmp_path / "eve", {assignment.name: assignment})[1][0].reason == "symlink"


def reasons(found: tuple[list[Any], list[Problem]]) -> set[str]:
    assert found[0] == [], "nobody gets a silent mark"
    return {problem.reason for problem in found[1]}


@pytest.mark.parametrize("name", ["90_sample.ipynb.txt", "90_sample.ipynb.json", "90_sample.txt", "90_sample"])
def test_a_notebook_under_another_ending_is_read(tmp_path: Path, assignment: Assignment, name: str) -> None:
    """Browsers hang .txt or .json on it: alone it is the submission, beside a draft it is open which one counts."""
    right, blank = sample.answered(assignment), nb.student_version(assignment.notebook)
    sample.hand_in(tmp_path, "ada", right, name)
    (one,), problems = check(tmp_path, assignment)
    assert one.file == name and not problems
    sample.hand_in(tmp_path, "ada", blank)
    assert reasons(check(tmp_path, assignment)) == {"several-different-files"}


def test_a_draft_beside_a_newer_zip_is_not_graded(tmp_path: Path, assignment: Assignment) -> None:
    """A zip may hold the submission: it is named, and the draft's mark is no silent one, whatever the zip is called."""
    blank = nb.student_version(assignment.notebook)
    for name in ("90_sample-2.zip", "90_sample.7z", "homework.zip", "more/submission.tar.gz"):
        student = name.replace("/", "_")
        sample.hand_in(tmp_path, student, blank)
        (tmp_path / student / name).parent.mkdir(exist_ok=True)
        (tmp_path / student / name).write_bytes(b"PK")
        found = student_submissions(tmp_path / student, {assignment.name: assignment})
        assert "archive" in reasons(found) and reasons(found) <= {"archive", "undecided"}, name
        assert any(name in problem.file + problem.detail for problem in found[1])
    sample.hand_in(tmp_path, "ada", sample.answered(assignment), "90_sample-3.ipynb")
    sample.hand_in(tmp_path, "ada", b"PK", "90_sample-2.zip")
    (one,), problems = check(tmp_path, assignment)
    assert one.file == "90_sample-3.ipynb" and not problems, "an older zip is none of our business"


def test_a_damaged_notebook_beside_a_draft_stops_its_mark(tmp_path: Path, assignment: Assignment) -> None:
    sample.hand_in(tmp_path, "ada", nb.student_version(assignment.notebook))
    sample.hand_in(tmp_path, "ada", b"{", "final.ipynb")
    assert reasons(check(tmp_path, assignment)) == {"not-json", "undecided"}
    other = sample.answered(assignment)
    other["metadata"]["symrl"]["assignment"] = "77_other"
    sample.hand_in(tmp_path, "ada", other, "final.ipynb")
    (_,), (problem,) = check(tmp_path, assignment)
    assert problem.reason == "unknown-assignment", "a notebook of something else may lie there"


def test_exports_and_notes_beside_a_notebook_stop_nothing(tmp_path: Path, assignment: Assignment) -> None:
    sample.hand_in(tmp_path, "ada", sample.answered(assignment))
    for name in ("90_sample.pdf", "90_sample.html", "90_sample.py", "notes.txt", "data.json"):
        sample.hand_in(tmp_path, "ada", b"{}", name)
    submissions, problems = check(tmp_path, assignment)
    assert len(submissions) == 1 and problems == []


def test_what_lies_too_deep_or_is_too_much_is_named(tmp_path: Path, assignment: Assignment) -> None:
    sample.hand_in(tmp_path, "ada", sample.answered(assignment))
    sample.hand_in(tmp_path, "ada/a/b/c/d/e", sample.answered(assignment))
    assert reasons(check(tmp_path, assignment)) == {"too-deep", "undecided"}
    sample.hand_in(tmp_path, "bob", sample.answered(assignment))
    for number in range(401):
        sample.hand_in(tmp_path, "bob", b"", f"{number}.txt")
    found = student_submissions(tmp_path / "bob", {assignment.name: assignment})
    assert reasons(found) == {"too-many-files", "undecided"}


def test_a_newline_in_a_name_stops_nothing(tmp_path: Path, assignment: Assignment) -> None:
    sample.hand_in(tmp_path, "a\nda", sample.answered(assignment), "my\n90_sample-2\n.ipynb")
    (one,), problems = student_submissions(tmp_path / "a\nda", {assignment.name: assignment})
    assert one.assignment == assignment.name and not problems


CLOSED = """
import os, sys
from pathlib import Path
from tools.grading.assignment import load
from tools.grading.precheck import student_submissions
assignment = load(Path(sys.argv[1]))
for student in sys.argv[2:]:
    found, problems = student_submissions(Path(student), {assignment.name: assignment})
    print(len(found), *sorted(problem.reason for problem in problems))
"""


def test_a_folder_or_file_of_mode_000_is_named(tmp_path: Path, assignment: Assignment) -> None:
    """As an ordinary user, for whom modes count; root is made one in a user namespace."""
    sample.write(tmp_path)
    for student in ("ada", "bob", "eve"):
        sample.hand_in(tmp_path, student, sample.answered(assignment))
    (tmp_path / "bob" / "more").mkdir()
    closed = [tmp_path / "ada", tmp_path / "bob" / "more", tmp_path / "eve" / f"{sample.NAME}.ipynb"]
    for path in closed:
        path.chmod(0)
    try:
        command = [*ordinary_user(), sys.executable, "-c", CLOSED, str(tmp_path / f"{sample.NAME}.ipynb")]
        command += [str(tmp_path / student) for student in ("ada", "bob", "eve")]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    finally:
        for path in closed:
            path.chmod(0o755)
    assert done.stdout.splitlines() == ["0 unreadable", "0 undecided unreadable", "0 unreadable"], done.stderr
