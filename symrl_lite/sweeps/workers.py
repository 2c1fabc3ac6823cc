"""What happens in a worker: one run, with one thread, and what became of it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["THREADS", "Done", "Failed", "call", "call_packed", "follow", "one_thread"]

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Done:
    """A result, and the seconds that it took; `died_before` says how the first process ended, if it did."""

    result: Any
    seconds: float
    died_before: str = ""


@dataclass(frozen=True)
class Failed:
    """A run without a result; `died` where its process ended before it."""

    traceback: str
    died: bool = False
    died_before: str = ""


def call(function: Callable[[Any, int], Any], case: Any, seed: int) -> Done | Failed:
    """function(case, seed) in a worker, with one thread."""
    # The threads of a Dask worker share settings and random numbers of torch: one run at a time in a process.
    with _one_at_a_time, one_thread():
        began = time.perf_counter()
        try:
            result = function(case, seed)
        except (Exception, SystemExit) as error:
            frames = error.__traceback__.tb_next if error.__traceback__ else None  # without this function's own
            return Failed("".join(traceback.format_exception(type(error), error, frames)))
        return Done(result, time.perf_counter() - began)


def call_packed(packed: bytes) -> Done | Failed:
    """The same for (function, case, seed) as cloudpickle has written them."""
    import cloudpickle

    return call(*cloudpickle.loads(packed))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for all arithmetic, also of libraries that are imported meanwhile; afterwards as before."""
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in THREADS}
    torch = sys.modules.get("torch")
    of_torch = torch.get_num_threads() if torch is not None else None
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        with threadpool_limits(limits=1):
            if torch is not None:
                torch.set_num_threads(1)
            yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        if torch is not None:
            torch.set_num_threads(of_torch)


def follow(parent: int) -> None:
    """Leave Ctrl-C to the parent, which ends its workers itself; and end with it where it had no time to say so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
