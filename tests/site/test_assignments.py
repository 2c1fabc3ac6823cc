"""The site offers every assignment and holds no answer and no hidden test of any."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from tools.grading import handout
from tools.grading import notebook as nb

ROOT = Path(__file__).resolve().parents[2]
SOURCES = handout.sources(ROOT)
TEXT = {".html", ".ipynb", ".js", ".json", ".txt", ".md", ".xml", ".py", ".css"}
MARKS = ("BEGIN SOLUTION", "BEGIN HIDDEN TESTS")
SHORTEST = 30  # characters of a line that could not stand anywhere by accident


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if len(line.strip()) >= SHORTEST}


def in_json(line: str) -> str:
    return json.dumps(line, ensure_ascii=False)[1:-1]


def published() -> str:
    """What stands in chapters, in student versions and in the package, which every student has installed."""
    paths = [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / handout.VERSIONS).glob("*.ipynb")]
    cells = [nb.source(cell) for path in paths for cell in nb.read(path)["cells"]]
    package = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "symrl_lite").rglob("*.py"))]
    return "\n".join([*cells, *package])


@pytest.fixture(scope="module")
def texts(site: Path) -> dict[str, str]:
    files = [path for path in site.rglob("*") if path.suffix in TEXT and "vendor" not in path.parts]
    return {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in files}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_answer_and_no_hidden_test_is_on_the_site(path: Path, texts: dict[str, str]) -> None:
    source = nb.read(path)
    known = published()
    secret = {line for cell in source["cells"] for line in lines(nb.source(cell)) if line not in known}
    assert len(secret) > 20
    forms = {
        form for line in secret for form in (line, html.escape(line), html.escape(line, quote=False), in_json(line))
    }
    for name, text in texts.items():
        found = [line for line in forms if line in text]
        assert not found, f"{name} holds {found[:2]}"


def test_the_marks_of_answers_stand_on_the_instructors_page_only(texts: dict[str, str]) -> None:
    holding = {name for name, text in texts.items() if any(mark in text for mark in MARKS)}
    assert {name for name in holding if "instructors" not in name and name != "searchindex.js"} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_assignment_can_be_downloaded(path: Path, site: Path, texts: dict[str, str]) -> None:
    (found,) = site.glob(f"_downloads/*/{path.name}")
    assert found.read_bytes() == (ROOT / handout.VERSIONS / path.name).read_bytes()
    assert found.relative_to(site).as_posix() in texts["book/assignments.html"]
