"""Equivariant matrices against exact null spaces (sympy), against emlp, escnn and e3nn, and the released symmetrizer.

Whatever stands in a table was printed by the package that is named: emlp 1.0.3 with jax 0.4.13,
`((V >> V)(G)).equivariant_basis().shape[-1]`; escnn 1.0.11, the number of parameters of `nn.Linear` on
`gspaces.no_base_space(G)`; e3nn 0.6.0, `o3.Irrep(2, 1).D_from_matrix(turn)`, whose entries are 0, ±1, ±1/2 and ±√3/2.
"""

import itertools

import numpy as np
import pytest
from sympy import QQ, ZZ, Matrix, Rational
from sympy.polys.matrices import DomainMatrix

from symrl_lite.groups import (
    FiniteGroup,
    Representation,
    cyclic,
    dihedral,
    permutation,
    regular,
    rotation_2d,
    symmetric,
    trivial,
)
from symrl_lite.symmetrizer import equivariant_basis, equivariant_dimension, symmetrize

C4, D4, S3, S4 = cyclic(4), dihedral(4), symmetric(3), symmetric(4)
SKEW = Representation.from_generators(S3, {"(0 1 2)": [[0, -1], [1, -1]], "(0 1)": [[0, 1], [1, 0]]}, name="skew")
SIGNS = Representation(D4, np.array([1, 1, 1, 1, -1, -1, -1, -1.0])[:, None, None], name="flips")

PAIRS = {  # all entries are whole numbers
    "C4 regular": (regular(C4), regular(C4)),
    "C4 turns to regular": (rotation_2d(C4), regular(C4)),
    "D4 regular to turns": (regular(D4), rotation_2d(D4)),
    "D4 signed": (rotation_2d(D4) * rotation_2d(D4) + SIGNS, rotation_2d(D4) + SIGNS + trivial(D4)),
    "S3 regular": (regular(S3), regular(S3)),
    "S3 not orthogonal": (SKEW + regular(S3), SKEW),
    "S3 not orthogonal, squared": (SKEW * SKEW, SKEW + trivial(S3)),
    "D4 nothing": (SIGNS, rotation_2d(D4)),
}


def exact_null_space(rho_in, rho_out):
    """The rows of a basis of {W : K_s W = W L_s for generators s} over the rational numbers."""
    blocks = []
    for s in rho_in.group.generators:
        L, K = (Matrix(rho(s).astype(int).tolist()) for rho in (rho_in, rho_out))
        for i, j in itertools.product(range(K.rows), range(L.rows)):
            row = [0] * (K.rows * L.rows)
            for k in range(K.rows):
                row[k * L.rows + j] += int(K[i, k])
            for k in range(L.rows):
                row[i * L.rows + k] -= int(L[k, j])
            blocks.append(row)
    found = DomainMatrix(blocks, (len(blocks), len(blocks[0])), ZZ).convert_to(QQ).nullspace()
    return np.array(found.to_Matrix().tolist(), dtype=float).reshape(-1, len(blocks[0]))


@pytest.mark.parametrize("name", PAIRS)
def test_bases_span_the_exact_null_space(name):
    rho_in, rho_out = PAIRS[name]
    exact = exact_null_space(rho_in, rho_out)
    assert equivariant_dimension(rho_in, rho_out) == len(exact)
    onto = np.linalg.pinv(exact) @ exact if len(exact) else np.zeros((exact.shape[1],) * 2)
    for method in ("auto", "svd", "constraints"):
        rows = equivariant_basis(rho_in, rho_out, method=method, seed=0).reshape(len(exact), exact.shape[1])
        np.testing.assert_allclose(rows.T @ rows, onto, atol=1e-10)


@pytest.mark.parametrize("name", PAIRS)
def test_the_mean_over_the_group_is_exact(name):
    rho_in, rho_out = PAIRS[name]
    W = np.random.default_rng(0).integers(-9, 10, (rho_out.dimension, rho_in.dimension))
    L, K = ([Matrix(rho(g).astype(int).tolist()) for g in rho.group] for rho in (rho_in, rho_out))
    total = Matrix.zeros(*W.shape)
    for g in rho_in.group:
        total += K[g].inv() * Matrix(W.tolist()) * L[g]
    mean = np.array((total * Rational(1, rho_in.group.order)).tolist(), dtype=float)
    np.testing.assert_allclose(symmetrize(W, rho_in, rho_out), mean, atol=1e-12)


# --- emlp: V is the permutation of the points, and T(k) = V ⊗ ... ⊗ V

