"""What the benchmarks share: the median time of a call, and a line of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

__all__ = ["line", "seconds"]


def seconds(run: Callable[[], Any], runs: int = 7) -> float:
    """Median wall time of `run`, after one run that is not counted."""
    run()
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return median(times)


def line(what: str, took: float) -> None:
    """Print one line of the table."""
    print(f"{what:60} {1000 * took:9.1f} ms")
