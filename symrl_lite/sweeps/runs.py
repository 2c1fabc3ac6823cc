"""`sweep`: all cases × seeds, going on where it stopped, and naming what failed."""

from __future__ import annotations

import contextlib
import operator
import os
import sys
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

from joblib import cpu_count
from tqdm.auto import tqdm

from symrl_lite.sweeps.kept import Kept
from symrl_lite.sweeps.places import Task, outcomes
from symrl_lite.sweeps.workers import Failed

__all__ = ["SweepError", "sweep"]


class SweepError(RuntimeError):
    """Some runs of a sweep failed; all the others were finished first.

    Attributes:
        failed: the traceback of each run that failed, by (name of the case, seed).
        results: what `sweep` would have returned, with None for each run that failed.
    """

    def __init__(self, failed: dict[Task, str], results: dict[Any, list[Any]], kept: str) -> None:
        self.failed, self.results = failed, results
        shown = [f"  {name}, seed {seed}: {text.strip().splitlines()[-1]}" for (name, seed), text in failed.items()]
        more = [f"  and {len(shown) - 10} more"] if len(shown) > 10 else []
        runs = sum(len(row) for row in results.values())
        lines = [f"{len(failed)} of {runs} runs failed; the others are {kept}:", *shown[:10], *more]
        super().__init__("\n".join([*lines, "The first of them said:", next(iter(failed.values())).rstrip()]))


def sweep(
    function: Callable[[Any, int], Any],
    cases: Mapping[Any, Any] | Sequence[Any],
    seeds: Iterable[int] | Mapping[Any, Iterable[int]],
    workers: int | None = None,
    scheduler: str | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    progress: bool = True,
    after: Callable[[Any, int, Any], None] | None = None,
) -> dict[Any, list[Any]]:
    """results[name][i] = function(cases[name], seeds[i]), for all cases and seeds.

    Each run takes place in a worker process, with one thread, also where there is one worker only. So results are the
    same, bit for bit, however many workers there are, as long as `function` draws all that is random from the seed. A
    run that raises, or whose process dies, does not touch the others. One that died (it was killed, or memory was
    short) is tried once more by itself, after all others.

    With `out`, each result is kept as it comes, and the same sweep later does only what is missing; more seeds or cases
    may be added. A file is readable JSON: what was run, when, the result, and a hash of it. A result may then be made
    of numbers, strings, None, lists, tuples, dictionaries and NumPy arrays of numbers, and comes back as it was;
    nothing is unpickled. A damaged file is made again. What `function` does is not looked into: after a change of it,
    choose another folder.

    Args:
        function: takes a case and a seed, and is sent to the workers: best one that is defined in a file.
        cases: by name; or a list. Strings and numbers of a list are their own names, anything else is named by its
            place.
        seeds: whole numbers, for all cases; or for each case, by its name.
        workers: processes on this machine; as many as it has cores, if None.
        scheduler: address of a Dask scheduler, such as "tcp://10.0.0.5:8786": its workers do the runs. They need the
            same packages, and should have one thread each. Needs `pip install "symrl_lite[cluster]"`.
        out: a folder, made if there is none.
        progress: whether to show a bar, where there is a terminal or a notebook.
        after: called as after(name, seed, result) for each result as it comes (those that were kept first), in this
            process.

    Returns:
        A list for each case, by its name: the results in the order of the seeds.

    Raises:
        SweepError: runs failed; the message names them, and everything else was finished first.
        ValueError: no case, a name or seed twice, workers below 1, or a result of another sweep in `out`.
        TypeError: seeds that are no whole numbers, or something that can't be kept.
        ConnectionError: no scheduler answers, or it went away. ImportError: Dask is not installed.

    Ctrl-C stops at once; what was kept stays.

    >>> from statistics import fmean
    >>> from random import Random
    >>> def mean_of_draws(n, seed):
    ...     random = Random(seed)
    ...     return fmean(random.random() for _ in range(n))
    >>> results = sweep(mean_of_draws, {"few": 10, "many": 1000}, seeds=range(3), workers=2, progress=False)
    >>> [round(mean, 2) for mean in results["many"]]
    [0.5, 0.51, 0.5]
    """
    named = _named(cases)
    planned = _planned(seeds, named)
    if workers is not None and scheduler is not None:
        raise ValueError(f"workers={workers} and scheduler={scheduler!r} are given, expected one of the two")
    workers = cpu_count() if workers is None else operator.index(workers)
    if workers < 1:
        raise ValueError(f"workers={workers}, expected 1 or more, or None for all cores")
    kept = None if out is None else Kept(Path(out), function, named)
    most = max(map(len, planned.values()))
    # The first seed of every case, then the second: a sweep that is stopped has told something of each case.
    tasks: list[Task] = [(name, row[i]) for i in range(most) for name, row in planned.items() if i < len(row)]

    found: dict[Task, Any] = {}
    if kept is not None:
        for task in tasks:
            with contextlib.suppress(KeyError):
                found[task] = kept.read(*task)
    if after is not None:
        for task, result in found.items():
            after(*task, result)
    todo = [task for task in tasks if task not in found]
    failed: dict[Task, str] = {}
    again: list[str] = []
    running = outcomes(function, named, todo, workers, scheduler)
    bar = tqdm(total=len(tasks), initial=len(found), unit=" runs", leave=False, disable=not progress or _unseen())
    try:
        for task, outcome in running:
            try:
                if isinstance(outcome, Failed):
                    failed[task] = outcome.traceback
                elif kept is not None:
                    found[task] = kept.write(*task, outcome.result, outcome.seconds)
                else:
                    found[task] = outcome.result
            except TypeError as error:  # nothing that a file can hold
                failed[task] = f"TypeError: {error}"
            if task in found and outcome.died_before:
                again.append(f"{task[0]}, seed {task[1]} ({outcome.died_before})")
            if task in found and after is not None:
                after(*task, found[task])
            bar.set_postfix_str(f"{len(failed)} failed" if failed else "", refresh=False)
            bar.update()
    finally:
        running.close()
        bar.close()
    if again:
        warnings.warn(f"runs that lost their worker and were done again alone: {'; '.join(again)}", stacklevel=2)
    if failed:
        failed = {task: failed[task] for task in tasks if task in failed}
        partial = {name: [found.get((name, seed)) for seed in row] for name, row in planned.items()}
        raise SweepError(failed, partial, "in .results of this error" if out is None else f"kept in {out}")
    return {name: [found[name, seed] for seed in row] for name, row in planned.items()}


