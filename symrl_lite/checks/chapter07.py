"""Checks for chapter 7, *Structured world models: where will five shapes be after ten pushes?*"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer

__all__ = ["loss", "my_step", "ranks"]


# --- Exercise A -------------------------------------------------------------------------------------------------


def loss(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: mean H(predicted, after) + mean max(0, γ − H(other, now)), with H the mean over objects.

    Shape; one object and two objects by hand; random batches; and what its gradient does.
    """
    import torch

    draw = np.random.default_rng(7)

    def answer(*codes: Any, sigma: float = 0.5, hinge: float = 1.0) -> float:
        made = function(*(torch.tensor(np.asarray(c), dtype=torch.float64) for c in codes), sigma, hinge)
        return float(as_array(made, (), "the loss"))

    def energies(x: Any, y: Any, sigma: float) -> np.ndarray:
        squares = ((np.asarray(x, dtype=float) - np.asarray(y, dtype=float)) ** 2).sum(axis=-1)  # (batch, K)
        return np.asarray(squares.mean(axis=-1) / (2 * sigma**2))

    def expected(codes: Any, sigma: float, hinge: float) -> float:
        predicted, after, other, now = codes
        close, apart = energies(predicted, after, sigma), energies(other, now, sigma)
        return float(close.mean() + np.maximum(hinge - apart, 0).mean())

    def shape() -> None:
        answer(*draw.normal(size=(4, 6, 3, 2)))

    def values() -> None:
        # A code is one number here: what is summed and what is averaged comes later.
        zero, half, one, far = ([[[x]]] for x in (0.0, 0.5, 1.0, 9.0))
        off = "a prediction that is off by 1, a negative far away"
        same = "a right prediction, a negative with the same code"
        near = "a right prediction, a negative at a distance of ½"
        cases = [  # predicted, after, other, now, what it is about, loss with σ = ½ and γ = 1
            (zero, one, far, zero, off, 2.0),
            (zero, zero, zero, zero, same, 1.0),
            (zero, zero, half, zero, near, 0.5),
        ]
        for predicted, after, other, now, about, right in cases:
            got = answer(predicted, after, other, now)
            if not _equal(got, right):
                text = f"for {about} the loss is {got:.4g}, expected {right:g}"
                if about == off and got < 0:
                    text += ": a negative that is far enough costs 0, never less; that is the hinge"
                elif about == off and _equal(got, 2.0 + 162 - 1):
                    text += ": what costs is γ − H, where it is above 0, not H − γ"
                elif about == off and any(_equal(got, f) for f in (0.125, 0.5, 1.0, 4.0)):
                    text += ": divide the squared distance by 2σ², with the 2 and the square; it is ½ here"
                elif about == same and _equal(got, 0.0):
                    text += ": it costs γ, the whole hinge"
                elif about == near and _equal(got, 0.0):
                    text += ": the energy has the *squared* distance"
                raise Wrong(text)

    def objects() -> None:
        here, there = np.zeros((1, 2, 3)), np.full((1, 2, 3), 9.0)
        predicted = here.copy()
        predicted[0, 0, 0] = 1
        got = answer(predicted, here, there, here)
        if not _equal(got, 1.0):
            text = f"one of two objects, with codes of three numbers, is off by 1: the loss is {got:.4g}, expected 1"
            if _equal(got, 2.0):
                text += ": take the mean over the objects, not the sum"
            elif any(_equal(got, f) for f in (1 / 3, 2 / 3)):
                text += ": sum over the numbers of a code, take the mean over the objects alone"
            raise Wrong(text)
        there[0, 0] = 0
        got = answer(here, here, there, here)
        if not _equal(got, 0.0):
            raise Wrong(
                f"of a negative one object has the same code and the other is far away: the loss is {got:.4g}, "
                "expected 0. The hinge is on the energy of the whole board, not on each object"
            )

    def batches() -> None:
        # D/σ², the mean energy of a negative, is near γ: some of the negatives are nearer and some are farther.
        for n, K, D, sigma, hinge in ((5, 3, 2, 2.0, 0.5), (6, 1, 4, 1.0, 4.0), (7, 4, 1, 0.5, 4.0)):
            codes = predicted, after, other, now = draw.normal(size=(4, n, K, D))
            got, right = answer(*codes, sigma=sigma, hinge=hinge), expected(codes, sigma, hinge)
            if not _equal(got, right):
                close, apart = energies(predicted, after, sigma), energies(other, now, sigma)
                one_hinge, sums = max(hinge - apart.mean(), 0), np.maximum(hinge - apart, 0).sum() + close.sum()
                from_after, from_predicted = (predicted, after, other, after), (predicted, after, other, predicted)
                reasons = [
                    (close.mean() + one_hinge, "each negative has its own hinge; a far one must not save a near one"),
                    (sums, "take the mean over the boards, not the sum"),
                    (expected(from_after, sigma, hinge), "the negative is kept away from the code of now"),
                    (expected(from_predicted, sigma, hinge), "the negative is kept away from the code of now"),
                    (expected(codes, (sigma / 2) ** 0.5, hinge), "divide by 2σ², with the 2 and the square"),
                    (expected(codes, 0.5, hinge), "use the sigma that you are given"),
                    (expected(codes, sigma, 1.0), "use the hinge that you are given"),
                    (expected(codes, 0.5, 1.0), "use the sigma and the hinge that you are given"),
                ]
                text = f"for {n} boards of {K} objects, σ = {sigma:g} and γ = {hinge:g}, the loss is {got:.4g}, "
                text += f"expected {right:.4g}"
                raise Wrong(text + _first([reason for wrong, reason in reasons if _equal(got, wrong)]))

    def gradient() -> None:
        def gradients(*places: float) -> list[float]:
            codes = [torch.tensor([[[x, 0.0]]], dtype=torch.float64, requires_grad=True) for x in places]
            made = function(*codes, 0.5, 1.0)
            if not (hasattr(made, "requires_grad") and made.requires_grad):
                raise Wrong("no gradient flows through your loss: stay in torch, without .item(), .numpy() or detach")
            made.backward()
            return [0.0 if code.grad is None else float(code.grad[0, 0, 0]) for code in codes]

        predicted, after, other, now = gradients(0.0, 1.0, 0.5, 0.0)
        for what, slope in (  # what gradient descent moves is moved against its slope
            ("the negative gets no push away from the code of now", -other),
            ("the code of now gets no push away from the negative", now),
            ("the prediction gets no pull towards the code of what was seen next", -predicted),
            ("the code of what was seen next gets no pull towards the prediction", after),
        ):
            if slope <= 0:
                raise Wrong(f"{what}: is there a detach in the way?")
        if not np.isfinite(gradients(0.0, 0.0, 0.0, 0.0)).all():
            raise Wrong(
                "where two codes are the same the gradient is no number: square the differences, without a root"
            )

    steps = [
        ("shape", shape),
        ("values", values),
        ("two objects", objects),
        ("batches", batches),
        ("gradient", gradient),
    ]
    return run_steps("Exercise A", steps)


