"""Make the recorded curves of chapter 6 again.

    python benchmarks/record_chapter06.py balancing    # cart pole: losses, temperatures, baselines; half an hour
    python benchmarks/record_chapter06.py room         # the room with pictures of the paper's size; half an hour
    python benchmarks/record_chapter06.py sprites      # shifted digits; a quarter of an hour

Each writes symrl_lite/results/NAME.json, after every training, and goes on where it stopped. Trainings are spread over
the cores of this machine (--workers 4: over four of them), or over the workers of a Dask scheduler
(--scheduler tcp://HOST:8786; they need this folder on their path: PYTHONPATH=benchmarks). --into FOLDER writes the file
there. Steps are updates; a value is the mean return (cart pole) or the mean length of an episode (room, sprites) of one
seed.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from _recording import Batches, Values, main

from symrl_lite.data import Transitions, collect, play, walk
from symrl_lite.envs import sprites as shifts
from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.room import Room
from symrl_lite.envs.sprites import PLACES, SpriteCopies, digits, render
from symrl_lite.offline_q import QSettings, greedy, train_q
from symrl_lite.plannable import Encoded, LatentPlanner, LinearModel, PlannableSettings, train_plannable
from symrl_lite.recorded import Curve

Job = Callable[[], dict[str, Curve]]


def balancing(seeds: range) -> dict[str, Job]:
    """Ten seeds, each with 100 random episodes of its own; 100 test episodes at every evaluation."""
    capped = partial(CartPoles, max_episode_steps=200)
    upright = np.zeros(4, dtype=np.float32)

    @cache
    def data() -> list[Transitions]:
        return [collect(capped, 100, seed) for seed in seeds]

    def failing() -> list[Transitions]:
        return [replace(d, rewards=np.where(d.terminated, -1.0, 0.0)) for d in data()]

    def score(
        k: int, model: Any, environment: Any = capped, goal: Any = upright, scales: Any = None, **plan: Any
    ) -> float:
        scale = 1 if scales is None else scales[k]
        try:
            planner = LatentPlanner(model, data()[k].sample(1024, seeds[k]) * scale, goal, **plan)
        except ValueError:  # no way to the goal: what is left is to act at random
            return float(play(environment, None, 100, seed=1000 + seeds[k])[0].mean())
        return float(play(environment, lambda seen: planner.actions(seen * scale), 100, seed=1000 + seeds[k])[0].mean())

    def job(
        settings: PlannableSettings, plans: dict[str, dict[str, Any]], sets: Callable[[], list[Transitions]] = data
    ) -> dict[str, Curve]:
        def scores(k: int, model: Any) -> dict[str, float]:
            return {name: score(k, model, **plan) for name, plan in plans.items()}

        curves = Values(scores, seeds, settings)
        train_plannable(sets(), seeds, settings, every=100, after=curves)
        return curves.curves()

    def no_encoder(scale: Any) -> dict[str, Curve]:
        began = time.perf_counter()
        found = [[score(k, LinearModel(steps, scale))] for k, steps in enumerate(data())]
        name = f"no encoder, × {scale}, τ 0.1"
        size, took = 2 * 4 * 5, round(time.perf_counter() - began, 1)
        made_with = {"learning_rate": 1.0, "scale": scale}  # least squares: there is no rate
        return {name: Curve(np.array([0]), np.array(found), size, made_with, list(seeds), took)}

    def scaled(
        name: str, settings: PlannableSettings, scale: Callable[[Transitions], Any], *temperatures: float
    ) -> dict[str, Curve]:
        scales = [scale(d) for d in data()]
        seen = [
            replace(d, observations=(d.observations * c).astype(np.float32))
            for d, c in zip(data(), scales, strict=True)
        ]
        return job(settings, {k: v | {"scales": scales} for k, v in plans(name, *temperatures).items()}, lambda: seen)

    def q_learning(rate: float) -> dict[str, Curve]:
        settings = QSettings(updates=3000, learning_rate=rate)
        curves = Values(
            lambda k, net: {f"Q-learning, {rate}": float(play(capped, greedy(net), 100, 1000 + seeds[k])[0].mean())},
            seeds,
            settings,
        )
        train_q(data(), seeds, settings, every=250, after=curves)
        return curves.curves()

    base = PlannableSettings(updates=1000)

    def plans(name: str, *temperatures: float) -> dict[str, dict[str, Any]]:
        return {f"{name}, τ {t:g}": {"temperature": t} for t in temperatures}

    auto = replace(base, representation="autoencoder")
    jobs: dict[str, Job] = {
        "plannable": partial(job, base, plans("plannable", 0.1)),
        "autoencoder": partial(job, auto, plans("autoencoder", 0.1, 0.01)),
        "no negatives": partial(job, replace(base, negatives=0), plans("no negatives", 0.1)),
        "learned": partial(job, base, {"learned reward, τ 0.1": {"goal": None}}, failing),
        "episode": partial(job, replace(base, negatives_from="episode"), plans("negatives of the episode", 0.1)),
        "predicted": partial(job, replace(base, anchor="predicted"), plans("predicted anchors", 0.1)),
        "plannable, temperatures": partial(
            job, base, plans("plannable", 0.001, 0.01, 1.0, 10.0) | {"plannable, cap 500": {"environment": CartPoles}}
        ),
        "autoencoder, temperatures": partial(job, auto, plans("autoencoder", 0.03, 0.003, 0.001)),
        "no negatives, temperature": partial(job, replace(base, negatives=0), plans("no negatives", 0.001, 0.0001)),
    }
    for rate in (0.0003, 0.003):
        settings = replace(base, representation="autoencoder", learning_rate=rate)
        jobs[f"autoencoder, {rate}"] = partial(
            job, settings, plans(f"autoencoder, rate {rate}", 0.1, 0.03, 0.01, 0.003, 0.001)
        )
        jobs[f"plannable, {rate}"] = partial(
            job, replace(base, learning_rate=rate), plans(f"plannable, rate {rate}", 0.1)
        )
    for by in (1, 10, (5, 5, 30, 5)):  # the last one chosen by hand
        jobs[f"no encoder {by}"] = partial(no_encoder, by)

    def one(d: Transitions) -> Any:  # each entry with a standard deviation of 1
        return 1 / d.observations.std(axis=0)

    def by_hand(d: Transitions) -> Any:
        return np.array([10.0, 10.0, 30.0, 10.0])

    jobs["plannable, standardized"] = partial(scaled, "plannable, standardized input", base, one, 0.1)
    jobs["autoencoder, scaled"] = partial(scaled, "autoencoder, scaled input", auto, by_hand, 1.0, 0.1, 0.01)
    for rate in (0.0003, 0.001, 0.003):
        jobs[f"q {rate}"] = partial(q_learning, rate)
    return jobs


def room(seeds: range) -> dict[str, Job]:
    """Mean length over all starts and deliveries; pictures of 3 × 48 × 48, or smaller ones."""

    def job(
        label: str,
        objects: int,
        pixels: int,
        settings: PlannableSettings,
        every: int,
        temperatures: tuple[float, ...] = (0.1,),
        prune_within: float = 0.01,
    ) -> dict[str, Curve]:
        world = Room(objects, pixels=pixels)
        moves, images = world.moves(), world.images()
        starts = world.start_states[world.start_states < world.n_places]
        goals = {"training goals": world.deliveries, "unseen goals": Room(objects, deliveries="everywhere").deliveries}

        def scores(k: int, model: Any) -> dict[str, float]:
            found: dict[str, float] = {}
            kept, known, places = 0, Encoded(model, images), np.arange(world.n_places)
            for (name, cells), temperature in product(goals.items(), temperatures):
                lengths = []
                for cell in cells:
                    place = world.place_of(cell, key=False)
                    try:
                        planner = LatentPlanner(
                            known, places, place, temperature=temperature, prune_within=prune_within
                        )
                    except ValueError:  # collapsed, or no way to the goal
                        lengths.append(np.full(len(starts), 100))
                        continue
                    kept = max(kept, len(planner.latents))
                    lengths.append(walk(moves, planner.actions, starts, place))
                which = f", τ {temperature:g}" if len(temperatures) > 1 else ""
                found[f"{label}{which}, {name}"] = float(np.mean(lengths))
            return found | {f"{label}, prototypes": float(kept)}

        data = [collect(world.copies, 200, seed).look_up(images) for seed in seeds]
        curves = Values(scores, seeds, settings)
        train_plannable(data, seeds, settings, every=every, after=curves)
        return curves.curves(objects=objects, pixels=pixels)

    base = PlannableSettings(updates=500)
    small, long = replace(base, updates=600), replace(base, updates=1200)
    many = tuple(10.0**-k for k in range(1, 8))
    return {
        "full": partial(job, "48 pixels", 1, 6, base, 50),
        "small": partial(job, "24 pixels", 1, 3, small, 50),
        # Their codes have a scale of their own: no pruning, more updates, and temperatures over seven decades.
        "no negatives": partial(job, "no negatives", 1, 3, replace(long, negatives=0), 300, many, 0.0),
        "autoencoder": partial(job, "autoencoder", 1, 3, replace(long, representation="autoencoder"), 300, many, 0.0),
        "two": partial(job, "two objects", 2, 3, small, 50),
    }


def sprites(seeds: range) -> dict[str, Job]:
    """Mean length over 49 starts, for 40 pairs of a sprite and a goal; prototypes are 256 training pictures."""
    moves, starts = shifts.moves(), np.arange(PLACES)

    @cache
    def pictures() -> dict[str, np.ndarray]:
        return {"train": render(digits()), "test": render(digits(train=False))}

    @cache
    def data() -> list[Transitions]:
        make = partial(SpriteCopies, n_sprites=len(digits()))
        return [collect(make, 1000, seed).look_up(pictures()["train"]) for seed in seeds]

    def scores(label: str, k: int, model: Any) -> dict[str, float]:
        found = {}
        for which, table in pictures().items():
            for left in (True, False):
                draw, lengths = np.random.default_rng([seeds[k], 8]), []
                for _ in range(40):
                    own = table.reshape(-1, PLACES, *table.shape[1:])[draw.integers(len(table) // PLACES)]
                    goal = int(draw.choice(shifts.goals(left)))
                    try:
                        planner = LatentPlanner(
                            model,
                            data()[k].sample(256, seeds[k]),
                            own[goal],
                            temperature=0.3,
                            interpolation=0.1,
                            prune_within=0.3,
                        )
                    except ValueError:
                        lengths.append(np.full(PLACES, 100))
                        continue
                    lengths.append(walk(moves, lambda p: planner.actions(own[p]), starts, goal))  # noqa: B023
                found[f"{label}, {which} sprites, {'train' if left else 'test'} goals"] = float(np.mean(lengths))
        return found

    def job(label: str, settings: PlannableSettings) -> dict[str, Curve]:
        curves = Values(partial(scores, label), seeds, settings)
        train_plannable(data(), seeds, settings, every=settings.updates // 3, after=curves)
        return curves.curves()

    base = PlannableSettings(updates=1200, batch_size=128, learning_rate=0.002, negatives=2, negatives_from="episode")
    return {
        "episode": partial(job, "negatives of the episode", base),
        "data": partial(job, "negatives of the data", replace(base, negatives_from="data")),
        "none": partial(job, "no negatives", replace(base, negatives=0)),
    }


PLANS: dict[str, tuple[Callable[[range], dict[str, Job]], range]] = {
    "balancing": (balancing, range(10, 20)),
    "room": (room, range(5)),
    "sprites": (sprites, range(5)),
}


def plan(name: str) -> Batches:
    """The trainings of a recording; each is one run, with all of its seeds, and gives several curves."""
    make, seeds = PLANS[name]

    def quietly(job: Job) -> dict[str, Curve]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the planner: controls do collapse
            return job()

    return Batches({label: partial(quietly, job) for label, job in make(seeds).items()}, seeds)


if __name__ == "__main__":
    main(Path(__file__).stem, __doc__, list(PLANS))
