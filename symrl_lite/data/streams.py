"""Random numbers for many environments side by side, so that a copy does not depend on its neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from operator import index
from typing import Any

import numpy as np

__all__ = ["Streams", "continued"]

_BLOCK = 256  # numbers drawn at a time from each stream


class Streams:
    """One stream of uniform numbers in [0, 1) for each of n environments, read for all or some of them at once.

    Stream i depends on its own seed alone: with the seeds 3 and 7 environment 0 sees what it sees with 3 alone.

    Args:
        seed: one seed for each environment; a number s stands for s, s + 1, ...; None for a seed from the system.
        n: number of environments.

    Raises:
        ValueError: another number of seeds, or a seed below 0. TypeError: a seed that is no whole number.

    >>> together, alone = Streams([3, 7], 2), Streams([7], 1)
    >>> bool((together.draw()[1] == alone.draw()[0]).all())
    True

    Source: NumPy's default_rng, one generator for each seed.
    """

    def __init__(self, seed: int | Sequence[int | None] | None, n: int) -> None:
        self._generators = [np.random.default_rng(s) for s in _each(seed, n)]
        self._numbers = np.stack([g.random(_BLOCK) for g in self._generators])  # (n, block)
        self._next = np.zeros(n, dtype=np.int64)
        self._level: int | None = (
            0  # where all streams are, as long as they are read together; then `_next` is not used
        )

    def renew(self, seed: int | Sequence[int | None] | None) -> None:
        """Start the streams that get a seed anew; those whose seed is None go on where they are.

        >>> streams, others = Streams([3, 7], 2), Streams([3, 9], 2)
        >>> _ = streams.draw(), others.draw()
        >>> streams.renew([None, 9]), others.renew([None, 9])
        (None, None)
        >>> bool((streams.draw() == others.draw()).all())
        True
        """
        self._part()
        for i, s in enumerate(_each(seed, len(self._generators))):
            if s is not None:
                self._generators[i] = np.random.default_rng(s)
                self._numbers[i], self._next[i] = self._generators[i].random(_BLOCK), 0

    def draw(self, which: np.ndarray | None = None, size: int = 1) -> np.ndarray:
        """The next `size` numbers of the environments `which` (indices; all by default): (len(which), size)."""
        if which is None and self._level is not None and size <= _BLOCK:
            if self._level + size > _BLOCK:
                self._numbers, self._level = np.stack([g.random(_BLOCK) for g in self._generators]), 0
            self._level += size
            return self._numbers[:, self._level - size : self._level].copy()
        self._part()
        which = np.arange(len(self._generators)) if which is None else np.asarray(which)
        for i in which[self._next[which] + size > _BLOCK]:
            self._numbers[i], self._next[i] = self._generators[i].random(_BLOCK), 0
        found = self._numbers[which[:, None], self._next[which, None] + np.arange(size)]
        self._next[which] += size
        return found

    def _part(self) -> None:
        """From here on each stream has a place of its own."""
        if self._level is not None:
            self._next[:], self._level = self._level, None


def continued(streams: Streams | None, seed: int | Sequence[int | None] | None, n: int) -> Streams:
    """The streams of n environments after `reset(seed)`: without a seed they go on, as Gymnasium's own do.

    >>> first = continued(None, 5, 2)
    >>> continued(first, None, 2) is first
    True
    """
    if streams is None:
        return Streams(seed, n)
    streams.renew(seed)
    return streams


def _each(seed: Any, n: int) -> list[int | None]:
    """One seed, or None, for each of n environments."""
    if seed is None:
        return [None] * n
    if isinstance(seed, np.ndarray) and seed.ndim == 0:
        seed = seed[()]
    if isinstance(seed, bool):
        raise TypeError(f"seed is {seed}, expected a whole number, one for each environment, or None")
    if isinstance(seed, Integral):
        seeds: list[int | None] = [int(seed) + i for i in range(n)]
    elif isinstance(seed, str) or not hasattr(seed, "__len__"):
        raise TypeError(f"seed is {seed!r}, expected a whole number, one for each environment, or None")
    else:
        seeds = [None if s is None else index(s) for s in seed]
    if len(seeds) != n:
        raise ValueError(f"{len(seeds)} seeds for {n} environments, expected one for each")
    wrong = [s for s in seeds if s is not None and s < 0]
    if wrong:
        raise ValueError(f"a seed is {wrong[0]}, expected 0 or more")
    return seeds
