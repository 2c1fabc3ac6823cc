"""Actions of the rotations and flips of a square: on images, cells, drawn grid worlds, and the four moves of an agent.

All follow one convention: r turns counter-clockwise as `numpy.rot90` does, s swaps top and bottom, row 0 is at
the top, and g acts on the left, L_{gh} = L_g L_h. Which element of a group is which turn, `square_elements` says for
all of them and for the convolutions.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrl_lite.groups import FiniteGroup, Representation, cyclic, dihedral, permutation

__all__ = [
    "MOVES",
    "STEPS",
    "Cell",
    "GridState",
    "on_cells",
    "on_grid_states",
    "on_images",
    "on_moves",
    "square_elements",
]

Cell = tuple[int, int]  # (row, column), row 0 at the top
MOVES = ("up", "left", "down", "right")  # counter-clockwise, so that r takes each to the next
STEPS = ((-1, 0), (0, -1), (1, 0), (0, 1))  # (rows, columns) of each
_SQUARE = dihedral(4)


@dataclass(frozen=True)
class GridState:
    """A square grid world to be drawn: cells are (row, column), row 0 at the top.

    Args:
        size: number of rows and of columns.
        agent: the agent's cell, or None.
        goal: the goal's cell, or None.
        walls: cells that cannot be entered.

    Raises:
        ValueError: a size that is no whole number from 1, or a cell that is no pair of whole numbers in the grid.

    >>> GridState(5, agent=(0, 1), goal=(4, 4)).agent
    (0, 1)
    """

    size: int
    agent: Cell | None = None
    goal: Cell | None = None
    walls: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        """Validate the fields."""
        if isinstance(self.size, bool) or not isinstance(self.size, int | np.integer) or self.size < 1:
            raise ValueError(f"size is {self.size!r}, expected a whole number, at least 1")
        named = [("agent", self.agent), ("goal", self.goal), *(("walls", cell) for cell in self.walls)]
        for what, cell in named:
            if cell is None and what != "walls":
                continue
            whole = isinstance(cell, tuple) and len(cell) == 2 and all(isinstance(i, int | np.integer) for i in cell)
            if cell is None or not (whole and all(0 <= i < self.size for i in cell)):
                raise ValueError(f"{what} has cell {cell!r}, expected (row, column) from 0 to {self.size - 1}")


def square_elements(group: FiniteGroup) -> tuple[int, ...]:
    """For each element of the group, k + 4 f for the r^k s^f of `dihedral(4)` that it stands for.

    Elements that all have names of `dihedral(4)` (`e, r, r2, r3, s, rs, r2s, r3s`) are those, if they multiply so.
    Other names say nothing: then a group with the table of `cyclic(4)` or `dihedral(4)` is that group, element by
    element.

    Args:
        group: `cyclic(4)`, `dihedral(4)`, a subgroup of it such as dihedral(4).subgroup(["s"]), or one of these under
            other names.

    Raises:
        ValueError: another group, or names that contradict the table. TypeError: no group.

    >>> square_elements(dihedral(4).subgroup(["s"])), square_elements(cyclic(4))
    ((0, 4), (0, 1, 2, 3))
    """
    if not isinstance(group, FiniteGroup):
        raise TypeError(f"group is {group!r}, expected a FiniteGroup such as cyclic(4)")
    meant = [_SQUARE.names.index(name) if name in _SQUARE.names else None for name in group.names]
    said = tuple(g for g in meant if g is not None)
    if len(said) == group.order:
        places = np.array(said)
        if np.array_equal(_SQUARE.table[np.ix_(places, places)], places[group.table]):
            return said
    elif group in (cyclic(4), _SQUARE) and all(g in (None, 0, k) for k, g in enumerate(meant)):
        return tuple(range(group.order))
    raise ValueError(
        f"group is {group.name or 'unnamed'} of order {group.order}, expected cyclic(4), dihedral(4) or a subgroup of "
        f'dihedral(4), such as dihedral(4).subgroup(["s"]); its elements are {", ".join(group.names[:8])}'
        + (", and these names contradict its table" if said else "")
    )


def on_images(group: FiniteGroup) -> Callable[[Any, Any], Any]:
    """L_{r^k s^f} x = rot90(flipud^f(x), k), on the last two axes (height, width) of an array or a tensor.

    Args:
        group: `cyclic(4)`, `dihedral(4)` or a subgroup of it: see `square_elements`.

    Returns:
        A function (g, image) -> image, for images (..., height, width), with g an index or a name. An array gives an
        array, a torch tensor a tensor of the same dtype and device; both share no memory with what was given.

    Raises:
        ValueError: another group; or, when called, an image with fewer than two axes.

    >>> turn = on_images(cyclic(4))
    >>> turn("r", np.array([[1, 2], [3, 4]])).tolist()
    [[2, 4], [1, 3]]

    Source: NumPy's rot90 and flipud, whose directions these are.
    """
    elements = square_elements(group)

    def act(g: Any, image: Any) -> Any:
        torch = sys.modules.get("torch")
        tensor = torch is not None and isinstance(image, torch.Tensor)
        try:
            shape = tuple(image.shape) if tensor else np.shape(image)
        except ValueError:
            raise ValueError("image has rows of different lengths, expected (..., height, width)") from None
        if len(shape) < 2:
            raise ValueError(f"image has shape {shape}, expected (..., height, width)")
        flips, turns = divmod(elements[group.element(g)], 4)
        if torch is not None and tensor:
            flipped = image.flip(-2) if flips else image
            return torch.rot90(flipped, turns, dims=(-2, -1)).clone(memory_format=torch.contiguous_format)
        image = np.asarray(image)
        return np.rot90(np.flip(image, axis=-2) if flips else image, turns, axes=(-2, -1)).copy()

    return act


def on_cells(group: FiniteGroup, size: int) -> Callable[[Any, Cell], Cell]:
    """Where cell (i, j) of a size × size grid goes: r sends it to (size − 1 − j, i), s to (size − 1 − i, j).

    Args:
        group: `cyclic(4)`, `dihedral(4)` or a subgroup of it: see `square_elements`.
        size: number of rows, equal to the number of columns.

    Returns:
        A function (g, (row, column)) -> (row, column). It moves cells as `on_images` moves the pixels in them.

    Raises:
        ValueError: another group, a size that is no whole number from 1; or, when called, a cell that is not two whole
            numbers, or lies outside of the grid.

    >>> move = on_cells(dihedral(4), 5)
    >>> move("r", (0, 0)), move("s", (0, 0)), move("r2", (2, 2))
    ((4, 0), (4, 0), (2, 2))
    """
    elements = square_elements(group)
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"size is {size!r}, expected a whole number, at least 1")

    def act(g: Any, cell: Cell) -> Cell:
        if (
            not isinstance(cell, Sequence | np.ndarray)
            or len(cell) != 2
            or not all(isinstance(i, int | np.integer) for i in cell)
        ):
            raise ValueError(f"cell is {cell!r}, expected (row, column), two whole numbers")
        row, column = cell
        if not (0 <= row < size and 0 <= column < size):
            raise ValueError(f"cell {cell} is outside of the {size} × {size} grid")
        flips, turns = divmod(elements[group.element(g)], 4)
        if flips:
            row = size - 1 - row
        for _ in range(turns):
            row, column = size - 1 - column, row
        return row, column

    return act


def on_grid_states(group: FiniteGroup, size: int) -> Callable[[Any, Any], Any]:
    """The action on a drawn grid world: agent, goal and walls all move as cells do.

    Args:
        group: `cyclic(4)`, `dihedral(4)` or a subgroup of it: see `square_elements`.
        size: number of rows and columns of the grid.

    Returns:
        A function (g, state) -> state, for `symrl_lite.plots.GridState` or any dataclass with the fields
        `agent`, `goal` and `walls`.

    Raises:
        TypeError: when called, a state without agent, goal and walls.

    >>> on_grid_states(cyclic(4), size=3)("r", GridState(3, agent=(0, 0))).agent
    (2, 0)
    """
    move = on_cells(group, size)

    def act(g: Any, state: Any) -> Any:
        if not all(hasattr(state, field) for field in ("agent", "goal", "walls")):
            raise TypeError(f"state is {state!r}, expected a GridState, with an agent, a goal and walls")
        cells = {
            field: None if getattr(state, field) is None else move(g, getattr(state, field))
            for field in ("agent", "goal")
        }
        return replace(state, **cells, walls=tuple(move(g, wall) for wall in state.walls))

    return act


def on_moves(group: FiniteGroup, stay: bool = False) -> Representation:
    """K_g on the values of the moves up, left, down, right: r takes up to left, s swaps up and down.

    Args:
        group: `cyclic(4)`, `dihedral(4)` or a subgroup of it: see `square_elements`.
        stay: whether there is a first action that stays where it is.

    Returns:
        A permutation representation of dimension 4, or 5 with `stay`.

    >>> on_moves(cyclic(4))("r").argmax(axis=0).tolist(), on_moves(dihedral(4), stay=True)("s").argmax(axis=0).tolist()
    ([1, 2, 3, 0], [0, 3, 2, 1, 4])
    """
    images = []
    for g in square_elements(group):
        flips, turns = divmod(g, 4)
        # s swaps up and down, which are 0 and 2, and leaves 1 and 3.
        moved = [((2 - a if flips else a) + turns) % 4 for a in (0, 1, 2, 3)]
        images.append([0, *(a + 1 for a in moved)] if stay else moved)
    return permutation(group, images)
