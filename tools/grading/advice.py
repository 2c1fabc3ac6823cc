"""What a student's page says about a submission that could not be graded, and about cells that were put in order.

The report tells an instructor what is wrong; here stands what the student does next, in words that need no knowledge
of notebooks' insides, with the questions' titles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.grading import notebook as nb
from tools.grading import repair

AGAIN = "Then hand it in again."
FRESH = "Download the assignment again, copy your answers into its cells, and hand that file in."
DO: dict[str, str] = {
    "empty-folder": "Nothing arrived from you. If you handed in a file, ask your instructor.",
    "no-notebook": "You handed in files, but not the notebook. Hand in the file that ends in .ipynb.",
    "not-a-folder": "Your file arrived without your name. Ask your instructor.",
    "hidden-folder": "The name of your folder hides it. Ask your instructor.",
    "several-students": "Your file arrived among those of others. Ask your instructor.",
    "leads-out": "The name of your file is not allowed in a zip. Hand in the .ipynb file itself.",
    "zip-member": "Your file could not be taken out of the zip. Hand in the .ipynb file itself.",
    "symlink": "You handed in a link to a file and not the file. Hand in the .ipynb file itself.",
    "no-file": "What you handed in is not a file. Hand in the .ipynb file itself.",
    "unreadable": "Your file could not be opened here. Ask your instructor.",
    "archive": "You handed in an archive that could not be opened. Hand in the .ipynb file itself.",
    "too-deep": "Your notebook lies in too many folders. Hand in the .ipynb file itself.",
    "too-many-files": "You handed in too many files. Hand in the .ipynb file alone.",
    "undecided": "You handed in several files, and one of them could not be opened: nobody can tell which one counts. "
    "Hand in only the notebook that you mean.",
    "too-large": "Your notebook is too large. In JupyterLab choose Edit, Clear Outputs of All Cells, and save. "
    + AGAIN,
    "too-many-cells": "Your notebook has too many cells. Delete those that hold no answer and save. " + AGAIN,
    "not-json": "Your file is damaged, or is no notebook. If Jupyter opens it, save it there and hand it in again.",
    "not-a-notebook": "Your file is no notebook of today's format. Open it in JupyterLab and save it. " + AGAIN,
    "unknown-assignment": "It cannot be told which assignment this is. " + FRESH,
    "wrong-assignment": "This notebook is another assignment than the one that it is called. Hand in the right one.",
    "metadata-stripped": "Your program has removed the marks that say which cell answers which question. " + FRESH,
    "missing-grade-ids": "The cell for your answer is gone, and the answer was found nowhere else. " + FRESH,
    "duplicate-grade-ids": "There are two different answers to one question, and nobody can tell which one you mean. "
    "Delete the one that you do not mean. " + AGAIN,
    "changed-cell-type": "The cell for your answer has become a text, so it is not run. Click on it, choose Code in "
    "the menu above the notebook, and save. " + AGAIN,
    "several-different-files": "You handed in several different files for this assignment. Hand in only the one that "
    "you mean.",
    "graders-fault": "This is not your fault: the grading itself failed. Your instructor knows.",
    "nothing": "Nothing arrived from you for this assignment. If you handed it in, ask your instructor.",
    "unclear": "Something arrived that may be yours, and it does not say whose it is. Ask your instructor.",
    "not-yet": "Your notebook has not been graded yet.",
    "too-long": "Your code, or what it returns, ran without end and was stopped. Run your notebook from top to bottom, "
    "mend what does not end, and hand it in again.",
}
DONE = {
    repair.JOINED: "The cell for your answer had been split. Its pieces were joined and read as one answer.",
    repair.COPIES: "The cell for your answer was there more than once. The others were untouched or the same.",
    repair.RESTORED: "A cell that belongs to the assignment was gone, changed or copied. It was put back.",
    repair.MOVED: "A test stood above your answer. It was run below it.",
    repair.ELSEWHERE: "The cell for your answer was gone. Your answer was found in another cell.",
}


def titles_of(names: Sequence[str], titles: Mapping[str, str]) -> list[str]:
    """The titles of the questions that cells belong to; a name without a title as it is."""
    return list(dict.fromkeys(titles.get(nb.question_of(name), name) for name in names))


def about(detail: str, titles: Mapping[str, str]) -> str:
    """A reason's detail for a student: titles for the names of cells."""
    names = detail.split(", ")
    known = any(nb.question_of(name) in titles for name in names)
    return f"It is about: {', '.join(titles_of(names, titles))}" if known else detail


def notes(record: Mapping[str, object], titles: Mapping[str, str]) -> list[str]:
    """What was done to a submission's cells, as sentences: what, and for which questions."""
    found: dict[str, list[str]] = {}
    listed = record.get("notes")
    for what, name in listed if isinstance(listed, list) else ():
        if what in DONE:
            found.setdefault(what, []).append(name)
    return [f"{', '.join(titles_of(names, titles))}: {DONE[what]}" for what, names in found.items()]
