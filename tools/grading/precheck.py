"""Look at a submission before it is graded: every reason not to grade it has a name, and none becomes a silent zero."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.grading import files, repair
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.files import LARGEST, Found
from tools.grading.notebook import Notebook
from tools.grading.repair import Note

MOST_CELLS = 500

REASONS = {
    "empty-folder": "The folder holds no file.",
    "no-notebook": "The folder holds files, and none of them is a notebook (.ipynb).",
    "not-a-folder": "It lies beside the students' folders, and its name is none that Canvas, Blackboard or Moodle "
    "write. Put it into a folder with the student's name; a zip of a whole class is given as SUBMISSIONS itself.",
    "hidden-folder": "Its name begins with a point, and it holds a notebook. If it is a student's, rename it.",
    "several-students": "It holds notebooks of several students, as a system exports them. Give this folder as "
    "SUBMISSIONS itself, or put what is in it beside the other folders.",
    "leads-out": "Its name leads out of the zip, or through too many folders. It was not unpacked.",
    "zip-member": "It could not be taken out of the zip. Unpack the zip by hand and look.",
    "symlink": "It is a link to another place, and links are not followed.",
    "no-file": "It is neither a file nor a folder.",
    "unreadable": "The file or folder cannot be read: this user may not.",
    "archive": "It is an archive that is not opened: no zip, damaged, encrypted, too large, or with others inside. "
    "Unpack it into the student's folder.",
    "too-deep": f"It is a folder inside more than {files.DEPTH} others, which are not searched.",
    "too-many-files": f"The folder holds more than {files.MOST} files; those after them were not looked at.",
    "undecided": "Beside it lies something that may be the newer submission and cannot be read. Remove one of the two.",
    "too-large": f"It is larger than {LARGEST // 1_000_000} MB. Let the student clear the outputs and hand in again.",
    "too-many-cells": f"It has more than {MOST_CELLS} cells. Let the student delete those that hold no answer.",
    "not-json": "It is not a notebook's JSON: the file is damaged, or something else was renamed to .ipynb.",
    "not-a-notebook": "It is JSON, but no notebook of format 4.",
    "unknown-assignment": "Neither its content nor its name says which assignment it is.",
    "wrong-assignment": "Its content is another assignment than its name says. Ask which one was meant.",
    "metadata-stripped": "The cells have lost nbgrader's metadata, so no answer can be found. Ask for the "
    "original file, or let the student copy the answers into a fresh copy.",
    "missing-grade-ids": "Cells for answers are gone, and the answers stand nowhere else.",
    "duplicate-grade-ids": "There are two different answers to a question, and nothing says which one counts.",
    "changed-cell-type": "A cell for an answer in code was turned into text.",
    "several-different-files": "There are several files for this assignment, different ones, and nothing says which is "
    "the newest. Keep one.",
    "graders-fault": "The grader itself failed on it. Run `make grade` again; if it stays, look at the message.",
    "nothing": "Nothing arrived from this student of the roster.",
    "unclear": "Something arrived that may be this student's: look for roster-two and roster-shared.",
    "not-yet": "This run graded one student alone. Run `make grade` without STUDENT.",
    "too-long": "Its code, or what it returns, kept the tests busy beyond all limits; it was stopped.",
}

# What these leave unknown may be any assignment; a notebook of something else may lie beside the submission.
UNREAD = ("archive", "not-json", "not-a-notebook", "too-large", "too-many-cells", "no-file", "symlink", *files.CLOSED)


@dataclass(frozen=True)
class Problem:
    """Why something could not be graded."""

    student: str
    file: str
    assignment: str
    reason: str  # a key of REASONS
    detail: str = ""


@dataclass(frozen=True)
class Submission:
    """One student's notebook for one assignment, ready to be graded."""

    student: str
    assignment: str
    file: str
    late: bool
    fingerprint: str
    notebook: Notebook = field(repr=False)
    notes: tuple[Note, ...] = ()  # how its cells were put in order


