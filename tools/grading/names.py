"""What the names of folders and files say: which assignment, when, which attempt, late or not.

A name is bytes. Python hands on bytes that are no UTF-8 as lone surrogates, so two names that differ differ as `str`,
too; `key` keeps that apart in everything that is stored. `shown` is for people: it can be written into every file, and
carries a tag where it is not the name itself, so that two students never look like one.

A file's name is read as

    anything _ 01_groups - 2 .ipynb        (also: spaces or hyphens for underscores, "(2)" or " copy" at the end)

with the marks of learning-management systems in front: `late`, the numbers of an upload, a date, a time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

ARCHIVES = ("zip", "7z", "rar", "gz", "tgz", "tar", "bz2", "xz")
ENDINGS = re.compile(r"\.ipynb(?:\.(?:txt|json|download|bak))*\Z", re.I)  # some programs hang on another one
OTHERS = re.compile(rf"(?:\.ipynb)?(?:\.(?:{'|'.join(ARCHIVES)}|txt|json))+\Z", re.I)
END = re.compile(
    r"(?:.*?)(?:[ _-]+copy)?(?:[ _]*\((?P<round>\d{1,9})\)|[-_ ](?P<plain>\d{1,3}))?(?:[ _-]+copy)?\s*\Z", re.I | re.S
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TIME = (
    r"(?:[-_ ,T]{1,3}(?:at[ _-])?(?:"
    r"(?P<hour>\d{1,2})(?P<between>[-_:.h])(?P<minute>\d\d)(?:(?P=between)(?P<second>\d\d))?"
    r"|(?P<compact>\d{6}|\d{3,4})(?!\d))(?P<half>[ _]?[ap]m\b)?(?!\d))?"
)
YEAR, DAY, MONTH = r"(?P<year>20\d\d)(?!\d)", r"(?P<day>\d{1,2})", rf"(?P<name>{'|'.join(MONTHS)})[a-z]*\.?"
DATES = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"(?<!\d)(?P<year>20\d\d)(?P<sep>[-_. ])(?P<month>\d{{1,2}})(?P=sep){DAY}(?!\d){TIME}",
        rf"(?<!\d)(?P<year>20\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:(?P<run>\d{{6}}|\d{{4}})(?!\d)|(?!\d){TIME})",
        rf"(?<!\d)(?P<first>\d{{1,2}})(?P<sep>[-./])(?P<then>\d{{1,2}})(?P=sep){YEAR}{TIME}",
        rf"(?<![a-z]){MONTH}[ _-]+{DAY},?[ _-]+{YEAR}{TIME}",
        rf"(?<!\d){DAY}\.?[ _-]+{MONTH}[ _-]+{YEAR}{TIME}",
    )
]
SHORT_YEAR = re.compile(r"(?<!\d)\d{1,2}([-./])\d{1,2}\1\d\d(?!\d)")  # whose parts nobody can tell apart
LATE = re.compile(r"^(?:\d+_late_\d+_|[^_\s]+(?:_\d+)?_late_\d+_\d+_)", re.I)
CAPITALS = re.compile(r"^(?:\d+_(?i:late)_\d+_|[^_\s]+(?:_\d+)?_LATE_\d+_\d+_)")
SURNAME = re.compile(r"(?<![^\W_])late(?![^\W_])", re.I)
UNCLEAR = (-1,)
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")  # in a name


def key(name: str) -> bytes:
    """Bytes that are different for different names."""
    return name.encode("utf-8", "surrogatepass")


def tag(name: str) -> str:
    """Eight digits that are different for different names."""
    return hashlib.sha256(key(name)).hexdigest()[:8]


def shown(name: str) -> str:
    """A name for people, with a tag where it holds bytes or characters that cannot be shown."""
    try:
        text = name.encode("utf-8", "surrogateescape").decode("cp1252" if _undecoded(name) else "utf-8", "replace")
    except UnicodeEncodeError:  # half a character that no file system made
        text = name.encode("utf-8", "replace").decode("utf-8")
    text = UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if text == name else f"{text} [{tag(name)}]"


def _undecoded(name: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in name)


@dataclass(frozen=True)
class Named:
    """What a file's name says."""

    assignment: str | None
    late: bool
    moment: tuple[int, ...]  # year, month, day, hour, minute, second, as far as they are there; UNCLEAR: not to be told
    number: int  # of the re-submission
    upload: int  # the last number in front


