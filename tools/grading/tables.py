"""The tables that grading leaves: marks, what waits for a person, what could not be graded. Also read back.

A spreadsheet runs a cell that begins with = + - or @ as a formula, and names and answers are a stranger's: such a
cell gets an apostrophe in front.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.grading.names import key

BY_HAND = ("student", "assignment", "question", "answer", "maximum", "marks", "remark", "answer_id")
csv.field_size_limit(1 << 28)  # an answer may be long
REPORT = ("student", "assignment", "file", "reason", "what_it_means", "detail")


class TableError(Exception):
    """A filled-in table cannot be read; the message says which line, for people."""


def clean(text: object) -> str:
    """Text that every file can hold: no half characters, no control characters but line ends and tabs."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    return (
        re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", whole)
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )


def safe(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None or isinstance(value, int | float):
        return "" if value is None else value
    text = re.sub(r"([;\t\n])(?=[=+\-@])", r"\1'", clean(value))  # some spreadsheets split at semicolons
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\n") else text


def number(value: float) -> float | int:
    """A mark without a needless .0"""
    return int(value) if float(value).is_integer() else round(float(value), 4)


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that there is never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8", newline="")
    os.replace(part, path)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file that spreadsheets open with the right letters."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([[safe(value) for value in row] for row in rows])
    write_atomically(path, "\N{ZERO WIDTH NO-BREAK SPACE}" + text.getvalue())


def read_table(path: Path) -> list[dict[str, str]]:
    """Read a CSV file, also one that a spreadsheet has written with semicolons or tabs. A short row's rest is empty."""
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        text = path.read_text(encoding="utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text(encoding="cp1252", errors="replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    return [
        {str(key).strip(): value for key, value in row.items() if isinstance(value, str)}
        for row in csv.DictReader(io.StringIO(text), delimiter=delimiter, restval="")
    ]


def answer_id(student: str, assignment: str, name: str, answer: str) -> str:
    """What ties marks to one answer: a changed answer has another."""
    digest = hashlib.sha256(b"\0".join(key(part) for part in (student, assignment, name, answer))).hexdigest()
    return f"a{digest[:16]}"  # a letter in front: a spreadsheet would round a long number


def read_marks(path: Path) -> tuple[dict[str, tuple[float, str]], list[str]]:
    """The marks and remarks that a person filled in, by answer, and what is wrong with others.

    Raises:
        TableError: the columns are not there.
    """
    if not path.exists():
        return {}, []
    try:
        rows = read_table(path)
    except csv.Error as error:
        raise TableError(f"{path} cannot be read: {error}") from None
    if rows and not {"answer_id", "marks", "maximum"} <= set(rows[0]):
        raise TableError(f"{path} lacks one of the columns answer_id, marks, maximum. Keep the first line as it is")
    found, wrong = {}, []
    for line, row in enumerate(rows, start=2):
        given = row["marks"].strip().replace(",", ".")
        if not given:
            continue
        if not row["answer_id"].strip():
            wrong.append(f"row {line}: marks without an answer_id belong into override.csv")
            continue
        try:
            marks, maximum = float(given), float(row["maximum"].replace(",", "."))
        except ValueError:
            wrong.append(f"row {line}: {row['marks']!r} is not a number")
            continue
        if not 0 <= marks <= maximum:
            wrong.append(f"row {line}: {marks:g} is not between 0 and {maximum:g}")
            continue
        found[row["answer_id"].strip()] = (marks, row.get("remark", "").removeprefix("'"))
    return found, wrong


def with_filled_in(path: Path, rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """The new rows of by_hand.csv, and nothing lost of what a person wrote into the old ones.

    A mark that is no number, or a remark without a mark, stands where it stood. Rows of answers that this run did not
    see (a file that is damaged today, another folder) are kept below.
    """
    old = {row.get("answer_id", "").strip(): row for row in read_table(path)} if path.exists() else {}
    old = {key: row for key, row in old.items() if key and (row["marks"].strip() or row.get("remark", "").strip())}
    found = []
    for row in rows:
        *words, marks, remark, key = row
        before = old.pop(str(key), None)
        if before is not None and marks == "":
            marks, remark = before["marks"], before.get("remark", "")
        found.append([*words, marks, remark, key])
    return found + [[row.get(column, "") for column in BY_HAND] for row in old.values()]
