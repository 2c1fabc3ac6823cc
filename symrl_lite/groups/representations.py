"""`Representation`: group elements as matrices that multiply as the elements do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symrl_lite.door import plain_array
from symrl_lite.groups.axioms import integer_array
from symrl_lite.groups.finite_group import Element, FiniteGroup, read_only, require_group, words
from symrl_lite.groups.named import cyclic, dihedral, not_an_action, whole_number

__all__ = ["Representation", "permutation", "regular", "rotation_2d", "trivial"]

_MAX_ENTRIES = 2**27  # matrices of 1 GiB


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

    Source: Serre 1977, Linear Representations of Finite Groups.
    """

    __slots__ = ("_group", "_matrices", "_name")
    _group: FiniteGroup
    _matrices: np.ndarray
    _name: str

    def __init__(self, group: FiniteGroup, matrices: Any, name: str | None = None) -> None:
        require_group(group, "group")
        values, tolerance = _real_array(matrices, "matrices")
        if values.ndim != 3 or values.shape[1] != values.shape[2] or values.shape[1] == 0:
            raise ValueError(f"matrices have shape {values.shape}, expected ({group.order}, d, d)")
        if len(values) != group.order:
            raise ValueError(f"{len(values)} matrices were given, expected {group.order}, one for each element")
        _refuse_large(values.size)
        _require_homomorphism(group, values, tolerance)
        self._set(group, values, name)

    def _set(self, group: FiniteGroup, matrices: np.ndarray, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name is {name!r}, expected a string or None")
        self._group = group
        self._matrices = read_only(matrices)
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
        require_group(group, "group")
        if not isinstance(generators, Mapping):
            raise TypeError(f"generators are {generators!r}, expected a mapping from elements to matrices")
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
        reached = words(group.table, list(given))
        if len(reached) < group.order:
            missing = ", ".join(group.names[g] for g in group if g not in reached)
            needed = ", ".join(group.names[g] for g in group.generators)
            raise ValueError(f"the given elements do not generate {missing}; enough would be {needed}")
        _refuse_large(group.order * shape[0] ** 2)
        matrices = np.empty((group.order, *shape))
        for g, step in reached.items():  # in the order in which they were reached
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

    @property
    def is_orthogonal(self) -> bool:
        """Whether ρ(g) ρ(g)ᵀ = I for every g, to 1e-9: lengths are kept."""
        products = self._matrices @ self._matrices.transpose(0, 2, 1)
        return bool(np.abs(products - np.eye(self.dimension)).max() <= 1e-9)

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
    require_group(G, "G")
    d = whole_number(dimension, "dimension", None)
    _refuse_large(G.order * d**2)
    return Representation._known(G, np.tile(np.eye(d), (G.order, 1, 1)), "trivial" if d == 1 else f"trivial({d})")


def regular(G: FiniteGroup) -> Representation:
    """ρ(g) e_h = e_{gh}: the group permutes its own elements; dimension |G|.

    >>> regular(cyclic(3))("r").argmax(axis=0).tolist()
    [1, 2, 0]

    Source: Serre 1977, Linear Representations of Finite Groups.
    """
    require_group(G, "G")
    return Representation._known(G, _permutation_matrices(G.table), "regular")


def permutation(G: FiniteGroup, images: Any) -> Representation:
    """ρ(g) e_i = e_{g·i}: the coordinates move as the points 0..n−1 do.

    Args:
        G: a group.
        images: integers (|G|, n), images[g, i] = g·i.

    Raises:
        TypeError: images that are not integers.
        ValueError: another shape, a row that is no permutation, or no left action (elements and point are named).

    >>> permutation(cyclic(2), [[0, 1, 2], [1, 0, 2]])("r").argmax(axis=0).tolist()
    [1, 0, 2]

    Source: Serre 1977, Linear Representations of Finite Groups.
    """
    require_group(G, "G")
    moved = integer_array(images, "images", 2)
    if len(moved) != G.order or moved.shape[1] == 0:
        raise ValueError(f"images have shape {moved.shape}, expected ({G.order}, n)")
    for g in G:
        if not np.array_equal(np.sort(moved[g]), np.arange(moved.shape[1])):
            raise ValueError(
                f"images[{G.names[g]!r}] = {moved[g].tolist()}, expected a permutation of 0 to {moved.shape[1] - 1}"
            )
    broken = not_an_action(G, moved)
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

    Source: Serre 1977, Linear Representations of Finite Groups (the groups C_n and D_n).
    """
    require_group(G, "G")
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


def _refuse_large(entries: int) -> None:
    if entries > _MAX_ENTRIES:
        raise ValueError(f"the matrices would have {entries} entries, expected at most {_MAX_ENTRIES} (1 GiB)")


def _real_array(values: Any, what: str) -> tuple[np.ndarray, float]:
    """`values` as fresh float64, and the tolerance that their dtype allows; NaN and infinity are refused."""
    try:
        array = plain_array(values)
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
