"""A made-up class: right, wrong, blank, late, damaged and hostile submissions, the same ones each time.

For each submission it is known what must come out: the points that tests give, or the reason why it cannot be graded.
The wrong and unusual answers are those of the assignments' own lists of cases.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.grading import cases
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment

HOSTILE = {
    "loops": "while True:\n    pass",
    "ends Python": "import os\nos._exit(0)",
    "forks without end": "import os\nwhile True:\n    os.fork()",
    "fills the memory": "everything = []\nwhile True:\n    everything.append(bytearray(10**8))",
    "prints without end": "while True:\n    print('x' * 10**6)",
    "redefines the tests": "import builtins, numpy\nnumpy.allclose = numpy.array_equal = lambda *a, **k: True\n"
    "builtins.AssertionError = Warning",
}
# Kinds of submissions for each ten students.
PLAN = (
    ("right", "wrong", "blank", "right", "late", "hostile", "wrong", "damaged", "right", "wrong"),
    ("right", "damaged", "unusual", "late", "hostile", "wrong", "right", "damaged", "wrong", "right"),
)


@dataclass(frozen=True)
class Expected:
    """What must come out for one student."""

    student: str
    kind: str
    assignment: str  # empty where it is not known
    points: dict[str, float]  # by question, from the tests; empty where it cannot be graded
    late: bool = False
    reason: str = ""


def put(folder: Path, name: str, content: Any) -> None:
    """Write a file of a student."""
    folder.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(text)


def changed(notebook: dict[str, Any], change: Any) -> dict[str, Any]:
    """A copy in which a function has changed something."""
    new = copy.deepcopy(notebook)
    change(new)
    return new


def strip_metadata(notebook: dict[str, Any]) -> None:
    """What some programs do to a notebook."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)


def damaged(folder: Path, number: int, assignment: Assignment, other: Assignment | None) -> str:
    """Hand in something that cannot be graded; the reason."""
    name = f"{assignment.name}.ipynb"
    right = cases.answered(assignment)
    kinds = ["not-json", "metadata-stripped", "missing-grade-ids", "duplicate-grade-ids", "too-large", "empty-folder"]
    kinds += ["no-notebook", "several-different-files", "not-a-notebook"] + (["wrong-assignment"] if other else [])
    reason = kinds[number % len(kinds)]
    answer = next(place for place, cell in enumerate(right["cells"]) if nb.is_solution(cell))
    twice = {**right["cells"][answer], "source": "something = 'else'"}
    folder.mkdir(parents=True, exist_ok=True)
    if reason == "not-json":
        put(folder, name, json.dumps(right).encode()[:2000])
    elif reason == "metadata-stripped":
        put(folder, name, changed(right, strip_metadata))
    elif reason == "missing-grade-ids":
        put(folder, name, changed(right, lambda notebook: notebook["cells"].pop(answer)))
    elif reason == "duplicate-grade-ids":
        put(folder, name, changed(right, lambda notebook: notebook["cells"].append(twice)))
    elif reason == "too-large":
        put(folder, name, changed(right, lambda notebook: notebook["metadata"].update(big="x" * 6_000_000)))
    elif reason == "no-notebook":
        put(folder, f"{assignment.name}.pdf", b"%PDF-1.5")
    elif reason == "several-different-files":
        put(folder, name, right)
        put(folder, f"my_{name}", nb.student_version(assignment.notebook))
    elif reason == "not-a-notebook":
        put(folder, name, b"[1, 2, 3]")
    elif reason == "wrong-assignment" and other is not None:
        put(folder, name, cases.answered(other))
    return reason


def first_function(assignment: Assignment) -> str:
    """The first question in which a function is written."""
    for name, cell in assignment.cells.items():
        if nb.is_solution(cell) and cell["cell_type"] == "code" and "def " in nb.source(cell):
            return nb.question_of(name)
    raise ValueError(f"{assignment.name} asks for no function")


def make(
    folder: Path, students: int, assignments: Mapping[str, Assignment], listed: Mapping[str, Sequence[dict[str, Any]]]
) -> list[Expected]:
    """Write a class into a folder.

    Args:
        folder: gets one folder a student.
        students: how many.
        assignments: what they hand in, in turn.
        listed: the cases of each assignment.
    """
    turns = itertools.cycle(assignments.values())
    kinds = itertools.islice(itertools.cycle(itertools.chain(*PLAN)), students)
    numbers: dict[str, Iterator[int]] = {}
    expected = []
    for place, kind in enumerate(kinds, start=1):
        assignment = next(turns)
        number = next(numbers.setdefault(kind, itertools.count()))
        student = f"Student {place:02} {kind}"
        expected.append(one(folder / student, kind, number, assignment, assignments, listed.get(assignment.name, ())))
    return expected


def one(
    folder: Path,
    kind: str,
    number: int,
    assignment: Assignment,
    assignments: Mapping[str, Assignment],
    listed: Sequence[dict[str, Any]],
) -> Expected:
    """One student's folder, and what must come out."""
    full, name = cases.by_tests(assignment), f"{assignment.name}.ipynb"
    right, blank = cases.answered(assignment), nb.student_version(assignment.notebook)
    nothing = dict.fromkeys(full, 0.0)
    if kind == "damaged":
        other = next((other for other in assignments.values() if other.name != assignment.name), None)
        reason = damaged(folder, number, assignment, other)
        return Expected(folder.name, kind, assignment.name, {}, reason=reason)
    if kind == "late":
        put(folder, f"4711_late_8150_{assignment.name}-1.ipynb", blank)
        put(folder, f"4711_late_8151_{assignment.name}-2.ipynb", right)
        return Expected(folder.name, kind, assignment.name, full, late=True)
    if kind == "blank":
        put(folder, name, blank)
        return Expected(folder.name, kind, assignment.name, nothing)
    if kind == "hostile":
        question = first_function(assignment)
        code = list(HOSTILE.values())[number % len(HOSTILE)]
        put(folder, f"77_{name}", cases.answered(assignment, {question: code}))
        return Expected(folder.name, kind, assignment.name, full | {question: 0.0})
    fitting = [case for case in listed if (case["points"] == full[case["question"]]) == (kind == "unusual")]
    if kind in ("wrong", "unusual") and fitting:
        case = fitting[number % len(fitting)]
        put(folder, f"{assignment.name} (1).ipynb", cases.answered(assignment, {case["question"]: case["code"]}))
        return Expected(folder.name, kind, assignment.name, full | {case["question"]: float(case["points"])})
    put(folder, name.replace("_", "-") if number % 2 else name, right)
    return Expected(folder.name, kind, assignment.name, full)