class Refused(Exception):
    """A reason's name, and what it is about."""

    def __init__(self, reason: str, detail: str = "", assignment: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail, self.assignment = reason, detail, assignment


def parse(content: bytes | None) -> Notebook:
    """The notebook in a file's content."""
    if content is None:
        raise Refused("too-large")
    try:
        found = json.loads(content.decode("utf-16" if content[:2] in files.UTF_16 else "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Refused("not-json", str(error)[:200]) from None
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list) or found.get("nbformat") != 4:
        raise Refused("not-a-notebook")
    if len(cells) > MOST_CELLS:
        raise Refused("too-many-cells")
    for cell in cells:
        if not isinstance(cell, dict) or not isinstance(cell.get("metadata", {}), dict):
            raise Refused("not-a-notebook", "a cell is none")
        text = cell.get("source")  # where it is gone, an answer may be gone with it
        if not isinstance(text, str) and not (isinstance(text, list) and all(isinstance(line, str) for line in text)):
            raise Refused("not-a-notebook", "a cell's text is none")
    return found


def identify(notebook: Notebook, named: str | None, assignments: Mapping[str, Assignment]) -> Assignment:
    """Which assignment this is: its content decides, its name must not contradict."""
    metadata = notebook.get("metadata")
    about = metadata.get("symrl") if isinstance(metadata, dict) else None
    said = about.get("assignment") if isinstance(about, dict) else None
    name = said if isinstance(said, str) and said in assignments else named
    if said is not None and name != said:
        raise Refused("unknown-assignment", f"the notebook says {str(said)[:60]!r}")
    if name is None:
        raise Refused("unknown-assignment")
    if named is not None and named != name:
        raise Refused("wrong-assignment", f"the name says {named}, the content is {name}", named)
    return assignments[name]


def in_order(notebook: Notebook, assignment: Assignment) -> tuple[Notebook, list[Note]]:
    """The notebook with every cell of the assignment once and of its kind, and what had to be done for that.

    Raises:
        Refused: nobody can tell what was meant.
    """
    notebook = repair.with_metadata(notebook, assignment)
    present = {nb.grade_id(cell) for cell in notebook["cells"]} - {""}
    if not present:
        raise Refused("metadata-stripped", "", assignment.name)
    answers = assignment.solution_cells()
    if len(present.intersection(answers)) < len(answers) / 2:
        raise Refused("wrong-assignment", f"most cells of {assignment.name} are missing", assignment.name)
    try:
        return repair.repaired(notebook, assignment)
    except repair.Undecided as undecided:
        raise Refused(undecided.reason, ", ".join(undecided.names), assignment.name) from None


def read(student: str, found: Found, assignments: Mapping[str, Assignment], label: str) -> Submission:
    """Read and check one file.

    Raises:
        Refused: naming the reason.
    """
    if found.problem:
        raise Refused(found.problem, "", found.named.assignment or "")
    try:
        content = files.read_safely(found.path, LARGEST) if found.content is None else found.content
    except OSError as error:
        raise Refused("unreadable", type(error).__name__, found.named.assignment or "") from None
    try:
        notebook = parse(content)
    except Refused as refused:
        refused.assignment = found.named.assignment or ""
        raise
    assignment = identify(notebook, found.named.assignment, assignments)
    ordered, notes = in_order(notebook, assignment)
    assert content is not None
    digest = hashlib.sha256(content).hexdigest()
    return Submission(student, assignment.name, label, found.named.late, digest, ordered, tuple(notes))


def student_submissions(
    folder: Path,
    assignments: Mapping[str, Assignment],
    student: str | None = None,
    places: Sequence[Path] = (),
) -> tuple[list[Submission], list[Problem]]:
    """What can be graded of one student's folder, and what cannot and why.

    Args:
        folder: the student's, or the one in which his places are.
        assignments: by name.
        student: his name, where it is not the folder's.
        places: folders and files of his in `folder`, where not all of it is his.
    """
    student = folder.name if student is None else student
    if folder.is_symlink():
        return [], [Problem(student, "", "", "symlink")]
    found, others = files.notebooks(folder, assignments, student, places)
    if not found:
        listed = ", ".join(path.name for path in others[:5])
        return [], [Problem(student, "", "", "no-notebook" if others else "empty-folder", listed)]
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(one.named.assignment or f"{one.path}/{one.inside}", []).append(one)
    ready: dict[str, list[Submission]] = {}
    problems: list[Problem] = []
    unread: list[tuple[Found, Problem]] = []
    for group in groups.values():
        for one in files.newest(group):
            label = one.path.relative_to(folder).as_posix() + (f"/{one.inside}" if one.inside else "")
            try:
                submission = read(student, one, assignments, label)
                ready.setdefault(submission.assignment, []).append(submission)
            except Refused as refused:
                problems.append(Problem(student, label, refused.assignment, refused.reason, refused.detail))
                if one.may_count:
                    unread.append((one, problems[-1]))
    chosen = []
    for name, several in ready.items():
        beside = [problem for one, problem in unread if may_be(one, problem, name)]
        listed = ", ".join(one.file for one in several)
        if len({one.fingerprint for one in several}) > 1:
            problems.append(Problem(student, listed, name, "several-different-files"))
        elif beside:
            about = ", ".join(f"{problem.file} ({problem.reason})" for problem in beside)
            problems.append(Problem(student, listed, name, "undecided", f"beside it: {about}"))
        else:
            chosen.append(several[0])
    return chosen, problems


def may_be(one: Found, problem: Problem, assignment: str) -> bool:
    """Whether what could not be graded may be the submission for an assignment."""
    named = one.named.assignment or problem.assignment
    return named == assignment if named else problem.reason in UNREAD
