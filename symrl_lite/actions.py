"""Actions of the rotations and flips of a square: on images, cells, drawn grid worlds, and the four moves of an agent.

All follow one convention: r turns counter-clockwise as `numpy.rot90` does, s swaps top and bottom, row 0 is at
the top, and g acts on the left, L_{gh} = L_g L_h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from symrl_lite._grid_state import Cell
from symrl_lite.groups import FiniteGroup, Representation, cyclic, dihedral, permutation

__all__ = ["MOVES", "STEPS", "on_cells", "on_grid_states", "on_images", "on_moves"]

MOVES = ("up", "left", "down", "right")  # counter-clockwise, so that r takes each to the next
STEPS = ((-1, 0), (0, -1), (1, 0), (0, 1))  # (rows, columns) of each


def on_images(group: FiniteGroup) -> Callable[[Any, np.ndarray], np.ndarray]:
    """L_{r^k s^f} x = rot90(flipud^f(x), k), on the last two axes (height, width) of an array.

    Args:
        group: `cyclic(4)` or `dihedral(4)`.

    Returns:
        A function (g, image) -> image, for images (..., height, width), with g an index or a name.

    Raises:
        ValueError: another group; or, when called, an image with fewer than two axes.

    >>> turn = on_images(cyclic(4))
    >>> turn("r", np.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]
    """
    _require_square_group(group)

    def act(g: Any, image: np.ndarray) -> np.ndarray:
        if np.ndim(image) < 2:
            raise ValueError(f"image has shape {np.shape(image)}, expected (..., height, width)")
        flips, turns = divmod(group.element(g), 4)
        flipped = np.flip(image, axis=-2) if flips else np.asarray(image)
        return np.rot90(flipped, turns, axes=(-2, -1)).copy()

    return act


def on_cells(group: FiniteGroup, size: int) -> Callable[[Any, Cell], Cell]:
    """Where cell (i, j) of a size × size grid goes: r sends it to (size − 1 − j, i), s to (size − 1 − i, j).

    Args:
        group: `cyclic(4)` or `dihedral(4)`.
        size: number of rows, equal to the number of columns.

    Returns:
        A function (g, (row, column)) -> (row, column). It moves cells as `on_images` moves the pixels in them.

    Raises:
        ValueError: another group, a size below 1; or, when called, a cell outside of the grid.

    >>> move = on_cells(dihedral(4), 5)
    >>> move("r", (0, 0)), move("s", (0, 0)), move("r2", (2, 2))
    ((4, 0), (4, 0), (2, 2))
    """
    _require_square_group(group)
    if size < 1:
        raise ValueError(f"size is {size}, expected at least 1")

    def act(g: Any, cell: Cell) -> Cell:
        row, column = cell
        if not (0 <= row < size and 0 <= column < size):
            raise ValueError(f"cell {cell} is outside of the {size} × {size} grid")
        flips, turns = divmod(group.element(g), 4)
        if flips:
            row = size - 1 - row
        for _ in range(turns):
            row, column = size - 1 - column, row
        return row, column

    return act


def on_grid_states(group: FiniteGroup, size: int) -> Callable[[Any, Any], Any]:
    """The action on a drawn grid world: agent, goal and walls all move as cells do.

    Args:
        group: `cyclic(4)` or `dihedral(4)`.
        size: number of rows and columns of the grid.

    Returns:
        A function (g, state) -> state, for `symrl_lite.plots.GridState` or any dataclass with the fields
        `agent`, `goal` and `walls`.
    """
    move = on_cells(group, size)

    def act(g: Any, state: Any) -> Any:
        cells = {
            field: None if getattr(state, field) is None else move(g, getattr(state, field))
            for field in ("agent", "goal")
        }
        return replace(state, **cells, walls=tuple(move(g, wall) for wall in state.walls))

    return act


def on_moves(group: FiniteGroup, stay: bool = False) -> Representation:
    """K_g on the values of the moves up, left, down, right: r takes up to left, s swaps up and down.

    Args:
        group: `cyclic(4)` or `dihedral(4)`.
        stay: whether there is a first action that stays where it is.

    Returns:
        A permutation representation of dimension 4, or 5 with `stay`.

    >>> on_moves(cyclic(4))("r").argmax(axis=0).tolist(), on_moves(dihedral(4), stay=True)("s").argmax(axis=0).tolist()
    ([1, 2, 3, 0], [0, 3, 2, 1, 4])
    """
    _require_square_group(group)
    images = []
    for g in group:
        flips, turns = divmod(g, 4)
        # s swaps up and down, which are 0 and 2, and leaves 1 and 3.
        moved = [((2 - a if flips else a) + turns) % 4 for a in (0, 1, 2, 3)]
        images.append([0, *(a + 1 for a in moved)] if stay else moved)
    return permutation(group, images)


def _require_square_group(group: FiniteGroup) -> None:
    if not (group == cyclic(4) or group == dihedral(4)):
        raise ValueError(
            f"group is {group.name or 'unnamed'} of order {group.order}, expected cyclic(4) or dihedral(4)"
        )