CUBE = FiniteGroup.from_permutations([(4, 1, 0, 3, 5, 2), (3, 0, 2, 5, 4, 1)])  # emlp's turns of a cube's faces
EMLP = {  # V → V, T(2) → T(0), T(2) → V, T(2) → T(2)
    "S(3)": (permutation(S3, S3.permutations), (2, 2, 5, 14)),
    "S(4)": (permutation(S4, S4.permutations), (2, 2, 5, 15)),  # 2, 5, 15: the numbers of Bell, as in Maron et al. 2019
    "Z(4)": (regular(C4), (4, 4, 16, 64)),
    "Z(6)": (regular(cyclic(6)), (6, 6, 36, 216)),
    "Cube": (permutation(CUBE, CUBE.permutations), (3, 3, 12, 60)),
}


@pytest.mark.parametrize("name", EMLP)
def test_ranks_of_emlp(name):
    V, ranks = EMLP[name]
    T2, T0 = V * V, trivial(V.group)
    assert tuple(equivariant_dimension(a, b) for a, b in ((V, V), (T2, T0), (T2, V), (T2, T2))) == ranks
    for (a, b), rank in zip(((V, V), (T2, T0), (T2, V)), ranks[:3], strict=True):
        assert len(equivariant_basis(a, b)) == rank


# --- escnn

ESCNN = {  # rows and columns: regular, turns of the plane, trivial, regular + turns
    "C4": (C4, [[4, 2, 1, 6], [2, 2, 0, 4], [1, 0, 1, 1], [6, 4, 1, 10]]),
    "C6": (cyclic(6), [[6, 2, 1, 8], [2, 2, 0, 4], [1, 0, 1, 1], [8, 4, 1, 12]]),
    "D3": (dihedral(3), [[6, 2, 1, 8], [2, 1, 0, 3], [1, 0, 1, 1], [8, 3, 1, 11]]),
    "D4": (D4, [[8, 2, 1, 10], [2, 1, 0, 3], [1, 0, 1, 1], [10, 3, 1, 13]]),
}


@pytest.mark.parametrize("name", ESCNN)
def test_parameters_of_a_linear_layer_of_escnn(name):
    G, expected = ESCNN[name]
    kinds = [regular(G), rotation_2d(G), trivial(G), regular(G) + rotation_2d(G)]
    assert [[equivariant_dimension(a, b) for b in kinds] for a in kinds] == expected
    assert [[len(equivariant_basis(a, b)) for b in kinds] for a in kinds] == expected


@pytest.mark.filterwarnings("ignore")  # escnn tells of packages that it does without, and of SciPy's past
@pytest.mark.parametrize("n", [3, 4, 6])
def test_escnn_itself(n):
    """Its own parts of a representation: Σ m_i n_i · (the parameters of part i with itself)."""
    escnn = pytest.importorskip("escnn.group", reason="no escnn: what it needs wants NumPy 1 and a Fortran compiler")
    for G, theirs in ((cyclic(n), escnn.cyclic_group(n)), (dihedral(n), escnn.dihedral_group(n))):
        standard = theirs.irrep(1, 1) if G.order > n else theirs.irrep(1)
        kinds = [theirs.regular_representation, standard, escnn.directsum([theirs.regular_representation, standard])]
        ours = [Representation(G, [kind(g) for g in theirs.elements]) for kind in kinds]
        assert ours[0] == regular(G) and ours[1] == rotation_2d(G)
        for (a, x), (b, y) in itertools.product(zip(kinds, ours, strict=True), repeat=2):
            parts = sum(
                a.irreps.count(i.id) * b.irreps.count(i.id) * i.sum_of_squares_constituents for i in theirs.irreps()
            )
            assert equivariant_dimension(x, y) == len(equivariant_basis(x, y)) == parts


# --- e3nn: vectors, quadratic functions, ... under the 24 turns of a cube

