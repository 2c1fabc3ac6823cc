"""Make the recorded curves of chapter 5 again.

    python benchmarks/record_chapter05.py cartpole     # the paper's settings and equal ones; half an hour on one core
    python benchmarks/record_chapter05.py predator     # inputs, pooling, sizes and groups; about an hour on one core
    python benchmarks/record_chapter05.py chase        # equal units; about an hour on one core
    python benchmarks/record_chapter05.py pong         # about forty minutes
    python benchmarks/record_chapter05.py wind         # about ten minutes
    python benchmarks/record_chapter05.py baseline     # about ten minutes

Each writes symrl_lite/results/NAME.json, after every curve, and goes on where it stopped. Curves are spread over the
cores of this machine (--workers 4: over four of them), or over the workers of a Dask scheduler
(--scheduler tcp://HOST:8786; they need this folder on their path: PYTHONPATH=benchmarks). --into FOLDER writes the file
there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from _published import DenseBasis, default_biases
from _recording import Batches, main

from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.envs.pong import Pongs, flip
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.policies import OnTable, cnn_policy, equivariant_cnn, equivariant_mlp, mlp_policy
from symrl_lite.ppo import PPOSettings, train_ppo
from symrl_lite.recorded import Curve

Job = Callable[[], Curve]
# What chapter 5 itself uses.
LIVE = PPOSettings(learning_rate=0.003, discount=0.98, gae_lambda=0.8, epochs=10)
PONG_NETWORK = {
    "shape": (2, 11, 11),
    "units": (8, 16, 64),
    "kernels": (3, 3),
    "strides": (2, 1),
    "pooling": "none",
    "scale": 4.0,
}


def cartpole(seeds: range, steps: int) -> dict[str, Job]:
    """The paper's four networks, then equal learning rates, equal biases, augmentation, and the published starts."""
    mirror = reflection()
    nets = {
        "equivariant": partial(equivariant_mlp, mirror, bias_std=1.0, actor_gain=1.0),
        "null space": partial(equivariant_mlp, mirror, space="nullspace", bias_std=1.0, actor_gain=1.0),
        "random": partial(equivariant_mlp, mirror, space="random", bias_std=1.0, actor_gain=1.0),
        "plain": partial(mlp_policy, 4, 2, actor_gain=1.0),
    }
    published = {"equivariant": 0.01, "plain": 0.001, "null space": 0.005, "random": 0.001}

    def job(build: Callable[[], Any], rate: float, augmentation: Any = None, steps: int = steps, **extra: Any) -> Curve:
        settings = PPOSettings.of_the_paper(rate)
        run = train_ppo(CartPoles, build, seeds, steps, settings, augmentation=augmentation)
        return Curve.of(run, seeds, settings, augmentation=augmentation is not None, **extra)

    jobs: dict[str, Job] = {name: partial(job, nets[name], rate) for name, rate in published.items()}
    for rate in (0.0003, 0.001, 0.003, 0.005, 0.01, 0.02):
        for name in ("equivariant", "plain"):
            if rate != published[name]:
                jobs[f"{name}, {rate}"] = partial(job, nets[name], rate)
    for name in ("random", "null space", "equivariant"):
        jobs[f"{name}, zero biases"] = partial(job, partial(nets[name], bias_std=0.0), published[name])
    for rate in (0.001, 0.003):  # at 0.01 the loss stops being a number
        jobs[f"augmented, {rate}"] = partial(job, nets["plain"], rate, augmentation=mirror)
    jobs["plain, default biases"] = partial(job, partial(default_biases, nets["plain"]), published["plain"])
    jobs["equivariant, dense basis"] = partial(job, partial(DenseBasis, mirror), published["equivariant"], steps=14_400)
    wide = partial(mlp_policy, 4, 2, (128, 128), actor_gain=1.0)  # the paper's fifth, with the equivariant one's units
    for rate in (0.001, 0.003):
        jobs[f"plain, equal units, {rate}"] = partial(job, wide, rate)
    return jobs


def chased(
    size: int,
    build: Callable[[], Any],
    rate: float,
    seeds: range,
    steps: int,
    every: int = 512,
    augmented: bool = False,
    **told: Any,
) -> Curve:
    """One curve of the chase; the network is run once on all pictures of the torus."""
    pictures, indexed = PredatorPrey(size=size).images(), PredatorPrey(size=size, observation="index")
    settings = PPOSettings(learning_rate=rate, entropy_coefficient=0.01, evaluate_every=every, evaluation_episodes=100)
    run = train_ppo(
        indexed.copies,
        lambda: OnTable(build(), pictures),
        seeds,
        steps,
        settings,
        augmentation=indexed.rotations() if augmented else None,
    )
    return Curve.of(run, seeds, settings, size=size, augmentation=augmented, **told)


