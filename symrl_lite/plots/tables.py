"""Tables with colours: Cayley tables, labels of grids, who depends on whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from symrl_lite.door import real_numbers, whole_numbers
from symrl_lite.plots.drawing import (
    BLUE,
    ORANGE,
)
from symrl_lite.plots.pictures import Picture, picture, required_text

__all__ = [
    "MAX_NAMED",
    "cayley_table",
    "cayley_tables",
    "draw_cayley_table",
    "draw_dependencies",
    "draw_grid_labels",
    "grid_labels",
    "mark_cell",
]

MAX_NAMED = 24  # elements whose names can be read in the cells of a table


def cayley_table(
    group: Any,
    highlight: tuple[Any, Any] | None = None,
    *,
    title: str | None = None,
    alt: str,
    names: Sequence[str] | None = None,
) -> Picture:
    """Picture of table[a, b] = ab: row a, column b; equal elements have equal colours.

    Args:
        group: a FiniteGroup, or a square table of integers that may be no group.
        highlight: a pair (a, b) of elements, whose product gets a thick frame.
        title: the finding; the group's name by default.
        alt: alternative text.
        names: names of the elements where `group` is a table.

    Raises:
        ValueError: a table that is not square, a number of names that does not fit, no alternative text.

    >>> from symrl_lite.groups import cyclic
    >>> cayley_table(cyclic(4), alt="Cayley table of C4: each row is the one above, moved by one.")
    [picture] Cayley table of C4: each row is the one above, moved by one.
    """
    table, _ = _table_and_names(group, names)
    side = 2.2 + 0.32 * min(len(table), 14)
    title = title or f"Cayley table of {getattr(group, 'name', None) or 'the operation'}"

    def draw(figure: Figure) -> None:
        draw_cayley_table(figure.subplots(), group, highlight, names)

    return picture(draw, alt=alt, title=title, figsize=(min(6.4, side + 0.4), min(6.4, side)))


def cayley_tables(groups: Sequence[Any], *, alt: str, title: str) -> Picture:
    """Cayley tables of several groups in rows of three, each under the group's name; long names become indices.

    Raises:
        ValueError: no group, no title or no alternative text.

    >>> from symrl_lite.groups import cyclic
    >>> cayley_tables([cyclic(2), cyclic(4)], title="Two tables", alt="Tables of C2 and C4, both symmetric.")
    [picture] Tables of C2 and C4, both symmetric.
    """
    if len(groups) == 0:
        raise ValueError("no groups were given, expected at least one")
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)

    def draw(figure: Figure) -> None:
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes, group in zip(grid, groups, strict=False):
            short = all(len(name) <= 4 for name in group.names)
            draw_cayley_table(axes, group, names=None if short else [str(g) for g in group])
            axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
            axes.set_title(group.name)
        for axes in grid[len(groups) :]:
            axes.set_axis_off()

    return picture(draw, alt=alt, title=required_text(title, "title"), figsize=(6.4, 2.4 * rows + 0.4))


def grid_labels(labels: Any, *, alt: str, title: str) -> Picture:
    """A whole number in each cell of a grid; equal numbers have equal colours.

    Args:
        labels: integers (rows, columns), 0 at least.
        alt: alternative text.
        title: the finding.

    Raises:
        ValueError: anything but a grid of integers from 0.

    >>> grid_labels([[0, 1], [1, 0]], title="Two kinds of cells", alt="Equal numbers lie on one diagonal.")
    [picture] Equal numbers lie on one diagonal.
    """
    numbers = np.asarray(labels)
    if numbers.ndim != 2 or numbers.size == 0 or numbers.dtype.kind not in "iu" or numbers.min() < 0:
        raise ValueError(
            f"labels have shape {numbers.shape} and dtype {numbers.dtype}, expected integers from 0 (n, m)"
        )

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        draw_grid_labels(axes, numbers)
        axes.set_xticks(range(numbers.shape[1]))
        axes.set_yticks(range(numbers.shape[0]))
        axes.set_xlabel("column")
        axes.set_ylabel("row")

    return picture(draw, alt=alt, title=required_text(title, "title"), figsize=(4.6, 4.6))


def draw_grid_labels(axes: Any, labels: np.ndarray) -> None:
    """Draw whole numbers from 0 in the cells of a grid; equal numbers have equal colours, no axes.

    Raises:
        TypeError: no numbers. ValueError: not (rows, columns), or numbers that are not whole or below 0.
    """
    labels = whole_numbers(labels, "labels")
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(f"labels have shape {labels.shape}, expected (rows, columns)")
    colors = _cell_colors(max(int(labels.max()) + 1, 3))[labels]  # (rows, columns, 3 or 4)
    axes.imshow(colors, interpolation="nearest")
    for (row, column), number in np.ndenumerate(labels):
        ink = "black" if colors[row, column, :3] @ (0.3, 0.6, 0.1) > 0.45 else "white"
        size = 14 if labels.shape[1] < 8 else 10
        axes.text(column, row, str(number), ha="center", va="center", fontsize=size, color=ink)
    axes.set_xticks([])
    axes.set_yticks([])


def draw_dependencies(axes: Any, parents: Sequence[Sequence[int]]) -> None:
    """Draw what the parts of a factored process depend on: queues and switches now, above the queues after a step.

    Args:
        axes: matplotlib axes.
        parents: for each part, the parts whose queue and switch decide what its queue is after a step.
    """
    n = len(parents)
    for i in range(n):
        for what, x, y, color in ((f"$q_{i}$", i - 0.2, 1, "#dceaf5"), (f"$a_{i}$", i + 0.2, 1, "#fbe3d3")):
            axes.text(x, y, what, ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": color})
        axes.text(i, 0, f"$q_{i}'$", ha="center", va="center", bbox={"boxstyle": "circle", "facecolor": "#dceaf5"})
        for parent in parents[i]:
            own = parent == i
            look = {"arrowstyle": "-|>", "color": BLUE if own else ORANGE, "linestyle": "-" if own else "--"}
            for x in (parent - 0.2, parent + 0.2):
                ends = {"xy": (i, 0.14), "xytext": (x, 0.86)}
                axes.annotate("", **ends, arrowprops=look | {"shrinkA": 2, "shrinkB": 2})
    axes.set_xlim(-0.6, n - 0.4)
    axes.set_ylim(-0.25, 1.25)
    axes.set_axis_off()


def draw_cayley_table(
    axes: Any, group: Any, highlight: tuple[Any, Any] | None = None, names: Sequence[str] | None = None
) -> None:
    """Draw a Cayley table: first the column's element acts, then the row's."""
    table, names = _table_and_names(group, names)
    n = len(table)
    known = (table >= 0) & (table < n)
    axes.imshow(_cell_colors(n)[np.where(known, table, n)], interpolation="nearest")
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_yticks([])
    if n <= MAX_NAMED:
        extent = axes.get_window_extent()
        cell = min(extent.width, extent.height) / n * 72 / axes.figure.dpi  # points
        longest = max(len(name) for name in names)
        size = min(12.0, 1.4 * cell / max(longest, 2))
        for a, b in np.ndindex(n, n) if size >= 5 else []:
            text = names[int(table[a, b])] if known[a, b] else str(table[a, b])
            axes.text(b, a, text, ha="center", va="center", fontsize=size)
        heading = float(np.clip(0.6 * cell, 4, 12))
        axes.set_xticks(range(n), names, fontsize=heading, rotation=0 if 0.62 * heading * longest < cell else 90)
        axes.set_yticks(range(n), names, fontsize=heading)
        axes.set_xticks(np.arange(n + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5 if n <= 12 else 0.5)
        axes.tick_params(which="both", length=0)
    axes.set_xlabel("b, acts first")
    axes.set_ylabel("a, acts second")
    if highlight is not None:
        a, b = (group.element(g) if hasattr(group, "element") else int(g) for g in highlight)
        mark_cell(axes, a, b)


def mark_cell(axes: Any, a: int, b: int) -> None:
    """A thick frame around the product ab."""
    for color, width in (("white", 7), ("black", 4)):
        frame: dict[str, Any] = {"fill": False, "edgecolor": color, "linewidth": width, "clip_on": False, "zorder": 5}
        axes.add_patch(Rectangle((b - 0.5, a - 0.5), 1, 1, **frame))


def _table_and_names(group: Any, names: Sequence[str] | None) -> tuple[np.ndarray, Sequence[str]]:
    """Table (n, n) and n names of a group, or of a table that may be no group."""
    table = real_numbers(getattr(group, "table", group), "the table of the group", kinds="biufcOUSMm", verb="has")
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.dtype.kind not in "iu" or len(table) == 0:
        raise ValueError(
            f"table has shape {table.shape} and dtype {table.dtype}, expected integers (n, n): a table, or a group"
        )
    chosen = names or getattr(group, "names", None) or [str(i) for i in range(len(table))]
    if len(chosen) != len(table):
        raise ValueError(f"{len(chosen)} names for a table of {len(table)} elements, expected one for each")
    return table, chosen


def _cell_colors(n: int) -> np.ndarray:
    """n light colours (n + 1, 3), dark text on each can be read; the last is for entries that are no element."""
    i = np.arange(n)
    hue = 2 * np.pi * (i / n)
    depth = 0.13 + 0.05 * (i % 3)
    rgb = np.stack([0.82 + depth * np.cos(hue - shift) for shift in (0, 2 * np.pi / 3, 4 * np.pi / 3)], axis=1)
    if n > MAX_NAMED:  # no text to be read: more contrast
        rgb = mpl.colormaps["viridis"](i / max(1, n - 1))[:, :3]
    return np.vstack([rgb, [[1.0, 1.0, 1.0]]]).clip(0, 1)
