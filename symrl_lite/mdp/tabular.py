"""`TabularMDP`: a finite Markov decision process as a table, dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from symrl_lite.door import plain_array, real_numbers, whole_number
from symrl_lite.mdp.gymnasium_table import read_table

__all__ = ["TabularMDP", "as_numbers", "row_sum_error"]

_ROW_SUM = {np.dtype(np.float16): 4e-3, np.dtype(np.float32): 1e-5}  # a few roundings; all others:
_ROW_SUM_DOUBLE = 1e-9


class TabularMDP:
    """Probabilities T(s'|s, a), expected rewards R(s, a) and a discount γ.

    Args:
        transitions: (S, A, S), entry [s, a, s'] = T(s'|s, a), as in QuantEcon; or a SciPy sparse matrix (S·A, S), row
            s·A + a; or a list of A sparse matrices (S, S), entry [a][s, s'], as in pymdptoolbox. (Its dense arrays
            (A, S, S) have the action first: give numpy.moveaxis(P, 0, 1). Where A = S nothing can tell the two apart.)
        rewards: (S, A), the expected reward of the pair; or (S,), that of the state, whatever the action; or
            (S, A, S), entry [s, a, s'], that of the step, of which the mean Σ_s' T(s'|s, a) R(s, a, s') is kept; or, as
            for transitions, sparse (S·A, S) or a list of A sparse matrices (S, S).
        discount: γ, 0 ≤ γ < 1.
        available: (S, A) booleans, which actions exist in which state; by default all but those with a reward of −∞ (as
            in QuantEcon). The rows of the others are zero.

    Rows sum to 1 up to 1e-9. Those of float32 (float16) do up to 1e-5 (4e-3), and are scaled until they do up to 1e-9.

    Raises:
        ValueError: another shape, a discount outside [0, 1), or a row that is no distribution (negative, NaN, a sum
            that is not 1), with its state and action. TypeError: entries that are no numbers.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> stay_or_go
    TabularMDP(2 states, 4 state–action pairs, discount 0.9)
    >>> TabularMDP([[[0.97]]], [[0]], discount=0.9)
    Traceback (most recent call last):
    ValueError: row P[s=0, a=0] sums to 0.97, expected 1

    Source: Puterman 1994, Markov Decision Processes.
    """

    def __init__(self, transitions: Any, rewards: Any, discount: float, available: Any = None) -> None:
        transitions, rewards = _one_table(transitions, "transitions"), _one_table(rewards, "rewards")
        by_step = sparse.issparse(rewards)
        given = rewards if by_step else as_numbers(rewards, "rewards")
        if by_step or given.ndim in (1, 3):
            self.n_states, self.n_actions = _states_and_actions(transitions)
        elif given.ndim == 2 and given.size > 0:
            self.n_states, self.n_actions = given.shape
        else:
            raise ValueError(f"rewards have shape {given.shape}, expected (S, A), (S,) or (S, A, S)")
        if not (isinstance(discount, float | int | np.floating | np.integer) and 0 <= discount < 1):
            raise ValueError(f"discount is {discount!r}, expected 0 ≤ discount < 1")
        self.discount = float(discount)
        self.available = self._mask(available)
        self.is_sparse = sparse.issparse(transitions)
        #: (S·A, S), row s·A + a, dense or sparse as given
        self.rows: Any = (
            self._sparse_rows(transitions) if self.is_sparse else self._dense_rows(transitions, given.shape)
        )
        if available is None and not by_step and given.ndim == 2 and np.isneginf(given).any():
            self.available = self._mask(~np.isneginf(given))
            keep = sparse.diags_array(self.available.ravel().astype(np.float64))
            self.rows = sparse.csr_array(keep @ self.rows) if self.is_sparse else np.asarray(keep @ self.rows)
        self._check_rows(row_sum_error(transitions))
        self.rewards = self._mean_rewards(given)
        bad = ~np.isfinite(self.rewards) & self.available
        if bad.any():
            s, a = np.argwhere(bad)[0]
            raise ValueError(f"reward R[s={s}, a={a}] is {self.rewards[s, a]}, expected a finite number")
        self.rewards = np.where(self.available, self.rewards, 0.0)
        arrays = [self.rewards, self.available] + ([] if self.is_sparse else [self.rows])
        for array in arrays:
            array.setflags(write=False)

    @classmethod
    def from_gymnasium(cls, env: Any, discount: float) -> TabularMDP:
        """The table that Gymnasium's toy environments carry, P[s][a] = [(probability, s', reward, ends), ...].

        A step that ends the episode leads to one more state, the last: it is absorbing and earns nothing. A time limit
        is no part of the table.

        Args:
            env: an environment with such a P (FrozenLake, Taxi, CliffWalking and their like), or P itself.
            discount: γ.

        Returns:
            A sparse TabularMDP of n + 1 states for an environment of n. Actions that P[s] lacks are not available.

        Raises:
            TypeError: no environment with a P. ValueError: a P that is no such table (state and action are named), or
                wrappers, which P knows nothing about.

        >>> import gymnasium
        >>> TabularMDP.from_gymnasium(gymnasium.make("FrozenLake-v1"), discount=0.99)
        TabularMDP(17 states, 68 state–action pairs, discount 0.99, sparse)
        """
        rows, rewards, available = read_table(env)
        return cls(rows, rewards, discount, available)

    @property
    def transitions(self) -> Any:
        """As given: (S, A, S) dense, or (S·A, S) sparse."""
        return self.rows if self.is_sparse else self.rows.reshape(self.n_states, self.n_actions, self.n_states)

    @property
    def n_pairs(self) -> int:
        """Number of state–action pairs that exist."""
        return int(self.available.sum())

    def dense(self) -> np.ndarray:
        """T as an array (S, A, S), whatever is kept."""
        rows = self.rows.toarray() if self.is_sparse else self.rows.copy()
        return np.asarray(rows.reshape(self.n_states, self.n_actions, self.n_states))

    def row(self, state: int, action: int) -> np.ndarray:
        """T(·|s, a), (S,)."""
        state = whole_number(state, "state", 0, self.n_states - 1)
        action = whole_number(action, "action", 0, self.n_actions - 1)
        row = self.rows[state * self.n_actions + action]
        return row.toarray().ravel() if self.is_sparse else row.copy()

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Σ_s' T(s'|s, a) V(s'), (S, A); for V (S, K) one for each column, (S, A, K).

        Raises:
            TypeError: no numbers. ValueError: another shape than (S,) or (S, K).
        """
        values = real_numbers(values, "values")
        if values.ndim not in (1, 2) or len(values) != self.n_states:
            raise ValueError(f"values have shape {values.shape}, expected ({self.n_states},) or ({self.n_states}, K)")
        return np.asarray(self.rows @ values).reshape(self.n_states, self.n_actions, *values.shape[1:])

    def q_values(self, values: np.ndarray) -> np.ndarray:
        """R(s, a) + γ Σ_s' T(s'|s, a) V(s'), (S, A); −inf where there is no such action."""
        return np.where(self.available, self.rewards + self.discount * self.expected(values), -np.inf)

    def __repr__(self) -> str:
        kind = ", sparse" if self.is_sparse else ""
        return (
            f"TabularMDP({self.n_states} states, {self.n_pairs} state–action pairs, discount {self.discount:g}{kind})"
        )

    def _mask(self, available: Any) -> np.ndarray:
        shape = (self.n_states, self.n_actions)
        if available is None:
            return np.ones(shape, dtype=bool)
        mask = np.array(available)
        if mask.shape != shape or mask.dtype != bool:
            raise ValueError(f"available is {mask.dtype} {mask.shape}, expected booleans {shape}")
        if not mask.any(axis=1).all():
            raise ValueError(f"state s={int(mask.any(axis=1).argmin())} has no available action")
        return mask

    def _dense_rows(self, transitions: Any, rewards: tuple[int, ...]) -> np.ndarray:
        array = as_numbers(transitions, "transitions")
        S, A = self.n_states, self.n_actions
        if array.ndim != 3 or array.shape[0] != array.shape[2]:
            raise ValueError(f"transitions have shape {array.shape}, expected (S, A, S){_action_first(array.shape)}")
        if array.shape != (S, A, S):
            raise ValueError(
                f"transitions have shape {array.shape} and rewards {rewards}, expected (S, A, S) and (S, A)"
            )
        return array.reshape(-1, S)

    def _sparse_rows(self, transitions: Any) -> Any:
        if transitions.dtype.kind not in "biuf":
            raise TypeError(f"transitions have dtype {transitions.dtype}, expected real numbers")
        rows = sparse.csr_array(transitions, dtype=np.float64, copy=True)
        expected = (self.n_states * self.n_actions, self.n_states)
        if rows.shape != expected:
            raise ValueError(f"sparse transitions have shape {rows.shape}, expected (S·A, S) = {expected}")
        rows.sum_duplicates()
        rows.eliminate_zeros()
        return rows

    def _mean_rewards(self, given: Any) -> np.ndarray:
        """R(s, a), (S, A), from any of its forms."""
        S, A = self.n_states, self.n_actions
        expected = {1: (S,), 2: (S, A), 3: (S, A, S)}
        if sparse.issparse(given):
            if given.shape == (S * A, S):
                return np.asarray(sparse.csr_array(self.rows).multiply(given).sum(axis=1)).reshape(S, A)
            raise ValueError(f"sparse rewards have shape {given.shape}, expected (S·A, S) = {(S * A, S)}")
        if given.shape != expected[given.ndim]:
            why = _action_first(given.shape)
            raise ValueError(f"rewards have shape {given.shape}, expected {(S, A)}, {(S,)} or {(S, A, S)}{why}")
        if given.ndim == 1:
            return np.repeat(given[:, None], A, axis=1)
        if given.ndim == 2:
            return np.asarray(given)
        rows = self.rows.toarray() if self.is_sparse else self.rows
        steps = np.where(rows > 0, given.reshape(S * A, S), 0.0)  # what can't happen may be NaN
        return np.asarray((rows * steps).sum(axis=1)).reshape(S, A)

    def _check_rows(self, error: float) -> None:
        """Probabilities that are finite, not negative, and sum to one up to `error`; state and action are named."""
        values: np.ndarray = self.rows.data if self.is_sparse else self.rows.ravel()
        wrong = np.flatnonzero(~(values >= 0))  # negative or NaN; an infinite one shows in the sum
        if wrong.size:
            if self.is_sparse:
                row = int(np.searchsorted(self.rows.indptr, wrong[0], side="right")) - 1
                after = int(self.rows.indices[wrong[0]])
            else:
                row, after = divmod(int(wrong[0]), self.n_states)
            s, a = divmod(row, self.n_actions)
            raise ValueError(f"probability P[s={s}, a={a}, s'={after}] is {values[wrong[0]]:g}, expected at least 0")
        sums = np.asarray(self.rows.sum(axis=1)).reshape(self.available.shape)
        expected = self.available.astype(float)
        off = ~(np.abs(sums - expected) <= error * expected + (1 - expected) * _ROW_SUM_DOUBLE)
        if off.any():
            s, a = np.argwhere(off)[0]
            why = "expected 1" if self.available[s, a] else "expected 0: the action is not available"
            raise ValueError(f"row P[s={s}, a={a}] sums to {sums[s, a]:.10g}, {why}")
        if error > _ROW_SUM_DOUBLE:  # what float32 has rounded off would grow with 1 / (1 − γ)
            scale = np.where(self.available, 1 / np.where(self.available, sums, 1.0), 1.0).ravel()
            if self.is_sparse:
                self.rows.data *= np.repeat(scale, np.diff(self.rows.indptr))
            else:
                self.rows *= scale[:, None]


