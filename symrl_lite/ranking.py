"""Is the true next state the nearest of many? Hits and mean reciprocal rank, with ties and duplicates said out loud."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

__all__ = ["Ranking", "ranking_metrics"]

_AT_ONCE = 2**24  # numbers in the table of differences


@dataclass(frozen=True, eq=False)
class Ranking:
    """Shares from 0 to 1, and among how many candidates they were found."""

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
) -> Ranking:
    """rank_i = 1 + |{j ≠ i : d(predicted_i, true_j) ≤ d(predicted_i, true_i), state_j ≠ state_i}|.

    A candidate that is as near as the true one counts as nearer: a model whose codes are all the same gets the last
    rank, not the first. Candidates that *are* the same state would then be counted as mistakes; they are left out if
    `states` are given. Distances are Euclidean, over all entries of a code.

    Args:
        predicted: (n, ...), codes that were predicted.
        true: (n, ...), codes of what then was seen; row i belongs to prediction i, the others are candidates too.
        states: (n, ...), the true states, or numbers that are equal where they are.
        hits: for which k the share of ranks up to k is returned.
        ties: "for" counts d < d in place of d ≤ d, which favours the model; the released code of C-SWM does so.

    Returns:
        A Ranking.

    Raises:
        ValueError: shapes that differ, another number of states, codes that are not finite.

    >>> print(ranking_metrics([[0.0], [1.0], [5.0]], [[0.1], [0.9], [0.8]], hits=(1, 2)))
    H@1 66.7, H@2 100.0, MRR 83.3 % among 3 candidates

    Source: the metrics of Kipf et al. 2020, Contrastive Learning of Structured World Models; their code ranks the
    predictions for each true state, and lets ties count for the model.
    """
    guesses, truths = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if guesses.shape != truths.shape or guesses.ndim < 2 or len(guesses) == 0:
        raise ValueError(f"predicted has shape {guesses.shape} and true {truths.shape}, expected the same, (n, ...)")
    if not (np.isfinite(guesses).all() and np.isfinite(truths).all()):
        raise ValueError("there are codes that are not finite")
    if ties not in ("against", "for"):
        raise ValueError(f'ties is {ties!r}, expected "against" or "for"')
    n = len(guesses)
    guesses, truths = guesses.reshape(n, -1), truths.reshape(n, -1)
    numbers = np.arange(n)
    if states is not None:
        flat = np.asarray(states).reshape(len(states), -1)
        if len(flat) != n:
            raise ValueError(f"there are {len(flat)} states, expected {n}")
        numbers = np.unique(flat, axis=0, return_inverse=True)[1].ravel()
    own = ((guesses - truths) ** 2).sum(axis=1)  # (n,)
    nearer, left_out = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    rows = max(1, _AT_ONCE // (n * guesses.shape[1]))
    for start in range(0, n, rows):
        part = slice(start, start + rows)
        d = ((guesses[part, None] - truths) ** 2).sum(axis=2)  # (rows, n)
        other = numbers[part, None] != numbers
        close = d <= own[part, None] if ties == "against" else d < own[part, None]
        nearer[part], left_out[part] = (close & other).sum(axis=1), (~other).sum(axis=1) - 1
    ranks = 1 + nearer
    return Ranking(
        ranks,
        {int(k): float((ranks <= k).mean()) for k in hits},
        float((1 / ranks).mean()),
        n,
        float(left_out.mean()),
    )
