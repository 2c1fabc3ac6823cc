"""Begin a new chapter: its notebook with the headings of every chapter, its checks, their test, its recorder.

    make chapter NUMBER=8 SLUG=symmetry_as_data

What is made runs from top to bottom and is a chapter without content: wherever the author is wanted stands TODO, and
`make test STEPS=structure` lists each of these places, and what else is missing, until nothing is. The templates lie
in tools/skeleton. Title and question come from book/planned.json, where the chapter is announced; it is taken off that
list. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import chapters, links  # noqa: E402

TEMPLATES = Path(__file__).resolve().parent / "skeleton"
FILES = {
    "checks.txt": "symrl_lite/checks/chapter{nn}.py",
    "test_checks.txt": "tests/checks/test_chapter{nn}.py",
    "recorder.txt": "benchmarks/record_chapter{nn}.py",
}
NOTEBOOK = "notebooks/{nn}_{slug}.ipynb"
MINUTES, SECONDS = 60, 180  # to read, and of the processor at most: what a chapter may take
CELL = re.compile(r"^=== (markdown|code) ([\w-]+)((?: [\w-]+)*)\n", re.MULTILINE)


def checked(root: Path, number: str, slug: str) -> int:
    """The number, where a chapter of this number and name can be made.

    Raises:
        ValueError: it is no number of a chapter, it is taken, or the name is no name of a file.
    """
    if not re.fullmatch(r"[1-9][0-9]?", number):
        raise ValueError(f"NUMBER is {number!r}, expected 1 to 99: make chapter NUMBER=8 SLUG=symmetry_as_data")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", slug):
        raise ValueError(
            f"SLUG is {slug!r}, expected small letters and underscores: make chapter NUMBER=8 SLUG=symmetry_as_data"
        )
    taken = [path.name for path in chapters.paths(root) if int(path.stem[:2]) == int(number)]
    names = [root / name.format(nn=f"{int(number):02d}", slug=slug) for name in (NOTEBOOK, *FILES.values())]
    taken += [path.relative_to(root).as_posix() for path in names if path.exists()]
    if taken:
        raise ValueError(f"chapter {number} is there already: {taken[0]}")
    return int(number)


def cells_from(text: str) -> list[dict[str, Any]]:
    """The cells of a template: after a line `=== KIND NAME TAGS` stands what the cell holds."""
    _, *parts = CELL.split(text)
    cells: list[dict[str, Any]] = []
    for kind, name, tags, content in zip(*[iter(parts)] * 4, strict=True):
        lines = content.strip("\n").splitlines(keepends=True)
        cell = {"cell_type": kind, "id": name, "metadata": {"tags": tags.split()} if tags else {}, "source": lines}
        cells.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    return cells


def make(root: Path, number: str, slug: str) -> list[Path]:
    """Write the skeleton and what shows it; the new files.

    Raises:
        ValueError: see `checked`; then nothing is written.
    """
    n = checked(root, number, slug)
    announced = chapters.planned(root)
    mine = next((entry for entry in announced if entry["number"] == n), {})
    title = mine.get("title") or slug.replace("_", " ").capitalize()
    question = mine.get("question") or f"{chapters.TO_WRITE}: the question that the chapter answers?"
    filled = {"NUMBER": n, "NN": f"{n:02d}", "BEFORE": n - 1, "AFTER": n + 1, "TITLE": title, "QUESTION": question}

    def text_of(template: str) -> str:
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        return re.sub(r"<<(\w+)>>", lambda found: str(filled[found[1]]), text)

    course = {
        "assignment": f"{n:02d}_{slug}",
        "max_seconds": SECONDS,
        "minutes": MINUTES,
        "needs": "",
        "number": n,
        "question": question,
        "slug": slug,
        "teaches": "",
    }
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells_from(text_of("chapter.txt")),
        "metadata": {"course": course, "kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    texts = {NOTEBOOK: json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"}
    texts |= {name: text_of(template) for template, name in FILES.items()}
    made = []
    for name, text in texts.items():
        path = root / name.format(nn=f"{n:02d}", slug=slug)
        path.write_text(text, encoding="utf-8", newline="\n")
        made.append(path)
    if mine:
        announced.remove(mine)
        lines = [" " + json.dumps(entry, ensure_ascii=False) for entry in announced]
        content = "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"
        (root / chapters.PLANNED).write_text(content, encoding="utf-8", newline="\n")
    chapters.write(root)
    links.write(root, links.address(root))
    return made


def main() -> int:
    """Make it, and say what comes next."""
    parser = argparse.ArgumentParser(description="Begin a new chapter.")
    parser.add_argument("--number", required=True)
    parser.add_argument("--slug", required=True, help="the name of its file without the number: symmetry_as_data")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the repository")
    given = parser.parse_args()
    try:
        made = make(given.root, given.number, given.slug)
    except ValueError as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    for path in made:
        print(f"written: {path.relative_to(given.root).as_posix()}")
    print(
        f"{len(chapters.lacks(given.root, made[0]))} things are missing; `make test STEPS=structure` lists them.\n"
        "An assignment begins as a copy of another one: CONTRIBUTING.md, 'An assignment'."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
