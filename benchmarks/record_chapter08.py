"""Make the recorded results of chapter 8 again.

    python benchmarks/record_chapter08.py bowl     # episodes to 90 % of the goals; about half an hour on a core
    python benchmarks/record_chapter08.py pictures # clones of pictures seen in other ways; about 15 minutes

Each writes symrl_lite/results/NAME.json, after every curve, and goes on where it stopped. Curves are spread over the
cores of this machine (--workers 4: over four of them), or over the workers of a Dask scheduler
(--scheduler tcp://HOST:8786; they need this folder on their path: PYTHONPATH=benchmarks). --into FOLDER writes the file
there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _recording import Batches, Values, main

from symrl_lite.ddpg import DDPGSettings, train_ddpg
from symrl_lite.envs import bowl
from symrl_lite.envs.catch import catches, demonstrations
from symrl_lite.envs.catch import flip as mirror_image
from symrl_lite.policies import equivariant_cnn
from symrl_lite.recorded import Curve
from symrl_lite.replay import GoalEpisodes, hindsight, moved, nearby_goals, reflections
from symrl_lite.views import NETWORK, CloneSettings, flip, random_crop, train_clones

Job = Callable[[], Curve]
LATE = 12  # episodes at which rows stop that never arrive, or that cost five times as much
UNMIRRORED = {**bowl.KINDS, "actions": ("number", "number")}
POINTS = {name: tuple("point" for _ in kinds) for name, kinds in bowl.KINDS.items() if name != "actions"}
POINTS["actions"] = ("vector",)
REWARD = bowl.Bowl().compute_reward
EPISODES = 60  # of the expert, of each seed its own
TRIED = 300  # fresh episodes, the same for all
TRIED_SEED = 999


def sampled(
    stored: GoalEpisodes,
    n: int,
    random: np.random.Generator,
    *,
    share: float = 0.8,
    mirrors: int | None = 0,
    base: tuple[float, float] = (0.0, 0.0),
    kinds: Any = bowl.KINDS,
    turns: int = 0,
    near: int = 0,
    larger: int = 1,
    kept: bool = False,
) -> dict[str, np.ndarray]:
    """Hindsight, then mirrors or turns, then goals nearby; a batch `larger` times as large."""
    batch = hindsight(stored, larger * n, random, REWARD, share)
    if mirrors != 0:
        batch = reflections(batch, kinds, random, mirrors, base)
    if turns:
        batch = turned(batch, turns, random)
    if near:
        old = batch["rewards"]
        batch = nearby_goals(batch, bowl.RADIUS, near, random, REWARD)
        if kept:  # a mistake: the rewards of the goals that the copies had before
            batch["rewards"] = np.tile(old, 1 + near)
    return batch


def turned(batch: dict[str, np.ndarray], turns: int, random: np.random.Generator) -> dict[str, np.ndarray]:
    """Each step as it was, or turned by one of so many angles of its episode."""
    numbers, which = np.unique(batch["numbers"], return_inverse=True)
    angles = 2 * np.pi * np.stack([np.random.default_rng([int(e), 9]).random(turns) for e in numbers])
    chosen = random.integers(turns + 1, size=len(which))
    angle = np.where(chosen > 0, angles[which, chosen - 1], 0.0)
    c, s = np.cos(angle), np.sin(angle)
    return moved(batch, bowl.KINDS, np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2))


class Ahead(torch.nn.Module):
    """(..., 4 + 2 + rest) → the same with z − p in place of the goal z: which way, and how far."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output for a batch x."""
        return torch.cat([x[..., :4], x[..., 4:6] - x[..., :2], x[..., 6:]], dim=-1)


def ahead(inputs: int, outputs: int) -> torch.nn.Module:
    """The default layers, behind `Ahead`."""
    L, relu = torch.nn.Linear, torch.nn.ReLU
    return torch.nn.Sequential(Ahead(), L(inputs, 64), relu(), L(64, 64), relu(), L(64, outputs))


