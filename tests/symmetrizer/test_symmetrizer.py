"""The projection, the number and the bases of equivariant matrices, over groups × representations."""

import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite.groups import (
    FiniteGroup,
    Representation,
    cyclic,
    dihedral,
    direct_product,
    permutation,
    regular,
    rotation_2d,
    symmetric,
    trivial,
)
from symrl_lite.symmetrizer import (
    WeightOrbits,
    equivariant_basis,
    equivariant_dimension,
    symmetrize,
    weight_orbits,
)


def signs(G):
    """Signs of permutations (of the regular action where the group has no other)."""
    images = G.permutations if G.permutations is not None else G.table
    parity = [(-1.0) ** sum(p[i] > p[j] for i in range(len(p)) for j in range(i + 1, len(p))) for p in images]
    return Representation(G, np.array(parity)[:, None, None], name="sign")


def standard(G):
    """Permutations of n points on the vectors whose entries sum to 0: orthogonal, not a permutation for n > 2."""
    n = G.permutations.shape[1]
    basis = np.linalg.svd(np.ones((1, n)))[2][1:]  # (n − 1, n), rows orthogonal to (1, ..., 1)
    matrices = permutation(G, G.permutations).matrices
    return Representation(G, basis @ matrices @ basis.T, name="standard")


A5 = FiniteGroup.from_permutations([(1, 2, 0, 3, 4), (1, 2, 3, 4, 0)], name="A5")
GROUPS = {
    "C2": cyclic(2),
    "C3": cyclic(3),
    "C4": cyclic(4),
    "D4": dihedral(4),
    "S3": symmetric(3),
    "S4": symmetric(4),
    "A5": A5,
    "C2×C2": direct_product(cyclic(2), cyclic(2)),
    "S3×C2": direct_product(symmetric(3), cyclic(2)),
}


def representations(G):
    found = {"trivial": trivial(G, 2), "sign": signs(G)}
    if G.order <= 24:
        found["regular"] = regular(G)
        found["signed regular"] = regular(G) * signs(G)
    if G.name in ("C2", "C3", "C4", "D4"):
        found["rotation"] = rotation_2d(G)
    if G.name in ("S3", "S4", "A5"):
        found["points"] = permutation(G, G.permutations)
        found["standard"] = standard(G)
    return found


PAIRS = [
    pytest.param(a, b, id=f"{name}: {first} → {second}")
    for name, G in GROUPS.items()
    for (first, a), (second, b) in itertools.product(representations(G).items(), repeat=2)
]


def obeys(W, rho_in, rho_out, atol=1e-9):
    return all(np.allclose(W @ rho_in(g), rho_out(g) @ W, atol=atol) for g in rho_in.group)


@pytest.mark.parametrize(("rho_in", "rho_out"), PAIRS)
def test_rank_is_what_the_characters_say_and_every_element_obeys(rho_in, rho_out):
    rank = equivariant_dimension(rho_in, rho_out)
    d = rho_in.dimension * rho_out.dimension
    basis = equivariant_basis(rho_in, rho_out)
    assert basis.shape == (rank, rho_out.dimension, rho_in.dimension)
    assert obeys(basis, rho_in, rho_out)
    rows = basis.reshape(rank, d)
    assert np.allclose(rows @ rows.T, np.eye(rank))
    # All of it: the projection of any matrix lies in the span.
    W = symmetrize(np.random.default_rng(0).normal(size=(3, rho_out.dimension, rho_in.dimension)), rho_in, rho_out)
    flat = W.reshape(3, d)
    assert np.allclose(flat @ rows.T @ rows, flat)
    if d <= 300:
        for method in ("svd", "constraints"):
            other = equivariant_basis(rho_in, rho_out, method=method, seed=1).reshape(rank, d)
            assert np.allclose(other.T @ other, rows.T @ rows, atol=1e-7)  # the same space
        rest = equivariant_basis(rho_in, rho_out, space="nullspace").reshape(d - rank, d)
        assert np.allclose(rest @ rows.T, 0, atol=1e-9) and np.allclose(rest @ rest.T, np.eye(d - rank))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["C3", "C4", "D4", "S3"]), st.sampled_from(["regular", "sign", "trivial"])
)
def test_symmetrize_is_an_orthogonal_projection(seed, name, kind):
    G = GROUPS[name]
    rho_in, rho_out = regular(G), representations(G)[kind]
    W, V = np.random.default_rng(seed).normal(size=(2, rho_out.dimension, rho_in.dimension))
    S = symmetrize(W, rho_in, rho_out)
    assert obeys(S, rho_in, rho_out)
    assert np.allclose(symmetrize(S, rho_in, rho_out), S)
    assert np.isclose((symmetrize(V, rho_in, rho_out) * (W - S)).sum(), 0)  # what is taken off is orthogonal
    assert np.allclose(symmetrize(2 * W + V, rho_in, rho_out), 2 * S + symmetrize(V, rho_in, rho_out))


