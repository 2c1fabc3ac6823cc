"""`fold`: a grid world and its image side by side, with the policies of a cell, of its image and of its moved cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from symrl_lite.actions import STEPS, GridState
from symrl_lite.plots import draw_bars, draw_gridworld
from symrl_lite.plots.drawing import BLUE, COLORS
from symrl_lite.plots.pictures import house_style, rgb
from symrl_lite.widgets.flipbooks import DPI, prepare, stack
from symrl_lite.widgets.prepared import Buttons, Prepared, Slider

__all__ = ["fold"]

LETTERS = "abcdefgh"
SIGNS = "↑←↓→"  # of up, left, down, right
ARROW = 0.62  # of a cell
WIDTH = 6.6  # inches


def fold(world: Any, homomorphism: Any, symmetry: Any, title: str | None = None) -> Prepared:
    """A cell s, its image σ(s) and the moved cell L_g s, each with its optimal policy.

    Arrows in the grids are coloured and lettered by the image action α_s(a) to which they are sent.

    Args:
        world: a GridWorld whose start states are at most 24 cells.
        homomorphism: of `world.tabular()`, for example its quotient.
        symmetry: moves the states of `world`; at most 8 elements.
        title: name of the widget.

    Returns:
        What the cell shows as its value: controls "row", "column" and "move".

    Raises:
        ValueError: walls, or more than 400 combinations of a cell and a move.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> from symrl_lite.homomorphism import quotient
    >>> world = GridWorld(3)
    >>> shown = fold(world, quotient(world.tabular(), world.rotations()), world.rotations())
    >>> shown.caption(row=0, column=1, move="r")
    'Cell (0, 1) is in a block of 4 cells. Left, π: up 0.00, left 0.00, down 1.00, right 0.00. Middle, the image:
    a 0.00, b 0.00, c 1.00, d 0.00. Right, r takes the cell to (1, 0), π there: up 0.00, left 0.00, down 0.00,
    right 1.00, which is K_g π.'
    """
    if world.walls:
        raise ValueError(
            f"the world has {len(world.walls)} walls, expected none: every choice of row and column is a cell"
        )
    view = _Views(world, homomorphism, symmetry)
    labels = [str(i) for i in range(world.size)]
    middle = Slider(labels)
    controls = {"row": middle, "column": middle, "move": Buttons(list(symmetry.group.names))}

    def caption(row: str, column: str, move: str) -> str:
        return view.caption(world.state_of((int(row), int(column))), symmetry.group.element(move))

    def pixels(row: str, column: str, move: str) -> np.ndarray:
        return view.pixels(world.state_of((int(row), int(column))), symmetry.group.element(move))

    title = title or f"{homomorphism.ground.n_states} states, {homomorphism.image.n_states} image states"
    return prepare(pixels, controls, caption, title)


class _Views:
    """The pieces of the pictures, each drawn once."""

    def __init__(self, world: Any, homomorphism: Any, symmetry: Any) -> None:
        from symrl_lite.mdp import value_iteration  # here, so that other widgets do without SciPy

        self.world, self.h, self.symmetry = world, homomorphism, symmetry
        self.small = value_iteration(homomorphism.image).policy
        self.large = homomorphism.lift(self.small)
        self.first = [int(np.argmax(homomorphism.state_map == b)) for b in range(homomorphism.image.n_states)]
        self.kept: dict[Any, np.ndarray] = {}

    def moved(self, s: int, g: int) -> int:
        return int(self.symmetry.act_on_state(g, s))

    def caption(self, s: int, g: int) -> str:
        block, there = int(self.h.state_map[s]), self.moved(s, g)
        expected = self.symmetry.act_on_action_values(g, self.large[s])
        same = "which is" if np.allclose(self.large[there], expected) else "which is not"
        n = int((self.h.state_map == block).sum())
        letters = LETTERS[: int(self.h.image.available[block].sum())]
        return (
            f"Cell {self.world.cells[s]} is in a block of {n} cell{'s' if n > 1 else ''}. "
            f"Left, π: {_text(self.world.action_names, self.large[s])}. "
            f"Middle, the image: {_text(letters, self.small[block])}. "
            f"Right, {self.symmetry.group.names[g]} takes the cell to {self.world.cells[there]}, "
            f"π there: {_text(self.world.action_names, self.large[there])}, {same} K_g π."
        )

    def pixels(self, s: int, g: int) -> np.ndarray:
        block, there = int(self.h.state_map[s]), self.moved(s, g)
        expected = self.symmetry.act_on_action_values(g, self.large[s])
        with house_style():
            heads = [self._head("cell $s$"), self._head("image $\\sigma(s)$")]
            heads.append(self._head(f"$L_g\\,s$, g = {self.symmetry.group.names[g]}"))
            grids = [self._grid(s), self._image(block), self._grid(there)]
            bars = [
                self._bars("π(s)", s, None),
                self._image_bars(block),
                self._bars("π(L_g s), ◆ K_g π(s)", there, tuple(expected)),
            ]
        return stack([np.hstack(row) for row in (heads, grids, bars)])

    def _keep(self, key: Any, draw: Any, height: float) -> np.ndarray:
        if key not in self.kept:
            figure = Figure(figsize=(WIDTH / 3, height), dpi=DPI)
            draw(figure)
            self.kept[key] = rgb(figure)
        return self.kept[key]

    def _head(self, text: str) -> np.ndarray:
        def draw(figure: Figure) -> None:
            figure.text(0.5, 0.4, text, ha="center", va="center", fontsize=12, fontweight="bold")

        return self._keep(("head", text), draw, 0.3)

    def _grid(self, s: int) -> np.ndarray:
        def draw(figure: Figure) -> None:
            axes = figure.add_axes((0.03, 0.02, 0.94, 0.96))
            block = np.flatnonzero(self.h.state_map == self.h.state_map[s])
            self._cells(axes, block, "#dceaf5")
            draw_gridworld(axes, GridState(self.world.size, goal=self.world.goal))
            self._actions(axes, s, [int(a) for a in self.h.action_map[s]], STEPS)

        return self._keep(("grid", s), draw, WIDTH / 3)

    def _image(self, block: int) -> np.ndarray:
        def draw(figure: Figure) -> None:
            axes = figure.add_axes((0.03, 0.02, 0.94, 0.96))
            state = self.first[block]
            self._cells(axes, self.first, "white")  # an image state lies where the first cell of its block lies
            self._cells(axes, [state], "#dceaf5")
            draw_gridworld(axes, GridState(self.world.size, goal=self._goal()), lines=False)
            sent = [int(a) for a in self.h.action_map[state]]
            arrows = [STEPS[sent.index(b)] for b in range(int(self.h.image.available[block].sum()))]
            self._actions(axes, state, list(range(len(arrows))), arrows)

        return self._keep(("image", block), draw, WIDTH / 3)

    def _goal(self) -> tuple[int, int]:
        goal = self.world.state_of(self.world.goal)
        return tuple(self.world.cells[self.first[int(self.h.state_map[goal])]])

    def _cells(self, axes: Any, states: Any, color: str) -> None:
        for s in states:
            i, j = self.world.cells[s]
            square = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=color, edgecolor="#999999", linewidth=0.8)
            axes.add_patch(square)

    def _actions(self, axes: Any, s: int, letters: list[int], steps: Any) -> None:
        """An arrow for each action, lettered and coloured by its image action."""
        i, j = self.world.cells[s]
        for b, (down, right) in zip(letters, steps, strict=True):
            tip = (j + ARROW * right, i + ARROW * down)
            look = {"arrowstyle": "-|>", "color": COLORS[b], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", xy=tip, xytext=(j, i), arrowprops=look)
            side = (j + 0.6 * right + 0.24 * abs(down), i + 0.6 * down - 0.24 * abs(right))
            axes.text(*side, LETTERS[b], color=COLORS[b], ha="center", va="center", fontweight="bold", fontsize=13)
        axes.plot([j], [i], "o", color=BLUE, markeredgecolor="black", markersize=9)
        axes.set_xlim(-0.75, self.world.size - 0.25)
        axes.set_ylim(self.world.size - 0.25, -0.75)

    def _bars(self, what: str, s: int, expected: tuple[float, ...] | None) -> np.ndarray:
        def draw(figure: Figure) -> None:
            axes = figure.add_axes((0.17, 0.2, 0.8, 0.62))
            draw_bars(axes, self.large[s], SIGNS, expected)
            axes.set_ylim(0, 1.08)
            axes.set_title(_mathematics(what))

        key = ("bars", what, s, None if expected is None else tuple(np.round(expected, 9)))
        return self._keep(key, draw, 1.5)

    def _image_bars(self, block: int) -> np.ndarray:
        def draw(figure: Figure) -> None:
            axes = figure.add_axes((0.17, 0.2, 0.8, 0.62))
            n = int(self.h.image.available[block].sum())
            draw_bars(axes, self.small[block][:n], list(LETTERS[:n]))
            axes.set_ylim(0, 1.08)
            axes.set_title("$\\bar\\pi(\\sigma(s))$")

        return self._keep(("image bars", block), draw, 1.5)


def _mathematics(what: str) -> str:
    return {"π(s)": "$\\pi(s)$"}.get(what, "$\\pi(L_g s)$, ◆ $K_g\\pi(s)$")


def _text(names: Any, values: np.ndarray) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in zip(names, values, strict=False))
