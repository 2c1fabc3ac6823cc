"""The list of the class: who is in it, whose folder is whose, and the table that goes back to the system.

    id, name, and any other columns            Canvas's and Moodle's own lists are read as they are

Whose a folder is: first by an id (any column of ids; the numbers and addresses that an export gives), then by an id
that is a word of a folder's name, then by the name, its words in any order. What fits nobody or two is named, and
gets no row.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.grading.arrivals import Arrived
from tools.grading.names import pattern_of
from tools.grading.precheck import Problem
from tools.grading.tables import TableError, number, read_table, write_atomically

IDS = (
    "id", "student id", "sid", "sis user id", "sis login id", "integration id", "identifier", "id number", "username",
    "user name", "login", "email", "email address", "e-mail", "student number",
)  # fmt: skip
NAMES = ("name", "student", "full name", "student name")
PARTS = (("first name", "last name"), ("given name", "surname"), ("first name", "surname"))
REMARKS = {
    "roster-none": "Nobody in the roster has this id or name. Add the id to the roster, or rename the folder to it.",
    "roster-two": "Several people in the roster fit. Name the folder by an id.",
    "roster-shared": "Several folders fit one person in the roster, so none of them counts in marks_lms.csv.",
    "late-unknown": "It is late, and nothing says by how much. Fill in handed_in in the roster; nothing was deducted.",
}
RULE = ("due", "extension_days", "handed_in", "late_percent_per_day", "late_percent_most")  # see late.py
GRADE = "grade"  # of Moodle's list: the marks of the one assignment that it is about


def words_of(text: str) -> list[str]:
    """A name's words, without accents, digits and case."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[^\W\d_]+", plain)


def spellings(name: str) -> set[str]:
    """A name without spaces, its words in any order: Canvas writes doejane."""
    words = words_of(name)
    orders: Iterable[Sequence[str]] = itertools.permutations(words)
    if len(words) > 4:
        orders = [words[start:] + words[:start] for start in range(len(words))]
    return {"".join(order) for order in orders} - {""}


@dataclass(frozen=True)
class Person:
    """One row."""

    row: int  # in the list of rows
    id: str
    name: str
    ids: frozenset[str] = field(repr=False)
    spellings: frozenset[str] = field(repr=False)
    columns: Mapping[str, str] = field(repr=False)

    def about(self, column: str, assignment: str) -> str:
        """What a column says, for one assignment: `due 01_groups` before `due`."""
        for wanted in (f"{column} {assignment}", column):
            for name, value in self.columns.items():
                if name.strip().casefold() == wanted.casefold() and value.strip():
                    return value.strip()
        return ""


@dataclass(frozen=True)
class Roster:
    """The class."""

    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    people: list[Person]

    def resolve(self, text: str) -> list[Person]:
        """The people whom an id or a name means."""
        wanted = text.strip().casefold()
        return [one for one in self.people if wanted in one.ids] or [
            one for one in self.people if "".join(words_of(text)) in one.spellings
        ]


def read(path: Path) -> Roster:
    """Read a roster.

    Raises:
        TableError: it cannot be read, or has neither ids nor names.
    """
    try:
        rows = read_table(path)
    except (OSError, csv.Error) as error:
        raise TableError(f"{path} cannot be read as a roster: {error}") from None
    columns = tuple(rows[0]) if rows else ()
    known = {name.strip().casefold(): name for name in columns}
    ids = [known[name] for name in IDS if name in known]
    names = [known[name] for name in NAMES if name in known]
    parts = next(([known[a], known[b]] for a, b in PARTS if a in known and b in known), [])
    if not rows or not (ids or names or parts):
        raise TableError(f"{path} is no roster: its first line must name a column id or name, and a student follow")
    people = []
    for place, row in enumerate(rows):
        own = [row.get(name, "").strip() for name in ids]
        name = next((row[name].strip() for name in names if row.get(name, "").strip()), "")
        name = name or " ".join(row.get(part, "").strip() for part in parts).strip()
        if not any(own) and (not name or name.casefold() == "points possible"):
            continue  # Canvas's second line
        found = frozenset(value.casefold() for value in own if value)
        people.append(Person(place, next(filter(None, own), ""), name, found, frozenset(spellings(name)), row))
    return Roster(columns, rows, people)


