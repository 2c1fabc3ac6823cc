"""What the chapters say of themselves, written wherever it is shown.

    make chapters                         # write it anew, after a chapter was added or its metadata changed
    python tools/chapters.py --check      # only say what does not agree, and what a chapter still lacks

A chapter is described once, in its notebook's metadata (`course`): number, slug, the question it answers, what it
teaches, what it needs, minutes to read, seconds of the processor at most, assignment. From that are made the marked
blocks of README.md, _toc.yml and the pages in book/, and the times in the notebook's own box. What is written by hand
and has to agree (what the box says you need, the syllabus, the names of files) is compared. Chapters that are
announced and not written stand in book/planned.json. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.grading import handout  # noqa: E402

PLANNED = "book/planned.json"
CASES = "tests/grading/cases"
FIELDS = {
    "number": int,
    "slug": str,
    "question": str,
    "teaches": str,
    "needs": str,
    "minutes": int,
    "max_seconds": int,
    "assignment": str,
}
TO_WRITE = "TODO"  # what a skeleton holds where the author is wanted
BLOCK = re.compile(
    r"^(?P<begin>[ ]*(?:#|<!--) BEGIN chapters: (?P<name>\w+).*\n)(?P<body>(?:.*\n)*?)"
    r"(?P<end>[ ]*(?:#|<!--) END chapters)",
    re.MULTILINE,
)
READING = re.compile(r"(\*\*Reading time\*\* )\d+( minutes)")
RUN = re.compile(r"(\*\*Run time\*\* )[^.;*]+")
NAMED = re.compile(r"\bchapters? (\d+(?:(?:, | and | to )\d+)*)")


@dataclass(frozen=True)
class Chapter:
    """One chapter, as its notebook's metadata describe it; `heading` is the notebook's first."""

    path: str  # from the root, with forward slashes
    heading: str
    number: int
    slug: str
    question: str
    teaches: str
    needs: str
    minutes: int
    max_seconds: int
    assignment: str  # the name of its file, without .ipynb

    @property
    def name(self) -> str:
        """What its files are called.

        >>> Chapter("", "", 3, "mdp_homomorphisms", "", "", "", 60, 60, "").name
        '03_mdp_homomorphisms'
        """
        return f"{self.number:02d}_{self.slug}"

    @property
    def title(self) -> str:
        """The heading without the question behind its colon."""
        return self.heading.partition(":")[0]


# --- reading -------------------------------------------------------------------------------------------------


def paths(root: Path = ROOT) -> list[Path]:
    """The chapters' notebooks, in their order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def cells_of(path: Path, kind: str | None = None) -> list[tuple[str, str]]:
    """The name and the text of each cell."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["id"], "".join(cell["source"])) for cell in cells if kind in (None, cell["cell_type"])]


def described(root: Path, path: Path) -> Chapter:
    """What a notebook says of itself.

    Raises:
        ValueError: its metadata `course` lack a field, or hold one of another type or of a name that is not known.
    """
    name = path.relative_to(root).as_posix()
    course: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("course", {})
    for field, kind in FIELDS.items():
        if not isinstance(course.get(field), kind):
            found = f"is {course[field]!r}" if field in course else "is missing"
            raise ValueError(f"{name}: metadata.course.{field} {found}, expected {kind.__name__}")
    if unknown := sorted(set(course) - set(FIELDS)):
        raise ValueError(f"{name}: metadata.course.{unknown[0]} is not known; there are {', '.join(FIELDS)}")
    text = "\n".join(source for _, source in cells_of(path, "markdown"))
    heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return Chapter(path=name, heading=heading.group(1).strip() if heading else path.stem, **course)


def read(root: Path = ROOT) -> list[Chapter]:
    """Every chapter, in order; ValueError says which field of which notebook is missing."""
    return [described(root, path) for path in paths(root)]


def planned(root: Path = ROOT) -> list[dict[str, Any]]:
    """The chapters that are announced and not written yet: number, title, question."""
    path = root / PLANNED
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return entries


def minutes_of(root: Path, assignment: str) -> str:
    """What an assignment's own metadata allow for it; empty where there is none."""
    path = root / handout.VERSIONS / f"{assignment}.ipynb"  # a public copy has no sources
    return str(json.loads(path.read_text(encoding="utf-8"))["metadata"]["symrl"]["minutes"]) if path.is_file() else ""


def numbers_in(text: str) -> set[int]:
    """The chapters that a text names; what stands in brackets may come between them.

    >>> sorted(numbers_in("chapters 1 to 3 and chapter 6, seen once"))
    [1, 2, 3, 6]
    >>> sorted(numbers_in("chapters 2 (equivariance and its checks) and 6 (the collapse)"))
    [2, 6]
    """
    found: set[int] = set()
    for listed in NAMED.findall(re.sub(r" \([^)]*\)", "", text)):
        for part in re.split(r", | and ", listed):
            first, _, last = part.partition(" to ")
            found |= set(range(int(first), int(last or first) + 1))
    return found


