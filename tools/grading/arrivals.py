"""A class as a learning-management system exports it: whose files are whose.

| system | what its export looks like |
| --- | --- |
| any | one folder a student |
| Canvas | `doejane_12345_678901_01_groups.ipynb`, `doejane_LATE_12345_678901_01_groups-1.ipynb` |
| Blackboard | `Assignment 1_jd12_attempt_2026-11-20-14-03-22_01_groups.ipynb`, and a .txt that names the student |
| Moodle | `Jane Doe_12345_assignsubmission_file_/01_groups.ipynb`, or the same without the folder |
| Gradescope | `submission_123/01_groups.ipynb`, and a `submission_metadata.yml` that names the students |

They may be mixed, and lie in one more folder. What belongs to one student becomes one `Arrived`; files that say
nothing about their owner are named.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tools.grading import files
from tools.grading.names import ENDINGS
from tools.grading.precheck import Problem

CANVAS = re.compile(
    r"(?P<who>anon_[^_\s]+|(?=[^_]*[^\W\d_])[^_\s]+)(?:_late)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.I | re.S
)
MOODLE = re.compile(r"(?P<who>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>[a-z]+)(?:_(?P<file>.*))?", re.S)
BLACKBOARD = re.compile(
    r"(?P<front>.+?)_attempt_(?P<when>20\d\d(?:-\d\d){5})(?:_(?P<file>.+)|(?P<text>\.txt))", re.I | re.S
)
GRADESCOPE = "submission_metadata.yml"
TEXT = re.compile(r"^\s*Name:\s*(?P<name>.*?)\s*\((?P<id>[^()\s]+)\)\s*$", re.M)
LARGEST_LIST = 20_000_000  # bytes of submission_metadata.yml


@dataclass(frozen=True)
class Arrived:
    """What belongs to one student."""

    student: str  # the name under which it is graded
    places: tuple[Path, ...]  # folders and files
    system: str = ""  # empty for a folder of any name
    ids: tuple[str, ...] = ()  # by which a roster may know the student
    name: str = ""
    when: str = ""  # when it was handed in, where only a list says it


def visible(folder: Path) -> list[Path]:
    """What a folder holds, in order, without what systems put there for themselves."""
    found = sorted(folder.iterdir(), key=lambda path: path.name)
    return [path for path in found if not path.name.startswith(".") and path.name not in files.IGNORED]


def is_folder(path: Path) -> bool:
    """Whether it is a folder, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def hidden(folder: Path) -> list[Path]:
    """Folders that `visible` leaves out and that hold a notebook: a student's name may begin with a point."""
    found = []
    for path in sorted(folder.glob(".*")):
        with contextlib.suppress(OSError):
            if is_folder(path) and path.name not in files.IGNORED:
                inside = itertools.islice(path.iterdir(), files.MOST)
                found += [path] if any(ENDINGS.search(one.name) for one in inside) else []
    return found


def is_export(folder: Path) -> bool:
    """Whether a folder is a system's export, and no student's."""
    inside = [path.name for path in visible(folder)]
    shapes = (MOODLE, BLACKBOARD, CANVAS)
    return GRADESCOPE in inside or any(shape.fullmatch(name) for shape in shapes for name in inside)


