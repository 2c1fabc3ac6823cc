"""Put a submission's cells in order again, where it is clear what was meant.

JupyterLab's *split cell* gives both pieces the same metadata, a careless hand deletes a test or moves it above its
answer, a copy of the whole notebook is pasted below it. What happened can be told in most cases:

| what is there | what it becomes |
| --- | --- |
| pieces of one answer, nothing of the assignment between them | one cell, in their order |
| an answer and its untouched or equal copies | the answer |
| a text for a person in several cells | one text |
| a test or given cell that is gone, above its answer, changed, or there twice | the source's, once, in its place |
| an answer whose cell is gone, and which stands in a cell of the student's own | that one |
| cells without metadata whose ids are those of the assignment | the same cells, with it |

What is left is undecided: two different answers to one question, an answer that is gone, code that became text.
"""

from __future__ import annotations

import ast
import copy
import re
import warnings

from tools.grading import notebook as nb
from tools.grading.assignment import Assignment, defined_names
from tools.grading.notebook import Cell, Notebook

Note = tuple[str, str]  # what was done, to which cell
JOINED, COPIES, RESTORED, MOVED, ELSEWHERE = "joined", "copies", "restored", "moved", "elsewhere"


class Undecided(Exception):
    """A reason's name, and the cells that it is about."""

    def __init__(self, reason: str, names: list[str]) -> None:
        super().__init__(reason)
        self.reason, self.names = reason, names


def repaired(notebook: Notebook, assignment: Assignment) -> tuple[Notebook, list[Note]]:
    """The notebook with every cell of the assignment once, in an order in which it can be graded; and what was done.

    Raises:
        Undecided: two answers to one question, or none.
    """
    cells = [copy.copy(cell) for cell in notebook["cells"]]
    notes: list[Note] = []
    names = {nb.grade_id(cell) for cell in cells} & set(assignment.cells)
    for name in sorted(names, key=list(assignment.cells).index):
        own = assignment.cells[name]
        if not nb.is_solution(own):
            notes += once(cells, name, assignment)
        elif own["cell_type"] == "code":
            notes += one_answer(cells, name, assignment)
        else:
            notes += one_text(cells, name, assignment)
    notes += put_back(cells, assignment)
    notes += below_answers(cells, assignment)
    return {**notebook, "cells": cells}, notes


def with_metadata(notebook: Notebook, assignment: Assignment) -> Notebook:
    """The notebook with the metadata of its cells, where a program has removed it from all and left their ids."""
    own = {cell["id"]: cell for cell in assignment.student_cells.values() if cell.get("id")}
    found = [cell.get("id") for cell in notebook["cells"]]
    there = [name for name in own if found.count(name) == 1]
    if any(nb.grade_id(cell) for cell in notebook["cells"]) or 2 * len(there) <= len(own):
        return notebook
    cells = [
        {**cell, "metadata": copy.deepcopy(own[cell["id"]]["metadata"])} if cell.get("id") in there else cell
        for cell in notebook["cells"]
    ]
    return {**notebook, "cells": cells}


def places_of(cells: list[Cell], name: str) -> list[int]:
    """Where the cells of a grade id stand."""
    return [place for place, cell in enumerate(cells) if nb.grade_id(cell) == name]


def plain(cell: Cell) -> Cell:
    """The same cell as one of the student's own."""
    return {**cell, "metadata": {key: value for key, value in cell["metadata"].items() if key != "nbgrader"}}


def stub_of(assignment: Assignment, name: str) -> str:
    """What stands in a cell as students get it."""
    return nb.source(assignment.student_cells[name])


def drop(cells: list[Cell], places: list[int]) -> None:
    """Remove cells."""
    for place in sorted(places, reverse=True):
        del cells[place]


def once(cells: list[Cell], name: str, assignment: Assignment) -> list[Note]:
    """A test or a given cell: the first becomes the source's, pieces of it go, other text stays as the student's."""
    first, *others = places_of(cells, name)
    given = stub_of(assignment, name)
    changed = cells[first].get("cell_type") != assignment.cells[name]["cell_type"]
    cells[first] = copy.deepcopy(assignment.student_cells[name])
    for place in others:
        cells[place] = plain(cells[place])
    drop(cells, [place for place in others if nb.source(cells[place]).strip() in given])
    return [(RESTORED, name)] if changed or others else []


def versions(cells: list[Cell], places: list[int], stub: str) -> list[int]:
    """The cells that say something: without untouched, empty and equal copies."""
    kept: dict[str, int] = {}
    for place in places:
        text = nb.source(cells[place]).strip()
        if text and text != stub.strip():
            kept.setdefault(text, place)
    return list(kept.values()) or places[:1]


