"""Any orthogonal representation as blocks of real irreducible ones, lined up for all representations of a group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from symrl_lite.groups.finite_group import FiniteGroup, read_only
from symrl_lite.groups.representations import Representation, regular

__all__ = ["BlockForm", "block_form"]

_DRAWS = 32  # random elements of the group algebra that are tried; the one that separates best is used
_TOLERANCE = 1e-8  # eigenvalues closer than this are one


@dataclass(frozen=True, eq=False)
class BlockForm:
    """An orthonormal basis in which every matrix that commutes with the representation is a row of small blocks.

    Each real irreducible representation of the group takes `rows` · `columns` coordinates, numbered (row, column). A
    matrix W from one block form to another one with W ρ(g) = ρ'(g) W does the same in every row: it takes the columns
    to the columns, and no row to another one.
    """

    basis: np.ndarray  # (d, d): x in blocks is basis @ x
    blocks: tuple[tuple[int, int], ...]  # (rows, columns) for each irreducible; no column where it is not in it

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each block starts among the d coordinates."""
        sizes = [rows * columns for rows, columns in self.blocks]
        return tuple(int(n) for n in np.cumsum([0, *sizes[:-1]]))


def block_form(rho: Representation) -> BlockForm:
    """Q with Q ρ(g) Qᵀ = ⊕_k ρ_k(g), every real irreducible ρ_k (as often as it is in ρ) next to its equals.

    The irreducible ones come from the regular representation: eigenspaces of a random element of the group algebra,
    once for each group. Rows of one irreducible are lined up by other elements of the algebra, so that block forms of
    different representations of a group fit each other.

    Args:
        rho: an orthogonal representation, of dimension d.

    Returns:
        A BlockForm, exact to rounding (1e-12). The number of blocks is that of the classes {hgh⁻¹} ∪ {hg⁻¹h⁻¹}.

    Raises:
        TypeError: no representation. ValueError: one that is not orthogonal.

    >>> from symrl_lite.groups import cyclic, dihedral, rotation_2d
    >>> block_form(regular(dihedral(4))).blocks  # four of dimension 1, and the turns of the plane twice
    ((1, 1), (1, 1), (1, 1), (1, 1), (2, 2))
    >>> block_form(regular(cyclic(3))).blocks, block_form(rotation_2d(cyclic(3))).blocks  # turns commute with turns
    (((1, 1), (1, 2)), ((1, 0), (1, 2)))

    Source: Serre 1977, Linear Representations of Finite Groups, sections 2.6 and 6.2.
    """
    if not isinstance(rho, Representation):
        raise TypeError(f"rho is {rho!r}, expected a Representation")
    if not rho.is_orthogonal:
        raise ValueError(f"{rho!r} is not orthogonal: its blocks would not be either")
    basis, blocks = [], []
    for first, *others in _lines(rho.group):
        values, vectors = np.linalg.eigh(np.tensordot(first, rho.matrices, 1))  # a projection
        row = vectors[:, values > 0.5].T  # (columns, d)
        rows = [row, *(row @ np.tensordot(other, rho.matrices, 1).T for other in others)]
        basis += rows
        blocks.append((len(rows), len(row)))
    return BlockForm(read_only(np.concatenate(basis)), tuple(blocks))


@lru_cache(maxsize=64)
def _lines(group: FiniteGroup) -> tuple[tuple[np.ndarray, ...], ...]:
    """For each irreducible, elements of the group algebra, as coefficients (|G|,): a projection on its first row, and
    for each further row what takes the first row to it."""
    R = regular(group).matrices
    random = np.random.default_rng(0)
    inverse = np.array([group.inverse(g) for g in group])
    label = np.empty(group.order, dtype=np.int64)  # of the class of g and g⁻¹
    for k, members in enumerate(group.conjugacy_classes()):
        label[list(members)] = k
    _, label = np.unique(np.minimum(label, label[inverse]), return_inverse=True)
    n_irreducible = int(label.max()) + 1

    def algebra(coefficients: np.ndarray) -> np.ndarray:
        return np.tensordot(coefficients, R, 1)

    # Equal on g and g⁻¹ and on classes: symmetric, and in the centre, so that it has one eigenvalue on each isotype.
    isotypes = _best([_spaces(algebra(random.normal(size=n_irreducible)[label])) for _ in range(_DRAWS)], n_irreducible)
    lines = []
    for space in isotypes:  # (|G|, dimension of the irreducible · how often)
        drawn = random.normal(size=(_DRAWS, group.order))
        parts = [_spaces(space.T @ algebra(a + a[inverse]) @ space) for a in drawn]
        rows = [space @ part for part in _best(parts, max(len(found) for found, _ in parts))]
        best: list[np.ndarray] = []
        quality = 0.0
        for b in random.normal(size=(_DRAWS, group.order)):
            mover = algebra(b)
            links = [row.T @ mover @ rows[0] for row in rows[1:]]  # each a multiple of an orthogonal matrix
            least = min((float(np.linalg.norm(link, -2)) for link in links), default=1.0)
            if least > quality:
                best, quality = links, least
        first = rows[0] @ rows[0].T
        moved = [row @ link / np.linalg.norm(link, 2) @ rows[0].T for row, link in zip(rows[1:], best, strict=True)]
        lines.append(tuple(matrix[:, group.identity] for matrix in (first, *moved)))  # Σ a_g g moves e to Σ a_g g
    # Small ones first, and of these the trivial one: its projection is 1/|G| Σ g.
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                len(line),
                round(group.order * line[0][group.identity]),
                np.ptp(line[0]) > 0.1 / group.order,
            ),
        )
    )


Spaces = tuple[list[np.ndarray], float]


def _spaces(symmetric: np.ndarray) -> Spaces:
    """Orthonormal bases of its eigenspaces, and the smallest gap between eigenvalues over the largest eigenvalue."""
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    gaps = np.diff(values) / max(float(np.abs(values).max()), 1e-300)
    cuts = np.flatnonzero(gaps > _TOLERANCE) + 1
    return np.split(vectors, cuts, axis=1), float(gaps[cuts - 1].min(initial=1.0))


def _best(found: list[Spaces], number: int) -> list[np.ndarray]:
    """Of those with so many spaces, the ones that are furthest apart."""
    return max((pair for pair in found if len(pair[0]) == number), key=lambda pair: pair[1])[0]
