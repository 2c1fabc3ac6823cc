"""What a class makes of each question: questions.csv, alike.csv and class.html, for whoever teaches it.

The page holds students' names and is not for students. Like their pages it needs no other file and runs no script.
"""

from __future__ import annotations

import ast
import functools
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.grading import notebook as nb
from tools.grading import tables
from tools.grading.alike import Pair
from tools.grading.assignment import Assignment
from tools.grading.feedback import STYLE, text
from tools.grading.names import shown

MISTAKES = 3  # in questions.csv; the page shows twice as many
QUESTIONS = (
    "assignment", "question", "title", "points", "students", "right", "partly", "none", "waiting", "mean",
    "mistakes", "seconds_median", "seconds_most",
)  # fmt: skip
ALIKE = ("assignment", "question", "title", "one", "other", "share", "bits")
LOOK = (
    "Pairs that are alike beyond chance. Look at them; it is a hint and no mark: friends, a book or the same idea may "
    "be the reason."
)
MORE = """
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.bar { display: inline-block; height: .6rem; background: var(--good); }
.rest { background: var(--line); }
.scroll { overflow-x: auto; }
.bars { white-space: nowrap; }
h3 { margin: 1rem 0 .2rem; }
li b { display: inline-block; min-width: 2.5rem; }
body { max-width: 60rem; }
"""
Record = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One question of an assignment; an empty name stands for all of them."""

    assignment: str
    name: str
    title: str
    points: float
    students: int
    right: int
    none: int
    waiting: int
    mean: float | None
    mistakes: list[tuple[int, str]]
    seconds: list[float]

    @property
    def partly(self) -> int:
        """How many had some of it."""
        return self.students - self.right - self.none - self.waiting


@functools.cache
def templates(code: str) -> list[tuple[str, ...]]:
    """What a test's messages have in common for all students: the texts between the values."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Assert) and isinstance(node.msg, ast.JoinedStr):
            texts = tuple(str(part.value) if isinstance(part, ast.Constant) else "" for part in node.msg.values)
            if max(map(len, texts), default=0) >= 10:
                found.append(texts)
    return found


def kind_of(message: str, code: str) -> str:
    """A message without what differs from student to student: values, numbers, lists, texts in quotes."""
    for texts in templates(code):
        place = 0
        for part in texts:
            there = message.find(part, place)
            if there < 0:
                break
            place = there + len(part)
        else:
            return "".join(part or "…" for part in texts).strip()
    line = " ".join(message.split("\n")[0].split())
    line = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'…'", line)
    line = re.sub(r"\[[^\]]*\]+|\([\d\s,.-]*\)", "[…]", line)
    return re.sub(r"-?\d+(?:[.,]\d+)*", "#", line)[:200]


def mistakes(records: Sequence[Record], question: str, source: Assignment) -> list[tuple[int, str]]:
    """What the tests of a question said most: how often, and the message, with … for what differs."""
    kinds: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], Counter[str]] = {}
    for record in records:
        for part in record.get("tests", ()):
            if part["message"] and not part["earned"] and nb.question_of(part["test"]) == question:
                kind = (part["test"], kind_of(part["message"], nb.source(source.cells[part["test"]])))
                kinds[kind] += 1
                examples.setdefault(kind, Counter())[part["message"].split("\n")[0][:300]] += 1
    return [
        (number, f"{test}: {kind if '…' in kind else examples[test, kind].most_common(1)[0][0]}")
        for (test, kind), number in kinds.most_common()
    ]


def questions_of(records: Sequence[Record], assignments: Mapping[str, Assignment]) -> list[Question]:
    """Every question of every assignment that somebody handed in, each assignment as a whole first."""
    found = []
    graded = [record for record in records if "problem" not in record]
    for name in sorted({record["assignment"] for record in graded}):
        own, of_it = assignments[name], [record for record in graded if record["assignment"] == name]
        seconds = [record["seconds"] for record in of_it if "seconds" in record]
        marks = [(record["total"] if all(mark[0] is not None for mark in record["marks"].values()) else None)
                 for record in of_it]  # fmt: skip
        whole = question(name, "", own.title, sum(own.questions.values()), marks, [], seconds)
        found.append(replace(whole, mean=None) if whole.waiting else whole)  # of those without a text alone it misleads
        for part, points in own.questions.items():
            marks = [record["marks"][part][0] for record in of_it if part in record["marks"]]
            found.append(question(name, part, own.titles[part], points, marks, mistakes(of_it, part, own), []))
    return found


def question(
    assignment: str, name: str, title: str, points: float, marks: list[float | None],
    wrong: list[tuple[int, str]], seconds: list[float],
) -> Question:  # fmt: skip
    """Count."""
    known = [mark for mark in marks if mark is not None]
    right, none = sum(mark >= points for mark in known), sum(mark == 0 for mark in known)
    mean = statistics.fmean(known) if known else None
    waiting = len(marks) - len(known)
    return Question(assignment, name, title, points, len(marks), right, none, waiting, mean, wrong, seconds)