def moment_of(found: re.Match[str]) -> tuple[int, ...] | None:
    """The date, and the time if there is one; None where the numbers are no date."""
    part = found.groupdict()
    year = int(part["year"])
    if part.get("first"):
        first, then = int(part["first"]), int(part["then"])
        if first <= 12 and then <= 12 and first != then and part["sep"] != ".":
            return UNCLEAR  # day and month, or month and day
        day, month = (then, first) if then > 12 else (first, then)
    else:
        day = int(part["day"])
        month = MONTHS.index(part["name"].lower()) + 1 if part.get("name") else int(part["month"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    time = _time_of(part)
    return (year, month, day, *time)


def _time_of(part: dict[str, str | None]) -> tuple[int, ...]:
    run = part.get("run") or part.get("compact")
    if run:
        run = run.zfill(4) if len(run) < 5 else run
        values = [int(run[place : place + 2]) for place in range(0, len(run), 2)]
    elif part.get("hour"):
        values = [int(part[name] or 0) for name in ("hour", "minute", "second") if part.get(name)]
    else:
        return ()
    half = (part.get("half") or "").strip(" _").lower()
    if half and 1 <= values[0] <= 12:
        values[0] = values[0] % 12 + (12 if half == "pm" else 0)
    return tuple(values) if values[0] < 24 and all(value < 60 for value in values[1:]) else ()


def without_dates(text: str) -> tuple[str, list[tuple[int, ...]]]:
    """A text without the dates in it, and the dates."""
    moments: list[tuple[int, ...]] = []

    def take(found: re.Match[str]) -> str:
        moment = moment_of(found)
        if moment is None:
            return found[0]
        moments.append(moment)
        return "\0"

    for pattern in DATES:
        text = pattern.sub(take, text)
    text, count = SHORT_YEAR.subn("\0", text)
    return text, moments + [UNCLEAR] * count


def pattern_of(assignment: str) -> re.Pattern[str]:
    """Finds an assignment's name as systems change it: case, spaces, hyphens."""
    words = r"[\s_-]+".join(re.escape(word) for word in re.split(r"[\s_-]+", assignment))
    return re.compile(rf"(?:^|(?<=[\s_-])){words}(?=[\s_-]|\(|\.|\Z)", re.I)


def read_name(name: str, assignments: Iterable[str], student: str = "") -> Named:
    """What a file's name says; a student called Late is late where it stands between numbers or in capitals."""
    stem = OTHERS.sub("", ENDINGS.sub("", name))
    for assignment in assignments:
        place = pattern_of(assignment).search(stem)
        if place:
            before, after, known = stem[: place.start()], stem[place.end() :], assignment
            break
    else:
        before, after, known = "", stem, None
    first, moments = without_dates(before)
    last, own = without_dates(after)
    moments = moments or own  # a system writes in front
    ending = END.match(last)
    number = int(ending["round"] or ending["plain"] or 0) if ending else 0
    uploads = re.findall(r"\d+", first)
    return Named(
        known,
        bool((CAPITALS if SURNAME.search(student) else LATE).match(before or after)),
        max(moments) if moments and UNCLEAR not in moments else UNCLEAR if moments else (),
        number,
        int(uploads[-1][:18]) if uploads else 0,
    )


def is_newer(one: Named, other: Named) -> bool | None:
    """Whether the names say that one file is newer than another; None where they do not decide."""
    if one.moment != other.moment:
        shared = min(len(one.moment), len(other.moment))
        if UNCLEAR in (one.moment, other.moment) or one.moment[:shared] == other.moment[:shared]:
            return None  # the same day, and only one of them says when; or only one has a date at all
        return one.moment > other.moment
    if one.moment == UNCLEAR or (one.number, one.upload) == (other.number, other.upload):
        return None
    return (one.number, one.upload) > (other.number, other.upload)
