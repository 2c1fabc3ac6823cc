"""Rows of images, and the commuting square."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symrl_lite.equivariance import apply_action
from symrl_lite.plots.drawing import (
    as_numbers,
    draw_image,
)
from symrl_lite.plots.pictures import Picture, picture

__all__ = ["Draw", "commuting_square", "image_row"]

Draw = Callable[[Any, Any], None]


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

    Raises:
        ValueError: both routes end in different shapes, or no alternative text.

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
