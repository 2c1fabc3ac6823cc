"""Figures for the chapters: each takes one call, has a title and alternative text, and can be read without colour.

Figures are drawn without pyplot, so that nothing is shown twice and no state stays behind. What a function returns is
a `Picture`, which JupyterLab, Colab and the static site show alike: a PNG on white, no wider than the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from symrl_lite._door import real_numbers, require_text, whole_numbers
from symrl_lite._drawing import (
    BLUE,
    COLORS,
    ORANGE,
    GridState,
    as_numbers,
    draw_bars,
    draw_cartpole,
    draw_gridworld,
    draw_image,
    draw_policy,
)
from symrl_lite._object_views import code_grids, draw_push, object_maps
from symrl_lite._picture import Picture, picture, required_text
from symrl_lite._plan_views import latent_graphs
from symrl_lite.equivariance import apply_action

__all__ = [
    "GridState",
    "Picture",
    "cayley_table",
    "cayley_tables",
    "code_grids",
    "commuting_square",
    "curves",
    "draw_bars",
    "draw_cartpole",
    "draw_cayley_table",
    "draw_dependencies",
    "draw_grid_labels",
    "draw_gridworld",
    "draw_image",
    "draw_policy",
    "draw_push",
    "grid_labels",
    "image_row",
    "latent_graphs",
    "object_maps",
    "picture",
]

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "*")
MAX_NAMED = 24  # elements whose names can be read in the cells of a table
Draw = Callable[[Any, Any], None]

# Percentiles of a band, and its name in the legend.
BANDS = {
    "range": ((0, 100), "smallest to largest"),
    "quartiles": ((25, 75), "middle half"),
    "95 %": ((2.5, 97.5), "95 %"),
}


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
    """Draw whole numbers from 0 in the cells of a grid; equal numbers have equal colours, no axes."""
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


def curves(
    x: Any,
    series: Mapping[str, Any],
    *,
    xlabel: str,
    ylabel: str,
    title: str,
    alt: str,
    band: Literal["range", "quartiles", "95 %"] = "range",
    of: str = "seeds",
    log: bool = False,
    log_x: bool = False,
    levels: Mapping[str, float] | None = None,
    figsize: tuple[float, float] = (6.4, 4.0),
    legend_below: bool = False,
) -> Picture:
    """Median over seeds against x, with an interval: all seeds, their middle half, or 95 % of them.

    Args:
        x: (T,).
        series: label -> values (seeds, T), or (T,) for values that depend on no seed.
        xlabel: name and unit of x.
        ylabel: name and unit of the values.
        title: the finding.
        alt: alternative text.
        band: "range" (smallest to largest seed), "quartiles" (the middle half) or "95 %" (for draws of a bootstrap).
        of: what the rows are, if they are no seeds.
        log: logarithmic y axis.
        log_x: logarithmic x axis.
        levels: label -> height of a horizontal line to compare with.
        figsize: in inches.
        legend_below: put the legend below the axes, where it covers no curve.

    Raises:
        ValueError: shapes that do not fit, no series or more than eight, an unknown band.

    >>> curves([0, 1, 2], {"built in": np.zeros((3, 3))}, xlabel="epoch", ylabel="error", title="Zero from the start",
    ...        alt="The error is zero at all times.")
    [picture] The error is zero at all times.
    """
    steps = as_numbers(x, "x")
    if steps.ndim != 1 or not 1 <= len(series) <= len(COLORS):
        raise ValueError(f"x has shape {steps.shape} and there are {len(series)} series, expected (T,) and 1 to 8")
    require_text(band, "band", tuple(BANDS))
    data = {label: as_numbers(values, f"series {label!r}") for label, values in series.items()}
    fixed = {label for label, values in data.items() if values.ndim == 1}  # no seeds
    data = {label: np.atleast_2d(values) for label, values in data.items()}
    for label, values in data.items():
        if values.ndim != 2 or values.shape[1] != len(steps) or len(values) == 0:
            raise ValueError(f"series {label!r} has shape {values.shape}, expected (seeds, {len(steps)})")

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ends, shown = BANDS[band]
        for k, (label, values) in enumerate(data.items()):
            low, middle, high = np.percentile(values, [ends[0], 50, ends[1]], axis=0)  # (T,) each
            seeds = "" if label in fixed else f" (1 {of[:-1]})" if len(values) == 1 else f" ({len(values)} {of})"
            look: dict[str, Any] = {"color": COLORS[k], "linestyle": LINES[k % len(LINES)], "marker": MARKERS[k]}
            every = max(1, len(steps) // 9)
            axes.plot(steps, middle, label=f"{label}{seeds}", markevery=every, markersize=6, linewidth=1.8, **look)
            axes.fill_between(steps, low, high, color=COLORS[k], alpha=0.18, linewidth=0)
        for label, level in (levels or {}).items():
            axes.axhline(level, color="black", linewidth=1.2, linestyle=(0, (1, 2)), label=label)
        if log:
            axes.set_yscale("log")
        if log_x:
            axes.set_xscale("log")
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.grid(color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        several = any(len(values) > 1 for values in data.values())
        heading = f"median, band: {shown} of the {of}" if several else None
        if legend_below:
            figure.legend(loc="outside lower center", ncols=2, title=heading, title_fontsize=10)
        else:
            axes.legend(title=heading, title_fontsize=10)

    return picture(draw, alt=alt, title=required_text(title, "title"), figsize=figsize)


def image_row(
    images: Sequence[Any],
    titles: Sequence[str],
    *,
    alt: str,
    title: str | None = None,
    draw: Draw = draw_image,
    figsize: tuple[float, float] | None = None,
) -> Picture:
    """Images (or other states, with their `draw`) side by side, each with a title of its own.

    Raises:
        ValueError: no image, another number of titles.

    >>> image_row([np.eye(3), np.eye(3)[::-1]], ["x", "s·x"], alt="A diagonal, and the same turned upside down.")
    [picture] A diagonal, and the same turned upside down.
    """
    if len(images) == 0 or len(images) != len(titles):
        raise ValueError(f"there are {len(images)} images and {len(titles)} titles, expected one title for each")
    limits: dict[str, float] = {}
    if draw is draw_image:  # one grey scale for all
        limits = {
            "vmin": min(float(as_numbers(image, "image").min()) for image in images),
            "vmax": max(float(as_numbers(image, "image").max()) for image in images),
        }
    columns = min(len(images), 6)
    rows = -(-len(images) // columns)

    def fill(figure: Figure) -> None:
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes, image, name in zip(grid, images, titles, strict=False):
            draw(axes, image, **limits)
            axes.set_title(name)
        for axes in grid[len(images) :]:
            axes.set_axis_off()

    return picture(fill, alt=alt, title=title, figsize=figsize or (6.4, rows * 6.4 / max(columns, 3) + 0.6))


def commuting_square(
    f: Callable[[Any], Any],
    x: Any,
    act_in: Any,
    act_out: Any,
    g: Any,
    *,
    alt: str,
    title: str | None = None,
    draw_in: Draw = draw_image,
    draw_out: Draw = draw_image,
    corners: Sequence[str] = ("x", "L_g x", "f(x)", "K_g f(x)", "f(L_g x)"),
    arrows: Sequence[str] = ("L_g", "K_g", "f"),
    nearly: float = 0.0,
) -> Picture:
    """The square that must commute, f(L_g x) = K_g f(x): x, L_g x, f(x), and both routes to the last corner.

    Args:
        f: a function of one state.
        x: a state.
        act_in: L, a Representation or a function (g, x) -> x.
        act_out: K, likewise, on the values of f.
        g: an element, as the actions take it.
        alt: alternative text.
        title: the finding; by default whether both routes agree, and by how much they do not.
        draw_in: draws a state on axes.
        draw_out: draws a value of f on axes; `draw_bars` for vectors.
        corners: what is written above x, L_g x, f(x), K_g f(x) and f(L_g x).
        arrows: what is written at the arrows L_g, K_g and f.
        nearly: a difference of at most this is drawn as ≈.

    >>> commuting_square(np.fliplr, np.eye(3), lambda g, x: x.T, lambda g, y: y.T, 1,
    ...                  alt="Mirroring and transposing, in both orders: the results differ.")
    [picture] Mirroring and transposing, in both orders: the results differ.
    """
    moved = apply_action(act_in, g, x)
    value, one_way = f(x), f(moved)
    other_way = apply_action(act_out, g, value)
    first, second = as_numbers(one_way, "f(L_g x)"), as_numbers(other_way, "K_g f(x)")
    if first.shape != second.shape:
        raise ValueError(f"f(L_g x) has shape {first.shape} and K_g f(x) has {second.shape}, expected the same")
    error = float(np.abs(first - second).max())
    agree = error <= 1e-5 * max(1.0, float(np.abs(first).max()))
    if title is None:
        title = "Both routes agree" if agree else f"The two routes differ by up to {error:.2g}"

    def draw(figure: Figure) -> None:
        grid = figure.add_gridspec(3, 5, height_ratios=[1, 0.25, 1], width_ratios=[1, 0.4, 1, 0.22, 1])
        parts = [(0, 0, x, draw_in), (0, 4, moved, draw_in), (2, 0, value, draw_out)]
        parts += [(2, 2, other_way, draw_out), (2, 4, one_way, draw_out)]
        for name, (row, column, what, draw_part) in zip(corners, parts, strict=True):
            axes = figure.add_subplot(grid[row, column])
            draw_part(axes, what)
            axes.set_title(f"${name}$")
        above, below, down = (f"${name}$" for name in arrows)
        _arrow(figure.add_subplot(grid[0, 1:4]), above, down=False)
        _arrow(figure.add_subplot(grid[2, 1]), below, down=False)
        _arrow(figure.add_subplot(grid[1, 0]), down, down=True)
        _arrow(figure.add_subplot(grid[1, 4]), down, down=True)
        between = figure.add_subplot(grid[2, 3])
        between.set_axis_off()
        between.text(0.5, 0.5, "=" if agree else "≈" if error <= nearly else "≠", fontsize=24, ha="center", va="center")

    return picture(draw, alt=alt, title=title, figsize=(6.4, 4.6))


def _arrow(axes: Any, label: str, down: bool) -> None:
    """An arrow with its label through axes of its own."""
    axes.set_axis_off()
    start, end = ((0.5, 1), (0.5, 0)) if down else ((0, 0.5), (1, 0.5))
    axes.annotate("", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "linewidth": 2, "color": "black"})
    if down:
        axes.text(0.56, 0.5, label, fontsize=14, ha="left", va="center")
    else:
        axes.text(0.5, 0.56, label, fontsize=14, ha="center", va="bottom")


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
