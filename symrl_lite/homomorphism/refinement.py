"""Partition refinement: split the states of a block whose rows (reward, block probabilities) differ, until none do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from symrl_lite.door import a_number
from symrl_lite.mdp import TabularMDP
from symrl_lite.mdp.planning import require_table

__all__ = ["Round", "refine"]


@dataclass(frozen=True, eq=False)
class Round:
    """A partition of the states, and the rows that it gives the pairs."""

    state_map: np.ndarray  # (S,), block of each state
    row_ids: np.ndarray  # (S, A): pairs in one block with equal numbers have equal rows; −1 where there is no pair

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return int(self.state_map.max()) + 1


def refine(mdp: TabularMDP, relabel_actions: bool = True, atol: float = 1e-9) -> Iterator[Round]:
    """The rounds of `coarsest_homomorphism`, from one block to the last partition, which no longer splits.

    Args:
        mdp: the process.
        relabel_actions: compare the sets of rows (True), or the rows action by action (False).
        atol: numbers as close as this are equal. (Closeness is passed on: 0, 0.6 atol and 1.2 atol are one number.)

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> [partition.n_blocks for partition in refine(GridWorld(size=5, goal=(2, 2)).tabular())]
    [1, 2, 3, 5, 6]

    Source: Givan, Dean & Greig 2003, with fixed labels; Ravindran & Barto 2001 for pairs.
    """
    require_table(mdp)
    atol = a_number(atol, "atol", 0)
    exists = mdp.available
    rows = sparse.csr_array(mdp.rows)
    rewards = clusters(mdp.rewards, atol).ravel()
    blocks = np.zeros(mdp.n_states, dtype=np.int64)
    while True:
        probabilities = to_blocks(rows, blocks, int(blocks.max()) + 1, atol)
        ids = ordered_ids(probabilities, clusters(probabilities.data, atol), rewards).reshape(exists.shape)
        ids = np.where(exists, ids, -1)
        yield Round(blocks, ids)
        compared = as_sets(ids) if relabel_actions else ids
        split = _combine([blocks, *compared.T])
        if split.max() == blocks.max():  # splitting only ever adds blocks
            return
        blocks = split


def to_blocks(rows: sparse.csr_array, blocks: np.ndarray, n_blocks: int, atol: float) -> sparse.csr_array:
    """P(B | row) for each row and block, (rows, blocks), columns in order; what is at most atol is none."""
    members = sparse.csr_array((np.ones(len(blocks)), blocks, np.arange(len(blocks) + 1)), (len(blocks), n_blocks))
    probabilities = sparse.csr_array(rows @ members)
    probabilities.sum_duplicates()
    probabilities.data[probabilities.data <= atol] = 0
    probabilities.eliminate_zeros()
    return probabilities


def ordered_ids(probabilities: sparse.csr_array, levels: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """One number for each different row of (reward, level of each block), exactly: no hashing.

    Rows are in order of their reward, of how many blocks they enter, and of those blocks and levels from the first on.
    """
    codes = _combine([probabilities.indices.astype(np.int64), levels])  # one for each (block, level)
    counts = np.diff(probabilities.indptr)
    ids = _combine([rewards, counts])
    for k in range(int(counts.max())):  # the k-th entry of every row that has one; columns are sorted
        has = counts > k
        entry = np.full(len(counts), -1, dtype=np.int64)
        entry[has] = codes[probabilities.indptr[:-1][has] + k]
        ids = _combine([ids, entry])
    return ids


def as_sets(ids: np.ndarray) -> np.ndarray:
    """The numbers of each row in order and each once, filled up with −1: equal for equal sets."""
    ordered = np.sort(ids, axis=1)[:, ::-1]
    repeated = np.zeros(ids.shape, dtype=bool)
    repeated[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return np.asarray(np.sort(np.where(repeated, -1, ordered), axis=1))


def _combine(columns: list[np.ndarray]) -> np.ndarray:
    """One number for each different tuple of entries, 0, 1, 2, ..."""
    ids = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        shifted = column - column.min(initial=0)
        ids = _ranks(ids * (int(shifted.max(initial=0)) + 1) + shifted)
    return ids


def _ranks(keys: np.ndarray) -> np.ndarray:
    """The place of each key, a whole number from 0, among the different keys in order.

    Sorted 16 bits after 16 bits from the lowest: NumPy sorts such short numbers without comparing them.
    """
    order = np.arange(len(keys))
    for shift in range(0, max(int(keys.max(initial=0)).bit_length(), 1), 16):
        digits = (keys[order] >> shift).astype(np.uint16)  # the lowest 16 bits
        order = order[np.argsort(digits, kind="stable")]
    ordered = keys[order]
    ranks = np.empty_like(order)
    ranks[order] = np.cumsum(np.diff(ordered, prepend=ordered[:1]) != 0)
    return ranks


def clusters(values: np.ndarray, atol: float) -> np.ndarray:
    """One number for each cluster of values: neighbours at most `atol` apart are in one cluster."""
    flat = values.ravel()
    if not flat.size:
        return np.zeros(values.shape, dtype=np.int64)
    different, inverse = np.unique(flat, return_inverse=True)
    cluster = np.concatenate([[0], np.cumsum(np.diff(different) > atol)])
    return np.asarray(cluster[inverse.ravel()].reshape(values.shape))
