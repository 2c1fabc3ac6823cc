"""Make the recorded tables of chapter 7 again.

    python benchmarks/record_chapter07.py objects_shapes     # 2-D shapes: all ablations; half an hour
    python benchmarks/record_chapter07.py objects_relations  # crowded boards, identical shapes; a quarter of an hour
    python benchmarks/record_chapter07.py objects_up         # trained with pushes up alone; ten minutes
    python benchmarks/record_chapter07.py objects_negatives  # a shape that is never pushed; five minutes
    python benchmarks/record_chapter07.py objects_bodies     # three bodies; half an hour
    python benchmarks/record_chapter07.py objects_blocks     # blocks that hide each other; an hour and a half
    python benchmarks/record_chapter07.py objects_atari      # Pong and Space Invaders; two hours, needs ale-py

Each writes symrl_lite/results/NAME.json, after every seed of every training, and goes on where it stopped; a number
after the name runs only seeds below it. Runs are spread over the cores of this machine (--workers 4: over four), or
over the workers of a Dask scheduler (--scheduler tcp://HOST:8786; they need this folder on their path:
PYTHONPATH=benchmarks). --into FOLDER writes the file there. Steps are those of a rollout; a value is a share in percent
(H@1, H@10 or MRR).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from _recording import joined, main

from symrl_lite.data import Episodes, record_episodes
from symrl_lite.envs.atari_frames import AtariFrames
from symrl_lite.envs.blocks import Blocks
from symrl_lite.envs.physics import ThreeBodyCopies
from symrl_lite.envs.shapes import Shapes
from symrl_lite.recorded import Curve
from symrl_lite.seeds import count_parameters
from symrl_lite.structured import StructuredModel, StructuredSettings, rank_rollouts, train_structured

TEST_SEED = 10**6
STEPS = (1, 5, 10)


@dataclass(frozen=True)
class Row:
    """One row of a table: what it is trained on and how, and how it is tried."""

    name: str
    settings: StructuredSettings
    data: partial[Episodes]
    test: Callable[[], Episodes]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: tuple[int, ...] = STEPS
    n_actions: int = 20


ABLATIONS: dict[str, dict[str, Any]] = {
    "C-SWM": {},
    "no graph network": {"graph": False},
    "one slot": {"slots": 1, "dimension": 10},
    "one slot, five maps": {"slots": 1, "dimension": 10, "maps_per_slot": 5},
    "pixels instead of contrast": {"loss": "pixels"},
    "no contrast at all": {"loss": "attraction"},
    "autoencoder": {"loss": "autoencoder", "slots": 1, "dimension": 32, "maps_per_slot": 5},
}


def _played(make: Any, episodes: int, steps: int, seed: int, **more: Any) -> Episodes:
    return record_episodes(make, episodes, steps, seed, **more)


def shapes() -> Iterator[Row]:
    """300 episodes of 100 steps for each seed; 1000 new ones to try."""
    data, test = partial(_played, Shapes().copies, 300, 100), partial(_played, Shapes().copies, 1000, 10, TEST_SEED)
    for name, changed in ABLATIONS.items():
        yield Row(name, replace(StructuredSettings(), **changed), data, test)
    yield Row("negatives against z'", StructuredSettings(anchor="next"), data, test)
    yield Row("push told to all slots", StructuredSettings(actions="copied"), data, test, seeds=(0, 1, 2))
    many = partial(_played, Shapes().copies, 10000, 10, 7)
    yield Row("C-SWM, 10000 candidates", StructuredSettings(), data, many)
    yield Row("no graph network, 10000 candidates", StructuredSettings(graph=False), data, many)


def relations() -> Iterator[Row]:
    """Boards on which objects meet, and shapes that can't be told apart."""
    for size in (3, 5):
        board = Shapes(5, size)
        for name in ("C-SWM", "no graph network"):
            yield Row(
                f"{size} × {size}, {name}",
                replace(StructuredSettings(), **ABLATIONS[name]),
                partial(_played, board.copies, 300, 100),
                partial(_played, board.copies, 1000, 50, TEST_SEED),
                steps=(*STEPS, 50),
            )
    alike = Shapes(alike=True)
    yield Row(
        "identical shapes",
        StructuredSettings(),
        partial(_played, alike.copies, 300, 100),
        partial(_played, alike.copies, 1000, 10, TEST_SEED),
    )


def up() -> Iterator[Row]:
    """Short episodes in which objects are pushed up alone; tried with all pushes, and with pushes up."""
    only = [4 * k for k in range(5)]
    data = partial(_played, Shapes().copies, UP_EPISODES, UP_STEPS, actions=only)
    tests = {
        "tried on all": partial(_played, Shapes().copies, 1000, 10, TEST_SEED),
        "tried on up": partial(_played, Shapes().copies, 1000, 10, TEST_SEED, actions=only),
    }
    for name, settings in UP_SETTINGS.items():
        for what, test in tests.items():
            yield Row(f"{name}, {what}", settings, data, test)


UP_EPISODES, UP_STEPS = 10000, 3
UP_SETTINGS = {
    "equivariant": StructuredSettings(updates=3000, hidden=128, equivariant=True),
    "plain": StructuredSettings(updates=3000, hidden=128),
}


def negatives() -> Iterator[Row]:
    """The fifth shape is never pushed: what tells pictures apart, and what has to be told apart?"""
    some = list(range(16))  # pushes of the first four
    data = partial(_played, Shapes().copies, 300, 100, actions=some)
    test = partial(_played, Shapes().copies, 1000, 10, TEST_SEED, actions=some)
    for source in ("data", "episode", "both"):
        yield Row(f"from {source}", StructuredSettings(updates=2000, negatives_from=source), data, test)


