"""What the programs record_chapterNN.py share: the command line, the sweep over what is missing, and the file.

A plan says what there is to record and makes one part of it. It is made in each worker anew, by the name of its program
and of its recording, so that nothing large is sent there. What comes back is written by this process alone.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from symrl_lite import recorded
from symrl_lite.recorded import Curve
from symrl_lite.sweeps import SweepError, sweep

__all__ = ["Batches", "Plan", "Values", "joined", "main"]


class Plan(Protocol):
    """What there is to record."""

    def missing(self, done: Mapping[str, Curve]) -> dict[str, list[int]]:
        """The seeds that are still to be run, by the label of a case."""

    def run(self, label: str, seed: int) -> dict[str, Curve]:
        """One run."""

    def put(self, done: Mapping[str, Curve], found: dict[str, Curve]) -> dict[str, Curve]:
        """What was done and what a run has found, in the order of the file."""


@dataclass(frozen=True)
class Batches:
    """Curves whose seeds are trained together, as one batch: a run is all seeds of a job, and is named by the first.

    A seed in a batch is the seed alone up to rounding only, so a batch is never cut.
    """

    jobs: Mapping[str, Callable[[], dict[str, Curve]]]
    seeds: Sequence[int]

    def missing(self, done: Mapping[str, Curve]) -> dict[str, list[int]]:
        """Jobs of which there is no curve; one that has another name than its job says in its settings whose it is."""
        known = {self._job(name, curve) for name, curve in done.items()}
        return {label: [self.seeds[0]] for label in self.jobs if label not in known}

    @staticmethod
    def _job(name: str, curve: Curve) -> str:
        return str(curve.settings.get("job", name))

    def run(self, label: str, seed: int) -> dict[str, Curve]:
        """All curves of a job."""
        return {
            name: curve if name == label else replace(curve, settings=curve.settings | {"job": label})
            for name, curve in self.jobs[label]().items()
        }

    def put(self, done: Mapping[str, Curve], found: dict[str, Curve]) -> dict[str, Curve]:
        """In the order of the jobs, whichever came first; what is of no job any more at the end."""
        order = {label: i for i, label in enumerate(self.jobs)}
        everything = {**done, **found}
        return dict(sorted(everything.items(), key=lambda item: order.get(self._job(*item), len(order))))


class Values:
    """Several values of each model at every evaluation of one training, as one curve for each name."""

    def __init__(self, scores: Callable[[int, Any], dict[str, float]], seeds: range, settings: Any) -> None:
        self.scores, self.seeds, self.settings = scores, seeds, settings
        self.steps: list[int] = []
        self.found: dict[str, list[list[float]]] = {}
        self.began = time.perf_counter()
        self.parameters = 0

    def __call__(self, update: int, models: list[Any]) -> None:
        """Evaluate all models."""
        self.steps.append(update)
        rows = [self.scores(k, model) for k, model in enumerate(models)]
        for name in rows[0]:
            self.found.setdefault(name, []).append([row[name] for row in rows])
        from symrl_lite.seeds import count_parameters  # not above: a program that only looks what is missing is quick

        self.parameters = count_parameters(models[0])

    def curves(self, **extra: Any) -> dict[str, Curve]:
        """All curves."""
        took = round(time.perf_counter() - self.began, 1)
        settings = asdict(self.settings) | extra
        return {
            name: Curve(np.array(self.steps), np.array(v).T, self.parameters, settings, list(self.seeds), took)
            for name, v in self.found.items()
        }


def joined(old: Curve | None, new: Curve) -> Curve:
    """One curve with the seeds of both, in their order."""
    if old is None:
        return new
    seeds = np.array([*old.seeds, *new.seeds])
    order = np.argsort(seeds, kind="stable")
    return replace(
        new,
        returns=np.concatenate([old.returns, new.returns])[order],
        seeds=seeds[order].tolist(),
        seconds=round(old.seconds + new.seconds, 1),
    )


@lru_cache(maxsize=1)
def plan_of(program: str, name: str) -> Plan:
    """The plan of a recording, kept for the next run of the same worker."""
    plan: Plan = importlib.import_module(program).plan(name)
    return plan


def run(case: tuple[str, str, str], seed: int) -> dict[str, Curve]:
    """One run of the case (program, recording, label), in a worker."""
    program, name, label = case
    return plan_of(program, name).run(label, seed)


def main(program: str, usage: str | None, names: Sequence[str]) -> None:
    """Record what the command line names, as far as it is missing."""
    parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    parser.add_argument("below", metavar="SEED", nargs="?", type=int, help="only runs with a seed below this number")
    parser.add_argument("--workers", type=int, help="processes on this machine (as many as it has cores)")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, whose workers do the runs: tcp://HOST:8786")
    parser.add_argument("--into", type=Path, help="folder of NAME.json (symrl_lite/results)")
    if len(sys.argv) == 1:
        sys.exit(usage)
    given = parser.parse_args()
    recorded.FOLDER = given.into or recorded.FOLDER
    recorded.FOLDER.mkdir(parents=True, exist_ok=True)
    plan = plan_of(program, given.name)
    try:
        done = dict(recorded.load(given.name).curves)
    except FileNotFoundError:
        done = {}
    missing = plan.missing(done)
    if given.below is not None:
        missing = {label: [seed for seed in seeds if seed < given.below] for label, seeds in missing.items()}
    missing = {label: seeds for label, seeds in missing.items() if seeds}
    if not missing:
        print(f"{recorded.FOLDER / given.name}.json is complete")
        return

    def keep(label: str, seed: int, found: dict[str, Curve]) -> None:
        nonlocal done
        done = plan.put(done, found)
        recorded.save(given.name, done, f"python benchmarks/{program}.py {given.name}")
        for name, curve in found.items():
            print(f"{name}, from seed {seed}, {curve.seconds:.0f} s: {_spelled(curve)}", flush=True)

    cases: dict[str, Any] = {label: (program, given.name, label) for label in missing}
    try:
        sweep(run, cases, missing, given.workers, given.scheduler, after=keep)
    except SweepError as error:
        sys.exit(str(error))


def _spelled(curve: Curve) -> str:
    """The mean over seeds at the last few steps."""
    return ", ".join(
        f"{value:.1f} after {step}" for step, value in [*zip(curve.steps, curve.returns.mean(0), strict=True)][-3:]
    )
