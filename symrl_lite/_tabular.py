"""`TabularMDP`: a finite Markov decision process as a table, dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

__all__ = ["ROW_SUM", "TabularMDP", "as_numbers"]

ROW_SUM = 1e-9  # how far from 1 the probabilities of a row may sum


class TabularMDP:
    """Probabilities T(s'|s, a), expected rewards R(s, a) and a discount γ.

    Args:
        transitions: (S, A, S), entry [s, a, s'] = T(s'|s, a); or a SciPy sparse matrix (S·A, S), row s·A + a.
        rewards: (S, A), the expected reward of the pair.
        discount: γ, 0 ≤ γ < 1.
        available: (S, A) booleans, which actions exist in which state; by default all. The rows of the others are zero.

    Raises:
        ValueError: another shape, a discount outside [0, 1), or a row that is no distribution (negative, NaN, a sum
            that is not 1), with its state and action. TypeError: entries that are no numbers.

    >>> stay_or_go = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    >>> stay_or_go
    TabularMDP(2 states, 4 state–action pairs, discount 0.9)
    >>> TabularMDP([[[0.97]]], [[0]], discount=0.9)
    Traceback (most recent call last):
    ValueError: row P[s=0, a=0] sums to 0.97, expected 1
    """

    def __init__(self, transitions: Any, rewards: Any, discount: float, available: Any = None) -> None:
        self.rewards = as_numbers(rewards, "rewards")
        if self.rewards.ndim != 2 or self.rewards.size == 0:
            raise ValueError(f"rewards have shape {self.rewards.shape}, expected (S, A)")
        self.n_states, self.n_actions = self.rewards.shape
        if not (isinstance(discount, float | int | np.floating | np.integer) and 0 <= discount < 1):
            raise ValueError(f"discount is {discount!r}, expected 0 ≤ discount < 1")
        self.discount = float(discount)
        self.available = self._mask(available)
        self.is_sparse = sparse.issparse(transitions)
        #: (S·A, S), row s·A + a, dense or sparse as given
        self.rows: Any = self._sparse_rows(transitions) if self.is_sparse else self._dense_rows(transitions)
        self._check_rows()
        bad = ~np.isfinite(self.rewards) & self.available
        if bad.any():
            s, a = np.argwhere(bad)[0]
            raise ValueError(f"reward R[s={s}, a={a}] is {self.rewards[s, a]}, expected a finite number")
        self.rewards = np.where(self.available, self.rewards, 0.0)
        for array in (self.rewards, self.available):
            array.setflags(write=False)

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
        row = self.rows[state * self.n_actions + action]
        return row.toarray().ravel() if self.is_sparse else row.copy()

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Σ_s' T(s'|s, a) V(s'), (S, A); for V (S, K) one for each column, (S, A, K)."""
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
        if available is None:
            return np.ones(self.rewards.shape, dtype=bool)
        mask = np.array(available)
        if mask.shape != self.rewards.shape or mask.dtype != bool:
            raise ValueError(f"available is {mask.dtype} {mask.shape}, expected booleans {self.rewards.shape}")
        if not mask.any(axis=1).all():
            raise ValueError(f"state s={int(mask.any(axis=1).argmin())} has no available action")
        return mask

    def _dense_rows(self, transitions: Any) -> np.ndarray:
        array = as_numbers(transitions, "transitions")
        if array.ndim != 3 or array.shape[0] != array.shape[2]:
            raise ValueError(f"transitions have shape {array.shape}, expected (S, A, S)")
        if array.shape != (*self.rewards.shape, self.n_states):
            raise ValueError(
                f"transitions have shape {array.shape} and rewards {self.rewards.shape}, expected (S, A, S) and (S, A)"
            )
        rows = array.reshape(-1, self.n_states)
        rows.setflags(write=False)
        return rows

    def _sparse_rows(self, transitions: Any) -> Any:
        rows = sparse.csr_array(transitions, dtype=np.float64, copy=True)
        if rows.shape != (self.rewards.size, self.n_states):
            raise ValueError(
                f"sparse transitions have shape {rows.shape}, expected (S·A, S) = {(self.rewards.size, self.n_states)}"
            )
        rows.sum_duplicates()
        rows.eliminate_zeros()
        return rows

    def _check_rows(self) -> None:
        """Probabilities that are finite, not negative, and sum to one; state and action are named."""
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
        sums = np.asarray(self.rows.sum(axis=1)).reshape(self.rewards.shape)
        expected = self.available.astype(float)
        off = ~(np.abs(sums - expected) <= ROW_SUM)
        if off.any():
            s, a = np.argwhere(off)[0]
            why = "expected 1" if self.available[s, a] else "expected 0: the action is not available"
            raise ValueError(f"row P[s={s}, a={a}] sums to {sums[s, a]:.10g}, {why}")


def as_numbers(values: Any, what: str) -> np.ndarray:
    """A float64 copy."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise TypeError(f"{what} have rows of different lengths, expected one array of numbers") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} have dtype {array.dtype}, expected real numbers")
    return np.array(array, dtype=np.float64)
