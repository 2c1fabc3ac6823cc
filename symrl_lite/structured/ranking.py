"""Is the true next state the nearest of many? Hits and mean reciprocal rank, with ties and duplicates said out loud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from symrl_lite.door import a_number, plain_array, real_numbers, require_text, sizes

__all__ = ["Ranking", "ranking_metrics"]

_AT_ONCE = 2**24  # numbers in the table of differences
_UNITS = 16  # rounding errors of an entry that a network of a few layers adds up, stepped ten times: up to 8 measured


@dataclass(frozen=True, eq=False)
class Ranking:
    """Shares from 0 to 1, and among how many candidates they were found.

    >>> ranking_metrics([[0.0], [3.0]], [[1.0], [3.0]]).hits
    {1: 1.0}
    """

    ranks: np.ndarray = field(repr=False)  # (n,), 1 is best
    hits: dict[int, float]  # k -> the share of predictions whose true state is among the k nearest
    mean_reciprocal_rank: float
    candidates: int  # for each prediction, before any are left out
    excluded: float  # mean number of candidates left out, because their true state is the same

    @property
    def hits_at_1(self) -> float:
        """The share of predictions to which the true state is the nearest."""
        return float((self.ranks == 1).mean())

    def __str__(self) -> str:
        hits = ", ".join(f"H@{k} {100 * share:.1f}" for k, share in self.hits.items())
        left_out = f", {self.excluded:.1f} duplicates left out" if self.excluded else ""
        return f"{hits}, MRR {100 * self.mean_reciprocal_rank:.1f} % among {self.candidates} candidates{left_out}"


def ranking_metrics(
    predicted: Any,
    true: Any,
    states: Any = None,
    *,
    hits: Sequence[int] = (1,),
    ties: Literal["against", "for"] = "against",
    tolerance: float | None = None,
) -> Ranking:
    """rank_i = 1 + |{j ≠ i : d_ij ≤ d_ii + τ_ij, state_j ≠ state_i}| with d_ij = |predicted_i − true_j|.

    A candidate that is as near as the true one counts as nearer: a model whose codes are all the same gets the last
    rank, not the first. Candidates that *are* the same state would then be counted as mistakes; they are left out if
    `states` are given. Distances are Euclidean, over all entries of a code.

    **As near** means: up to rounding. A network gives equal pictures codes that differ in the last digits, because
    vectorized arithmetic treats the last rows of a batch differently. If a code is known up to e(code), a distance is
    known up to e(predicted) + e(true), and two distances of one prediction are told apart only by more than

        τ_ij = 2 e(predicted_i) + e(true_i) + e(true_j),   e(code) = tolerance · max(|code|, median of |codes|).

    The error goes with the size of the codes and not with the distance, since a difference of near codes keeps the
    error of both; and the median stands in for codes that are near 0 because large numbers cancelled. Ranks do not
    change when all codes are multiplied by one number. The default tolerance is 16 units in the last place, 16 ε:
    2e-6 for float32, and for float64 where all numbers are float32's; 4e-15 for other float64; and 0 for whole
    numbers, whose distances are exact. (A network of a few layers, stepped ten times, was off by up to 8 ε.)

    Args:
        predicted: (n, ...), codes that were predicted.
        true: (n, ...), codes of what then was seen; row i belongs to prediction i, the others are candidates too.
        states: (n, ...), the true states, or numbers that are equal where they are.
        hits: for which k the share of ranks up to k is returned.
        ties: "for" counts d_ij < d_ii − τ_ij instead, which favours the model; the released code of C-SWM does so.
        tolerance: what a code may be off by, as a share of its size; 0 compares the last bit. By default see above;
            give more for codes of a deeper or longer computation.

    Returns:
        A Ranking.

    Raises:
        ValueError: shapes that differ, another number of states, codes that are not finite, a negative tolerance.

    >>> print(ranking_metrics([[0.0], [1.0], [5.0]], [[0.1], [0.9], [0.8]], hits=(1, 2)))
    H@1 66.7, H@2 100.0, MRR 83.3 % among 3 candidates
    >>> twice = np.float32([[0.3], [0.3000001]])  # one picture at two places of a batch
    >>> ranking_metrics(twice, twice).ranks, ranking_metrics(twice, twice, tolerance=0).ranks
    (array([2, 2]), array([1, 1]))

    Source: the metrics of Kipf et al. 2020, Contrastive Learning of Structured World Models; their code ranks the
    predictions for each true state, and lets ties count for the model.
    """
    given = real_numbers(predicted, "predicted", verb="has"), real_numbers(true, "true", verb="has")
    guesses, truths = (codes.astype(np.float64) for codes in given)
    if guesses.shape != truths.shape or guesses.ndim < 2 or len(guesses) == 0:
        raise ValueError(f"predicted has shape {guesses.shape} and true {truths.shape}, expected the same, (n, ...)")
    for what, codes in (("predicted", guesses), ("true", truths)):
        if not np.isfinite(codes).all():
            raise ValueError(f"there are codes that are not finite: {what} holds {codes[~np.isfinite(codes)][0]}")
    require_text(ties, "ties", ("against", "for"))
    tolerance = None if tolerance is None else a_number(tolerance, "tolerance", 0)
    hits = sizes(hits, "hits")
    n = len(guesses)
    guesses, truths = guesses.reshape(n, -1), truths.reshape(n, -1)
    numbers = np.arange(n)
    if states is not None:
        told = _states(states)
        if told.ndim == 0 or len(told) != n:
            many = len(told) if told.ndim else "no"
            raise ValueError(f"there are {many} states, expected {n}: states have shape {told.shape}")
        flat = told.reshape(n, -1)
        numbers = np.unique(flat, axis=0, return_inverse=True)[1].ravel()
    unsure, off = (_errors(codes, tolerance) for codes in given)  # e of each code, (n,)
    nearer, left_out = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    rows = max(1, _AT_ONCE // (n * guesses.shape[1]))
    for start in range(0, n, rows):
        i = np.arange(start, min(start + rows, n))
        squares = ((guesses[i, None] - truths) ** 2).sum(axis=2)  # d², (rows, n)
        mine = squares[i - start, i][:, None]  # (rows, 1)
        other = numbers[i, None] != numbers
        gap = (2 * unsure[i] + off[i])[:, None] + off  # τ, (rows, n)
        # d ≤ mine + τ and d < mine − τ as squares, which are exact for whole numbers. No root is taken of them.
        if ties == "against":
            close = squares <= mine + (2 * np.sqrt(mine) + gap) * gap
        else:
            close = (squares < mine - (2 * np.sqrt(mine) - gap) * gap) & (mine >= gap**2)
        nearer[i], left_out[i] = (close & other).sum(axis=1), (~other).sum(axis=1) - 1
    ranks = 1 + nearer
    return Ranking(
        ranks,
        {int(k): float((ranks <= k).mean()) for k in hits},
        float((1 / ranks).mean()),
        n,
        float(left_out.mean()),
    )


def _states(states: Any) -> np.ndarray:
    """True states, of numbers or names, that can be told apart."""
    try:
        told = plain_array(states)
    except ValueError:
        raise TypeError("states have rows of different lengths, expected one array") from None
    if told.dtype.kind == "f" and np.isnan(told).any():
        raise ValueError("states hold nan, which is no state: it is not even equal to itself")
    if told.dtype.kind not in "biufUS":
        raise TypeError(f"states have dtype {told.dtype}, expected numbers or names")
    return told


def _errors(codes: np.ndarray, tolerance: float | None) -> np.ndarray:
    """What each code may be off by, (n, ...) -> (n,)."""
    sizes = np.sqrt((codes.reshape(len(codes), -1).astype(np.float64) ** 2).sum(axis=1))  # (n,)
    share = _UNITS * _unit(codes) if tolerance is None else tolerance
    return np.asarray(share * np.maximum(sizes, np.median(sizes)))


def _unit(codes: np.ndarray) -> float:
    """One unit in the last place of 1, in the precision that the codes were made with; 0 for whole numbers."""
    if codes.dtype.kind != "f":
        return 0.0
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, so it isn't equal
        cast = codes.dtype.itemsize > 4 and (codes.astype(np.float32) == codes).all()
    unit = float(max(np.finfo(np.float32 if cast else codes.dtype).eps, np.finfo(np.float64).eps))
    # Large numbers are whole because there are no digits left for a fraction.
    exact = (codes == np.round(codes)).all() and np.abs(codes).max() < 1 / (8 * unit)
    return 0.0 if exact else unit
