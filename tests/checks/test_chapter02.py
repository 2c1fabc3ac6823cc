"""The checks of chapter 2 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest

from symrl_lite.checks import chapter02 as check

# --- Exercise A


def fit(before, after):
    partner = np.linalg.lstsq(before, after, rcond=None)[0].T
    return partner, np.abs(after - before @ partner.T).max()


def fit_by_normal_equations(before, after):
    """Another formula, one row of K at a time, and plain lists instead of arrays."""
    rows = [np.linalg.solve(before.T @ before, before.T @ column).tolist() for column in after.T]
    worst = max(abs(a - np.array(rows) @ b).max() for b, a in zip(before, after, strict=True))
    return [rows, float(worst)]


def fit_by_pseudoinverse_in_torch(before, after):
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(before), torch.tensor(after)
    partner = (torch.linalg.pinv(x) @ y).T
    return partner, (y - x @ partner.T).abs().max()


def fit_transposed(before, after):
    matrix = np.linalg.lstsq(before, after, rcond=None)[0]
    return matrix, np.abs(after - before @ matrix).max()


def fit_backwards(before, after):
    return fit(after, before)


def fit_first_rows(before, after):
    """Solves for as many images as there are features, and ignores the others."""
    d = before.shape[1]
    return fit(before[:d], after[:d])


def fit_sum_of_squares(before, after):
    partner, _ = fit(before, after)
    return partner, ((after - before @ partner.T) ** 2).sum()


def fit_no_absolute_value(before, after):
    partner, _ = fit(before, after)
    return partner, (after - before @ partner.T).max()


def fit_gap_zero(before, after):
    return fit(before, after)[0], 0.0


def fit_with_constant(before, after):
    ones = np.hstack([before, np.ones((len(before), 1))])
    matrix = np.linalg.lstsq(ones, after, rcond=None)[0]
    return matrix[:-1].T, np.abs(after - ones @ matrix).max()


def fit_permutation(before, after):
    """Rounds to zeros and ones, as if every partner were a permutation."""
    partner = np.clip(np.round(fit(before, after)[0]), 0, 1)
    return partner, np.abs(after - before @ partner.T).max()


def fit_in_place(before, after):
    answer = fit(before, after)
    before -= before.mean(axis=0)
    return answer


@pytest.mark.parametrize("answer", [fit, fit_by_normal_equations, fit_by_pseudoinverse_in_torch])
def test_a_accepts(answer):
    assert check.fit_partner(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (fit_transposed, "that is the transpose"),
        (fit_backwards, "Are before and after swapped?"),
        (fit_first_rows, "use all images at once"),
        (fit_sum_of_squares, "yours is the sum of squares"),
        (fit_no_absolute_value, "without the absolute value"),
        (fit_gap_zero, "yours is zero"),
        (fit_with_constant, "add no constant column"),
        (fit_permutation, "for a shear of two features K is"),
        (fit_in_place, "changes the arrays"),
        (lambda before, after: fit(before, after)[0], "expected a pair (K, gap)"),
        (lambda before, after: (fit(before, after)[0], after - before), "the gap has shape (6, 2), expected ()"),
        (lambda before, after: (before, 0.0), "K has shape (6, 2), expected (2, 2)"),
        (lambda before, after: fit(before, after)[::-1], "yours is (gap, K)"),
        (lambda before, after: ("K", 0.0), "expected numbers"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.fit_partner(answer)
    assert not result.passed and result.solved and reason in repr(result)


# --- Exercise B


def average(f, x, group, act_in, act_out):
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in group) / len(group)


def average_from_the_other_end(f, x, group, act_in, act_out):
    """Runs over g⁻¹ instead of g, in another order, and returns a list."""
    terms = [act_out(g, f(act_in(group.inverse(g), x))) for g in reversed(range(len(group)))]
    return np.mean(terms, axis=0).tolist()


def average_with_two_inverses(f, x, group, act_in, act_out):
    return sum(act_out(group.inverse(g), f(act_in(group.inverse(g), x))) for g in group) / len(group)


def average_without_inverse(f, x, group, act_in, act_out):
    return sum(act_out(g, f(act_in(g, x))) for g in group) / len(group)


def average_invariant(f, x, group, act_in, act_out):
    return sum(f(act_in(g, x)) for g in group) / len(group)


def average_sum(f, x, group, act_in, act_out):
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in group)


def average_identity(f, x, group, act_in, act_out):
    return f(x)


def average_generators(f, x, group, act_in, act_out):
    """The identity and the generators, not the whole group: enough for C2 only."""
    some = (0, *group.generators)
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in some) / len(some)


def average_by_halves(f, x, group, act_in, act_out):
    """Divides by 2, right for the mirror."""
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in group) / 2


def average_in_place(f, x, group, act_in, act_out):
    answer = average(f, x, group, act_in, act_out)
    x *= 0
    return answer


def average_constant(f, x, group, act_in, act_out):
    """Equivariant and useless."""
    return np.zeros(np.shape(f(x)))


@pytest.mark.parametrize(
    "answer", [average_constant, lambda f, x, group, i, o: f(np.mean([i(g, x) for g in group], axis=0))]
)
def test_b_does_not_blame_a_missing_move_for_other_mistakes(answer):
    result = check.orbit_average(answer)
    assert not result.passed and "were not moved back" not in repr(result)


@pytest.mark.parametrize("answer", [average, average_from_the_other_end])
def test_b_accepts(answer):
    assert check.orbit_average(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (average_without_inverse, "must be moved by the inverse of g"),
        (average_with_two_inverses, "moved by the same elements"),
        (average_invariant, "were not moved back"),
        (average_sum, "that is the sum"),
        (average_identity, "that is f(x) itself"),
        (average_generators, "they must agree"),
        (average_by_halves, "divided by their number"),
        (average_in_place, "changes the input x"),
        (average_constant, "for the mirror"),
        (lambda f, x, group, act_in, act_out: f, "expected numbers"),
        (lambda f, x, group, act_in, act_out: f(x).mean(), "expected (2,)"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.orbit_average(answer)
    assert not result.passed and result.solved and reason in repr(result)


def test_b_needs_more_than_a_mirror():
    """Without the inverse, shape and values pass: quarter turns tell g from its inverse, a mirror cannot."""
    assert [held for _, held in check.orbit_average(average_without_inverse).steps] == [True, True, False]


# --- Exercise C


def quarters(image):
    return np.array([np.rot90(image, -k)[:4, 4:].sum() for k in range(4)])


def edges(image):
    """The top row, then left, bottom, right: a plain list, and negative weights."""
    return [-2 * image[0].max(), -2 * image[:, 0].max(), -2 * image[-1].max(), -2 * image[:, -1].max()]


def strange(image):
    """Not linear, large numbers, single precision, and a torch tensor."""
    torch = pytest.importorskip("torch")
    weights = np.arange(64).reshape(8, 8) ** 2
    return torch.tensor([np.exp((np.rot90(image, -k) * weights).sum() / 9000) for k in range(4)]).float()


def quarters_clockwise(image):
    return quarters(image)[::-1]


def quarters_row_by_row(image):
    return [image[:4, :4].sum(), image[:4, 4:].sum(), image[4:, :4].sum(), image[4:, 4:].sum()]


def all_ink(image):
    return [image.sum()] * 4


def constant(image):
    return [1, 2, 3, 4]


def first_pixels(image):
    return image.ravel()[:4]


RANDOM = np.random.default_rng(0)


def random_numbers(image):
    return RANDOM.uniform(size=4)


def too_large_quarters(image):
    """An off-by-one: the regions overlap and are not each other's turn."""
    return [image[:5, 4:].sum(), image[:4, :4].sum(), image[4:, :4].sum(), image[4:, 4:].sum()]


def in_place(image):
    image -= image.mean()
    return quarters(image)


@pytest.mark.parametrize("answer", [quarters, edges, strange])
def test_c_accepts(answer):
    assert check.four_numbers(answer).passed


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (quarters_clockwise, "roll the other way round"),
        (quarters_row_by_row, "Go round the image in one direction"),
        (all_ink, "this is invariance"),
        (constant, "features must depend on the image"),
        (first_pixels, "turned by 90°"),
        (random_numbers, "must not be drawn at random"),
        (too_large_quarters, "turned by 90°"),
        (in_place, "changes the image"),
        (lambda image: image, "shape (8, 8), expected (4,)"),
        (lambda image: "four", "expected numbers"),
        (lambda image: quarters(image) / 0.0, "NaN or an infinite value"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_c_rejects(answer, reason):
    result = check.four_numbers(answer)
    assert not result.passed and result.solved and reason in repr(result)
