"""What the finite environments share: stepping, setting the state, and the table, all from one list of outcomes."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from scipy import sparse

from symrl_lite.mdp import TabularMDP

__all__ = ["FiniteEnv", "Outcome"]

Outcome = tuple[float, int, float]  # probability, next state, reward


class FiniteEnv(gymnasium.Env[Any, Any]):
    """A Gymnasium environment of finitely many states 0..S−1; subclasses say what can happen in each.

    Subclasses set `n_states`, `action_names`, `start_states`, `terminal` and `max_steps`, and define `outcomes`;
    those that show something else than the index define `observe` and `index_of` too.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (Gymnasium's own way to say it)
    n_states: int
    action_names: tuple[str, ...]
    start_states: np.ndarray
    terminal: frozenset[int]
    max_steps: int

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """What can follow the pair: (probability, next state, reward), probabilities summing to one."""
        raise NotImplementedError

    def observe(self, state: int) -> Any:
        """What the environment shows in a state."""
        return np.int64(state)

    def index_of(self, observation: Any) -> int:
        """The state that an observation shows."""
        index = int(observation)
        if not 0 <= index < self.n_states:
            raise ValueError(f"state is {index}, expected 0 to {self.n_states - 1}")
        return index

    def set_state(self, observation: Any) -> None:
        """Go to the state that `observation` shows; the episode's steps count from 0 again."""
        self.state, self.steps = self.index_of(observation), 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start in one of `start_states`, or where options["state"] says (as an observation)."""
        super().reset(seed=seed)
        if options is not None and "state" in options:
            self.set_state(options["state"])
        else:
            self.state, self.steps = int(self.np_random.choice(self.start_states)), 0
        return self.observe(self.state), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; `truncated` after `max_steps` of them."""
        if not self.action_space.contains(action):
            raise ValueError(f"action is {action!r}, expected 0 to {len(self.action_names) - 1}")
        outcomes = self.outcomes(self.state, int(action))
        which = 0
        if len(outcomes) > 1:
            which = int(self.np_random.choice(len(outcomes), p=[probability for probability, _, _ in outcomes]))
        _, self.state, reward = outcomes[which]
        self.steps += 1
        ended = self.state in self.terminal
        return self.observe(self.state), float(reward), ended, self.steps >= self.max_steps and not ended, {}

    def tabular(self, discount: float = 0.9) -> TabularMDP:
        """The exact table: T(s'|s, a) sparse, R(s, a) expected; terminal states stay where they are and earn 0."""
        A = len(self.action_names)
        rewards = np.zeros((self.n_states, A))
        entries, rows, columns = [], [], []
        for s in range(self.n_states):
            for a in range(A):
                for probability, after, reward in self.outcomes(s, a):
                    entries.append(probability)
                    rows.append(s * A + a)
                    columns.append(after)
                    rewards[s, a] += probability * reward
        shape = (self.n_states * A, self.n_states)
        return TabularMDP(sparse.csr_array((entries, (rows, columns)), shape=shape), rewards, discount)
