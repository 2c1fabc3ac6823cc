"""Checks for chapter 6, *Plannable homomorphisms: plan in a world that you have learned*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer

__all__ = ["contrastive", "latent_chances", "my_map"]


# --- Exercise A -------------------------------------------------------------------------------------------------


def contrastive(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: mean over the batch of Σ_j max(0, ε − ½|anchor − negative_j|²).

    Shape; three negatives by hand, one of them out of reach; random batches; and what its gradient does.
    """
    import torch

    draw = np.random.default_rng(6)

    def tensor(values: Any) -> Any:
        return torch.tensor(np.asarray(values), dtype=torch.float64)

    def answer(anchors: Any, negatives: Any, hinge: float) -> float:
        made = function(tensor(anchors), tensor(negatives), hinge)
        return float(as_array(made, (), "the loss"))

    def shape() -> None:
        answer(draw.normal(size=(4, 3)), draw.normal(size=(4, 2, 3)), 1.0)

    def values() -> None:
        cases = [  # anchor, negative, hinge, loss
            ([[0.0, 0.0]], [[[0.8, 0.0]]], 1.0, 0.68),
            ([[0.0, 0.0]], [[[3.0, 4.0]]], 1.0, 0.0),
            ([[1.0, 1.0]], [[[1.0, 1.0]]], 2.0, 2.0),
            ([[0.0, 0.0]], [[[0.8, 0.0], [0.0, 0.6]]], 1.0, 1.5),
        ]
        for anchors, negatives, hinge, expected in cases:
            got = answer(anchors, negatives, hinge)
            if same_answer(np.array(got), np.array(expected)):
                continue
            text = (
                f"for the anchor {anchors[0]}, negatives {negatives[0]} and hinge {hinge:g} the loss is {got:.4g}, "
                f"expected {expected:g}"
            )
            if expected == 2.0 and got == 0:
                text += ": a negative with the same code is the nearest of all; here it counts like any other"
            gaps = np.square(np.array(anchors)[:, None] - np.array(negatives)).sum(axis=-1)
            if same_answer(np.array(got), np.maximum(hinge - gaps, 0).sum()):
                text += ": that is without the ½ of d"
            elif same_answer(np.array(got), np.maximum(hinge - np.sqrt(gaps), 0).sum()):
                text += ": d is ½ of the *squared* distance"
            elif got < 0:
                text += ": a negative that is far enough adds 0, never less"
            elif len(negatives[0]) == 2 and same_answer(np.array(got), np.array(expected / 2)):
                text += ": sum over the negatives of a step, and take the mean over the steps"
            elif same_answer(np.array(got), np.maximum(hinge - 0.5 * gaps.sum(), 0)):
                text += ": each negative has its own hinge; a far one must not make up for a near one"
            raise Wrong(text)

    def batches() -> None:
        for n, J, dimension, hinge in ((5, 3, 2, 1.0), (7, 1, 4, 3.0), (2, 6, 1, 0.5)):
            anchors, negatives = draw.normal(size=(n, dimension)), draw.normal(size=(n, J, dimension))
            d = 0.5 * ((anchors[:, None] - negatives) ** 2).sum(axis=-1)
            short = np.maximum(hinge - d, 0)
            got, expected = answer(anchors, negatives, hinge), short.sum(axis=1).mean()
            if not same_answer(np.array(got), np.array(expected)):
                text = f"for {n} steps with {J} negatives each the loss is {got:.4g}, expected {expected:.4g}"
                if same_answer(np.array(got), short.sum()):
                    text += ": that is the sum over the batch, take its mean"
                elif same_answer(np.array(got), short.mean()):
                    text += ": sum over the negatives of a step, and take the mean over the steps"
                elif same_answer(np.array(got), np.maximum(hinge - d.mean(axis=1), 0).mean()) or same_answer(
                    np.array(got), np.maximum((hinge - d).sum(axis=1), 0).mean()
                ):
                    text += ": each negative has its own hinge; a far one must not make up for a near one"
                raise Wrong(text)

    def gradient() -> None:
        anchors = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
        negatives = tensor([[[0.5, 0.0], [9.0, 9.0]]]).requires_grad_()
        loss = function(anchors, negatives, 1.0)
        if not (hasattr(loss, "requires_grad") and loss.requires_grad):
            raise Wrong("no gradient flows through your loss: stay in torch, without .item(), .numpy() or detach")
        loss.backward()
        pull = np.zeros((2, 2)) if negatives.grad is None else negatives.grad[0].numpy()
        push = 0.0 if anchors.grad is None else float(anchors.grad[0, 0])
        if push <= 0:
            raise Wrong("the anchor gets no push away from the near negative: is there a detach in the way?")
        if not (pull[0, 0] < 0 and np.abs(pull[1]).max() == 0):
            raise Wrong(
                f"a step of gradient descent must move the near negative away from the anchor and leave the far one "
                f"alone; the gradients are {pull.round(3).tolist()}"
            )

    steps = [("shape", shape), ("values", values), ("batches", batches), ("gradient", gradient)]
    return run_steps("Exercise A", steps)


