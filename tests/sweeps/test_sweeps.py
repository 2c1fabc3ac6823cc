"""Sweeps: the same results however many workers, nothing lost, and nothing taken for what it is not."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as some

from symrl_lite.sweeps import SweepError, places, sweep, workers
from symrl_lite.sweeps.kept import Kept, decoded, encoded
from tests.sweeps.swept import given_back, leaves, lock, noted, scaled, training

quiet = partial(sweep, progress=False)
two = partial(quiet, workers=2)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    return tmp_path / "notes"


def runs(notes: Path) -> list[str]:
    """What was run, each time it was run, sorted."""
    return sorted(path.name.rpartition(" ")[0] for path in notes.iterdir())


def same(first: Any, second: Any) -> bool:
    """Equal to the last bit, types included."""
    return json.dumps(encoded(first)) == json.dumps(encoded(second))


# --- what comes back ---------------------------------------------------------------------------------------


def test_results_are_in_the_order_of_cases_and_seeds() -> None:
    results = two(scaled, {"ten": 10, "two": 2}, [5, 0, 3])
    assert results == {"ten": [50, 0, 30], "two": [10, 0, 6]} and list(results) == ["ten", "two"]
    assert two(scaled, [0.5, 2], range(2)) == {0.5: [0, 0.5], 2: [0, 2]}
    assert two(lock, [("a", 1), ("b", 2)], [0]) == {0: [1], 1: [1]}  # named by their places
    assert two(partial(scaled, by=3.0), {"a": 1, "b": 2}, {"a": [1, 2], "b": np.arange(3)}) == {
        "a": [3, 6],
        "b": [0, 6, 12],
    }


def test_a_training_is_the_same_wherever_it_runs(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Bit for bit: by one worker, by two, read from the files, and on a cluster."""
    cases = {name: {"network": name, "steps": 512} for name in ("plain", "equivariant")}
    one = quiet(training, cases, [0, 1], workers=1, out=tmp_path)
    assert one["plain"][0]["threads"] == [1] and not same(one["plain"][0], one["plain"][1])
    assert same(one, quiet(training, cases, [0, 1], workers=2))
    assert same(one, quiet(training, cases, [0, 1], out=tmp_path))
    there = quiet(training, cases, [0, 1], scheduler=request.getfixturevalue("cluster"))
    assert there["plain"][0]["threads"] == [1] and same(one, there)


def test_one_thread_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from threadpoolctl import threadpool_info

    def limits() -> list[int]:
        return [library["num_threads"] for library in threadpool_info()]

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    at_first = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        before = limits()
        with workers.one_thread():
            assert torch.get_num_threads() == 1 and set(limits()) == {1} and os.environ["OMP_NUM_THREADS"] == "1"
        assert torch.get_num_threads() == 2 and limits() == before
        assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
    finally:
        torch.set_num_threads(at_first)


