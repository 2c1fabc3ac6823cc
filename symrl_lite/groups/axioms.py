"""The four axioms of a group, tested on a table, and checks of arrays shared by the modules above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

__all__ = ["AXIOMS", "MAX_ORDER", "AxiomReport", "check_axioms", "element_names", "integer_array", "square_table"]

MAX_ORDER = 1000
AXIOMS = ("closure", "associativity", "identity", "inverses")


def integer_array(values: Any, what: str, dimensions: int) -> np.ndarray:
    """A fresh int64 array of `values`, of the same shape.

    Raises:
        TypeError: no integers. ValueError: another number of axes than `dimensions`, or a number that is too large.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{what} is ragged: its rows differ in length ({error})") from None
    empty = array.size == 0 and array.dtype.kind == "f"  # [] is float64: its shape is what is wrong
    if array.dtype.kind not in "iu" and not empty:
        raise TypeError(f"{what} has dtype {array.dtype}, expected integers")
    if array.ndim != dimensions:
        raise ValueError(f"{what} has shape {array.shape}, expected {dimensions} axes")
    if array.size and array.dtype.kind == "u" and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{what} has an entry {array.max()}, too large for an index")
    return array.astype(np.int64)


def square_table(table: Any) -> np.ndarray:
    """`table` as a fresh (n, n) int64 array, 1 ≤ n ≤ 1000.

    Raises:
        TypeError: no integers. ValueError: another shape.
    """
    array = integer_array(table, "table", 2)
    if array.shape[0] != array.shape[1] or array.shape[0] == 0:
        raise ValueError(f"table has shape {array.shape}, expected (n, n) with n at least 1")
    if len(array) > MAX_ORDER:
        raise ValueError(f"table has {len(array)} elements, expected at most {MAX_ORDER}: tables grow as n²")
    return array


def element_names(names: Sequence[str] | None, order: int) -> tuple[str, ...]:
    """The names as a tuple of `order` different strings; "0", "1", ... where none are given.

    Raises:
        TypeError: what are no strings. ValueError: another number of names, or one given twice.
    """
    if names is None:
        return tuple(map(str, range(order)))
    if isinstance(names, str):
        raise TypeError(f"names is the string {names!r}, expected a sequence of {order} strings")
    try:
        result = tuple(names)
    except TypeError:
        raise TypeError(f"names is {names!r}, expected a sequence of {order} strings") from None
    for index, name in enumerate(result):
        if not isinstance(name, str) or not name:
            raise TypeError(f"names[{index}] is {name!r}, expected a string that is not empty")
    if len(result) != order:
        raise ValueError(f"{len(result)} names were given, expected {order}, one for each element")
    if len(set(result)) < order:
        twice = next(name for name in result if result.count(name) > 1)
        raise ValueError(f"the name {twice!r} is given to more than one element, expected different names")
    return tuple(map(str, result))


