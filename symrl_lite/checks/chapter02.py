"""Checks for chapter 2, *Equivariance and invariance: who moves when the input moves?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer
from symrl_lite.groups import FiniteGroup, cyclic, symmetric

__all__ = ["fit_partner", "four_numbers", "orbit_average"]

Move = Callable[[int, np.ndarray], np.ndarray]


# --- Exercise A -------------------------------------------------------------------------------------------------


def fit_partner(function: Callable[[np.ndarray, np.ndarray], Any]) -> CheckResult:
    """Exercise A: the matrix K with after ≈ before @ K.T in the sense of least squares, and the largest gap left.

    Shape on two features of six images; values where an exact K exists, one of them a shear, so that K, its transpose
    and its inverse are three different matrices; then features that have no exact K, where the gap must say so.
    """
    draw = np.random.default_rng(2)
    shear = np.array([[1.0, 2.0], [0.0, 1.0]])
    relabel = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

    def answer(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, float]:
        size = before.shape[1]
        given = before.copy(), after.copy()
        pair = function(*given)
        if pair is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise Wrong(f"expected a pair (K, gap), your function returns a {type(pair).__name__}")
        if np.ndim(pair[0]) == 0 and np.ndim(pair[1]) == 2:
            raise Wrong("expected the pair (K, gap), yours is (gap, K)")
        matrix = as_array(pair[0], (size, size), "K")
        gap = float(as_array(pair[1], (), "the gap"))
        if not (np.array_equal(given[0], before) and np.array_equal(given[1], after)):
            raise Wrong("your function changes the arrays it is given: work on a copy")
        return matrix, gap

    def shape() -> None:
        before = draw.normal(size=(6, 2))
        answer(before, before @ shear.T)

    def values() -> None:
        for expected, what in (
            (shear, "a shear of two features"),
            (relabel, "three features that change places"),
        ):
            before = draw.normal(size=(20, len(expected)))
            matrix, gap = answer(before, before @ expected.T)
            if not same_answer(matrix, expected, 1e-4):
                raise Wrong(f"for {what} {_what_went_wrong(matrix, expected)}")
            if not same_answer(np.array(gap), np.array(0.0), 1e-4):
                raise Wrong(f"for {what} an exact K exists, so the gap is 0; yours is {gap:.3g}")

    def no_partner() -> None:
        for size in (1, 3):
            before, features = draw.uniform(size=(40, size)), draw.uniform(size=(40, size))
            for after in (features, -features):  # both signs, so that the largest gap is once above and once below
                expected = np.linalg.lstsq(before, after, rcond=None)[0].T
                left_over = after - before @ expected.T
                matrix, gap = answer(before, after)
                if not same_answer(matrix, expected, 1e-4):
                    raise Wrong(
                        f"for features without an exact K {_what_went_wrong(matrix, expected)} "
                        "(use all images at once, add no constant column, and do not round)"
                    )
                if not same_answer(np.array(gap), np.abs(left_over).max(), 1e-4):
                    raise Wrong(f"for features without an exact K {_which_gap(gap, left_over)}")

    return run_steps("Exercise A", [("shape", shape), ("values", values), ("no partner", no_partner)])


def _what_went_wrong(matrix: np.ndarray, expected: np.ndarray) -> str:
    got = f"K is {np.round(matrix, 3).tolist()}, expected {np.round(expected, 3).tolist()}"
    if same_answer(matrix, expected.T, 1e-4):
        return got + ": that is the transpose. lstsq(before, after) solves before @ M = after, so M is K.T"
    if np.linalg.matrix_rank(expected) == len(expected) and same_answer(matrix, np.linalg.inv(expected), 1e-4):
        return got + ": that is the inverse, the move that leads back. Are before and after swapped?"
    return got


def _which_gap(gap: float, left_over: np.ndarray) -> str:
    largest = np.abs(left_over).max()
    text = f"the gap is {gap:.4g}, expected {largest:.4g}, the largest |after − before @ K.T|"
    others = {
        "the sum of squares": (left_over**2).sum(),
        "the mean of squares": (left_over**2).mean(),
        "the largest difference without the absolute value": left_over.max(),
        "the smallest difference": left_over.min(),
        "the mean difference": np.abs(left_over).mean(),
        "the length (norm) of all differences": np.sqrt((left_over**2).sum()),
        "zero": 0.0,
    }
    for name, value in others.items():
        if abs(gap - value) < 1e-4 and abs(gap - largest) > 1e-4:
            return f"{text}; yours is {name}"
    return text


# --- Exercise B -------------------------------------------------------------------------------------------------


def orbit_average(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: (1/|G|) Σ_g K_g⁻¹ f(L_g x), for any f, any finite group and any pair of moves.

    Shape and values under the mirror of C2, where every element is its own inverse; then the property on quarter turns
    (g ≠ g⁻¹) and on the permutations of three channels (not abelian): the average must be equivariant under every
    element, and must leave a function alone that was equivariant before.
    """
    draw = np.random.default_rng(3)
    mirror, turns, relabel = cyclic(2), cyclic(4), symmetric(3)
    weights, offset = draw.normal(size=(4, 48)), draw.normal(size=4)  # with the offset f is neither even nor odd

    def two(x: np.ndarray) -> np.ndarray:
        return np.tanh(weights[:2] @ np.resize(x, 48) / 5 + offset[:2])

    def four(x: np.ndarray) -> np.ndarray:
        return np.tanh(weights[:4] @ np.resize(x, 48) / 5 + offset[:4])

    def three(x: np.ndarray) -> np.ndarray:
        return np.tanh(weights[:3] @ np.resize(x, 48) / 5 + offset[:3])

    def negate(g: int, x: np.ndarray) -> np.ndarray:
        return x if mirror.element(g) == 0 else -x

    def swap(g: int, y: np.ndarray) -> np.ndarray:
        return y if mirror.element(g) == 0 else y[::-1].copy()

    def turn(g: int, x: np.ndarray) -> np.ndarray:
        return np.rot90(x, turns.element(g)).copy()

    def roll(g: int, y: np.ndarray) -> np.ndarray:
        return np.roll(y, turns.element(g))

    def permute(g: int, x: np.ndarray) -> np.ndarray:
        assert relabel.permutations is not None
        return x[np.argsort(relabel.permutations[relabel.element(g)])]

    def amounts(x: np.ndarray) -> np.ndarray:
        return x.mean(axis=(1, 2)) ** 2

    def answer(f: Any, x: np.ndarray, group: FiniteGroup, act_in: Move, act_out: Move) -> np.ndarray:
        given = x.copy()
        averaged = as_array(function(f, given, group, act_in, act_out), np.shape(f(x)), "the average")
        if not np.array_equal(given, x):
            raise Wrong("your function changes the input x: work on a copy")
        return averaged

    def shape() -> None:
        answer(two, draw.normal(size=4), mirror, negate, swap)

    def values() -> None:
        for _ in range(5):
            state = draw.normal(size=4)
            got = answer(two, state, mirror, negate, swap)
            expected = (two(state) + two(-state)[::-1]) / 2
            if same_answer(got, expected):
                continue
            text = f"for the mirror (x → −x, the two outputs swap) you return {_show(got)}, expected {_show(expected)}"
            if same_answer(got, 2 * expected):
                text += ": that is the sum. Divide by the number of elements"
            elif same_answer(got, (two(state) + two(-state)) / 2):
                text += ": the outputs of the moved inputs were not moved back before the sum"
            elif same_answer(got, two(state)):
                text += ": that is f(x) itself. Every element of the group counts, not the identity alone"
            raise Wrong(text)

    def property_() -> None:
        cases: list[tuple[FiniteGroup, Any, Move, Move, np.ndarray, str]] = [
            (turns, four, turn, roll, draw.normal(size=(5, 5)), "quarter turns of an image"),
            (relabel, three, permute, permute, draw.normal(size=(3, 4, 4)), "permutations of three channels"),
        ]
        for group, f, act_in, act_out, x, what in cases:
            here = answer(f, x, group, act_in, act_out)
            for g in group:
                moved, expected = answer(f, act_in(g, x), group, act_in, act_out), act_out(g, here)
                if not same_answer(moved, expected):
                    text = (
                        f"for {what} and g = {group.names[g]}, your average of the moved input is {_show(moved)}, and "
                        f"the moved average is {_show(expected)}: they must agree"
                    )
                    without = np.mean([act_out(h, f(act_in(h, x))) for h in group], axis=0)
                    if same_answer(here, without):
                        text += (
                            ". Your mean is that of K_g f(L_g x): input and output are moved by the same elements. If "
                            "the input is moved by g, the output must be moved by the inverse of g"
                        )
                    raise Wrong(text)
        x = draw.normal(size=(3, 4, 4))
        kept = answer(amounts, x, relabel, permute, permute)
        if not same_answer(kept, amounts(x)):
            raise Wrong(
                f"the amounts of three colours are equivariant already, so averaging must return {_show(amounts(x))}; "
                f"you return {_show(kept)}. Does the sum run over all elements, and is it divided by their number?"
            )

    return run_steps("Exercise B", [("shape", shape), ("values", values), ("equivariance", property_)])


