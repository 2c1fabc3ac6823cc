"""The last partition of `refine` alone: each round looks again only at the rows whose blocks have changed."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from symrl_lite.door import a_number
from symrl_lite.homomorphism.refinement import Round, as_sets, clusters, ordered_ids, to_blocks
from symrl_lite.mdp import TabularMDP
from symrl_lite.mdp.planning import require_table

__all__ = ["last_round"]


def last_round(mdp: TabularMDP, relabel_actions: bool = True, atol: float = 1e-9) -> Round:
    """The partition and the equal rows of the last round of `refine`; blocks and rows may have other numbers.

    Where a block splits, its largest part keeps the number. A row that enters no part with a new number is what it was,
    so a round reads only the rows that enter one. A state gets a new number at most log2(S) times: its block is at most
    half as large each time.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> last_round(GridWorld(size=5, goal=(2, 2)).tabular()).n_blocks
    6

    Source: Hopcroft 1971 (the largest part keeps its number); Valmari & Franceschinis 2010, for Markov chains.
    """
    require_table(mdp)
    atol = a_number(atol, "atol", 0)
    exists = mdp.available
    (S, A), pairs = exists.shape, np.arange(exists.size)
    rows = sparse.csr_array(mdp.rows)
    ones = np.ones(rows.nnz, dtype=bool)
    into = sparse.csc_array(sparse.csr_array((ones, rows.indices, rows.indptr), shape=rows.shape))  # who enters a state
    rewards = clusters(mdp.rewards, atol).ravel()
    partition = _Partition(S)
    ids, n_ids = np.full(S * A, -1, dtype=np.int64), 0
    changed, oldest_new = pairs, 0
    seen: np.ndarray | None = None  # the probabilities that were met, in order, as long as none are passed on
    while True:
        if seen is not None:
            probabilities = to_blocks(rows[changed], partition.blocks, partition.n_blocks, atol)
            seen = _if_narrow(np.concatenate([seen, probabilities.data]), atol)
        if seen is None or not _all_enter(probabilities, oldest_new):  # then nothing is kept of earlier rounds
            changed = pairs
            probabilities = to_blocks(rows, partition.blocks, partition.n_blocks, atol)
            seen = _if_narrow(probabilities.data, atol)
        numbers = row_numbers(probabilities, clusters(probabilities.data, atol), rewards[changed])
        ids[changed] = n_ids + numbers  # no other row has one of these
        n_ids += int(numbers.max(initial=-1)) + 1
        states = np.unique(changed[exists.ravel()[changed]] // A)
        rows_of = np.where(exists[states], ids.reshape(S, A)[states], -1)
        oldest_new = partition.n_blocks
        moved = partition.split(states, as_sets(rows_of) if relabel_actions else rows_of) if states.size else states
        if not moved.size:
            return Round(partition.blocks, np.where(exists, ids.reshape(S, A), -1))
        changed = np.unique(into[:, moved].indices)


class _Partition:
    """Blocks of the states 0, ..., S − 1, at first one."""

    def __init__(self, n_states: int) -> None:
        self.blocks = np.zeros(n_states, dtype=np.int64)
        self.sizes = np.zeros(n_states, dtype=np.int64)  # of the blocks that there are; no more than states
        self.sizes[0] = n_states
        self.n_blocks = 1

    def split(self, states: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Part the states of a block by their keys (n, columns), and those of them that were given from the others.

        Returns the states whose block has a new number: all but those in the largest part of each block.
        """
        given = np.column_stack([self.blocks[states], keys])
        order = np.lexsort(given.T[::-1])
        states, given = states[order], given[order]
        first = np.flatnonzero(np.concatenate([[True], (given[1:] != given[:-1]).any(axis=1)]))
        home, count = given[first, 0], np.diff(first, append=len(states))
        touched, start = np.unique(home, return_index=True)
        rest = self.sizes[touched] - np.add.reduceat(count, start)  # states of these blocks that were not given
        homes, counts = np.concatenate([home, touched]), np.concatenate([count, rest])
        by_size = np.lexsort([counts, homes])
        largest = by_size[np.append(np.flatnonzero(np.diff(homes[by_size])), len(by_size) - 1)]
        new = counts > 0
        new[largest] = False
        names = homes.copy()
        names[new] = self.n_blocks + np.arange(new.sum())
        self.sizes[names[counts > 0]] = counts[counts > 0]
        self.n_blocks += int(new.sum())
        others = np.empty(0, dtype=np.int64)
        if new[len(home) :].any():
            renamed = np.arange(self.n_blocks)
            renamed[touched] = names[len(home) :]
            is_other = renamed[self.blocks] != self.blocks
            is_other[states] = False
            others = np.flatnonzero(is_other)
            self.blocks[others] = renamed[self.blocks[others]]
        self.blocks[states] = np.repeat(names[: len(home)], count)
        return np.concatenate([states[np.repeat(new[: len(home)], count)], others])


def row_numbers(probabilities: sparse.csr_array, levels: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """One number for each different row of (reward, level of each block): by a hash, and then every row is compared.

    The hash is a sum of scrambled codes modulo 2^64. Rows of one hash are compared with the first of them, entry by
    entry; if two differ, all rows are numbered by sorting instead.
    """
    starts, counts = probabilities.indptr[:-1], np.diff(probabilities.indptr)
    codes = probabilities.indices.astype(np.uint64) * np.uint64(int(levels.max(initial=0)) + 1)
    codes += levels.astype(np.uint64)
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(scrambled(codes))])
    hashes = sums[probabilities.indptr[1:]] - sums[starts] + scrambled(~rewards.astype(np.uint64))
    _, first, numbers = np.unique(hashes, return_index=True, return_inverse=True)
    like = first[numbers]
    if (counts == counts[like]).all() and (rewards == rewards[like]).all():
        other = np.repeat(starts[like] - starts, counts) + np.arange(len(codes))
        if (codes == codes[other]).all():
            return np.asarray(numbers)
    return ordered_ids(probabilities, levels, rewards)


def scrambled(numbers: np.ndarray) -> np.ndarray:
    """Every bit of the result depends on every bit of the number: shifts and products modulo 2^64."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        numbers = (numbers ^ (numbers >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def _if_narrow(values: np.ndarray, atol: float) -> np.ndarray | None:
    """The different values in order; None where a cluster of them is wider than atol.

    Only then can a value that comes join two clusters, or one that goes part one. As long as none is, two values are in
    one cluster if and only if they are at most atol apart, whatever the others are: rows that were equal stay equal.
    """
    values = np.unique(values)
    first = np.flatnonzero(np.diff(values, prepend=-np.inf) > atol)
    last = np.append(first[1:], len(values))[: len(first)] - 1
    return None if (values[last] - values[first] > atol).any() else values


def _all_enter(probabilities: sparse.csr_array, oldest_new: int) -> bool:
    """Whether every row enters a block that is new, so that it can't equal a row that is left out.

    One may not where the probability of a new block is below atol, and is taken for none.
    """
    entered = np.concatenate([[0], np.cumsum(probabilities.indices >= oldest_new)])
    return bool((np.diff(entered[probabilities.indptr]) > 0).all())
