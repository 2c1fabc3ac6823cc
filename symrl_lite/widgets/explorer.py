"""Widgets that answer at once, with a kernel and without: every picture is drawn beforehand, and a control picks one.

What `flipbook`, `explore` and the others return is shown as the value of a cell. With a kernel it is an ipywidget (made
with anywidget); the same output holds a `text/html` twin, which needs no kernel, no widget manager and no network. With
SYMRL_STATIC=1 in the environment, as when the site is built, the output is the twin alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symrl_lite.equivariance import apply_action
from symrl_lite.plots import draw_bars, draw_cayley_table, draw_image
from symrl_lite.plots.drawing import ORANGE, as_numbers, describe_state
from symrl_lite.plots.pictures import house_style, rgb
from symrl_lite.widgets.flipbooks import DPI, flipbook, prepare, stack
from symrl_lite.widgets.prepared import Buttons, Prepared, Slider

__all__ = ["compose", "explore"]


def explore(
    policy: Callable[[Any], Any] | Mapping[str, Callable[[Any], Any]] | None,
    symmetry: Any,
    states: Any,
    draw: Callable[[Any, Any], Any] = draw_image,
    action_names: Sequence[str] | None = None,
    state_names: Sequence[str] | None = None,
    title: str | None = None,
    *,
    describe: Callable[[Any], str] = describe_state,
    figsize: tuple[float, float] | None = None,
) -> Prepared:
    """x beside L_g x, and below them π(x) beside π(L_g x), on which diamonds mark K_g π(x).

    Args:
        policy: state -> probabilities or values of the actions (n_actions,); several by name, to choose from; None
            shows the states alone.
        symmetry: a Symmetry: its group, L_g on states and K_g on action values.
        states: a list of states, as `policy` and `draw` take them.
        draw: draw(axes, state), for example draw_image, draw_gridworld or draw_cartpole.
        action_names: n_actions names; numbers by default.
        state_names: one name for each state; "1", "2", ... by default.
        title: name of the widget; a sentence about the group by default.
        describe: a state in words, for the text alternative; by default grid worlds and short vectors have one.
        figsize: in inches.

    Returns:
        What the cell shows as its value: controls "policy" and "state" (where there is more than one) and "move".

    Raises:
        ValueError: no states, a number of names that does not fit, a policy that is no vector of finite numbers or has
            another length for another state. TypeError: a `symmetry` that is none.

    >>> from symrl_lite.groups import cyclic, regular
    >>> from symrl_lite.symmetry import Symmetry
    >>> mirror = Symmetry(cyclic(2), lambda g, x: x[:, ::-1] if g else x, regular(cyclic(2)), "mirror")
    >>> shown = explore(lambda x: x.mean(axis=0), mirror, [np.eye(2)], action_names=["left", "right"])
    >>> shown.caption(move="r")
    'Move r. π(x): left 0.50, right 0.50. π(L_g x): left 0.50, right 0.50. K_g π(x) is the same (largest difference
    0.00).'
    """
    if not all(hasattr(symmetry, name) for name in ("group", "act_on_state", "act_on_action_values")):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry, with its group and its actions")
    policies = dict(policy) if isinstance(policy, Mapping) else {"": policy}
    for given in policies.values():
        if not callable(given) and not (given is None and policy is None):
            raise TypeError(f"policy is {given!r}, expected a function of a state, or None")
    group, states = symmetry.group, list(states)
    if not states:
        raise ValueError("states is empty, expected at least one state")
    if not policies:
        raise ValueError("policy is empty, expected at least one by name")
    labels = [str(name) for name in state_names] if state_names is not None else _numbers(len(states))
    if len(labels) != len(states):
        raise ValueError(f"{len(labels)} state_names for {len(states)} states, expected one for each")
    values = {name: _Values(given, symmetry, states, action_names) for name, given in policies.items()}
    first = next(iter(values))
    if policy is not None:  # one scale for all
        low, high = zip(*(shown.limits for shown in values.values()), strict=True)
        for shown in values.values():
            shown.limits = (min(low), max(high))

    def caption(move: str, state: str = labels[0], policy: str = first) -> str:
        where = f"State {state}, move {move}" if len(states) > 1 else f"Move {move}"
        where = f"{policy}: {where}" if len(policies) > 1 else where
        k, g = labels.index(state), group.element(move)
        before, after = describe(states[k]), describe(symmetry.act_on_state(g, states[k]))
        words = f" Left, x: {before}. Right, L_g x: {after}." if before or after else ""
        if policies[policy] is not None:
            return f"{where}.{words} {values[policy].caption(k, g)}"
        return f"{where}.{words or ' On the left the state x, on the right the moved state L_g x.'}"

    def picture(figure: Any, move: str, state: str = labels[0], policy: str = first) -> None:
        k, g = labels.index(state), group.element(move)
        x = states[k]
        rows = 1 if policies[policy] is None else 2
        panels = figure.subplots(rows, 2, squeeze=False, height_ratios=[1.6, 1][:rows])
        draw(panels[0, 0], x)
        draw(panels[0, 1], symmetry.act_on_state(g, x))
        panels[0, 0].set_title("state $x$")
        panels[0, 1].set_title(f"$L_g\\,x$, g = {move}")
        if rows > 1:
            values[policy].draw(panels[1], k, g)

    controls: dict[str, Any] = {"policy": Buttons(list(policies))} if len(policies) > 1 else {}
    if len(states) > 1:
        controls["state"] = Buttons(labels)
    controls["move"] = Buttons(list(group.names)) if group.order <= 24 else Slider(list(group.names))
    title = title or (f"{symmetry.name or group.name}: move a state" + ("" if policy is None else " and its policy"))
    return flipbook(
        picture, controls, caption, title, figsize=figsize or ((5.6, 2.9) if policy is None else (5.6, 4.7))
    )


class _Values:
    """π(x), π(L_g x) and K_g π(x) for all states and elements, computed and checked once."""

    def __init__(self, policy: Any, symmetry: Any, states: list[Any], names: Sequence[str] | None) -> None:
        self.policy = policy
        if policy is None:
            return
        group = symmetry.group
        self.here = [self._vector(policy(x), f"policy(states[{k}])") for k, x in enumerate(states)]
        n = len(self.here[0])
        self.names = [str(name) for name in names] if names is not None else [str(a) for a in range(n)]
        if len(self.names) != n:
            raise ValueError(f"{len(self.names)} action_names for {n} action values, expected one for each")
        self.there, self.expected = {}, {}
        for (k, x), g in product(enumerate(states), range(group.order)):
            moved = symmetry.act_on_state(g, x)
            what = f"of states[{k}] moved by {group.names[g]!r}"
            self.there[k, g] = self._vector(policy(moved), f"policy {what}")
            self.expected[k, g] = self._vector(symmetry.act_on_action_values(g, self.here[k]), f"K_g π(x) {what}")
        for what, vector in (
            *((f"policy(states[{k}])", v) for k, v in enumerate(self.here)),
            *((f"policy of states[{k}] moved by {group.names[g]!r}", v) for (k, g), v in self.there.items()),
            *((f"K_g π(x) of states[{k}] for {group.names[g]!r}", v) for (k, g), v in self.expected.items()),
        ):
            if len(vector) != n:
                raise ValueError(f"{what} has {len(vector)} entries, expected {n} as for states[0]")
        everything = np.concatenate([*self.here, *self.there.values(), *self.expected.values()])
        room = 0.08 * max(float(np.ptp([0.0, *everything])), 1e-9)
        self.limits = (min(0.0, float(everything.min()) - room), max(0.0, float(everything.max()) + room))

    @staticmethod
    def _vector(values: Any, what: str) -> np.ndarray:
        vector = as_numbers(values, what)
        if vector.ndim != 1 or len(vector) == 0:
            raise ValueError(f"{what} has shape {vector.shape}, expected (n_actions,)")
        return vector

    def _difference(self, k: int, g: int) -> tuple[bool, str]:
        """Whether π(L_g x) = K_g π(x) up to rounding, and the largest difference as text."""
        difference = float(np.abs(self.there[k, g] - self.expected[k, g]).max())
        agree = difference <= 1e-5 * max(1.0, float(np.abs(self.expected[k, g]).max()))
        return agree, "0.00" if agree else f"{difference:.2f}" if difference >= 0.01 else f"{difference:.1e}"

    def caption(self, k: int, g: int) -> str:
        agree, difference = self._difference(k, g)
        verdict = "is the same" if agree else f"differs: {self._text(self.expected[k, g])}"
        return (
            f"π(x): {self._text(self.here[k])}. π(L_g x): {self._text(self.there[k, g])}. "
            f"K_g π(x) {verdict} (largest difference {difference})."
        )

    def _text(self, vector: np.ndarray) -> str:
        return ", ".join(f"{name} {value:.2f}" for name, value in zip(self.names, vector, strict=True))

    def draw(self, panels: Any, k: int, g: int) -> None:
        agree, difference = self._difference(k, g)
        draw_bars(panels[0], self.here[k], self.names)
        there = self.there[k, g]
        draw_bars(panels[1], there, self.names, expected=self.expected[k, g], color="#0072b2" if agree else ORANGE)
        panels[0].set_title("$\\pi(x)$")
        panels[1].set_title("$\\pi(L_g x)$, ◆ $K_g\\pi(x)$")
        panels[1].set_xlabel("they agree" if agree else f"they differ by {difference}", fontweight="bold")
        panels[0].set_xlabel(" ")
        for axes in panels:
            axes.set_ylim(*self.limits)
            if sum(len(name) for name in self.names) > 34:
                axes.tick_params(axis="x", labelrotation=90)


def compose(
    group: Any,
    action: Any,
    state: Any,
    draw: Callable[[Any, Any], Any],
    title: str | None = None,
    *,
    figsize: tuple[float, float] = (5.6, 5.6),
) -> Prepared:
    """Two moves, one after the other: x, h·x, g·(h·x), and the product gh in the Cayley table.

    Args:
        group: a FiniteGroup of at most 20 elements.
        action: a Representation or a function (g, x) -> x, with g an index.
        state: the state x.
        draw: draw(axes, state).
        title: name of the widget.
        figsize: in inches.

    Returns:
        What the cell shows as its value: controls "first" (h) and "then" (g).

    Raises:
        ValueError: a group of more than 20 elements.

    >>> from symrl_lite.groups import cyclic
    >>> shown = compose(cyclic(2), lambda g, x: x[::-1] if g else x, np.eye(2), draw_image)
    >>> shown.caption(first="r", then="r")
    'First r, then r: together they are the one move e. In the table, row r and column r hold e.'
    """
    if group.order > 20:
        raise ValueError(
            f"{group.name} has {group.order} elements, expected at most 20: a row of buttons holds no more"
        )
    names = list(group.names)
    once = [apply_action(action, h, state) for h in range(group.order)]

    def caption(first: str, then: str) -> str:
        both = names[group.multiply(then, first)]
        return (
            f"First {first}, then {then}: together they are the one move {both}. "
            f"In the table, row {then} and column {first} hold {both}."
        )

    # Drawn in pieces, each as seldom as possible: 64 whole figures would take a minute, their pieces a second or two.
    def panel(what: Any, name: str) -> np.ndarray:
        figure = Figure(figsize=(width / 3, height * 0.33), dpi=DPI)
        axes = figure.add_axes((0.06, 0.02, 0.88, 0.8))
        draw(axes, what)
        axes.set_title(name)
        return rgb(figure)

    def heading(text: str) -> np.ndarray:
        figure = Figure(figsize=(width, height * 0.07), dpi=DPI)
        figure.text(0.5, 0.5, text, ha="center", va="center", fontweight="bold", fontsize=13)
        return rgb(figure)

    width, height = figsize
    with house_style():
        figure = Figure(figsize=(width, height * 0.6), dpi=DPI)
        axes = figure.add_axes((0.17, 0.01, 0.8, 0.81))
        draw_cayley_table(axes, group)
        table = rgb(figure)
        box = axes.get_window_extent()  # of the cells, in pixels, from below
        before = panel(state, "$x$")
        after_first = [panel(once[h], f"first {names[h]}") for h in range(group.order)]

    def pixels(first: str, then: str) -> np.ndarray:
        h, g = group.element(first), group.element(then)
        after = panel(apply_action(action, g, once[h]), f"then {then}")
        top = np.hstack([before, after_first[h], after])
        line = heading(f"{then} · {first} = {names[group.multiply(g, h)]}")
        marked = table.copy()
        across, down = box.width / group.order, box.height / group.order
        left, upper = box.x0 + h * across, len(table) - box.y1 + g * down
        for rim, shade in ((5, 255), (3, 0)):
            _frame(marked, left, upper, across, down, rim, shade)
        return stack([top, line, marked])

    controls = {"first": Buttons(names), "then": Buttons(names)}
    return prepare(pixels, controls, caption, title or f"Compose two moves of {group.name}")


def _frame(pixels: np.ndarray, left: float, top: float, width: float, height: float, rim: int, shade: int) -> None:
    """A rectangular frame, `rim` pixels to both sides of the line."""
    x0, x1, y0, y1 = (round(v) for v in (left, left + width, top, top + height))
    for rows, columns in (
        (slice(y0 - rim, y0 + rim), slice(x0 - rim, x1 + rim)),
        (slice(y1 - rim, y1 + rim), slice(x0 - rim, x1 + rim)),
        (slice(y0 - rim, y1 + rim), slice(x0 - rim, x0 + rim)),
        (slice(y0 - rim, y1 + rim), slice(x1 - rim, x1 + rim)),
    ):
        pixels[rows, columns] = shade


def _numbers(n: int) -> list[str]:
    return [str(k + 1) for k in range(n)]
