"""Finite groups and their representations, in NumPy: tables, actions, orbits, and group elements as matrices.

Groups act on the left, (gh)·x = g·(h·x); vectors are columns. Wherever a function takes an element it takes an
index or a name; elements that come back are indices. Element 0 is the identity.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import permutations as _all_permutations
from typing import Any, TypeVar

import numpy as np

from symrl_lite._axioms import (
    MAX_ORDER,
    AxiomReport,
    check_axioms,
    element_names,
    integer_array,
    square_table,
)

__all__ = [
    "AxiomReport",
    "Element",
    "FiniteGroup",
    "Representation",
    "check_axioms",
    "cyclic",
    "dihedral",
    "direct_product",
    "orbits",
    "permutation",
    "regular",
    "rotation_2d",
    "stabilizer",
    "symmetric",
    "trivial",
]

Element = int | str | np.integer
Point = TypeVar("Point", bound=Hashable)
_MAX_ENTRIES = 2**27  # matrices of 1 GiB


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
        self._table = _read_only(product)
        self._names = labels
        self._name = name if name is not None else f"group of order {len(product)}"
        self._inverses = _read_only((product == 0).argmax(axis=1))
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

        >>> D4 = dihedral(4)
        >>> D4.names[D4.multiply("s", "r")]
        'r3s'
        """
        return int(self._table[self.element(a), self.element(b)])

    def inverse(self, a: Element) -> int:
        """Index of the b with ab = ba = e.

        >>> cyclic(4).inverse("r")
        3
        """
        return int(self._inverses[self.element(a)])

    def generate(self, gens: Iterable[Element]) -> tuple[int, ...]:
        """All products of the elements `gens`, sorted: the smallest subgroup that holds them.

        >>> dihedral(4).generate(["r2", "s"])
        (0, 2, 4, 6)
        """
        return tuple(sorted(_words(self._table, self._elements(gens))))

    def subgroup(self, gens: Iterable[Element], name: str | None = None) -> FiniteGroup:
        """The subgroup generated by `gens` as a group of its own, with the names it had.

        >>> dihedral(4).subgroup(["r2", "s"]).names
        ('e', 'r2', 's', 'r2s')
        """
        chosen = self._elements(gens)
        members = np.array(self.generate(chosen))
        table = np.searchsorted(members, self._table[np.ix_(members, members)])
        label = ", ".join(self._names[g] for g in chosen)
        result = FiniteGroup(table, [self._names[g] for g in members], name or f"<{label}> in {self.name}")
        if self._permutations is not None:
            result._permutations = _read_only(self._permutations[members])
        return result

    def conjugacy_classes(self) -> list[tuple[int, ...]]:
        """The sets {g a g⁻¹ : g ∈ G}, each sorted, in the order of their smallest elements.

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
        group._permutations = _read_only(images.astype(np.int64))
        return group

    def _elements(self, gens: Iterable[Element]) -> list[int]:
        if isinstance(gens, str | int | np.integer):
            raise TypeError(f"generators are {gens!r}, expected a list of elements: [{gens!r}]")
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


def cyclic(n: int) -> FiniteGroup:
    """C_n = {r^k : r^n = e}, the turns by multiples of 360°/n; r^k is element k.

    >>> cyclic(4).names
    ('e', 'r', 'r2', 'r3')
    """
    k = np.arange(_size(n, "n", MAX_ORDER))
    return FiniteGroup((k[:, None] + k) % n, _powers(n), f"C{n}")


def dihedral(n: int) -> FiniteGroup:
    """D_n = {r^k s^f}, r^n = s² = e, s r s = r⁻¹: moves of a regular n-gon; r^k s^f is element k + n f.

    r turns counter-clockwise by 360°/n, s swaps top and bottom, (x, y) -> (x, −y); "rs" is first s, then r.

    >>> dihedral(4).names
    ('e', 'r', 'r2', 'r3', 's', 'rs', 'r2s', 'r3s')
    """
    f, k = np.divmod(np.arange(2 * _size(n, "n", MAX_ORDER // 2)), n)
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
    """
    images = np.array(list(_all_permutations(range(_size(n, "n", 6)))))  # (n!, n)
    return FiniteGroup._of_permutations(images, f"S{n}")