def match(roster: Roster, arrived: Iterable[Arrived]) -> tuple[dict[str, Person], list[Problem]]:
    """Whose each folder is, by student; and the folders that fit nobody, or two, or somebody who has another."""
    found: dict[str, Person] = {}
    problems = []
    for one in arrived:
        fitting = candidates(roster, one)
        if len(fitting) == 1:
            found[one.student] = fitting[0]
        else:
            who = ", ".join(person.id or person.name for person in fitting[:5])
            problems.append(Problem(one.student, "", "", "roster-two" if fitting else "roster-none", who))
    for place in {person.row for person in found.values()}:
        several = [student for student, person in found.items() if person.row == place]
        if len(several) > 1:
            person = found[several[0]]
            for student in several:
                del found[student]
                others = ", ".join(other for other in several if other != student)
                problems.append(Problem(student, "", "", "roster-shared", f"{person.id or person.name}: also {others}"))
    return found, problems


def candidates(roster: Roster, one: Arrived) -> list[Person]:
    """The people whom a folder fits best: by an id, by an id in its name, by its name."""
    exact = {word.casefold() for word in (one.student, *one.ids)}
    fitting = [person for person in roster.people if exact & person.ids]
    if not fitting and not one.system:
        words = {word.casefold() for word in re.split(r"[\s_,;()]+", one.student) if re.search(r"[\d@]", word)}
        fitting = [person for person in roster.people if words & person.ids]
    name = "".join(words_of(one.name or one.student))
    return fitting or [person for person in roster.people if name in person.spellings]


def is_rule(column: str) -> bool:
    """Whether a column belongs to the late rule: the system does not know it."""
    return column.strip().casefold().partition(" ")[0] in RULE


def goes_into(roster: Roster, assignments: Sequence[str]) -> dict[str, str]:
    """The column of each assignment: one of the roster's that names it, or a new one."""
    found = {}
    for assignment in assignments:
        named = [column for column in roster.columns if pattern_of(assignment).search(column) and not is_rule(column)]
        grade = [column for column in roster.columns if column.strip().casefold() == GRADE]
        found[assignment] = (named or (grade if len(assignments) == 1 else []) or [assignment])[0]
    return found


def write_lms(
    path: Path, roster: Roster, marks: Mapping[tuple[int, str], Any], out_of: Mapping[str, float]
) -> tuple[int, list[str]]:
    """Write the roster with marks: how many are left empty, and what is to be looked at.

    The rows and columns are the system's own, without those of the late rule. Their text stays as it is: an apostrophe
    in front would make another student of it. No mark of unfinished or refused work is written, and no 0 for one who
    handed in nothing.
    """
    into = goes_into(roster, list(out_of))
    columns = [column for column in roster.columns if not is_rule(column)]
    columns += [column for column in into.values() if column not in roster.columns]
    people = {person.row for person in roster.people}
    empty, look = 0, []
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for place, row in enumerate(roster.rows):
        new = dict(row)
        for assignment, column in into.items():
            if place not in people and not any(row.values()):
                most = ""  # an empty line
            elif place not in people:
                given = new.get(column, "").strip()
                new[column] = given or str(number(out_of[assignment]))
                most = given
            else:
                value = marks.get((place, assignment))
                empty += value is None
                new[column] = "" if value is None else str(number(value))
                most = row.get("Maximum Grade", "") if column.strip().casefold() == GRADE else ""
            if most and not same(most, out_of[assignment]):
                look.append(f"{column}: the system's maximum is {most}, the assignment's {number(out_of[assignment])}")
        writer.writerow([new.get(column, "") for column in columns])
    write_atomically(path, text.getvalue())
    return empty, list(dict.fromkeys(look))


def same(text: str, value: float) -> bool:
    """Whether a cell is this number."""
    try:
        return float(text.replace(",", ".")) == value
    except ValueError:
        return True  # a word, such as Canvas's (read only)
