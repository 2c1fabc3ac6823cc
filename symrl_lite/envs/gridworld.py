"""A square grid with a goal: the course's first process."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from gymnasium.spaces import Discrete

from symrl_lite.actions import MOVES, STEPS, Cell, GridState, on_cells, on_moves
from symrl_lite.door import a_cell, a_number, whole_number
from symrl_lite.envs._finite import FiniteEnv, Outcome
from symrl_lite.envs._pictures import SERVED, drawn, known_mode
from symrl_lite.groups import FiniteGroup, cyclic, dihedral
from symrl_lite.symmetry import Symmetry

__all__ = ["GridWorld"]


class GridWorld(FiniteEnv):
    """Walk on a size × size grid; reward 1 on entering the goal, which ends the episode, and 0 otherwise.

    Observations are state indices: free cells, counted row by row. Actions are up, left, down, right (0 to 3). A move
    into a wall or over the border stays where it is.

    Args:
        size: number of rows and of columns.
        goal: the goal's cell (row, column); by default the middle.
        walls: cells that can't be entered.
        slip: probability that the direction is drawn at random from all four.
        torus: whether opposite borders are joined.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: a cell outside of the grid, a goal in a wall, no free cell beside the goal, a slip outside [0, 1].

    >>> world = GridWorld(size=3, goal=(0, 0))
    >>> world.reset(options={"state": 1})[0], world.step(1)
    (np.int64(1), (np.int64(0), 1.0, True, False, {}))

    Source: after the grid worlds of Sutton & Barto 2018, Reinforcement Learning: An Introduction (chapters 3 and 4).
    """

    metadata = SERVED

    def __init__(
        self,
        size: int = 5,
        goal: Cell | None = None,
        walls: Iterable[Cell] = (),
        slip: float = 0.0,
        torus: bool = False,
        max_steps: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        size, max_steps, slip = (
            whole_number(size, "size"),
            whole_number(max_steps, "max_steps"),
            a_number(slip, "slip", 0, 1),
        )
        if not isinstance(walls, Iterable):
            raise TypeError(f"walls are {walls!r}, expected a list of cells (row, column)")
        self.goal = (size // 2, size // 2) if goal is None else a_cell(goal, "goal")
        self.walls = tuple(sorted({a_cell(wall, "a wall") for wall in walls}))
        GridState(size, goal=self.goal, walls=self.walls)  # refuses cells outside of the grid
        if self.goal in self.walls:
            raise ValueError(f"goal {self.goal} is a wall")
        self.size, self.slip, self.torus, self.max_steps = size, slip, torus, max_steps
        self.cells = [(i, j) for i in range(size) for j in range(size) if (i, j) not in self.walls]
        if len(self.cells) < 2:
            raise ValueError(f"a {size} × {size} grid with {len(self.walls)} walls has no free cell beside the goal")
        self._index = {cell: s for s, cell in enumerate(self.cells)}
        self.n_states = len(self.cells)
        self.action_names = MOVES
        self.terminal = frozenset({self._index[self.goal]})
        self.start_states = np.array([s for s in range(self.n_states) if s not in self.terminal])
        self.observation_space = Discrete(self.n_states)
        self.action_space = Discrete(4)

    def state_of(self, cell: Cell) -> int:
        """The index of a free cell.

        Raises:
            TypeError: no pair. ValueError: not two whole numbers from 0, or a cell that is not free.
        """
        cell = a_cell(cell, "cell")
        if cell not in self._index:
            raise ValueError(f"cell {cell} is not free")
        return self._index[cell]

    def view(self, state: int) -> GridState:
        """The state as it is drawn, for `plots.draw_gridworld`."""
        state = whole_number(state, "state", 0, self.n_states - 1)
        return GridState(self.size, self.cells[state], self.goal, self.walls)

    def picture(self) -> np.ndarray:
        """The grid as `plots.draw_gridworld` draws it, (rows, columns, 3)."""
        from symrl_lite.plots import draw_gridworld  # here, because it needs matplotlib

        return drawn(lambda axes: draw_gridworld(axes, self.view(self.state)))

    def outcomes(self, state: int, action: int) -> list[Outcome]:
        """Probability, next state and reward of all that can follow."""
        state, action = self._pair(state, action)
        if state in self.terminal:
            return [(1.0, state, 0.0)]
        chances = np.full(4, self.slip / 4)
        chances[action] += 1 - self.slip
        found = []
        for (rows, columns), chance in zip(STEPS, chances.tolist(), strict=True):
            if chance > 0:
                i, j = self.cells[state][0] + rows, self.cells[state][1] + columns
                cell = (i % self.size, j % self.size) if self.torus else (i, j)
                after = self._index.get(cell, state)
                found.append((chance, after, float(after in self.terminal)))
        return found

    def rotations(self) -> Symmetry:
        """C4: quarter turns about the middle of the grid; on a torus, about the goal.

        A symmetry of the process where goal and walls stay where they are: ask `audit`.

        Raises:
            ValueError: a turn takes a wall to a free cell, so it does not act on the states.
        """
        return self._symmetry(cyclic(4), "quarter turns of a grid world")

    def symmetries(self) -> Symmetry:
        """D4: quarter turns and flips, as `rotations`."""
        return self._symmetry(dihedral(4), "turns and flips of a grid world")

    def _symmetry(self, group: FiniteGroup, name: str) -> Symmetry:
        move = on_cells(group, self.size)
        states = np.empty((group.order, self.n_states), dtype=np.int64)
        for g in group:
            for s, (i, j) in enumerate(self.cells):
                if self.torus:
                    cell = _turn_about(group, g, (i, j), self.goal, self.size)
                else:
                    cell = move(g, (i, j))
                if cell not in self._index:
                    raise ValueError(f"{group.names[g]!r} takes the free cell {(i, j)} to the wall {cell}")
                states[g, s] = self._index[cell]
        return Symmetry(group, lambda g, s: states[g, s], on_moves(group), name)


def _turn_about(group: FiniteGroup, g: int, cell: Cell, center: Cell, size: int) -> Cell:
    """L_g about a cell of a torus."""
    flips, turns = divmod(group.element(g), 4)
    rows, columns = cell[0] - center[0], cell[1] - center[1]
    if flips:
        rows = -rows
    for _ in range(turns):
        rows, columns = -columns, rows
    return (center[0] + rows) % size, (center[1] + columns) % size
