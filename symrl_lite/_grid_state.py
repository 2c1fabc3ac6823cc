"""A grid world as it is drawn: where the agent, the goal and the walls are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Cell", "GridState"]

Cell = tuple[int, int]  # (row, column), row 0 at the top


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