def test_without_the_inverse_it_is_wrong():
    """Σ K_g W L_g: right for C2, the inverse convention for C4, wrong for D4."""
    random = np.random.default_rng(0)
    errors = {}
    for name in ("C2", "C4", "D4"):
        G = GROUPS[name]
        rho = regular(G)
        W = random.normal(size=(G.order, G.order))
        S = sum(rho(g) @ W @ rho(g) for g in G) / G.order
        inverted = max(np.abs(S @ rho(g) - rho(G.inverse(g)) @ S).max() for g in G)
        errors[name] = (max(np.abs(S @ rho(g) - rho(g) @ S).max() for g in G), inverted)
    assert max(errors["C2"]) < 1e-12
    assert errors["C4"][0] > 0.1 and errors["C4"][1] < 1e-12
    assert min(errors["D4"]) > 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(GROUPS)), st.sampled_from(["sign", "trivial"]), st.booleans())
def test_the_lost_inverse_hides_where_each_element_acts_as_its_own_inverse(seed, name, kind, on_outputs):
    """On the outputs or on the inputs, also of groups in which order matters: Σ K_g W L_g is right there."""
    G = GROUPS[name]
    sides = [regular(G), representations(G)[kind]]
    rho_in, rho_out = sides if on_outputs else sides[::-1]
    W = np.random.default_rng(seed).normal(size=(rho_out.dimension, rho_in.dimension))
    S = sum(rho_out(g) @ W @ rho_in(g) for g in G) / G.order
    assert np.allclose(S, symmetrize(W, rho_in, rho_out))


def test_products_of_groups():
    G = direct_product(dihedral(4), symmetric(3))
    a, b = regular(G), trivial(G)
    assert equivariant_dimension(a, a) == 48 and equivariant_dimension(a, b) == 1
    assert weight_orbits(a, a).rank == 48


def test_rotations_that_are_not_symmetric():
    """C3 turning the plane commutes with all turns: dimension 2, and with its inverse the transpose would fail."""
    rho = rotation_2d(cyclic(3))
    assert equivariant_dimension(rho, rho) == 2
    basis = equivariant_basis(rho, rho)
    turn = np.array([[0, -1], [1, 0]]) / np.sqrt(2)
    assert np.isclose(((basis * turn).sum(axis=(1, 2)) ** 2).sum(), 1)


def test_representations_that_are_not_orthogonal():
    shear = np.array([[1.0, 2.0], [0.0, 1.0]])
    G = symmetric(3)
    skew = Representation(G, shear @ standard(G).matrices @ np.linalg.inv(shear))
    for method in ("svd", "constraints", "auto"):
        basis = equivariant_basis(skew, regular(G), method=method, seed=0)
        assert len(basis) == equivariant_dimension(skew, regular(G)) == 2 and obeys(basis, skew, regular(G))


# --- orbits


def orbits_by_hand(rho_in, rho_out):
    """Follow every element of the group, entry by entry."""
    d_out, d_in = rho_out.dimension, rho_in.dimension
    index, sign, rank = np.full((d_out, d_in), -1), np.zeros((d_out, d_in), dtype=int), 0
    for i, j in np.ndindex(d_out, d_in):
        if index[i, j] >= 0:
            continue
        W = np.zeros((d_out, d_in))
        W[i, j] = 1
        S = symmetrize(W, rho_in, rho_out)
        reached = np.argwhere(sum(np.abs(rho_out(g) @ W @ rho_in(g).T) for g in rho_in.group) > 0.5)
        for k, m in reached:
            index[k, m], sign[k, m] = (rank, round(S[k, m] / S[i, j])) if abs(S[i, j]) > 1e-9 else (0, 0)
        rank += abs(S[i, j]) > 1e-9
    return index, sign, rank


@pytest.mark.parametrize("name", ["C3", "C4", "D4", "S3", "C2×C2"])
@pytest.mark.parametrize("first", ["regular", "signed regular", "sign", "mixed"])
@pytest.mark.parametrize("second", ["regular", "signed regular", "sign", "mixed"])
def test_orbits_against_every_element(name, first, second):
    G = GROUPS[name]
    made = representations(G)
    made["mixed"] = regular(G) + signs(G) + trivial(G)
    orbits = weight_orbits(made[first], made[second])
    index, sign, rank = orbits_by_hand(made[first], made[second])
    assert orbits.rank == rank
    assert np.array_equal(orbits.index, index) and np.array_equal(orbits.sign, sign)
    theta = np.random.default_rng(0).normal(size=(2, rank))
    assert obeys(orbits.weight(theta), made[first], made[second])


def test_an_entry_tied_to_minus_itself_is_zero():
    sign = signs(cyclic(2))
    orbits = weight_orbits(trivial(cyclic(2)), sign)
    assert orbits.rank == 0 and orbits.sign.tolist() == [[0]]
    assert orbits.weight(np.zeros(0)).tolist() == [[0]]
    assert equivariant_basis(trivial(cyclic(2)), sign).shape == (0, 1, 1)
    assert equivariant_basis(trivial(cyclic(2)), sign, method="svd", seed=0).shape == (0, 1, 1)


