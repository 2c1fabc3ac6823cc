"""Marks that a person gives instead of the tests: override.csv, for any question, also of what could not be graded.

    student, assignment, question, marks, remark

Nothing here changes the file once it is there: it is the person's own. A row that means nothing is named.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.grading.assignment import Assignment
from tools.grading.tables import TableError, number, read_table, write_table

COLUMNS = ("student", "assignment", "question", "marks", "remark")
Given = dict[tuple[str, str], dict[str, tuple[float, str]]]  # by student and assignment, then by question


def read(path: Path, assignments: Mapping[str, Assignment], who: Callable[[str], list[str]]) -> tuple[Given, list[str]]:
    """The marks by student, assignment and question, and what is wrong with others.

    Args:
        path: the file; it is made, empty, where there is none.
        assignments: by name.
        who: the students that a name or an id means.

    Raises:
        TableError: it cannot be read, or its columns are not there.
    """
    if not path.exists():
        write_table(path, COLUMNS, [])
        return {}, []
    try:
        rows = read_table(path)
    except (OSError, csv.Error) as error:
        raise TableError(f"{path} cannot be read: {error}") from None
    if rows and not set(COLUMNS[:4]) <= set(rows[0]):
        raise TableError(f"{path} lacks one of the columns {', '.join(COLUMNS[:4])}. Keep the first line as it is")
    found: Given = {}
    wrong = []
    for line, row in enumerate(rows, start=2):
        cells = {column: row.get(column, "").strip().removeprefix("'") for column in COLUMNS}
        if not any(cells.values()):
            continue
        try:
            student, assignment, question, marks = checked(cells, assignments, who)
        except ValueError as error:
            wrong.append(f"row {line}: {error}")
            continue
        own = found.setdefault((student, assignment), {})
        if question in own and own[question] != (marks, cells["remark"]):
            wrong.append(
                f"row {line}: {cells['student']}, {assignment}, {question} stands there twice; the first counts"
            )
            continue
        own[question] = (marks, cells["remark"])
    return found, wrong


def checked(
    cells: Mapping[str, str], assignments: Mapping[str, Assignment], who: Callable[[str], list[str]]
) -> tuple[str, str, str, float]:
    """One row.

    Raises:
        ValueError: it names nobody, nothing, or too much.
    """
    students = who(cells["student"])
    if len(students) != 1:
        raise ValueError(f"{cells['student']!r} is {'nobody here' if not students else 'more than one student'}")
    own = assignments.get(cells["assignment"])
    if own is None:
        raise ValueError(f"{cells['assignment']!r} is no assignment; there are {', '.join(assignments)}")
    wanted = cells["question"].casefold()
    named = [name for name in own.questions if wanted in (name.casefold(), own.titles[name].casefold())]
    if not named:
        raise ValueError(f"{cells['question']!r} is no question of {own.name}; there are {', '.join(own.questions)}")
    try:
        marks = float(cells["marks"].replace(",", "."))
    except ValueError:
        raise ValueError(f"{cells['marks']!r} is not a number") from None
    if not 0 <= marks <= own.questions[named[0]]:
        raise ValueError(f"{marks:g} is not between 0 and {number(own.questions[named[0]])}")
    return students[0], own.name, named[0], marks


def apply(
    records: Sequence[dict[str, Any]], given: Given, assignments: Mapping[str, Assignment]
) -> list[dict[str, Any]]:
    """The records with these marks: one record for each student and assignment that has some."""
    left = dict(given)
    found = []
    for record in records:
        where = (record["student"], record["assignment"])
        if where not in given:
            found.append(record)
        elif where in left:
            found.append(marked(record, left.pop(where), assignments[where[1]]))
    for (student, assignment), marks in left.items():  # on paper, or in a file that says nothing of its assignment
        nothing = {"student": student, "assignment": assignment, "file": "", "problem": "", "detail": ""}
        found.append(marked(nothing, marks, assignments[assignment]))
    return sorted(found, key=lambda record: (record["student"], record["assignment"], record["file"]))


def marked(record: dict[str, Any], given: dict[str, tuple[float, str]], assignment: Assignment) -> dict[str, Any]:
    """One record with marks by hand. What could not be graded has no other marks."""
    new = dict(record)
    if "problem" in new:
        new["refused"] = new.pop("problem")
        new |= {"late": False, "tests": [], "by_hand": [], "title": assignment.title, "titles": assignment.titles}
        new["marks"] = {name: (None, points) for name, points in assignment.questions.items()}
    new["marks"] = {
        name: (given[name][0] if name in given else earned, points) for name, (earned, points) in new["marks"].items()
    }
    return new | {"override": {name: remark for name, (_, remark) in given.items()}}
