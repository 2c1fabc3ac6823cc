"""Zips, opened so that whatever they hold does no harm: nothing outside the folder, no links, nothing without a limit.

A zip's own words about sizes are not believed: no more is read of a member than a notebook may have, and of all of
them together no more than a limit. What is larger is cut there; a notebook that was cut is refused as too large.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tools.grading.names import ENDINGS, tag

MOST_MEMBERS = 20_000  # of a class's zip
MOST_BYTES = 4_000_000_000
DEEPEST = 30  # folders in one another
STUDENTS_MEMBERS, STUDENTS_BYTES = 400, 50_000_000  # of one student's zip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others can ask for any amount of memory
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
    OverflowError,
    struct.error,
)


class ZipError(Exception):
    """A zip that is not opened; the message says why."""


def name_of(info: zipfile.ZipInfo) -> str:
    """A member's name: UTF-8 also where the zip does not say so, as macOS writes it."""
    if not info.flag_bits & 0x800:
        try:
            return info.filename.encode("cp437").decode("utf-8")
        except ValueError:
            pass
    return info.filename


def parts_of(name: str) -> list[str]:
    """The folders and the file of a member's name; empty where it leads out of the zip."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or parts[0].endswith(":") or not parts[0] or len(parts) > DEEPEST:
        return []
    return [
        part if len(os.fsencode(part)) < 200 else f"{part[:40]}-{tag(part)}-{part[-40:]}"
        for part in parts
        if part not in ("", ".")
    ]


def is_link(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a link, or anything else that is no plain file."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    return kind not in (0, stat.S_IFREG, stat.S_IFDIR)


def members(archive: zipfile.ZipFile, most: int) -> list[zipfile.ZipInfo]:
    """The members of a zip that are no folders.

    Raises:
        ZipError: there are too many.
    """
    found = archive.infolist()
    if len(found) > most:
        raise ZipError(f"it holds {len(found)} files; at most {most} are unpacked")
    return [info for info in found if not info.is_dir()]


def content_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The first bytes of a member.

    Raises:
        ZipError: it cannot be read.
    """
    try:
        if info.flag_bits & 1:
            raise ZipError("it is encrypted")
        if info.compress_type not in METHODS:
            raise ZipError("it is compressed in a way that is not read here")
        with archive.open(info) as file:
            return file.read(most)
    except BROKEN as error:
        raise ZipError(f"it is damaged ({type(error).__name__})") from None


def opened(place: Path | bytes) -> zipfile.ZipFile:
    """A zip.

    Raises:
        ZipError: it is none.
    """
    try:
        return zipfile.ZipFile(io.BytesIO(place) if isinstance(place, bytes) else place)
    except BROKEN as error:
        raise ZipError(f"it is no zip, or damaged ({type(error).__name__})") from None


def unpack(place: Path, folder: Path, largest: int) -> list[tuple[str, str, str]]:
    """Unpack the zip of a class; which members were not unpacked: name, reason, detail.

    A link becomes a link to nowhere: it is refused as every link is, and nobody gets a silent mark beside it. What
    cannot be read becomes an empty file, for the same reason.

    Raises:
        ZipError: it is no zip, or beyond the limits.
    """
    wrong: list[tuple[str, str, str]] = []
    left = MOST_BYTES
    with opened(place) as archive:
        for info in members(archive, MOST_MEMBERS):
            name = name_of(info)
            parts = parts_of(name)
            if not parts:
                wrong.append((name, "leads-out", ""))
                continue
            target = folder.joinpath(*parts)
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if is_link(info):
                    target.symlink_to("not-followed")
                    continue
                try:
                    content = content_of(archive, info, largest + 1)
                except ZipError as error:
                    content = b""
                    wrong.append((name, "zip-member", str(error)))
                left -= len(content)
                if left < 0:
                    raise ZipError(f"it holds more than {MOST_BYTES // 10**9} GB")
                with target.open("xb") as file:
                    file.write(content)
            except (OSError, ValueError) as error:
                twice = isinstance(error, FileExistsError)
                wrong.append((name, "zip-member", "the zip holds it twice" if twice else type(error).__name__))
    return wrong


def notebooks_in(content: bytes, largest: int) -> Iterator[tuple[str, bytes]]:
    """The notebooks in one student's zip: name and content.

    Raises:
        ZipError: it cannot be looked into, or holds what cannot be: another archive, a link.
    """
    left = STUDENTS_BYTES
    if content.count(b"PK\1\2") > MOST_MEMBERS:  # each is a member, unless it stands in one
        raise ZipError(f"it holds more than {MOST_MEMBERS} files")
    with opened(content) as archive:
        for info in members(archive, STUDENTS_MEMBERS):
            name = name_of(info)
            parts = parts_of(name)
            if any(part == "__MACOSX" or part.startswith(".") for part in parts):
                continue
            if not parts or is_link(info) or name.lower().endswith((".zip", ".7z", ".rar", ".gz", ".tgz", ".tar")):
                raise ZipError(f"it holds {name[:80]!r}, which is not opened")
            if not ENDINGS.search(parts[-1]):
                continue
            found = content_of(archive, info, largest + 1)
            left -= len(found)
            if left < 0:
                raise ZipError(f"it holds more than {STUDENTS_BYTES // 10**6} MB of notebooks")
            yield "/".join(parts), found