def owners_inside(folder: Path) -> list[str]:
    """The students whose notebooks a system's export holds that lies in a folder of the class; none in a student's."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        inside = visible(folder) if is_folder(folder) else []
        listed = gradescope_list(folder / GRADESCOPE) if any(path.name == GRADESCOPE for path in inside) else {}
        for path in inside:
            moodle = MOODLE.fullmatch(path.name)
            if is_folder(path):
                owners = listed.get(path.name, [moodle_owner(path, moodle)] if moodle else [])
            else:
                owners = owner_of_file(path, {}) if ENDINGS.search(path.name) else []
            found.update(one.student for one in owners)
    return sorted(found)


def root_of(folder: Path, zipped: bool = False) -> Path:
    """The folder that holds the class: zips often hold one more folder round all."""
    for _ in range(files.DEPTH):
        inside = visible(folder)
        if len(inside) != 1 or not is_folder(inside[0]):
            break
        try:
            several = zipped and sum(is_folder(path) for path in visible(inside[0])) > 1
            if not several and not is_export(inside[0]):
                break
        except OSError:
            break
        folder = inside[0]
    return folder


def arrived(folder: Path) -> tuple[list[Arrived], list[Problem]]:
    """The students of a class, and the files that say nothing about their owner."""
    inside = visible(folder)
    texts = blackboard_texts(inside)
    listed = gradescope_list(folder / GRADESCOPE) if any(path.name == GRADESCOPE for path in inside) else {}
    found: dict[tuple[str, str], Arrived] = {}
    problems = [Problem("", path.name, "", "hidden-folder") for path in hidden(folder)]
    for path in inside:
        if path.name == GRADESCOPE and not is_folder(path):
            continue
        if path.name in listed and is_folder(path):
            owners = listed[path.name]
        elif not path.is_symlink() and not path.is_dir():
            owners = owner_of_file(path, texts)
            if not owners:
                problems.append(Problem("", path.name, "", "not-a-folder"))
        else:
            moodle = MOODLE.fullmatch(path.name)
            owners = [moodle_owner(path, moodle) if moodle else Arrived(path.name, (path,))]
        for one in owners:
            key = (one.system, one.student)
            before = found.get(key)
            found[key] = replace(before, places=before.places + one.places) if before else one
    return distinct(found.values()), problems


def distinct(found: Iterable[Arrived]) -> list[Arrived]:
    """The same, no two under one name: two systems may call two people alike."""
    seen: dict[str, Arrived] = {}
    for one in found:
        name = one.student
        while name in seen:
            name = f"{name} ({one.system or 'folder'})"
        seen[name] = replace(one, student=name)
    return list(seen.values())


def owner_of_file(path: Path, texts: dict[str, str]) -> list[Arrived]:
    """The student to whom a file of a flat export belongs; none where its name does not say. A text has no place."""
    name = path.name
    shapes = [shape.fullmatch(name) for shape in (CANVAS, MOODLE, BLACKBOARD)]
    found = [one for one in shapes if one]
    if not found:
        return []
    first = min(found, key=lambda one: len(name) - len(one["file"] or ""))  # behind it stands what the student wrote
    if first.re is MOODLE:
        return [moodle_owner(path, first)]
    if first.re is BLACKBOARD:
        front = first["front"]
        known = [user for user in texts if front.endswith(f"_{user}")]
        user = max(known, key=len) if known else front.rpartition("_")[2]
        places = () if first["text"] else (path,)
        return [Arrived(user, places, "Blackboard", (user,), texts.get(user, ""))]
    return [Arrived(f"{first['who']}_{first['id']}", (path,), "Canvas", (first["id"],), first["who"])]


def moodle_owner(path: Path, found: re.Match[str]) -> Arrived:
    """The student of one of Moodle's names; the number is the participant's."""
    ids = (found["id"], f"Participant {found['id']}")
    return Arrived(f"{found['who']}_{found['id']}", (path,), "Moodle", ids, found["who"])


def blackboard_texts(inside: Iterable[Path]) -> dict[str, str]:
    """User names and names of students, from the texts that Blackboard puts beside their files."""
    known = {}
    for path in inside:
        found = BLACKBOARD.fullmatch(path.name)
        if not found or not found["text"]:
            continue
        try:
            content = files.read_safely(path, 1_000_000) or b""
        except OSError:
            continue
        head = content[:4000].decode("utf-8-sig", "replace").partition("\n\n")[0]  # below it stands a student's text
        said = TEXT.search(head)
        if said and found["front"].endswith(f"_{said['id']}"):
            known[said["id"]] = said["name"]
    return known


def gradescope_list(path: Path) -> dict[str, list[Arrived]]:
    """Whose each of Gradescope's folders is; a folder of a group is each member's. Empty where it cannot be read."""
    import yaml

    class Plain(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Data alone: what Ruby's tags mean is not asked, and dates stay text."""

    Plain.add_multi_constructor("!", lambda loader, suffix, node: None)
    Plain.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: node.value)
    try:
        content = files.read_safely(path, LARGEST_LIST)
        table = yaml.load((content or b"").decode("utf-8-sig", "replace"), Loader=Plain)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return {}
    found: dict[str, list[Arrived]] = {}
    for folder, about in table.items() if isinstance(table, dict) else ():
        about = about if isinstance(about, dict) else {}
        people = about.get(":submitters")
        when = word(about.get(":created_at"))
        for person in people if isinstance(people, list) else ():
            one = gradescope_owner(path.parent / str(folder), person, when)
            if one:
                found.setdefault(str(folder), []).append(one)
    return found


def word(value: Any) -> str:
    """A text or a number of a list; a list within it could be without end."""
    return str(value).strip()[:300] if isinstance(value, str | int) else ""


def gradescope_owner(place: Path, person: Any, when: str) -> Arrived | None:
    """One of the people who handed a folder in."""
    if not isinstance(person, dict):
        return None
    name, number, email = (word(person.get(f":{key}")) for key in ("name", "sid", "email"))
    ids = tuple(word for word in (number, email) if word)
    student = "_".join(word for word in (name, number or email) if word)
    return Arrived(student, (place,), "Gradescope", ids, name, when) if student else None
