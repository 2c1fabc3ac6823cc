"""Groups and representations against counts, brute force and permutations composed by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite import groups
from symrl_lite.groups import (
    FiniteGroup,
    Representation,
    check_axioms,
    cyclic,
    dihedral,
    direct_product,
    orbits,
    permutation,
    regular,
    rotation_2d,
    stabilizer,
    symmetric,
    trivial,
)

C2, C3, C4, D4, S3 = cyclic(2), cyclic(3), cyclic(4), dihedral(4), symmetric(3)
GROUPS = [C2, C3, C4, D4, S3, direct_product(C2, C2), direct_product(S3, C2)]
some_group = st.sampled_from(GROUPS)


def sign(group):
    """The sign of the permutations of S3."""
    return Representation(group, [[[round(np.linalg.det(np.eye(3)[list(p)]))]] for p in group.permutations])


REPRESENTATIONS = [
    *(regular(G) for G in GROUPS),
    *(trivial(G, 2) for G in GROUPS),
    *(rotation_2d(G) for G in (C2, C3, C4, D4)),
    permutation(S3, S3.permutations),
    sign(S3),
    regular(C4) + rotation_2d(C4),
    rotation_2d(D4) * rotation_2d(D4),
]


def brute_force_is_group(table):
    """Closure, associativity, an identity and inverses, element by element in plain Python."""
    n, t = len(table), [[int(x) for x in row] for row in table]
    everything = range(n)
    if any(t[a][b] not in everything for a in everything for b in everything):
        return False
    if any(t[t[a][b]][c] != t[a][t[b][c]] for a in everything for b in everything for c in everything):
        return False
    neutral = [e for e in everything if all(t[e][a] == a == t[a][e] for a in everything)]
    return bool(neutral) and all(any(t[a][b] == neutral[0] == t[b][a] for b in everything) for a in everything)


@pytest.mark.parametrize("group", [*GROUPS, symmetric(4), dihedral(1), dihedral(2), cyclic(1), cyclic(7)], ids=str)
def test_constructions_are_groups_by_brute_force(group):
    assert brute_force_is_group(group.table)
    assert group.identity == 0 and len(group) == group.order == len(list(group))
    for a in group:
        assert group.multiply(a, group.inverse(a)) == 0 == group.multiply(group.inverse(a), a)
    assert group.generate(group.generators) == tuple(group)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, n), min_size=n, max_size=n), min_size=n, max_size=n)
    )
)
def test_axioms_agree_with_brute_force_on_any_table(table):
    assert check_axioms(table).is_group == brute_force_is_group(table)


def test_every_table_of_order_three():
    for flat in product(range(3), repeat=9):
        table = np.reshape(flat, (3, 3))
        report = check_axioms(table)
        triples = product(range(3), repeat=3)
        assert report.associativity == all(table[table[a, b], c] == table[a, table[b, c]] for a, b, c in triples)
        neutral = [e for e in range(3) if all(table[e, a] == a == table[a, e] for a in range(3))]
        assert report.identity == bool(neutral)
        inverse = [[table[a, b] == e == table[b, a] for b in range(3)] for e in neutral for a in range(3)]
        assert report.inverses == (bool(neutral) and all(map(any, inverse)))
        assert report.is_group == brute_force_is_group(table)


@given(some_group, st.data())
def test_a_changed_entry_is_refused(group, data):
    table = group.table.copy()
    a, b = (data.draw(st.integers(0, group.order - 1)) for _ in range(2))
    table[a, b] = data.draw(st.integers(-1, group.order).filter(lambda c: c != group.table[a, b]))
    with pytest.raises(ValueError, match="is no group"):
        FiniteGroup(table)


def test_conjugacy_classes_and_orders_known_from_books():
    a5 = FiniteGroup.from_permutations([(1, 2, 3, 4, 0), (1, 2, 0, 3, 4)])
    known = [(S3, 6, 3), (D4, 8, 5), (symmetric(4), 24, 5), (symmetric(5), 120, 7), (a5, 60, 5), (C4, 4, 4)]
    for group, order, classes in known:
        found = group.conjugacy_classes()
        assert (group.order, len(found)) == (order, classes)
        assert sorted(g for members in found for g in members) == list(group)


def test_permutations_compose_by_hand():
    for group in (S3, symmetric(4)):
        images = group.permutations.tolist()
        for g, h in product(group, group):
            assert images[group.multiply(g, h)] == [images[g][images[h][i]] for i in range(len(images[0]))]
    assert S3.names == ("e", "(1 2)", "(0 1)", "(0 1 2)", "(0 2 1)", "(0 2)")
    assert S3.permutations[S3.element("(0 1 2)")].tolist() == [1, 2, 0]


def test_moves_of_a_square_multiply_as_pictures_do():
    board = np.arange(9).reshape(3, 3)

    def move(g, x):
        return np.rot90(np.flipud(x) if g >= 4 else x, g % 4)

    for g, h in product(D4, D4):
        assert np.array_equal(move(D4.multiply(g, h), board), move(g, move(h, board)))
    assert D4.multiply("r", "s") == D4.element("rs") and D4.multiply("s", "r") == D4.element("r3s")


def test_direct_product_numbers_pairs_by_row():
    group = direct_product(S3, C2)
    for (a, b), (c, d) in product(product(S3, C2), repeat=2):
        assert group.multiply(2 * a + b, 2 * c + d) == 2 * S3.multiply(a, c) + C2.multiply(b, d)
    assert group.name == "S3 x C2" and group.names[3] == "((1 2), r)"


def test_elements_by_name_and_index():
    assert C4.element("r3") == C4.element(3) == C4.element(np.int32(3)) == 3
    for wrong, error in [("q", ValueError), (4, IndexError), (-1, IndexError), (True, TypeError), (1.0, TypeError)]:
        with pytest.raises(error):
            C4.element(wrong)
    with pytest.raises(ValueError, match="'q'; its elements are e, r, r2, r3"):
        C4.multiply("q", "e")


def test_subgroups_keep_their_names():
    flips = D4.subgroup(["r2", "s"])
    assert flips.names == ("e", "r2", "s", "r2s") and flips == direct_product(C2, C2) and flips.is_abelian
    assert not D4.is_abelian and D4.generate([]) == (0,)
    assert S3.subgroup(["(0 1 2)"]).permutations.tolist() == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    with pytest.raises(TypeError, match=r"\['r'\]"):
        D4.generate("r")


def test_groups_are_equal_by_table_and_cannot_be_changed():
    assert FiniteGroup(C4.table) == C4 and hash(C4) == hash(cyclic(4)) and direct_product(C2, C2) != C4 and C4 != "C4"
    for change in (lambda: C4.table.__setitem__((0, 0), 1), lambda: regular(C4)("r").__setitem__((0, 0), 9)):
        with pytest.raises(ValueError, match="read-only"):
            change()
    with pytest.raises(AttributeError):
        C4.order = 5
    with pytest.raises(AttributeError):
        C4.colour = 5
    source = C3.table.copy()
    group = FiniteGroup(source)
    source[0, 0] = 2
    assert group.table[0, 0] == 0


SUBTRACTION = [[0, 3, 2, 1], [1, 0, 3, 2], [2, 1, 0, 3], [3, 2, 1, 0]]
MULTIPLICATION = [[0, 0, 0], [0, 1, 2], [0, 2, 1]]  # 0, 1, 2 times each other, mod 3


def test_axiom_reports_name_what_breaks():
    report = check_axioms(SUBTRACTION, names=list("abcd"))
    assert report.closure and not report.associativity and not report.identity and not report.inverses
    assert "(a·a)·b = d, but a·(a·b) = b" in report.counterexamples["associativity"]
    assert "no element is an identity; the closest is a" in report.counterexamples["identity"]
    monoid = check_axioms(MULTIPLICATION)
    assert (monoid.closure, monoid.associativity, monoid.identity, monoid.inverses) == (True, True, True, False)
    assert monoid.counterexamples == {"inverses": "0 has no inverse: no b with a·b = b·a = 1"}
    open_table = check_axioms([[0, 1], [1, 2]])
    assert not open_table.closure and "1·1 = 2" in open_table.counterexamples["closure"]
    assert "✗" in repr(report) and report._repr_html_().count("<tr>") == 5
    assert "&lt;·&lt;" in check_axioms([[2, 1], [1, 0]], names=["<", "b"])._repr_html_()
    assert check_axioms([[1, 0], [0, 1]]).is_group  # the identity may stand anywhere in a report


@pytest.mark.parametrize(
    ("table", "names", "error", "message"),
    [
        ([[1, 0], [0, 1]], None, ValueError, r"identity is element 1 .*reorder"),
        (SUBTRACTION, None, ValueError, "associativity fails: .0·0.·1 = 3"),
        (MULTIPLICATION, ["zero", "one", "two"], ValueError, "inverses fails: zero has no inverse"),
        ([[0, 1], [1, 2]], ["e", "r"], ValueError, "closure fails: r·r = 2"),
        ([[0.0]], None, TypeError, "float64, expected integers"),
        ([[True]], None, TypeError, "bool, expected integers"),
        ([["e"]], None, TypeError, "expected integers"),
        ([[0j]], None, TypeError, "expected integers"),
        ([[None]], None, TypeError, "expected integers"),
        ([0], None, ValueError, "shape"),
        ([[0, 1]], None, ValueError, r"\(1, 2\), expected \(n, n\)"),
        ([[0, 1], [1]], None, ValueError, "ragged"),
        ([], None, ValueError, "shape"),
        (np.zeros((1001, 1001), int), None, ValueError, "at most 1000"),
        ([[0]], ["a", "b"], ValueError, "2 names"),
        ([[0, 1], [1, 0]], ["a", "a"], ValueError, "'a' is given to more than one"),
        ([[0, 1], [1, 0]], "er", TypeError, "sequence of 2 strings"),
        ([[0]], [0], TypeError, r"names\[0\] is 0"),
    ],
)
def test_refused_tables(table, names, error, message):
    with pytest.raises(error, match=message):
        FiniteGroup(table, names)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: cyclic(0), ValueError, "n is 0"),
        (lambda: cyclic(1001), ValueError, "1 to 1000"),
        (lambda: dihedral(501), ValueError, "1 to 500"),
        (lambda: dihedral(2.0), TypeError, "expected an integer"),
        (lambda: symmetric(7), ValueError, "1 to 6"),
        (lambda: symmetric(True), TypeError, "expected an integer"),
        (lambda: direct_product(symmetric(5), cyclic(9)), ValueError, "1080 elements"),
        (lambda: direct_product(C2, 3), TypeError, "H is 3"),
        (lambda: FiniteGroup.from_permutations([]), ValueError, "no generators"),
        (lambda: FiniteGroup.from_permutations([(0, 0)]), ValueError, r"generators\[0\] is \(0, 0\)"),
        (lambda: FiniteGroup.from_permutations([(1, 0), (0, 1, 2)]), ValueError, r"generators\[1\]"),
        (lambda: FiniteGroup.from_permutations([(1.0, 0.0)]), TypeError, "expected integers"),
        (
            lambda: FiniteGroup.from_permutations([(1, 2, 3, 4, 5, 6, 0), (1, 0, 2, 3, 4, 5, 6)]),
            ValueError,
            "more than 1000",
        ),
        (lambda: rotation_2d(S3), ValueError, "S3 is given"),
        (lambda: rotation_2d(direct_product(C2, C2)), ValueError, "expected cyclic"),
        (lambda: rotation_2d(symmetric(2)), ValueError, "S2 is given"),
        (lambda: trivial(C2, 0), ValueError, "dimension is 0"),
        (lambda: permutation(C2, [[0, 1]]), ValueError, r"\(1, 2\), expected \(2, n\)"),
        (lambda: permutation(C2, [[0, 1], [0, 0]]), ValueError, "expected a permutation"),
        (lambda: permutation(C2, [[1, 0], [1, 0]]), ValueError, "identity takes 0 to 1"),
        (lambda: permutation(C2, [[0.0, 1.0], [1.0, 0.0]]), TypeError, "expected integers"),
        (lambda: permutation(C3, [[0, 1, 2], [1, 0, 2], [1, 0, 2]]), ValueError, r"g = 'r', h = 'r': \(gh\)·0 = 1"),
        (lambda: regular(symmetric(6)), ValueError, "1 GiB"),
        (lambda: regular(C2) + regular(C3), ValueError, "expected one group"),
        (lambda: regular(C2) * regular(C3), ValueError, "expected one group"),
        (lambda: Representation(C2, [[[1]], [[2]]]), ValueError, r"by 3 for the pair \(g, h\) = \(r, r\)"),
        (lambda: Representation(C2, [[[-1]], [[1]]]), ValueError, r"ρ\(e\) differs from the identity matrix by 2"),
        (lambda: Representation(C2, [[[0]], [[0]]]), ValueError, r"ρ\(e\)"),
        (lambda: Representation(C2, [[[1]]]), ValueError, "1 matrices were given, expected 2"),
        (lambda: Representation(C2, [[1], [1]]), ValueError, "shape"),
        (lambda: Representation(C2, [[[1]], [[np.nan]]]), ValueError, "nan at"),
        (lambda: Representation(C2, [[[1]], [[1j]]]), TypeError, "complex128"),
        (lambda: Representation(C2, [[[True]], [[True]]]), TypeError, "bool"),
        (lambda: Representation(C2, [[["1"]], [["1"]]]), TypeError, "real numbers"),
        (lambda: Representation(C2, np.array([[[1]], [[1]]], dtype=object)), TypeError, "object"),
        (lambda: Representation(3, [[[1]]]), TypeError, "FiniteGroup"),
        (lambda: Representation.from_generators(D4, {"r": np.eye(2)}), ValueError, "do not generate s, rs, r2s, r3s"),
        (lambda: Representation.from_generators(D4, {}), ValueError, "no generators"),
        (lambda: Representation.from_generators(C2, {"r": [[2]]}), ValueError, "no representation"),
        (lambda: Representation.from_generators(C2, {"e": [[2]], "r": [[1]]}), ValueError, "'e' differs by 1"),
        (lambda: Representation.from_generators(C2, {"r": [[1]], 1: [[1]]}), ValueError, "twice"),
        (lambda: Representation.from_generators(C2, {"r": [[1, 0]]}), ValueError, "shape"),
        (lambda: Representation.from_generators(C2, {"q": [[1]]}), ValueError, "no element 'q'"),
    ],
)
def test_refusals(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize("rho", REPRESENTATIONS, ids=str)
def test_representations_multiply_as_the_group_does(rho):
    G = rho.group
    for g, h in product(G, G):
        np.testing.assert_allclose(rho(G.multiply(g, h)), rho(g) @ rho(h), atol=1e-12)
    assert rho == Representation(G, rho.matrices) and hash(rho) == hash(Representation(G, rho.matrices))
    assert rho.matrices.shape == (G.order, rho.dimension, rho.dimension)
    np.testing.assert_allclose(rho.character, [np.trace(rho(g)) for g in G])
    for members in G.conjugacy_classes():
        np.testing.assert_allclose(rho.character[list(members)], rho.character[members[0]], atol=1e-12)
    rebuilt = Representation.from_generators(G, {G.names[s]: rho(s) for s in G.generators}) if G.generators else rho
    np.testing.assert_allclose(rebuilt.matrices, rho.matrices, atol=1e-12)


@pytest.mark.parametrize("group", [C3, C4, D4, S3], ids=str)
def test_the_other_direction_is_told_apart(group):
    """ρ(g⁻¹) reverses products: a representation of an abelian group only, and there not the same one."""
    reversed_order = regular(group).matrices[[group.inverse(g) for g in group]]
    if group.is_abelian:
        assert Representation(group, reversed_order) != regular(group)
    else:
        with pytest.raises(ValueError, match="pair"):
            Representation(group, reversed_order)
        with pytest.raises(ValueError, match="no left action"):
            permutation(group, group.table[[group.inverse(g) for g in group]])


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_regular_sends_h_to_gh(group):
    for g, h in product(group, group):
        assert np.array_equal(regular(group)(g) @ np.eye(group.order)[h], np.eye(group.order)[group.multiply(g, h)])


def test_characters_are_orthogonal():
    irreducible = [trivial(S3), sign(S3), permutation(S3, S3.permutations)]
    plane = irreducible[2].character - 1  # the permutation representation is trivial + a plane
    gram = np.array(
        [
            [np.mean(a * b) for a in (*map(character, irreducible[:2]), plane)]
            for b in (*map(character, irreducible[:2]), plane)
        ]
    )
    np.testing.assert_allclose(gram, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.mean(rotation_2d(D4).character ** 2), 1)
    np.testing.assert_allclose(np.mean(rotation_2d(C4).character ** 2), 2)


def character(rho):
    return rho.character


@given(st.sampled_from([(a, b) for a in REPRESENTATIONS for b in REPRESENTATIONS if a.group == b.group]))
def test_sums_and_products(pair):
    rho, sigma = pair
    np.testing.assert_allclose((rho + sigma).character, rho.character + sigma.character, atol=1e-12)
    np.testing.assert_allclose((rho * sigma).character, rho.character * sigma.character, atol=1e-12)
    for g in rho.group:
        assert np.array_equal((rho * sigma)(g), np.kron(rho(g), sigma(g)))
        assert np.array_equal((rho + sigma)(g)[: rho.dimension, : rho.dimension], rho(g))
        assert not (rho + sigma)(g)[: rho.dimension, rho.dimension :].any()


def test_kinds_of_matrices():
    assert regular(D4).is_permutation and regular(D4).is_signed_permutation
    assert not rotation_2d(C4).is_permutation and rotation_2d(C4).is_signed_permutation
    assert not rotation_2d(C3).is_signed_permutation
    assert not Representation.from_generators(C2, {"r": [[1, 1], [0, -1]]}).is_signed_permutation
    assert (regular(C2) + regular(C2)).name == "regular + regular" and "C4" in repr(rotation_2d(C4))
    assert Representation(C4, rotation_2d(C4).matrices.astype(np.float32)).matrices.dtype == np.float64


@pytest.mark.parametrize("group", [C4, D4], ids=str)
def test_rotation_2d_agrees_with_rot90_on_pixels(group):
    size = 5
    for row, column in product(range(size), repeat=2):
        image = np.zeros((size, size), dtype=int)
        image[row, column] = 1
        x, y = column - 2, 2 - row  # x to the right, y up
        for g in group:
            moved = np.rot90(np.flipud(image) if g >= 4 else image, g % 4)
            new_x, new_y = rotation_2d(group)(g) @ (x, y)
            assert moved[int(2 - new_y), int(new_x + 2)] == 1


def test_rotation_2d_of_other_angles():
    np.testing.assert_allclose(rotation_2d(C3)("r"), [[-0.5, -(0.75**0.5)], [0.75**0.5, -0.5]])
    np.testing.assert_allclose(rotation_2d(dihedral(1))("s"), [[1, 0], [0, -1]])


def test_orbits_and_stabilizers_count_to_the_order():
    def move(g, i):
        return int(S3.permutations[g, i])

    assert orbits(S3, move, [2, 0, 1]) == [(2, 0, 1)]
    pairs = list(product(range(3), repeat=2))

    def both(g, p):
        return (move(g, p[0]), move(g, p[1]))

    assert [len(o) for o in orbits(S3, both, pairs)] == [3, 6]
    for orbit in orbits(S3, both, pairs):
        assert all(len(orbit) * len(stabilizer(S3, both, x)) == 6 for x in orbit)
    assert stabilizer(S3, both, (0, 0)) == (0, S3.element("(1 2)"))
    assert stabilizer(C4, lambda g, x: np.rot90(x, g), np.ones((2, 2))) == (0, 1, 2, 3)


def test_orbits_refuse_what_is_no_action():
    triples = list(product("ab", repeat=3))

    def fetch(g, x):
        return tuple(x[i] for i in S3.permutations[g])  # fetches: a right action

    with pytest.raises(ValueError, match=r"no left action: g = '.*', h = '.*', x = \("):
        orbits(S3, fetch, triples)
    with pytest.raises(ValueError, match="'r' takes 0 to 1, which is not one of the points"):
        orbits(C2, lambda g, x: x + g, [0])
    with pytest.raises(ValueError, match="the identity takes 0 to 1"):
        orbits(C2, lambda g, x: 1 - x, [0, 1])
    with pytest.raises(TypeError, match="hashable"):
        orbits(C2, lambda g, x: x, [[0]])
    with pytest.raises(TypeError, match="hashable"):
        orbits(C2, lambda g, x: [x], [0])
    with pytest.raises(ValueError, match="no subgroup"):
        stabilizer(C4, lambda g, x: x if g == 1 else x + 1, 0)


def test_large_groups_are_checked_by_a_few_elements():
    """Associativity of S5 needs a few of its 120 elements, as its generators are enough."""
    big = symmetric(5)
    assert big.order == 120 and len(big.generators) <= 4 and regular(big).dimension == 120
    table = big.table.copy()
    table[119, [118, 117]] = table[119, [117, 118]]
    with pytest.raises(ValueError, match="associativity"):
        FiniteGroup(table, big.names)


def test_everything_public_is_documented():
    assert all(getattr(groups, name).__doc__ for name in groups.__all__ if name != "Element")
