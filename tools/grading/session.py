"""A student's notebook while it is graded: its cells run in the closed process, its functions are called from here.

When the process ends or a cell or call takes too long, it is started anew: with every cell but the one that ended it,
or, if it was a call, with every cell. So one endless loop costs the marks of its own question alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tools.grading.clock import ALONE, PATIENCE, Clock, Deadline
from tools.grading.encoding import Reader, Writer
from tools.grading.wire import Ended, TooLate, Wire

CALLBACKS = 200_000  # answers to a student's calls of our functions, in one submission
RESTARTS = 12
WHOLE = 2.0  # beside others a notebook may take so much longer than `total`
IMPORT_SECONDS = 20.0  # what a cell may take beyond `seconds`: it may import PyTorch, on a machine with other work
MARKED = (ValueError, TypeError, IndexError, KeyError, ZeroDivisionError, OverflowError, NotImplementedError)


class StudentError(RuntimeError):
    """An exception that a student's function raised: its type's name and its message."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind, self.text = kind, text

    def __str__(self) -> str:
        return str(self.args[0])


# A test may also say `except ValueError`, as it would for an ordinary function.
STUDENT_ERRORS: dict[str, type[StudentError]] = {
    kind.__name__: type(f"Student{kind.__name__}", (StudentError, kind), {}) for kind in MARKED
}


class Interrupted(BaseException):
    """The student's process ended or was stopped during a call. No test catches it by accident."""


class OutOfTime(Interrupted):
    """The whole notebook has used up its time."""


class Running(Protocol):
    """A started process: what of it a session needs."""

    wire: Wire
    too_much_memory: bool

    def cpu_seconds(self) -> float: ...

    def waited(self) -> float: ...

    def stop(self) -> None: ...


@dataclass
class Step:
    """One code cell of the submission, in the order of its notebook. `code` is None for a test: it is not run there."""

    label: str
    code: str | None


class StudentFunction:
    """A function of the student's, as the tests see it: data goes in, data comes out."""

    def __init__(self, session: Session, generation: int, number: int, name: str) -> None:
        self._where = (session, generation, number)
        self.__name__ = self.__qualname__ = name
        self.__doc__ = None

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        session, generation, number = self._where
        return session.call(generation, number, arguments, options)

    def __repr__(self) -> str:
        return f"<your function {self.__name__}>"


