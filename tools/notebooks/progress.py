"""One line while notebooks run side by side: which run and since when, how long the others took, what is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import PurePath

EVERY = 30.0  # seconds between two lines where the output is no terminal
MOST = 15  # names that a line has room for


def say_now(line: str) -> None:
    """Print a line at once, also where the output goes into a file."""
    print(line, flush=True)


class Progress:
    """The state of a run of several notebooks, and its line."""

    def __init__(self, names: list[str], say: Callable[[str], None]) -> None:
        self.say = say
        self.waiting = list(names)
        self.running: dict[str, float] = {}
        self.took: dict[str, str] = {}
        self.begin = self.shown = time.perf_counter()
        self.moves = say is say_now and sys.stdout.isatty()

    def started(self, name: str) -> None:
        """A notebook has a kernel now."""
        self.waiting.remove(name)
        self.running[name] = time.perf_counter()

    def ended(self, name: str, words: str) -> None:
        """A notebook is done; a line of its own says how."""
        self.running.pop(name, None)
        self.took[name] = words
        self.clear()
        self.say(f"{name}: {words}")

    def line(self) -> str:
        """Which are running, how long the others took, what is left."""
        now = time.perf_counter()
        parts = [", ".join(f"{short(name)} ({now - since:.0f} s)" for name, since in self.running.items())]
        parts += [f"done: {few(list(self.took))}"] if self.took else []
        parts += [f"left: {few(self.waiting)}"] if self.waiting else []
        return f"{now - self.begin:4.0f} s  running: " + " · ".join(parts)

    def tick(self) -> None:
        """Show the line, if it is time."""
        if not self.running:
            return
        now = time.perf_counter()
        if self.moves:
            print(f"\r{self.line():<110.110}", end="", flush=True)
        elif now - self.shown >= EVERY:
            self.shown = now
            self.say(self.line())

    def clear(self) -> None:
        """Take a line that moves off the screen."""
        if self.moves:
            print("\r" + " " * 110 + "\r", end="", flush=True)


def few(names: list[str]) -> str:
    """The names, or how many there are."""
    return ", ".join(short(name) for name in names) if len(names) <= MOST else str(len(names))


def short(name: str) -> str:
    """A notebook's number, or its name where it has none; what stands behind a space stays."""
    stem, _, more = PurePath(name).stem.partition(" ")
    return f"{stem[:2] if stem[:2].isdigit() else stem} {more}".rstrip()
