"""Checks for chapter 1, *Groups: the moves that change nothing*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.actions import on_cells
from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps
from symrl_lite.groups import FiniteGroup, check_axioms, cyclic, dihedral, direct_product, stabilizer, symmetric

__all__ = ["another_group_of_order_eight", "composition_table", "orbit_and_stabilizer"]

Move = Callable[[np.ndarray], np.ndarray]


# --- Exercise A -------------------------------------------------------------------------------------------------


def composition_table(function: Callable[[list[Move], np.ndarray], Any]) -> CheckResult:
    """Exercise A: table[a, b] is the index of "first b, then a" in a list of moves.

    Shape on four quarter turns, values on the flips of a picture and on the quarter turns; then a list that does not
    begin with the identity, and what separates the two orders of composition: the eight moves of a square and the six
    permutations of a triple.
    """
    picture = np.arange(9).reshape(3, 3)
    turns: list[Move] = [lambda x, k=k: np.rot90(x, k) for k in range(4)]  # type: ignore[misc]
    flips: list[Move] = [lambda x: x, np.flipud, np.fliplr, lambda x: x[::-1, ::-1]]
    square: list[Move] = [lambda x, k=k: np.rot90(x, k) for k in range(4)]  # type: ignore[misc]
    square += [lambda x, k=k: np.rot90(np.flipud(x), k) for k in range(4)]  # type: ignore[misc]
    triple = symmetric(3)
    assert triple.permutations is not None
    fetched = np.argsort(triple.permutations, axis=1)  # inverse permutations: x[fetched[g]] is g acting from the left
    relabel: list[Move] = [lambda x, p=p: x[p] for p in fetched]  # type: ignore[misc]

    def table_of(moves: list[Move], x: np.ndarray) -> np.ndarray:
        given = x.copy()
        table = as_array(function(list(moves), given), (len(moves), len(moves)), "the table")
        if not np.array_equal(given, x):
            raise Wrong("your function changes the array x: work on a copy")
        return table

    def shape() -> None:
        table_of(turns, picture)

    def values() -> None:
        for moves, expected, what in (
            (turns, cyclic(4).table, "quarter turns"),
            (flips, np.bitwise_xor.outer(np.arange(4), np.arange(4)), "flips"),
        ):
            table = table_of(moves, picture)
            if not np.array_equal(table, expected):
                a, b = np.argwhere(table != expected)[0]
                raise Wrong(
                    f"for the {what}, table[{a}, {b}] is {table[a, b]}, expected {expected[a, b]}: do move {b}, then "
                    f"move {a}, and look for the move in the list that gives the same picture"
                )

    def others() -> None:
        place = np.argsort([2, 3, 0, 1])  # the quarter turns again, in an order that does not begin with e
        other_order = place[cyclic(4).table[np.ix_([2, 3, 0, 1], [2, 3, 0, 1])]]
        for moves, x, expected, what in (
            (turns[2:] + turns[:2], picture, other_order, "the quarter turns in another order, the half turn first"),
            (square, picture, dihedral(4).table, "the eight moves of a square"),
            (relabel, np.array([5, 6, 7]), triple.table, "the six ways to rearrange three things"),
        ):
            table = table_of(moves, x)
            if np.array_equal(table, expected):
                continue
            if np.array_equal(table, expected.T):
                raise Wrong(
                    f"for {what} your table is the right one with rows and columns swapped: table[a, b] is first b, "
                    "then a, so that it reads like (ab)(x) = a(b(x)). Quarter turns could not tell, these can"
                )
            a, b = np.argwhere(table != expected)[0]
            raise Wrong(
                f"for {what}, table[{a}, {b}] is {table[a, b]}, expected {expected[a, b]}: apply both moves to x, and "
                "compare whole arrays with the results of the single moves"
            )

    return run_steps("Exercise A", [("shape", shape), ("values", values), ("other moves", others)])


# --- Exercise B -------------------------------------------------------------------------------------------------


def orbit_and_stabilizer(
    function: Callable[[FiniteGroup, Callable[[int, Any], Any], Any], Any],
) -> CheckResult:
    """Exercise B: the orbit of a point and the elements that leave the point where it is.

    Shape: a pair of collections. Values: two cells of a 5 × 5 grid under D4. Property: on every cell of a 4 × 4 grid,
    and on translations of a torus, the answer is right and the two sizes multiply to the order of the group.
    """
    square = dihedral(4)
    shifts = direct_product(cyclic(3), cyclic(5))

    def slide(g: int, cell: tuple[int, int]) -> tuple[int, int]:
        down, right = divmod(g, 5)
        return (cell[0] + down) % 3, (cell[1] + right) % 5

    def answer(group: FiniteGroup, action: Callable[[int, Any], Any], point: Any) -> tuple[list[Any], list[int]]:
        pair = function(group, action, point)
        if pair is None:
            raise Wrong("your function returns None: is a `return` missing?")
        try:
            orbit, fixing = pair
            return [_hashable(x) for x in orbit], [group.element(g) for g in fixing]
        except (TypeError, ValueError) as error:
            raise Wrong(f"expected a pair (orbit, stabilizer) of two collections: {error}") from None

    def compare(group: FiniteGroup, action: Callable[[int, Any], Any], point: Any, what: str) -> None:
        orbit, fixing = answer(group, action, point)
        expected = {action(g, point) for g in group}
        if set(orbit) == expected and len(orbit) != len(expected):
            raise Wrong(
                f"for {what} your orbit lists {len(orbit)} points, but only {len(expected)} are different: "
                "count each point once"
            )
        if set(orbit) < expected:
            missing = sorted(expected - set(orbit))[0]
            raise Wrong(f"for {what} your orbit misses {missing}: every element of the group counts, not some")
        if set(orbit) != expected:
            extra = sorted(set(orbit) - expected, key=str)[0]
            raise Wrong(f"for {what} your orbit has {extra}, where no element of {group.name} takes the point")
        fixed = set(stabilizer(group, action, point))
        if set(fixing) != fixed or len(fixing) != len(fixed):
            names = ", ".join(group.names[g] for g in fixing) or "nothing"
            wanted = ", ".join(group.names[g] for g in sorted(fixed))
            raise Wrong(f"for {what} your stabilizer is {names}; the elements that leave the point in place: {wanted}")

    def shape() -> None:
        answer(square, on_cells(square, 5), (0, 0))

    def values() -> None:
        compare(square, on_cells(square, 5), (0, 0), "the corner (0, 0) of a 5 × 5 grid")
        compare(square, on_cells(square, 5), (2, 2), "the centre (2, 2) of a 5 × 5 grid")

    def counting() -> None:
        for cell in np.ndindex(4, 4):
            compare(square, on_cells(square, 4), cell, f"cell {cell} of a 4 × 4 grid")
        compare(shifts, slide, (1, 1), "cell (1, 1) of a 3 × 5 torus under translations")

    return run_steps("Exercise B", [("shape", shape), ("values", values), ("every cell", counting)])


def _hashable(point: Any) -> Any:
    """A point given as a list or an array, as a tuple."""
    return tuple(point) if isinstance(point, list | np.ndarray) else point


# --- Exercise C -------------------------------------------------------------------------------------------------


def another_group_of_order_eight(function: Callable[[], Any]) -> CheckResult:
    """Exercise C: any group with eight elements that is not D4 under other names.

    Up to relabelling there are five groups of order eight, and the orders of their elements tell them apart: D4 has
    five elements that are their own inverse and not the identity, the others have 1, 3, 7 and 1.
    """

    def table_of() -> np.ndarray:
        made = function()
        table = as_array(made.table if isinstance(made, FiniteGroup) else made, (8, 8), "the table")
        if table.dtype == bool:
            raise Wrong("the table holds truth values, expected the indices 0 to 7")
        if not np.array_equal(table, np.round(table)):
            raise Wrong("the table holds fractions, expected the indices 0 to 7")
        return table.astype(int)

    def axioms() -> None:
        report = check_axioms(table_of())
        if not report.is_group:
            axiom, text = next(iter(report.counterexamples.items()))
            raise Wrong(f"the table is no group: {axiom} fails, {text}")

    def different() -> None:
        table = table_of()
        identity = next(g for g in range(8) if np.array_equal(table[g], np.arange(8)))
        involutions = int(sum(table[g, g] == identity for g in range(8))) - 1
        if involutions == 5:
            raise Wrong(
                "the table is a group, and it is D4 with other names: five elements besides the identity are their "
                "own inverse, and no other group of order eight has five"
            )

    return run_steps(
        "Exercise C",
        [("shape", lambda: (table_of(), None)[1]), ("axioms", axioms), ("not D4", different)],
        praise="a group of order eight that is not D4",
    )