def direct_product(G: FiniteGroup, H: FiniteGroup) -> FiniteGroup:
    """G × H, pairs with (a, b)(c, d) = (ac, bd); the pair (a, b) is element a·|H| + b.

    >>> direct_product(cyclic(2), cyclic(2)).names
    ('(e, e)', '(e, r)', '(r, e)', '(r, r)')
    """
    _require_group(G, "G")
    _require_group(H, "H")
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
    """
    _require_group(G, "G")
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
    broken = _not_an_action(G, moved)
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
    """
    _require_group(G, "G")
    fixing = tuple(g for g in G if np.array_equal(action(g, point), point))
    if G.generate(fixing) != fixing:
        names = ", ".join(G.names[g] for g in fixing) or "no element"
        raise ValueError(f"no action: {names} leaves {point!r} in place, and that is no subgroup of {G.name}")
    return fixing


class Representation:
    """Matrices with ρ(gh) = ρ(g) ρ(h) and ρ(e) = I (checked), which act on columns: ρ(g) @ x.

    Args:
        group: the group G.
        matrices: real numbers (|G|, d, d), kept as read-only float64.
        name: for display.

    Raises:
        TypeError: matrices that are not real numbers.
        ValueError: another shape, NaN or infinity, or no representation (names the pair (g, h) and the error).

    `rho + sigma` is the direct sum, `rho * sigma` the tensor (Kronecker) product.

    >>> rho = Representation(cyclic(2), [[[1]], [[-1]]], name="sign")
    >>> rho("r").item(), (rho + rho).dimension, (rho * rho).character.tolist()
    (-1.0, 2, [1.0, 1.0])
    """

    __slots__ = ("_group", "_matrices", "_name")
    _group: FiniteGroup
    _matrices: np.ndarray
    _name: str

    def __init__(self, group: FiniteGroup, matrices: Any, name: str | None = None) -> None:
        _require_group(group, "group")
        values, tolerance = _real_array(matrices, "matrices")
        if values.ndim != 3 or values.shape[1] != values.shape[2] or values.shape[1] == 0:
            raise ValueError(f"matrices have shape {values.shape}, expected ({group.order}, d, d)")
        if len(values) != group.order:
            raise ValueError(f"{len(values)} matrices were given, expected {group.order}, one for each element")
        _refuse_large(values.size)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name is {name!r}, expected a string or None")
        _require_homomorphism(group, values, tolerance)
        self._set(group, values, name)

    def _set(self, group: FiniteGroup, matrices: np.ndarray, name: str | None) -> None:
        self._group = group
        self._matrices = _read_only(matrices)
        self._name = name if name is not None else f"representation of dimension {matrices.shape[1]}"

    @classmethod
    def _known(cls, group: FiniteGroup, matrices: np.ndarray, name: str) -> Representation:
        """Without the check, for matrices that are a representation by construction."""
        rho = cls.__new__(cls)
        rho._set(group, matrices, name)
        return rho

    @classmethod
    def from_generators(
        cls, group: FiniteGroup, generators: Mapping[Any, Any], name: str | None = None
    ) -> Representation:
        """The representation with the given matrices ρ(s), by ρ(as) = ρ(a) ρ(s) along words in them.

        Raises:
            ValueError: elements that the given ones do not generate, or matrices that break a relation.

        >>> turn = [[0, -1], [1, 0]]
        >>> Representation.from_generators(cyclic(4), {"r": turn})("r3").tolist()
        [[0.0, 1.0], [-1.0, 0.0]]
        """
        _require_group(group, "group")
        given: dict[int, np.ndarray] = {}
        shape: tuple[int, ...] | None = None
        tolerance = 0.0
        for g, matrix in generators.items():
            label = f"the matrix of {g!r}"
            values, allowed = _real_array(matrix, label)
            if values.ndim != 2 or values.shape[0] != values.shape[1] or values.size == 0:
                raise ValueError(f"{label} has shape {values.shape}, expected (d, d)")
            if shape is not None and values.shape != shape:
                raise ValueError(f"{label} has shape {values.shape}, the others have {shape}")
            shape, tolerance = values.shape, max(tolerance, allowed)
            if group.element(g) in given:
                raise ValueError(f"{group.names[group.element(g)]!r} is given twice, by index and by name")
            given[group.element(g)] = values
        if shape is None:
            raise ValueError("no generators were given, expected a matrix for at least one element")
        words = _words(group.table, list(given))
        if len(words) < group.order:
            missing = ", ".join(group.names[g] for g in group if g not in words)
            needed = ", ".join(group.names[g] for g in group.generators)
            raise ValueError(f"the given elements do not generate {missing}; enough would be {needed}")
        _refuse_large(group.order * shape[0] ** 2)
        matrices = np.empty((group.order, *shape))
        for g, step in words.items():  # in the order in which they were reached
            matrices[g] = np.eye(shape[0]) if step is None else matrices[step[0]] @ given[step[1]]
        for s, matrix in given.items():
            error = float(np.abs(matrices[s] - matrix).max())
            if not error <= tolerance * max(1.0, float(np.abs(matrices).max())) ** 2:
                raise ValueError(
                    f"the matrix of {group.names[s]!r} differs by {error:.3g} from what the others make of it"
                )
        _require_homomorphism(group, matrices, tolerance)
        rho = cls.__new__(cls)
        rho._set(group, matrices, name)
        return rho

    @property
    def group(self) -> FiniteGroup:
        """The group G."""
        return self._group

    @property
    def matrices(self) -> np.ndarray:
        """ρ(g) for all g, (|G|, d, d), read-only."""
        return self._matrices

    @property
    def name(self) -> str:
        """Name for display."""
        return self._name

    @property
    def dimension(self) -> int:
        """Number d of rows of each matrix."""
        return int(self._matrices.shape[1])

    @property
    def character(self) -> np.ndarray:
        """trace ρ(g), (|G|,)."""
        return np.trace(self._matrices, axis1=1, axis2=2)

    @property
    def is_signed_permutation(self) -> bool:
        """Whether each row and column of each matrix holds one entry ±1 and otherwise exact zeros."""
        one = np.abs(self._matrices) == 1
        only = bool((one | (self._matrices == 0)).all())
        return only and bool((one.sum(axis=1) == 1).all() and (one.sum(axis=2) == 1).all())

    @property
    def is_permutation(self) -> bool:
        """Whether each matrix permutes the coordinates."""
        return self.is_signed_permutation and bool((self._matrices >= 0).all())

    def __call__(self, g: Element) -> np.ndarray:
        """ρ(g), (d, d), read-only."""
        return self._matrices[self._group.element(g)]

    def __add__(self, other: Representation) -> Representation:
        if not isinstance(other, Representation):
            return NotImplemented
        self._require_same_group(other)
        d, both = self.dimension, self.dimension + other.dimension
        _refuse_large(self._group.order * both**2)
        matrices = np.zeros((self._group.order, both, both))
        matrices[:, :d, :d] = self._matrices
        matrices[:, d:, d:] = other._matrices
        return Representation._known(self._group, matrices, f"{self.name} + {other.name}")

    def __mul__(self, other: Representation) -> Representation:
        if not isinstance(other, Representation):
            return NotImplemented
        self._require_same_group(other)
        both = self.dimension * other.dimension
        _refuse_large(self._group.order * both**2)
        matrices = np.einsum("gij,gkl->gikjl", self._matrices, other._matrices)
        matrices = matrices.reshape(self._group.order, both, both)  # (|G|, d d', d d')
        left, right = (f"({x})" if " + " in x else x for x in (self.name, other.name))
        return Representation._known(self._group, matrices, f"{left} * {right}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Representation):
            return NotImplemented
        if self._group != other._group or self.dimension != other.dimension:
            return False
        return bool(np.allclose(self._matrices, other._matrices, rtol=0, atol=1e-9))

    def __hash__(self) -> int:
        return hash((self._group, self.dimension))

    def __repr__(self) -> str:
        return f"Representation {self.name} of {self._group.name}, dimension {self.dimension}"

    def _require_same_group(self, other: Representation) -> None:
        if self._group != other._group:
            raise ValueError(
                f"{self.name!r} represents {self._group.name} and {other.name!r} "
                f"represents {other._group.name}, expected one group"
            )


def trivial(G: FiniteGroup, dimension: int = 1) -> Representation:
    """ρ(g) = I for all g: nothing moves.

    >>> trivial(cyclic(3), 2)("r").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    _require_group(G, "G")
    d = _size(dimension, "dimension", None)
    _refuse_large(G.order * d**2)
    return Representation._known(G, np.tile(np.eye(d), (G.order, 1, 1)), "trivial" if d == 1 else f"trivial({d})")


def regular(G: FiniteGroup) -> Representation:
    """ρ(g) e_h = e_{gh}: the group permutes its own elements; dimension |G|.

    >>> regular(cyclic(3))("r").argmax(axis=0).tolist()
    [1, 2, 0]
    """
    _require_group(G, "G")
    return Representation._known(G, _permutation_matrices(G.table), "regular")


def permutation(G: FiniteGroup, images: Any) -> Representation:
    """ρ(g) e_i = e_{g·i}: the coordinates move as the points 0..n−1 do.

    Args:
        G: a group.
        images: integers (|G|, n), images[g, i] = g·i.

    Raises:
        TypeError: images that are not integers.
        ValueError: another shape, a row that is no permutation, or no left action (names g, h and i).

    >>> permutation(cyclic(2), [[0, 1, 2], [1, 0, 2]])("r").argmax(axis=0).tolist()
    [1, 0, 2]
    """
    _require_group(G, "G")
    moved = integer_array(images, "images", 2)
    if len(moved) != G.order or moved.shape[1] == 0:
        raise ValueError(f"images have shape {moved.shape}, expected ({G.order}, n)")
    for g in G:
        if not np.array_equal(np.sort(moved[g]), np.arange(moved.shape[1])):
            raise ValueError(
                f"images[{G.names[g]!r}] = {moved[g].tolist()}, expected a permutation of 0 to {moved.shape[1] - 1}"
            )
    broken = _not_an_action(G, moved)
    if broken is not None:
        a, b, i = broken
        if b is None:
            raise ValueError(f"no action: the identity takes {i} to {moved[0, i]}, expected {i}")
        raise ValueError(
            f"no left action: g = {G.names[a]!r}, h = {G.names[b]!r}: "
            f"(gh)·{i} = {moved[G.multiply(a, b), i]}, but g·(h·{i}) = {moved[a, moved[b, i]]}"
        )
    return Representation._known(G, _permutation_matrices(moved), "permutation")


def rotation_2d(G: FiniteGroup) -> Representation:
    """ρ(r) = [[cos t, −sin t], [sin t, cos t]], t = 360°/n, ρ(s) = diag(1, −1), on (x right, y up).

    Args:
        G: `cyclic(n)` or `dihedral(n)`.

    Raises:
        ValueError: another group.

    >>> rotation_2d(dihedral(4))("r").tolist()
    [[0.0, -1.0], [1.0, 0.0]]
    """
    _require_group(G, "G")
    flips = "s" in G.names
    n = G.order // 2 if flips else G.order
    model = dihedral(n) if flips else cyclic(n)
    if model != G or G.names != model.names:
        raise ValueError(f"{G.name} is given, expected cyclic(n) or dihedral(n): others have no turns of the plane")
    k = np.arange(n)
    exact = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])  # cos and sin of quarter turns, without rounding errors
    turn = 2 * np.pi * k / n
    quarter = (4 * k % n == 0)[:, None]
    cos, sin = np.where(quarter, exact[4 * k // n], np.stack([np.cos(turn), np.sin(turn)], axis=1)).T
    turns = np.stack([np.stack([cos, -sin], axis=1), np.stack([sin, cos], axis=1)], axis=1)  # (n, 2, 2)
    matrices = np.concatenate([turns, turns @ np.diag([1, -1])]) if flips else turns
    return Representation._known(G, matrices + 0.0, "rotation_2d")  # + 0.0 turns −0 into 0


def _read_only(array: np.ndarray) -> np.ndarray:
    array = np.array(array)
    array.setflags(write=False)
    return array


def _require_group(value: Any, what: str) -> None:
    if not isinstance(value, FiniteGroup):
        raise TypeError(f"{what} is {value!r}, expected a FiniteGroup such as cyclic(4)")


def _size(value: Any, what: str, largest: int | None) -> int:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} is {value!r}, expected an integer")
    if value < 1 or (largest is not None and value > largest):
        bounds = "at least 1" if largest is None else f"1 to {largest}"
        raise ValueError(f"{what} is {value}, expected {bounds}")
    return int(value)


def _refuse_large(entries: int) -> None:
    if entries > _MAX_ENTRIES:
        raise ValueError(f"the matrices would have {entries} entries, expected at most {_MAX_ENTRIES} (1 GiB)")


def _real_array(values: Any, what: str) -> tuple[np.ndarray, float]:
    """`values` as fresh float64, and the tolerance that their dtype allows; NaN and infinity are refused."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what} have different shapes: {error}") from None
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{what} has dtype {array.dtype}, expected real numbers")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{what} has {array[where]} at {where}, expected finite numbers")
    tolerance = float(np.finfo(array.dtype if array.dtype.kind == "f" else np.float64).eps) ** (2 / 3)
    return array.astype(np.float64), tolerance


