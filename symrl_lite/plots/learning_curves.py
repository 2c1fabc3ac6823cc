"""Learning curves of many seeds, with their bands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from symrl_lite.door import require_text
from symrl_lite.plots.drawing import (
    COLORS,
    as_numbers,
)
from symrl_lite.plots.pictures import Picture, picture, required_text

__all__ = ["BANDS", "LINES", "MARKERS", "curves"]

LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "*")
# Percentiles of a band, and its name in the legend.
BANDS = {
    "range": ((0, 100), "smallest to largest"),
    "quartiles": ((25, 75), "middle half"),
    "95 %": ((2.5, 97.5), "95 %"),
}


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
