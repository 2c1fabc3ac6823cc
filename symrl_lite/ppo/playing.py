"""All seeds play, each in its own environments of one vector environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from symrl_lite.data import require_next_step_reset
from symrl_lite.data.streams import Streams
from symrl_lite.door import (
    count_actions,
    require_array_space,
)
from symrl_lite.seeds import SeedBatch

__all__ = ["Play", "Step", "require_served"]


@dataclass
class Step:
    """What one step showed: tensors (seeds, environments, ...), and arrays (seeds · environments,)."""

    observations: Tensor  # before it
    actions: Tensor
    log_policy: Tensor  # of all actions
    values: Tensor
    rewards: np.ndarray
    terminated: np.ndarray
    ended: np.ndarray
    starts: np.ndarray  # where the environment only started an episode, whatever the action


class Play:
    """The environments of all seeds in one vector environment, and the networks that act in them."""

    def __init__(self, envs: VectorEnv[Any, Any, Any], batch: SeedBatch, seed: int) -> None:
        self.n_actions = require_served(envs)
        # Observations that are floats come in the type of the parameters, so that float64 meets float32 networks.
        self._dtype = next(iter(batch.parameters.values())).dtype
        self.envs, self.batch, self.shape = envs, batch, (len(batch), envs.num_envs // len(batch))
        numbers = np.concatenate(
            [np.random.SeedSequence([s, seed]).generate_state(2 * self.shape[1]) for s in batch.seeds]
        ).reshape(2 * len(batch), self.shape[1])  # for each seed a row for its environments and one for its actions
        each: Any = [int(n) for n in numbers[0::2].ravel()]  # Gymnasium takes one for each, whatever its types say
        seen, _ = envs.reset(seed=each)
        self._streams = Streams([int(n) for n in numbers[1::2].ravel()], envs.num_envs)
        self.observations = self._seen(seen)
        self.answer: Callable[[Tensor], Any] = batch.frozen()
        self._fresh = np.zeros(envs.num_envs, dtype=bool)

    def step(self, greedy: bool = False) -> Step:
        """One step of every environment.

        Raises:
            ValueError: another number of scores than of actions.
        """
        with torch.no_grad():
            scores, values = self.answer(self.observations)  # (seeds, N, actions), (seeds, N)
        if scores.shape[-1] != self.n_actions:
            raise ValueError(
                f"the network gives {scores.shape[-1]} scores, expected {self.n_actions}, one for each action of "
                f"{self.envs.single_action_space}"
            )
        log_policy = torch.log_softmax(scores, dim=-1)
        if greedy:
            actions = scores.argmax(dim=-1)
        else:  # the first action at which the summed probabilities pass a uniform number; the last if none does
            summed = log_policy[..., :-1].exp().cumsum(dim=-1)
            actions = (summed < self._split(self._streams.draw())).sum(dim=-1)  # (seeds, N, 1) on the right
        seen, rewards, terminated, truncated, _ = self.envs.step(actions.flatten().numpy())
        # Copies: an environment may write into what it returned before.
        terminated = np.array(terminated)
        ended = terminated | truncated
        step = Step(self.observations, actions, log_policy, values, np.array(rewards), terminated, ended, self._fresh)
        self.observations, self._fresh = self._seen(seen), ended
        return step

    def _seen(self, observations: np.ndarray) -> Tensor:
        found = self._split(observations)
        return found.to(self._dtype) if found.is_floating_point() else found

    def _split(self, array: np.ndarray) -> Tensor:
        # A copy: an environment may write into what it returned before.
        return torch.from_numpy(np.array(array)).unflatten(0, self.shape)


def require_served(envs: VectorEnv[Any, Any, Any]) -> int:
    """The number of actions of a vector environment that can be trained in."""
    try:
        require_next_step_reset(envs)
        require_array_space(envs.single_observation_space)
        return count_actions(envs.single_action_space)
    except ValueError:
        envs.close()
        raise
