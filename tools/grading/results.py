"""What was found out about each submission, one small file each, so that an interrupted run goes on where it was.

A file is written whole or not at all. It carries a key made of all that the result depends on: the submission and
its name, the assignment, the package, the grader, the versions of what is installed, and whether the process was
closed in. Grading is done again when one of them has changed, and only then.

Marks come from nbgrader's own rule (`determine_grade`), applied to the source's cells with what the tests said. Its
autograder is not used: it keeps one database for all, executes a notebook and its tests in one kernel, and starts
anew for each submission; here the tests must not share a process with the student's code.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.grading import names, places, sandbox
from tools.grading import notebook as nb
from tools.grading.assignment import ROOT, Assignment
from tools.grading.precheck import Submission
from tools.grading.referee import Outcome
from tools.grading.tables import answer_id, clean, write_atomically

VERSION = "2"  # of what a result means


def slug(text: str) -> str:
    """A file name for any student's folder name: readable, and different for different names."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in text).strip("_")[:40]
    return f"{plain or 'student'}-{hashlib.sha256(names.key(text)).hexdigest()[:16]}"


@functools.cache
def graders_fingerprint(python: str) -> str:
    """A hash of the grader's own files, of both Pythons and their packages, and of what is set about the arithmetic."""
    digest = hashlib.sha256(sys.version.encode())
    for path in [ROOT / "tools" / "grade.py", *sorted((ROOT / "tools" / "grading").glob("*.py"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    there = places.installation(python)
    for packages in (sysconfig.get_path("purelib"), there.packages):
        found = sorted(path.name for path in Path(packages).glob("*.dist-info"))
        digest.update("\0".join([there.version, *found]).encode())
    digest.update(repr([(name, os.environ.get(name)) for name in sandbox.ARITHMETIC]).encode())
    return digest.hexdigest()


def key_of(submission: Submission, assignment: Assignment, package: str, grader: str) -> str:
    """Changes with all that a result depends on: what was handed in, under which name, and what graded it how."""
    parts = [VERSION, submission.student, submission.file, submission.fingerprint, str(submission.late)]
    parts += [assignment.name, assignment.fingerprint, package, grader]
    return hashlib.sha256(b"\0".join(names.key(part) for part in parts)).hexdigest()


def place(out: Path, student: str, assignment: str) -> Path:
    """The file of one result."""
    return out / "results" / slug(student) / f"{assignment}.json"


def stored(path: Path, key: str) -> dict[str, Any] | None:
    """The result in a file, if it is the one of this key."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == key else None


def store(path: Path, result: dict[str, Any]) -> None:
    """Keep a result."""
    write_atomically(path, json.dumps(result, indent=1))


def load_nbgrader() -> None:
    """Import nbgrader once, before the workers are forked: it takes seconds."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault("rfc3987_syntax", None)  # jsonschema does without it; it compiles a grammar for seconds
    importlib.import_module("nbformat")
    importlib.import_module("nbgrader.utils")


def nbgrader_mark(cell: nb.Cell, answer: str | None, outcome: Outcome | None) -> tuple[float | None, float]:
    """The points that nbgrader's rule gives: all or none for tests; None for an answer that a person has to read."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum, determine_grade

    node = from_dict({"cell_type": cell["cell_type"], "source": nb.source(cell), "metadata": cell["metadata"]})
    if outcome is not None:
        error = {"output_type": "error", "ename": "AssertionError", "evalue": "", "traceback": []}
        node.outputs = [] if outcome.passed else [from_dict(error)]
    else:
        node.source = nb.source(nb.student_cell(cell)).strip()
        node.metadata.nbgrader["checksum"] = compute_checksum(node)  # an untouched answer is worth 0
        node.source = (answer or "").strip()
        if not node.source:
            return 0.0, float(node.metadata.nbgrader["points"])
    earned, points = determine_grade(node)
    return earned if earned is None else float(earned), float(points)


def result_of(
    submission: Submission, assignment: Assignment, outcomes: Sequence[Outcome], key: str, seconds: float
) -> dict[str, Any]:
    """All that the tables and the feedback page need."""
    said = {outcome.test: outcome for outcome in outcomes}
    answers = {nb.grade_id(cell): nb.source(cell) for cell in submission.notebook["cells"]}
    ours = {nb.source(cell).strip() for cell in assignment.notebook["cells"]}
    extra = [
        nb.source(cell).strip()
        for cell in submission.notebook["cells"]
        if cell.get("cell_type") == "markdown" and nb.grade_id(cell) not in assignment.cells
    ]
    added = "\n\n".join(text for text in extra if text and text not in ours)
    tests, by_hand = [], []
    for name, cell in assignment.cells.items():
        if nb.is_test(cell):
            earned, points = nbgrader_mark(cell, None, said[name])
            message = clean(said[name].message)
            tests.append({"test": name, "earned": earned, "points": points, "message": message})
        elif nb.is_by_hand(cell):
            answer = clean(answers.get(name, ""))
            earned, points = nbgrader_mark(cell, answer, None)
            if earned == 0.0 and added:  # the sentences may stand below the cell that was meant for them
                earned, answer = None, f"{answer}\n\n[not in its cell, but in other cells:]\n\n{clean(added)}"
            tag = answer_id(submission.student, assignment.name, name, answer)
            by_hand.append({"cell": name, "earned": earned, "points": points, "answer": answer, "answer_id": tag})
    return {
        "key": key,
        "student": submission.student,
        "assignment": assignment.name,
        "title": assignment.title,
        "file": submission.file,
        "late": submission.late,
        "notes": [list(note) for note in submission.notes],
        "seconds": round(seconds, 2),
        "tests": tests,
        "by_hand": by_hand,
    }


def with_marks(result: dict[str, Any], filled_in: dict[str, tuple[float, str]]) -> dict[str, Any]:
    """The result with the marks of each question: [earned or None, points], and with a person's remarks."""
    marks: dict[str, list[Any]] = {}
    by_hand = []
    for part in result["by_hand"]:
        new = dict(part)
        if new["earned"] is None and new["answer_id"] in filled_in:
            new["earned"], new["remark"] = filled_in[new["answer_id"]]
            new["marked"] = True
        by_hand.append(new)
    for part in [*result["tests"], *by_hand]:
        entry = marks.setdefault(nb.question_of(part.get("test") or part["cell"]), [0.0, 0.0])
        entry[0] = None if part["earned"] is None or entry[0] is None else entry[0] + part["earned"]
        entry[1] += part["points"]
    return {**result, "by_hand": by_hand, "marks": {name: tuple(entry) for name, entry in sorted(marks.items())}}
