"""The shapes' table seen from a corner of the room: blocks that hide each other, drawn from far to near."""

from __future__ import annotations

from typing import Any

import numpy as np

from symrl_lite.door import whole_number
from symrl_lite.envs._pushing import Pushing
from symrl_lite.envs.shapes import COLORS

__all__ = ["Blocks"]

PIXELS = 50
FINE = 4  # each pixel is the mean of 4 × 4
FACES = {"top": 1.0, "left": 0.72, "right": 0.5}  # how bright each is
MARGIN, HEIGHT = 0.08, 0.8  # of a block, in cells
FLOOR = ((70, 70, 70), (56, 56, 56))
Point = tuple[float, float, float]


class Blocks(Pushing):
    """Up to nine blocks of different colours, in a view in which near ones hide far ones. See `Pushing` for the rules.

    Row 0 and column 0 meet in the far corner. The picture is made by the painter's algorithm: floor first, then the
    blocks from far to near, each of which covers what is behind it.

    Args:
        objects: number of blocks, 1 to 9.
        size: rows and columns of the floor, in cells.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: a number of blocks, a size or a length that does not fit.

    >>> floor = Blocks()
    >>> floor.images([[[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]]).shape
    (1, 3, 50, 50)

    Source: the 3-D blocks of Kipf et al. 2020, Contrastive Learning of Structured World Models; the pictures differ.
    """

    def __init__(self, objects: int = 5, size: int = 5, max_steps: int = 100, render_mode: str | None = None) -> None:
        size = whole_number(size, "size")
        if whole_number(objects, "objects", 0) > len(COLORS):
            raise ValueError(f"objects is {objects}, expected at most {len(COLORS)}")
        objects = whole_number(objects, "objects", 0)
        self.image_shape = (3, PIXELS, PIXELS)
        super().__init__(objects, size, max_steps, render_mode)
        self._floor = self._paint_floor()  # (50, 50, 3)
        # What a block in each cell covers, (size, size, 50, 50), and how bright it is there.
        self._covers, self._shades = self._paint_cells()

    def images(self, positions: Any) -> np.ndarray:
        """Pictures of many floors at once, (n, K, 2) -> (n, 3, 50, 50), whole numbers from 0 to 255."""
        places = self._boards(positions)
        pictures = np.repeat(self._floor.transpose(2, 0, 1)[None], len(places), axis=0)  # (n, 3, 50, 50)
        colors = np.asarray(COLORS, dtype=np.float32)
        for rows, objects in self._from_far(places):
            cells = places[rows, objects]
            covers = self._covers[cells[:, 0], cells[:, 1]][:, None]  # (n, 1, 50, 50)
            shades = self._shades[cells[:, 0], cells[:, 1]][:, None]
            pictures *= 1 - covers
            pictures += shades * colors[objects][:, :, None, None]
        return pictures.round().astype(np.uint8)

    def masks(self, positions: Any) -> np.ndarray:
        """Which pixels show most of which block, (n, K, 2) -> (n, K, 50, 50) booleans."""
        places = self._boards(positions)
        shown = np.zeros((len(places), self.objects, PIXELS, PIXELS), dtype=bool)
        for rows, objects in self._from_far(places):
            cells = places[rows, objects]
            covers = self._covers[cells[:, 0], cells[:, 1]] > 0.5
            shown &= ~covers[:, None]
            shown[rows, objects] = covers
        return shown

    def _from_far(self, places: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each turn of the painter, all boards and the block that is painted next on each."""
        order = places.sum(axis=2).argsort(axis=1, kind="stable")  # equally far ones don't hide each other
        return [(np.arange(len(places)), order[:, turn]) for turn in range(self.objects)]

    def _project(self, point: Point) -> tuple[float, float]:
        """Where a point (row, column, height), in cells, is seen: (x, y) in pixels, y downwards."""
        row, column, height = point
        across, down = PIXELS / 2 / self.size, PIXELS * 0.36 / self.size  # for one cell
        return PIXELS / 2 + (column - row) * across, PIXELS * 0.21 + (row + column) * down - height * 1.6 * down

    def _fill(self, corners: list[Point]) -> np.ndarray:
        """How much of each pixel a convex face covers, (50, 50) from 0 to 1."""
        points = np.array([self._project(corner) for corner in corners])  # (corners, 2)
        y, x = (np.mgrid[0 : PIXELS * FINE, 0 : PIXELS * FINE] + 0.5) / FINE
        edges = np.roll(points, -1, axis=0) - points
        sides = [
            (x - px) * ey - (y - py) * ex  # on which side of the edge a point lies
            for (px, py), (ex, ey) in zip(points, edges, strict=True)
        ]
        inside = np.all([s >= 0 for s in sides], axis=0) | np.all([s < 0 for s in sides], axis=0)
        return inside.reshape(PIXELS, FINE, PIXELS, FINE).mean(axis=(1, 3), dtype=np.float32)

    def _paint_floor(self) -> np.ndarray:
        floor = np.zeros((PIXELS, PIXELS, 3), dtype=np.float32)
        for i in range(self.size):
            for j in range(self.size):
                covers = self._fill([(i, j, 0), (i, j + 1, 0), (i + 1, j + 1, 0), (i + 1, j, 0)])[:, :, None]
                floor = floor * (1 - covers) + covers * np.asarray(FLOOR[(i + j) % 2], dtype=np.float32)
        return floor

    def _paint_cells(self) -> tuple[np.ndarray, np.ndarray]:
        covers = np.zeros((self.size, self.size, PIXELS, PIXELS), dtype=np.float32)
        shades = np.zeros_like(covers)
        for i in range(self.size):
            for j in range(self.size):
                far, near, left, right = i + MARGIN, i + 1 - MARGIN, j + MARGIN, j + 1 - MARGIN
                faces: dict[str, list[Point]] = {
                    "top": [(far, left, HEIGHT), (far, right, HEIGHT), (near, right, HEIGHT), (near, left, HEIGHT)],
                    "left": [(near, left, 0), (near, right, 0), (near, right, HEIGHT), (near, left, HEIGHT)],
                    "right": [(far, right, 0), (near, right, 0), (near, right, HEIGHT), (far, right, HEIGHT)],
                }
                for name, corners in faces.items():
                    share = self._fill(corners)
                    covers[i, j] += share
                    shades[i, j] += share * FACES[name]
        return covers.clip(max=1), shades
