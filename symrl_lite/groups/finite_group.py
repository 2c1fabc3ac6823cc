"""`FiniteGroup`: a Cayley table that was tested, with the names of its elements and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from symrl_lite.groups.axioms import MAX_ORDER, check_axioms, element_names, integer_array, square_table

__all__ = ["Element", "FiniteGroup", "read_only", "require_group", "words"]

Element = int | str | np.integer


class FiniteGroup:
    """A set with an operation, table[a, b] = index of ab, that obeys the four axioms (all are checked).

    Args:
        table: integers (n, n), element 0 the identity, n at most 1000.
        names: n different strings; "0", "1", ... where none are given.
        name: name of the group, such as "D4".

    Raises:
        TypeError: entries that are not integers, names that are not strings.
        ValueError: a table that is not square or that is no group (the message names the axiom and the elements
            that break it), or whose identity is not element 0.

    >>> G = FiniteGroup([[0, 1, 2], [1, 2, 0], [2, 0, 1]], names=["e", "r", "r2"], name="C3")
    >>> G.order, G.names[G.multiply("r", "r")], G.inverse("r")
    (3, 'r2', 2)

    Source: Armstrong 1988, Groups and Symmetry (the axioms, Cayley tables).
    """

    __slots__ = ("_generators", "_inverses", "_name", "_names", "_permutations", "_table")
    _table: np.ndarray
    _names: tuple[str, ...]
    _name: str
    _inverses: np.ndarray
    _permutations: np.ndarray | None
    _generators: tuple[int, ...]

    def __init__(self, table: Any, names: Sequence[str] | None = None, name: str | None = None) -> None:
        product = square_table(table)
        labels = element_names(names, len(product))
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name is {name!r}, expected a string or None")
        report = check_axioms(product, labels)
        if not report.is_group:
            axiom, text = next(iter(report.counterexamples.items()))
            raise ValueError(f"the table is no group, {axiom} fails: {text}")
        e = int(np.flatnonzero((product == np.arange(len(product))).all(axis=1))[0])
        if e != 0:
            raise ValueError(
                f"the identity is element {e} ({labels[e]!r}), expected element 0: reorder rows, columns and entries"
            )
        self._table = read_only(product)
        self._names = labels
        self._name = name if name is not None else f"group of order {len(product)}"
        self._inverses = read_only((product == 0).argmax(axis=1))
        self._permutations = None
        self._generators = _find_generators(product)

    @property
    def order(self) -> int:
        """Number of elements, |G|."""
        return len(self._table)

    @property
    def table(self) -> np.ndarray:
        """Cayley table (|G|, |G|), read-only: table[a, b] is the index of ab."""
        return self._table

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each element."""
        return self._names

    @property
    def name(self) -> str:
        """Name of the group, such as "D4"."""
        return self._name

    @property
    def identity(self) -> int:
        """Index of the identity, always 0."""
        return 0

    @property
    def generators(self) -> tuple[int, ...]:
        """A few elements from whose products all the others can be made."""
        return self._generators

    @property
    def permutations(self) -> np.ndarray | None:
        """(|G|, n), permutations[g, i] = g·i, for groups made of permutations; None for others."""
        return self._permutations

    @property
    def is_abelian(self) -> bool:
        """Whether ab = ba for all elements."""
        return bool((self._table == self._table.T).all())

    def element(self, element: Element) -> int:
        """Index of an element given by index or name.

        Raises:
            ValueError: a name that the group does not have. IndexError: an index outside 0 to |G| − 1.
            TypeError: neither a string nor an integer.

        >>> from symrl_lite.groups import cyclic
        >>> cyclic(4).element("r2")
        2
        """
        if isinstance(element, str):
            if element not in self._names:
                listed = ", ".join(self._names[:24]) + (", ..." if self.order > 24 else "")
                raise ValueError(f"{self.name} has no element {element!r}; its elements are {listed}")
            return self._names.index(element)
        if isinstance(element, bool | np.bool_) or not isinstance(element, int | np.integer):
            raise TypeError(f"element is {element!r} ({type(element).__name__}), expected an index or a name")
        if not 0 <= element < self.order:
            raise IndexError(f"element {element} of {self.name} does not exist, expected 0 to {self.order - 1}")
        return int(element)

    def multiply(self, a: Element, b: Element) -> int:
        """Index of ab: first b acts, then a.

        >>> from symrl_lite.groups import dihedral
        >>> D4 = dihedral(4)
        >>> D4.names[D4.multiply("s", "r")]
        'r3s'
        """
        return int(self._table[self.element(a), self.element(b)])

    def inverse(self, a: Element) -> int:
        """Index of the b with ab = ba = e.

        >>> from symrl_lite.groups import cyclic
        >>> cyclic(4).inverse("r")
        3
        """
        return int(self._inverses[self.element(a)])

    def generate(self, gens: Iterable[Element]) -> tuple[int, ...]:
        """All products of the elements `gens`, sorted: the smallest subgroup that holds them.

        >>> from symrl_lite.groups import dihedral
        >>> dihedral(4).generate(["r2", "s"])
        (0, 2, 4, 6)
        """
        return tuple(sorted(words(self._table, self._elements(gens))))

    def subgroup(self, gens: Iterable[Element], name: str | None = None) -> FiniteGroup:
        """The subgroup generated by `gens` as a group of its own, with the names it had.

        >>> from symrl_lite.groups import dihedral
        >>> dihedral(4).subgroup(["r2", "s"]).names
        ('e', 'r2', 's', 'r2s')
        """
        chosen = self._elements(gens)
        members = np.array(self.generate(chosen))
        table = np.searchsorted(members, self._table[np.ix_(members, members)])
        label = ", ".join(self._names[g] for g in chosen)
        result = FiniteGroup(table, [self._names[g] for g in members], name or f"<{label}> in {self.name}")
        if self._permutations is not None:
            result._permutations = read_only(self._permutations[members])
        return result

    def conjugacy_classes(self) -> list[tuple[int, ...]]:
        """The sets {g a g⁻¹ : g ∈ G}, each sorted, in the order of their smallest elements.

        >>> from symrl_lite.groups import symmetric
        >>> [len(c) for c in symmetric(3).conjugacy_classes()]
        [1, 3, 2]
        """
        everything = np.arange(self.order)
        conjugates = self._table[self._table, self._inverses[:, None]]  # [g, a]: g a g⁻¹
        classes = {tuple(np.unique(conjugates[:, a]).tolist()) for a in everything}
        return sorted(classes)

    @classmethod
    def from_permutations(cls, generators: Iterable[Sequence[int]], name: str | None = None) -> FiniteGroup:
        """All products of permutations p of 0..n−1, given as lists of images p[i], with (gh)(i) = g(h(i)).

        Elements are in lexicographic order, so the identity is the first, and are named in cycle notation.

        Raises:
            TypeError: images that are not integers.
            ValueError: no generator, one that is no permutation, different lengths, more than 1000 elements.

        >>> FiniteGroup.from_permutations([(1, 2, 0)]).names
        ('e', '(0 1 2)', '(0 2 1)')
        """
        if not isinstance(generators, Iterable):
            raise TypeError(f"generators are {generators!r}, expected a list of permutations, such as [(1, 2, 0)]")
        given = [tuple(integer_array(p, f"generators[{k}]", 1).tolist()) for k, p in enumerate(generators)]
        if not given:
            raise ValueError("no generators were given, expected at least one permutation")
        n = len(given[0])
        for k, p in enumerate(given):
            if n == 0 or sorted(p) != list(range(n)):
                raise ValueError(f"generators[{k}] is {p}, expected a permutation of 0 to {max(n, 1) - 1}")
        reached = {tuple(range(n))}
        frontier = list(reached)
        while frontier:
            frontier = list({tuple(p[i] for i in word) for word in frontier for p in given} - reached)
            reached.update(frontier)
            if len(reached) > MAX_ORDER:
                raise ValueError(f"the permutations generate more than {MAX_ORDER} elements, expected at most that")
        return cls._of_permutations(np.array(sorted(reached)), name)

    @classmethod
    def _of_permutations(cls, images: np.ndarray, name: str | None) -> FiniteGroup:
        """The group whose elements are the rows of `images` (|G|, n), sorted and closed under composition."""
        order, n = images.shape
        index = {tuple(row): g for g, row in enumerate(images.tolist())}
        table = np.empty((order, order), dtype=np.int64)
        for g in range(order):
            table[g] = [index[tuple(row)] for row in images[g][images].tolist()]  # (gh)(i) = g(h(i))
        group = cls(table, [_cycles(row) for row in images.tolist()], name or f"permutations of {n}")
        group._permutations = read_only(images.astype(np.int64))
        return group

    def _elements(self, gens: Iterable[Element]) -> list[int]:
        if isinstance(gens, str | int | np.integer) or not isinstance(gens, Iterable):
            raise TypeError(f"generators are {gens!r}, expected a list of elements, such as ['r'] or [1]")
        return [self.element(g) for g in gens]

    def __len__(self) -> int:
        return self.order

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.order))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FiniteGroup):
            return NotImplemented
        return self is other or np.array_equal(self._table, other._table)

    def __hash__(self) -> int:
        return hash(self._table.tobytes())

    def __repr__(self) -> str:
        listed = ", ".join(self._names[:8]) + (", ..." if self.order > 8 else "")
        return f"FiniteGroup {self.name}: {self.order} element{'s' if self.order > 1 else ''} ({listed})"


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy of an array of any shape, which refuses to be written into."""
    array = np.array(array)
    array.setflags(write=False)
    return array


def require_group(value: Any, what: str) -> None:
    """Refuse what is no FiniteGroup.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(value, FiniteGroup):
        raise TypeError(f"{what} is {value!r}, expected a FiniteGroup such as cyclic(4)")


