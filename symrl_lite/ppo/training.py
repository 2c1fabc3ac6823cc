"""Proximal policy optimization for many seeds at once. Read it from top to bottom: settings, training, its parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite.data import Environment, vector_maker
from symrl_lite.door import (
    a_seed,
    check_settings,
    require_function,
    seed_list,
    whole_number,
)
from symrl_lite.ppo.advantages import advantages_and_targets
from symrl_lite.ppo.objective import clipped_objective
from symrl_lite.ppo.playing import Play, require_served
from symrl_lite.seeds import SeedBatch
from symrl_lite.symmetry import Symmetry, augment

__all__ = ["PPOSettings", "TrainingRun", "evaluate", "train_ppo"]


@dataclass(frozen=True)
class PPOSettings:
    """The numbers of PPO; where no other source is named, the defaults are those of Stable-Baselines3 2.9.

    Advantages are normalised in each minibatch with the deviation of the population, √(1/m Σ (A − mean)²); others,
    Stable-Baselines3 among them, take the sample's, with 1/(m − 1). For m = 128 that is 0.4 % of a difference.

    Raises:
        ValueError: a count below 1, a rate, a clip or a gradient that is not positive, a coefficient below 0, a
            discount or a λ outside [0, 1], or NaN. TypeError: a field that is no number.

    >>> PPOSettings(learning_rate=0).learning_rate
    Traceback (most recent call last):
    ValueError: learning_rate is 0, expected ...
    """

    environments: int = 16  # a seed
    horizon: int = 32  # steps of each environment between two updates
    epochs: int = 4  # passes over these steps
    minibatches: int = 4  # in each pass
    learning_rate: float = 1e-3  # of Adam; tried together with 3e-3 and others in chapter 5
    adam_epsilon: float = 1e-5
    discount: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2
    value_coefficient: float = 0.5
    entropy_coefficient: float = 0.0
    largest_gradient: float = 0.5
    normalize_advantages: bool = True  # (A − mean) / deviation of the population, in each minibatch
    evaluate_every: int = 2000  # steps of a seed
    evaluation_episodes: int = 10  # a seed, actions drawn from the policy

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_settings(
            self,
            counts={
                "environments": 1,
                "horizon": 1,
                "epochs": 1,
                "minibatches": 1,
                "evaluate_every": 1,
                "evaluation_episodes": 1,
            },
            numbers={
                "learning_rate": {"above": 0},
                "adam_epsilon": {"above": 0},
                "discount": {"low": 0, "high": 1},
                "gae_lambda": {"low": 0, "high": 1},
                "clip": {"above": 0},
                "value_coefficient": {"low": 0},
                "entropy_coefficient": {"low": 0},
                "largest_gradient": {"above": 0},
            },
        )

    @classmethod
    def of_the_paper(cls, learning_rate: float) -> PPOSettings:
        """Those of CartPole in van der Pol et al. 2020, as in the code that was published with it."""
        return cls(
            horizon=5,
            learning_rate=learning_rate,
            adam_epsilon=1e-8,
            gae_lambda=1.0,
            clip=0.1,
            value_coefficient=0.5,  # 1, on half of the squared error
            entropy_coefficient=0.01,
            largest_gradient=1.0,
            normalize_advantages=False,
            evaluate_every=480,  # 500 there, of which its sampler makes 480
            evaluation_episodes=25,
        )


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """What came out of `train_ppo`: the return of every seed at every evaluation, and the networks."""

    steps: np.ndarray  # (T,), of one seed
    returns: np.ndarray  # (seeds, T), mean of the evaluation's episodes
    networks: list[nn.Module] = field(repr=False)  # (seeds,), as they are at the end
    seconds: float = 0.0  # wall time, of all seeds together
    interrupted: bool = False


def train_ppo(
    environment: Environment,
    build_network: Callable[[], nn.Module],
    seeds: Sequence[int],
    total_steps: int,
    settings: PPOSettings = PPOSettings(),
    *,
    augmentation: Symmetry | None = None,
    progress: bool = True,
    after_evaluation: Callable[[int, SeedBatch], None] | None = None,
) -> TrainingRun:
    """Train one network for each seed with PPO, all of them as one batch.

    The clipped objective, for the ratio r = π(a|s) / π_old(a|s) and the advantage A:

        maximize  mean[ min(r A, clip(r, 1 − ε, 1 + ε) A) ] − c_v mean[(V(s) − target)²] + c_e mean[entropy]

    A seed's result does not depend on the other seeds, up to rounding: each has its own environments, random numbers,
    network, gradient length and Adam state.

    Args:
        environment: a Gymnasium id, or a function n -> vector environment of n copies, such as `CartPoles`, that takes
            a list of seeds in `reset` and starts anew on the step after an episode's last.
        build_network: makes a network (batch, *observation) -> (scores (batch, actions), values (batch,)). It is called
            once a seed, with torch's random numbers set to that seed.
        seeds: whole numbers.
        total_steps: steps of each seed, over all of its environments.
        settings: the numbers of PPO.
        augmentation: add L_g s with K_g a to every minibatch, for every g. The copies count as if they had been drawn:
            their π_old is what the old network gave them.
        progress: whether to show a bar with the running return, the median over seeds.
        after_evaluation: called with the step and the batch of networks after every evaluation.

    Returns:
        A TrainingRun. After Ctrl-C, what was learned until then, with `interrupted` set.

    Raises:
        ValueError: settings, or an environment that doesn't fit: its actions must be Discrete(n) from 0, as many as the
            network has scores for, and its observations arrays. FloatingPointError: a loss that is not a number.

    >>> from symrl_lite.envs.cartpole import CartPoles
    >>> from symrl_lite.policies import mlp_policy
    >>> run = train_ppo(CartPoles, lambda: mlp_policy(4, 2), seeds=[0, 1], total_steps=2048, progress=False)
    >>> run.steps.tolist(), run.returns.shape, len(run.networks)
    ([0, 2048], (2, 2), 2)

    Source: Schulman et al. 2017 (the objective); Schulman et al. 2016 (generalized advantage estimation).
    """
    started = perf_counter()
    make = vector_maker(environment)
    require_function(build_network, "build_network", "a function () -> network")
    if not isinstance(settings, PPOSettings):
        raise TypeError(f"settings is {settings!r}, expected PPOSettings(...)")
    if augmentation is not None and not isinstance(augmentation, Symmetry):
        raise TypeError(f"augmentation is {augmentation!r}, expected a Symmetry or None")
    seeds, total_steps = seed_list(seeds), whole_number(total_steps, "total_steps", 0)
    S, N, T = len(seeds), settings.environments, settings.horizon
    if (N * T) % settings.minibatches:
        raise ValueError(f"{N} environments × {T} steps can't be cut into {settings.minibatches} equal minibatches")
    envs = make(S * N)
    require_served(envs)  # before networks are built
    batch = SeedBatch(build_network, seeds)
    optimizer = torch.optim.Adam(
        batch.parameters.values(), lr=settings.learning_rate, eps=settings.adam_epsilon, fused=True
    )
    shuffles = [torch.Generator().manual_seed(seed) for seed in batch.seeds]
    play = Play(envs, batch, seed=0)
    steps, returns, interrupted = [0], [evaluate(make, batch, settings.evaluation_episodes).mean(axis=1)], False
    quiet = not progress or os.environ.get("SYMRL_STATIC") == "1"  # a page that is built shows no bar
    bar = tqdm(total=total_steps, unit=" steps", disable=quiet, leave=False)
    try:
        if after_evaluation is not None:
            after_evaluation(0, batch)
        while steps[-1] < total_steps:
            taken = steps[-1]
            while taken < min(steps[-1] + settings.evaluate_every, total_steps):
                memory = _remember(play, settings)
                if augmentation is not None:
                    memory = _with_copies(memory, batch, augmentation)
                _learn(batch, optimizer, memory, settings, shuffles, taken)
                taken += N * T
                bar.update(N * T)
            returns.append(evaluate(make, batch, settings.evaluation_episodes, seed=len(returns)).mean(axis=1))
            steps.append(taken)
            bar.set_postfix({"return": f"{np.median(returns[-1]):.1f}"})
            if after_evaluation is not None:
                after_evaluation(taken, batch)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        bar.close()
        play.envs.close()
    return TrainingRun(
        np.array(steps[: len(returns)]),
        np.stack(returns, axis=1),
        batch.networks(),
        perf_counter() - started,
        interrupted,
    )


def evaluate(
    environment: Environment, batch: SeedBatch, episodes: int, seed: int = 0, greedy: bool = False
) -> np.ndarray:
    """Undiscounted returns of whole episodes, for every network of a batch.

    Args:
        environment: as in `train_ppo`.
        batch: the networks.
        episodes: number of episodes for each, side by side.
        seed: of the environments and of the actions, together with the network's own seed.
        greedy: take the best action instead of drawing one.

    Returns:
        (seeds, episodes).

    Raises:
        TypeError: no SeedBatch. ValueError: no episode, or an environment that does not fit.

    >>> from symrl_lite.policies import mlp_policy
    >>> evaluate("CartPole-v1", SeedBatch(lambda: mlp_policy(4, 2), [0, 1]), episodes=3).shape
    (2, 3)
    """
    if not isinstance(batch, SeedBatch):
        raise TypeError(f"batch is {batch!r}, expected a SeedBatch of networks")
    episodes, seed = whole_number(episodes, "episodes"), a_seed(seed)
    play = Play(vector_maker(environment)(len(batch) * episodes), batch, seed=seed + 1)
    running = np.ones(len(batch) * episodes, dtype=bool)
    totals = np.zeros(running.shape)
    while running.any():
        step = play.step(greedy)
        totals += np.where(running, step.rewards, 0.0)
        running &= ~step.ended
    play.envs.close()
    return totals.reshape(len(batch), episodes)


@dataclass
class _Memory:
    """Steps to learn from, (seeds, steps, copies, ...)."""

    states: Tensor
    actions: Tensor
    log_probabilities: Tensor
    advantages: Tensor
    targets: Tensor
    weights: Tensor  # 0 for a step that only started an episode

    def minibatches(self, order: Tensor, pieces: int, normalize: bool) -> Iterator[_Memory]:
        """The steps in an order (seeds, steps), cut into pieces, copies in one axis: (seeds, m · copies, ...).

        The weights of a piece sum to 1 for each seed, and with `normalize` its advantages have mean 0 and deviation 1.
        """
        rows = torch.arange(len(order))[:, None]
        states, actions, old, advantages, targets, weights = (
            getattr(self, f.name)[rows, order].flatten(1, 2).unflatten(1, (pieces, -1)) for f in fields(self)
        )  # (seeds, pieces, m · copies, ...)
        weights = weights / weights.sum(dim=2, keepdim=True)
        if normalize:
            centred = advantages - (weights * advantages).sum(dim=2, keepdim=True)
            advantages = centred / ((weights * centred**2).sum(dim=2, keepdim=True).sqrt() + 1e-8)
        parts = (part.unbind(dim=1) for part in (states, actions, old, advantages, targets, weights))
        return map(_Memory, *parts)


def _remember(play: Play, settings: PPOSettings) -> _Memory:
    """Play `horizon` steps in every environment."""
    play.answer = play.batch.frozen()  # the networks as they are now
    steps = [play.step() for _ in range(settings.horizon)]
    with torch.no_grad():
        _, last = play.answer(play.observations)

    def over_time(name: str) -> Tensor:
        parts = [getattr(step, name) for step in steps]
        if isinstance(parts[0], Tensor):
            return torch.stack(parts, dim=2)  # (seeds, N, T, ...)
        return torch.from_numpy(np.stack(parts, axis=-1)).unflatten(0, play.shape)  # (seeds, N, T)

    values, actions = over_time("values"), over_time("actions")
    advantages, targets = advantages_and_targets(
        over_time("rewards").to(values.dtype),
        torch.cat([values, last[..., None]], dim=2),
        over_time("terminated"),
        over_time("ended"),
        settings.discount,
        settings.gae_lambda,
    )
    old = over_time("log_policy").gather(-1, actions[..., None])[..., 0]
    kept = (over_time("observations"), actions, old, advantages, targets, 1.0 - over_time("starts").float())
    return _Memory(*(x.flatten(1, 2).unsqueeze(2) for x in kept))


def _with_copies(memory: _Memory, batch: SeedBatch, symmetry: Symmetry) -> _Memory:
    """Every step and its images under the group, with the old network's own probabilities for them."""
    shape = memory.actions.shape[:2]
    flat = {"states": memory.states.flatten(0, 2).numpy(), "actions": memory.actions.flatten().numpy()}
    with torch.no_grad():
        scores, _ = batch(memory.states[:, :1, 0])
    more = augment(flat, symmetry, n_actions=scores.shape[-1])
    order = symmetry.group.order

    def beside(array: np.ndarray) -> Tensor:  # (|G| · seeds · steps, ...) → (seeds, steps, |G|, ...)
        return torch.from_numpy(np.ascontiguousarray(array)).unflatten(0, (order, *shape)).movedim(0, 2)

    states, actions = beside(more["states"]), beside(more["actions"])
    with torch.no_grad():
        scores, _ = batch(states.flatten(1, 2))
    log_policy = torch.log_softmax(scores, dim=-1).unflatten(1, (shape[1], order))
    old = log_policy.gather(-1, actions[..., None])[..., 0]
    others = (x.expand(-1, -1, order) for x in (memory.advantages, memory.targets, memory.weights))
    return _Memory(states, actions, old, *others)


