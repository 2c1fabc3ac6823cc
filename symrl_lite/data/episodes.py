"""Whole episodes of pictures, kept as whole numbers from 0 to 255 as they were seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import VectorEnv

from symrl_lite.data.streams import Streams
from symrl_lite.data.transitions import require_next_step_reset
from symrl_lite.door import (
    a_seed,
    count_actions,
    real_numbers,
    require_array_space,
    whole_number,
    whole_numbers,
)

__all__ = ["Episodes", "record_episodes"]


@dataclass(frozen=True, eq=False)
class Episodes:
    """E episodes of T steps: what was seen, what was done, and the true states, which are for measuring alone.

    Raises:
        ValueError: arrays whose lengths do not fit, or actions that are no whole numbers from 0, such as continuous
            ones.

    >>> Episodes(np.zeros((2, 4, 3, 50, 50), np.uint8), np.zeros((2, 3), int), np.zeros((2, 4, 5, 2), int))
    2 episodes of 3 steps, pictures of shape (3, 50, 50) and type uint8
    """

    observations: np.ndarray  # (E, T + 1, *shape)
    actions: np.ndarray  # (E, T), whole numbers from 0
    states: np.ndarray  # (E, T + 1, ...); (E, T + 1, 0) where they are not known

    def __post_init__(self) -> None:
        for name in ("observations", "states"):
            object.__setattr__(self, name, real_numbers(getattr(self, name), name))
        object.__setattr__(self, "actions", whole_numbers(self.actions, "actions"))
        E, T = self.actions.shape[:2] if self.actions.ndim == 2 else (0, 0)
        if E * T == 0 or self.observations.shape[:2] != (E, T + 1) or self.states.shape[:2] != (E, T + 1):
            raise ValueError(
                f"observations have shape {self.observations.shape}, actions {self.actions.shape}, states "
                f"{self.states.shape}, expected (E, T + 1, ...), (E, T), (E, T + 1, ...) with at least one step"
            )

    def __len__(self) -> int:
        return len(self.actions)

    def __repr__(self) -> str:
        return (
            f"{len(self)} episodes of {self.actions.shape[1]} steps, pictures of shape {self.observations.shape[2:]} "
            f"and type {self.observations.dtype}"
        )

    @property
    def state_numbers(self) -> np.ndarray:
        """(E, T + 1): equal where the true states are equal."""
        flat = self.states.reshape(self.actions.shape[0] * (self.actions.shape[1] + 1), -1)
        if flat.shape[1] == 0:  # no states are known: all are taken for different
            return np.arange(len(flat)).reshape(self.states.shape[:2])
        return np.unique(flat, axis=0, return_inverse=True)[1].reshape(self.states.shape[:2])


def record_episodes(
    environment: Callable[[int], VectorEnv[Any, Any, Any]] | gymnasium.Env[Any, Any],
    episodes: int,
    steps: int,
    seed: int = 0,
    actions: Sequence[int] | None = None,
) -> Episodes:
    """Random play. An episode depends on `seed` and on its own number alone.

    Args:
        environment: a function n -> vector environment of n copies, all of which are stepped at once, such as
            `Shapes().copies`; or one environment, whose episodes are played one after the other. Its info["state"]
            is the true state.
        episodes: how many.
        steps: of each; the environment must not end one earlier.
        seed: of the environment and of the actions.
        actions: those to draw from, each with equal probability; all by default.

    Raises:
        ValueError: no episode, no step, actions that there are not, actions that are no Discrete(n) from 0,
            observations that are no arrays, or an info without "state". TypeError: no environment, or actions that are
            no numbers. RuntimeError: an episode that ended.

    >>> from symrl_lite.envs.shapes import Shapes
    >>> record_episodes(Shapes().copies, episodes=2, steps=3)
    2 episodes of 3 steps, pictures of shape (3, 50, 50) and type uint8

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (its data: random play).
    """
    episodes, steps, seed = whole_number(episodes, "episodes"), whole_number(steps, "steps"), a_seed(seed)
    drawn = np.random.SeedSequence(seed).generate_state(2 * episodes)
    seeds = [int(s) for s in drawn[0::2]]
    chance = Streams([int(s) for s in drawn[1::2]], episodes)
    uniform = np.stack([chance.draw()[:, 0] for _ in range(steps)], axis=1)  # (E, T)
    if isinstance(environment, gymnasium.Env):
        require_array_space(environment.observation_space)
        allowed = _allowed(environment.action_space, actions)
        chosen = allowed[(uniform * len(allowed)).astype(np.int64)]
        played = [_play_one(environment, s, row) for s, row in zip(seeds, chosen, strict=True)]
        seen, states = (np.stack(part) for part in zip(*played, strict=True))
        return Episodes(seen, chosen, states)
    if not callable(environment):
        raise TypeError(
            f"environment is {environment!r}, expected a Gymnasium environment or a function n -> vector environment"
        )
    envs = environment(episodes)
    require_next_step_reset(envs)
    require_array_space(envs.single_observation_space)
    allowed = _allowed(envs.single_action_space, actions)
    chosen = allowed[(uniform * len(allowed)).astype(np.int64)]
    first, info = envs.reset(seed=seeds)  # type: ignore[arg-type]  # one for each, whatever Gymnasium's types say
    state = _true_state(envs, info)
    seen = np.empty((episodes, steps + 1, *first.shape[1:]), dtype=first.dtype)
    states = np.empty((episodes, steps + 1, *state.shape[1:]), dtype=state.dtype)
    seen[:, 0], states[:, 0] = first, state
    for t in range(steps):
        seen[:, t + 1], _, terminated, truncated, info = envs.step(chosen[:, t])
        states[:, t + 1] = _true_state(envs, info)
        _refuse_an_end(bool((terminated | truncated).any()), t + 1, steps)
    envs.close()
    return Episodes(seen, chosen, states)


def _play_one(env: gymnasium.Env[Any, Any], seed: int, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One episode: (T + 1, *shape) and (T + 1, ...)."""
    first, info = env.reset(seed=seed)
    seen, states = [np.array(first)], [_true_state(env, info)]  # copies: the environment may write into its own
    for t, action in enumerate(actions):
        after, _, terminated, truncated, info = env.step(int(action))
        seen.append(np.array(after))
        states.append(_true_state(env, info))
        _refuse_an_end(bool(terminated or truncated), t + 1, len(actions))
    return np.stack(seen), np.stack(states)


def _true_state(env: Any, info: Mapping[str, Any]) -> np.ndarray:
    """A copy of info["state"]."""
    if "state" not in info:
        raise ValueError(
            f'the info of {env!r} has {sorted(info) if info else "no entries"}, expected "state" with the true state: '
            "add it in a wrapper (whatever measures with it needs to know which states are equal)"
        )
    return np.array(info["state"])


def _refuse_an_end(ended: bool, step: int, steps: int) -> None:
    if ended and step < steps:
        raise RuntimeError(f"an episode ended after {step} steps, expected {steps}: raise max_steps, or ask for fewer")


def _allowed(space: Any, actions: Sequence[int] | None) -> np.ndarray:
    n = count_actions(space)
    chosen = np.arange(n) if actions is None else whole_numbers(actions, "actions", low=None)
    if chosen.ndim != 1 or len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= n:
        raise ValueError(f"actions are {chosen.tolist()}, expected some of 0 to {n - 1}")
    return chosen
