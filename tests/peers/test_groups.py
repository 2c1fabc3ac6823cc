"""Groups against sympy's permutation groups, and against the tables of escnn.

escnn's numbers are those of version 1.0.11: `G = group.dihedral_group(n)`, `G.elements.index(a @ b)`, and the traces of
`G.irrep(1)` of cyclic and `G.irrep(1, 1)` of dihedral groups.
"""

import itertools

import numpy as np
import pytest
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.named_groups import DihedralGroup, SymmetricGroup

from symrl_lite.groups import FiniteGroup, cyclic, dihedral, direct_product, orbits, rotation_2d, stabilizer, symmetric

GENERATORS = {
    "C5": [(1, 2, 3, 4, 0)],
    "C2 x C2": [(1, 0, 3, 2), (2, 3, 0, 1)],
    "S3": [(1, 2, 0), (1, 0, 2)],
    "D5": [(1, 2, 3, 4, 0), (0, 4, 3, 2, 1)],
    "Q8": [(2, 3, 1, 0, 6, 7, 5, 4), (4, 5, 7, 6, 1, 0, 2, 3)],  # i and j from the left on 1, −1, i, −i, j, −j, k, −k
    "A4": [(1, 2, 0, 3), (1, 0, 3, 2)],
    "F20": [(1, 2, 3, 4, 0), (0, 2, 4, 1, 3)],  # x → x + 1 and x → 2x modulo 5
    "S4": [(1, 2, 3, 0), (1, 0, 2, 3)],
    "cube": [(4, 1, 0, 3, 5, 2), (3, 0, 2, 5, 4, 1)],  # turns of its faces
    "A5": [(1, 2, 3, 4, 0), (1, 2, 0, 3, 4)],
    "two orbits": [(1, 2, 0, 3, 4), (0, 1, 2, 4, 3)],
}


def of_sympy(generators):
    return PermutationGroup([Permutation(list(p)) for p in generators])


def class_sizes(group):
    return sorted(len(members) for members in group.conjugacy_classes())


@pytest.mark.parametrize("name", GENERATORS)
def test_everything_about_a_permutation_group(name):
    ours, theirs = FiniteGroup.from_permutations(GENERATORS[name]), of_sympy(GENERATORS[name])
    assert ours.order == theirs.order() and ours.is_abelian == theirs.is_abelian
    number = {tuple(p): g for g, p in enumerate(ours.permutations.tolist())}
    elements = {number[tuple(p.array_form)]: p for p in theirs.elements}
    assert sorted(elements) == list(range(ours.order))
    for g, h in itertools.product(range(ours.order), ours.generators):  # sympy's p·q is first p, then q
        assert ours.multiply(g, h) == number[tuple((elements[h] * elements[g]).array_form)]
    assert [ours.inverse(g) for g in ours] == [number[tuple((~elements[g]).array_form)] for g in ours]
    classes = [{number[tuple(p.array_form)] for p in members} for members in theirs.conjugacy_classes()]
    assert {frozenset(c) for c in classes} == {frozenset(c) for c in ours.conjugacy_classes()}
    points = range(ours.permutations.shape[1])
    moved = orbits(ours, lambda g, i: int(ours.permutations[g, i]), points)
    assert {frozenset(o) for o in moved if len(o) > 1} == {frozenset(o) for o in theirs.orbits()}
    for i in points:
        assert len(stabilizer(ours, lambda g, i: ours.permutations[g, i], i)) == theirs.stabilizer(i).order()