def test_results_are_told_as_they_come_and_a_bar_only_where_it_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    sweep(scaled, [2], range(2), workers=1, out=tmp_path, after=lambda *what: told.append(what))
    sweep(scaled, [2], range(3), workers=1, out=tmp_path, after=lambda *what: told.append(what))
    assert told == [(2, 0, 0), (2, 1, 2), (2, 0, 0), (2, 1, 2), (2, 2, 4)]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    sweep(scaled, [2], range(3), out=tmp_path)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"cases": {}}, ValueError, "there are no cases"),
        ({"cases": "ab"}, TypeError, "cases are 'ab'"),
        ({"cases": [1, 1.0]}, ValueError, r"\[1, 1.0\], expected each of them once"),
        ({"seeds": 3}, TypeError, "seeds are 3, expected whole numbers"),
        ({"seeds": [0, 0.5]}, TypeError, r"seeds are \[0, 0.5\], expected whole numbers"),
        ({"seeds": [1, 1]}, ValueError, r"seeds are \[1, 1\], expected at least one, and each once"),
        ({"seeds": []}, ValueError, "expected at least one"),
        ({"seeds": {"a": [1], "b": [1]}}, ValueError, r"given for \['a', 'b'\], expected .* \['a'\]"),
        ({"workers": 0}, ValueError, "workers=0, expected 1 or more"),
        ({"workers": 2, "scheduler": "tcp://x:1"}, ValueError, "expected one of the two"),
        ({"out": __file__}, NotADirectoryError, "is a file, expected a folder"),
        ({"function": lambda case, seed: 1, "out": "x"}, TypeError, "a lambda can't be told from another one"),
        ({"cases": {"a": (i for i in ())}, "out": "x"}, TypeError, "case 'a' can't be told from another one"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        quiet(**{"function": scaled, "cases": {"a": 1}, "seeds": [0]} | change)


def test_the_room_is_light() -> None:
    program = "import sys, symrl_lite.sweeps; print({'torch', 'distributed', 'scipy', 'matplotlib'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


# --- what breaks -------------------------------------------------------------------------------------------


def test_a_run_that_raises_is_named_and_the_others_are_finished(tmp_path: Path, notes: Path) -> None:
    cases = {
        "good": {"name": "good", "notes": str(notes)},
        "half": {"name": "half", "notes": str(notes), "raises": [1]},
    }
    with pytest.raises(SweepError) as caught:
        two(noted, cases, range(3), out=tmp_path / "out")
    said = str(caught.value)
    assert "1 of 6 runs failed" in said and "half, seed 1: ValueError: seed 1 is bad" in said and "in noted" in said
    assert list(caught.value.failed) == [("half", 1)]
    assert caught.value.results["half"][1] is None and caught.value.results["half"][2]["value"].shape == (3,)
    assert runs(notes) == [f"{name} {seed}" for name in ("good", "half") for seed in range(3)]
    with pytest.raises(SweepError):  # only what failed is tried again
        two(noted, cases, range(3), out=tmp_path / "out")
    assert len(runs(notes)) == 7 and runs(notes).count("half 1") == 2


def test_a_worker_that_dies_takes_no_other_run_with_it(notes: Path) -> None:
    cases = {
        "good": {"name": "good", "notes": str(notes)},
        "bad": {"name": "bad", "notes": str(notes), "dies": [0], "killed": [1]},
    }
    with pytest.raises(SweepError) as caught:
        two(noted, cases, range(4))
    assert set(caught.value.failed) == {("bad", 0), ("bad", 1)}
    assert "EXIT(3)" in caught.value.failed["bad", 0] and "SIGKILL" in caught.value.failed["bad", 1]
    assert all(caught.value.results["good"]) and all(caught.value.results["bad"][2:])
    lost = ["bad 0", "bad 1"]  # each was tried again, once; and nothing else was
    assert runs(notes) == sorted([f"{name} {seed}" for name in ("good", "bad") for seed in range(4)] + lost)


@pytest.mark.parametrize("number", [1, 2])
def test_a_run_whose_worker_died_once_is_done_again_by_itself(notes: Path, number: int) -> None:
    cases = {"case": {"name": "case", "notes": str(notes), "dies once": [0, 2]}}
    with pytest.warns(UserWarning, match=r"lost their worker and were done again alone: case, seed .*EXIT\(3\)"):
        results = quiet(noted, cases, range(4), workers=number)
    assert all(results["case"]) and len(runs(notes)) == 6
    for seed in range(4):
        assert np.array_equal(results["case"][seed]["value"], np.random.default_rng(seed).normal(size=3))


def test_what_cannot_be_sent_or_kept_is_a_failure_of_that_run_alone(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"lock, seed 0: .*pickle"):
        two(lock, ["lock", "other"], [0])
    with pytest.raises(SweepError, match=r"leaves, seed 0: SystemExit: enough"):
        two(leaves, ["leaves", "stays"], [0])
    with pytest.raises(SweepError, match=r"bad, seed 0: TypeError: result\['a'\]\[1\] is of type set, which a file"):
        two(given_back, {"bad": {"a": [1, {2}]}, "good": {"a": 1}}, [0], out=tmp_path)
    assert two(given_back, {"good": {"a": 1}}, [0], out=tmp_path) == {"good": [{"a": 1}]}


# --- what is kept ------------------------------------------------------------------------------------------

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
arrays = some.arrays(
    st.sampled_from(["bool", "int8", "uint64", "int32", "float16", "float32", "float64", "<U3"]),
    some.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
numbers = st.builds(np.float32, st.floats(width=32)) | st.builds(np.int64, st.integers(-9, 9)) | st.just(np.True_)
keys = st.text() | st.integers() | st.tuples(st.integers(), st.text())
values = st.recursive(
    plain | arrays | numbers,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def told(value: Any) -> Any:
    """Type and bits of everything inside; a NaN is a NaN, whatever its bits."""
    if isinstance(value, list | tuple):
        return type(value), [told(item) for item in value]
    if isinstance(value, dict):
        return dict, [(told(key), told(item)) for key, item in value.items()]
    if isinstance(value, np.ndarray):
        return np.ndarray, value.dtype, value.shape, [told(item) for item in value.ravel().tolist()]
    return type(value), repr(value)


@given(values)
def test_what_is_kept_comes_back_as_it_was(value: Any) -> None:
    assert told(decoded(json.loads(json.dumps(encoded(value))))) == told(value)


@pytest.mark.parametrize("value", [{1}, b"x", 1j, np.array([1j]), np.array([None]), np.longdouble(1), object(), st])
def test_what_a_file_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^result\[0\] is of type .*, which a file can't hold"):
        encoded([value])


def test_only_what_is_missing_or_damaged_is_run_again(tmp_path: Path, notes: Path) -> None:
    cases = {name: {"name": name, "notes": str(notes)} for name in ("a/b", "a_b", "Ä, ρ ")}  # names that could collide
    for case in cases.values():
        case["name"] = str(len(case["name"]))
    first = two(noted, cases, range(2), out=tmp_path / "out")
    files = sorted((tmp_path / "out").rglob("*.json"))
    assert len(files) == 6 and len({path.parent for path in files}) == 3
    record = json.loads(files[0].read_text(encoding="utf-8"))
    assert record["function"].endswith("swept.noted") and record["seed"] in (0, 1) and record["made"]["date"]
    assert same(first, two(noted, cases, range(2), out=tmp_path / "out")) and len(runs(notes)) == 6

    text = files[0].read_text(encoding="utf-8")
    whole = [path.read_text(encoding="utf-8") for path in files]
    for damage in (text[: len(text) // 2], "", "[1]", "{}", text.replace('"pid": ', '"pid": 1')):
        assert damage != text
        files[0].write_text(damage, encoding="utf-8")
        files[0].with_suffix(".json.99.part").write_text(text[:9])
        before = len(runs(notes))
        again = two(noted, cases, range(2), out=tmp_path / "out")
        assert len(runs(notes)) == before + 1
        assert all(
            np.array_equal(x["value"], y["value"]) for n in cases for x, y in zip(first[n], again[n], strict=True)
        )
    assert [path.read_text(encoding="utf-8") for path in files[1:]] == whole[1:]
    two(noted, cases, range(3), out=tmp_path / "out")  # one seed more
    assert len(list((tmp_path / "out").rglob("*.json"))) == 9


def test_results_of_another_sweep_are_refused(tmp_path: Path) -> None:
    assert two(scaled, {"a": 2.0}, [3], out=tmp_path) == {"a": [6.0]}
    refused = [
        (given_back, {"a": 2.0}, "its function is .*scaled, here it is .*given_back"),
        (partial(scaled, by=2.0), {"a": 2.0}, "its function is"),
        (scaled, {"a": 2.5}, "its case is 2.0, here it is 2.5"),
        (scaled, {"a": np.float32(2.0)}, "its case is 2.0, here it is"),
    ]
    for function, cases, says in refused:
        with pytest.raises(ValueError, match=rf"holds a result of another sweep: {says}.*Choose another folder"):
            two(function, cases, [3], out=tmp_path)
    assert two(scaled, {"a": 2.0, "b": 1.0}, [3, 4], out=tmp_path) == {"a": [6.0, 8.0], "b": [3.0, 4.0]}


def test_functions_are_told_apart_by_what_is_bound_to_them(tmp_path: Path) -> None:
    def by(factor: Any) -> Any:
        def inner(case: float, seed: int) -> float:
            return case * factor

        return inner

    functions = [
        by(1),
        by(2),
        by(np.arange(3)),
        by(np.arange(9999)),
        by(json.dumps),
        by(json.loads),
        scaled,
        partial(scaled, by=1),
        partial(scaled, by=2),
    ]
    ids = [json.dumps(Kept(tmp_path, function, {}).function) for function in functions]
    assert len(set(ids)) == len(ids)
    assert json.dumps(Kept(tmp_path, by(1), {}).function) == ids[0]
    assert "0x" not in json.dumps(Kept(tmp_path, by(json.dumps), {}).function)  # an address would be another next time
    long = {"a": np.arange(9999)}
    assert len(json.dumps(Kept(tmp_path, scaled, long).cases["a"])) < 400  # not in every file


PROGRAM = """
import signal, sys, time
from pathlib import Path
from symrl_lite.sweeps import sweep

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it runs in the background ignore it

def slow(case, seed):
    Path(sys.argv[2], f"{case} {seed} {time.time()}").touch()
    while seed > 1 and not Path(sys.argv[3]).exists():  # half of the runs wait to be let go
        time.sleep(0.05)
    return [case * seed]

if __name__ == "__main__":
    print(sweep(slow, [1, 2, 3], range(4), workers=2, out=sys.argv[1]))
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path: Path, notes: Path, end: signal.Signals) -> None:
    program, out = tmp_path / "slowly.py", tmp_path / "out"
    program.write_text(PROGRAM)
    go = tmp_path / "go"
    command = [sys.executable, str(program), str(out), str(notes), str(go)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as killed:
        deadline = time.monotonic() + 60
        while len(list(out.rglob("*.json"))) < 6 and time.monotonic() < deadline:
            time.sleep(0.02)
        if end is signal.SIGINT:  # as a terminal does: to the parent and its workers
            os.killpg(killed.pid, end)
        else:
            killed.kill()
        try:
            _, said = killed.communicate(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(killed.pid, signal.SIGKILL)  # or this would wait for ever for one that did not end
    assert killed.returncode != 0
    assert end is not signal.SIGINT or said.splitlines()[-1] == "KeyboardInterrupt"
    kept = list(out.rglob("*.json"))
    assert len(kept) == 6
    for path in kept:
        json.loads(path.read_text())
    # No worker is left, not even of a parent that was killed: they would hold the other ends of these pipes.
    before = len(runs(notes))
    go.touch()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "{1: [[0], [1], [2], [3]], 2: [[0], [2], [4], [6]], 3: [[0], [3], [6], [9]]}\n"
    assert len(runs(notes)) - before == 12 - len(kept)


# --- many machines -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_processes() -> Iterator[Any]:
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    settings = {"distributed.scheduler.allowed-failures": 0, "distributed.worker.memory.terminate": False}
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with dask.config.set(settings), distributed.LocalCluster(**options) as running:
        yield running


@pytest.fixture
def cluster(two_processes: Any) -> str:
    """The address of a scheduler with two workers, also after another test has ended one."""
    two_processes.wait_for_workers(2, timeout=120)
    return two_processes.scheduler_address


def test_a_cluster_goes_on_with_what_was_kept_here(cluster: str, tmp_path: Path) -> None:
    assert quiet(scaled, [2], [1], out=tmp_path) == {2: [2]}
    assert quiet(scaled, [2, 3], [1, 2], scheduler=cluster, out=tmp_path) == {2: [2, 4], 3: [3, 6]}
    assert len(list(tmp_path.rglob("*.json"))) == 4
    with pytest.raises(SweepError, match=r"0, seed 0: .*pickle"):  # nothing that can be sent
        quiet(given_back, [threading.Lock(), (1,)], [0], scheduler=cluster)


@pytest.mark.filterwarnings("default:runs that lost their worker")  # one may have waited at the worker that ended
def test_a_cluster_finishes_what_does_not_fail(cluster: str, notes: Path) -> None:
    cases = {
        "good": {"name": "good", "notes": str(notes)},
        "bad": {"name": "bad", "notes": str(notes), "dies": [0], "raises": [1]},
    }
    with pytest.raises(SweepError) as caught:
        quiet(noted, cases, range(3), scheduler=cluster)
    assert set(caught.value.failed) == {("bad", 0), ("bad", 1)}
    assert "worker process ended" in caught.value.failed["bad", 0] and "seed 1 is bad" in caught.value.failed["bad", 1]
    assert all(caught.value.results["good"])
    pids = {result["pid"] for result in caught.value.results["good"]}
    assert os.getpid() not in pids


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(places, "PATIENCE", 1)
    with pytest.raises(ConnectionError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9\. Start one"):
        quiet(scaled, [1], [0], scheduler="tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r'pip install "symrl_lite\[cluster\]"'):
        quiet(scaled, [1], [0], scheduler="tcp://127.0.0.1:9")
