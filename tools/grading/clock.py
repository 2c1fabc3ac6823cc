"""Whose time it is: an answer's own time is what it would have taken with nobody else on the machine.

    own time = max(processor's time, time on the clock - time of waiting for a processor)

So a neighbour who keeps all processors busy costs nobody a mark, and who sleeps uses up his time all the same. Waiting
is what the kernel says of each process (/proc/PID/schedstat); where it does not say, or where an answer waits in a way
that it does not count, time on the clock ends the wait: after PATIENCE times as long, or ALONE where nothing else is
graded at the same time.
"""

from __future__ import annotations

import time
from typing import Protocol

PATIENCE, ALONE = 10.0, 3.0


class Timed(Protocol):
    """A process: what of it a clock needs."""

    def cpu_seconds(self) -> float: ...

    def waited(self) -> float: ...


class Clock:
    """The times of one process; looking costs more than most calls, so it is done once a second at most."""

    def __init__(self, process: Timed) -> None:
        self.process = process
        self.seen = (-10.0, 0.0, 0.0)  # when, the processor's time, the time of waiting

    def look(self) -> tuple[float, float, float]:
        """When it was looked, and what both times were then."""
        if time.monotonic() - self.seen[0] > 1.0:
            self.seen = (time.monotonic(), self.process.cpu_seconds(), self.process.waited())
        return self.seen


class Deadline:
    """Tells how many seconds one cell or call has left; calling it gives those to wait until it is asked again."""

    def __init__(self, clock: Clock, allowed: float, end: float, patience: float = PATIENCE) -> None:
        """`allowed` is own time, `end` a moment of time.monotonic."""
        self.clock, self.allowed = clock, allowed
        self.begin = time.monotonic()
        self.end = min(self.begin + patience * max(allowed, 0.0), end)
        self.then = clock.look()

    def own(self) -> float:
        """The own time so far. What is not known exactly, within a second, is in the answer's favour."""
        now = time.monotonic()
        if now - self.begin < 1.0:
            return now - self.begin
        when, used, waited = self.then
        busy = self.clock.process.cpu_seconds() - used - (self.begin - when)
        return max(busy, now - self.begin - (self.clock.process.waited() - waited))

    def __call__(self) -> float:
        now = time.monotonic()
        if now < self.begin + self.allowed:
            return min(self.begin + self.allowed, self.end) - now
        left = self.allowed - self.own()
        return 0.0 if left <= 0 else min(max(left, 0.02), 0.5, self.end - now)
