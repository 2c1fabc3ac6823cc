"""The course's central object: a finite group with its action on states and on actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symrl_lite.equivariance import Action, apply_action
from symrl_lite.groups import Element, FiniteGroup, Representation

__all__ = ["Symmetry"]


@dataclass(frozen=True)
class Symmetry:
    """A group G with L_g on states and K_g on action values; a policy obeys it if π(L_g x) = K_g π(x).

    Args:
        group: the group G.
        on_states: L, a Representation (acts on the last axis) or a function (g, x) -> x with g an index.
        on_actions: K, likewise, or None: action values stay as they are (the policy is invariant).
        name: for display.

    Raises:
        TypeError: a group, an action or a name of another type. ValueError: a representation of another group.

    >>> from symrl_lite.groups import cyclic, regular
    >>> mirror = Symmetry(cyclic(2), lambda g, x: -x if g else x, regular(cyclic(2)), "left and right")
    >>> mirror.act_on_state("r", 0.5), mirror.act_on_action_values("r", [1.0, 2.0]).tolist()
    (-0.5, [2.0, 1.0])
    """

    group: FiniteGroup
    on_states: Action
    on_actions: Action | None
    name: str = ""

    def __post_init__(self) -> None:
        """Validate the fields."""
        if not isinstance(self.group, FiniteGroup):
            raise TypeError(f"group is {self.group!r}, expected a FiniteGroup such as cyclic(4)")
        for what, action in (("on_states", self.on_states), ("on_actions", self.on_actions)):
            if isinstance(action, Representation):
                if action.group != self.group:
                    raise ValueError(
                        f"{what} represents {action.group.name}, expected a representation of {self.group.name}"
                    )
            elif not callable(action) and not (what == "on_actions" and action is None):
                raise TypeError(f"{what} is {action!r}, expected a Representation or a function (g, x) -> x")
        if not isinstance(self.name, str):
            raise TypeError(f"name is {self.name!r}, expected a string")

    def act_on_state(self, g: Element, x: Any) -> Any:
        """L_g x, for an element g given by index or name."""
        return apply_action(self.on_states, self.group.element(g), x)

    def act_on_action_values(self, g: Element, q: Any) -> Any:
        """K_g q, for an element g given by index or name; q itself where `on_actions` is None."""
        index = self.group.element(g)
        return q if self.on_actions is None else apply_action(self.on_actions, index, q)
