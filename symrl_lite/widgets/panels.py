"""`panel`: sliders over the numbers of a state, live on any policies; on the static page a prepared part of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from symrl_lite.plots import draw_bars, picture
from symrl_lite.plots.drawing import BLUE, ORANGE
from symrl_lite.widgets.flipbooks import flipbook
from symrl_lite.widgets.prepared import Slider

__all__ = ["panel"]


def panel(
    policies: Mapping[str, Callable[[Any], Any]],
    symmetry: Any,
    ranges: Mapping[str, tuple[float, float]],
    state: Callable[..., Any],
    draw: Callable[[Any, Any], Any],
    action_names: Sequence[str],
    title: str,
    *,
    move: Any = 1,
    stops: int = 5,
    prepared: int = 2,
) -> Any:
    """A state from sliders beside its image under one move, and for each policy π(x) with the policy it would need.

    Bars are π(x); diamonds are K_g⁻¹ π(L_g x), the policy of the moved state, moved back. With a kernel these are
    ipywidgets sliders over all numbers, and the policies are asked anew each time. On the static page, where such a
    slider would do nothing, the first `prepared` numbers have prepared sliders, and the others stay at 0.

    Args:
        policies: by name, state -> probabilities (n_actions,).
        symmetry: a Symmetry.
        ranges: smallest and largest value of each number.
        state: state(**numbers) makes the state.
        draw: draw(axes, state).
        action_names: n_actions names.
        title: of the panel.
        move: the group element g.
        stops: values of each prepared slider.
        prepared: how many of the numbers are prepared.

    Returns:
        What the cell shows as its value, or None where ipywidgets shows it already.

    Raises:
        ValueError: no policies or no ranges.
    """
    if not policies or not ranges:
        raise ValueError("policies or ranges are empty, expected at least one of each")
    g = symmetry.group.element(move)
    back = symmetry.group.inverse(g)

    def both(name: str, x: Any) -> tuple[np.ndarray, np.ndarray]:
        there = policies[name](symmetry.act_on_state(g, x))
        return np.asarray(policies[name](x)), np.asarray(symmetry.act_on_action_values(back, there))

    def paint(figure: Any, **numbers: Any) -> None:
        x = state(**dict.fromkeys(ranges, 0.0) | {name: float(value) for name, value in numbers.items()})
        rows = figure.subfigures(2, 1, height_ratios=[1.2, 1])
        top, bottom = rows[0].subplots(1, 2), rows[1].subplots(1, len(policies), squeeze=False)[0]
        for axes, shown, label in zip(
            top, (x, symmetry.act_on_state(g, x)), ("state $x$", "moved, $L_g x$"), strict=True
        ):
            draw(axes, shown)
            axes.set_title(label)
        for axes, name in zip(bottom, policies, strict=True):
            here, expected = both(name, x)
            agree = np.abs(here - expected).max() < 1e-3
            draw_bars(axes, here, action_names, expected=expected, color=BLUE if agree else ORANGE)
            axes.set_title(name)
            axes.set_ylim(0, 1.05)

    def words(**numbers: Any) -> str:
        x = state(**dict.fromkeys(ranges, 0.0) | {name: float(value) for name, value in numbers.items()})
        said = []
        for name in policies:
            here, expected = both(name, x)
            text = ", ".join(
                f"{action} {p:.2f} (moved back {q:.2f})"
                for action, p, q in zip(action_names, here, expected, strict=True)
            )
            said.append(f"{name}: {text}")
        return ", ".join(f"{name} {value}" for name, value in numbers.items()) + ". " + "; ".join(said) + "."

    if os.environ.get("SYMRL_STATIC") == "1":
        sliders = {
            name: Slider([f"{value:.2f}" for value in np.linspace(low, high, stops)])
            for name, (low, high) in islice(ranges.items(), prepared)
        }
        return flipbook(paint, sliders, words, title, figsize=(5.6, 4.6))

    import ipywidgets

    def show(**numbers: float) -> Any:
        return picture(lambda figure: paint(figure, **numbers), alt=words(**numbers), title=title, figsize=(5.6, 4.8))

    ipywidgets.interact(
        show,
        **{
            name: ipywidgets.FloatSlider(
                value=(low + 2 * high) / 3, min=low, max=high, step=(high - low) / 40, continuous_update=False
            )
            for name, (low, high) in ranges.items()
        },
    )
    return None
