"""Steps of an environment as arrays: collected by many copies at once, each distinct observation kept once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from symrl_lite.data.streams import Streams
from symrl_lite.door import (
    a_seed,
    count_actions,
    real_numbers,
    require_array_space,
    require_function,
    whole_number,
    whole_numbers,
)

__all__ = [
    "Environment",
    "Transitions",
    "collect",
    "play",
    "require_next_step_reset",
    "shortest",
    "vector_maker",
    "walk",
    "wander",
]

Environment = str | Callable[[int], VectorEnv[Any, Any, Any]]


@dataclass(frozen=True, eq=False)
class Transitions:
    """N steps (s, a, r, s'), the steps of an episode next to each other. States are rows of `observations`.

    Raises:
        ValueError: arrays whose lengths or indices do not fit, or numbers that are not whole where whole ones are
            expected, such as continuous actions. TypeError: entries that are no numbers.

    >>> steps = Transitions(np.eye(3), states=[0, 1], actions=[0, 0], rewards=[0, 1], next_states=[1, 2],
    ...                     terminated=[False, True], episodes=[0, 0])
    >>> steps
    2 steps in 1 episode, 3 distinct observations of shape (3,)
    """

    observations: np.ndarray  # (K, *shape), each distinct one once
    states: np.ndarray  # (N,), the row of s
    actions: np.ndarray  # (N,), whole numbers from 0
    rewards: np.ndarray  # (N,)
    next_states: np.ndarray  # (N,), the row of s'
    terminated: np.ndarray  # (N,), nothing follows s'
    episodes: np.ndarray  # (N,), the number of the episode, never falling

    def __post_init__(self) -> None:
        names = ("states", "actions", "rewards", "next_states", "terminated", "episodes")
        for name in ("states", "actions", "next_states", "episodes"):
            numbers = whole_numbers(getattr(self, name), name, low=0 if name == "actions" else None)
            object.__setattr__(self, name, numbers)
        object.__setattr__(self, "terminated", whole_numbers(self.terminated, "terminated", 0, 1).astype(bool))
        object.__setattr__(self, "rewards", real_numbers(self.rewards, "rewards").astype(float))
        object.__setattr__(self, "observations", real_numbers(self.observations, "observations"))
        if not np.isfinite(self.rewards).all():
            n = int(np.isfinite(self.rewards).ravel().argmin())
            raise ValueError(f"rewards hold {self.rewards.flat[n]} in step {n}, expected finite numbers")
        shapes = {name: getattr(self, name).shape for name in names}
        if len(set(shapes.values())) > 1 or len(shapes["states"]) != 1 or len(self) == 0:
            raise ValueError(f"the arrays have shapes {shapes}, expected (N,) with N of at least 1 for each")
        for name in ("states", "next_states"):
            rows = getattr(self, name)
            if rows.min() < 0 or rows.max() >= len(self.observations):
                raise ValueError(
                    f"{name} has rows from {rows.min()} to {rows.max()}, expected 0 to {len(self.observations) - 1}"
                )
        if (np.diff(self.episodes) < 0).any():
            raise ValueError("episodes falls somewhere, expected the steps of an episode next to each other")

    def __len__(self) -> int:
        return len(self.states)

    def __repr__(self) -> str:
        n = len(np.unique(self.episodes))
        return (
            f"{len(self)} steps in {n} episode{'s' if n > 1 else ''}, {len(self.observations)} distinct observations "
            f"of shape {self.observations.shape[1:]}"
        )

    def look_up(self, table: Any) -> Transitions:
        """The same steps where the observations were numbers and are now rows of a table, such as pictures.

        Raises:
            ValueError: observations that are no row numbers of the table.

        >>> steps = Transitions([5, 0], [0], [1], [0], [1], [False], [0])
        >>> steps.look_up(np.arange(12).reshape(6, 2)).observations.tolist()
        [[10, 11], [0, 1]]
        """
        rows = real_numbers(table, "table", verb="has")
        if rows.ndim == 0 or len(rows) == 0:
            raise ValueError(f"table has shape {rows.shape}, expected (n, *shape), one row for each observation")
        return replace(self, observations=rows[whole_numbers(self.observations, "observations", 0, len(rows) - 1)])

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """n of the distinct observations, drawn at random; all of them if there are no more, (n, *shape).

        Raises:
            ValueError: n below 1.

        >>> Transitions(np.eye(3), [0], [0], [0], [1], [False], [0]).sample(2).shape
        (2, 3)
        """
        n, seed, K = whole_number(n, "n"), a_seed(seed), len(self.observations)
        return self.observations[np.random.default_rng(seed).choice(K, min(n, K), replace=False)]

    @property
    def n_actions(self) -> int:
        """One more than the largest action that was taken."""
        return int(self.actions.max()) + 1

    @property
    def lengths(self) -> np.ndarray:
        """(episodes,), how many steps each has."""
        return np.unique(self.episodes, return_counts=True)[1]


def collect(
    environment: Environment,
    episodes: int,
    seed: int = 0,
    policy: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Transitions:
    """Whole episodes, side by side in one vector environment.

    Args:
        environment: a Gymnasium id, or a function n -> vector environment of n copies.
        episodes: how many.
        seed: of the environments and of the random policy; an episode depends on it and on its own number alone.
        policy: observations (n, *shape) -> actions (n,); every action with equal probability by default.

    Raises:
        ValueError: no episode, actions that are not 0, 1, ..., n − 1 (of the space, or of the policy), or observations
            that are no arrays (Tuple, Dict).

    >>> from symrl_lite.envs.cartpole import CartPoles
    >>> collect(CartPoles, episodes=3, seed=0).lengths
    array([42, 15, 12])

    Source: Gymnasium's vector environments with AutoresetMode.NEXT_STEP, whose first step after an end is no step.
    """
    episodes = whole_number(episodes, "episodes")
    steps = _run(environment, episodes, seed, policy, keep=True)
    alive = steps["running"].T.ravel()  # (episodes · T,): one episode after the other
    T = steps["running"].shape[0]

    def rows(name: str) -> np.ndarray:
        array = np.asarray(steps[name]).swapaxes(0, 1)  # (episodes, T, ...)
        return array.reshape(-1, *array.shape[2:])[alive]

    before, after = rows("observations"), rows("next_observations")
    distinct, where = _distinct(np.concatenate([before, after]))
    return Transitions(
        distinct,
        where[: len(before)],
        rows("actions"),
        rows("rewards"),
        where[len(before) :],
        rows("terminated"),
        np.repeat(np.arange(episodes), T)[alive],
    )


def play(
    environment: Environment,
    policy: Callable[[np.ndarray], np.ndarray] | None,
    episodes: int,
    seed: int = 0,
    options: dict[str, Any] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Undiscounted return and length of whole episodes, played side by side.

    Args:
        environment, policy, seed: as in `collect`.
        episodes: how many.
        options: passed to the environment's `reset`.

    Returns:
        Returns (episodes,) and lengths (episodes,).

    Raises:
        ValueError: as in `collect`.

    >>> from symrl_lite.envs.cartpole import CartPoles
    >>> play(CartPoles, policy=None, episodes=3, seed=0)[1]
    array([42, 15, 12])
    """
    steps = _run(environment, episodes, seed, policy, keep=False, options=options)
    return steps["returns"], steps["lengths"]


def walk(
    moves: Any, policy: Callable[[np.ndarray], np.ndarray], starts: Any, goal: int, limit: int = 100
) -> np.ndarray:
    """How many steps a policy needs from every start in a deterministic process; `limit` where it does not arrive.

    Args:
        moves: (S, A) whole numbers, the state after each action.
        policy: states (n,) -> actions (n,).
        starts: (n,), states; a start in the goal counts from the first step that leads there.
        goal: a state.
        limit: the length after which an episode is cut off.

    Returns:
        (n,).

    Raises:
        ValueError: states or actions that there are not.

    >>> walk([[0, 1], [0, 2], [1, 2]], lambda states: np.ones(len(states), dtype=int), starts=[0, 1], goal=2)
    array([2, 1])
    """
    table = _table_of_moves(moves)
    states, goal, limit = _starts(starts, table), _place(goal, table), whole_number(limit, "limit")
    require_function(policy, "policy", "a function states (n,) -> actions (n,)")
    lengths, running = np.zeros(len(states), dtype=int), np.ones(len(states), dtype=bool)
    for _ in range(limit):
        actions = whole_numbers(policy(states.copy()), "the policy's actions", 0, table.shape[1] - 1)
        states = np.where(running, table[states, actions], states)
        lengths += running
        running &= states != goal
        if not running.any():
            break
    return lengths


def wander(moves: Any, starts: Any, goal: int, limit: int = 100) -> np.ndarray:
    """The expected length of a walk of random actions, cut off at `limit`: Σ_{t < limit} P(not there after t steps).

    Args:
        moves: (S, A), the state after each action.
        starts: (n,), states; a start in the goal counts from the first step that leads there.
        goal: a state.
        limit: the length after which an episode is cut off.

    Returns:
        (n,).

    Raises:
        ValueError: states or actions that there are not.

    >>> wander([[0, 1], [0, 1]], starts=[0], goal=1, limit=3)
    array([1.75])
    """
    table = _table_of_moves(moves)
    goal, limit = _place(goal, table), whole_number(limit, "limit")
    turn = np.eye(len(table))[table].mean(axis=1)  # (S, S)
    places = _starts(starts, table)
    away = np.eye(len(table))[places]  # (n, S), where a walk is that has not arrived
    lengths = np.zeros(len(away))
    for _ in range(limit):
        lengths += away.sum(axis=1)
        away = away @ turn
        away[:, goal] = 0
    return lengths


def shortest(moves: Any, goal: int) -> np.ndarray:
    """The length of a shortest walk of at least one step from every state to the goal, (S,); infinite if there is none.

    >>> shortest([[0, 1], [0, 2], [1, 2]], goal=2)
    array([2., 1., 1.])
    """
    table = _table_of_moves(moves)
    goal = _place(goal, table)
    S, A = table.shape
    backwards = sparse.csr_array((np.ones(S * A), (table.ravel(), np.repeat(np.arange(S), A))), shape=(S, S))
    steps = dijkstra(backwards, indices=goal, unweighted=True)  # (S,), 0 at the goal
    return 1 + steps[table].min(axis=1)


def vector_maker(environment: Environment) -> Callable[[int], VectorEnv[Any, Any, Any]]:
    """A Gymnasium id as a function n -> vector environment of n copies; such a function as it is.

    Raises:
        TypeError: anything else.

    >>> vector_maker("CartPole-v1")(3).num_envs
    3
    """
    if callable(environment):
        return environment
    if not isinstance(environment, str):
        raise TypeError(
            f"environment is {environment!r}, expected a Gymnasium id or a function n -> vector environment"
        )
    return lambda n: SyncVectorEnv([lambda: gymnasium.make(environment)] * n)


def require_next_step_reset(envs: VectorEnv[Any, Any, Any]) -> None:
    """Refuse a vector environment that starts anew on an episode's last step: its last observation would be lost.

    Raises:
        TypeError: no vector environment. ValueError: one that starts anew in another way.

    >>> require_next_step_reset(vector_maker("CartPole-v1")(2))
    """
    if not isinstance(envs, VectorEnv):
        raise TypeError(f"envs is {envs!r}, expected a Gymnasium vector environment")
    if envs.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP) != AutoresetMode.NEXT_STEP:
        raise ValueError(
            f"the vector environment starts anew by {envs.metadata['autoreset_mode']}, expected "
            "AutoresetMode.NEXT_STEP: on the step after an episode's last"
        )


