"""Five flat shapes on a table, seen from above: pushed one at a time, they block each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from symrl_lite.door import whole_number
from symrl_lite.envs._pushing import Pushing

__all__ = ["COLORS", "NAMES", "Shapes"]

CELL = 10  # pixels
NAMES = ("circle", "triangle", "square", "diamond", "ring", "cross", "bar", "corner", "dot")
COLORS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
    (0, 114, 178),
    (230, 230, 230),
    (150, 110, 60),
)


class Shapes(Pushing):
    """Up to nine shapes of ten pixels on a black table. See `Pushing` for the rules.

    Args:
        objects: number of shapes, 1 to 9.
        size: rows and columns of the table, in cells.
        alike: whether all shapes look the same.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: a number of shapes, a size or a length that does not fit.

    >>> table = Shapes()
    >>> seen, info = table.reset(seed=0)
    >>> seen.shape, seen.dtype.name, info["state"].shape, table.copies(3).reset(seed=0)[0].shape
    ((3, 50, 50), 'uint8', (5, 2), (3, 3, 50, 50))

    Source: the 2-D shapes of Kipf et al. 2020, Contrastive Learning of Structured World Models; the pictures differ.
    """

    def __init__(
        self, objects: int = 5, size: int = 5, alike: bool = False, max_steps: int = 100, render_mode: str | None = None
    ) -> None:
        size = whole_number(size, "size")
        if whole_number(objects, "objects", 0) > len(NAMES):
            raise ValueError(f"objects is {objects}, expected at most {len(NAMES)}")
        objects = whole_number(objects, "objects", 0)
        self.image_shape = (3, CELL * size, CELL * size)
        self.stamps = _stamps()[[0] * objects if alike else list(range(objects))]  # (K, 3, 10, 10)
        super().__init__(objects, size, max_steps, render_mode)

    def images(self, positions: Any) -> np.ndarray:
        """Pictures of many tables at once, (n, K, 2) -> (n, 3, 10 · size, 10 · size), whole numbers from 0 to 255."""
        places = self._boards(positions)
        cells = np.zeros((len(places), self.size, self.size, 3, CELL, CELL), dtype=np.uint8)
        rows = np.arange(len(places))
        for k, stamp in enumerate(self.stamps):
            cells[rows, places[:, k, 0], places[:, k, 1]] = stamp
        return np.ascontiguousarray(cells.transpose(0, 3, 1, 4, 2, 5)).reshape(len(places), *self.image_shape)

    def masks(self, positions: Any) -> np.ndarray:
        """Which pixels show which shape, (n, K, 2) -> (n, K, 10 · size, 10 · size) booleans."""
        places = self._boards(positions)
        shown = np.zeros((len(places), self.objects, self.size, CELL, self.size, CELL), dtype=bool)
        rows = np.arange(len(places))
        for k, stamp in enumerate(self.stamps):
            shown[rows, k, places[:, k, 0], :, places[:, k, 1], :] = stamp.any(axis=0)
        return shown.reshape(len(places), self.objects, *self.image_shape[1:])


def _stamps() -> np.ndarray:
    """The pictures of all shapes, (9, 3, 10, 10)."""
    row, column = np.mgrid[0:CELL, 0:CELL] - (CELL - 1) / 2  # from −4.5 to 4.5
    radius, wide = np.hypot(row, column), np.maximum(abs(row), abs(column))
    shapes = np.array(
        [
            radius < 4.6,
            abs(column) < (row + 5) / 2,
            wide < 4,
            abs(row) + abs(column) < 5.5,
            (radius < 4.8) & (radius > 2.4),
            (wide < 5) & (np.minimum(abs(row), abs(column)) < 1.6),
            (abs(row) < 2.1) & (abs(column) < 5),
            (wide < 4.1) & ((row > 0.9) | (column < -0.9)),
            radius < 2.7,
        ]
    )
    return (shapes[:, None] * np.asarray(COLORS)[:, :, None, None]).astype(np.uint8)
