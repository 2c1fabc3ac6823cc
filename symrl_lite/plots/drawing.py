"""Drawings of states on matplotlib axes: images, grid worlds, the CartPole, and bars for vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.patches import Circle, Polygon, Rectangle

from symrl_lite.actions import Cell, GridState

__all__ = [
    "COLORS",
    "as_numbers",
    "describe_state",
    "draw_bars",
    "draw_cartpole",
    "draw_gridworld",
    "draw_image",
    "draw_policy",
]

# Okabe and Ito's palette, told apart with every kind of colour vision; darker where text or thin lines need it.
COLORS = ("#0072b2", "#d55e00", "#007a5a", "#a63d7c", "#6b6b00", "#3a3a3a", "#2f7fbf", "#a04000")
BLUE, ORANGE = COLORS[:2]


def as_numbers(values: Any, what: str) -> np.ndarray:
    """Finite numbers as an array of floats, of the same shape; lists and torch tensors are welcome.

    Raises:
        ValueError: entries that are no finite numbers.
    """
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu().numpy()
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biufO":  # texts and dates could be made into numbers
            raise TypeError
        array = given.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} is {str(values)[:60]}, expected numbers in an array") from None
    if not np.isfinite(array).all():
        raise ValueError(f"{what} holds NaN or infinity, expected finite numbers")
    return array


def describe_state(state: Any) -> str:
    """What a drawing of the state shows, in words; empty for images and whatever else has no short description.

    >>> describe_state(GridState(5, agent=(4, 1), goal=(2, 2)))
    'agent in row 4, column 1; goal in row 2, column 2'
    >>> describe_state((0.8, 0.3, 0.15, 0.2))
    '(0.8, 0.3, 0.15, 0.2)'
    """
    if isinstance(state, GridState):
        named = [("agent", state.agent), ("goal", state.goal), *(("wall", wall) for wall in state.walls)]
        return "; ".join(f"{what} in row {cell[0]}, column {cell[1]}" for what, cell in named if cell is not None)
    if np.ndim(state) == 1 and len(state) <= 8 and not isinstance(state, dict):
        numbers = as_numbers(state, "state") + 0.0  # turns −0 into 0
        return "(" + ", ".join(f"{number:.3g}" for number in numbers) + ")"
    return ""


def draw_image(axes: Any, image: Any, vmin: float | None = None, vmax: float | None = None, cmap: str = "gray") -> None:
    """Draw an image, row 0 at the top.

    Args:
        axes: matplotlib axes.
        image: (height, width), (1, height, width) or (3, height, width); colours from 0 to 1.
        vmin: value shown as black; the smallest of the image by default.
        vmax: value shown as white; the largest of the image by default.
        cmap: name of matplotlib's colour map for images of one channel.

    Raises:
        ValueError: another shape, or entries that are no finite numbers.
    """
    pixels = as_numbers(image, "image")
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = np.moveaxis(pixels, 0, -1)  # (height, width, channels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3) or pixels.size == 0:
        raise ValueError(f"image has shape {np.shape(image)}, expected (height, width) or (1 or 3, height, width)")
    if pixels.ndim == 3:
        axes.imshow(pixels.clip(0, 1), interpolation="nearest")
    else:
        axes.imshow(pixels, cmap=cmap, vmin=vmin, vmax=vmax, interpolation="nearest")
    _bare(axes)


def draw_gridworld(axes: Any, state: GridState, lines: bool = True) -> None:
    """Draw a grid world: the agent is a disc with a face, the goal a star, walls are hatched; `lines` between cells.

    Raises:
        TypeError: a state that is no GridState.
    """
    if not isinstance(state, GridState):
        raise TypeError(f"state is {str(state)[:60]}, expected a GridState")
    n = state.size
    for i in range(n + 1 if lines else 0):
        axes.plot([-0.5, n - 0.5], [i - 0.5, i - 0.5], color="#999999", linewidth=0.8)
        axes.plot([i - 0.5, i - 0.5], [-0.5, n - 0.5], color="#999999", linewidth=0.8)
    for row, column in state.walls:
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="#555555", edgecolor="#cccccc", hatch="///", linewidth=0))
    if state.goal is not None:
        angles = np.pi * np.arange(10) / 5
        radii = np.where(np.arange(10) % 2 == 0, 0.42, 0.17)
        star = np.stack([state.goal[1] + radii * np.sin(angles), state.goal[0] - radii * np.cos(angles)], axis=1)
        axes.add_patch(Polygon(star, facecolor="#e69f00", edgecolor="black", linewidth=1))
    if state.agent is not None:
        row, column = state.agent
        axes.add_patch(Circle((column, row), 0.3, facecolor=BLUE, edgecolor="black", linewidth=1))
        for side in (-0.1, 0.1):
            axes.add_patch(Circle((column + side, row - 0.08), 0.045, facecolor="white"))
    axes.set_xlim(-0.55, n - 0.45)
    axes.set_ylim(n - 0.45, -0.55)
    axes.set_aspect("equal")
    _bare(axes, frame=False)


def draw_policy(axes: Any, world: Any, policy: Any, marked: Cell | None = None) -> None:
    """Draw a grid world with an arrow for each action, longer for a larger probability.

    Args:
        axes: matplotlib axes.
        world: a GridWorld.
        policy: probabilities (S, 4) of up, left, down, right.
        marked: a cell to be hatched.
    """
    if marked is not None:
        corner = (marked[1] - 0.5, marked[0] - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, facecolor="#cfe3f2", edgecolor=BLUE, hatch="///", linewidth=0))
    draw_gridworld(axes, GridState(world.size, goal=world.goal, walls=world.walls))
    for s in world.start_states:
        i, j = world.cells[s]
        for probability, (down, right) in zip(policy[s], ((-1, 0), (0, -1), (1, 0), (0, 1)), strict=True):
            if probability > 0.01:
                length = 0.22 + 0.23 * probability
                tip = (j + length * right, i + length * down)
                look = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.4, "shrinkA": 0, "shrinkB": 0}
                axes.annotate("", xy=tip, xytext=(j, i), arrowprops=look)


def draw_cartpole(axes: Any, state: Any) -> None:
    """Draw a CartPole state (x, ẋ, θ, θ̇), Gymnasium's order: θ > 0 leans right; arrows are the velocities.

    Args:
        axes: matplotlib axes.
        state: 4 numbers: position in metres, velocity, angle in radians, angular velocity.

    Raises:
        ValueError: anything but 4 finite numbers.
    """
    numbers = as_numbers(state, "state")
    if numbers.shape != (4,):
        raise ValueError(f"state has shape {numbers.shape}, expected 4 numbers: x, velocity, angle, angular velocity")
    x, velocity, angle, spin = numbers.tolist()
    axes.plot([-2.6, 2.6], [0, 0], color="#555555", linewidth=1)
    axes.plot([0, 0], [-0.08, 0.08], color="#555555", linewidth=1)
    axes.add_patch(Rectangle((x - 0.4, 0), 0.8, 0.4, facecolor="#444444", edgecolor="black"))
    tip = np.array([x + 1.6 * np.sin(angle), 0.4 + 1.6 * np.cos(angle)])
    axes.plot([x, tip[0]], [0.4, tip[1]], color="#b06a2c", linewidth=7, solid_capstyle="round")
    axes.plot([x], [0.4], marker="o", color="white", markeredgecolor="black", markersize=6)
    arrow = {"arrowstyle": "-|>", "linewidth": 2.2, "mutation_scale": 14, "color": BLUE, "shrinkA": 0, "shrinkB": 0}
    if velocity:
        end = x + float(np.clip(velocity, -1.5, 1.5))
        axes.annotate("", xy=(end, -0.35), xytext=(x, -0.35), arrowprops=arrow)
    if spin:
        along = np.array([np.cos(angle), -np.sin(angle)]) * float(np.clip(spin, -1.0, 1.0))
        axes.annotate("", xy=tuple(tip + along), xytext=tuple(tip), arrowprops=arrow)
    axes.set_xlim(-2.7, 2.7)
    axes.set_ylim(-0.7, 2.5)
    axes.set_aspect("equal")
    _bare(axes, frame=False)


def draw_bars(
    axes: Any, values: Any, names: Sequence[str] | None = None, expected: Any = None, color: str = BLUE
) -> None:
    """Draw a vector as bars; `expected` is marked by diamonds.

    Args:
        axes: matplotlib axes.
        values: numbers (n,).
        names: n labels below the bars.
        expected: numbers (n,) to compare with, or None.
        color: of the bars.

    Raises:
        ValueError: anything but a vector, or another number of names or of expected values.
    """
    heights = as_numbers(values, "values")
    if heights.ndim != 1:
        raise ValueError(f"values have shape {heights.shape}, expected a vector (n,)")
    places = np.arange(len(heights))
    axes.bar(places, heights, width=0.62, color=color, edgecolor="black", linewidth=0.6)
    if expected is not None:
        marks = as_numbers(expected, "expected")
        if marks.shape != heights.shape:
            raise ValueError(f"expected has shape {marks.shape}, values have {heights.shape}: give one for each bar")
        axes.plot(places, marks, "D", color="#e69f00", markeredgecolor="black", markersize=8, clip_on=False)
    if names is not None and not hasattr(names, "__len__"):
        raise TypeError(f"names is {names!r}, expected {len(heights)} strings")
    if names is not None and len(names) != len(heights):
        raise ValueError(f"{len(names)} names for {len(heights)} values, expected one for each")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(places if len(places) <= 16 else [])
    if len(places) <= 16:
        axes.set_xticklabels(names if names is not None else [str(i) for i in places])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _bare(axes: Any, frame: bool = True) -> None:
    """No ticks; a thin frame or none."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(frame)
        spine.set_color("#777777")
