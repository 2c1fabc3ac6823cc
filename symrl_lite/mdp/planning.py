"""Finite Markov decision processes as tables, and exact planning in them.

Transitions are one dense array (S, A, S) or one sparse matrix (S·A, S); all functions take both. For other libraries'
tables, see `TabularMDP` and `TabularMDP.from_gymnasium`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from symrl_lite.door import a_number, real_numbers, whole_number
from symrl_lite.mdp.tabular import TabularMDP, as_numbers, row_sum_error

__all__ = ["Solution", "finite_horizon", "greedy_policy", "policy_evaluation", "policy_iteration", "value_iteration"]


@dataclass(frozen=True, eq=False)
class Solution:
    """An optimal policy with its values, and how the planner got there.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> value_iteration(stay_or_go).policy.tolist()
    [[0.0, 1.0], [0.5, 0.5]]
    """

    values: np.ndarray  # (S,), V*
    q_values: np.ndarray  # (S, A), Q*; −inf where there is no such action
    policy: np.ndarray  # (S, A), probabilities, shared equally by all best actions
    sweeps: int
    residuals: np.ndarray = field(repr=False)  # (sweeps,), max |V_k − V_{k−1}|


def greedy_policy(q_values: Any, atol: float = 0.0) -> np.ndarray:
    """π(a|s) = 1/n for the n actions with Q(s, a) ≥ max Q(s, ·) − atol, 0 for the others.

    Args:
        q_values: (S, A).
        atol: values that are as close as this to the best one count as best too.

    Returns:
        Probabilities (S, A). No action wins because of its name, so a symmetry of Q is one of the policy.

    Raises:
        ValueError: a value that is no number (NaN), or an atol below 0.

    >>> greedy_policy([[1.0, 0.0, 1.0]]).tolist()
    [[0.5, 0.0, 0.5]]
    """
    q = real_numbers(q_values, "q_values").astype(float)
    if q.ndim == 0 or q.shape[-1] == 0 or np.isnan(q).any():
        raise ValueError(f"q_values have shape {q.shape} and {np.isnan(q).sum()} NaN, expected (S, A), no NaN")
    atol = a_number(atol, "atol", 0)
    best = q >= q.max(axis=-1, keepdims=True) - atol
    return np.asarray(best / best.sum(axis=-1, keepdims=True))


def value_iteration(mdp: TabularMDP, tolerance: float = 1e-8) -> Solution:
    """V_{k+1}(s) = max_a R(s, a) + γ Σ_s' T(s'|s, a) V_k(s'), from V_0 = 0, until |V_k − V*| ≤ tolerance.

    A sweep shrinks the distance to V* by γ, so |V_k − V*| ≤ γ/(1−γ) · max |V_k − V_{k−1}|: that decides when to stop.

    Args:
        mdp: the process.
        tolerance: largest error of a value, in units of reward.

    Returns:
        A Solution. Actions whose values differ by at most 4 · tolerance share the policy's probability.

    Raises:
        ValueError: a tolerance that is not positive, or one below what rounding allows, before the first sweep:
            about 1e-15 · max |V*| / (1−γ), which is 1e-7 for γ = 0.9999 and rewards of 1 at every step.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> value_iteration(stay_or_go).values.round(6).tolist()
    [1.0, 0.0]

    Source: Puterman 1994, Markov Decision Processes (value iteration, discounted).
    """
    require_table(mdp)
    tolerance = a_number(tolerance, "tolerance", above=0)
    discount = mdp.discount
    limit = 4 * np.finfo(float).eps / (1 - discount)  # |V| times this is what rounding leaves uncertain
    bound = float(np.abs(mdp.rewards).max()) / (1 - discount)  # |V*| is not larger
    if tolerance < limit * bound:  # near the limit, a few exact evaluations take less time than sweeps in vain
        _require_reachable(tolerance, limit * float(np.abs(policy_iteration(mdp).values).max()))
    threshold = tolerance * (1 - discount) / discount if discount > 0 else np.inf
    values, rewards = np.zeros(mdp.n_states), np.where(mdp.available, mdp.rewards, -np.inf)
    residuals: list[float] = []
    rounding = 0.0  # of one sweep
    while not residuals or residuals[-1] > max(threshold, rounding):
        q_values = np.asarray(mdp.rows @ values).reshape(rewards.shape)
        q_values *= discount
        q_values += rewards
        new = _largest(q_values)
        residuals.append(float(np.abs(new - values).max()))
        values = new
        rounding = 4 * np.finfo(float).eps * float(np.abs(values).max())
    _require_reachable(tolerance, rounding / (1 - discount))  # errors of rounding add up as those of sweeps do
    return Solution(values, q_values, greedy_policy(q_values, 4 * tolerance), len(residuals), np.array(residuals))


def _largest(q_values: np.ndarray) -> np.ndarray:
    """max_a Q(s, a), (S,). Few columns are compared one by one: along short rows NumPy takes 15 times as long."""
    few = 1 < q_values.shape[1] <= 16  # of one column the largest would be a view
    return np.asarray(functools.reduce(np.maximum, q_values.T) if few else q_values.max(axis=1))


def _require_reachable(tolerance: float, error: float) -> None:
    if tolerance < error:
        unit = 10 ** np.floor(np.log10(error))
        enough = np.ceil(1.1 * error / unit) * unit
        raise ValueError(
            f"tolerance {tolerance:g} is below rounding error: ask for {enough:.1g}, or use policy_iteration"
        )


def policy_evaluation(mdp: TabularMDP, policy: Any) -> np.ndarray:
    """V = (I − γ P_π)⁻¹ r_π, solved exactly.

    Args:
        mdp: the process.
        policy: probabilities (S, A), or one action for each state (S,).

    Returns:
        Values (S,).

    Raises:
        ValueError: no policy of this process; the state is named.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> policy_evaluation(stay_or_go, [[0.5, 0.5], [1, 0]]).round(4).tolist()
    [0.9091, 0.0]

    Source: Puterman 1994, Markov Decision Processes (policy evaluation, discounted).
    """
    require_table(mdp)
    probabilities = policy_table(mdp, policy)
    r = (probabilities * mdp.rewards).sum(axis=1)
    S, A = mdp.rewards.shape
    if not mdp.is_sparse:
        P = np.einsum("sa,sat->st", probabilities, mdp.transitions)
        return np.linalg.solve(np.eye(S) - mdp.discount * P, r)
    choose = sparse.csr_array((probabilities.ravel(), np.arange(S * A), np.arange(0, S * A + 1, A)), shape=(S, S * A))
    system = sparse.eye_array(S, format="csc") - mdp.discount * sparse.csc_array(choose @ mdp.rows)
    return np.asarray(sparse_linalg.spsolve(sparse.csc_array(system), r)).reshape(S)


def finite_horizon(mdp: TabularMDP, steps: int, discount: float = 1.0) -> np.ndarray:
    """V_k(s) = max_a [ R(s, a) + γ Σ_s' T(s'|s, a) V_{k−1}(s') ], V_0 = 0: the most that k = `steps` steps can bring.

    Args:
        mdp: the process; its own discount is not used.
        steps: how many steps are left.
        discount: γ, 1 by default: the plain sum of rewards.

    Returns:
        Values (S,).

    Raises:
        ValueError: steps below 0 or not whole, or a discount outside [0, 1].

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> finite_horizon(stay_or_go, steps=3).tolist()
    [1.0, 0.0]

    Source: Puterman 1994, Markov Decision Processes (backward induction).
    """
    require_table(mdp)
    steps, discount = whole_number(steps, "steps", 0), a_number(discount, "discount", 0, 1)
    values = np.zeros(mdp.n_states)
    for _ in range(steps):
        q = mdp.rewards + discount * np.asarray(mdp.rows @ values).reshape(mdp.rewards.shape)
        values = _largest(np.where(mdp.available, q, -np.inf))
    return values


def policy_iteration(mdp: TabularMDP) -> Solution:
    """Evaluate exactly, improve where an action is better, until none is.

    Returns:
        A Solution; `sweeps` counts the evaluations.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> policy_iteration(stay_or_go).values.tolist()
    [1.0, 0.0]

    Source: Howard 1960, Dynamic Programming and Markov Processes.
    """
    require_table(mdp)
    states = np.arange(mdp.n_states)
    choice = np.where(mdp.available, mdp.rewards, -np.inf).argmax(axis=1)
    before, residuals = np.zeros(mdp.n_states), []
    while True:
        values = policy_evaluation(mdp, choice)
        residuals.append(float(np.abs(values - before).max()))
        before, q_values = values, mdp.q_values(values)
        rounding = max(1e-12, 4 * np.finfo(float).eps / (1 - mdp.discount)) * max(1.0, float(np.abs(values).max()))
        better = q_values.max(axis=1) > q_values[states, choice] + rounding  # or equals could change places for ever
        if not better.any():
            policy = greedy_policy(q_values, 1e3 * rounding)
            return Solution(values, q_values, policy, len(residuals), np.array(residuals))
        choice = np.where(better, q_values.argmax(axis=1), choice)


def require_table(mdp: Any) -> None:
    """Refuse what is no TabularMDP.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(mdp, TabularMDP):
        raise TypeError(f"the process is {type(mdp).__name__}, expected a TabularMDP(transitions, rewards, discount)")


def policy_table(mdp: TabularMDP, policy: Any) -> np.ndarray:
    """A policy as probabilities (S, A), from those or from one action for each state; refused if it is none."""
    given = as_numbers(policy, "policy")
    if given.shape == (mdp.n_states,):
        if not ((given == np.round(given)) & (given >= 0) & (given < mdp.n_actions)).all():
            raise ValueError(f"policy holds actions {given}, expected whole numbers from 0 to {mdp.n_actions - 1}")
        given = np.eye(mdp.n_actions)[given.astype(int)]
    if given.shape != mdp.rewards.shape:
        raise ValueError(f"policy has shape {given.shape}, expected {mdp.rewards.shape} or {(mdp.n_states,)}")
    error = row_sum_error(policy)
    sums = given.sum(axis=1)
    bad = ~(given >= 0).all(axis=1) | ~(np.abs(sums - 1) <= error)
    if bad.any():
        s = int(bad.argmax())
        raise ValueError(f"policy in state s={s} is {given[s].tolist()}, expected probabilities that sum to 1")
    missing = (given > 0) & ~mdp.available
    if missing.any():
        s, a = np.argwhere(missing)[0]
        raise ValueError(f"policy in state s={s} takes a={a}, which is not available there")
    return given / sums[:, None] if error > row_sum_error(given) else given  # float32 is scaled, as in a TabularMDP