def spelled(numbers: list[int]) -> str:
    """Numbers in rising order, in words.

    >>> spelled([1, 2, 3, 4, 6, 8, 9])
    '1 to 4, 6, 8 and 9'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [part for run in runs for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def run_time(seconds: int) -> str:
    """A chapter's time in words. Its budget is twice what it takes, so that another machine keeps it too.

    >>> [run_time(seconds) for seconds in (30, 60, 160, 180)]
    ['under a minute', 'about a minute', 'about a minute', 'about two minutes']
    """
    words = ("under a minute", "about a minute", "about two minutes", "about three minutes")
    return words[min((seconds + 60) // 120, 3)]


# --- what is made --------------------------------------------------------------------------------------------


def contents(root: Path) -> str:
    """For _toc.yml: the chapters' files."""
    return "".join(f"      - file: {chapter.path.removesuffix('.ipynb')}\n" for chapter in read(root))


def table(root: Path) -> str:
    """For README.md: what each chapter teaches."""
    rows = [f"| [{c.number} {c.title}]({c.path}) | {c.teaches} |" for c in read(root)]
    return "\n".join(["| chapter | what you learn |", "| --- | --- |", *rows]) + "\n\n"  # or the end is a row


def course_map(root: Path) -> str:
    """For the first page: each chapter and its question, those in preparation too."""
    entries = {c.number: (f"[{c.title}](../{c.path})", c.question) for c in read(root)}
    ready = spelled(sorted(entries))
    for entry in planned(root):
        entries[entry["number"]] = (f"{entry['title']} *(in preparation)*", entry["question"])
    rows = ["* - ", "  - Chapter", "  - The question it answers"]
    for number, (title, question) in sorted(entries.items()):
        rows += [f"* - {number}", f"  - {title}", f"  - {question}"]
    head = "```{list-table}\n:header-rows: 1\n:class: course-map\n:widths: 6 40 54\n\n"
    return head + "\n".join(rows) + "\n```\n\n" + f"Chapters {ready} are here and complete.\n"