# --- Exercise B -------------------------------------------------------------------------------------------------


def ranks(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: ranks with ties against the model and equal states left out. Shape, values, ties, states, loops."""
    draw = np.random.default_rng(8)

    def answer(predicted: Any, true: Any, states: Any) -> np.ndarray:
        given = np.array(predicted, dtype=float), np.array(true, dtype=float), np.array(states)
        return as_array(function(*given), (len(given[0]),), "your answer")

    def right(predicted: Any, true: Any, states: Any, power: int = 2) -> np.ndarray:
        d, s = distances(predicted, true, power), np.asarray(states)
        return np.asarray(1 + ((d <= np.diag(d)[:, None]) & (s[:, None] != s)).sum(axis=1))

    def distances(predicted: Any, true: Any, power: int = 2) -> np.ndarray:
        x, y = np.asarray(predicted, dtype=float), np.asarray(true, dtype=float)
        return np.asarray((np.abs(x[:, None] - y) ** power).sum(axis=-1))

    def shape() -> None:
        answer(draw.normal(size=(5, 3)), draw.normal(size=(5, 3)), np.arange(5))

    def values() -> None:
        predicted, true = [[0.0], [1.0], [5.0]], [[0.1], [0.9], [0.8]]
        got, wanted = answer(predicted, true, [0, 1, 2]), right(predicted, true, [0, 1, 2])
        if not np.array_equal(got, wanted):
            text = f"for the predictions 0, 1, 5 and the codes 0.1, 0.9, 0.8 the ranks are {_show(got)}, expected "
            text += f"{_show(wanted)}"
            d = distances(predicted, true)
            row, column = d <= np.diag(d)[:, None], d <= np.diag(d)
            reasons = [
                (wanted - 1, "the best rank is 1"),
                (wanted + 1, "the true code is as near as itself; don't count it"),
                (column.sum(axis=0), "for each prediction rank the codes, not the other way round"),
                (column.sum(axis=1), "the true distance of prediction i belongs to row i, np.diag(d)[:, None]"),
                (row.sum(axis=0), "count along a row, axis 1: the codes are the columns"),
            ]
            raise Wrong(text + _first([reason for wrong, reason in reasons if np.array_equal(got, wrong)]))

    def ties() -> None:
        codes = np.zeros((4, 2))
        got = answer(codes, codes, np.arange(4))
        if not np.array_equal(got, [4, 4, 4, 4]):
            text = f"when all codes are the same, the ranks of 4 predictions are {_show(got)}, expected 4 for each: "
            if np.array_equal(got, [1, 1, 1, 1]):
                text += "equal *states* are left out, not equal codes; and "
            raise Wrong(text + "a candidate that is as near as the true one counts as nearer")

    def states() -> None:
        codes, numbers = np.array([[0.0], [0.0], [1.0], [2.0]]), np.array([7, 7, 3, 3])
        got, wanted = answer(codes, codes, numbers), right(codes, codes, numbers)
        if not np.array_equal(got, wanted):
            text = f"for codes 0, 0, 1, 2 of the states 7, 7, 3, 3 the ranks are {_show(got)}, expected {_show(wanted)}"
            if np.array_equal(got, right(codes, codes, np.arange(4))):
                text += ": a candidate whose true state is the same is no mistake, leave it out"
            raise Wrong(text)

    def loops() -> None:
        for n, dimension, kinds in ((30, 2, 30), (25, 3, 6), (12, 1, 4)):
            x, y = draw.integers(0, 4, (2, n, dimension)).astype(float)
            s = draw.integers(0, kinds, n)
            got, wanted = answer(x, y, s), right(x, y, s)
            if not np.array_equal(got, wanted):
                i = int(np.flatnonzero(got != wanted)[0])
                text = f"for {n} random codes with ties, rank {i} is {got[i]:g}, expected {wanted[i]}"
                if np.array_equal(got, right(x, y, s, power=1)):
                    text += ": square the differences before you sum them"
                raise Wrong(text)

    steps = [("shape", shape), ("values", values), ("ties", ties), ("equal states", states), ("random codes", loops)]
    return run_steps("Exercise B", steps)


# --- Exercise C -------------------------------------------------------------------------------------------------


def my_step(function: Callable[..., Any]) -> CheckResult:
    """Exercise C: the rules of the table, as a function of all objects alike."""
    from symrl_lite.actions import MOVES
    from symrl_lite.envs._pushing import pushed

    draw = np.random.default_rng(9)

    def answer(z: np.ndarray, told: np.ndarray) -> np.ndarray:
        return as_array(function(z.copy(), told.copy()), z.shape, "your answer")

    def case(places: Any, action: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = np.array(places, dtype=float)
        told = np.zeros((len(z), 4))
        told[action // 4, action % 4] = 1
        return z, told, pushed(np.array(places)[None], [action], 5)[0]

    def compare(places: Any, action: int, why: str) -> None:
        z, told, after = case(places, action)
        got = answer(z, told)
        if not same_answer(got, after):
            k, m = divmod(action, 4)
            j = int(np.abs(got - after).max(axis=1).argmax())
            raise Wrong(
                f"objects at {places}, object {k} is pushed {MOVES[m]}: you have object {j} at "
                f"{np.round(got[j], 3).tolist()}, expected {after[j].tolist()}{why}"
            )

    def shape() -> None:
        answer(*case([[1, 1], [3, 3], [4, 0]], 4)[:2])

    def one() -> None:
        for m in range(4):
            compare([[2, 2]], m, ": return places; a push leads one cell on, up is one row less, left one column less")
            for places, action in (([[2, 2], [4, 4]], m), ([[4, 4], [2, 2]], m + 4)):
                compare(places, action, ": the other one is far away, and only the one that is pushed moves")

    def walls() -> None:
        for m, (inner, outer) in enumerate((([1, 3], [0, 3]), ([3, 1], [3, 0]), ([3, 1], [4, 1]), ([1, 3], [1, 4]))):
            compare([outer], m, ": the table has 5 × 5 cells, and nothing leaves it")
            compare([inner], m, ": the cells at the edge, 0 and 4, are part of the table")

    def blocked() -> None:
        for m, there in enumerate(([1, 2], [2, 1], [3, 2], [2, 3])):
            compare([[2, 2], there], m, ": the other one is in the way, and is not pushed on")
            compare([there, [2, 2]], m + 4, ": the other one is in the way, and is not pushed on")
        compare([[2, 2], [2, 4]], 3, ": the other one is two cells away, and in nobody's way")
        compare([[2, 2], [1, 2]], 3, ": the other one is not where the push leads")

    def board(K: int) -> tuple[list[list[int]], int]:
        return np.stack(np.divmod(draw.permutation(25)[:K], 5), axis=1).tolist(), int(draw.integers(4 * K))

    def order() -> None:
        for K in np.repeat([2, 3, 6, 16], 20):  # small boards first, as they are easier to read
            places, action = board(K)
            z, told, _ = case(places, action)
            shuffled = draw.permutation(K)
            if not same_answer(answer(z[shuffled], told[shuffled]), answer(z, told)[shuffled]):
                raise Wrong(
                    f"objects at {places}, object {action // 4} is pushed {MOVES[action % 4]}: when the same objects "
                    "are listed in another order, your answer is not that order of the old one"
                )

    def any_board() -> None:
        for K in np.repeat([1, 2, 3, 5, 8, 12], 15):
            compare(*board(K), "")

    steps = [
        ("shape", shape),
        ("one push", one),
        ("walls", walls),
        ("blocks", blocked),
        ("any order", order),
        ("any board", any_board),
    ]
    return run_steps("Exercise C", steps, praise="one rule for every object and every pair, for boards of any number")


def _show(numbers: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.asarray(numbers).tolist())


def _first(reasons: list[str]) -> str:
    return f": {reasons[0]}" if reasons else ""


def _equal(got: float, right: float) -> bool:
    return same_answer(np.array(got), np.array(right))
