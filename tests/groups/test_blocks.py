"""Block forms: exact to rounding for every group of order up to 24, lined up between representations."""

import numpy as np
import pytest

from symrl_lite.groups import (
    Representation,
    block_form,
    cyclic,
    dihedral,
    permutation,
    regular,
    rotation_2d,
    symmetric,
    trivial,
)
from symrl_lite.symmetrizer import equivariant_basis
from tests.groups.small_groups import NUMBERS, small_groups

ROUNDING = 1e-12
D4, S4 = dihedral(4), symmetric(4)


def test_these_are_all_groups_of_order_up_to_24():
    found = [group.order for group in small_groups()]
    assert [found.count(n) for n in range(1, 25)] == NUMBERS and len(found) == 74


def real_classes(group):
    """{hgh⁻¹} ∪ {hg⁻¹h⁻¹}: as many as real irreducible representations."""
    return {frozenset(c) | {group.inverse(g) for g in c} for c in group.conjugacy_classes()}


def in_rows(matrices, blocks, starts):
    """The part of matrices in block form that lies in each irreducible: (..., rows, columns, rows, columns)."""
    for (rows, columns), start in zip(blocks, starts, strict=True):
        inside = slice(start, start + rows * columns)
        yield matrices[..., inside, inside].reshape(*matrices.shape[:-2], rows, columns, rows, columns)


@pytest.mark.parametrize("group", small_groups(), ids=lambda group: group.name)
def test_the_regular_representation_in_blocks(group):
    rho = regular(group)
    form = block_form(rho)
    Q = form.basis
    assert np.abs(Q @ Q.T - np.eye(group.order)).max() < ROUNDING
    assert len(form.blocks) == len(real_classes(group)) and form.blocks[0] == (1, 1)
    moved = Q @ rho.matrices @ Q.T
    inside = np.zeros((group.order, group.order), dtype=bool)
    for (rows, columns), start in zip(form.blocks, form.starts, strict=True):
        inside[start : start + rows * columns, start : start + rows * columns] = True
    assert np.abs(moved[:, ~inside]).max(initial=0) < ROUNDING
    # A part is one irreducible of dimension d, m times, d = m, 2 m or 4 m (real, complex, quaternionic): then m rows of
    # d columns, and the character of the part, m χ, has the square m² d / m.
    for (rows, columns), part in zip(form.blocks, in_rows(moved, form.blocks, form.starts), strict=True):
        character = np.einsum("gicic->g", part)
        assert columns in (rows, 2 * rows, 4 * rows)
        assert character @ character / group.order == pytest.approx(rows * columns)
    # What commutes with ρ does the same in every row, and nothing between rows.
    commuting = Q @ equivariant_basis(rho, rho) @ Q.T
    assert np.abs(commuting[:, ~inside]).max(initial=0) < ROUNDING
    for part in in_rows(commuting, form.blocks, form.starts):
        rows = part.shape[1]
        expected = np.einsum("ik,bcd->bickd", np.eye(rows), part[:, 0, :, 0, :])
        assert np.abs(part - expected).max() < ROUNDING


def test_all_three_kinds_are_met():
    blocks = {block for group in small_groups() for block in block_form(regular(group)).blocks}
    assert {(2, 2), (1, 2), (1, 4)} <= blocks  # the plane under D3, under C3, and the quaternions


@pytest.mark.parametrize(
    ("rho", "sigma"),
    [
        (regular(S4), permutation(S4, S4.permutations)),
        (rotation_2d(D4), regular(D4) + trivial(D4)),
        (regular(cyclic(5)), rotation_2d(cyclic(5)) + regular(cyclic(5))),
        (rotation_2d(dihedral(3)) * rotation_2d(dihedral(3)), regular(dihedral(3))),
    ],
    ids=repr,
)
def test_representations_of_a_group_are_lined_up(rho, sigma):
    """Every W with W ρ(g) = σ(g) W keeps to its irreducible and to its row, and does the same in all of them."""
    one, other = block_form(rho), block_form(sigma)
    commuting = other.basis @ equivariant_basis(rho, sigma) @ one.basis.T
    left = np.zeros_like(commuting)
    for (rows, q_in), i, (same, q_out), j in zip(one.blocks, one.starts, other.blocks, other.starts, strict=True):
        assert rows == same
        part = commuting[:, j : j + rows * q_out, i : i + rows * q_in].reshape(len(commuting), rows, q_out, rows, q_in)
        expected = np.einsum("ik,bcd->bickd", np.eye(rows), part[:, 0, :, 0, :])
        left[:, j : j + rows * q_out, i : i + rows * q_in] = expected.reshape(len(commuting), rows * q_out, rows * q_in)
    assert np.abs(commuting - left).max() < ROUNDING


def test_what_is_refused():
    skewed = Representation(cyclic(2), [np.eye(2), [[1, 1], [0, -1]]])
    assert not skewed.is_orthogonal and rotation_2d(D4).is_orthogonal
    with pytest.raises(ValueError, match="is not orthogonal"):
        block_form(skewed)
    with pytest.raises(TypeError, match="expected a Representation"):
        block_form(D4)
