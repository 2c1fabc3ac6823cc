"""Edits in tables that are written anew: noticed, named and kept aside.

Each table is kept a second time as it was written. What differs at the next run was changed by a person: in by_hand.csv
that is what it is for (marks and remarks), elsewhere it would be lost.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from tools.grading.tables import read_table

TABLES = ("marks.csv", "report.csv", "questions.csv", "alike.csv", "marks_lms.csv", "by_hand.csv")
FILLED_IN = ("marks", "remark")  # in by_hand.csv
PLACE = ".written"


def plain(value: str) -> str:
    """A cell as it is meant: spreadsheets write 0,5 for 0.5, drop an apostrophe, turn line ends round."""
    text = value.strip().removeprefix("'").replace("\r\n", "\n")
    try:
        return f"{float(text.replace(',', '.')):g}"
    except ValueError:
        return text


def rows_of(path: Path, without: Sequence[str] = ()) -> list[dict[str, str]]:
    """The rows of a table; none where it cannot be read."""
    try:
        rows = read_table(path)
    except (OSError, csv.Error):
        return []
    return [{name: plain(value) for name, value in row.items() if name not in without} for row in rows]


def edits(out: Path) -> list[str]:
    """What was changed by hand since the tables were written, in words; the changed tables are kept aside."""
    said = []
    for name in TABLES:
        path, written = out / name, out / PLACE / name
        if not path.exists() or not written.exists() or path.read_bytes() == written.read_bytes():
            continue
        by_hand = name == "by_hand.csv"
        old, new = (rows_of(one, FILLED_IN if by_hand else ()) for one in (written, path))
        changed = [row for row in new if row not in old]
        gone = [row for row in old if row not in new] if not by_hand else []
        if not changed and len(gone) == 0:
            continue
        aside = kept_aside(path)
        where = "Fill in marks and remark alone" if by_hand else "Marks by hand go into override.csv or by_hand.csv"
        words = "; ".join([difference(row, old) for row in changed[:3]]) or f"{len(gone)} rows are gone"
        said.append(
            f"{name} was changed by hand ({words}). It is written anew, yours is kept as {aside.name}. {where}."
        )
    return said


def difference(row: dict[str, str], old: Sequence[dict[str, str]]) -> str:
    """Which cells of a row are new."""
    first = list(row)[:2]
    key = "answer_id" if "answer_id" in row else ""
    label = " ".join(row[name] for name in first)
    for before in old:
        if before.get(key) == row.get(key) if key else all(before.get(name) == row[name] for name in first):
            cells = [
                f"{name}: {before.get(name, '')!r} is now {row[name]!r}"
                for name in row
                if before.get(name) != row[name]
            ]
            return f"{label}, {', '.join(cells[:3])}"
    return f"a new row {label!r}"


def kept_aside(path: Path) -> Path:
    """A copy of a table under a name of its own."""
    for number in range(1, 1000):
        aside = path.with_name(f"{path.stem}-changed-by-hand{f'-{number}' if number > 1 else ''}.csv")
        if not aside.exists() or aside.read_bytes() == path.read_bytes():
            break
    shutil.copyfile(path, aside)
    return aside


def remember(out: Path) -> None:
    """Keep the tables as they were written."""
    (out / PLACE).mkdir(exist_ok=True)
    for name in TABLES:
        if (out / name).exists():
            shutil.copyfile(out / name, out / PLACE / name)
