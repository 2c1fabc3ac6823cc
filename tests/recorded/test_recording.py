"""The programs that record: what is missing, what goes on where, and the page that tells a researcher how."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import _recording  # noqa: E402
import record_chapter05  # noqa: E402
import record_chapter06  # noqa: E402
import record_chapter07  # noqa: E402
import record_chapter08  # noqa: E402

from symrl_lite import recorded  # noqa: E402
from symrl_lite.recorded import Curve  # noqa: E402
from symrl_lite.structured import StructuredSettings  # noqa: E402

PROGRAMS = {"05": record_chapter05, "06": record_chapter06, "07": record_chapter07, "08": record_chapter08}
NAMES = [(chapter, name) for chapter, program in PROGRAMS.items() for name in program.PLANS]


def curve(seeds: list[int], **settings: Any) -> Curve:
    return Curve(np.array([1, 5]), np.array([[seed, 10.0 * seed] for seed in seeds]), 7, settings, seeds, 1.0)


@pytest.mark.parametrize(("chapter", "name"), NAMES)
def test_a_plan_knows_what_its_file_holds(chapter: str, name: str) -> None:
    """Without a file everything is missing; with it nothing that it holds; and nothing that it holds is dropped."""
    found = recorded.load(name)
    assert found.command == f"python benchmarks/record_chapter{chapter}.py {name}"
    plan = PROGRAMS[chapter].plan(name)
    everything, missing = plan.missing({}), plan.missing(found.curves)
    assert all(everything.values()) and sum(map(len, missing.values())) < sum(map(len, everything.values()))
    if chapter != "07":
        assert missing == {}
    assert set(plan.put(found.curves, {})) == set(found.curves)


def test_batches_are_run_once_each_and_keep_their_order() -> None:
    seeds = range(10, 12)
    plan = _recording.Batches(dict.fromkeys(("first", "second", "third"), dict), seeds)
    done = {"second": curve([10, 11]), "of the third, at 0.1": curve([10, 11], job="third")}
    assert plan.missing(done) == {"first": [10]}
    assert list(plan.put(done, {"first": curve([10, 11])})) == ["first", *done]
    plan = _recording.Batches(
        {"several": lambda: {"a": curve([1]), "b": curve([1])}, "one": lambda: {"one": curve([1])}}, [1]
    )
    assert [c.settings for c in plan.run("several", 1).values()] == [{"job": "several"}] * 2
    assert plan.run("one", 1)["one"].settings == {}


def test_rows_of_one_training_are_tried_together_and_lack_their_own_seeds() -> None:
    def data(seed: int) -> Any:
        raise AssertionError  # nothing is played to find out what is missing

    row = record_chapter07.Row("a", StructuredSettings(), partial(data), lambda: None, seeds=(0, 1))  # type: ignore[arg-type, return-value]
    rows = [row, replace(row, name="b", settings=StructuredSettings(graph=False)), replace(row, name="c", seeds=(1, 2))]
    plan = record_chapter07.Trainings(rows)
    assert {label: [r.name for r in together] for label, together in plan.together.items()} == {
        "a": ["a", "c"],
        "b": ["b"],
    }
    assert plan.missing({}) == {"a": [0, 1, 2], "b": [0, 1]}
    done = {"a, H@1": curve([0, 1]), "c, H@1": curve([1])}
    assert plan.missing(done) == {"a": [2], "b": [0, 1]}
    found = plan.put(done, {"c, H@1": curve([2]), "b, H@1": curve([1]), "a, H@1": curve([1])})
    assert {name: c.seeds for name, c in found.items()} == {"a, H@1": [0, 1], "b, H@1": [1], "c, H@1": [1, 2]}
    assert found["c, H@1"].returns.tolist() == [[1, 10], [2, 20]] and found["c, H@1"].seconds == 2
    assert plan.put(found, {"b, H@1": curve([0])})["b, H@1"].returns.tolist() == [[0, 0], [1, 10]]


PROGRAM = '''
"""How it is called."""
import sys
from pathlib import Path
import numpy as np
from _recording import Batches, main
from symrl_lite.recorded import Curve

def job(value):
    if value == 3 and not Path(__file__).with_name("mended").exists():
        raise ValueError("three is bad")
    return {f"curve {value}": Curve(np.array([0, 1]), np.full((2, 2), value), 1, {"rate": value}, [5, 6], 0.1)}

def plan(name):
    return Batches({f"job {value}": lambda value=value: job(value) for value in (1, 2, 3)}, [5, 6])

if __name__ == "__main__":
    main("record_chapter99", __doc__, ["small"])
'''


def test_a_recording_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """A program of three jobs: one fails and is named, the others are in the file; later that one alone is run."""
    program, out = tmp_path / "record_chapter99.py", tmp_path / "out"
    program.write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "_recording.py").write_text((ROOT / "benchmarks" / "_recording.py").read_text(encoding="utf-8"))

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)

    assert "How it is called." in call().stderr
    first = call("small", "--workers", "1", "--into", str(out))
    assert first.returncode == 1 and "job 3, seed 5: ValueError: three is bad" in first.stderr
    text = (out / "small.json").read_text(encoding="utf-8")
    assert '"command": "python benchmarks/record_chapter99.py small"' in text
    assert '"job": "job 1"' in text and '"job": "job 2"' in text and "job 3" not in text
    (tmp_path / "mended").touch()
    second = call("small", "--workers", "1", "--into", str(out))
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith("curve 3, from seed 5") and len(second.stdout.splitlines()) == 1
    again = (out / "small.json").read_text(encoding="utf-8")
    rows = text.splitlines()[2:-2]
    assert all(row.rstrip(",") in again for row in rows) and '"job": "job 3"' in again
    assert call("small", "--into", str(out)).stdout.endswith("small.json is complete\n")


def test_the_page_for_researchers_shows_what_runs(tmp_path: Path) -> None:
    page = (ROOT / "book" / "researchers.md").read_text(encoding="utf-8")
    example, reading = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len([line for line in example.splitlines() if line and not line.startswith("from")]) <= 12
    for shown, short in (("20_480", "512"), ("range(10)", "range(1)"), ('out="my', 'workers=1, out="my')):
        assert example.count(shown) == 1
        example = example.replace(shown, short)
    (tmp_path / "mine.py").write_text(example + reading, encoding="utf-8")
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"equivariant \[.*\]\nplain \[.*\]\n", done.stdout)
    assert "python benchmarks/record_chapter05.py wind" in done.stdout
    assert len(list((tmp_path / "my_results").rglob("*.json"))) == 2
    for command in re.findall(r"python (benchmarks/\S+)", page):
        assert (ROOT / command).exists()
    options = set(re.findall(r"--(?:into|workers|scheduler)\b", page))
    shown = subprocess.run(
        [sys.executable, "benchmarks/record_chapter05.py", "-h"], cwd=ROOT, capture_output=True, text=True
    )
    assert options and all(option in shown.stdout for option in options)