# --- Exercise C -------------------------------------------------------------------------------------------------


def four_numbers(function: Callable[[np.ndarray], Any]) -> CheckResult:
    """Exercise C: any four features of an 8 × 8 image that a quarter turn rolls by one place, and that differ.

    There is no single answer, so the values are checked by what they must not be (four equal numbers, or numbers that
    ignore the image), and the property on every quarter turn of several images.
    """
    draw = np.random.default_rng(4)
    images = [draw.uniform(size=(8, 8)) for _ in range(8)]
    for row, column in ((0, 0), (1, 6), (5, 2)):
        images.append(np.zeros((8, 8)))
        images[-1][row : row + 2, column : column + 2] = 1.0

    def answer(image: np.ndarray) -> np.ndarray:
        given = image.copy()
        numbers = as_array(function(given), (4,), "the answer").astype(float)
        if not np.array_equal(given, image):
            raise Wrong("your function changes the image it is given: work on a copy")
        return numbers

    def shape() -> None:
        answer(images[0])

    def values() -> None:
        answers = np.array([answer(image) for image in images])
        size = max(1e-12, float(np.abs(answers).max()))
        if np.ptp(answers, axis=1).max() <= 1e-6 * size:
            raise Wrong(
                f"your four numbers are equal on every image, for example {_show(answers[0])}: rolling equal numbers "
                "changes nothing, so this is invariance. Let each number look at another part or another direction"
            )
        if np.ptp(answers, axis=0).max() <= 1e-6 * size:
            raise Wrong(f"your four numbers are {_show(answers[0])} for every image: features must depend on the image")
        if not same_answer(answer(images[0]), answers[0], 1e-5 * size):
            raise Wrong("the same image gives other numbers the second time: features must not be drawn at random")

    def rolls() -> None:
        for image in images:
            here = answer(image)
            size = max(1.0, float(np.abs(here).max()))
            for turns in (1, 2, 3):
                there = answer(np.rot90(image, turns).copy())
                if same_answer(there, np.roll(here, turns), 1e-5 * size):
                    continue
                text = (
                    f"an image gives {_show(here)} and, turned by {90 * turns}°, {_show(there)}; expected "
                    f"{_show(np.roll(here, turns))}"
                )
                if same_answer(there, np.roll(here, -turns), 1e-5 * size):
                    text += ": your numbers roll the other way round. np.rot90 turns counter-clockwise"
                elif np.allclose(np.sort(there), np.sort(here), rtol=1e-5, atol=1e-5 * size):
                    text += ": the right numbers in another order. Go round the image in one direction"
                else:
                    text += ": number k must be what number 0 is for the image turned back by k quarter turns"
                raise Wrong(text)

    return run_steps(
        "Exercise C",
        [("shape", shape), ("not all equal", values), ("every quarter turn", rolls)],
        praise="four features that a quarter turn rolls by one place",
    )


def _show(numbers: np.ndarray) -> str:
    return "[" + ", ".join(f"{number:.4g}" for number in numbers) + "]"