def needs_and_times(root: Path) -> str:
    """For instructors: what each chapter needs and takes."""
    head = ["chapter", "needs", "minutes to read", "run time", "assignment, minutes"]
    rows = [head, ["---"] * len(head)]
    for c in read(root):
        first = f"{c.number} {c.title}"
        rows.append([first, c.needs, str(c.minutes), run_time(c.max_seconds), minutes_of(root, c.assignment)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows) + "\n"


MAKERS = {"contents": contents, "table": table, "map": course_map, "needs": needs_and_times}


def timed(chapter: Chapter, text: str) -> str:
    """The notebook's file with the times of its metadata in its box."""
    text = READING.sub(rf"\g<1>{chapter.minutes}\g<2>", text)
    return RUN.sub(rf"\g<1>{run_time(chapter.max_seconds)}", text)


def written(root: Path) -> dict[Path, str]:
    """Every file that shows something of the chapters, with the text it should have.

    Raises:
        ValueError: a notebook's metadata lack a field, or a block has a name that nothing makes.
    """
    texts = {}
    for path in [root / "README.md", root / "_toc.yml", *sorted((root / "book").glob("*.md"))]:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""

        def renewed(found: re.Match[str], path: Path = path) -> str:
            if found["name"] not in MAKERS:
                raise ValueError(f"{path.name}: no block is called {found['name']!r}; there are {', '.join(MAKERS)}")
            return found["begin"] + MAKERS[found["name"]](root) + found["end"]

        if BLOCK.search(text):
            texts[path] = BLOCK.sub(renewed, text)
    for chapter in read(root):
        path = root / chapter.path
        texts[path] = timed(chapter, path.read_text(encoding="utf-8"))
    return texts


def stale(root: Path = ROOT) -> list[Path]:
    """The files that say something else than the chapters' metadata."""
    return [path for path, text in written(root).items() if path.read_text(encoding="utf-8") != text]


def write(root: Path = ROOT) -> list[Path]:
    """Write what the metadata say into every file that says something else, and name those files."""
    changed, texts = stale(root), written(root)
    for path in changed:
        path.write_text(texts[path], encoding="utf-8", newline="\n")
    return changed


# --- what is compared ----------------------------------------------------------------------------------------


def syllabus(root: Path) -> tuple[set[int], set[int]]:
    """The chapters and the assignments that the instructors' weeks name."""
    text = (root / "book/instructors.md").read_text(encoding="utf-8")
    kept: tuple[set[int], set[int]] = (set(), set())
    columns: list[str] = []
    for line in text.splitlines():
        row = [part.strip() for part in line.strip("|").split("|")] if line.startswith("| ") else []
        if row[:1] == ["week"]:
            columns = row
        elif not row:
            columns = []
        for column, part in zip(columns, row, strict=False):
            if column.startswith(("chapter", "assignment")):
                numbers = {int(number) for number in re.findall(r"\b\d+\b", part)}
                kept[column.startswith("assignment")].update(numbers)
    return kept


def lacks(root: Path, path: Path) -> list[str]:
    """What is still missing for one chapter, by name."""
    try:
        chapter = described(root, path)
    except ValueError as error:
        return [str(error)]
    return [*_lacks_in_notebook(chapter, path), *_lacks_beside(root, chapter)]


def _lacks_in_notebook(chapter: Chapter, path: Path) -> Iterator[str]:
    if path.stem != chapter.name:
        yield f"the file is called {path.stem}, and its metadata say {chapter.name}"
    for field in FIELDS:
        value = getattr(chapter, field)
        if not value or TO_WRITE in str(value):
            yield f"metadata.course.{field} is {value!r}"
    box = next((text for _, text in cells_of(path, "markdown") if "**In this chapter**" in text), "")
    said = numbers_in(next((line for line in box.splitlines() if "**You need**" in line), ""))
    needed = numbers_in(chapter.needs)
    if said != needed:
        yield f"the box needs chapters {sorted(said)}, and metadata.course.needs names {sorted(needed)}"
    if late := sorted(number for number in needed if number >= chapter.number):
        yield f"metadata.course.needs names chapter {late[0]}, which comes later"
    for cell, text in cells_of(path):
        for left in re.findall(rf"{TO_WRITE}:? ?(.*)", text):
            yield f"cell {cell}: {left}"


def _lacks_beside(root: Path, chapter: Chapter) -> Iterator[str]:
    number = f"chapter{chapter.number:02d}"
    opening = {
        f"symrl_lite/checks/{number}.py": f'"""Checks for chapter {chapter.number}, *{chapter.title}',
        f"tests/checks/test_{number}.py": f'"""The checks of chapter {chapter.number} ',
    }
    for name in (*opening, f"benchmarks/record_{number}.py"):
        text = (root / name).read_text(encoding="utf-8") if (root / name).is_file() else ""
        if name in opening and not text:
            yield f"{name} is missing"
        elif not text.startswith(opening.get(name, "")):
            yield f"{name} does not begin with {opening[name]}"
        for left in re.findall(rf"{TO_WRITE}:? ?(.*)", text):
            yield f"{name}: {left}"
    if not (root / handout.VERSIONS / f"{chapter.assignment}.ipynb").is_file():
        yield f"{handout.SOURCES}/{chapter.assignment}.ipynb, the assignment, is missing, or `make assignments` is due"
    if (root / handout.SOURCES).is_dir() and not (root / CASES / f"{chapter.assignment}.py").is_file():
        yield f"{CASES}/{chapter.assignment}.py, the answers that the assignment is tried on, is missing"
    for what, numbers in zip(("chapter", "assignment"), syllabus(root), strict=True):
        if chapter.number not in numbers:
            yield f"book/instructors.md: no week of the syllabus has {what} {chapter.number}"


def problems(root: Path = ROOT) -> list[str]:
    """All that does not agree, over all chapters."""
    found = [f"{path.name}: {line}" for path in paths(root) for line in lacks(root, path)]
    try:
        found += [f"{path.relative_to(root)} is not what the chapters say: make chapters" for path in stale(root)]
    except ValueError as error:
        return [*found, str(error)] if str(error) not in "\n".join(found) else found
    numbers = sorted([chapter.number for chapter in read(root)] + [entry["number"] for entry in planned(root)])
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"the chapters here and in {PLANNED} are {numbers}, expected 1 to {len(numbers)}, each once")
    for what, named in zip(("chapter", "assignment"), syllabus(root), strict=True):
        found += [
            f"book/instructors.md: the syllabus has {what} {number}, and there is none"
            for number in sorted(named - {chapter.number for chapter in read(root)})
        ]
    return found


def main() -> int:
    """Write, or check, and say what is wrong."""
    parser = argparse.ArgumentParser(description="Write what the chapters' metadata say wherever it is shown.")
    parser.add_argument("--check", action="store_true", help="write nothing; name what does not agree or is missing")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the repository")
    given = parser.parse_args()
    if given.check:
        found = problems(given.root)
        for line in found:
            print(line, file=sys.stderr)
        return 1 if found else 0
    try:
        changed = write(given.root)
    except ValueError as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    for path in changed:
        print(f"written: {path.relative_to(given.root)}")
    if not changed:
        print("Nothing had to change.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