def _unseen() -> bool:
    """Whether nobody would see a bar: no terminal and no notebook, or a page that is built."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return os.environ.get("SYMRL_STATIC") == "1" or not (hasattr(shell, "kernel") or sys.stderr.isatty())


def _named(cases: Mapping[Any, Any] | Sequence[Any]) -> dict[Hashable, Any]:
    """Cases by name."""
    if isinstance(cases, str):
        raise TypeError(f"cases are {cases!r}, expected a mapping from names to cases, or a list")
    if isinstance(cases, Mapping):
        named = dict(cases)
    else:
        listed = list(cases)
        plain = all(isinstance(case, str | Real) for case in listed)
        names = listed if plain else list(range(len(listed)))
        named = dict(zip(names, listed, strict=True))
        if len(named) < len(listed):
            raise ValueError(f"cases are {listed}, expected each of them once")
    if not named:
        raise ValueError("there are no cases: expected at least one")
    return named


def _planned(seeds: Iterable[int] | Mapping[Any, Iterable[int]], named: Mapping[Any, Any]) -> dict[Any, list[int]]:
    """The seeds of each case."""
    if isinstance(seeds, Mapping):
        if seeds.keys() != named.keys():
            raise ValueError(f"seeds are given for {list(seeds)}, expected for each of the cases, {list(named)}")
        planned = {name: _whole(seeds[name], f"seeds of {name}") for name in named}
    else:
        shared = _whole(seeds, "seeds")
        planned = dict.fromkeys(named, shared)
    return planned


def _whole(seeds: Iterable[int], what: str) -> list[int]:
    try:
        numbers = [operator.index(seed) for seed in seeds]
    except TypeError:
        raise TypeError(f"{what} are {seeds!r}, expected whole numbers such as range(10)") from None
    if not numbers or len(set(numbers)) < len(numbers):
        raise ValueError(f"{what} are {numbers}, expected at least one, and each once")
    return numbers