def _run(
    environment: Environment, episodes: int, seed: int, policy: Any, keep: bool, options: Any = None
) -> dict[str, Any]:
    """One episode in each copy; with `keep` every step, (T, episodes, ...)."""
    episodes, seed = whole_number(episodes, "episodes"), a_seed(seed)
    if policy is not None:
        require_function(policy, "policy", "a function observations (n, *shape) -> actions (n,), or None")
    envs = vector_maker(environment)(episodes)
    require_next_step_reset(envs)
    n_actions = count_actions(envs.single_action_space)
    require_array_space(envs.single_observation_space)
    each = np.random.SeedSequence(seed).generate_state(2 * episodes)
    seeds: Sequence[Any] = [int(s) for s in each[0::2]]
    first, _ = envs.reset(seed=seeds, options=options)  # type: ignore[arg-type]  # one for each, whatever Gymnasium's types say
    seen = np.array(first)  # copies, here and below: an environment may write into what it returned before
    chance = Streams([int(s) for s in each[1::2]], episodes)
    running = np.ones(episodes, dtype=bool)
    returns, lengths = np.zeros(episodes), np.zeros(episodes, dtype=int)
    kept: list[tuple[Any, ...]] = []
    while running.any():
        if policy is None:
            actions = (chance.draw()[:, 0] * n_actions).astype(np.int64)
        else:
            actions = whole_numbers(policy(seen), "the policy's actions", 0, n_actions - 1)
            if actions.shape != (episodes,):
                raise ValueError(f"the policy's actions have shape {actions.shape}, expected {(episodes,)}")
        after, rewards, terminated, truncated, _ = envs.step(actions)
        after = np.array(after)
        if keep:
            kept.append((seen, actions, np.array(rewards), after, terminated & running, running.copy()))
        returns += np.where(running, rewards, 0.0)
        lengths += running
        running &= ~(terminated | truncated)
        seen = after
    envs.close()
    names = ("observations", "actions", "rewards", "next_observations", "terminated", "running")
    return {"returns": returns, "lengths": lengths} | {
        name: np.stack(part) for name, part in zip(names, zip(*kept, strict=True), strict=False)
    }


def _table_of_moves(moves: Any) -> np.ndarray:
    """(S, A), each entry one of the S states."""
    table = real_numbers(moves, "moves")
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"moves have shape {table.shape}, expected (S, A): the state after each action")
    return whole_numbers(table, "moves", 0, len(table) - 1)


def _place(goal: Any, table: np.ndarray) -> int:
    place = whole_numbers(goal, "goals", 0, len(table) - 1)
    if place.ndim:
        raise ValueError(f"goal has shape {place.shape}, expected one state")
    return int(place)


def _starts(starts: Any, table: np.ndarray) -> np.ndarray:
    states = whole_numbers(starts, "starts", 0, len(table) - 1)
    if states.ndim != 1:
        raise ValueError(f"starts have shape {states.shape}, expected (n,)")
    return states


def _distinct(observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows, in the order in which they come, and for each row which of them it is."""
    flat = np.ascontiguousarray(observations.reshape(len(observations), -1))
    as_bytes = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))[:, 0]
    _, first, which = np.unique(as_bytes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return observations[first[order]], place[which]
