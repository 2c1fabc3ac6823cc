"""What slots of a world model look at, and what they say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symrl_lite.plots.pictures import Picture, picture

__all__ = ["RIGHT", "WRONG", "code_grids", "draw_push", "object_maps"]

RIGHT, WRONG = "#009e73", "#d55e00"


def object_maps(pictures: Any, maps: Any, *, names: Sequence[str], alt: str, title: str) -> Picture:
    """Each picture beside its feature maps, white where a map is 1.

    Args:
        pictures: (n, 3, height, width), whole numbers from 0 to 255.
        maps: (n, K, rows, columns), from 0 to 1.
        names: K, of the maps.
        alt: alternative text.
        title: the finding.

    Raises:
        ValueError: another number of maps than of names or pictures.

    >>> object_maps(np.zeros((2, 3, 10, 10)), np.zeros((2, 1, 5, 5)), names=["one"], title="Dark", alt="Nothing.")
    [picture] Nothing.
    """
    seen, found = np.asarray(pictures), np.asarray(maps)
    if found.ndim != 4 or found.shape[:2] != (len(seen), len(names)):
        raise ValueError(f"maps have shape {found.shape}, expected ({len(seen)}, {len(names)}, rows, columns)")

    def draw(figure: Any) -> None:
        axes = figure.subplots(len(seen), 1 + len(names), squeeze=False)
        for row, image, values in zip(axes, seen, found, strict=True):
            row[0].imshow(image.transpose(1, 2, 0).astype(np.uint8))
            for cell, value in zip(row[1:], values, strict=True):
                cell.imshow(value, vmin=0, vmax=1, cmap="gray")
            for cell in row:
                cell.set_xticks([])
                cell.set_yticks([])
        for cell, name in zip(axes[0], ("picture", *names), strict=True):
            cell.set_title(name, fontsize=10)

    return picture(draw, title=title, alt=alt, figsize=(1.15 * (1 + len(names)), 1.25 * len(seen) + 0.4))


def code_grids(codes: Any, states: Any, *, names: Sequence[str], alt: str, title: str) -> Picture:
    """For each object a panel: the mean code of every cell it can lie in, neighbouring cells joined by a line.

    L and R mark the upper left and the upper right cell.

    Args:
        codes: (n, K, 2).
        states: (n, K, 2), row and column of each object.
        names: K, of the panels.
        alt: alternative text.
        title: the finding.

    Raises:
        ValueError: codes of another dimension than 2, or shapes that differ.

    >>> places = np.array([[[i, j]] for i in range(2) for j in range(2)])
    >>> code_grids(places, places, names=["it"], title="A square", alt="Four points, joined.")
    [picture] Four points, joined.
    """
    z, places = np.asarray(codes), np.asarray(states)
    if z.shape != places.shape or z.ndim != 3 or z.shape[2] != 2 or z.shape[1] != len(names):
        raise ValueError(f"codes have shape {z.shape} and states {places.shape}, expected (n, {len(names)}, 2) twice")

    def draw(figure: Any) -> None:
        size = int(places.max()) + 1
        for axes, k in zip(np.ravel(figure.subplots(1, len(names), squeeze=False)), range(len(names)), strict=True):
            means = {
                (i, j): z[own, k].mean(axis=0)
                for i in range(size)
                for j in range(size)
                if (own := (places[:, k] == (i, j)).all(axis=1)).any()
            }
            axes.plot(*z[:, k].T, ".", color="#bbbbbb", markersize=2, zorder=0)
            for (i, j), here in means.items():
                for other, style in (((i + 1, j), "-"), ((i, j + 1), "--")):
                    if other in means:
                        axes.plot(*zip(here, means[other], strict=True), style, color="#0072b2", linewidth=1.2)
            for corner, letter in (((0, 0), "L"), ((0, size - 1), "R")):  # of the upper row
                if corner in means:
                    box = {"boxstyle": "circle,pad=0.15", "facecolor": "white", "edgecolor": "black"}
                    axes.text(*means[corner], letter, ha="center", va="center", fontsize=8, bbox=box, clip_on=True)
            axes.set(title=names[k], xticks=[], yticks=[])

    return picture(draw, title=title, alt=alt, figsize=(1.7 * len(names), 2.3))


def draw_push(axes: Any, image: Any, start: Any, end: Any, cell: int = 10) -> None:
    """A board, and an arrow from the middle of one cell to a place, in cells.

    Args:
        axes: matplotlib axes.
        image: (3, height, width), whole numbers from 0 to 255.
        start: row and column of a cell.
        end: row and column of where the arrow ends; need not be whole.
        cell: pixels of a cell.
    """
    axes.imshow(np.asarray(image).transpose(1, 2, 0).astype(np.uint8))
    axes.set_xticks([])
    axes.set_yticks([])
    (i, j), (row, column) = (np.asarray(place, dtype=float) * cell + (cell - 1) / 2 for place in (start, end))
    if np.hypot(row - i, column - j) > cell / 5:
        arrow = {"arrowstyle": "-|>", "linewidth": 2.5, "color": "white", "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", xy=(column, row), xytext=(j, i), arrowprops=arrow)
    axes.plot(j, i, "o", color="white", markersize=5)
