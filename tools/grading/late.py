"""A late rule, from columns of the roster, for each student: nothing is deducted without being said.

| column | what it says |
| --- | --- |
| `due` | when it is due; a date alone means the end of that day |
| `extension_days` | how many days more this student has |
| `handed_in` | when it was handed in, where the export does not say (Blackboard's and Gradescope's do) |
| `late_percent_per_day` | what each begun day costs, of the marks earned |
| `late_percent_most` | what all days together cost at most; 100 if empty |

`due 01_groups` is for one assignment alone. Times are taken as they are written, without time zones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tools.grading.arrivals import BLACKBOARD
from tools.grading.names import UNCLEAR, without_dates
from tools.grading.roster import Person
from tools.grading.tables import number

TIMES, NUMBERS = ("due", "handed_in"), ("extension_days", "late_percent_per_day", "late_percent_most")


@dataclass(frozen=True)
class Lateness:
    """What the rule makes of one submission."""

    days: int | None = None  # None where it is not known
    percent: float = 0.0
    words: str = ""
    unknown: bool = False  # late, and nobody knows by how much


def moment(text: str, end_of_day: bool = False) -> datetime:
    """A date, with or without a time.

    Raises:
        ValueError: it is none, or day and month cannot be told apart.
    """
    _, found = without_dates(text)
    if not found or UNCLEAR in found:
        raise ValueError(f"{text!r} is no date that can be read. Write it as 2026-11-20 18:00")
    parts = found[0]
    clock = parts[3:] if len(parts) > 3 else ((23, 59, 59) if end_of_day else ())
    return datetime(*parts[:3], *clock)  # type: ignore[arg-type]


def amount(text: str) -> float:
    """A number, also 10 % and 1,5.

    Raises:
        ValueError: it is none, or negative.
    """
    value = float(text.replace("%", "").replace(",", ".").strip() or 0)
    if not 0 <= value < math.inf:
        raise ValueError(f"{text!r} is not a number from 0 on")
    return value


def wrong_cells(people: Iterable[Person]) -> list[str]:
    """What in a roster's columns cannot be read: which row, which column."""
    wrong = []
    for person in people:
        for column, value in person.columns.items():
            name = column.strip().casefold().partition(" ")[0]
            try:
                if value.strip() and name in TIMES:
                    moment(value)
                elif value.strip() and name in NUMBERS:
                    amount(value)
            except ValueError as error:
                wrong.append(f"row {person.row + 2}, {column}: {error}")
    return wrong


def handed_in(person: Person, assignment: str, file: str, when: str) -> str:
    """When something was handed in: by the roster, by the export's list, by the name that Blackboard gave."""
    named = BLACKBOARD.fullmatch(file)
    said = person.about("handed_in", assignment) or when or (named["when"] if named else "")
    try:
        moment(said)
    except ValueError:
        return ""
    return said


def lateness(person: Person, assignment: str, marked: bool, when: str) -> Lateness:
    """What the rule says; `marked`: the system calls it late. The roster's cells have been checked."""
    due, more = person.about("due", assignment), amount(person.about("extension_days", assignment))
    rate = amount(person.about("late_percent_per_day", assignment))
    most = min(100.0, amount(person.about("late_percent_most", assignment) or "100"))
    granted = f", with an extension of {number(more)} days" if more else ""
    if not due or not when:
        if not marked:
            return Lateness()
        missing = "when it was due" if not due else "when it was handed in"
        return Lateness(None, 0.0, f"late{granted}; nothing says {missing}, so nothing is deducted", bool(rate or more))
    end = moment(due, end_of_day=True) + timedelta(days=more)
    days = max(0, math.ceil((moment(when) - end) / timedelta(days=1)))
    until = f"due {end:%Y-%m-%d %H:%M}{granted}"
    if days == 0:
        return Lateness(0, 0.0, f"in time: {until}" if marked or more else "")
    percent = min(most, rate * days)
    cost = f"{number(percent)} % are deducted" if percent else "nothing is deducted"
    return Lateness(days, percent, f"{days} {'day' if days == 1 else 'days'} late: {until}; {cost}")