class Session:
    """The student's side of one submission.

    Args:
        steps: the code cells in the order of the submission.
        start: starts a closed process.
        seconds: what one cell or call may take of its own time (clock.py).
        total: what all of them together may take.
        alone: whether nothing else is graded meanwhile, so that a busy machine is no reason to wait for long.
    """

    def __init__(
        self, steps: Sequence[Step], start: Callable[[], Running], seconds: float, total: float, alone: bool = False
    ) -> None:
        self.steps, self.start, self.seconds = list(steps), start, seconds
        self.total, self.spent = total, 0.0
        self.end = time.monotonic() + (1.0 if alone else WHOLE) * total
        self.patience = ALONE if alone else PATIENCE
        self.clock: Clock | None = None
        self.ran_out = False  # whether something took too long: it deserves another try, alone
        self.process: Running | None = None
        self.generation = self.done = self.callbacks = 0
        self.dropped: dict[int, str] = {}
        self.errors: dict[str, str] = {}  # what ended a cell, by its label
        self.functions: list[Callable[..., Any]] = []

    def deadline(self, more: float = 0.0) -> Deadline:
        """Tells how many seconds the next cell or call has left."""
        if time.monotonic() >= self.end or self.spent >= self.total or self.process is None:
            self.ran_out = self.ran_out or self.process is not None
            self.close()
            raise OutOfTime("the notebook as a whole took too long")
        if self.clock is None or self.clock.process is not self.process:
            self.clock = Clock(self.process)
        return Deadline(self.clock, min(self.seconds + more, self.total - self.spent), self.end, self.patience)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.stop()
            self.process = None
        self.done = 0

    def why(self, error: Exception, more: float = 0.0) -> str:
        """In words: what became of the process."""
        if isinstance(error, TooLate):
            self.ran_out = True
            return f"it ran longer than {self.seconds + more:g} seconds and was stopped"
        if self.process is not None and self.process.too_much_memory:
            return "it used too much memory and was stopped"
        return "it ended Python itself (a crash, too much memory, or a call of exit)"

    def run_to(self, position: int) -> None:
        """Have every cell before a position run, without those that end the process."""
        while True:
            if self.process is None:
                self.generation += 1
                if self.generation > RESTARTS:
                    raise OutOfTime("the notebook had to be started again too often")
                self.process, self.done = self.start(), 0
                self.functions = []
            if self.done >= position:
                return
            step = self.steps[self.done]
            if step.code is None or self.done in self.dropped:
                self.done += 1
                continue
            try:
                deadline = self.deadline(IMPORT_SECONDS)
                self.process.wire.send(("cell", step.code), deadline=deadline)
                error = self.answer("done", deadline)
                if error is not None and error[0] == "MemoryError":  # what it holds would be missing elsewhere
                    self.process.too_much_memory = True
                    raise Ended
                if error is not None:
                    self.errors.setdefault(step.label, f"{error[0]}: {error[1]}" if error[1] else str(error[0]))
                self.done += 1
            except (Ended, TooLate) as failure:
                self.dropped[self.done] = self.errors[step.label] = self.why(failure, IMPORT_SECONDS)
                self.close()

    def take(self, names: Sequence[str]) -> dict[str, Any]:
        """What these names stand for in the student's namespace now: data, or functions to call."""
        assert self.process is not None
        generation = self.generation

        def function(number: int, name: str) -> StudentFunction:
            return StudentFunction(self, generation, number, name)

        try:
            deadline = self.deadline()
            self.process.wire.send(("take", list(names)), deadline=deadline)
            found = self.answer("taken", deadline, Reader(function))
        except (Ended, TooLate) as failure:
            text = self.why(failure)
            self.close()
            raise Interrupted(text) from None
        if type(found) is not dict:
            return {}
        return {name: found[name] for name in names if name in found}

    def call(self, generation: int, number: int, arguments: Any, options: Any) -> Any:
        """Call one of the student's functions."""
        if self.process is None or generation != self.generation:
            raise Interrupted("it was called again after it had been stopped")
        deadline = self.deadline()
        try:
            message = ("call", number, arguments, options)
            self.process.wire.send(message, Writer(self.register, course=True), deadline)
            return self.answer("returned", deadline)
        except (Ended, TooLate) as failure:
            text = self.why(failure)
            self.close()
            raise Interrupted(text) from None

    def register(self, function: Callable[..., Any]) -> int:
        """The number under which the student's side may call a function of the tests."""
        self.functions.append(function)
        return len(self.functions) - 1

    def answer(self, wanted: str, deadline: Deadline, reader: Reader | None = None) -> Any:
        """Wait for the reply; meanwhile answer calls of our functions."""
        try:
            return self.reply(wanted, deadline, reader)
        finally:
            self.spent += max(0.0, deadline.own())

    def reply(self, wanted: str, deadline: Deadline, reader: Reader | None) -> Any:
        """The reply itself."""
        assert self.process is not None
        while True:
            message = self.process.wire.receive(reader, deadline)
            if type(message) is not tuple or not message or type(message[0]) is not str:
                raise Ended("a reply that is none")
            kind, *rest = message
            if kind == wanted and len(rest) == 1:
                if wanted == "done" and rest[0] is not None and not is_error(rest[0]):
                    raise Ended("a reply that is none")
                return rest[0]
            if kind == "raised" and is_error(rest):
                if rest[0] == "MemoryError":
                    self.close()  # the other questions begin with an empty memory
                raise STUDENT_ERRORS.get(rest[0], StudentError)(*rest)
            if kind != "callback" or len(rest) != 3:
                raise Ended("a reply that is none")
            self.process.wire.send(self.own_answer(*rest), Writer(self.register, course=True), deadline)
            if reader is not None:
                reader.blobs.clear()

    def own_answer(self, number: Any, arguments: Any, options: Any) -> tuple[Any, ...]:
        """Call a function of the tests for the student's side."""
        self.callbacks += 1
        known = type(number) is int and 0 <= number < len(self.functions)
        if not known or type(arguments) is not tuple or type(options) is not dict or self.callbacks > CALLBACKS:
            raise Ended("a call of a function that was not given")
        if not all(type(name) is str for name in options):
            raise Ended("a call of a function that was not given")
        try:
            return ("answer", self.functions[number](*arguments, **options))
        except Exception as error:
            return ("error", type(error).__name__, str(error)[:2000])


def is_error(value: Any) -> bool:
    """Whether a reply is the name and the message of an exception."""
    return isinstance(value, list | tuple) and len(value) == 2 and all(type(part) is str for part in value)
