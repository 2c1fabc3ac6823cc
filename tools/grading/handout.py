"""The student versions that are part of the course: book/assignments/NN_topic.ipynb, made from the sources.

They are kept in the repository, because Colab opens a notebook from there and the site offers them. They hold no
answer and no hidden test. Standard library only: a learner's `make book` and `make links` use this.
"""

from __future__ import annotations

import json
from pathlib import Path

from tools.grading.notebook import read, student_version, text_of

SOURCES = "notebooks/assignments"
VERSIONS = "book/assignments"


def sources(root: Path) -> list[Path]:
    """The assignments' sources."""
    return sorted((root / SOURCES).glob("[0-9][0-9]_*.ipynb"))


def wanted(root: Path) -> dict[Path, str]:
    """Each student version and its text."""
    return {root / VERSIONS / path.name: text_of(student_version(read(path))) for path in sources(root)}


def stale(root: Path) -> list[Path]:
    """The student versions that are not what their source makes, or have none.

    A public copy of the course holds no sources at all: there the versions stay as they are.
    """
    if not (root / SOURCES).is_dir():
        return []
    texts = wanted(root)
    wrong = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    return wrong + sorted(path for path in (root / VERSIONS).glob("*.ipynb") if path not in texts)


def write(root: Path) -> list[Path]:
    """Make the student versions anew where the source has changed; which ones."""
    changed, texts = stale(root), wanted(root)
    for path in changed:
        if path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return changed


def listed(root: Path) -> list[tuple[str, str, int]]:
    """Each assignment's name, title and minutes."""
    found = []
    for path in sources(root) or sorted((root / VERSIONS).glob("[0-9][0-9]_*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        lines = [line for cell in notebook["cells"] for line in "".join(cell["source"]).splitlines()]
        title = next((line[2:].strip() for line in lines if line.startswith("# ")), path.stem)
        found.append((path.stem, title, int(notebook["metadata"].get("symrl", {}).get("minutes", 45))))
    return found