def axis_along(which: str) -> Any:
    """Another frame for the same group: its first axis from the middle to the point, or from the middle to the goal."""

    def frames(observations: np.ndarray, goals: np.ndarray) -> np.ndarray:
        p, z = observations[..., :2], goals
        one, other = (p, z) if which == "point" else (z, p)
        first = one / np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-12)
        upright = np.stack([-first[..., 1], first[..., 0]], axis=-1)
        side = np.where((upright * other).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
        return np.stack([first, side * upright], axis=-2)

    return frames


def in_bowl(seeds: range, episodes: int) -> dict[str, Job]:
    """Who needs how many episodes: hindsight, mirrors, goals nearby, the symmetry built in, and what is wrong."""

    def job(
        episodes: int = episodes,
        built_in: str = "",
        swirl: float = 0.0,
        updates: int = 200,
        rate: float = 0.001,
        towards: bool = False,
        **how: Any,
    ) -> Curve:
        settings = DDPGSettings(updates=updates, learning_rate=rate)
        frames = bowl.frames if built_in == "goal from point" else axis_along(built_in)
        frame: dict[str, Any] = {"frames": frames, "kinds": bowl.KINDS} if built_in else {}
        began = time.process_time()
        run = train_ddpg(
            partial(bowl.Bowls, observation="goals", swirl=swirl),
            seeds,
            episodes,
            settings,
            sample=partial(sampled, **how),
            longest=1.0,
            until=0.9,
            build_network=ahead if towards else None,
            progress=False,
            **frame,
        )
        took = round(time.process_time() - began, 1)
        told = {
            name: ("points" if value is POINTS else "unmirrored") if name == "kinds" else value
            for name, value in how.items()
        }
        told |= {"built_in": built_in, "swirl": swirl, "towards": towards}
        units = ((6, *settings.hidden, 2), (8, *settings.hidden, 1))  # of actor and critic
        size = sum((a + 1) * b for layers in units for a, b in pairwise(layers))
        steps = np.arange(1, run.success.shape[1] + 1)
        return Curve(steps, run.success, size, asdict(settings) | told, list(seeds), took)

    jobs: dict[str, Job] = {
        "no hindsight": partial(job, LATE, share=0.0),
        "HER": partial(job),
        "Kaleidoscope, 8": partial(job, mirrors=8),
        "built in": partial(job, built_in="goal from point"),
        "unmirrored action": partial(job, LATE, mirrors=8, kinds=UNMIRRORED),
        "base at 0.5": partial(job, mirrors=8, base=(0.5, 0.0)),
        "base at 1": partial(job, mirrors=8, base=(1.0, 0.0)),
    }
    jobs |= {f"Kaleidoscope, {n or 'every'}": partial(job, mirrors=n) for n in (1, 3, 16, None)}
    jobs |= {
        "swirl, HER": partial(job, swirl=2.0),
        "swirl, mirrors": partial(job, swirl=2.0, mirrors=8),
        "swirl, turns": partial(job, swirl=2.0, turns=8),
        "turns": partial(job, turns=8),
        "HER, batch of 640": partial(job, LATE, larger=5),
        "goals nearby": partial(job, LATE, near=4),
        "goals nearby, rewards kept": partial(job, LATE, near=4, kept=True),
        "velocities as points, base at 0.5": partial(job, mirrors=8, base=(0.5, 0.0), kinds=POINTS),
        "Kaleidoscope, 8, goals nearby": partial(job, LATE, mirrors=8, near=4),
    }
    for updates, most in ((200, episodes), (60, 3 * episodes), (20, 5 * episodes)):
        label = "" if updates == 200 else f", {updates} updates"
        jobs[f"built in, axis along the point{label}"] = partial(job, most, updates=updates, built_in="point")
    ways: dict[str, dict[str, Any]] = {"HER": {}, "Kaleidoscope, 8": {"mirrors": 8}}
    for updates, most in ((200, episodes), (20, 5 * episodes)):
        label = "" if updates == 200 else f", {updates} updates"
        for name, how in ways.items():
            jobs[f"{name}, z − p{label}"] = partial(job, most, updates=updates, towards=True, **how)
    all_ways = {**ways, "built in": {"built_in": "goal from point"}}
    jobs["built in, axis along the goal"] = partial(job, built_in="goal")
    for updates, most in ((60, 3 * episodes), (20, 5 * episodes)):
        for name, how in all_ways.items():
            jobs[f"{name}, {updates} updates"] = partial(job, most, updates=updates, **how)
    for rate in (0.0003, 0.003):
        for name, how in all_ways.items():
            jobs[f"{name}, rate {rate}"] = partial(job, rate=rate, **how)
    return jobs


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

    build = partial(equivariant_cnn, mirror_image(), (2, 16, 16), **NETWORK)
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
    "bowl": (in_bowl, range(1000, 1024), 30),
    "pictures": (pictures, range(1000, 1010), 1200),
}


def plan(name: str) -> Batches:
    """The curves of a recording; each is one run, with all of its seeds."""
    make, seeds, length = PLANS[name]

    def named(label: str, job: Job) -> dict[str, Curve]:
        return {label: job()}

    return Batches({label: partial(named, label, job) for label, job in make(seeds, length).items()}, seeds)


if __name__ == "__main__":
    main(Path(__file__).stem, __doc__, list(PLANS))