def test_a_large_weight():
    """1024 × 1024 under D4: 128 copies of the regular representation; the rank is known."""
    rho = regular(dihedral(4))
    for _ in range(7):
        rho = rho + rho
    orbits = weight_orbits(rho, rho)
    assert orbits.rank == 131072 and orbits.index.shape == (1024, 1024)
    assert np.bincount(orbits.index.ravel()).tolist() == [8] * 131072
    with pytest.raises(ValueError, match=r"would take 1024.0 GiB; use weight_orbits"):
        equivariant_basis(rho, rho)


# --- controls and refusals


def test_random_and_nullspace():
    rho = regular(dihedral(4))
    everything = equivariant_basis(rho, rho, space="random", seed=3).reshape(64, 64)
    assert np.allclose(everything @ everything.T, np.eye(64))
    assert np.allclose(everything, equivariant_basis(rho, rho, space="random", seed=3).reshape(64, 64))
    assert not np.allclose(everything, equivariant_basis(rho, rho, space="random", seed=4).reshape(64, 64))
    assert not any(obeys(W, rho, rho, atol=1e-3) for W in equivariant_basis(rho, rho, space="nullspace"))
    nothing = equivariant_basis(trivial(cyclic(2)), signs(cyclic(2)), space="nullspace")
    assert np.allclose(np.abs(nothing), 1)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: symmetrize(np.eye(3), regular(cyclic(2)), regular(cyclic(2))),
            ValueError,
            "(3, 3), expected (..., 2, 2)",
        ),
        (lambda: symmetrize(np.eye(2), regular(cyclic(2)), trivial(cyclic(3))), ValueError, "two groups, C2 and C3"),
        (lambda: equivariant_dimension(regular(cyclic(2)), 3), TypeError, "rho_out is 3"),
        (lambda: equivariant_basis(*[regular(cyclic(2))] * 2, space="all"), ValueError, "space is 'all'"),
        (lambda: equivariant_basis(*[regular(cyclic(2))] * 2, method="qr"), ValueError, "method is 'qr'"),
        (lambda: weight_orbits(rotation_2d(cyclic(3)), regular(cyclic(3))), ValueError, "rho_in is"),
        (
            lambda: equivariant_basis(rotation_2d(cyclic(3)), regular(cyclic(3)), method="orbits"),
            ValueError,
            "permutations with or without signs",
        ),
        (
            lambda: equivariant_basis(*[regular(cyclic(4))] * 2, method="svd", tolerance=0.9),
            ValueError,
            "the characters say 4",
        ),
        (lambda: WeightOrbits(np.zeros((1, 1), int), np.ones((1, 1), int), 1).weight([1, 2]), ValueError, "(..., 1)"),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_every_kind_of_number_is_symmetrized():
    rho = regular(cyclic(3))
    W = np.arange(9.0).reshape(3, 3)
    for dtype in (np.float32, np.int8, np.uint8):
        assert np.array_equal(symmetrize(W.astype(dtype), rho, rho), symmetrize(W, rho, rho))
    both = symmetrize(W + 2j * W.T, rho, rho)  # the imaginary part is kept
    assert np.allclose(both.real, symmetrize(W, rho, rho)) and np.allclose(both.imag, 2 * symmetrize(W.T, rho, rho))
    with pytest.raises(TypeError, match="expected numbers"):
        symmetrize(np.full((3, 3), "a"), rho, rho)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_tensors_are_symmetrized_as_tensors_with_their_gradients(dtype):
    rho = regular(dihedral(4))
    W = torch.tensor(np.random.default_rng(0).normal(size=(3, 8, 8)), dtype=dtype, requires_grad=True)
    S = symmetrize(W, rho, rho)
    expected = symmetrize(W.detach().double().numpy(), rho, rho)
    assert S.dtype == dtype
    assert np.allclose(S.detach().numpy(), expected, rtol=0, atol=8 * torch.finfo(dtype).eps)
    S.double().square().sum().backward()  # S is an orthogonal projection: the gradient of |S(W)|² is 2 S(W)
    assert np.allclose(W.grad.numpy(), 2 * expected, rtol=0, atol=32 * torch.finfo(dtype).eps)


def test_a_weight_from_a_tensor_is_a_tensor_with_its_gradients():
    rho = regular(dihedral(4))
    orbits = weight_orbits(rho, rho)
    theta = torch.randn(2, orbits.rank, dtype=torch.float64, requires_grad=True)
    W = orbits.weight(theta)
    assert W.dtype == theta.dtype and W.shape == (2, 8, 8)
    assert np.array_equal(W.detach().numpy(), orbits.weight(theta.detach().numpy()))
    W.sum().backward()
    sizes = np.bincount(orbits.index.ravel(), weights=orbits.sign.ravel())
    assert np.array_equal(theta.grad.numpy(), np.tile(sizes, (2, 1)))
    empty = WeightOrbits(np.zeros((1, 1), int), np.zeros((1, 1), int), 0)
    assert empty.weight(torch.zeros(3, 0)).tolist() == [[[0.0]]] * 3