def row_sum_error(probabilities: Any) -> float:
    """How far from 1 probabilities of this dtype may sum.

    >>> row_sum_error(np.ones(1, dtype=np.float32)), row_sum_error([0.5, 0.5])
    (1e-05, 1e-09)
    """
    dtype = probabilities.dtype if sparse.issparse(probabilities) else plain_array(probabilities).dtype
    return _ROW_SUM.get(dtype, _ROW_SUM_DOUBLE)


def _one_table(values: Any, what: str) -> Any:
    """A list of A sparse matrices (S, S) as one, (S·A, S), row s·A + a; anything else as it is."""
    if not (isinstance(values, list | tuple) and any(sparse.issparse(matrix) for matrix in values)):
        return values
    shapes = [np.shape(matrix) for matrix in values]
    S = shapes[0][0] if shapes[0] else 0
    if shapes != [(S, S)] * len(values) or not all(sparse.issparse(matrix) for matrix in values):
        raise ValueError(f"{what} are a list of shapes {shapes}, expected A sparse matrices (S, S)")
    stacked = sparse.csr_array(sparse.vstack([sparse.csr_array(matrix) for matrix in values]))  # row a·S + s
    return stacked[np.arange(len(values) * S).reshape(-1, S).T.ravel()]


def _states_and_actions(transitions: Any) -> tuple[int, int]:
    """S and A, from transitions alone."""
    shape = transitions.shape if sparse.issparse(transitions) else as_numbers(transitions, "transitions").shape
    if sparse.issparse(transitions) and len(shape) == 2 and shape[1] > 0 and shape[0] % shape[1] == 0 and shape[0]:
        return shape[1], shape[0] // shape[1]
    if len(shape) == 3 and shape[0] == shape[2] and 0 not in shape:
        return shape[0], shape[1]
    expected = "(S·A, S)" if sparse.issparse(transitions) else "(S, A, S)"
    raise ValueError(f"transitions have shape {shape}, expected {expected}{_action_first(shape)}")


def _action_first(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[1] == shape[2] != shape[0]:
        return ": where the first axis is the action, give numpy.moveaxis(array, 0, 1)"
    return ""


def as_numbers(values: Any, what: str) -> np.ndarray:
    """A float64 copy, of the same shape."""
    return np.array(real_numbers(values, what), dtype=np.float64)
