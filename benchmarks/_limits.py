"""What a measurement is held against: a peer that runs in turn with it, and what memory and arithmetic allow."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

__all__ = ["Row", "bandwidth", "in_turn", "print_rows", "processor_seconds"]

#: the work, its peer, seconds of the peer, our seconds, and the share of our time that the limit of the work would take
Row = tuple[str, str, float, float, float]


def processor_seconds(run: Callable[[], Any]) -> float:
    """Seconds of the processor for one call: others on the machine don't count."""
    begin = time.process_time()
    run()
    return time.process_time() - begin


def in_turn(peer: Callable[[], Any], ours: Callable[[], Any], runs: int = 5, peer_runs: int = 5) -> tuple[float, float]:
    """Median processor seconds of both, one after the other; after one run of ours that is not counted."""
    ours()
    peers, own = [], []
    for k in range(runs):
        if k < peer_runs:
            peers.append(processor_seconds(peer))
        own.append(processor_seconds(ours))
    return median(peers), median(own)


@functools.cache
def bandwidth() -> float:
    """Bytes per second that memory reads and writes: a copy of 128 MB, which reads and writes each of them once."""
    source = np.zeros(2**24)
    target = np.empty_like(source)
    np.copyto(target, source)
    return 2 * source.nbytes / median(processor_seconds(lambda: np.copyto(target, source)) for _ in range(7))


@functools.cache
def product_rate() -> float:
    """Floating-point operations per second in a product of two matrices of 1024 × 1024, single precision."""
    import torch

    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    a @ b
    return 2 * 1024**3 / median(processor_seconds(lambda: a @ b) for _ in range(7))


def print_rows(rows: list[Row]) -> None:
    """The table."""
    for work, peer, theirs, ours, share in rows:
        print(f"{work:48} {1000 * ours:9.1f} ms  {peer:36} {1000 * theirs:9.1f} ms", end="")
        print(f"  {theirs / ours:7.1f} times  {share:7.2%} of the limit")