@dataclass(frozen=True, repr=False)
class AxiomReport:
    """Which of the four axioms of a group a table obeys, and the elements that break the others.

    >>> check_axioms([[0, 1], [1, 1]])
    a group: no
      closure       ✓
      associativity ✓
      identity      ✓
      inverses      ✗ 1 has no inverse: no b with a·b = b·a = 0
    """

    closure: bool
    associativity: bool
    identity: bool
    inverses: bool
    counterexamples: dict[str, str] = field(default_factory=dict)  # axiom -> text

    @property
    def is_group(self) -> bool:
        """Whether all four axioms hold."""
        return self.closure and self.associativity and self.identity and self.inverses

    def __repr__(self) -> str:
        lines = [f"a group: {'yes' if self.is_group else 'no'}"]
        for axiom in AXIOMS:
            mark = "✓" if getattr(self, axiom) else "✗"
            lines.append(f"  {axiom:<13} {mark} {self.counterexamples.get(axiom, '')}".rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{axiom}</th><td>{'✓ holds' if getattr(self, axiom) else '✗ fails'}</td>"
            f"<td style='text-align:left'>{escape(self.counterexamples.get(axiom, ''))}</td></tr>"
            for axiom in AXIOMS
        )
        verdict = "All four axioms hold: a group." if self.is_group else "Not a group."
        return (
            f"<table><caption>{verdict}</caption><thead><tr><th scope='col'>axiom</th><th scope='col'>result</th>"
            f"<th scope='col'>what breaks it</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def check_axioms(table: Any, names: Sequence[str] | None = None) -> AxiomReport:
    """Test closure ab ∈ G, associativity (ab)c = a(bc), identity ea = ae = a and inverses ab = ba = e.

    Every element is tested. Associativity uses Light's test: the b with (ab)c = a(bc) for all a and c are closed
    under the product, so products of tested ones need no test. The identity may be any element.

    Args:
        table: integers (n, n); table[a, b] is the index of ab. 1 ≤ n ≤ 1000.
        names: n strings for the elements; their indices where none are given.

    Returns:
        An AxiomReport. A table that is no group is reported, never refused.

    Raises:
        TypeError: entries that are not integers, names that are not strings.
        ValueError: a table that is not square, too few or equal names.

    >>> report = check_axioms([[0, 3, 2, 1], [1, 0, 3, 2], [2, 1, 0, 3], [3, 2, 1, 0]])  # a - b mod 4
    >>> report.is_group, report.closure
    (False, True)
    >>> report.counterexamples["associativity"]
    '(0·0)·1 = 3, but 0·(0·1) = 1'

    Source: Armstrong 1988, Groups and Symmetry (the axioms); Clifford & Preston 1961, The Algebraic Theory of
    Semigroups (Light's test).
    """
    product = square_table(table)
    order = len(product)
    label = element_names(names, order)
    found: dict[str, str] = {}

    outside = np.argwhere((product < 0) | (product >= order))
    if len(outside):
        a, b = outside[0]
        found["closure"] = f"{label[a]}·{label[b]} = {product[a, b]}, which is not one of the elements 0 to {order - 1}"
        found["associativity"] = "cannot be tested: a product is missing"
    else:
        triple = _non_associative(product)
        if triple is not None:
            a, b, c = triple
            left, right = product[product[a, b], c], product[a, product[b, c]]
            found["associativity"] = (
                f"({label[a]}·{label[b]})·{label[c]} = {label[left]}, "
                f"but {label[a]}·({label[b]}·{label[c]}) = {label[right]}"
            )

    everything = np.arange(order)
    neutral = (product == everything).all(axis=1) & (product == everything[:, None]).all(axis=0)  # (n,)
    if not neutral.any():
        found["identity"] = _no_identity(product, label)
        found["inverses"] = "cannot be tested: there is no identity"
    else:
        e = int(np.flatnonzero(neutral)[0])
        invertible = ((product == e) & (product == e).T).any(axis=1)  # (n,)
        if not invertible.all():
            lost = [label[a] for a in np.flatnonzero(~invertible)]
            listed = ", ".join(lost[:6]) + (f" and {len(lost) - 6} more" if len(lost) > 6 else "")
            verb = "has no inverse" if len(lost) == 1 else "have no inverse"
            found["inverses"] = f"{listed} {verb}: no b with a·b = b·a = {label[e]}"
    return AxiomReport(
        closure="closure" not in found,
        associativity="associativity" not in found,
        identity="identity" not in found,
        inverses="inverses" not in found,
        counterexamples=found,
    )


def _non_associative(product: np.ndarray) -> tuple[int, int, int] | None:
    """The first b (and a, c) with (ab)c ≠ a(bc), by Light's test, or None."""
    tested = np.zeros(len(product), dtype=bool)
    while not tested.all():
        b = int(np.flatnonzero(~tested)[0])
        different = product[product[:, b]] != product[:, product[b]]  # (a, c)
        if different.any():
            a, c = np.argwhere(different)[0]
            return int(a), b, int(c)
        tested[b] = True
        count = 0
        while count != tested.sum():  # close the tested elements under the product
            count = int(tested.sum())
            members = np.flatnonzero(tested)
            tested[product[np.ix_(members, members)]] = True
    return None


def _no_identity(product: np.ndarray, label: tuple[str, ...]) -> str:
    """For the element that comes closest to an identity, a product that it gets wrong."""
    everything = np.arange(len(product))
    wrong_left = product != everything  # [e, a]: ea ≠ a
    wrong_right = (product != everything[:, None]).T  # [e, a]: ae ≠ a
    e = int((wrong_left.sum(axis=1) + wrong_right.sum(axis=1)).argmin())
    name = lambda index: label[index] if 0 <= index < len(label) else str(index)  # noqa: E731
    if wrong_left[e].any():
        a = int(wrong_left[e].argmax())
        text = f"{label[e]}·{label[a]} = {name(product[e, a])}, not {label[a]}"
    else:
        a = int(wrong_right[e].argmax())
        text = f"{label[a]}·{label[e]} = {name(product[a, e])}, not {label[a]}"
    return f"no element is an identity; the closest is {label[e]}, but {text}"
