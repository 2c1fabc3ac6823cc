"""Checks for a chapter's exercises: shape, then value, then property, each with a message that helps.

A chapter writes `from symrl_lite.checks import chapter01 as check` and `check.some_exercise(your_function)`.
The result prints as one line. A wrong answer never raises, so that *Run all* reaches the end of the chapter;
an exercise that still raises `NotImplementedError` is reported as not solved yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["CheckResult", "Wrong", "as_array", "as_integer", "run_steps", "same_answer"]

Step = tuple[str, Callable[[], None]]


class Wrong(Exception):
    """Raised inside a step: the answer is wrong, and this is what to tell the reader."""


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What a check found: the steps it got through, and a message about the first that failed.

    >>> CheckResult("Exercise A", (("shape", True), ("values", False)), "entry 0 is 2, expected 1", solved=True)
    Exercise A: shape ✓ · values ✗ — entry 0 is 2, expected 1
    >>> CheckResult("Exercise A", (), "put all probability on the best action", solved=False)
    Exercise A: not solved yet — put all probability on the best action
    """

    exercise: str
    steps: tuple[tuple[str, bool], ...]
    message: str
    solved: bool

    @property
    def passed(self) -> bool:
        """True when the exercise was tried and every step of the check was reached and held."""
        return self.solved and bool(self.steps) and all(held for _, held in self.steps)

    def __repr__(self) -> str:
        if not self.solved:
            return f"{self.exercise}: not solved yet" + (f" — {self.message}" if self.message else "")
        marks = " · ".join(f"{label} {'✓' if held else '✗'}" for label, held in self.steps)
        return f"{self.exercise}: {marks}" + (f" — {self.message}" if self.message else "")


def run_steps(exercise: str, steps: Iterable[Step], praise: str = "") -> CheckResult:
    """Run the steps in order and stop at the first that fails.

    A step is a label and a function of no arguments that raises `Wrong` with a message. Whatever else the reader's
    code raises is reported as a failed step; `NotImplementedError` means that the exercise is not solved yet.

    >>> def values():
    ...     raise Wrong("entry 0 is 2, expected 1")
    >>> run_steps("Exercise A", [("shape", lambda: None), ("values", values)])
    Exercise A: shape ✓ · values ✗ — entry 0 is 2, expected 1
    """
    done: list[tuple[str, bool]] = []
    for label, step in steps:
        try:
            step()
        except NotImplementedError as unsolved:
            return CheckResult(exercise, (), str(unsolved).removeprefix(f"{exercise}: "), solved=False)
        except Wrong as wrong:
            return CheckResult(exercise, (*done, (label, False)), str(wrong), solved=True)
        except Exception as error:  # the reader's code may raise anything; the chapter must go on
            message = f"your code stopped with {type(error).__name__}: {error}"
            return CheckResult(exercise, (*done, (label, False)), message, solved=True)
        done.append((label, True))
    return CheckResult(exercise, tuple(done), praise, solved=True)


def as_array(answer: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """The reader's answer as a NumPy array of that shape; lists, integers and torch tensors are welcome.

    Raises:
        Wrong: the answer is None, is not made of numbers, or has another shape.

    >>> as_array([[0, 1], [1, 0]], (2, 2), "the table").tolist()
    [[0, 1], [1, 0]]
    """
    if answer is None:
        raise Wrong(f"{what} is None: is a `return` missing?")
    if hasattr(answer, "detach"):  # a torch tensor, without importing torch
        answer = answer.detach().cpu().numpy()
    try:
        array = np.asarray(answer)
    except ValueError:
        raise Wrong(f"{what} has rows of different lengths, expected shape {shape}") from None
    if array.dtype.kind not in "biuf":
        raise Wrong(f"{what} holds {array.dtype.name} values, expected numbers")
    if array.shape != shape:
        raise Wrong(f"{what} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise Wrong(f"{what} holds NaN or an infinite value")
    return array


def as_integer(answer: Any, what: str) -> int:
    """The reader's answer as a whole number; 8.0 and NumPy integers are welcome.

    >>> as_integer(8.0, "the order")
    8
    """
    number = as_array(answer, (), what)
    if number != np.round(number):
        raise Wrong(f"{what} is {number}, expected a whole number")
    return int(number)


def same_answer(answer: np.ndarray, expected: np.ndarray, atol: float = 1e-6) -> bool:
    """Whether two arrays agree up to rounding in single precision."""
    return bool(np.allclose(answer, expected, rtol=1e-5, atol=atol))
