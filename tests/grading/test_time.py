"""Whose time it is: nobody loses a mark to a neighbour, and nothing that a student sends ends or holds the tests."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="grading has an environment of its own: make grading-environment")

from tests.grading import sample
from tools import grade as program
from tools.grading import clock, pool, referee, results, sandbox
from tools.grading.assignment import Assignment
from tools.grading.clock import Clock, Deadline
from tools.grading.referee import Outcome

pytestmark = pytest.mark.usefixtures("bubblewrap")


class Machine:
    """A clock and a process whose times a test sets."""

    def __init__(self) -> None:
        self.now, self.used, self.starved = 1000.0, 0.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def cpu_seconds(self) -> float:
        return self.used

    def waited(self) -> float:
        return self.starved

    def passes(self, seconds: float, share: float, starved: float) -> None:
        """So much time on the clock, of which the process had and lacked a processor for these shares."""
        self.now += seconds
        self.used += share * seconds
        self.starved += starved * seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    one = Machine()
    monkeypatch.setattr(clock, "time", one)
    return one


@pytest.mark.parametrize(
    ("share", "starved", "lasts"),
    [
        (1.0, 0.0, 10),  # a loop, alone
        (0.0, 0.0, 10),  # it sleeps
        (0.05, 0.0, 10),  # it waits for something that is not a processor
        (0.25, 0.75, 40),  # three others want the same processor
        (0.0, 1.0, 100),  # it gets none: in the end the clock decides
        (4.0, 30.0, 10),  # many processes of its own, on several processors
    ],
)
def test_time_is_the_answers_own(machine: Machine, share: float, starved: float, lasts: float) -> None:
    deadline = Deadline(Clock(machine), 10.0, machine.now + 1000)
    begin = machine.now
    while deadline() > 0:
        machine.passes(0.25, share, starved)
    assert machine.now - begin == pytest.approx(lasts, abs=1.5)


def test_the_end_of_the_whole_notebook_ends_a_call(machine: Machine) -> None:
    deadline = Deadline(Clock(machine), 10.0, machine.now + 4)
    assert deadline() == 4
    machine.passes(4.1, 0.5, 0.5)
    assert deadline() <= 0


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def run(tmp_path: Path, at_once: int = 2) -> dict[str, dict[str, str]]:
    with contextlib.redirect_stdout(io.StringIO()):
        program.grade(tmp_path / "class", tmp_path / "out", tmp_path / "sources", at_once, sandboxed=True, quiet=True)
    return rows(tmp_path / "out" / "marks.csv")


SPINS = """
import os
for _ in range(40):
    if os.fork() == 0:
        os.setsid()
        while True: pass
def mirrored(x):
    while True: pass
"""
WORKS = """
import time
def mirrored(x):
    while time.process_time() < WORKED: pass
    return np.asarray(x)[..., ::-1]
WORKED = time.process_time() + 1.0
"""


@pytest.mark.parametrize("shared", [False, True], ids=["each has a processor", "both want the same one"])
def test_forty_processes_that_spin_cost_a_neighbour_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool
) -> None:
    """Tries to take a neighbour's time; a processor for each and time of one's own stop it."""
    monkeypatch.setattr("tools.grading.session.IMPORT_SECONDS", 2.0)
    if shared:
        one = min(os.sched_getaffinity(0))
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {one})
    assignment = sample.write(tmp_path / "sources", seconds=2.0)
    sample.hand_in(tmp_path / "class", "a neighbour", sample.answered(assignment, q2=WORKS))
    sample.hand_in(tmp_path / "class", "who spins", sample.answered(assignment, q2=SPINS))
    marks = run(tmp_path)
    assert marks["a neighbour"]["q2"] == "3" and marks["a neighbour"]["total"] == "9"
    assert marks["who spins"]["q2"] == "0" and marks["who spins"]["q1"] == "2"


def test_a_closed_process_keeps_to_its_processor(course: Path) -> None:
    own = max(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    process = sandbox.Process(course, slot=53, processor=own)
    try:
        assert os.sched_getaffinity(0) == before
        assert all(os.sched_getaffinity(member) == {own} for member in process.family.look())
    finally:
        process.stop()


def test_what_ran_out_of_time_is_tried_again_alone_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try is late, the second, with nothing beside it, is not: the second counts, and is kept."""
    usual, tries = referee.run, tmp_path / "tries"

    def run_of(
        assignment: Assignment, notebook: Any, base: Any, start: Any, known: Any, alone: bool, note: Any
    ) -> list[Outcome]:
        found = usual(assignment, notebook, base, start, known, alone, note)
        with tries.open("a") as file:
            file.write(f"{alone} {len(known)}\n")
        if not alone:
            return [Outcome(one.test, False, "late", True) if one.test == "q3_calls" else one for one in found]
        return found

    monkeypatch.setattr(referee, "run", run_of)
    assignment = sample.write(tmp_path / "sources")
    sample.hand_in(tmp_path / "class", "ada", sample.answered(assignment))
    assert run(tmp_path)["ada"]["total"] == "9"
    assert tries.read_text().splitlines() == ["False 0", "True 3"]
    assert run(tmp_path)["ada"]["total"] == "9" and len(tries.read_text().splitlines()) == 2, "it is kept"


