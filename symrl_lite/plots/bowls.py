"""The bowl from above: where a point went, with the forces that moved it, and where it was to go."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Circle

from symrl_lite.door import a_number
from symrl_lite.plots.drawing import COLORS, as_numbers

__all__ = ["draw_bowl"]


def draw_bowl(
    axes: Any,
    path: Any,
    goal: Any,
    forces: Any = None,
    *,
    color: str = COLORS[0],
    marker: str = "o",
    label: str | None = None,
    radius: float = 0.12,
    mirror: float | None = None,
) -> None:
    """Draw positions in the bowl, x to the right and y upwards, with the goal as a circle and forces as arrows.

    Args:
        axes: matplotlib axes; drawn on twice, they show two paths.
        path: (T, 2), the positions; a large mark stands at the last one.
        goal: (2,).
        forces: (T − 1, 2) or fewer, an arrow at each position from which it acts; or None.
        color: of path, goal and forces.
        marker: of the last position, so that two paths are told apart without colour.
        label: for a legend.
        radius: of the goal.
        mirror: the angle of a line through the middle, in radians, which is drawn dashed; or None.

    Raises:
        ValueError: other shapes, or numbers that are not finite.
    """
    places, middle = as_numbers(path, "path"), as_numbers(goal, "goal")
    if places.ndim != 2 or places.shape[1:] != (2,) or len(places) == 0 or middle.shape != (2,):
        raise ValueError(f"path has shape {places.shape} and goal {middle.shape}, expected (T, 2) and (2,)")
    radius = a_number(radius, "radius", above=0)
    mirror = None if mirror is None else a_number(mirror, "mirror")
    axes.add_patch(Circle((0, 0), 1.2, facecolor="#f4f1ea", edgecolor="#555555", linewidth=1.5, zorder=0))
    axes.plot(0, 0, marker="+", color="#555555", markersize=8, zorder=1)
    if mirror is not None:
        along = 1.3 * np.array([np.cos(mirror), np.sin(mirror)])
        axes.plot(*np.stack([-along, along]).T, color="#555555", linewidth=1.3, linestyle=(0, (5, 3)), zorder=1)
    axes.add_patch(Circle(tuple(middle), radius, facecolor="none", edgecolor=color, linewidth=2, zorder=2))
    axes.plot(*places.T, color=color, linewidth=1.6, marker=".", markersize=3, label=label, zorder=3)
    axes.plot(*places[-1], marker=marker, color=color, markeredgecolor="white", markersize=10, zorder=4)
    if forces is not None:
        arrows = as_numbers(forces, "forces")
        if arrows.ndim != 2 or arrows.shape[1:] != (2,) or len(arrows) > len(places):
            raise ValueError(f"forces have shape {arrows.shape}, expected (T, 2) with T up to {len(places)}")
        start = places[: len(arrows)]
        axes.quiver(
            *start.T, *arrows.T, color=color, angles="xy", scale_units="xy", scale=5, width=0.006, alpha=0.75, zorder=3
        )
    axes.set_xlim(-1.32, 1.32)
    axes.set_ylim(-1.32, 1.32)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