def write(records: Sequence[Record], assignments: Mapping[str, Assignment], pairs: Sequence[Pair], out: Path) -> None:
    """questions.csv, alike.csv and class.html."""
    found = questions_of(records, assignments)
    rows = [
        (
            one.assignment, one.name or "all", one.title, tables.number(one.points), one.students, one.right,
            one.partly, one.none, one.waiting, None if one.mean is None else round(one.mean, 2),
            "\n".join(f"{number} × {words}" for number, words in one.mistakes[:MISTAKES]),
            round(statistics.median(one.seconds), 1) if one.seconds else None,
            round(max(one.seconds), 1) if one.seconds else None,
        )
        for one in found
    ]  # fmt: skip
    tables.write_table(out / "questions.csv", QUESTIONS, rows)
    alike = [
        (one.assignment, one.question, assignments[one.assignment].titles[one.question], shown(one.one),
         shown(one.other), round(one.share, 2), round(one.bits))
        for one in pairs
    ]  # fmt: skip
    tables.write_table(out / "alike.csv", ALIKE, alike)
    tables.write_atomically(out / "class.html", page(records, found, pairs, assignments))


def page(
    records: Sequence[Record], found: Sequence[Question], pairs: Sequence[Pair], assignments: Mapping[str, Assignment]
) -> str:
    """The whole page."""
    parts = []
    for whole in (one for one in found if not one.name):
        own = [one for one in found if one.assignment == whole.assignment and one.name]
        alike = [one for one in pairs if one.assignment == whole.assignment]
        parts.append(assignment(whole, own, alike, assignments[whole.assignment], records))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>The class</title>\n<style>{STYLE}{MORE}</style>\n</head>\n<body>\n<main>\n<h1>The class</h1>\n"
        "<p>This page holds names. It is for whoever teaches the class, not for students.</p>\n"
        f"{''.join(parts) or '<p>Nothing has been graded yet.</p>'}</main>\n</body>\n</html>\n"
    )


def assignment(
    whole: Question, own: Sequence[Question], pairs: Sequence[Pair], source: Assignment, records: Sequence[Record]
) -> str:
    """One assignment: its questions, the usual mistakes, the time, the pairs."""
    refused = sum("problem" in record and record["assignment"] == whole.assignment for record in records)
    head = f"{whole.students} graded, {refused} not graded or not handed in."
    if whole.seconds:
        head += (
            f" Grading one took {statistics.median(whole.seconds):.1f} s (median), at most {max(whole.seconds):.1f} s."
        )
    lines = "".join(row(one) for one in own)
    wrong = "".join(
        f"<p>{text(one.title)}</p>\n<ul>"
        + "".join(f"<li><b>{number} ×</b> {text(words)}</li>" for number, words in one.mistakes[: 2 * MISTAKES])
        + "</ul>\n"
        for one in own
        if one.mistakes
    )
    alike = "".join(
        f"<tr><td>{text(source.titles[one.question])}</td><td>{text(shown(one.one))}</td>"
        f"<td>{text(shown(one.other))}</td><td>{one.share:.0%}</td></tr>\n"
        for one in pairs
    )
    found = f"<h3>The usual mistakes</h3>\n{wrong}" if wrong else ""
    if alike:
        found += (
            f'<h3>Alike</h3>\n<p>{LOOK}</p>\n<div class="scroll"><table>\n<tr><th>question</th><th>one</th>'
            f"<th>other</th><th>shared of what is unusual</th></tr>\n{alike}</table></div>\n"
        )
    return (
        f'<section>\n<h2>{text(whole.title)}</h2>\n<p>{head}</p>\n<div class="scroll"><table>\n'
        "<tr><th>question</th><th>right</th><th></th><th>partly</th><th>none</th><th>waiting</th><th>mean</th></tr>\n"
        f"{lines}</table></div>\n{found}</section>\n"
    )


def row(one: Question) -> str:
    """One question as a row."""
    share = one.right / one.students if one.students else 0.0
    bar = f'<span class="bar" style="width: {5 * share:.2f}rem"></span>'
    bar += f'<span class="bar rest" style="width: {5 * (1 - share):.2f}rem"></span>'
    mean = "" if one.mean is None else f"{one.mean:.2f} of {tables.number(one.points)}"
    return (
        f'<tr><td>{text(one.title)}</td><td>{one.right} of {one.students}</td><td class="bars">{bar}</td>'
        f"<td>{one.partly}</td><td>{one.none}</td><td>{one.waiting}</td><td>{mean}</td></tr>\n"
    )