# --- Exercise B -------------------------------------------------------------------------------------------------


def latent_chances(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: softmax over the points of −½|z_j − after|²/τ. Shape, values, rows that sum to 1, and no overflow."""
    draw = np.random.default_rng(7)

    def answer(latents: Any, after: Any, temperature: float) -> np.ndarray:
        z, there = np.array(latents, dtype=float), np.array(after, dtype=float)
        made = function(z.copy(), there.copy(), temperature)
        P, A = there.shape[:2]
        if made is not None and np.size(made) == P * A * P and not np.isfinite(np.asarray(made, dtype=float)).all():
            d = 0.5 * ((there[:, :, None] - z) ** 2).sum(axis=-1)
            raise Wrong(
                f"some probabilities are not numbers: where points are far (½|·|²/τ up to {d.max() / temperature:.0f}) "
                "all exponentials are 0. Subtract the largest score of each row before you take exp; the result is "
                "the same"
            )
        return as_array(made, (P, A, P), "your answer")

    def expected(latents: Any, after: Any, temperature: float, half: float = 0.5, power: float = 1.0) -> np.ndarray:
        z, there = np.asarray(latents, dtype=float), np.asarray(after, dtype=float)
        d = half * ((there[:, :, None] - z) ** 2).sum(axis=-1) ** power  # (P, A, P)
        scores = np.exp(-(d - d.min(axis=-1, keepdims=True)) / temperature)
        return np.asarray(scores / scores.sum(axis=-1, keepdims=True))

    def shape() -> None:
        answer(draw.normal(size=(5, 3)), draw.normal(size=(5, 2, 3)), 0.5)

    def values() -> None:
        line = np.array([[0.0], [1.0], [2.0]])
        after = line[:, None] + np.array([[-1.0], [1.0]])  # (3, 2, 1)
        got, right = answer(line, after, 0.4), expected(line, after, 0.4)
        if not same_answer(got, right):
            i, a = np.argwhere(np.abs(got - right).max(axis=-1) > 1e-6)[0]
            text = (
                f"for the points 0, 1, 2 and the step from {i} to {after[i, a, 0]:g} with temperature 0.4 you have "
                f"{_show(got[i, a])}, expected {_show(right[i, a])}"
            )
            if same_answer(got, expected(line, after, 0.4, half=1.0)):
                text += ": that is without the ½"
            elif same_answer(got, expected(line, after, 0.4, half=0.5, power=0.5)):
                text += ": square the distance"
            elif same_answer(got, expected(line, after, 2.5)):
                text += ": divide by the temperature, don't multiply"
            elif same_answer(got, expected(line, after, 0.16)):
                text += ": divide by the temperature once"
            elif got[i, a].argmax() == right[i, a].argmin():
                text += ": the nearest point must get the largest probability, so the score is *minus* the distance"
            elif np.abs(got.sum(axis=-1) - 1).max() > 1e-6:
                text += ": the row must sum to 1, over the points j that the step may lead to"
            raise Wrong(text)

    def random_points() -> None:
        for P, A, dimension, temperature in ((6, 3, 2, 0.3), (4, 1, 5, 2.0), (9, 4, 1, 0.1)):
            z, there = draw.normal(size=(P, dimension)), draw.normal(size=(P, A, dimension))
            got, right = answer(z, there, temperature), expected(z, there, temperature)
            if not same_answer(got, right):
                i, a, j = np.unravel_index(np.abs(got - right).argmax(), got.shape)
                raise Wrong(
                    f"for {P} points and {A} actions entry [{i}, {a}, {j}] is {got[i, a, j]:.4g}, expected "
                    f"{right[i, a, j]:.4g}. The order of the axes is point, action, next point"
                )

    def far() -> None:
        z, there = 50 * draw.normal(size=(8, 3)), 50 * draw.normal(size=(8, 2, 3))
        if not same_answer(answer(z, there, 0.1), expected(z, there, 0.1)):
            raise Wrong("for points that are far apart the probabilities are wrong")

    steps = [("shape", shape), ("values", values), ("random points", random_points), ("far points", far)]
    return run_steps("Exercise B", steps)


# --- Exercise C -------------------------------------------------------------------------------------------------


def my_map(function: Callable[..., Any]) -> CheckResult:
    """Exercise C: 71 points, each move by one and the same vector, and a plan in them that is optimal."""
    from symrl_lite.actions import MOVES
    from symrl_lite.data import shortest, walk
    from symrl_lite.envs.room import Room
    from symrl_lite.mdp import TabularMDP, value_iteration
    from symrl_lite.plannable import latent_transitions

    room = Room(pixels=1)
    moves = room.moves()

    def points() -> np.ndarray:
        made = [function(row, column, key) for (key,), (row, column) in room.places]
        if made[0] is None:
            raise Wrong("your function returns None: is a `return` missing?")
        made = [[z] if np.ndim(z) == 0 and not isinstance(z, str) else z for z in made]
        size = len(made[0])
        return np.stack([as_array(z, (size,), f"the point of the place {_name(k)}") for k, z in enumerate(made)])

    def _name(k: int) -> str:
        (key,), cell = room.places[k]
        return f"{cell} with the key {'on the floor' if key else 'in the hand'}"

    def shape() -> None:
        points()

    def apart() -> None:
        z = points()
        d = 0.5 * ((z[:, None] - z) ** 2).sum(axis=-1) + 1e9 * np.eye(len(z))
        i, j = np.unravel_index(d.argmin(), d.shape)
        if d[i, j] < 1e-9:
            raise Wrong(f"{_name(int(i))} and {_name(int(j))} have the same point: what does your map leave out?")

    def same_step() -> None:
        z = points()
        scale = max(1.0, float(np.abs(z).max()))
        for a, name in enumerate(MOVES):
            usual = [k for k in range(len(z)) if moves[k, a] != k and room.places[moves[k, a]][0] == room.places[k][0]]
            steps = z[moves[usual, a]] - z[usual]
            gap = np.abs(steps - steps[0]).max(axis=1)
            if gap.max() > 1e-6 * scale:
                k = usual[int(gap.argmax())]
                raise Wrong(
                    f"{name} moves the point of {_name(usual[0])} by {_show(steps[0])}, and that of {_name(k)} by "
                    f"{_show(steps[int(gap.argmax())])}: expected one vector for the whole room"
                )

    def plan() -> None:
        z = points()
        T = latent_transitions(z, z[moves], temperature=0.1)
        starts = room.start_states[room.start_states < room.n_places]
        for cell in room.deliveries:
            goal = room.place_of(cell, key=False)
            rewards = np.zeros((len(z), 4))
            rewards[goal] = 1
            best = value_iteration(TabularMDP(T, rewards, 0.9), 1e-6).q_values.argmax(axis=1)
            took, least = walk(moves, best.__getitem__, starts, goal), shortest(moves, goal)[starts]
            if (took > least).any():
                k = int((took - least).argmax())
                end = f"takes {took[k]} steps" if took[k] < 100 else "does not arrive"
                raise Wrong(
                    f"planned in your points with τ = 0.1, the walk from {_name(int(starts[k]))} to the delivery cell "
                    f"{cell} {end} instead of {least[k]:.0f} steps. How far apart are your points, in units of τ?"
                )

    steps = [("shape", shape), ("71 points", apart), ("one vector an action", same_step), ("optimal plans", plan)]
    return run_steps(
        "Exercise C",
        steps,
        praise="a homomorphism by hand: the planner saw your points and where a step leads, and no room",
    )


def _show(numbers: Any) -> str:
    shown = np.round(np.asarray(numbers, dtype=np.float64), 4).tolist()
    return str(shown) if np.size(numbers) <= 6 else f"{str(shown[:6])[:-1]}, ...]"