@pytest.mark.parametrize("name", ["Q8", "A4", "F20", "S4"])
def test_subgroups(name):
    ours = FiniteGroup.from_permutations(GENERATORS[name])
    images = ours.permutations.tolist()
    for pair in itertools.combinations(range(0, ours.order, 2), 2):
        theirs = of_sympy([images[g] for g in pair])
        members = {tuple(p.array_form) for p in theirs.elements}
        assert {tuple(images[g]) for g in ours.generate(pair)} == members
        assert ours.subgroup(pair).is_abelian == theirs.is_abelian


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_named_groups(n):
    turn, flip = DihedralGroup(n).generators
    D = dihedral(n)
    images = [(flip**f * turn**k).array_form for f in range(2) for k in range(n)]  # r^k s^f is first s, then r
    assert FiniteGroup.from_permutations(images).order == D.order == 2 * n
    for a, b in itertools.product(D, D):
        assert [images[a][i] for i in images[b]] == images[D.multiply(a, b)]
    if n <= 5:
        S, theirs = symmetric(n), SymmetricGroup(n)
        assert {tuple(p) for p in S.permutations.tolist()} == {tuple(p.array_form) for p in theirs.elements}
        assert class_sizes(S) == class_sizes(theirs)


def test_products():
    G, H = (FiniteGroup.from_permutations(GENERATORS[name]) for name in ("S3", "A4"))
    both = direct_product(G, H)
    pairs = [(*p, *(3 + i for i in q)) for p in G.permutations.tolist() for q in H.permutations.tolist()]
    theirs = of_sympy(pairs)
    assert both.order == theirs.order() == 72 and class_sizes(both) == class_sizes(theirs)
    elements = [Permutation(list(p)) for p in pairs]
    for g, h in itertools.product(both, both.generators):
        assert pairs[both.multiply(g, h)] == tuple((elements[h] * elements[g]).array_form)


# --- escnn

ESCNN_TABLES = {
    3: """0 1 2 3 4 5  1 2 0 4 5 3  2 0 1 5 3 4  3 5 4 0 2 1  4 3 5 1 0 2  5 4 3 2 1 0""",
    4: """0 1 2 3 4 5 6 7  1 2 3 0 5 6 7 4  2 3 0 1 6 7 4 5  3 0 1 2 7 4 5 6
          4 7 6 5 0 3 2 1  5 4 7 6 1 0 3 2  6 5 4 7 2 1 0 3  7 6 5 4 3 2 1 0""",
}
ESCNN_TRACES = {
    "C4": (cyclic(4), [2, 0, -2, 0]),
    "C6": (cyclic(6), [2, 1, -1, -2, -1, 1]),
    "D3": (dihedral(3), [2, -1, -1, 0, 0, 0]),
    "D4": (dihedral(4), [2, 0, -2, 0, 0, 0, 0, 0]),
}


@pytest.mark.parametrize("n", ESCNN_TABLES)
def test_dihedral_groups_number_their_elements_as_escnn_does(n):
    expected = np.array(ESCNN_TABLES[n].split(), dtype=int).reshape(2 * n, 2 * n)
    assert np.array_equal(dihedral(n).table, expected) and not np.array_equal(expected, expected.T)


@pytest.mark.parametrize("name", ESCNN_TRACES)
def test_traces_of_turns_and_flips_of_the_plane(name):
    group, traces = ESCNN_TRACES[name]
    np.testing.assert_allclose(rotation_2d(group).character, traces, atol=1e-12)


@pytest.mark.filterwarnings("ignore")  # escnn tells of packages that it does without, and of SciPy's past
@pytest.mark.parametrize("n", [3, 4, 5, 8])
def test_escnn_itself(n):
    escnn = pytest.importorskip("escnn.group", reason="no escnn: what it needs wants NumPy 1 and a Fortran compiler")
    for ours, theirs in ((cyclic(n), escnn.cyclic_group(n)), (dihedral(n), escnn.dihedral_group(n))):
        elements = theirs.elements
        assert [[elements.index(a @ b) for b in elements] for a in elements] == ours.table.tolist()
        standard = theirs.irrep(1, 1) if len(elements) > n else theirs.irrep(1)
        np.testing.assert_allclose([standard(g) for g in elements], rotation_2d(ours).matrices, atol=1e-12)
