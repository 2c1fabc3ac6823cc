"""Where runs take place: in processes of this machine, or on the workers of a Dask scheduler."""

from __future__ import annotations

import os
import re
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import replace
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor

from symrl_lite.sweeps.workers import THREADS, Done, Failed, call, call_packed, follow

__all__ = ["Task", "outcomes"]

Task = tuple[Any, int]  # the name of a case, and a seed
PATIENCE = 20  # seconds for a scheduler to answer


class Here:
    """Processes of this machine. Each has an executor of its own: one that dies takes no other run with it."""

    dead: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self) -> None:
        self.executors: list[ProcessPoolExecutor] = []

    def slots(self, n: int) -> list[Executor]:
        return [self.renewed() for _ in range(n)]

    def submit(self, slot: Executor, *work: Any) -> Future[Done | Failed]:
        return slot.submit(call, *work)

    def alone(self) -> list[Executor]:
        """One fresh process, with all the memory of the machine."""
        self.close(at_once=False)
        return self.slots(1)

    def renewed(self, dead: Executor | None = None) -> Executor:
        """A process, in the place of one that has died."""
        if dead is not None:
            dead.shutdown(kill_workers=True)  # type: ignore[call-arg]
        quiet = {"TQDM_DISABLE": "1", "SYMRL_STATIC": "1"}  # bars of many processes would overwrite each other
        variables = dict.fromkeys(THREADS, "1") | quiet
        executor = ProcessPoolExecutor(max_workers=1, env=variables, initializer=follow, initargs=(os.getpid(),))
        self.executors = [*(e for e in self.executors if e is not dead), executor]
        return executor

    def close(self, at_once: bool) -> None:
        for executor in self.executors:
            executor.shutdown(wait=True, kill_workers=at_once)
        self.executors = []


class Cluster:
    """The workers of a Dask scheduler. It gets all runs at once, and tells each worker what to do next.

    Not through joblib's Dask backend: there, after a worker has died, the iteration over results never ends.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
            from distributed.scheduler import KilledWorker
        except ImportError:
            raise ImportError('a scheduler needs Dask: pip install "symrl_lite[cluster]"') from None
        try:
            self.client = Client(address, timeout=PATIENCE, set_as_default=False)
        except OSError as error:
            raise ConnectionError(
                f"no Dask scheduler answers at {address}. Start one by `dask scheduler`, and on each machine workers "
                f"by `dask worker {address} --nthreads 1 --nworkers auto`"
            ) from error
        self.dead: tuple[type[BaseException], ...] = (KilledWorker,)
        self.executor = self.client.get_executor(pure=False)
        threads = self.client.nthreads().values()
        if not threads or max(threads) > 1:
            found = "workers with several threads, of which one is used" if threads else "no workers yet"
            advice = f"`dask worker {address} --nthreads 1 --nworkers auto` starts one for each core"
            warnings.warn(f"the scheduler at {address} has {found}; {advice}", stacklevel=5)

    def slots(self, n: int) -> list[Executor]:
        return [self.executor] * n

    def submit(self, slot: Executor, *work: Any) -> Future[Done | Failed]:
        """Packed here: the scheduler opens what it is sent, and need not know the function's own modules."""
        import cloudpickle

        try:
            return slot.submit(call_packed, cloudpickle.dumps(work))
        except Exception as error:  # it can't be packed
            future: Future[Done | Failed] = Future()
            future.set_exception(error)
            return future

    def alone(self) -> list[Executor]:
        return self.slots(1)

    def renewed(self, dead: Executor) -> Executor:
        return dead  # the cluster has put another worker in its place

    def close(self, at_once: bool) -> None:
        self.executor.shutdown(wait=False)  # cancels what is not done
        self.client.close()


def outcomes(
    function: Callable[[Any, int], Any],
    cases: Mapping[Any, Any],
    tasks: Sequence[Task],
    workers: int,
    scheduler: str | None,
) -> Generator[tuple[Task, Done | Failed], None, None]:
    """The outcome of each task, as it comes; what died is tried once more by itself at the end.

    Raises:
        ConnectionError: the Dask scheduler went away before the end.

    Source: loky's executors, as they come with joblib; Dask's distributed.
    """
    if not tasks:
        return
    place: Any = Here() if scheduler is None else Cluster(scheduler)
    finished = False
    try:
        slots = place.slots(min(workers, len(tasks)) if scheduler is None else len(tasks))
        died: dict[Task, str] = {}
        for task, outcome in _together(place, slots, function, cases, tasks):
            if isinstance(outcome, Failed) and outcome.died:
                died[task] = outcome.traceback
            else:
                yield task, outcome
        for lost, ending in died.items():
            for task, outcome in _together(place, place.alone(), function, cases, [lost]):
                yield task, replace(outcome, died_before=ending)
        finished = True
    except CancelledError:
        raise ConnectionError(f"the Dask scheduler at {scheduler} went away before all runs were done") from None
    finally:
        place.close(at_once=not finished)


def _together(
    place: Any,
    slots: list[Executor],
    function: Callable[[Any, int], Any],
    cases: Mapping[Any, Any],
    tasks: Sequence[Task],
) -> Iterator[tuple[Task, Done | Failed]]:
    """Run tasks, one in each slot; slots of processes that died are replaced in the list."""
    waiting, free = deque(tasks), list(range(len(slots)))
    running: dict[Future[Done | Failed], tuple[Task, int]] = {}
    while waiting or running:
        while waiting and free:
            slot, (name, seed) = free.pop(), waiting.popleft()
            try:
                future = place.submit(slots[slot], function, cases[name], seed)
            except place.dead:  # it died while nothing ran in it
                slots[slot] = place.renewed(slots[slot])
                future = place.submit(slots[slot], function, cases[name], seed)
            running[future] = (name, seed), slot
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task, slot = running.pop(future)
            outcome = _outcome(future, place.dead)
            if isinstance(outcome, Failed) and outcome.died:
                slots[slot] = place.renewed(slots[slot])
            free.append(slot)
            yield task, outcome


def _outcome(future: Future[Done | Failed], dead: tuple[type[BaseException], ...]) -> Done | Failed:
    """What the worker says; or, where it can't say anything any more, what is known of its end."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, dead):  # what can't be sent to a worker, or back
        return Failed("".join(traceback.format_exception(error)))
    said = " ".join(str(error).split())
    codes = re.search(r"exit codes of the workers are \{(.*?)\}", said)
    return Failed(f"its worker process ended: {codes[1] if codes else said.split('. ')[0]}", died=True)
