"""Gymnasium's own tables, P[s][a] = [(probability, next state, reward, ends), ...], as sparse rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["read_table"]


def read_table(env: Any) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Transitions ((n + 1)·A, n + 1), mean rewards (n + 1, A) and available actions (n + 1, A).

    State n is where episodes end: absorbing, and nothing is earned there. See `TabularMDP.from_gymnasium`.

    Raises:
        TypeError: no table P. ValueError: states or actions that are not numbered from 0, an outcome of another form,
            a probability below 0, or a wrapper that P knows nothing about.

    Source: Gymnasium's environments with a table, such as FrozenLake-v1.
    """
    table = env if isinstance(env, Mapping) else _table_of(env)
    n = len(table)
    if n == 0 or sorted(table) != list(range(n)):
        raise ValueError(f"P has {n} states, expected them numbered 0, 1, 2, ...")
    pairs = [(s, a, outcomes) for s in range(n) for a, outcomes in _actions(table, s)]
    A = max((a for _, a, _ in pairs), default=0) + 1
    rewards, available = np.zeros((n + 1, A)), np.zeros((n + 1, A), dtype=bool)
    rows, columns, chances = [], [], []
    for s, a, outcomes in pairs:
        available[s, a] = True
        for outcome in outcomes:
            try:
                chance, after, reward, ends = outcome
                chance, reward = float(chance), float(reward)
            except (TypeError, ValueError):
                raise ValueError(
                    f"P[{s}][{a}] has {outcome!r}, expected (probability, next state, reward, whether it ends)"
                ) from None
            if not (isinstance(after, int | np.integer) and 0 <= after < n):
                raise ValueError(f"P[{s}][{a}] leads to state {after}, expected 0 to {n - 1}")
            if not chance >= 0:
                raise ValueError(f"P[{s}][{a}] has probability {chance:g}, expected at least 0")
            rows.append(s * A + a)
            columns.append(n if ends else int(after))
            chances.append(chance)
            rewards[s, a] += chance * reward if chance > 0 else 0.0
    available[n] = True
    rows += [n * A + a for a in range(A)]
    columns += [n] * A
    chances += [1.0] * A
    shape = ((n + 1) * A, n + 1)
    return sparse.csr_array(sparse.coo_array((chances, (rows, columns)), shape=shape)), rewards, available


def _actions(table: Mapping[Any, Any], state: int) -> list[tuple[int, Any]]:
    """The actions of a state with their outcomes, from a mapping or a list."""
    actions = table[state]
    found = list(actions.items()) if isinstance(actions, Mapping) else list(enumerate(actions))
    if not found or not all(isinstance(a, int | np.integer) and a >= 0 for a, _ in found):
        raise ValueError(f"P[{state}] has actions {[a for a, _ in found]}, expected some of 0, 1, 2, ...")
    return [(int(a), outcomes) for a, outcomes in found]


def _table_of(env: Any) -> Mapping[Any, Any]:
    base = getattr(env, "unwrapped", env)
    table = getattr(base, "P", None)
    if not isinstance(table, Mapping):
        raise TypeError(
            f"{env!r} has no table P, expected an environment with P[s][a] = [(probability, s', reward, ends), ...], "
            "such as gymnasium.make('FrozenLake-v1')"
        )
    from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, RecordEpisodeStatistics, TimeLimit

    while env is not base:
        if not isinstance(env, OrderEnforcing | PassiveEnvChecker | RecordEpisodeStatistics | TimeLimit):
            raise ValueError(
                f"P knows nothing about the wrapper {type(env).__name__}: give env.unwrapped if the innermost "
                "environment is meant"
            )
        env = env.env
    return table