def predator(seeds: range, steps: int) -> dict[str, Job]:
    """Inputs 0/1 with equal pooling, the published code's inputs and pooling, larger grids, other groups."""

    def job(
        size: int, net: str, rate: float, steps: int, every: int = 512, augmented: bool = False, **options: Any
    ) -> Curve:
        world = PredatorPrey(size=size)
        symmetry = {"C4": world.rotations(), "D4": world.symmetries()}
        symmetry["flip"] = symmetry["D4"].restrict(["s"])
        build: Callable[[], Any]
        if net == "plain":
            build = partial(cnn_policy, 5, world.images().shape[1:], **options)
        else:
            build = partial(equivariant_cnn, symmetry[net], world.images().shape[1:], **options)
        return chased(size, build, rate, seeds, steps, every, augmented, network=net, **options)

    jobs: dict[str, Job] = {}
    for rate in (0.001, 0.003):
        for net in ("C4", "plain"):
            jobs[f"{net}, {rate}"] = partial(job, 7, net, rate, steps)
    for space in ("nullspace", "random"):
        for rate in (0.001, 0.003):
            jobs[f"{space}, {rate}"] = partial(job, 7, "C4", rate, steps, space=space)
    for rate in (0.001, 0.003):
        jobs[f"augmented, {rate}"] = partial(job, 7, "plain", rate, steps, augmented=True)
    long = partial(job, 7, rate=0.001, steps=6 * steps, every=2048)
    published = {"scale": 1 / 255, "actor_gain": 1.0}
    jobs["C4, published inputs"] = partial(long, net="C4", **published)
    jobs["plain, published inputs and pooling"] = partial(long, net="plain", pooling="mean", **published)
    jobs["plain, published inputs"] = partial(long, net="plain", **published)
    jobs["plain, mean pooling"] = partial(long, net="plain", pooling="mean")
    for size in (5, 7, 9, 11):
        for net in ("plain", "flip", "C4", "D4"):
            if not (size == 7 and net in ("plain", "C4")):
                jobs[f"{net}, 0.003, size {size}"] = partial(job, size, net, 0.003, steps if size < 11 else 2 * steps)
    return jobs


def chase(seeds: range, steps: int) -> dict[str, Job]:
    """Equal parameters and equal units: what of the lead over a plain network is its width?

    An equivariant network has |G| poses of c / √|G| copies: √|G| times as many units as the plain one of as many
    parameters. The others are plain and have as many units as C4's, the flip's and D4's, and |G| times the parameters.
    """

    def job(size: int, net: str, rate: float, augmented: bool = False, **options: Any) -> Curve:
        world = PredatorPrey(size=size)
        shape, symmetries = world.images().shape[1:], world.symmetries()
        build: Callable[[], Any] = {
            "C4": partial(equivariant_cnn, world.rotations(), shape, **options),
            "flip": partial(equivariant_cnn, symmetries.restrict(["s"]), shape, **options),
            "D4": partial(equivariant_cnn, symmetries, shape, **options),
            "plain": partial(cnn_policy, 5, shape, **options),
            "plain, equal units": partial(cnn_policy, 5, shape, units=(32, 64, 1024), **options),
            "plain, units of flip": partial(cnn_policy, 5, shape, units=(22, 44, 724), **options),
            "plain, units of D4": partial(cnn_policy, 5, shape, units=(40, 88, 1448), **options),
        }[net]
        length = steps if size < 11 else 12_288
        return chased(size, build, rate, seeds, length, augmented=augmented, network=net, **options)

    jobs: dict[str, Job] = {}
    for net in ("C4", "plain", "plain, equal units"):
        for rate in (0.001, 0.003, 0.01):
            jobs[f"{net}, {rate}, size 7"] = partial(job, 7, net, rate)
        jobs[f"{net}, 0.003, size 7, mean pooling"] = partial(job, 7, net, 0.003, pooling="mean")
        for size in (5, 9):
            jobs[f"{net}, 0.003, size {size}"] = partial(job, size, net, 0.003)
    jobs["augmented, 0.003, size 7"] = partial(job, 7, "plain", 0.003, augmented=True)
    for net in ("flip", "plain, units of flip", "D4", "plain, units of D4"):
        jobs[f"{net}, 0.003, size 7"] = partial(job, 7, net, 0.003)
    for net in ("C4", "plain", "plain, equal units"):
        jobs[f"{net}, 0.003, size 11"] = partial(job, 11, net, 0.003)
    return jobs


