"""Which file counts, and what is wrong with one: names as systems export them, and a named reason for each problem."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.grading import sample
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.files import Named, rank, read_name
from tools.grading.precheck import REASONS, Problem, student_submissions

KNOWN = ("01_groups", "02_equivariance")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("01_groups.ipynb", Named("01_groups", False, "", 0, 0)),
        ("12345_late_98765_01_groups-2.ipynb", Named("01_groups", True, "", 2, 98765)),
        ("doejane_LATE_12_34_01-groups.ipynb", Named("01_groups", True, "", 0, 34)),
        ("01_groups (1).ipynb", Named("01_groups", False, "", 1, 0)),
        ("01 groups copy.ipynb", Named("01_groups", False, "", 0, 0)),
        ("01_Groups (2) copy.IPYNB", Named("01_groups", False, "", 2, 0)),
        ("01_groups-1.ipynb", Named("01_groups", False, "", 1, 0)),
        ("01_groups_final.ipynb", Named("01_groups", False, "", 0, 0)),
        (
            "HW_ab12_attempt_2026-11-20-14-05-33_02_equivariance.ipynb",
            Named("02_equivariance", False, "20261120140533", 0, 12),
        ),
        ("Chocolate_02_equivariance.ipynb", Named("02_equivariance", False, "", 0, 0)),
        ("101_groups.ipynb", Named(None, False, "", 0, 0)),
        ("homework.ipynb", Named(None, False, "", 0, 0)),
    ],
)
def test_names_are_read_as_systems_write_them(name: str, expected: Named) -> None:
    found = read_name(name, KNOWN)
    assert (found.assignment, found.late, found.moment, found.number) == (
        expected.assignment,
        expected.late,
        expected.moment,
        expected.number,
    )
    if expected.upload > 100:
        assert found.upload == expected.upload


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("01_groups.ipynb", "01_groups-1.ipynb"),
        ("01_groups-9.ipynb", "01_groups-10.ipynb"),
        ("01_groups.ipynb", "01_groups (1).ipynb"),
        ("1_100_01_groups.ipynb", "1_late_101_01_groups.ipynb"),
        ("a_2026-11-20-14-05-33_01_groups.ipynb", "a_2026-11-21-09-00-00_01_groups.ipynb"),
    ],
)
def test_the_newest_is_known_by_its_name(older: str, newer: str) -> None:
    assert rank(read_name(older, KNOWN)) < rank(read_name(newer, KNOWN))


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


DAMAGED: dict[str, Any] = {
    "not-json": lambda a: b'{"cells": [',
    "too-large": lambda a: b"x" * 5_000_001,
    "not-a-notebook": lambda a: {"cells": 3, "nbformat": 4},
    "metadata-stripped": lambda a: cells_changed(a, pop_metadata),
    "missing-grade-ids": lambda a: cells_changed(a, lambda n: n["cells"].pop(5)),
    "duplicate-grade-ids": lambda a: cells_changed(a, lambda n: n["cells"].append(n["cells"][4])),
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
    "too many cells": ("not-a-notebook", {"cells": [{"metadata": {}}] * 501, "nbformat": 4}),
    "not UTF-8": ("not-json", b"\xff\xfe\x00"),
    "empty": ("not-json", b""),
    "a zip": ("not-json", b"PK\x03\x04" + b"\0" * 50),
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
