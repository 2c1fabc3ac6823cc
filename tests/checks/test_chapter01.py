"""The checks of chapter 1 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest

from symrl_lite.checks import chapter01 as check
from symrl_lite.groups import FiniteGroup, cyclic, dihedral, direct_product

# --- Exercise A


def table_right(moves, x):
    results = [move(x) for move in moves]
    return [
        [next(i for i, r in enumerate(results) if np.array_equal(r, a(b(x)))) for b in moves] for a in moves
    ]  # a list of lists, on purpose


def table_with_keys(moves, x):
    index = {move(x).tobytes(): i for i, move in enumerate(moves)}
    table = np.empty((len(moves), len(moves)))
    for a, b in np.ndindex(*table.shape):
        table[a, b] = index[np.ascontiguousarray(moves[a](moves[b](x))).tobytes()]
    return table  # floats, on purpose


def table_transposed(moves, x):
    return np.array(table_right(moves, x)).T


def table_of_sums(moves, x):  # adds indices as if all groups were cyclic
    n = len(moves)
    return (np.arange(n)[:, None] + np.arange(n)) % n


def table_first_only(moves, x):  # forgets the second move
    n = len(moves)
    return np.tile(np.arange(n), (n, 1))


def table_one_row(moves, x):
    return table_right(moves, x)[0]


def table_printed(moves, x):
    print(table_right(moves, x))


def table_identity_first(moves, x):
    """Fills row and column 0 as if the first move were the identity."""
    table = np.array(table_right(moves, x))
    table[0], table[:, 0] = np.arange(len(moves)), np.arange(len(moves))
    return table


def table_first_entry(moves, x):
    """Compares the first entry of the pictures only."""
    results = [np.ravel(move(x))[0] for move in moves]
    return [[results.index(np.ravel(a(b(x)))[0]) for b in moves] for a in moves]


def table_in_place(moves, x):
    table = table_right(moves, x)
    x[:] = 0
    return table


@pytest.mark.parametrize("answer", [table_right, table_with_keys])
def test_a_accepts(answer):
    assert check.composition_table(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (table_transposed, "rows and columns swapped"),
        (table_of_sums, "for the flips, table"),
        (table_first_only, "do move 0, then move 1"),
        (table_identity_first, "the half turn first"),
        (table_first_entry, "compare whole arrays"),
        (table_in_place, "changes the array x"),
        (table_one_row, "shape (4,), expected (4, 4)"),
        (table_printed, "is a `return` missing?"),
        (lambda moves, x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.composition_table(answer)
    assert not result.passed and result.solved and reason in repr(result)


def test_a_transposed_fails_only_at_the_order():
    """Shape and values are symmetric tables: the third step is what tells the two orders apart."""
    assert [held for _, held in check.composition_table(table_transposed).steps] == [True, True, False]


# --- Exercise B


def right(group, action, point):
    return {action(g, point) for g in group}, [g for g in group if action(g, point) == point]


def right_in_other_words(group, action, point):
    orbit = []
    for g in group:
        if action(g, point) not in orbit:
            orbit.append(action(g, point))
    return tuple(orbit), {group.names[g] for g in group if action(g, point) == point}  # names, in a set


def points_as_lists(group, action, point):
    orbit, fixing = right(group, action, point)
    return [list(x) for x in orbit], fixing


def points_as_rows(group, action, point):
    return np.unique([action(g, point) for g in group], axis=0), right(group, action, point)[1]


def orbit_with_repeats(group, action, point):
    return [action(g, point) for g in group], right(group, action, point)[1]


def generators_only(group, action, point):
    return {action(g, point) for g in (0, *group.generators)}, right(group, action, point)[1]


def stabilizer_without_identity(group, action, point):
    orbit, fixing = right(group, action, point)
    return orbit, [g for g in fixing if g != 0]


def stabilizer_of_everything(group, action, point):
    """Elements that leave the orbit, not the point, in place."""
    return right(group, action, point)[0], list(group)


def only_the_square(group, action, point):
    """Right for the moves of a square, and for no other group."""
    orbit = {action(g, point) for g in range(8)}
    return orbit, [g for g in range(8) if action(g, point) == point]


@pytest.mark.parametrize("answer", [right, right_in_other_words, points_as_lists, points_as_rows])
def test_b_accepts(answer):
    assert check.orbit_and_stabilizer(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (orbit_with_repeats, "count each point once"),
        (generators_only, "your orbit misses"),
        (stabilizer_without_identity, "your stabilizer is"),
        (stabilizer_of_everything, "your stabilizer is e, r, r2"),
        (only_the_square, "your orbit misses"),
        (lambda group, action, point: right(group, action, point)[0], "expected a pair"),
        (lambda group, action, point: None, "is a `return` missing?"),
        (
            lambda group, action, point: ({(9, 9), *right(group, action, point)[0]}, [0]),
            "your orbit has (9, 9)",
        ),
    ],
)
def test_b_rejects(answer, reason):
    result = check.orbit_and_stabilizer(answer)
    assert not result.passed and result.solved and reason in repr(result)


# --- Exercise C


def quaternions():
    """±1, ±i, ±j, ±k as a table of signed units, built without the package."""
    product = {
        ("i", "j"): (1, "k"), ("j", "k"): (1, "i"), ("k", "i"): (1, "j"),
        ("j", "i"): (-1, "k"), ("k", "j"): (-1, "i"), ("i", "k"): (-1, "j"),
    }  # fmt: skip
    elements = [(sign, unit) for unit in "1ijk" for sign in (1, -1)]

    def multiply(a, b):
        if a[1] == "1" or b[1] == "1":
            return a[0] * b[0], b[1] if a[1] == "1" else a[1]
        if a[1] == b[1]:
            return -a[0] * b[0], "1"
        sign, unit = product[a[1], b[1]]
        return a[0] * b[0] * sign, unit

    return [[elements.index(multiply(a, b)) for b in elements] for a in elements]


def relabelled_d4():
    """D4 with its elements shuffled (the identity is not at 0 any more)."""
    order = np.array([5, 3, 0, 7, 1, 6, 2, 4])
    place = np.argsort(order)
    return place[dihedral(4).table[np.ix_(order, order)]]


@pytest.mark.parametrize(
    "answer",
    [
        lambda: cyclic(8),
        lambda: direct_product(cyclic(4), cyclic(2)),
        lambda: direct_product(cyclic(2), direct_product(cyclic(2), cyclic(2))).table,
        quaternions,
        lambda: np.bitwise_xor.outer(np.arange(8), np.arange(8)),
        lambda: (7 - np.bitwise_xor.outer(7 - np.arange(8), 7 - np.arange(8))).tolist(),  # identity at index 7
    ],
)
def test_c_accepts(answer):
    assert check.another_group_of_order_eight(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: dihedral(4), "D4 with other names"),
        (relabelled_d4, "D4 with other names"),
        (lambda: FiniteGroup.from_permutations([(1, 2, 3, 0), (0, 3, 2, 1)]), "D4 with other names"),
        (lambda: (np.arange(8)[:, None] - np.arange(8)) % 8, "the table is no group"),
        (lambda: (np.arange(8)[:, None] * np.arange(8)) % 8, "inverses"),
        (lambda: np.zeros((8, 8), dtype=bool), "truth values"),
        (lambda: cyclic(4), "shape (4, 4), expected (8, 8)"),
        (lambda: None, "is a `return` missing?"),
    ],
)
def test_c_rejects(answer, reason):
    result = check.another_group_of_order_eight(answer)
    assert not result.passed and result.solved and reason in repr(result)
