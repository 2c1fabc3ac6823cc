"""Notebooks as plain JSON: nbgrader's marks on their cells, and the student's version made from the source.

`student_version` does what nbgrader's generate_assignment does to the text of the cells (a test compares the two), in
plain functions without nbgrader, so that the site can be built in a learner's environment.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

Cell = dict[str, Any]
Notebook = dict[str, Any]

CODE_STUB = 'raise NotImplementedError("not solved yet")'  # for a region inside a function
PLAIN_STUB = "# your answer here"  # for a region at the top level: the cell must run
TEXT_STUB = "*Your answer: replace this line.*"
SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")


class SourceError(Exception):
    """An assignment's source is not as it should be; the message says where."""


def read(path: Path) -> Notebook:
    """A notebook's JSON."""
    found: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return found


def text_of(notebook: Notebook) -> str:
    """A notebook as JupyterLab stores it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def source(cell: Cell) -> str:
    """A cell's text."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def marks_of(cell: Cell) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty where there is none."""
    found = cell.get("metadata", {}).get("nbgrader", {})
    return found if isinstance(found, dict) else {}


def grade_id(cell: Cell) -> str:
    """The cell's grade id; empty where there is none."""
    return str(marks_of(cell).get("grade_id", ""))


def question_of(name: str) -> str:
    """The question that a grade id belongs to: what stands before the first `_`."""
    return name.partition("_")[0]


def is_solution(cell: Cell) -> bool:
    """Whether the student writes in this cell."""
    return bool(marks_of(cell).get("solution", False))


def is_test(cell: Cell) -> bool:
    """Whether this cell holds tests that give points."""
    return bool(marks_of(cell).get("grade", False)) and not is_solution(cell)


def is_by_hand(cell: Cell) -> bool:
    """Whether a person marks this cell."""
    return bool(marks_of(cell).get("grade", False)) and is_solution(cell)


def is_locked(cell: Cell) -> bool:
    """Whether the cell is restored before grading: tests, texts, given code."""
    return is_test(cell) or (bool(marks_of(cell).get("locked", False)) and not is_solution(cell))


def without_regions(text: str, marks: tuple[str, str], stub: str | None, where: str) -> tuple[str, bool]:
    """A text with each region between two marks replaced by a stub, or removed; and whether there was one."""
    begin, end = marks
    lines: list[str] = []
    inside = found = False
    for line in text.split("\n"):
        if begin in line:
            if inside:
                raise SourceError(f"{where}: a second {begin} before {end}")
            inside = found = True
            if stub is not None:
                indent = re.match(r"\s*", line).group(0)  # type: ignore[union-attr]
                lines.append(indent + (PLAIN_STUB if stub == CODE_STUB and not indent else stub))
        elif end in line:
            inside = False
        elif not inside:
            lines.append(line)
    if inside:
        raise SourceError(f"{where}: {begin} without {end}")
    return "\n".join(lines), found


def student_cell(cell: Cell) -> Cell:
    """One cell of the student's version."""
    new = copy.deepcopy(cell)
    where = f"cell {cell.get('id') or grade_id(cell)}"
    is_code = cell.get("cell_type") == "code"
    text, solved = without_regions(source(cell), SOLUTION, CODE_STUB if is_code else TEXT_STUB, where)
    if solved and not is_solution(cell):
        raise SourceError(f"{where}: a solution in a cell that is not marked as one")
    if is_solution(cell) and not solved:
        text = CODE_STUB if is_code else TEXT_STUB
    text, hidden = without_regions(text, HIDDEN, None, where)
    if hidden and not is_test(cell):
        raise SourceError(f"{where}: hidden tests in a cell that gives no points")
    new["source"] = text.splitlines(keepends=True)
    if is_code:
        new["outputs"], new["execution_count"] = [], None
    if is_solution(cell):
        new["metadata"]["deletable"] = False
    elif is_locked(cell):
        new["metadata"]["deletable"] = new["metadata"]["editable"] = False
    return new


def student_version(notebook: Notebook) -> Notebook:
    """The notebook that students get: stubs for the answers, no hidden tests, no word of what is inside."""
    new = {key: copy.deepcopy(value) for key, value in notebook.items() if key != "cells"}
    new["cells"] = [student_cell(cell) for cell in notebook["cells"]]
    return new


def answer_version(notebook: Notebook) -> Notebook:
    """The notebook for those who mark: everything is shown, nothing is stored."""
    new = copy.deepcopy(notebook)
    for cell in new["cells"]:
        if cell.get("cell_type") == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return new