def words(table: np.ndarray, gens: Sequence[int]) -> dict[int, tuple[int, int] | None]:
    """Elements that `gens` generate, in the order reached; each with (a, s), itself being as; e with None.

    Args:
        table: (n, n), as of a group.
        gens: indices of elements.
    """
    reached: dict[int, tuple[int, int] | None] = {0: None}
    queue = [0]
    for a in queue:  # grows while it is walked along: breadth first
        for s in gens:
            product = int(table[a, s])
            if product not in reached:
                reached[product] = (a, s)
                queue.append(product)
    return reached


def _find_generators(table: np.ndarray) -> tuple[int, ...]:
    """Each element that the ones before it do not generate."""
    chosen: list[int] = []
    reached = {0}
    for g in range(len(table)):
        if g not in reached:
            chosen.append(g)
            reached = set(words(table, chosen))
    return tuple(chosen)


def _cycles(images: Sequence[int]) -> str:
    """Cycle notation of a permutation, without its fixed points; "e" for the identity."""
    text = ""
    seen: set[int] = set()
    for start in range(len(images)):
        cycle = []
        i = start
        while i not in seen:
            seen.add(i)
            cycle.append(i)
            i = images[i]
        if len(cycle) > 1:
            text += "(" + " ".join(map(str, cycle)) + ")"
    return text or "e"
