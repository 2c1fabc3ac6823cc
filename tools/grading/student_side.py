"""The program inside the closed process: it runs a student's cells and answers calls of the functions they define.

    python -m tools.grading.student_side LIMITS

Cells run in IPython's shell, so magics and `!commands` are what they are in a notebook; `%pip` and `%matplotlib` do
nothing, since there is no network and no screen. The student's code can do to this process whatever it likes: it
holds no test, no mark and no answer, and the grader believes nothing that it says about itself.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from tools.grading.encoding import EncodingError, Reader, Writer
from tools.grading.first import limit
from tools.grading.wire import Ended, Wire

BUILT_IN = (KeyError, IndexError, ValueError, TypeError, ZeroDivisionError, NotImplementedError, AssertionError)


def open_wire() -> Wire:
    """Take the two pipes away from stdin and stdout, so that `print` and `input` cannot touch them by accident."""
    incoming, outgoing = os.dup(0), os.dup(1)  # not inherited by programs that the student starts
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    return Wire(incoming, outgoing)


def nothing(*arguments: Any, **options: Any) -> None:
    """What stands for everything that makes no sense here."""


def make_shell() -> Any:
    """IPython's shell without history, colours and tracebacks."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    settings = Config()
    settings.HistoryManager.enabled = False
    settings.InteractiveShell.colors = "nocolor"
    settings.InteractiveShell.cache_size = 0
    shell: Any = InteractiveShell.instance(config=settings)
    for quiet in ("showtraceback", "showsyntaxerror", "showindentationerror"):
        setattr(shell, quiet, nothing)
    for magic in ("pip", "conda", "matplotlib"):
        shell.register_magic_function(nothing, "line", magic)
    return shell


def description(error: BaseException) -> tuple[str, str]:
    """An exception's type and message; its own methods are the student's and may fail."""
    try:
        return type(error).__name__[:80], str(error)[:2000]
    except BaseException:
        return "Exception", "an exception whose message cannot be read"


class Side:
    """Answers messages, one after the other."""

    def __init__(self, wire: Wire, shell: Any) -> None:
        self.wire, self.shell = wire, shell
        self.functions: list[Callable[..., Any]] = []
        self.forks = False

    def forget_wire(self) -> None:
        """In a copy of this process that the student's code made: it must not answer for the process itself."""
        if not self.forks:
            os.close(self.wire.incoming)
            os.close(self.wire.outgoing)
            self.wire.incoming = self.wire.outgoing = -1

    def keep(self, function: Callable[..., Any]) -> int:
        """The number by which the grader calls a function."""
        self.functions.append(function)
        return len(self.functions) - 1

    def callback(self, number: int, name: str) -> Callable[..., Any]:
        """A function of the tests' that a student's function was given as an argument."""

        def remote(*arguments: Any, **options: Any) -> Any:
            self.wire.send(("callback", number, arguments, options))
            return self.serve(answer=True)

        remote.__name__ = name
        return remote

    def serve(self, answer: bool = False) -> Any:
        """Do what the messages ask; with `answer` until the answer to a callback is there."""
        while True:
            try:
                message = self.wire.receive(Reader(self.callback, course=True))
            except Ended as ended:
                if "process has ended" in str(ended) or self.wire.incoming < 0:
                    os._exit(0)
                self.wire.send(("raised", "ValueError", f"the arguments could not be built here: {ended}"))
                continue
            if answer and message[0] == "answer":
                return message[1]
            if answer and message[0] == "error":
                kinds = {kind.__name__: kind for kind in BUILT_IN}
                raise kinds.get(message[1], RuntimeError)(message[2])
            self.reply(getattr(self, f"do_{message[0]}"), message[1:])

    def reply(self, action: Callable[..., Any], arguments: Any) -> None:
        """Run one action and say what came of it."""
        try:
            content = action(*arguments)
        except BaseException as error:
            content = Writer().message(("raised", *description(error)))
        self.wire.write(content, None)

    def do_cell(self, code: str) -> bytes:
        """Run a cell; the error that ended it, or nothing."""
        try:
            result = self.shell.run_cell(code, store_history=False, silent=True)
            error = result.error_before_exec or result.error_in_exec
        except BaseException as own:  # of the shell: a cell that cannot be compiled for its depth
            error = own
        return Writer().message(("done", None if error is None else description(error)))

    def do_take(self, names: list[str]) -> bytes:
        """What these names stand for now."""
        found = {name: self.shell.user_ns[name] for name in names if name in self.shell.user_ns}
        values = {}
        for name, value in found.items():
            try:
                Writer(self.keep).message(value)
                values[name] = value
            except EncodingError as error:
                values[name] = f"a value that is too large to be graded ({error})"
            except Exception as error:  # of the value's own methods: only this name is lost
                values[name] = f"a value that cannot be read ({type(error).__name__})"
        return Writer(self.keep).message(("taken", values))

    def do_call(self, number: int, arguments: Any, options: Any) -> bytes:
        """Call a function."""
        returned = self.functions[number](*arguments, **options)
        try:
            return Writer().message(("returned", returned))
        except EncodingError as error:
            return Writer().message(("raised", "ValueError", f"what your function returns cannot be graded: {error}"))

    def do_fork(self) -> bytes:
        """Only in the tests of the assignments: go on in a copy of this process, and be here again when it ends."""
        self.forks = True
        child = os.fork()
        self.forks = False
        if child == 0:
            return Writer().message(("forked",))
        os.waitpid(child, 0)
        return Writer().message(("back",))

    def do_quit(self) -> bytes:
        """End this process."""
        os._exit(0)


def main(limited: bool = False) -> None:
    """Close the doors, say that this process is ready, serve."""
    wire = open_wire()
    if not limited:
        limit(json.loads(sys.argv[1]))
    shell = make_shell()
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH"):
        os.environ.pop(name, None)
    os.dup2(0, 2)
    sys.argv = ["notebook"]
    side = Side(wire, shell)
    os.register_at_fork(after_in_child=side.forget_wire)
    wire.send(("ready",))
    side.serve()


if __name__ == "__main__":
    main()