HALF = np.sqrt(0.75)
TURN_X, TURN_Z = [[1, 0, 0], [0, 0, -1], [0, 1, 0]], [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
QUADRATIC_X = [[0, 1, 0, 0, 0], [-1, 0, 0, 0, 0], [0, 0, -0.5, 0, HALF], [0, 0, 0, -1, 0], [0, 0, HALF, 0, 0.5]]
QUADRATIC_Z = [[0, 0, 0, -1, 0], [0, -1, 0, 0, 0], [0, 0, -0.5, 0, -HALF], [1, 0, 0, 0, 0], [0, 0, -HALF, 0, 0.5]]

# How the functions of degree l fall apart into A1, A2, E, T1 and T2: the splitting of levels in a cubic crystal.
BETHE = np.array([[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 1, 0, 1], [0, 1, 0, 1, 1], [1, 0, 1, 1, 1], [0, 0, 1, 2, 1]])


def turns_of_a_cube():
    matrices = [np.eye(3, dtype=int)]
    for m in matrices:  # grows while it is walked along
        for turn in (TURN_X, TURN_Z):
            if not any(np.array_equal(m @ turn, other) for other in matrices):
                matrices.append(m @ np.array(turn))
    number = {m.tobytes(): g for g, m in enumerate(matrices)}
    group = FiniteGroup([[number[(a @ b).tobytes()] for b in matrices] for a in matrices], name="turns of a cube")
    x, z = (number[np.array(turn).tobytes()] for turn in (TURN_X, TURN_Z))
    return group, Representation(group, matrices), x, z


def test_quadratic_functions_on_a_cube():
    G, V, x, z = turns_of_a_cube()
    assert G.order == 24 and not G.is_abelian and G.inverse(x) != x
    quadratic = Representation.from_generators(G, {x: QUADRATIC_X, z: QUADRATIC_Z})
    # Symmetric matrices without a trace: V ⊗ V is a number, an axial vector and the functions of degree 2.
    np.testing.assert_allclose((V * V).character, 1 + V.character + quadratic.character, atol=1e-12)
    kinds = [trivial(G), V, quadratic]
    for (k, a), (m, b) in itertools.product(enumerate(kinds), repeat=2):
        assert equivariant_dimension(a, b) == len(equivariant_basis(a, b)) == BETHE[k] @ BETHE[m]
    assert [equivariant_dimension(V * V, b) for b in kinds] == [1, 1, 2]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of torch, for e3nn's scripts
def test_e3nn_itself():
    torch, o3 = pytest.importorskip("torch"), pytest.importorskip("e3nn.o3", reason="no e3nn: pip install -e .[peers]")
    G, V, x, z = turns_of_a_cube()
    kinds = []
    for degree in range(6):
        theirs = o3.Irrep(degree, 1).D_from_matrix(torch.tensor(V.matrices)).numpy().astype(np.float32)
        kinds.append(Representation(G, theirs))  # single precision is what its tables have
        made = Representation.from_generators(G, {x: theirs[x], z: theirs[z]})
        np.testing.assert_allclose(made.matrices, theirs, atol=1e-4)
    np.testing.assert_allclose(kinds[2](x), QUADRATIC_X, atol=1e-4)
    np.testing.assert_allclose(kinds[2](z), QUADRATIC_Z, atol=1e-4)
    for (k, a), (m, b) in itertools.product(enumerate(kinds), repeat=2):
        assert equivariant_dimension(a, b) == BETHE[k] @ BETHE[m]
        basis = equivariant_basis(a, b, tolerance=1e-5)
        assert len(basis) == BETHE[k] @ BETHE[m]
        assert all(np.abs(basis @ a(g) - b(g) @ basis).max(initial=0) < 1e-4 for g in G)


# --- the code released with van der Pol et al. 2020: Σ_g K_g W L_g, without the inverse

RELEASED = {  # rank found, right rank; over all W of length 1 the largest entry of W L_g − K_g W, of W L_g − K_g⁻¹ W
    "C2": (cyclic(2), 2, 2, 0, 0),
    "C4": (C4, 4, 4, np.sqrt(1 / 2), 0),
    "D4": (D4, 20, 8, np.sqrt(1 / 2), np.sqrt(1 / 2)),
    "S3": (S3, 18, 6, np.sqrt(8 / 9), np.sqrt(8 / 9)),
}


def released_basis(rho, seed):
    """As there: many random matrices, the sum, and the right singular vectors."""
    d = rho.dimension
    drawn = np.random.default_rng(seed).normal(size=(8 * d * d, d, d))
    total = sum(rho(g) @ drawn @ rho(g) for g in rho.group).reshape(len(drawn), -1)
    return np.linalg.svd(total, full_matrices=False)[2][: np.linalg.matrix_rank(total)].reshape(-1, d, d)


@pytest.mark.parametrize("name", RELEASED)
def test_the_released_sum_is_right_only_where_each_element_is_its_own_inverse(name):
    G, found, right, plain, inverse = RELEASED[name]
    rho = regular(G)
    basis = released_basis(rho, seed=0)
    assert len(basis) == found and equivariant_dimension(rho, rho) == right

    def worst(turned):
        off = [basis @ rho(g) - rho(G.inverse(g) if turned else g) @ basis for g in G]
        return max(np.sqrt((x**2).sum(axis=0)).max() for x in off)  # over all sums of the basis of length 1

    assert worst(False) == pytest.approx(plain, abs=1e-12) and worst(True) == pytest.approx(inverse, abs=1e-12)
    ours = equivariant_basis(rho, rho, method="svd", seed=0)
    assert len(ours) == right and max(np.abs(ours @ rho(g) - rho(g) @ ours).max() for g in G) < 1e-12


def test_the_figures_of_the_released_code_are_draws():
    """The basis is a random one, so its largest error is too: 0.49 for D4 and 0.64 for C4 are among the draws."""
    for G, recorded in ((D4, 0.49), (C4, 0.64)):
        rho = regular(G)
        bases = [released_basis(rho, seed) for seed in range(20)]
        errors = [max(np.abs(b @ rho(g) - rho(g) @ b).max() for g in G) for b in bases]
        assert 0.35 < min(errors) < recorded < max(errors) <= np.sqrt(1 / 2) + 1e-12
