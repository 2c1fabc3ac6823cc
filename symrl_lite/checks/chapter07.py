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

    Shape; boards of one and of two objects by hand; random batches; and what its gradient does.
    """
    import torch

    draw = np.random.default_rng(7)

    def answer(*codes: Any, sigma: float = 0.5, hinge: float = 1.0) -> float:
        made = function(*(torch.tensor(np.asarray(c), dtype=torch.float64) for c in codes), sigma, hinge)
        return float(as_array(made, (), "the loss"))

    def energies(x: Any, y: Any, sigma: float) -> np.ndarray:
        squares = ((np.asarray(x, dtype=float) - np.asarray(y, dtype=float)) ** 2).sum(axis=-1)  # (batch, K)
        return np.asarray(squares.mean(axis=-1) / (2 * sigma**2))

    def expected(predicted: Any, after: Any, other: Any, now: Any, sigma: float, hinge: float) -> float:
        close, apart = energies(predicted, after, sigma), energies(other, now, sigma)
        return float(close.mean() + np.maximum(hinge - apart, 0).mean())

    def shape() -> None:
        answer(*draw.normal(size=(4, 6, 3, 2)))

    def values() -> None:
        zero, one = [[[0.0, 0.0]]], [[[1.0, 0.0]]]
        cases = [  # predicted, after, other, now, what it is about, loss with σ = ½ and γ = 1
            (zero, one, [[[9.0, 9.0]]], zero, "a prediction that is off by 1, a negative far away", 2.0),
            (zero, zero, zero, zero, "a right prediction, a negative with the same code", 1.0),
            (zero, zero, [[[0.5, 0.0]]], zero, "a right prediction, a negative at a distance of ½", 0.5),
        ]
        for predicted, after, other, now, about, right in cases:
            got = answer(predicted, after, other, now)
            if not same_answer(np.array(got), np.array(right)):
                text = f"for {about} the loss is {got:.4g}, expected {right:g}"
                if about.startswith("a prediction") and got < 0:
                    text += ": a negative that is far enough costs 0, never less; that is the hinge"
                elif about.startswith("a prediction") and same_answer(np.array(got), np.array(0.5)):
                    text += ": divide by 2σ², which is ½ here"
                elif about.startswith("a prediction") and same_answer(np.array(got), np.array(1.0)):
                    text += ": divide by 2σ², with the 2 and the square"
                elif about.endswith("½") and same_answer(np.array(got), np.array(0.0)):
                    text += ": the energy has the *squared* distance"
                raise Wrong(text)

    def objects() -> None:
        predicted, after = [[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 0.0]]]
        far = [[[9.0, 9.0], [9.0, 9.0]]]
        got = answer(predicted, after, far, after)
        if not same_answer(np.array(got), np.array(1.0)):
            text = f"one of two objects is off by 1: the loss is {got:.4g}, expected 1"
            if same_answer(np.array(got), np.array(2.0)):
                text += ": take the mean over the objects, not the sum"
            elif same_answer(np.array(got), np.array(0.5)):
                text += ": sum over the numbers of a code, take the mean over the objects alone"
            raise Wrong(text)
        near = [[[0.0, 0.0], [9.0, 9.0]]]
        got = answer(after, after, near, after)
        if not same_answer(np.array(got), np.array(0.0)):
            raise Wrong(
                f"of a negative one object has the same code and the other is far away: the loss is {got:.4g}, "
                "expected 0. The hinge is on the energy of the whole board, not on each object"
            )

    def batches() -> None:
        for n, K, D, sigma, hinge in ((5, 3, 2, 0.5, 1.0), (2, 1, 4, 1.0, 3.0), (7, 4, 1, 2.0, 0.5)):
            codes = draw.normal(size=(4, n, K, D))
            got, right = answer(*codes, sigma=sigma, hinge=hinge), expected(*codes, sigma, hinge)
            if not same_answer(np.array(got), np.array(right)):
                text = f"for {n} boards of {K} objects, σ = {sigma:g} and γ = {hinge:g}, the loss is {got:.4g}, "
                text += f"expected {right:.4g}"
                close, apart = energies(codes[0], codes[1], sigma), energies(codes[2], codes[3], sigma)
                if same_answer(np.array(got), close.mean() + max(hinge - apart.mean(), 0)):
                    text += ": each negative has its own hinge; a far one must not make up for a near one"
                elif same_answer(np.array(got), close.sum() + np.maximum(hinge - apart, 0).sum()):
                    text += ": take the mean over the boards, not the sum"
                raise Wrong(text)

    def gradient() -> None:
        zero = torch.zeros(1, 1, 2, dtype=torch.float64)
        other = torch.tensor([[[0.5, 0.0]]], dtype=torch.float64, requires_grad=True)
        after = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64, requires_grad=True)
        made = function(zero, after, other, zero, 0.5, 1.0)
        if not (hasattr(made, "requires_grad") and made.requires_grad):
            raise Wrong("no gradient flows through your loss: stay in torch, without .item(), .numpy() or detach")
        made.backward()
        if other.grad is None or other.grad[0, 0, 0] >= 0:
            raise Wrong("the negative gets no push away from the code of now: is there a detach in the way?")
        if after.grad is None or after.grad[0, 0, 0] <= 0:
            raise Wrong("the code of what was seen next gets no pull towards the prediction: is there a detach?")

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

    def right(predicted: Any, true: Any, states: Any, strict: bool = True, rows: bool = True) -> np.ndarray:
        x, y, s = np.asarray(predicted, dtype=float), np.asarray(true, dtype=float), np.asarray(states)
        d = ((x[:, None] - y) ** 2).sum(axis=-1) if rows else ((y[:, None] - x) ** 2).sum(axis=-1)
        own = np.diag(d)[:, None]
        close = d <= own if strict else d < own
        return np.asarray(1 + (close & (s[:, None] != s)).sum(axis=1))

    def shape() -> None:
        answer(draw.normal(size=(5, 3)), draw.normal(size=(5, 3)), np.arange(5))

    def values() -> None:
        predicted, true = [[0.0], [1.0], [5.0]], [[0.1], [0.9], [0.8]]
        got, wanted = answer(predicted, true, [0, 1, 2]), right(predicted, true, [0, 1, 2])
        if not np.array_equal(got, wanted):
            text = f"for the predictions 0, 1, 5 and the codes 0.1, 0.9, 0.8 the ranks are {_show(got)}, expected "
            text += f"{_show(wanted)}"
            if np.array_equal(got, wanted - 1):
                text += ": the best rank is 1"
            elif np.array_equal(got, wanted + 1):
                text += ": the true code is as near as itself; don't count it"
            elif np.array_equal(got, right(predicted, true, [0, 1, 2], rows=False)):
                text += ": for each prediction rank the codes, not the other way round"
            raise Wrong(text)

    def ties() -> None:
        codes = np.zeros((4, 2))
        got = answer(codes, codes, np.arange(4))
        if not np.array_equal(got, [4, 4, 4, 4]):
            text = f"when all codes are the same, the ranks of 4 predictions are {_show(got)}, expected 4 for each: "
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
                raise Wrong(f"for {n} random codes with ties, rank {i} is {got[i]:g}, expected {wanted[i]}")

    steps = [("shape", shape), ("values", values), ("ties", ties), ("equal states", states), ("random codes", loops)]
    return run_steps("Exercise B", steps)


# --- Exercise C -------------------------------------------------------------------------------------------------


def my_step(function: Callable[..., Any]) -> CheckResult:
    """Exercise C: the rules of the table, as a function of all objects alike."""
    from symrl_lite.actions import MOVES
    from symrl_lite.envs._pushing import pushed

    draw = np.random.default_rng(9)

    def answer(z: np.ndarray, told: np.ndarray) -> np.ndarray:
        return as_array(function(z.copy(), told.copy()), z.shape, "the new places")

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
            raise Wrong(
                f"objects at {np.asarray(places).tolist()}, object {k} is pushed {MOVES[m]}: you have "
                f"{np.round(got, 3).tolist()}, expected {after.tolist()}{why}"
            )

    def shape() -> None:
        answer(*case([[1, 1], [3, 3], [4, 0]], 4)[:2])

    def one() -> None:
        for m in range(4):
            compare([[2, 2]], m, "")
        z, told, _ = case([[2, 2], [0, 0]], 0)
        if not same_answer(answer(z, 0 * told), z):
            raise Wrong("nobody is pushed, and yet something moves in your answer")

    def walls() -> None:
        for place, m in (([0, 3], 0), ([3, 0], 1), ([4, 1], 2), ([1, 4], 3)):
            compare([place], m, ": the table has 5 × 5 cells, and nothing leaves it")

    def blocked() -> None:
        for m, there in enumerate(([1, 2], [2, 1], [3, 2], [2, 3])):
            compare([[2, 2], there], m, ": the other one is in the way")
            compare([there, [2, 2]], m + 4, ": the other one is in the way")
        compare([[2, 2], [2, 4]], 3, ": the other one is two cells away, and in nobody's way")
        compare([[2, 2], [1, 2]], 3, ": the other one is not where the push leads")

    def any_board() -> None:
        for K in (1, 2, 3, 5, 8, 12):
            for _ in range(15):
                cells = draw.permutation(25)[:K]
                compare(np.stack(np.divmod(cells, 5), axis=1).tolist(), int(draw.integers(4 * K)), "")

    def order() -> None:
        for K in (2, 4, 6):
            places = np.stack(np.divmod(draw.permutation(25)[:K], 5), axis=1)
            z, told, _ = case(places.tolist(), int(draw.integers(4 * K)))
            shuffled = draw.permutation(K)
            if not same_answer(answer(z[shuffled], told[shuffled]), answer(z, told)[shuffled]):
                raise Wrong(
                    "when the objects are listed in another order, your answer is not that order of the old one"
                )

    steps = [
        ("shape", shape),
        ("one object", one),
        ("walls", walls),
        ("blocks", blocked),
        ("any board", any_board),
        ("any order", order),
    ]
    return run_steps("Exercise C", steps, praise="one rule for every object and every pair, for boards of any number")


def _show(numbers: Any) -> str:
    return ", ".join(f"{number:g}" for number in np.asarray(numbers).tolist())
