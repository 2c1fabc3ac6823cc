"""Plannable approximations: an encoder and a latent step under which actions act as they do in the world.

Read it from top to bottom: the three losses, then the training. The networks are in `model`, the planner is
in `planner`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite.data import Transitions
from symrl_lite.door import a_number, check_settings, require_function, require_text, seed_list, whole_number
from symrl_lite.layers.linear import require_same_shape
from symrl_lite.plannable.model import (
    PlannableModel,
    cnn_encoder,
    known_actions,
    mlp_encoder,
    require_sets,
)
from symrl_lite.seeds import SeedBatch

__all__ = ["PlannableSettings", "contrastive_loss", "reward_loss", "train_plannable", "transition_loss"]


# --- The three losses; d(x, y) = ½ |x − y|² -----------------------------------------------------------------------


def distance(x: Tensor, y: Tensor) -> Tensor:
    """d(x, y) = ½ |x − y|², over the last axis."""
    return 0.5 * (x - y).square().sum(dim=-1)


def transition_loss(predicted: Tensor, after: Tensor) -> Tensor:
    """mean d(Z(s'), T̄(z, a)): the commuting square for actions.

    Args:
        predicted: T̄(z, a), (..., batch, dimension).
        after: Z(s'), (..., batch, dimension).

    Returns:
        (...).

    >>> transition_loss(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
    tensor(12.5000)

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    require_same_shape(predicted=predicted, after=after)
    return distance(predicted, after).mean(dim=-1)


def reward_loss(predicted: Tensor, rewards: Tensor) -> Tensor:
    """mean ½ (R̄ − r)².

    Args:
        predicted, rewards: (..., batch).

    Returns:
        (...).

    >>> reward_loss(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 2.0]))
    tensor(1.)

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    require_same_shape(predicted=predicted, rewards=rewards)
    return 0.5 * (predicted - rewards).square().mean(dim=-1)


def contrastive_loss(anchors: Tensor, negatives: Tensor, hinge: float = 1.0, different: Tensor | None = None) -> Tensor:
    """mean Σ_j max(0, ε − d(anchor, Z(s¬_j))): states that are not the same keep a distance of ε.

    Args:
        anchors: what is kept away, (..., batch, dimension): T̄(z, a) in the paper's formula, Z(s') in its code.
        negatives: Z(s¬), (..., batch, J, dimension).
        hinge: ε, in units of d.
        different: (..., batch, J), False where a negative was drawn that is the state itself; it does not count.

    Returns:
        (...).

    Raises:
        TypeError: no tensors of numbers. ValueError: shapes that do not fit each other.

    >>> contrastive_loss(torch.zeros(1, 2), torch.tensor([[[0.0, 1.0], [3.0, 4.0]]]))
    tensor(0.5000)

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    require_same_shape(anchors=anchors)
    require_same_shape(negatives=negatives)
    if negatives.ndim != anchors.ndim + 1 or negatives.shape[:-2] + negatives.shape[-1:] != anchors.shape:
        raise ValueError(
            f"negatives have shape {tuple(negatives.shape)} and anchors {tuple(anchors.shape)}, expected "
            "(..., batch, J, dimension) and (..., batch, dimension)"
        )
    hinge = a_number(hinge, "hinge", 0)
    short = (hinge - distance(anchors.unsqueeze(-2), negatives)).clamp(min=0)
    if different is not None:
        short = short * different
    return short.sum(dim=-1).mean(dim=-1)


# --- Training -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlannableSettings:
    """The numbers of `train_plannable`; the defaults are chapter 6's for CartPole.

    >>> PlannableSettings(negatives=0).updates
    500

    Source: the size of the latents, J, ε and the learning rate are those of van der Pol et al. 2020, Plannable
    Approximations to MDP Homomorphisms.
    """

    updates: int = 500  # gradient steps
    batch_size: int = 256
    learning_rate: float = 1e-3  # of Adam
    dimension: int = 50  # of the latents
    negatives: int = 5  # J, for each step; 0: no contrastive term
    negatives_from: Literal["data", "episode"] = "data"
    anchor: Literal["next", "predicted"] = "next"  # what negatives are kept away from: Z(s') or T̄(z, a)
    hinge: float = 1.0  # ε
    representation: Literal["contrastive", "autoencoder"] = "contrastive"

    def __post_init__(self) -> None:
        for name, known in (
            ("negatives_from", ("data", "episode")),
            ("anchor", ("next", "predicted")),
            ("representation", ("contrastive", "autoencoder")),
        ):
            require_text(getattr(self, name), name, known)
        check_settings(
            self,
            counts={"updates": 0, "batch_size": 1, "negatives": 0, "dimension": 1},
            numbers={"learning_rate": {"above": 0}, "hinge": {"low": 0}},
        )


def train_plannable(
    transitions: Transitions | Sequence[Transitions],
    seeds: Sequence[int],
    settings: PlannableSettings = PlannableSettings(),
    *,
    build_encoder: Callable[[], nn.Module] | None = None,
    n_actions: int | None = None,
    progress: bool = True,
    every: int = 0,
    after: Callable[[int, list[PlannableModel]], None] | None = None,
) -> list[PlannableModel]:
    """Minimize transition loss + reward loss + contrastive loss, one model for each seed, all of them as one batch.

    A model does not depend on the other seeds, up to rounding: it has its own data or its own batches of the common
    data, its own start and its own Adam state.

    Args:
        transitions: one set for all seeds, or one for each.
        seeds: whole numbers.
        settings: the numbers of the training.
        build_encoder: makes an encoder into `settings.dimension` numbers; `mlp_encoder` or `cnn_encoder` by default.
        n_actions: by default one more than the largest action in the data.
        progress: whether to show a bar.
        every: if above 0, call `after` with the number of updates and the models at 0, `every`, 2 · `every`, ...
        after: see `every`.

    Returns:
        One PlannableModel for each seed.

    Raises:
        ValueError: another number of sets than of seeds, observations that are single numbers or differ in shape, or
            actions that are not 0, 1, ..., n − 1. FloatingPointError: a loss that is not a number.

    >>> from symrl_lite.envs.cartpole import CartPoles
    >>> from symrl_lite.data.transitions import collect
    >>> models = train_plannable(collect(CartPoles, 20), [0, 1], PlannableSettings(updates=5), progress=False)
    >>> models[1].encode(torch.zeros(1, 4)).shape
    torch.Size([1, 50])

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms (algorithm and losses).
    """
    if not isinstance(settings, PlannableSettings):
        raise TypeError(f"settings is {settings!r}, expected PlannableSettings(...)")
    seeds, every = seed_list(seeds), whole_number(every, "every", 0)
    require_sets(transitions)
    for what, made in (("build_encoder", build_encoder), ("after", after)):
        if made is not None:
            require_function(made, what, "a function, or None")
    sets = [transitions] * len(seeds) if isinstance(transitions, Transitions) else list(transitions)
    if len(sets) != len(seeds):
        raise ValueError(f"there are {len(sets)} sets of transitions and {len(seeds)} seeds, expected one for each")
    shape = sets[0].observations.shape[1:]
    if not shape:
        raise ValueError(
            "the observations are single numbers, expected vectors or images: transitions.look_up(np.eye(n)) makes "
            "vectors of n states, look_up(images) pictures"
        )
    if {s.observations.shape[1:] for s in sets} != {shape}:
        raise ValueError(f"observations have shapes {[s.observations.shape[1:] for s in sets]}, expected one shape")
    actions = known_actions([s.actions for s in sets], n_actions)
    dimension = settings.dimension
    if build_encoder is None:
        build_encoder = _encoder_for(shape, dimension)
    decode = settings.representation == "autoencoder"

    def build() -> PlannableModel:
        decoder = mlp_encoder(dimension, int(np.prod(shape)), (32, 64)) if decode else None
        return PlannableModel(build_encoder(), dimension, actions, decoder=decoder)

    batch = SeedBatch(build, seeds)
    optimizer = torch.optim.Adam(batch.parameters.values(), lr=settings.learning_rate, fused=True)
    draws = _Draws(sets, batch.seeds, settings)

    def models() -> list[PlannableModel]:
        return [network for network in batch.networks() if isinstance(network, PlannableModel)]

    bar = tqdm(
        total=settings.updates,
        unit=" updates",
        disable=not progress or os.environ.get("SYMRL_STATIC") == "1",  # a page that is built shows no bar
        leave=False,
    )
    try:
        for update in range(settings.updates + 1):
            if after is not None and every and update % every == 0:
                after(update, models())
            if update == settings.updates:
                break
            losses = _losses(batch, draws, settings)  # (seeds,)
            if not bool(losses.isfinite().all()):
                bad = batch.seeds[int((~losses.isfinite()).nonzero()[0])]
                raise FloatingPointError(f"the loss of seed {bad} is no number after {update} updates")
            optimizer.zero_grad()
            losses.sum().backward()  # the sum: each seed gets its own gradient
            optimizer.step()
            bar.update()
    finally:
        bar.close()
    return models()


def _encoder_for(shape: tuple[int, ...], dimension: int) -> Callable[[], nn.Module]:
    if len(shape) == 3:
        return lambda: cnn_encoder(shape, dimension)
    return lambda: mlp_encoder(int(np.prod(shape)), dimension)


class _Draws:
    """Random batches of the steps of every seed, as rows of a table of observations (seeds, rows, *shape).

    Where there are few distinct observations the table holds all of them, otherwise those of the batch.
    """

    def __init__(self, sets: list[Transitions], seeds: list[int], settings: PlannableSettings) -> None:
        self.sets, self.settings = sets, settings
        self.random = [np.random.default_rng([seed, 6]) for seed in seeds]
        needed = settings.batch_size * (2 + settings.negatives)
        sizes = {len(s.observations) for s in sets}
        self.whole = len(sizes) == 1 and max(sizes) <= needed
        if self.whole:
            self.table = torch.from_numpy(np.stack([s.observations for s in sets])).float()
        self.first = [np.searchsorted(s.episodes, s.episodes) for s in sets]  # (N,), first step of the episode
        self.last = [np.searchsorted(s.episodes, s.episodes, side="right") for s in sets]  # one after its last step

    def next(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """(table, states, actions, next states, negatives) and rewards, each with a first axis of seeds."""
        B, J = self.settings.batch_size, self.settings.negatives
        parts = []
        for k, (steps, random) in enumerate(zip(self.sets, self.random, strict=True)):
            which = random.integers(len(steps), size=B)
            if self.settings.negatives_from == "data":
                other = random.integers(len(steps), size=(B, J))
            else:
                low, high = self.first[k][which, None], self.last[k][which, None]
                other = low + (random.random((B, J)) * (high - low)).astype(np.int64)
            rows = [steps.states[which], steps.next_states[which], steps.states[other]]
            parts.append([rows[0], steps.actions[which], rows[1], rows[2], steps.rewards[which]])
        states, actions, after, negatives, rewards = (np.stack(part) for part in zip(*parts, strict=True))
        if self.whole:
            table = self.table
        else:
            picked = np.concatenate([states, after, negatives.reshape(len(states), -1)], axis=1)
            table = torch.from_numpy(np.stack([s.observations[p] for s, p in zip(self.sets, picked, strict=True)]))
            self.same = torch.from_numpy(negatives == after[:, :, None])
            count = np.broadcast_to(np.arange(picked.shape[1]), picked.shape)
            states, after, negatives = count[:, :B], count[:, B : 2 * B], count[:, 2 * B :].reshape(negatives.shape)
        indices = [torch.from_numpy(np.array(x)) for x in (states, actions, after, negatives)]
        if self.whole:
            self.same = indices[3] == indices[2].unsqueeze(-1)
        return (table, *indices), torch.from_numpy(rewards).float()


def _losses(batch: SeedBatch, draws: _Draws, settings: PlannableSettings) -> Tensor:
    """The sum of the losses for each seed, (seeds,)."""
    given, rewards = draws.next()
    first, predicted, promised, after, negatives = batch(given)
    total = transition_loss(predicted, after) + reward_loss(promised, rewards)
    if settings.representation == "autoencoder":
        total = total + distance(first, given[0].flatten(2)).mean(dim=-1)
    elif settings.negatives:
        anchors = after if settings.anchor == "next" else predicted
        total = total + contrastive_loss(anchors, negatives, settings.hinge, ~draws.same)
    return total