def pong(seeds: range, steps: int) -> dict[str, Job]:
    """The small Pong: equivariant, the two controls, plain, a wider one, and plain with augmentation; two rates.

    The two controls, and all at the lower rate, have ten seeds of their own, 0 to 9.
    """
    options: dict[str, Any] = PONG_NETWORK
    nets: dict[str, Callable[[], Any]] = {
        "equivariant": partial(equivariant_cnn, flip(), **options),
        "plain": partial(cnn_policy, 3, **options),
        # As many units as the equivariant one, and about twice the parameters.
        "plain, equal units": partial(cnn_policy, 3, **{**options, "units": (10, 22, 90)}),
        "null space": partial(equivariant_cnn, flip(), space="nullspace", **options),
        "random": partial(equivariant_cnn, flip(), space="random", **options),
    }

    def job(net: str, rate: float, augmented: bool) -> Curve:
        settings = PPOSettings(
            learning_rate=rate, entropy_coefficient=0.01, evaluate_every=4096, evaluation_episodes=20
        )
        augmentation = flip() if augmented else None
        chosen = range(10) if rate == 0.001 or net in ("null space", "random") else seeds
        run = train_ppo(partial(Pongs, size=11), nets[net], chosen, steps, settings, augmentation=augmentation)
        return Curve.of(run, chosen, settings, network=net, augmentation=augmented)

    jobs: dict[str, Job] = {}
    for rate in (0.002, 0.001):
        for net in nets:
            jobs[f"{net}, {rate}"] = partial(job, net, rate, False)
        jobs[f"augmented, {rate}"] = partial(job, "plain", rate, True)
    return jobs


def wind(seeds: range, steps: int) -> dict[str, Job]:
    """CartPole with a wind from one side, of which the equivariant network can know nothing."""
    nets: dict[str, Callable[[], Any]] = {
        "equivariant": partial(equivariant_mlp, reflection()),
        "plain": partial(mlp_policy, 4, 2),
    }

    def job(net: str, force: float) -> Curve:
        settings = replace(LIVE, evaluate_every=2048)
        run = train_ppo(partial(CartPoles, wind=force), nets[net], seeds, steps, settings)
        return Curve.of(run, seeds, settings, network=net, wind=force)

    return {f"{net}, {force} N": partial(job, net, force) for force in (0, 4, 8, 9, 9.5) for net in nets}


def baseline(seeds: range, steps: int) -> dict[str, Job]:
    """Which make? Shared layers with ReLU, or separate ones with tanh, for both; chapter 5's own settings.

    The separate equivariant network has as many parameters as the separate plain one, or as many units.
    """
    nets: dict[str, Callable[[], Any]] = {
        "equivariant": partial(equivariant_mlp, reflection()),
        "shared": partial(mlp_policy, 4, 2),
        "separate": partial(mlp_policy, 4, 2, (64, 64), separate=True),
        "equivariant, separate": partial(equivariant_mlp, reflection(), (46, 46), separate=True),
        "equivariant, separate, 64 units": partial(equivariant_mlp, reflection(), (32, 32), separate=True),
    }

    def job(net: str, rate: float) -> Curve:
        settings = replace(LIVE, learning_rate=rate)
        return Curve.of(train_ppo(CartPoles, nets[net], seeds, steps, settings), seeds, settings, network=net)

    return {f"{net}, {rate}": partial(job, net, rate) for rate in (0.001, 0.003, 0.006) for net in nets}


PLANS: dict[str, tuple[Callable[[range, int], dict[str, Job]], range, int]] = {
    "cartpole": (cartpole, range(20), 40_000),
    "predator": (predator, range(10), 10_240),
    "chase": (chase, range(1000, 1020), 10_240),
    "pong": (pong, range(1000, 1020), 61_440),
    "wind": (wind, range(1000, 1020), 40_960),
    "baseline": (baseline, range(10, 30), 16_384),
}


def plan(name: str) -> Batches:
    """The curves of a recording; each is one run, with all of its seeds."""
    make, seeds, steps = PLANS[name]

    def named(label: str, job: Job) -> dict[str, Curve]:
        return {label: job()}

    return Batches({label: partial(named, label, job) for label, job in make(seeds, steps).items()}, seeds)


if __name__ == "__main__":
    main(Path(__file__).stem, __doc__, list(PLANS))
