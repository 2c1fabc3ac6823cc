"""Make the recorded tables of chapter 7 again.

    python benchmarks/record_chapter07.py objects_shapes     # 2-D shapes: all ablations; half an hour
    python benchmarks/record_chapter07.py objects_relations  # crowded boards, identical shapes; a quarter of an hour
    python benchmarks/record_chapter07.py objects_up         # trained with pushes up alone; ten minutes
    python benchmarks/record_chapter07.py objects_negatives  # a shape that is never pushed; five minutes
    python benchmarks/record_chapter07.py objects_bodies     # three bodies; half an hour
    python benchmarks/record_chapter07.py objects_blocks     # blocks that hide each other; an hour and a half
    python benchmarks/record_chapter07.py objects_atari      # Pong and Space Invaders; two hours, needs ale-py

Each writes symrl_lite/results/NAME.json, after every seed of every row, and goes on where it stopped; a number after
the name runs only so many seeds. Steps are those of a rollout; a value is a share in percent (H@1, H@10 or MRR).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from symrl_lite import recorded
from symrl_lite.envs.atari_frames import AtariFrames
from symrl_lite.envs.blocks import Blocks
from symrl_lite.envs.physics import ThreeBodyCopies
from symrl_lite.envs.shapes import Shapes
from symrl_lite.episodes import Episodes, record_episodes
from symrl_lite.recorded import Curve
from symrl_lite.seeds import count_parameters
from symrl_lite.structured import StructuredSettings, rank_rollouts, train_structured

TEST_SEED = 10**6
STEPS = (1, 5, 10)


@dataclass(frozen=True)
class Row:
    """One row of a table: what it is trained on and how, and how it is tried."""

    name: str
    settings: StructuredSettings
    data: Callable[[int], Episodes]
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


def run(row: Row, seed: int, key: str, data: Episodes, kept: dict[str, Any]) -> dict[str, Curve]:
    """Train one seed of a row (or take the model that another row with the same training has left) and try it."""
    if kept.get("key") != (row.settings, key):
        began = time.process_time()
        (model,) = train_structured(data, [seed], row.settings, n_actions=row.n_actions, progress=False)
        kept.update(key=(row.settings, key), model=model, took=time.process_time() - began)
    model, took = kept["model"], kept["took"]
    found = rank_rollouts(model, row.test(), row.steps, hits=(1, 10))
    values = {
        "H@1": [100 * found[n].hits[1] for n in row.steps],
        "H@10": [100 * found[n].hits[10] for n in row.steps],
        "MRR": [100 * found[n].mean_reciprocal_rank for n in row.steps],
    }
    print(
        f"{row.name:30} seed {seed} {took:6.1f} s", {k: np.round(v, 1).tolist() for k, v in values.items()}, flush=True
    )
    settings = asdict(row.settings) | {"candidates": found[row.steps[0]].candidates}
    size, steps = count_parameters(model), np.array(row.steps)
    return {k: Curve(steps, np.array([v]), size, settings, [seed], round(took, 1)) for k, v in values.items()}


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


def main() -> None:
    """Run what the command line names; a number after it: only so many seeds of each row."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in PLANS:
        sys.exit(__doc__)
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 99
    torch.set_num_threads(1)
    rows = list(PLANS[name]())
    try:
        done = dict(recorded.load(name).curves)
    except FileNotFoundError:
        done = {}
    for seed in sorted({s for row in rows for s in row.seeds}):
        data: dict[str, Episodes] = {}
        kept: dict[str, Any] = {}
        for row in rows:
            known = done.get(f"{row.name}, H@1")
            if seed not in row.seeds or seed >= most or (known is not None and seed in known.seeds):
                continue
            key = str((row.data.func, row.data.args, row.data.keywords))  # type: ignore[attr-defined]
            if key not in data:
                data = {key: row.data(seed)}  # the last one is kept
            for what, curve in run(row, seed, key, data[key], kept).items():
                done[f"{row.name}, {what}"] = joined(done.get(f"{row.name}, {what}"), curve)
            names = [f"{r.name}, {what}" for r in rows for what in ("H@1", "H@10", "MRR")]
            recorded.save(
                name, {n: done[n] for n in names if n in done}, f"python benchmarks/record_chapter07.py {name}"
            )


if __name__ == "__main__":
    main()
