"""Latent graphs and the values of a plan, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from symrl_lite.actions import STEPS
from symrl_lite.plots.drawing import ORANGE
from symrl_lite.plots.pictures import Picture, picture, required_text

__all__ = ["PATH", "SEEN", "SHADES", "draw_latent_graph", "draw_room_values", "latent_graphs", "oblique"]

SHADES = 9  # of values; few colours keep the frames small
SEEN = 0.01  # share of the largest value from which a value is drawn: a softmax leaks a little everywhere
PATH = "#d4380d"


def oblique(latents: Any, up: Any = None, lift: float = 1.6) -> np.ndarray:
    """Points (n, 2) to draw latents (n, dimension): the first two principal directions, raised by the third.

    The third direction is scaled so that it raises by `lift` times the spread of the second; where numbers `up` (n,)
    are given, the points with large ones come to lie above.
    """
    z = np.asarray(latents, dtype=np.float64)
    z = z - z.mean(axis=0)
    directions = np.linalg.svd(z, full_matrices=False)[2][:3]
    # Singular vectors have no sign: take the one whose largest entry is positive, so that runs agree.
    directions = (
        directions * np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])[:, None]
    )
    along = z @ directions.T  # (n, 3 or fewer)
    if along.shape[1] < 3 or along[:, 2].std() < 1e-3 * max(along[:, 1].std(), 1e-12):
        return along[:, :2]
    raised = along[:, 2] / along[:, 2].std() * along[:, 1].std() * lift
    if up is not None and np.asarray(up, dtype=float) @ along[:, 2] < 0:
        raised = -raised
    return np.stack([along[:, 0], 0.55 * along[:, 1] + raised], axis=1)


def draw_latent_graph(axes: Any, points: np.ndarray, moves: Any, values: Any, **marks: Any) -> None:
    """Points (n, 2) joined where a move leads from one to the other, coloured by values from 0 to 1.

    Args:
        axes: matplotlib axes.
        points: (n, 2).
        moves: (n, actions), where each action leads.
        values: (n,), from 0 to 1.
        marks: path, a list of points to walk along; start and goal, one point each.
    """
    table = np.asarray(moves)
    edges = np.stack([np.repeat(np.arange(len(table)), table.shape[1]), table.ravel()], axis=1)
    axes.add_collection(LineCollection(list(points[edges]), colors="#c8c8c8", linewidths=0.8, zorder=1))
    path = list(marks.get("path", []))
    if len(path) > 1:
        axes.plot(*points[path].T, color=PATH, linewidth=2.6, zorder=2)
    axes.scatter(*points.T, c=[_shade(v) for v in values], s=42, edgecolors="#404040", linewidths=0.7, zorder=3)
    if marks.get("start") is not None:
        axes.plot(*points[[marks["start"]]].T, "o", color="#222222", markersize=9, zorder=4)
    if marks.get("goal") is not None:
        x, y = points[marks["goal"]]
        axes.plot([x], [y], marker="*", color=ORANGE, markeredgecolor="black", markersize=17, zorder=4)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#cccccc")


def draw_room_values(axes: Any, room: Any, key: bool, values: Any, **marks: Any) -> None:
    """The room with the key on the floor, or gone; cells coloured by the values of their places, from 0 to 1.

    Args:
        axes: matplotlib axes.
        room: a Room.
        key: whether the key lies on the floor.
        values: (places,), from 0 to 1.
        marks: path, a list of places; start and goal, a place each; actions, (places,), −1 for no arrow.
    """
    side = 8
    cells = {room.places[p][1]: p for p in range(room.n_places) if room.places[p][0][0] == key}
    colors = np.full((side, side, 3), 0x55, dtype=np.uint8)  # the walls
    for cell in room.cells:
        colors[cell] = _rgb(values[cells[cell]]) if cell in cells else 255
    axes.imshow(colors, interpolation="nearest")
    for k in range(side - 1):
        axes.plot([0.5, side - 1.5], [k + 0.5] * 2, color="#999999", linewidth=0.6)
        axes.plot([k + 0.5] * 2, [0.5, side - 1.5], color="#999999", linewidth=0.6)
    actions = marks.get("actions")
    if actions is not None:
        arrows = [(j, i, *STEPS[int(actions[p])][::-1]) for (i, j), p in cells.items() if actions[p] >= 0]
        if arrows:
            x, y, right, down = np.array(arrows, dtype=float).T
            look: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1.6, "pivot": "middle"}
            axes.quiver(x, y, right, down, color="#222222", width=0.012, headwidth=4.5, **look)
    walked = [room.places[p] for p in marks.get("path", [])]
    path = [cell for floor, cell in walked if floor[0] == key]
    if key:  # up to the key, which is gone when the robot is there
        path += [cell for floor, cell in walked if not floor[0]][:1]
    if len(path) > 1:
        axes.plot([j for _, j in path], [i for i, _ in path], color=PATH, linewidth=2.6)
    if key:
        i, j = room.objects[0]
        axes.text(j, i, "key", ha="center", va="center", fontsize=10, fontweight="bold")
    start, goal = marks.get("start"), marks.get("goal")
    if start is not None and room.places[start][0][0] == key:
        axes.plot(*room.places[start][1][::-1], "o", color="#222222", markersize=9)
    if goal is not None and room.places[goal][0][0] == key:
        i, j = room.places[goal][1]
        axes.plot([j], [i], marker="*", color=ORANGE, markeredgecolor="black", markersize=17)
    axes.set_xlim(-0.5, side - 0.5)
    axes.set_ylim(side - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_axis_off()


def latent_graphs(
    latents: Mapping[str, Any],
    moves: Any,
    values: Any,
    *,
    alt: str,
    title: str,
    columns: int = 2,
    up: Any = None,
    labels: Mapping[int, str] | None = None,
) -> Picture:
    """Latents of several encoders as graphs: points joined by moves, each panel on a scale of its own.

    Args:
        latents: title of a panel -> (n, dimension).
        moves: (n, actions), where each action leads.
        values: (n,), from 0 to 1, the colours; the same points have the same colours in all panels.
        alt: alternative text.
        title: the finding.
        columns: panels side by side.
        up: (n,), numbers; points with large ones come to lie above.
        labels: row of a point -> what is written beside it.

    >>> corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.0]])
    >>> latent_graphs({"a": corners, "b": 2 * corners}, [[1], [2], [3], [0]], np.zeros(4), title="Two squares",
    ...               alt="Two squares of four points.")
    [picture] Two squares of four points.
    """
    rows = -(-len(latents) // columns)

    def draw(figure: Figure) -> None:
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes, (name, z) in zip(grid, latents.items(), strict=False):
            points = oblique(z, up)
            draw_latent_graph(axes, points, moves, values)
            for row, text in (labels or {}).items():
                look: dict[str, Any] = {
                    "boxstyle": "round,pad=0.15",
                    "facecolor": "white",
                    "edgecolor": "none",
                    "alpha": 0.8,
                }
                axes.annotate(text, points[row], (5, 5), textcoords="offset points", fontsize=9, bbox=look, zorder=5)
            axes.margins(0.12)
            axes.set_title(name)
        for axes in grid[len(latents) :]:
            axes.set_axis_off()

    return picture(draw, alt=alt, title=required_text(title, "title"), figsize=(6.6, 3.4 * rows + 0.3))


def _rgb(value: float) -> tuple[int, int, int]:
    """White to blue in a few steps; anything above 0 is told from 0."""
    level = 0 if value <= SEEN else 1 + min(SHADES - 2, int(value * (SHADES - 1)))
    red, green, blue = (round(255 - level / (SHADES - 1) * (255 - c)) for c in (0x1F, 0x78, 0xC8))
    return red, green, blue


def _shade(value: float) -> str:
    return "#{:02x}{:02x}{:02x}".format(*_rgb(value))
