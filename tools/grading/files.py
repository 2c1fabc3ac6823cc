"""Which files of a student's folder may be the submission; what their names say is in names.py.

A folder is one student. In it, and in folders inside it, every file that ends in .ipynb counts, also where a program
has hung .txt or .json on it, a .txt or .json that holds a notebook, and the notebooks in a zip. Another archive, a link
or a folder that cannot be looked into may be the submission, too: it is named, and nobody gets a silent mark beside it.

Of several files for one assignment the newest counts: first by the date in the name, then by the number at the end,
then by the last number in front. Files that this cannot tell apart are one if their content is the same; otherwise
nothing is graded and a person decides. The files' own times are not used: unpacking an archive changes them.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.grading import unpack
from tools.grading.names import ARCHIVES, ENDINGS, Named, is_newer, read_name

DEPTH = 4  # folders inside a student's folder
MOST = 400  # entries that are looked at in one student's folder
LARGEST = 5_000_000  # bytes of a notebook
IGNORED = ("__MACOSX", ".ipynb_checkpoints")
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
CLOSED = ("unreadable", "too-deep", "too-many-files")  # what lies there is not known


@dataclass(frozen=True)
class Found:
    """A file in a student's folder."""

    path: Path
    named: Named
    problem: str = ""  # a reason not to open it
    inside: str = ""  # which member of a zip it is
    content: bytes | None = None  # of the member

    @property
    def may_count(self) -> bool:
        """Whether it looks like a submission: by its name, or because nobody knows what it holds."""
        name = self.path.name
        return bool(self.inside) or self.problem in CLOSED or is_archive(name) or ENDINGS.search(name) is not None


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive."""
    return name.lower().rpartition(".")[2] in ARCHIVES and "." in name


def entries(folder: Path, depth: int = 0) -> Iterator[tuple[Path, str]]:
    """The files below a folder, in order of their names, with a reason where one must not be opened."""
    try:
        with os.scandir(folder) as found:
            inside = sorted(found, key=lambda entry: entry.name)
    except OSError:
        yield folder, "unreadable"
        return
    for entry in inside:
        if entry.name in IGNORED or entry.name.startswith("."):
            continue
        path = folder / entry.name
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            yield path, "unreadable"
            continue
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


def holds_notebook(path: Path) -> bool:
    """Whether a file without the right name is a notebook all the same."""
    if path.suffix.lower() not in (".txt", ".json", ""):
        return False
    try:
        content = read_safely(path, LARGEST)
    except OSError:
        return False
    if content is None:
        return False
    text = content.replace(b"\0", b"") if content[:2] in UTF_16 else content
    return text.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:1] == b"{" and b'"nbformat"' in text


def everything(places: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The files of one student, who may have several folders or files without a folder."""
    for place in places:
        if place.is_symlink():
            yield place, "symlink"
        elif place.is_dir():
            yield from entries(place)
        else:
            yield place, "" if place.is_file() else "no-file"


def zipped(path: Path, named: Named, assignments: Sequence[str], student: str) -> list[Found]:
    """The notebooks in a student's zip: the zip's name says when it was handed in. One that stays closed is named."""
    try:
        content = read_safely(path, unpack.STUDENTS_BYTES)
        if content is None or not path.name.lower().endswith(".zip"):
            return [Found(path, named, "archive")]
        found = []
        for name, notebook in unpack.notebooks_in(content, LARGEST):
            own = read_name(name.rpartition("/")[2], assignments, student)
            both = Named(
                own.assignment or named.assignment,
                own.late or named.late,
                named.moment or own.moment,
                named.number or own.number,
                named.upload or own.upload,
            )
            found.append(Found(path, both, "" if len(notebook) <= LARGEST else "too-large", name, notebook))
        return found
    except (OSError, unpack.ZipError):
        return [Found(path, named, "archive")]


def notebooks(
    folder: Path, assignments: Iterable[str], student: str | None = None, places: Sequence[Path] = ()
) -> tuple[list[Found], list[Path]]:
    """What may be the submission in a student's folder, or in several places of his, and the other files."""
    names, student = list(assignments), folder.name if student is None else student
    found, others = [], []
    for count, (path, problem) in enumerate(everything(places) if places else entries(folder)):
        if count >= MOST:
            found.append(Found(folder, read_name("", names), "too-many-files"))
            break
        if not problem and is_archive(path.name):
            inside = zipped(path, read_name(path.name, names, student), names, student)
            found += inside
            others += [] if inside else [path]
        elif ENDINGS.search(path.name) or problem in ("symlink", *CLOSED) or holds_notebook(path):
            found.append(Found(path, read_name(path.name, names, student), problem))
        else:
            others.append(path)
    return found, others


def newest(found: Sequence[Found]) -> list[Found]:
    """The newest of the files for one assignment; several where their names do not tell."""
    return [one for one in found if not any(is_newer(other.named, one.named) for other in found)]


def read_safely(path: Path, most: int) -> bytes | None:
    """A file's content, or None where it is larger; a link or a device that has taken its place is an OSError."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is not a plain file")
        content = file.read(most + 1)
    return None if len(content) > most else content
