"""`make bench`: its table is whole, and the page holds the one of the last run."""

from __future__ import annotations

import re
import runpy
import sys

import pytest

from tools import bench

PAGE = (bench.ROOT / bench.PAGE).read_text(encoding="utf-8")
ROW = ("a work", "a peer", 0.3, 0.15, 0.25)


def test_a_line_of_the_table() -> None:
    assert bench.cells(ROW) == ("a work", "a peer", "300\u00a0ms", "150\u00a0ms", "2.00\u00a0×", "25\u00a0%")
    assert [bench.seconds(t) for t in (12.0, 0.0123, 12.3e-6)] == ["12\u00a0s", "12.3\u00a0ms", "12.3\u00a0µs"]


def test_the_page_is_written_between_its_marks() -> None:
    text = bench.written({"layers": [ROW]}, PAGE)
    assert "| " + " | ".join(bench.cells(ROW)) + " |" in text and "Measured on " in text
    assert bench.written({"layers": [ROW]}, text) == text
    assert text.startswith(PAGE.partition("<!-- BEGIN")[0]) and text.endswith(PAGE.rpartition("END bench")[2])
    with pytest.raises(ValueError, match="has 0 places for the table"):
        bench.written({"layers": [ROW]}, "a page without marks")


def test_the_page_holds_a_whole_table() -> None:
    body = bench.MARKS.search(PAGE)
    assert body is not None
    parts = re.split(r"^### ", body[2], flags=re.MULTILINE)[1:]
    assert [part.partition("\n")[0] for part in parts] == list(bench.PARTS.values())
    for part in parts:
        rows = re.findall(r"^\| .+ \|$", part, re.MULTILINE)[2:]
        assert rows and all(row.count("|") == len(bench.HEAD) + 1 and "nan" not in row for row in rows)
    assert all(package in body[2] for package in bench.PACKAGES)


@pytest.mark.parametrize("name", bench.PARTS)
def test_every_benchmark_has_rows(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(bench.ROOT / "benchmarks"), *sys.path])
    assert callable(runpy.run_path(str(bench.ROOT / "benchmarks" / f"{name}.py"))["rows"])
