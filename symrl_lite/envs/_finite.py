"""What the finite environments share: stepping, setting the state, and the table, all from one list of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from scipy import sparse

from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import whole_number
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions, whole_numbers
from symrl_lite.envs._pictures import DrawnEnv
from symrl_lite.mdp import TabularMDP

__all__ = ["FiniteEnv", "FiniteEnvs", "Outcome"]

Outcome = tuple[float, int, float]  # probability, next state, reward


class FiniteEnv(DrawnEnv):
    """A Gymnasium environment of finitely many states 0..S−1; subclasses say what can happen in each.

    Subclasses set `n_states`, `action_names`, `start_states`, `terminal` and `max_steps`, and define `outcomes`;
    those that show something else than the index define `observe` and `index_of` too. Those that define `picture` set
    `metadata` to `SERVED`, and `render_mode`.

    Source: Gymnasium's interface, Env.
    """

    metadata = {"render_modes": []}  # noqa: RUF012  (Gymnasium's own way to say it)
    steps: int = -1  # of this episode; below 0 before the first
    n_states: int
    action_names: tuple[str, ...]
    start_states: np.ndarray
    terminal: frozenset[int]
    max_steps: int

    def _pair(self, state: Any, action: Any) -> tuple[int, int]:
        """A state and an action that there are, as ints.

        Raises:
            TypeError: no numbers. ValueError: others.
        """
        action = whole_number(action, "action", 0, len(self.action_names) - 1)
        return whole_number(state, "state", 0, self.n_states - 1), action

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """What can follow the pair: (probability, next state, reward), probabilities summing to one.

        Raises:
            NotImplementedError: always here; each environment has its own.
        """
        raise NotImplementedError

    def observe(self, state: int) -> Any:
        """What the environment shows in a state."""
        return np.int64(whole_number(state, "state", 0, self.n_states - 1))

    def index_of(self, observation: Any) -> int:
        """The state that an observation shows.

        Raises:
            ValueError: not one number, or none of a state.
        """
        index = whole_numbers(observation, "state")
        if index.size != 1 or not 0 <= index.item() < self.n_states:
            raise ValueError(f"state is {str(observation)[:60]}, expected 0 to {self.n_states - 1}")
        return int(index.item())

    def set_state(self, observation: Any) -> None:
        """Go to the state that `observation` shows; the episode's steps count from 0 again."""
        self.state, self.steps = self.index_of(observation), 0

    @property
    def started(self) -> bool:
        """Whether there is a state, from `reset` or `set_state`."""
        return self.steps >= 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start in one of `start_states`, or where options["state"] says (as an observation).

        Raises:
            ValueError: an option that there is not, or a state that there is not.
        """
        given = known_options(options, "state")
        super().reset(seed=seed)
        if "state" in given:
            self.set_state(given["state"])
        else:
            self.state, self.steps = int(self.np_random.choice(self.start_states)), 0
        return self.observe(self.state), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; `truncated` after `max_steps` of them.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self.action_space, action)
        require_start(self.started, self)
        outcomes = self.outcomes(self.state, chosen)
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


class FiniteEnvs(VectorEnv[Any, Any, Any]):
    """n copies of a finite environment, in arrays, that show a number; each copy has a random stream of its own.

    An episode that has ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        env: the environment; only its rules are used, not its state.
        num_envs: number of copies.
        shows: (n_states,), the number that is shown in each state; by default the state's own.

    >>> from symrl_lite.envs.predator import PredatorPrey
    >>> chases = FiniteEnvs(PredatorPrey(observation="index"), num_envs=3)
    >>> chases.reset(seed=[4, 5, 6])[0].shape, chases.step(np.array([0, 1, 2]))[1].shape
    ((3,), (3,))
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, env: FiniteEnv, num_envs: int, shows: np.ndarray | None = None) -> None:
        self.num_envs, self.max_steps = whole_number(num_envs, "num_envs"), env.max_steps
        self._streams: Streams | None = None
        self._shows = np.arange(env.n_states) if shows is None else np.asarray(shows)
        self.single_action_space: Discrete[Any] = Discrete(len(env.action_names))
        self.single_observation_space = Discrete(int(self._shows.max()) + 1)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        pairs = [[env.outcomes(s, a) for a in range(len(env.action_names))] for s in range(env.n_states)]
        most = max(len(outcomes) for row in pairs for outcomes in row)
        shape = (env.n_states, len(env.action_names), most)
        self._chances, self._after, self._rewards = np.zeros(shape), np.zeros(shape, dtype=np.int64), np.zeros(shape)
        for s, row in enumerate(pairs):
            for a, outcomes in enumerate(row):
                for k, (chance, after, reward) in enumerate(outcomes):
                    self._chances[s, a, k], self._after[s, a, k], self._rewards[s, a, k] = chance, after, reward
        self._chances = self._chances.cumsum(axis=-1)
        self._ends = np.isin(np.arange(env.n_states), list(env.terminal))
        self._starts = np.asarray(env.start_states)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        Without a seed the copies' random numbers go on. options["states"], (num_envs,), says in which states.

        Raises:
            ValueError: an option or a state that there is not, or another number of seeds or states.
        """
        given = known_options(options, "states")
        self._streams = continued(self._streams, seed, self.num_envs)
        self._states = self._start(np.arange(self.num_envs))
        if "states" in given:
            self._states = self._known(given["states"])
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._shows[self._states], {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of all copies.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        assert self._streams is not None
        uniform = self._streams.draw()  # (n, 1)
        pairs = self._states, chosen
        which = (self._chances[pairs] <= uniform).sum(axis=-1).clip(max=self._chances.shape[-1] - 1)  # (n,)
        rewards = np.where(self._ended, 0.0, self._rewards[(*pairs, which)])
        self._states = self._after[(*pairs, which)]
        self._steps += 1
        new = np.flatnonzero(self._ended)
        if len(new):
            self._states[new], self._steps[new] = self._start(new), 0
        terminated = self._ends[self._states]
        truncated = (self._steps >= self.max_steps) & ~terminated
        self._ended = terminated | truncated
        return self._shows[self._states], rewards, terminated, truncated, {}

    def _known(self, states: Any) -> np.ndarray:
        """States of the copies, checked."""
        found = whole_numbers(states, 'options["states"]')
        S = len(self._shows)
        if found.shape != (self.num_envs,) or found.min() < 0 or found.max() >= S:
            raise ValueError(
                f'options["states"] is {str(states)[:60]}, expected a number from 0 to {S - 1} for each of '
                f"{self.num_envs} copies"
            )
        return found

    def _start(self, which: np.ndarray) -> np.ndarray:
        assert self._streams is not None
        return self._starts[(self._streams.draw(which)[:, 0] * len(self._starts)).astype(np.int64)]
