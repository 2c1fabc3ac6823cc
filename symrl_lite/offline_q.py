"""Q-learning from stored steps alone: the model-free learner that plans are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite.data import Transitions
from symrl_lite.door import check_settings, require_function, seed_list, whole_number
from symrl_lite.layers.linear import as_tensor
from symrl_lite.plannable import mlp_encoder
from symrl_lite.plannable.model import known_actions, require_sets
from symrl_lite.seeds import SeedBatch

__all__ = ["QSettings", "greedy", "train_q"]


@dataclass(frozen=True)
class QSettings:
    """The numbers of `train_q`.

    Raises:
        ValueError: a number out of range: no steps in a batch, a learning rate that is not positive, a discount or a
            target rate outside [0, 1], NaN. TypeError: a field that is no number.

    >>> QSettings(updates=10).discount
    0.99
    """

    updates: int = 1000  # gradient steps
    batch_size: int = 256
    learning_rate: float = 1e-3  # of Adam
    discount: float = 0.99
    target_rate: float = 0.01  # share of the new parameters that the target takes over at each update

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check_settings(
            self,
            counts={"updates": 0, "batch_size": 1},
            numbers={
                "learning_rate": {"above": 0},
                "discount": {"low": 0, "high": 1},
                "target_rate": {"low": 0, "high": 1},
            },
        )


def train_q(
    transitions: Transitions | Sequence[Transitions],
    seeds: Sequence[int],
    settings: QSettings = QSettings(),
    *,
    n_actions: int | None = None,
    build_network: Callable[[], nn.Module] | None = None,
    progress: bool = True,
    every: int = 0,
    after: Callable[[int, list[nn.Module]], None] | None = None,
) -> list[nn.Module]:
    """Minimize ½ (Q(s, a) − r − γ Q'(s', argmax Q(s', ·)))², with no γ-term after an episode's end: double Q-learning.

    Q' is a slow copy of Q. All seeds are one batch, each with its own data, start and Adam state.

    Args:
        transitions: one set for all seeds, or one for each.
        seeds: whole numbers.
        settings: the numbers of the training.
        n_actions: by default one more than the largest action in the data.
        build_network: makes a network (batch, *shape) -> (batch, actions); by default layers of 64, 32 and 50 units.
        progress: whether to show a bar.
        every: if above 0, call `after` with the number of updates and the networks at 0, `every`, 2 · `every`, ...
        after: see `every`.

    Returns:
        One network for each seed.

    Raises:
        ValueError: another number of sets than of seeds, observations that are single numbers or differ in shape,
            actions that are not 0, 1, ..., n − 1, or a network with another number of values.

    >>> from symrl_lite.envs.cartpole import CartPoles
    >>> from symrl_lite.data.transitions import collect
    >>> (network,) = train_q([collect(CartPoles, 20)], [0], QSettings(updates=5), progress=False)
    >>> greedy(network)(np.zeros((3, 4), dtype=np.float32)).shape
    (3,)

    Source: van Hasselt et al. 2016, Deep Reinforcement Learning with Double Q-learning.
    """
    if not isinstance(settings, QSettings):
        raise TypeError(f"settings is {settings!r}, expected QSettings(...)")
    seeds, every = seed_list(seeds), whole_number(every, "every", 0)
    require_sets(transitions)
    for what, made in (("build_network", build_network), ("after", after)):
        if made is not None:
            require_function(made, what, "a function, or None")
    sets = [transitions] * len(seeds) if isinstance(transitions, Transitions) else list(transitions)
    if len(sets) != len(seeds) or not sets:
        raise ValueError(f"there are {len(sets)} sets of transitions and {len(seeds)} seeds, expected as many")
    shape = sets[0].observations.shape[1:]
    if (not shape and build_network is None) or {t.observations.shape[1:] for t in sets} != {shape}:
        raise ValueError(
            f"observations have shapes {[t.observations.shape[1:] for t in sets]}, expected one in all sets, and no "
            "single numbers unless build_network makes a network for them"
        )
    actions = known_actions([t.actions for t in sets], n_actions)
    if build_network is None:
        inputs = int(np.prod(shape))
        build_network = lambda: mlp_encoder(inputs, actions, hidden=(64, 32, 50))  # noqa: E731
    batch, slow = SeedBatch(build_network, seeds), SeedBatch(build_network, seeds)
    optimizer = torch.optim.Adam(batch.parameters.values(), lr=settings.learning_rate, fused=True)
    random = [np.random.default_rng([seed, 7]) for seed in batch.seeds]
    quiet = not progress or os.environ.get("SYMRL_STATIC") == "1"  # a page that is built shows no bar
    for update in tqdm(range(settings.updates + 1), unit=" updates", disable=quiet, leave=False):
        if after is not None and every and update % every == 0:
            after(update, batch.networks())
        if update == settings.updates:
            break
        states, taken, rewards, later, ended = _draw(sets, random, settings.batch_size)
        with torch.no_grad():
            best = batch(later).argmax(dim=-1, keepdim=True)
            targets = rewards + settings.discount * ~ended * slow(later).gather(-1, best)[..., 0]
        values = batch(states)  # (seeds, batch, actions)
        if values.shape[-1] < actions or (n_actions is not None and values.shape[-1] > actions):
            raise ValueError(f"the network gives {values.shape[-1]} values, expected {actions}, one for each action")
        found = values.gather(-1, taken[..., None])[..., 0]  # (seeds, batch)
        losses = 0.5 * (found - targets).square().mean(dim=1)
        optimizer.zero_grad()
        losses.sum().backward()  # the sum: each seed gets its own gradient
        optimizer.step()
        with torch.no_grad():
            for name, parameter in slow.parameters.items():
                parameter.lerp_(batch.parameters[name], settings.target_rate)
    return batch.networks()


def greedy(network: nn.Module) -> Callable[[Any], np.ndarray]:
    """The policy that takes the action with the largest value: observations (n, *shape) -> actions (n,).

    >>> greedy(nn.Identity())([[0.0, 2.0], [3.0, 1.0]])
    array([1, 0])
    """

    require_function(network, "network", "a network of observations")

    def policy(observations: Any) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(network(as_tensor(observations, "observations").float()).argmax(dim=-1).numpy())

    return policy


def _draw(sets: Sequence[Transitions], random: list[np.random.Generator], size: int) -> tuple[Tensor, ...]:
    """A batch for each seed: s, a, r, s' and whether the episode ended, (seeds, batch, ...)."""
    rows = []
    for steps, generator in zip(sets, random, strict=True):
        which = generator.integers(len(steps), size=size)
        seen = steps.observations
        rows.append(
            (
                seen[steps.states[which]].astype(np.float32),
                steps.actions[which],
                steps.rewards[which].astype(np.float32),
                seen[steps.next_states[which]].astype(np.float32),
                steps.terminated[which],
            )
        )
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