def one_answer(cells: list[Cell], name: str, assignment: Assignment) -> list[Note]:
    """Code: pieces are joined, copies go."""
    places = places_of(cells, name)
    for place in places:
        if cells[place].get("cell_type") != "code" and len(places) > 1:
            cells[place] = plain(cells[place])  # a piece that became an explanation
    places = [place for place in places if cells[place].get("cell_type") == "code"]
    if not places:
        raise Undecided("changed-cell-type", [name])
    kept = versions(cells, places, stub_of(assignment, name))
    between = cells[kept[0] : kept[-1]]
    if len(kept) > 1 and any(nb.grade_id(cell) in assignment.cells and nb.grade_id(cell) != name for cell in between):
        raise Undecided("duplicate-grade-ids", [name])
    texts = [nb.source(cells[place]) for place in kept]
    defined = [word for text in texts for word in set(functions_of(text) or ())]
    if len(defined) > len(set(defined)):  # one function twice: two versions of it, and no pieces
        raise Undecided("duplicate-grade-ids", [name])
    whole = "\n".join(text.rstrip("\n") for text in texts)
    if len(texts) > 1 and functions_of(whole) is None and any(functions_of(text) is not None for text in texts):
        for place in kept[1:]:  # one of them is no Python: they run one after the other, as they did for the student
            cells[place] = plain(cells[place])
    else:
        cells[kept[0]] = {**cells[kept[0]], "source": whole}
    drop(cells, [place for place in places if place != kept[0] and nb.grade_id(cells[place]) == name])
    return [(JOINED, name)] if len(kept) > 1 else [(COPIES, name)] if len(places) > 1 else []


def functions_of(code: str) -> list[str] | None:
    """The functions and classes that a cell defines at its top level; None where it is no Python."""
    lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in code.split("\n")]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about a student's text
            body = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return [node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def one_text(cells: list[Cell], name: str, assignment: Assignment) -> list[Note]:
    """A text that a person reads: all that was written, in its order."""
    places = places_of(cells, name)
    kept = versions(cells, places, stub_of(assignment, name))
    whole = "\n\n".join(nb.source(cells[place]) for place in kept)
    changed = cells[kept[0]].get("cell_type") != "markdown"
    cells[kept[0]] = {**cells[kept[0]], "cell_type": "markdown", "source": whole}
    drop(cells, [place for place in places if place != kept[0]])
    return [(JOINED, name)] if len(kept) > 1 else [(COPIES, name)] if len(places) > 1 or changed else []


def own_text(cells: list[Cell], assignment: Assignment) -> bool:
    """Whether the student has written a text into cells of his own."""
    given = {nb.source(cell).strip() for cell in assignment.notebook["cells"]}
    texts = [nb.source(cell).strip() for cell in cells if cell.get("cell_type") == "markdown" and not nb.grade_id(cell)]
    return any(text and text not in given for text in texts)


def put_back(cells: list[Cell], assignment: Assignment) -> list[Note]:
    """Tests and given cells that are gone, each before the next cell of the assignment that is there.

    Raises:
        Undecided: an answer is gone, too, and stands nowhere else.
    """
    order = list(assignment.cells)
    gone, notes = [], []
    for number, name in enumerate(order):
        if places_of(cells, name):
            continue
        own = assignment.cells[name]
        if nb.is_solution(own):
            codes = [nb.source(cell) for cell in cells if cell.get("cell_type") == "code" and not nb.grade_id(cell)]
            there = {word for code in codes if functions_of(code) is not None for word in names_in(code)}
            wanted = set(defined_names(stub_of(assignment, name))) if own["cell_type"] == "code" else set()
            if (wanted and wanted <= there) or (own["cell_type"] == "markdown" and own_text(cells, assignment)):
                notes.append((ELSEWHERE, name))
            else:
                gone.append(name)
            continue
        before = [place for other in order[:number] for place in places_of(cells, other)]
        after = [place for other in order[number + 1 :] for place in places_of(cells, other)[:1]][:1]
        place = max([*after, *[place + 1 for place in before[-1:]]], default=len(cells))
        cells.insert(place, copy.deepcopy(assignment.student_cells[name]))
        if own["cell_type"] == "code":
            notes.append((RESTORED, name))
    if gone:
        raise Undecided("missing-grade-ids", gone)
    return notes


def names_in(code: str) -> tuple[str, ...]:
    """What a student's cell defines; nothing where it holds magics."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return defined_names(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def below_answers(cells: list[Cell], assignment: Assignment) -> list[Note]:
    """A test that stands above its question's answer goes below it."""
    notes = []
    for name, own in assignment.cells.items():
        if not nb.is_test(own):
            continue
        answers = []
        for other, cell in assignment.cells.items():
            if other == name:
                break
            if nb.is_solution(cell) and cell["cell_type"] == "code" and nb.question_of(other) == nb.question_of(name):
                answers += places_of(cells, other)
        (place,) = places_of(cells, name)
        if answers and place < max(answers):
            cells.insert(max(answers), cells.pop(place))
            notes.append((MOVED, name))
    return notes
