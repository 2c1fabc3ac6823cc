"""`make bench`: its table is whole, and the page holds the one of the last run."""

from __future__ import annotations

import importlib
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

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


def test_the_long_training_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two updates and two more are four: the same weights, to the last bit."""
    monkeypatch.syspath_prepend(str(bench.ROOT / "benchmarks"))
    program = importlib.import_module("structured")
    monkeypatch.setattr(program, "BATCH", 8)
    monkeypatch.setattr(program, "EVERY", 2)
    data, test = (program.record_episodes(program.Shapes().copies, 20, 10, seed=seed) for seed in (0, 1))
    for name, ends in (("stopped", (2, 4)), ("straight", (4,))):
        for updates in ends:
            program.train_original(data, test, updates, tmp_path / name)
    stopped, straight = (torch.load(tmp_path / name, weights_only=False) for name in ("stopped", "straight"))
    assert stopped["done"] == straight["done"] == 4
    assert all(torch.equal(stopped["model"][name], weights) for name, weights in straight["model"].items())