def test_a_loop_is_tried_twice_and_counts_then(tmp_path: Path) -> None:
    assignment = sample.write(tmp_path / "sources", seconds=1.0)
    loop = "def mirrored(x):\n    while True: pass"
    sample.hand_in(tmp_path / "class", "ada", sample.answered(assignment, q2=loop))
    marks = run(tmp_path)["ada"]
    assert (marks["q1"], marks["q2"], marks["q3"]) == ("2", "0", "4")
    page = (tmp_path / "out" / "feedback" / f"{results.slug('ada')}.html").read_text(encoding="utf-8")
    assert "longer than 1 seconds" in page and not list((tmp_path / "out").rglob("*.part"))


ENDS = {
    "ends the tests' process, whatever way": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "holds the tests' process": lambda: [None for _ in iter(int, 1)],
}


@pytest.mark.parametrize("how", ENDS)
def test_what_ends_or_holds_a_test_costs_that_test_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A hole in the reader or in NumPy, that nobody knows of yet: the other questions keep their marks."""
    usual = referee.verdict

    def verdict(code: str, test: str, names: dict[str, Any]) -> str:
        if test == "q2_general" and names["order"] == 8:
            ENDS[how]()
        return usual(code, test, names)

    monkeypatch.setattr(referee, "verdict", verdict)
    monkeypatch.setattr(pool, "TEST_SECONDS", 0.0)
    assignment = sample.write(tmp_path / "sources", seconds=1.0)
    sample.hand_in(tmp_path / "class", "ada", sample.answered(assignment))
    sample.hand_in(tmp_path / "class", "bob", sample.answered(assignment, q1="order = 7"))
    marks = run(tmp_path)
    assert (marks["ada"]["q1"], marks["ada"]["q2"], marks["ada"]["q3"]) == ("2", "1", "4")
    assert (marks["bob"]["q1"], marks["bob"]["q2"], marks["bob"]["q3"]) == ("0", "3", "4")
    page = (tmp_path / "out" / "feedback" / f"{results.slug('ada')}.html").read_text(encoding="utf-8")
    assert "kept the test itself busy without end, or ended it" in page


FORGES = """
import tools.grading.encoding as e
def mirrored(x):
    whole = e.Writer()
    whole.tree = lambda value, depth: {tree}
    content = whole.message(None)
    e.Writer.message = lambda self, value: content
    return x
"""
FLOODS = {
    "a dtype that divides by zero": FORGES.format(
        tree='["t", ["returned", ["a", "M8[D/0]", [1], whole.blob(bytes(8))]]]'
    ),
    "a scalar of such a dtype": FORGES.format(tree='["t", ["returned", ["n", "m8[1/0s]", [], whole.blob(bytes(8))]]]'),
    "390 000 strings": "def mirrored(x):\n    return [str(n) * 7 for n in range(390_000)]",
    "as many in an array": "def mirrored(x):\n    return np.array([str(n) * 7 for n in range(390_000)])",
    "arrays that are to become strings": FORGES.format(
        tree='["t", ["returned", ["u", ["l", [["a", "<f8", [40], 0]] * 390_000], [390_000], True]]]'
    ),
    "one long string among many": FORGES.format(
        tree='["t", ["returned", ["u", ["x" * 10**6] + ["y"] * 390_000, [390_001], True]]]'
    ),
    "an array of nothing and of everything": FORGES.format(
        tree='["t", ["returned", ["a", "<f8", [0, 10**15], whole.blob(b"")]]]'
    ),
    "a list of lists of numbers": "def mirrored(x):\n    return [[n] for n in range(190_000)]",
    "a very long message": "def mirrored(x):\n    raise ValueError('x' * 10**8)",
}


@pytest.mark.parametrize("what", FLOODS)
def test_nothing_that_a_student_sends_ends_or_holds_the_referee(grade: Any, what: str) -> None:
    """Tries to end the tests' process or to keep it busy by what is sent; it is refused, or looked at quickly."""
    begin = time.monotonic()
    used = time.process_time()
    found = grade(q2=FLOODS[what], seconds=6.0)
    assert found["q2_small"] and found["q2_general"]
    assert found["q1_value"] == found["q3_calls"] == ""
    assert time.process_time() - used < 20 and time.monotonic() - begin < 90


def test_the_limit_on_a_test_is_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    set_to: list[tuple[float, float]] = []
    monkeypatch.setattr("resource.setrlimit", lambda what, limits: set_to.append(limits))
    pool.limit_this_test(10.0)
    assert 40 < set_to[0][0] - time.process_time() <= 42
