"""Run an assignment's tests on one submission: in this process, which never runs a line of the student's.

The tests' names come from the source's own setup and given cells. The answers arrive as data or as functions that
pass data on. So a student who redefines `assert` helpers, numpy.testing, symrl_lite or a test changes his own
process, and no test looks there.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.notebook import Notebook, SourceError
from tools.grading.session import Interrupted, OutOfTime, Running, Session, Step, StudentError

LONGEST = 1500  # characters of a message
STRIKES = 2  # stops during calls after which a question's other tests are not tried
TOTAL_CALLS = 12  # the whole notebook may take as long as so many of its longest cells, and START_SECONDS
START_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """What became of one test cell."""

    test: str
    passed: bool
    message: str  # for the student; empty where the test passed
    ran_out: bool = False  # something of this notebook took too long: it deserves another try, alone


Note = Callable[[Sequence[Outcome], str], None]


def ready(code: str, label: str) -> CodeType:
    """Code to be run, with its asserts: `python -O` and PYTHONOPTIMIZE must not compile them away."""
    return compile(code, f"<{label}>", "exec", dont_inherit=True, optimize=0)


def total_seconds(assignment: Assignment) -> float:
    """What a whole notebook may take of its own time."""
    return START_SECONDS + TOTAL_CALLS * assignment.seconds


def plain_code(code: str) -> str:
    """A cell's code as Python, its magics translated."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(code)


def base_namespace(assignment: Assignment) -> dict[str, Any]:
    """Run the source's setup and given cells: what the tests may use besides the answers.

    Raises:
        SourceError: one of them fails.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in assignment.notebook["cells"]:
        if cell["cell_type"] != "code" or nb.is_solution(cell) or nb.is_test(cell):
            continue
        label = nb.grade_id(cell) or cell.get("id", "a cell")
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(ready(plain_code(nb.source(cell)), label), names)
        except Exception as error:
            raise SourceError(f"{assignment.name}, {label}: {type(error).__name__}: {error}") from error
    return names


def steps_of(assignment: Assignment, notebook: Notebook) -> list[Step]:
    """The submission's code cells; those that are locked come from the source."""
    steps = []
    for number, cell in enumerate(notebook["cells"]):
        name = nb.grade_id(cell)
        own = assignment.cells.get(name)
        if cell.get("cell_type") != "code" or (own is not None and own["cell_type"] != "code"):
            continue
        if own is not None and nb.is_test(own):
            steps.append(Step(name, None))
        elif own is not None and nb.is_locked(own):
            steps.append(Step(name, nb.source(own)))
        else:
            steps.append(Step(name or f"cell {number + 1}", nb.source(cell)))
    return steps


@functools.cache
def identifiers(code: str) -> frozenset[str]:
    """The names that a cell mentions."""
    return frozenset(node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name))


@functools.cache
def compiled(code: str, test: str) -> CodeType:
    """A test cell, ready to run: the same for all submissions."""
    return ready(code, test)


def run(
    assignment: Assignment,
    notebook: Notebook,
    base: dict[str, Any],
    start: Callable[[], Running],
    known: Sequence[Outcome] = (),
    alone: bool = False,
    note: Note = lambda outcomes, test: None,
) -> list[Outcome]:
    """Grade the tests of one submission.

    Args:
        assignment: the source.
        notebook: what was handed in, checked before.
        base: `base_namespace(assignment)`; it is not changed.
        start: starts a closed process for the student.
        known: outcomes of tests that need not be run: the same answers have been tested before.
        alone: this is the last try, and nothing else is graded meanwhile: one stop ends a question.
        note: is told, before each test, what came out so far and which test is next.
    """
    steps = steps_of(assignment, notebook)
    session = Session(steps, start, assignment.seconds, total_seconds(assignment), alone)
    try:
        outcomes = _run(
            assignment, session, dict(base), {one.test: one for one in known}, 1 if alone else STRIKES, note
        )
        return [replace(one, ran_out=session.ran_out and not one.passed and one not in known) for one in outcomes]
    finally:
        session.close()


def _run(
    assignment: Assignment,
    session: Session,
    names: dict[str, Any],
    known: Mapping[str, Outcome],
    most: int,
    note: Note,
) -> list[Outcome]:
    places = {step.label: place for place, step in enumerate(session.steps) if step.code is None}
    base = frozenset(names)
    outcomes: list[Outcome] = []
    strikes: dict[str, list[str]] = {}
    used: set[str] = set()
    over = ""
    for test, cell in assignment.cells.items():
        if not nb.is_test(cell):
            continue
        code = nb.source(cell)
        used |= identifiers(code)
        question = nb.question_of(test)
        if test in known:
            outcomes.append(known[test])
            continue
        if over or len(strikes.get(question, ())) >= most:
            outcomes.append(Outcome(test, False, over or strikes[question][-1]))
            continue
        note(outcomes, test)
        wanted = [name for name in assignment.names_before(test) if name in used and name not in base]
        try:
            session.run_to(places[test])
            taken = session.take(wanted)
            for name in wanted:
                names.pop(name, None)
            names.update(taken)
            message = verdict(code, test, names)
        except StudentError as error:
            message = f"Your answers could not be read: {error}"
        except OutOfTime as stopped:
            over = message = f"Not tested: {stopped}."
        except Interrupted as stopped:
            message = f"Your code was stopped: {stopped}."
            strikes.setdefault(question, []).append(message)
        if message:
            message = with_cell_error(message, question, session)
        outcomes.append(Outcome(test, not message, message[:LONGEST]))
    return outcomes


def verdict(code: str, test: str, names: dict[str, Any]) -> str:
    """Run a test cell; what it found wrong, for the student, or nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compiled(code, test), names)
    except StudentError as error:
        if error.kind == "NotImplementedError":
            if "is withheld in this assignment" in error.text:
                return f"Your function calls what it should build: {error.text}."
            return f"Not solved yet: your function raises NotImplementedError ({error.text})."
        return f"Your function raised {error}"
    except AssertionError as error:
        return str(error) or "A check does not hold."
    except NameError as error:
        return f"Your notebook does not define what the test needs: {error}"
    except Exception as error:
        return f"What your answer gives cannot be checked: {type(error).__name__}: {error}"
    return ""


def with_cell_error(message: str, question: str, session: Session) -> str:
    """The message, and what stopped the question's own cell."""
    stopped = [text for label, text in session.errors.items() if nb.question_of(label) == question]
    if not stopped or any(text in message for text in stopped):
        return message
    return f"{message}\nThe cell of this question stopped: {stopped[0]}"
