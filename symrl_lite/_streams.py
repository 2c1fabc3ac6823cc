"""Random numbers for many environments side by side, so that a copy does not depend on its neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["Streams"]

_BLOCK = 256  # numbers drawn at a time from each stream


class Streams:
    """One stream of uniform numbers in [0, 1) for each of n environments, read for all or some of them at once.

    Stream i depends on its own seed alone: with the seeds 3 and 7 environment 0 sees what it sees with 3 alone.

    Args:
        seed: one seed for each environment; a number s stands for s, s + 1, ...; None for a seed from the system.
        n: number of environments.

    Raises:
        ValueError: another number of seeds.

    >>> together, alone = Streams([3, 7], 2), Streams([7], 1)
    >>> bool((together.draw()[1] == alone.draw()[0]).all())
    True
    """

    def __init__(self, seed: int | Sequence[int | None] | None, n: int) -> None:
        seeds = [None if seed is None else seed + i for i in range(n)] if isinstance(seed, int | None) else list(seed)
        if len(seeds) != n:
            raise ValueError(f"{len(seeds)} seeds for {n} environments, expected one for each")
        self._generators = [np.random.default_rng(s) for s in seeds]
        self._numbers = np.stack([g.random(_BLOCK) for g in self._generators])  # (n, block)
        self._next = np.zeros(n, dtype=np.int64)

    def draw(self, which: np.ndarray | None = None, size: int = 1) -> np.ndarray:
        """The next `size` numbers of the environments `which` (indices; all by default): (len(which), size)."""
        which = np.arange(len(self._generators)) if which is None else np.asarray(which)
        for i in which[self._next[which] + size > _BLOCK]:
            self._numbers[i], self._next[i] = self._generators[i].random(_BLOCK), 0
        found = self._numbers[which[:, None], self._next[which, None] + np.arange(size)]
        self._next[which] += size
        return found
