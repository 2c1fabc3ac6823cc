"""Which file of a student's folder is the submission: names as learning-management systems export them.

A folder is one student. In it, and in folders inside it, every file that ends in .ipynb counts. Its name is read as

    anything _ 01_groups - 2 .ipynb        (also: spaces or hyphens for underscores, "(2)" or " copy" at the end)

The part before the assignment's name may hold the word `late`, the numbers that a system gives each upload, and a
date with a time. Of several files for one assignment the newest counts: first by date and time in the name, then by
the number at the end, then by the last number in front. Two files that this cannot tell apart are one if their
content is the same; otherwise nothing is graded and a person decides. The files' own times are not used: unpacking an
archive changes them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DEPTH = 4  # folders inside a student's folder
MOST = 400  # entries that are looked at in one student's folder
IGNORED = ("__MACOSX", ".ipynb_checkpoints")
END = re.compile(
    r"(?P<stem>.*?)(?:[ _-]+copy)?(?:[ _]*\((?P<round>\d+)\)|[-_ ](?P<plain>\d{1,3}))?(?:[ _-]+copy)?\Z", re.I
)
MOMENT = re.compile(r"(20\d\d)-(\d\d)-(\d\d)[-_T ](\d\d)[-_:](\d\d)(?:[-_:](\d\d))?")
LATE = re.compile(r"(?<![a-z0-9])late(?![a-z0-9])", re.I)


@dataclass(frozen=True)
class Named:
    """What a file's name says."""

    assignment: str | None
    late: bool
    moment: str  # digits of date and time; empty where there are none
    number: int  # of the re-submission
    upload: int  # the last number in front


@dataclass(frozen=True)
class Found:
    """A file in a student's folder."""

    path: Path
    named: Named
    problem: str = ""  # a reason not to open it


def simplified(name: str) -> str:
    """A name without the differences that systems make: case, spaces, hyphens."""
    return re.sub(r"[\s_-]+", "_", name).lower()


def read_name(name: str, assignments: Iterable[str]) -> Named:
    """What a file's name says."""
    stem = name[: -len(".ipynb")] if name.lower().endswith(".ipynb") else name
    moments = MOMENT.findall(stem)
    plain = MOMENT.sub(" ", stem)
    ending = END.match(plain)
    assert ending is not None
    number = int(ending["round"] or ending["plain"] or 0)
    for assignment in assignments:
        found = re.search(rf"(?:^|_){re.escape(simplified(assignment))}(?=_|\(|\Z)", simplified(plain))
        if found:
            before = simplified(plain)[: found.start()]
            uploads = re.findall(r"\d+", before)
            return Named(
                assignment,
                bool(LATE.search(before.replace("_", " "))),
                "".join(moments[-1]) if moments else "",
                number if simplified(plain) != simplified(assignment) else 0,
                int(uploads[-1][:18]) if uploads else 0,
            )
    return Named(None, bool(LATE.search(stem.replace("_", " "))), "".join(moments[-1]) if moments else "", number, 0)


def rank(named: Named) -> tuple[str, int, int]:
    """The larger, the newer."""
    return named.moment, named.number, named.upload


def entries(folder: Path, depth: int = 0) -> Iterator[tuple[Path, str]]:
    """The files below a folder, in order of their names, with a reason where one must not be opened."""
    with os.scandir(folder) as found:
        inside = sorted(found, key=lambda entry: entry.name)
    for entry in inside:
        if entry.name in IGNORED or entry.name.startswith("."):
            continue
        path = folder / entry.name
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            yield path, "symlink"
        elif stat.S_ISDIR(mode):
            if depth < DEPTH:
                yield from entries(path, depth + 1)
            else:
                yield path, "too-deep"
        elif stat.S_ISREG(mode):
            yield path, ""
        else:
            yield path, "no-file"


def notebooks(folder: Path, assignments: Iterable[str]) -> tuple[list[Found], list[Path]]:
    """The notebooks of a student's folder, and the other files."""
    names = list(assignments)
    found, others = [], []
    for count, (path, problem) in enumerate(entries(folder)):
        if count >= MOST:
            break
        if path.name.lower().endswith(".ipynb") or problem == "symlink":
            found.append(Found(path, read_name(path.name, names), problem))
        else:
            others.append(path)
    return found, others


def read_safely(path: Path, most: int) -> bytes | None:
    """A file's content, or None where it is larger; a link or a device that has taken its place is an OSError."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a plain file")
        content = file.read(most + 1)
    return None if len(content) > most else content