def _require_homomorphism(group: FiniteGroup, matrices: np.ndarray, tolerance: float) -> None:
    """ρ(e) = I and ρ(g) ρ(s) = ρ(gs) for all g and all generators s, which implies the rest."""
    error = float(np.abs(matrices[0] - np.eye(matrices.shape[1])).max())
    allowed = tolerance * matrices.shape[1] * max(1.0, float(np.abs(matrices).max())) ** 2
    if not error <= allowed:
        raise ValueError(f"no representation: ρ({group.names[0]}) differs from the identity matrix by {error:.3g}")
    for s in group.generators:
        errors = np.abs(matrices @ matrices[s] - matrices[group.table[:, s]]).max(axis=(1, 2))  # (|G|,)
        g = int(errors.argmax())
        if not errors[g] <= allowed:
            raise ValueError(
                f"no representation: ρ(g) ρ(h) differs from ρ(gh) by {errors[g]:.3g} for the pair "
                f"(g, h) = ({group.names[g]}, {group.names[s]})"
            )


def _permutation_matrices(images: np.ndarray) -> np.ndarray:
    """(|G|, n) images -> (|G|, n, n) with a 1 in row g·i of column i."""
    order, n = images.shape
    _refuse_large(order * n * n)
    matrices = np.zeros((order, n, n))
    matrices[np.arange(order)[:, None], images, np.arange(n)] = 1.0
    return matrices


def _not_an_action(group: FiniteGroup, images: np.ndarray) -> tuple[int, int | None, int] | None:
    """The first (0, None, i) with e·i ≠ i, or (g, h, i) with (gh)·i ≠ g·(h·i); None for a left action."""
    wrong = images[0] != np.arange(images.shape[1])
    if wrong.any():
        return 0, None, int(wrong.argmax())
    for h in group.generators:  # enough: every element is a word in them
        different = np.argwhere(images[group.table[:, h]] != images[:, images[h]])  # rows (g, i)
        if len(different):
            return int(different[0, 0]), h, int(different[0, 1])
    return None


def _words(table: np.ndarray, gens: Sequence[int]) -> dict[int, tuple[int, int] | None]:
    """Elements that `gens` generate, in the order reached; each with (a, s), itself being as; e with None."""
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
            reached = set(_words(table, chosen))
    return tuple(chosen)


def _powers(n: int) -> list[str]:
    return ["e", "r", *(f"r{k}" for k in range(2, n))][:n]


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
