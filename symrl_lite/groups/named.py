"""The groups that have names, their products, and what a group does to the points that it moves."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import permutations as _all_permutations
from typing import Any, TypeVar

import numpy as np

from symrl_lite.door import require_function
from symrl_lite.groups.axioms import MAX_ORDER
from symrl_lite.groups.finite_group import FiniteGroup, require_group

__all__ = ["cyclic", "dihedral", "direct_product", "not_an_action", "orbits", "stabilizer", "symmetric", "whole_number"]

Point = TypeVar("Point", bound=Hashable)


def cyclic(n: int) -> FiniteGroup:
    """C_n = {r^k : r^n = e}, the turns by multiples of 360°/n; r^k is element k.

    >>> cyclic(4).names
    ('e', 'r', 'r2', 'r3')

    Source: Armstrong 1988, Groups and Symmetry.
    """
    k = np.arange(whole_number(n, "n", MAX_ORDER))
    return FiniteGroup((k[:, None] + k) % n, _powers(n), f"C{n}")


def dihedral(n: int) -> FiniteGroup:
    """D_n = {r^k s^f}, r^n = s² = e, s r s = r⁻¹: moves of a regular n-gon; r^k s^f is element k + n f.

    r turns counter-clockwise by 360°/n, s swaps top and bottom, (x, y) -> (x, −y); "rs" is first s, then r.

    >>> dihedral(4).names
    ('e', 'r', 'r2', 'r3', 's', 'rs', 'r2s', 'r3s')

    Source: Armstrong 1988, Groups and Symmetry.
    """
    f, k = np.divmod(np.arange(2 * whole_number(n, "n", MAX_ORDER // 2)), n)
    # r^k s^f r^l s^m = r^(k ± l) s^(f + m), with the minus where f = 1
    turns = (k[:, None] + np.where(f == 1, -1, 1)[:, None] * k) % n
    flips = (f[:, None] + f) % 2
    turn_names = _powers(n)
    names = turn_names + ["s"] + [f"{name}s" for name in turn_names[1:]]
    return FiniteGroup(turns + n * flips, names, f"D{n}")


def symmetric(n: int) -> FiniteGroup:
    """S_n, all n! permutations of 0..n−1 with (gh)(i) = g(h(i)), in lexicographic order; n ≤ 6.

    >>> symmetric(3).names
    ('e', '(1 2)', '(0 1)', '(0 1 2)', '(0 2 1)', '(0 2)')

    Source: Armstrong 1988, Groups and Symmetry.
    """
    images = np.array(list(_all_permutations(range(whole_number(n, "n", 6)))))  # (n!, n)
    return FiniteGroup._of_permutations(images, f"S{n}")


def direct_product(G: FiniteGroup, H: FiniteGroup) -> FiniteGroup:
    """G × H, pairs with (a, b)(c, d) = (ac, bd); the pair (a, b) is element a·|H| + b.

    Raises:
        TypeError: what is no FiniteGroup. ValueError: a product of too many elements.

    >>> direct_product(cyclic(2), cyclic(2)).names
    ('(e, e)', '(e, r)', '(r, e)', '(r, r)')

    Source: Armstrong 1988, Groups and Symmetry.
    """
    require_group(G, "G")
    require_group(H, "H")
    if G.order * H.order > MAX_ORDER:
        raise ValueError(f"{G.name} x {H.name} has {G.order * H.order} elements, expected at most {MAX_ORDER}")
    a, b = np.divmod(np.arange(G.order * H.order), H.order)
    table = G.table[np.ix_(a, a)] * H.order + H.table[np.ix_(b, b)]
    names = [f"({x}, {y})" for x in G.names for y in H.names]
    return FiniteGroup(table, names, f"{G.name} x {H.name}")


def orbits(G: FiniteGroup, action: Callable[[int, Point], Point], points: Iterable[Point]) -> list[tuple[Point, ...]]:
    """The sets {g·x : g ∈ G}: `points` split into classes that the group can move into one another.

    Args:
        G: a group.
        action: (g, x) -> g·x, with g an index.
        points: hashable points, such as tuples.

    Returns:
        The orbits, and the points within each, in the order of `points`.

    Raises:
        ValueError: an action that leaves `points`, or is no left action: e·x ≠ x or (gh)·x ≠ g·(h·x).
        TypeError: points that are not hashable.

    >>> orbits(cyclic(2), lambda g, x: -x if g else x, [-1, 0, 1])
    [(-1, 1), (0,)]

    Source: Armstrong 1988, Groups and Symmetry.
    """
    require_group(G, "G")
    require_function(action, "action", "a function (g, x) -> g·x, with g an index")
    if not isinstance(points, Iterable):
        raise TypeError(f"points are {points!r}, expected a list of points")
    try:
        place = {x: i for i, x in enumerate(dict.fromkeys(points))}
    except TypeError as error:
        raise TypeError(f"points must be hashable, for example tuples of numbers ({error})") from None
    listed = list(place)
    moved = np.empty((G.order, len(listed)), dtype=np.int64)  # [g, i]: index of g·x_i
    for g in G:
        for i, x in enumerate(listed):
            y = action(g, x)
            try:
                moved[g, i] = place[y]
            except KeyError:
                raise ValueError(f"{G.names[g]!r} takes {x!r} to {y!r}, which is not one of the points") from None
            except TypeError:
                raise TypeError(f"{G.names[g]!r} takes {x!r} to {y!r}, which is not hashable") from None
    broken = not_an_action(G, moved)
    if broken is not None:
        g, h, i = broken
        x = listed[i]
        if h is None:
            raise ValueError(f"no action: the identity takes {x!r} to {listed[moved[0, i]]!r}")
        first, then = G.names[h], G.names[g]
        both = G.names[G.multiply(g, h)]
        raise ValueError(
            f"no left action: g = {then!r}, h = {first!r}, x = {x!r}: gh = {both!r} takes x to "
            f"{listed[moved[G.multiply(g, h), i]]!r}, but h and then g take it to "
            f"{listed[moved[g, moved[h, i]]]!r}"
        )
    found: dict[int, list[Point]] = {}
    for i, x in enumerate(listed):
        found.setdefault(int(moved[:, i].min()), []).append(x)
    return [tuple(members) for members in found.values()]


def stabilizer(G: FiniteGroup, action: Callable[[int, Any], Any], point: Any) -> tuple[int, ...]:
    """{g ∈ G : g·x = x}, the elements that leave the point x in place, as indices.

    Raises:
        ValueError: these elements are no subgroup, so that `action` is no action.

    >>> stabilizer(symmetric(3), lambda g, i: symmetric(3).permutations[g, i], 0)
    (0, 1)

    Source: Armstrong 1988, Groups and Symmetry.
    """
    require_group(G, "G")
    require_function(action, "action", "a function (g, x) -> g·x, with g an index")
    fixing = tuple(g for g in G if np.array_equal(action(g, point), point))
    if G.generate(fixing) != fixing:
        names = ", ".join(G.names[g] for g in fixing) or "no element"
        raise ValueError(f"no action: {names} leaves {point!r} in place, and that is no subgroup of {G.name}")
    return fixing


def not_an_action(group: FiniteGroup, images: np.ndarray) -> tuple[int, int | None, int] | None:
    """The first (0, None, i) with e·i ≠ i, or (g, h, i) with (gh)·i ≠ g·(h·i); None for a left action."""
    wrong = images[0] != np.arange(images.shape[1])
    if wrong.any():
        return 0, None, int(wrong.argmax())
    for h in group.generators:  # enough: every element is a word in them
        different = np.argwhere(images[group.table[:, h]] != images[:, images[h]])  # rows (g, i)
        if len(different):
            return int(different[0, 0]), h, int(different[0, 1])
    return None


def whole_number(value: Any, what: str, largest: int | None) -> int:
    """`value` as an int from 1 to `largest`.

    Raises:
        TypeError: no integer. ValueError: one outside of the range.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} is {value!r}, expected an integer")
    if value < 1 or (largest is not None and value > largest):
        bounds = "at least 1" if largest is None else f"1 to {largest}"
        raise ValueError(f"{what} is {value}, expected {bounds}")
    return int(value)


def _powers(n: int) -> list[str]:
    return ["e", "r", *(f"r{k}" for k in range(2, n))][:n]
