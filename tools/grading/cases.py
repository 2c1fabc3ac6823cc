"""Try an assignment on its model answers, on the blank, and on the right and wrong answers of its list of cases.

These answers are the authors' own, so they may share one closed process: it is forked for each of them, which saves
the start of Python and PyTorch. Submissions never share anything.
"""

from __future__ import annotations

import copy
import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.grading import notebook as nb
from tools.grading import referee
from tools.grading.assignment import ROOT, Assignment
from tools.grading.encoding import Reader
from tools.grading.notebook import Notebook
from tools.grading.sandbox import Process
from tools.grading.wire import Deadline, Ended, TooLate, Wire
from tools.grading.withheld import course_copy

CASES = ROOT / "tests" / "grading" / "cases"


@dataclass(frozen=True)
class Result:
    """What one case gave."""

    question: str
    name: str
    expected: float
    points: float
    problem: str  # empty where everything is as the case says
    messages: str
    seconds: float


class ForkWire(Wire):
    """The wire to a forked process: the word that it ended comes from the process it was forked from."""

    returned = False

    def receive(self, reader: Reader | None = None, deadline: Deadline = None) -> Any:
        """Read one message."""
        message = super().receive(reader, deadline)
        if message == ("back",):
            self.returned = True
            raise Ended("the process has ended")
        return message


class Fork:
    """A copy of a started process, for one answer."""

    too_much_memory = False

    def __init__(self, nursery: Nursery, parent: Process) -> None:
        self.nursery, self.parent = nursery, parent
        self.wire: Wire = ForkWire(parent.wire.incoming, parent.wire.outgoing)
        self.wire.send(("fork",), deadline=time.monotonic() + 10)
        if self.wire.receive(deadline=time.monotonic() + 10) != ("forked",):
            raise Ended("the process could not be forked")

    def stop(self) -> None:
        """End the copy; where that does not work, end all."""
        try:
            if not self.has_returned():
                self.wire.send(("quit",), deadline=time.monotonic() + 1)
                while True:
                    self.wire.receive(deadline=time.monotonic() + 1)
        except (Ended, TooLate):
            if not self.has_returned():
                self.nursery.close()

    def cpu_seconds(self) -> float:
        """The processor's time that it has used, and all copies before it; only differences count."""
        return self.parent.cpu_seconds()

    def waited(self) -> float:
        """How long it and its copies have been ready to run and had no processor."""
        return self.parent.waited()

    def has_returned(self) -> bool:
        """Whether the copy is known to have ended."""
        return isinstance(self.wire, ForkWire) and self.wire.returned


class Nursery:
    """A process that has imported what the assignment imports, and is forked for each answer."""

    def __init__(self, assignment: Assignment, sandboxed: bool = True, slot: int = 90) -> None:
        self.assignment, self.sandboxed, self.slot = assignment, sandboxed, slot
        self.course = course_copy(assignment.withheld)
        self.process: Process | None = None

    def start(self) -> Fork:
        """A new copy."""
        if self.process is None:
            self.process = Process(self.course, sandboxed=self.sandboxed, slot=self.slot)
            for cell in self.assignment.notebook["cells"]:
                if cell["cell_type"] == "code" and not nb.is_solution(cell) and not nb.is_test(cell):
                    self.process.wire.send(("cell", nb.source(cell)))
                    self.process.wire.receive(deadline=time.monotonic() + 120)
                    break  # the setup cell
        return Fork(self, self.process)

    def close(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.stop()
            self.process = None


def answered(assignment: Assignment, answers: dict[str, str] | None = None) -> Notebook:
    """The student's version with the model answers, or others, filled in."""
    notebook = nb.student_version(assignment.notebook)
    for cell in notebook["cells"]:
        if nb.is_solution(cell):
            name = nb.grade_id(cell)
            model = nb.source(assignment.cells[name])
            cell["source"] = (answers or {}).get(nb.question_of(name), model) if not nb.is_by_hand(cell) else model
    return copy.deepcopy(notebook)


def points_of(assignment: Assignment, outcomes: Sequence[referee.Outcome]) -> dict[str, float]:
    """The points of each question, and the points that tests can give."""
    found = dict.fromkeys(assignment.questions, 0.0)
    for outcome in outcomes:
        found[nb.question_of(outcome.test)] += assignment.points[outcome.test] if outcome.passed else 0.0
    return found


def by_tests(assignment: Assignment) -> dict[str, float]:
    """What the tests of each question give at most."""
    found = dict.fromkeys(assignment.questions, 0.0)
    for test, points in assignment.points.items():
        if nb.is_test(assignment.cells[test]):
            found[nb.question_of(test)] += points
    return found


def tests_above(assignment: Assignment, question: str) -> list[str]:
    """The tests above a question's first cell for an answer: another answer there comes too late to change them."""
    found: list[str] = []
    for name, cell in assignment.cells.items():
        if nb.is_solution(cell) and nb.question_of(name) == question:
            return found
        if nb.is_test(cell):
            found.append(name)
    return []


def load_cases(name: str, folder: Path = CASES) -> list[dict[str, Any]]:
    """The list CASES of an assignment's file; empty where there is no file."""
    path = folder / f"{name}.py"
    if not path.exists():
        return []
    spec = importlib.util.spec_from_file_location(f"cases_{name}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[dict[str, Any]] = module.CASES
    return found


def try_all(
    assignment: Assignment, cases: Sequence[dict[str, Any]], sandboxed: bool = True, say: Any = None
) -> list[Result]:
    """The model answers, the blank, and each case: what it should give and what it gave.

    A case has one answer that is not the model's. The tests above it see a process in which only model answers have
    run, as they did the first time: they are not run again for each case. All tests below are.
    """
    base = referee.base_namespace(assignment)
    nursery = Nursery(assignment, sandboxed)
    full = by_tests(assignment)
    results = []
    try:
        tries: list[tuple[str, str, Notebook, dict[str, float], str]] = [
            ("all", "model answers", answered(assignment), full, ""),
            ("all", "blank", nb.student_version(assignment.notebook), dict.fromkeys(full, 0.0), ""),
        ]
        for case in cases:
            notebook = answered(assignment, {case["question"]: case["code"]})
            wanted = full | {case["question"]: float(case["points"])}
            tries.append((case["question"], case["name"], notebook, wanted, case.get("says", "")))
        model: list[referee.Outcome] = []
        for question, name, notebook, wanted, says in tries:
            begin = time.perf_counter()
            known = [one for one in model if one.test in tests_above(assignment, question)]
            outcomes = referee.run(assignment, notebook, base, nursery.start, known)
            model = model or list(outcomes)
            found = points_of(assignment, outcomes)
            about = [one for one in outcomes if question in ("all", nb.question_of(one.test))]
            messages = "\n".join(f"{one.test}: {one.message}" for one in about if one.message)
            wrong = [
                f"{key} has {found[key]:g} points, not {wanted[key]:g}" for key in full if found[key] != wanted[key]
            ]
            if says and says.lower() not in messages.lower():
                wrong.append(f"no message says {says!r}")
            if wrong:
                others = [f"{one.test}: {one.message}" for one in outcomes if one.message and one not in about]
                messages = "\n".join([messages, *others]).strip()
            shown = (
                (sum(wanted.values()), sum(found.values()))
                if question == "all"
                else (wanted[question], found[question])
            )
            results.append(Result(question, name, *shown, "; ".join(wrong), messages, time.perf_counter() - begin))
            if say is not None:
                say(results[-1])
    finally:
        nursery.close()
    return results
