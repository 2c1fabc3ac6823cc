"""Pairs of code answers that are alike beyond chance. A hint to look, never a mark.

Comments, layout and the names that students choose are taken away; of the rest, every run of eight tokens counts. Runs
that stand in the assignment's own text, its model answers included, are left out: anybody may write those. A run that
d of N students have says log2(N / d) bits about two of them who share it, so what most of the class shares says
nothing; neighbouring runs overlap, so the sum is divided by eight. A pair is listed where it shares more bits than the
best of all pairs would by chance, and ten more (one false pair in a thousand such classes, if answers were drawn run by
run; people are not), and half of what is unusual in the shorter answer.
"""

from __future__ import annotations

import builtins
import io
import itertools
import keyword
import math
import re
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.notebook import Notebook
from tools.grading.precheck import Submission
from tools.grading.repair import functions_of

RUN = 8  # tokens
BEYOND = 10.0  # bits
SHARE = 0.5
LONGEST = 12_000  # characters of one answer
LEFT_OUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
KNOWN = frozenset(keyword.kwlist) | frozenset(dir(builtins))
Runs = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Pair:
    """Two answers to one question."""

    assignment: str
    question: str
    one: str
    other: str
    share: float  # of what is unusual in the shorter answer
    bits: float


def tokens(code: str, known: frozenset[str]) -> list[str]:
    """The code's tokens; names that are not known, and texts, are all alike."""
    code = re.sub(r"^[ \t]*[%!].*$", "", code[:LONGEST], flags=re.M)
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type in LEFT_OUT:
                continue
            if token.type == tokenize.NAME:
                own = token.string not in known and found[-1:] != ["."]
                found.append("name" if own else token.string)
            else:
                found.append("text" if token.type == tokenize.STRING else token.string)
    except Exception:  # no student's text stops a run for the sake of a hint
        pass  # what stands before it counts
    return found


def runs(code: str, known: frozenset[str]) -> Runs:
    """Every run of eight tokens."""
    found = tokens(code, known)
    return frozenset(tuple(found[start : start + RUN]) for start in range(len(found) - RUN + 1))


def names_of(assignment: Assignment) -> frozenset[str]:
    """The names that everybody has: what the assignment imports, and the functions that it asks for or gives."""
    found = set(KNOWN)
    for cell in assignment.notebook["cells"]:
        if cell["cell_type"] == "code" and not nb.is_test(cell):
            text = nb.source(cell)
            found.update(functions_of(text) or ())
            for line in re.findall(r"^\s*(?:from\s+\S+\s+)?import\s+(.+)$", text, flags=re.M):
                found.update(re.findall(r"\w+", line))
    return frozenset(found)


def answers(notebook: Notebook, assignment: Assignment) -> dict[str, str]:
    """The code of each question: its answers, and the student's own cells that stand there."""
    found: dict[str, list[str]] = {}
    question = ""
    for cell in notebook["cells"]:
        own = assignment.cells.get(nb.grade_id(cell))
        question = nb.question_of(nb.grade_id(cell)) if own is not None else question
        if cell.get("cell_type") == "code" and (own is None or nb.is_solution(own)):
            found.setdefault(question, []).append(nb.source(cell))
    return {name: "\n".join(texts) for name, texts in found.items() if name in assignment.questions}


def pairs(submissions: Iterable[Submission], assignment: Assignment, together: Mapping[str, object]) -> list[Pair]:
    """The pairs of one assignment, the most alike first.

    Args:
        submissions: of this assignment.
        assignment: its source.
        together: what stands for a student's group; two of one group handed in one file.
    """
    known = names_of(assignment)
    given: Runs = frozenset()
    for cells in (assignment.cells, assignment.student_cells):
        for cell in cells.values():
            given |= runs(nb.source(cell), known) if cell["cell_type"] == "code" else frozenset()
    found: dict[str, dict[str, Runs]] = {}
    for submission in submissions:
        for question, code in answers(submission.notebook, assignment).items():
            own = runs(code, known) - given
            if own:
                found.setdefault(question, {})[submission.student] = own
    students = sorted({student for own in found.values() for student in own})
    count = len({str(together.get(student, student)) for student in students})
    enough = BEYOND + math.log2(max(1, count * (count - 1) // 2) * max(1, len(found)))
    listed = [pair for question in found for pair in of_question(found[question], question, assignment.name, count)]
    listed = [one for one in listed if one.bits >= enough and one.share >= SHARE]
    listed = [one for one in listed if together.get(one.one, one.one) != together.get(one.other, one.other)]
    return sorted(listed, key=lambda one: (-one.bits, one.question, one.one, one.other))


def of_question(own: Mapping[str, Runs], question: str, assignment: str, count: int) -> list[Pair]:
    """Every two answers to a question that share something unusual."""
    having = Counter(run for found in own.values() for run in found)
    says = {run: math.log2(max(1.0, count / number)) for run, number in having.items()}
    whole = {student: sum(says[run] for run in found) for student, found in own.items()}
    listed = []
    for one, other in itertools.combinations(sorted(own), 2):
        shared = sum(says[run] for run in own[one] & own[other])
        least = min(whole[one], whole[other])
        if shared > 0 and least > 0:
            listed.append(Pair(assignment, question, one, other, shared / least, shared / RUN))
    return listed


def all_pairs(
    submissions: Sequence[Submission], assignments: Mapping[str, Assignment], together: Mapping[str, object]
) -> list[Pair]:
    """The pairs of every assignment."""
    names = sorted({one.assignment for one in submissions})
    return [
        pair
        for name in names
        for pair in pairs([one for one in submissions if one.assignment == name], assignments[name], together)
    ]