def _learn(
    batch: SeedBatch,
    optimizer: torch.optim.Optimizer,
    memory: _Memory,
    settings: PPOSettings,
    shuffles: list[torch.Generator],
    taken: int,
) -> None:
    """Some passes over the memory in minibatches, one step of Adam for each."""
    n = memory.actions.shape[1]
    for _ in range(settings.epochs):
        order = torch.stack([torch.randperm(n, generator=generator) for generator in shuffles])  # (seeds, n)
        for steps in memory.minibatches(order, settings.minibatches, settings.normalize_advantages):
            losses = _losses(batch, steps, settings)  # (seeds,)
            if not bool(losses.isfinite().all()):
                bad = batch.seeds[int((~losses.isfinite()).nonzero()[0])]
                raise FloatingPointError(
                    f"the loss of seed {bad} is no number after {taken} steps: try a smaller learning rate "
                    f"than {settings.learning_rate:g}, or look at what the environment returns"
                )
            optimizer.zero_grad()
            losses.sum().backward()  # the sum: each seed gets its own gradient
            batch.clip_gradients(settings.largest_gradient)
            optimizer.step()


def _losses(batch: SeedBatch, steps: _Memory, settings: PPOSettings) -> Tensor:
    """PPO's loss of each seed, (seeds,), for a minibatch (seeds, m, ...)."""
    scores, values = batch(steps.states)
    log_policy = torch.log_softmax(scores, dim=-1)
    new = log_policy.gather(-1, steps.actions[..., None])[..., 0]
    ratio = (new - steps.log_probabilities).exp()
    gain = clipped_objective(ratio, steps.advantages, settings.clip)
    gain = gain - settings.value_coefficient * (values - steps.targets) ** 2
    if settings.entropy_coefficient:
        gain = gain - settings.entropy_coefficient * (log_policy.exp() * log_policy).sum(dim=-1)
    return -(steps.weights * gain).sum(dim=1)
