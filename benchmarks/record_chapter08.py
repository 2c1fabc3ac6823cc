"""Make the recorded results of chapter 8 again.

    python benchmarks/record_chapter08.py pictures     # clones of pictures seen in other ways; about 15 minutes

Each writes symrl_lite/results/NAME.json, after every row, and goes on where it stopped. Rows are spread over the cores
of this machine (--workers 4: over four of them), or over the workers of a Dask scheduler
(--scheduler tcp://HOST:8786; they need this folder on their path: PYTHONPATH=benchmarks). --into FOLDER writes the file
there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from _recording import Batches, Values, main

from symrl_lite.envs.catch import catches, demonstrations
from symrl_lite.envs.catch import flip as mirror
from symrl_lite.policies import equivariant_cnn
from symrl_lite.recorded import Curve
from symrl_lite.views import NETWORK, CloneSettings, flip, random_crop, train_clones

Job = Callable[[], Curve]
EPISODES = 60  # of the expert, of each seed its own
TRIED = 300  # fresh episodes, the same for all
TRIED_SEED = 999


def pictures(seeds: range, updates: int) -> dict[str, Job]:
    """Clones of the catch: what is shown, what is built in, what is compared. Share of balls that are caught.

    With noise of 0.15, and again with 0.1, where the plain clone is further from random play (34/144).
    """

    def crop(x: Any, a: Any, random: np.random.Generator) -> tuple[Any, Any]:
        return random_crop(x, 2, random), a

    def flipped(x: Any, a: Any, random: np.random.Generator) -> tuple[Any, Any]:
        return flip(x, a, [2, 1, 0], random)

    def actions_kept(x: Any, a: Any, random: np.random.Generator) -> tuple[Any, Any]:
        return flip(x, a, None, random)

    def both(x: Any, a: Any, random: np.random.Generator) -> tuple[Any, Any]:
        return crop(*flipped(x, a, random), random)

    build = partial(equivariant_cnn, mirror(), (2, 16, 16), **NETWORK)
    ways: dict[str, dict[str, Any]] = {
        "none": {},
        "crop": {"view": crop},
        "flip": {"view": flipped},
        "flip, actions kept": {"view": actions_kept},
        "crop and flip": {"view": both},
        "equivariant": {"build_network": build},
        "contrast": {"contrast": crop},
        "crop, contrast": {"view": crop, "contrast": crop},
        "equivariant, crop": {"build_network": build, "view": crop},
    }

    def job(way: str, noise: float) -> Curve:
        settings = CloneSettings(updates=updates)
        sets = [demonstrations(EPISODES, seed, noise) for seed in seeds]
        seen, done = (np.stack(part) for part in zip(*sets, strict=True))  # (seeds, N, ...)

        def caught(k: int, network: Any) -> dict[str, float]:
            return {"caught": float(catches([network.probabilities], TRIED, TRIED_SEED, noise)[0])}

        values = Values(caught, seeds, settings)
        train_clones(seen, done, seeds, settings, every=updates // 4, after=values, progress=False, **ways[way])
        return values.curves(episodes=EPISODES, noise=noise, tried=TRIED)["caught"]

    jobs: dict[str, Job] = {way: partial(job, way, 0.15) for way in ways}
    return jobs | {f"{way}, noise 0.1": partial(job, way, 0.1) for way in ways}


PLANS: dict[str, tuple[Callable[[range, int], dict[str, Job]], range, int]] = {
    "pictures": (pictures, range(1000, 1010), 1200),
}


def plan(name: str) -> Batches:
    """The rows of a recording; each is one run, with all of its seeds."""
    make, seeds, updates = PLANS[name]

    def named(label: str, job: Job) -> dict[str, Curve]:
        return {label: job()}

    return Batches({label: partial(named, label, job) for label, job in make(seeds, updates).items()}, seeds)


if __name__ == "__main__":
    main(Path(__file__).stem, __doc__, list(PLANS))
