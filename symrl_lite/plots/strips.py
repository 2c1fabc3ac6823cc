"""One number for each seed: dots in a row for each method, with the median, and a place for what never came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symrl_lite.door import real_numbers
from symrl_lite.plots.drawing import COLORS
from symrl_lite.plots.learning_curves import MARKERS
from symrl_lite.plots.pictures import Picture, picture, required_text

__all__ = ["dots"]


def dots(
    series: Mapping[str, Any],
    *,
    xlabel: str,
    title: str,
    alt: str,
    never: str = "never",
    log: bool = False,
    figsize: tuple[float, float] | None = None,
) -> Picture:
    """A row of dots for each method, one a seed, with a line at the median; infinite values stand at the right edge.

    Args:
        series: label -> values (seeds,), infinite where a seed never got there. The first stands at the top.
        xlabel: name and unit of the values.
        title: the finding.
        alt: alternative text.
        never: the name of the place for infinite values.
        log: logarithmic x axis.
        figsize: in inches; by default as high as the rows need.

    Raises:
        TypeError: no mapping, or no numbers. ValueError: no series, an empty one, NaN, or not one finite value.

    >>> dots({"with": [3.0, 4.0], "without": [9.0, np.inf]}, xlabel="episodes", title="Sooner", alt="Two rows of dots.")
    [picture] Two rows of dots.
    """
    if not isinstance(series, Mapping):
        raise TypeError(f"series is {series!r}, expected a mapping from labels to values (seeds,), such as a dict")
    data = {label: real_numbers(values, f"series {label!r}").astype(float) for label, values in series.items()}
    for label, values in data.items():
        if values.ndim != 1 or len(values) == 0 or np.isnan(values).any():
            raise ValueError(f"series {label!r} has shape {values.shape}, expected (seeds,) numbers, none of them NaN")
    finite = np.concatenate([values[np.isfinite(values)] for values in data.values()] or [np.empty(0)])
    if not len(finite):
        raise ValueError("series hold no finite value, expected at least one")
    edge = finite.max() * 1.4 if log else finite.max() + 0.12 * max(float(np.ptp(finite)), 1.0)
    some = any(np.isinf(values).any() for values in data.values())

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for k, values in enumerate(data.values()):
            at = np.where(np.isinf(values), edge, values)
            heights = k + _apart(at)
            look: dict[str, Any] = {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
            axes.plot(at, heights, linestyle="none", markersize=6, alpha=0.75, clip_on=False, **look)
            middle = float(np.median(at))
            axes.plot([middle, middle], [k - 0.34, k + 0.34], color="black", linewidth=2.2)
        axes.set_yticks(range(len(data)), [f"{label} ({len(values)})" for label, values in data.items()])
        axes.set_ylim(len(data) - 0.5, -0.5)
        if log:
            axes.set_xscale("log")
        if some:
            axes.axvline(edge / 1.18 if log else (finite.max() + edge) / 2, color="#555555", linewidth=1, linestyle=":")
            axes.text(edge, -0.42, never, ha="center", va="top", fontsize=9)
        axes.set_xlabel(f"{xlabel}\n(a bar at the median; numbers in brackets: seeds)")
        axes.grid(axis="x", color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)

    size = figsize or (6.4, 1.3 + 0.52 * len(data))
    return picture(draw, alt=alt, title=required_text(title, "title"), figsize=size)


def _apart(values: np.ndarray) -> np.ndarray:
    """Heights (n,) within ±0.3 that keep equal values apart."""
    heights = np.zeros(len(values))
    for value in np.unique(values):
        same = np.flatnonzero(values == value)
        heights[same] = np.linspace(-0.3, 0.3, len(same) + 2)[1:-1] if len(same) > 1 else 0.0
    return heights