def bodies() -> Iterator[Row]:
    """Three bodies: nothing is done, two frames are seen."""
    data, test = partial(_played, ThreeBodyCopies, 3000, 10), partial(_played, ThreeBodyCopies, 1000, 10, TEST_SEED)
    base = StructuredSettings(updates=2000, slots=3, dimension=4, actions="none", tile=5, depth=1)
    rows: dict[str, dict[str, Any]] = {
        "C-SWM": {},
        "no graph network": {"graph": False},
        "autoencoder": {"loss": "autoencoder", "slots": 1, "dimension": 12, "maps_per_slot": 3},
    }
    for name, changed in rows.items():
        yield Row(name, replace(base, **changed), data, test, n_actions=1)


def blocks() -> Iterator[Row]:
    """The shapes' table, seen as blocks."""
    data, test = partial(_played, Blocks().copies, 300, 100), partial(_played, Blocks().copies, 1000, 10, TEST_SEED)
    base = StructuredSettings(updates=2000, tile=5, depth=1)
    for name in ("C-SWM", "no graph network", "one slot", "autoencoder", "pixels instead of contrast"):
        yield Row(name, replace(base, **ABLATIONS[name]), data, test, seeds=(0, 1, 2, 3))


def atari() -> Iterator[Row]:
    """1000 episodes of ten steps; 100 candidates, as published."""
    for game, n_actions in (("Pong", 6), ("SpaceInvaders", 6)):
        data, test = (
            partial(_played, AtariFrames(game), 1000, 10),
            partial(_played, AtariFrames(game), 100, 10, TEST_SEED),
        )
        base = StructuredSettings(updates=1000, dimension=4, actions="copied", tile=5, depth=1)
        for k in (5, 3, 1):
            yield Row(f"{game}, K = {k}", replace(base, slots=k), data, test, (0, 1, 2, 3), n_actions=n_actions)
        auto = replace(base, loss="autoencoder", slots=1, dimension=32, maps_per_slot=5)
        yield Row(f"{game}, autoencoder", auto, data, test, (0, 1, 2, 3), n_actions=n_actions)


PLANS: dict[str, Callable[[], Iterator[Row]]] = {
    "objects_shapes": shapes,
    "objects_relations": relations,
    "objects_up": up,
    "objects_negatives": negatives,
    "objects_bodies": bodies,
    "objects_blocks": blocks,
    "objects_atari": atari,
}


@lru_cache(maxsize=1)
def played(data: partial[Episodes], seed: int) -> Episodes:
    """What a seed is trained on, kept for the next run of the same worker."""
    return data(seed)


@dataclass(frozen=True)
class Trainings:
    """Rows that are tried on one training are one case, named by the first of them; each seed of it is a run."""

    rows: list[Row]

    @property
    def together(self) -> dict[str, list[Row]]:
        """The rows of each training."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            key = str((row.settings, row.data.func, row.data.args, row.data.keywords, row.n_actions))
            found.setdefault(key, []).append(row)
        return {rows[0].name: rows for rows in found.values()}

    def missing(self, done: Mapping[str, Curve]) -> dict[str, list[int]]:
        """The seeds that some row of a training lacks."""
        lacking = {row.name: set(row.seeds) - set(_seeds(done, row)) for row in self.rows}
        return {label: sorted(set().union(*(lacking[r.name] for r in rows))) for label, rows in self.together.items()}

    def run(self, label: str, seed: int) -> dict[str, Curve]:
        """Train one seed, and try it for every row that has this seed."""
        rows = [row for row in self.together[label] if seed in row.seeds]
        first = rows[0]
        data = played(first.data, seed)
        began = time.process_time()
        (model,) = train_structured(data, [seed], first.settings, n_actions=first.n_actions, progress=False)
        took = round(time.process_time() - began, 1)
        return {name: curve for row in rows for name, curve in tried(row, model, seed, took).items()}

    def put(self, done: Mapping[str, Curve], found: dict[str, Curve]) -> dict[str, Curve]:
        """A seed more for each row that lacked it, in the order of the rows."""
        everything = dict(done)
        for name, curve in found.items():
            if name not in done or curve.seeds[0] not in done[name].seeds:
                everything[name] = joined(done.get(name), curve)
        names = [f"{row.name}, {what}" for row in self.rows for what in ("H@1", "H@10", "MRR")]
        return {name: everything[name] for name in names if name in everything}


def _seeds(done: Mapping[str, Curve], row: Row) -> list[int]:
    known = done.get(f"{row.name}, H@1")
    return [] if known is None else known.seeds


def tried(row: Row, model: StructuredModel, seed: int, took: float) -> dict[str, Curve]:
    """What a row's test says of a trained model."""
    found = rank_rollouts(model, row.test(), row.steps, hits=(1, 10))
    values = {
        "H@1": [100 * found[n].hits[1] for n in row.steps],
        "H@10": [100 * found[n].hits[10] for n in row.steps],
        "MRR": [100 * found[n].mean_reciprocal_rank for n in row.steps],
    }
    settings = asdict(row.settings) | {"candidates": found[row.steps[0]].candidates}
    size, steps = count_parameters(model), np.array(row.steps)
    return {
        f"{row.name}, {what}": Curve(steps, np.array([v]), size, settings, [seed], took) for what, v in values.items()
    }


def plan(name: str) -> Trainings:
    """The trainings of a recording."""
    return Trainings(list(PLANS[name]()))


if __name__ == "__main__":
    main(Path(__file__).stem, __doc__, list(PLANS))
