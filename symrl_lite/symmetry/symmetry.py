"""A finite group with its actions on states and on actions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrl_lite.equivariance import Action, apply_action
from symrl_lite.groups import Element, FiniteGroup, Representation

__all__ = ["Symmetry"]


@dataclass(frozen=True)
class Symmetry:
    """A group G with L_g on states and K_g on actions; a policy obeys it if π(L_g x) = K_g π(x).

    Of discrete actions K_g moves their *values* (A,), and π(x) are the probabilities of all of them. Of continuous
    actions it moves the *vectors* themselves, and π(x) is the action, or the mean of its distribution.

    Args:
        group: the group G.
        on_states: L, a Representation (acts on the last axis) or a function (g, x) -> x with g an index.
        on_actions: K, likewise, or None: actions stay as they are (the policy is invariant).
        name: for display.

    Raises:
        TypeError: a group, an action or a name of another type. ValueError: a representation of another group.

    >>> from symrl_lite.groups import cyclic, regular
    >>> mirror = Symmetry(cyclic(2), lambda g, x: -x if g else x, regular(cyclic(2)), "left and right")
    >>> mirror.act_on_state("r", 0.5), mirror.act_on_action_values("r", [1.0, 2.0]).tolist()
    (-0.5, [2.0, 1.0])

    A pendulum that is hung up again on the other side turns the other way, and so does its torque:

    >>> from symrl_lite.groups import Representation
    >>> sign = Representation.from_generators(cyclic(2), {"r": [[-1.0]]})
    >>> pendulum = Symmetry(cyclic(2), lambda g, s: -s if g else s, sign, "left and right")
    >>> pendulum.act_on_action("r", [1.5]).tolist()
    [-1.5]

    Source: Zinkevich & Balch 2001; Ravindran & Barto 2001; written as in van der Pol et al. 2020, MDP Homomorphic
    Networks.
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

    def restrict(self, generators: Iterable[Element]) -> Symmetry:
        """The subgroup that `generators` make, acting as before.

        >>> from symrl_lite.groups import dihedral, regular
        >>> square = Symmetry(dihedral(4), regular(dihedral(4)), None)
        >>> square.restrict(["r2", "s"]).group.names
        ('e', 'r2', 's', 'r2s')
        """
        small = self.group.subgroup(generators)
        members = [self.group.element(name) for name in small.names]

        def restricted(action: Action) -> Action:
            if isinstance(action, Representation):
                return Representation(small, action.matrices[members])
            return lambda h, x: apply_action(action, members[small.element(h)], x)

        on_actions = None if self.on_actions is None else restricted(self.on_actions)
        name = f"{self.name}, {small.order} of {self.group.order}" if self.name else ""
        return Symmetry(small, restricted(self.on_states), on_actions, name)

    def act_on_state(self, g: Element, x: Any) -> Any:
        """L_g x, for an element g given by index or name."""
        return apply_action(self.on_states, self.group.element(g), x)

    def act_on_action_values(self, g: Element, q: Any) -> Any:
        """K_g q, for an element g given by index or name; q itself where `on_actions` is None."""
        index = self.group.element(g)
        return q if self.on_actions is None else apply_action(self.on_actions, index, q)

    def act_on_action(self, g: Element, a: Any) -> Any:
        """K_g a, for an element g given by index or name and an action vector a (..., d) of a Box.

        Raises:
            ValueError: a number, which may be that of a discrete action: those are moved by `permutations_of`.
        """
        try:
            number = np.ndim(a) == 0
        except ValueError:
            raise ValueError("a has rows of different lengths, expected an action vector") from None
        if number:
            raise ValueError(f"a is {a!r}, expected an action vector; permutations_of moves numbers of actions")
        return self.act_on_action_values(g, a)
