"""Checks for chapter 5, *Homomorphic networks: does a policy that knows the mirror learn faster?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer
from symrl_lite.groups import Representation, cyclic, permutation, rotation_2d, symmetric
from symrl_lite.symmetry import Symmetry

__all__ = ["mirrored", "speed_up", "symmetric_policy"]


def _mirror() -> Symmetry:
    group = cyclic(2)
    signs = Representation(group, [np.eye(4), -np.eye(4)])
    return Symmetry(group, signs, permutation(group, [[0, 1], [1, 0]]), "the mirror")


def _turns() -> Symmetry:
    """C3 turns a plane twice over, and three actions in a ring: there the inverse matters."""
    group = cyclic(3)
    plane = rotation_2d(group)
    return Symmetry(group, plane + plane, permutation(group, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]), "turns by a third")


def _triples() -> Symmetry:
    """S3 permutes three of four numbers and three actions: not abelian."""
    group = symmetric(3)
    images = np.array(group.permutations)
    four = np.hstack([images, np.full((len(group), 1), 3)])
    return Symmetry(group, permutation(group, four), permutation(group, images), "permutations of three")


# --- Exercise A -------------------------------------------------------------------------------------------------


def mirrored(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: blocks L_g s, K_g a, and the advantages again.

    Shape on the mirror; values on the mirror; then groups in which K_g and its inverse differ.
    """
    draw = np.random.default_rng(4)

    def answer(symmetry: Symmetry, n: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
        on_actions = symmetry.on_actions
        assert isinstance(on_actions, Representation)
        states, advantages = draw.normal(size=(n, 4)), draw.normal(size=n)
        actions = draw.integers(0, on_actions.dimension, size=n)
        actions[: min(n, on_actions.dimension)] = np.arange(min(n, on_actions.dimension))  # every action occurs
        given = states.copy(), actions.copy(), advantages.copy()
        made = function(*given, symmetry)
        if made is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not isinstance(made, tuple | list) or len(made) != 3:
            raise Wrong("expected three arrays: states, actions, advantages")
        for before, after, what in zip(
            (states, actions, advantages), given, ("states", "actions", "advantages"), strict=True
        ):
            if not np.array_equal(before, after):
                raise Wrong(f"your function changes the {what} that it is given: work on a copy")
        rows = symmetry.group.order * n
        got = [
            as_array(made[0], (rows, 4), "states"),
            as_array(made[1], (rows,), "actions"),
            as_array(made[2], (rows,), "advantages"),
        ]
        group = symmetry.group
        expected = [
            np.concatenate([symmetry.act_on_state(g, states) for g in group]),
            np.concatenate([on_actions(g).argmax(axis=0)[actions] for g in group]),
            np.tile(advantages, group.order),
        ]
        return got, expected

    def compare(symmetry: Symmetry, n: int) -> None:
        got, expected = answer(symmetry, n)
        group, name = symmetry.group, symmetry.name
        for what, mine, right in zip(("states", "actions", "advantages"), got, expected, strict=True):
            if same_answer(mine, right):
                continue
            row = int(np.flatnonzero(np.abs(mine - right).reshape(len(mine), -1).max(axis=1) > 1e-6)[0])
            g = group.names[row // n]
            shown = f"for {name}, g = {g}, the {what} of row {row} are {_show(mine[row])}, expected {_show(right[row])}"
            on_actions = symmetry.on_actions
            assert isinstance(on_actions, Representation)
            if what == "actions":
                first = mine[:n].astype(int)
                if same_answer(mine, np.tile(first, group.order)):
                    shown += ": the actions have to move with the states"
                elif same_answer(mine, np.concatenate([on_actions(g).argmax(axis=1)[first] for g in group])):
                    shown += ": that is where the inverse of g takes it. Column a of K_g has its 1 at g·a"
            if what == "advantages" and same_answer(np.abs(mine), np.abs(right)):
                shown += ": a mirrored step is as good as the step, its advantage keeps its sign"
            if what == "states" and same_answer(np.sort(mine.ravel()), np.sort(right.ravel())):
                shown += ". The blocks come in the order of symmetry.group, all rows of one element together"
            raise Wrong(shown)

    def shape() -> None:
        answer(_mirror(), 5)

    def other_groups() -> None:
        compare(_turns(), 7)
        compare(_triples(), 7)

    steps = [("shape", shape), ("values", lambda: compare(_mirror(), 6)), ("other groups", other_groups)]
    return run_steps("Exercise A", steps)


# --- Exercise B -------------------------------------------------------------------------------------------------


def speed_up(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: ratio of medians with its 90 % bootstrap interval, and seeds that never got there."""
    draw = np.random.default_rng(8)

    def answer(fast: Any, slow: Any) -> tuple[float, float, float]:
        given = np.array(fast, dtype=float), np.array(slow, dtype=float)
        made = function(given[0].copy(), given[1].copy())
        if made is None:
            given_text = f"fast = {_show(fast)} and slow = {_show(slow)}"
            raise Wrong(f"for {given_text} you return None, expected three numbers: is a `return` missing?")
        if not isinstance(made, tuple | list | np.ndarray) or len(made) != 3:
            raise Wrong("expected three numbers: the ratio and the two ends of its interval")
        numbers = [float(np.asarray(x, dtype=float)) for x in made]
        if any(np.isnan(numbers)):
            raise Wrong(f"for fast = {_show(fast)} and slow = {_show(slow)} you return {numbers}: one is not a number")
        return numbers[0], numbers[1], numbers[2]

    def shape() -> None:
        answer([4, 5, 6], [10, 10, 10])

    def values() -> None:
        for fast, slow in (([4, 5, 6], [10, 12, 11]), ([3, 9, 4, 4, 100], [8, 10, 6, 7])):
            got, expected = answer(fast, slow)[0], np.median(slow) / np.median(fast)
            if not same_answer(np.array(got), np.array(expected)):
                text = (
                    f"for fast = {_show(fast)} and slow = {_show(slow)} the ratio is {got:.4g}, expected {expected:.4g}"
                )
                if same_answer(np.array(got), np.array(1 / expected)):
                    text += ": it is slow over fast, so that 2 means twice as fast"
                elif same_answer(np.array(got), np.array(np.mean(slow) / np.mean(fast))):
                    text += ": that is the ratio of the means; one seed of 100 moves a mean a lot"
                raise Wrong(text)
        _, low, high = answer([5, 5, 5, 5], [10, 10, 10, 10])
        if not (same_answer(np.array(low), np.array(2.0)) and same_answer(np.array(high), np.array(2.0))):
            raise Wrong(f"when all seeds agree the interval is one point, 2 to 2; yours is {low:.4g} to {high:.4g}")

    def interval() -> None:
        fast, slow = draw.gamma(9, 1, size=31) + 5, draw.gamma(9, 2, size=9) + 8
        ratios = np.sort(
            [np.median(draw.choice(slow, len(slow))) / np.median(draw.choice(fast, len(fast))) for _ in range(8000)]
        )
        expected, got = (ratios[400], ratios[7599]), answer(fast, slow)[1:]
        # Quantiles of 2000 draws wander: allowed is what the quantiles next to them span.
        for end, mine, bounds in zip(
            ("lower", "upper"), got, ((ratios[256], ratios[560]), (ratios[7439], ratios[7743])), strict=True
        ):
            if not bounds[0] - 1e-9 <= mine <= bounds[1] + 1e-9:
                text = f"the {end} end is {mine:.4g}, expected about {expected[end == 'upper']:.4g}"
                if got[0] > got[1]:
                    text += ": the ends are in the wrong order"
                else:
                    wider = (got[1] - got[0]) / (expected[1] - expected[0])
                    size = "too wide. " if wider > 1.1 else "too narrow. " if wider < 0.9 else ""
                    text += (
                        f": {size}Draw both arrays anew with repetition, each of its own length, take the ratio, and "
                        "cut off 5 % of the ratios at each end"
                    )
                raise Wrong(text)
        both = np.arange(4.0, 13.0)
        if np.ptp(answer(both, 2 * both)[1:]) < 0.1:  # measured: 1.67 and more where each is drawn by itself
            raise Wrong(
                "for slow = 2 · fast your interval is one point: the same places were drawn from both arrays. Draw "
                "each array by itself, with random numbers of its own: a seed of one has no partner in the other"
            )

    def never() -> None:
        ratio, low, high = answer([4, 5, 6, 7, 5], [10, 11, 12, np.inf, np.inf])
        if not (np.isfinite(ratio) and np.isfinite(low)) or np.isfinite(high):
            raise Wrong(
                "with two of five slow seeds infinite the ratio and the lower end are finite and the upper end is "
                f"infinite; you return {ratio:.4g}, {low:.4g}, {high:.4g}. Do not leave out seeds that never got there"
            )
        ratio, _, high = answer([4, 5, np.inf, 6, 5], [10, np.inf, np.inf, np.inf, 9])
        if np.isfinite(ratio) or np.isfinite(high):
            raise Wrong(f"with three of five slow seeds infinite the ratio is infinite; you return {ratio:.4g}")
        if function(np.array([4.0, np.inf, np.inf]), np.array([5.0, 6.0, 7.0])) is not None:
            raise Wrong("two of three fast seeds never got there: there is no ratio, return None")

    return run_steps(
        "Exercise B",
        [("shape", shape), ("values", values), ("interval", interval), ("seeds that never got there", never)],
    )


# --- Exercise C -------------------------------------------------------------------------------------------------


def symmetric_policy(function: Callable[..., Any]) -> CheckResult:
    """Exercise C: scores that obey, values that are invariant, for the mirror and for groups with g ≠ g⁻¹."""
    import torch

    class Plain(torch.nn.Module):
        def __init__(self, actions: int) -> None:
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.Tanh())
            self.actor, self.critic = torch.nn.Linear(16, actions), torch.nn.Linear(16, 1)

        def forward(self, x: Any) -> Any:
            return self.actor(self.body(x)), self.critic(self.body(x))[:, 0]

    def make(symmetry: Symmetry) -> tuple[Any, Any]:
        assert isinstance(symmetry.on_actions, Representation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            plain = Plain(symmetry.on_actions.dimension)
            made = function(plain, symmetry)
        if made is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not isinstance(made, torch.nn.Module):
            raise Wrong(f"expected a torch module, got a {type(made).__name__}")
        return plain, made

    def outputs(module: Any, x: Any, symmetry: Symmetry) -> tuple[np.ndarray, np.ndarray]:
        made = module(torch.as_tensor(x, dtype=torch.float32))
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise Wrong("expected a pair: scores (batch, actions) and values (batch,)")
        assert isinstance(symmetry.on_actions, Representation)
        shape = (len(x), symmetry.on_actions.dimension)
        return as_array(made[0], shape, "the scores"), as_array(made[1], (len(x),), "the values")

    states = np.random.default_rng(5).normal(size=(40, 4)).astype(np.float32)

    def shape() -> None:
        outputs(make(_mirror())[1], states[:3], _mirror())

    def symmetry_holds() -> None:
        for symmetry in (_mirror(), _turns(), _triples()):
            _, module = make(symmetry)
            here, value = outputs(module, states, symmetry)
            for g in symmetry.group:
                there, moved = outputs(module, symmetry.act_on_state(g, states), symmetry)
                right = symmetry.act_on_action_values(g, here)
                gap = float(np.abs(there - right).max())
                if gap > 1e-4:
                    which = f"for {symmetry.name} and g = {symmetry.group.names[g]}"
                    text = f"{which}, scores differ from K_g π(x) by {gap:.3g}"
                    if np.abs(there - here).max() < 1e-4:
                        text += ": they are invariant. Move the scores back by the inverse of K_g before the mean"
                    elif symmetry.group.order > 2:
                        text += (
                            ". It holds for the mirror, where g is its own inverse: which of L and K gets the inverse? "
                            "(Or is the mirror written into your function?)"
                        )
                    raise Wrong(text)
                if np.abs(moved - value).max() > 1e-4:
                    raise Wrong(
                        f"for {symmetry.name} and g = {symmetry.group.names[g]} the values change: they must not"
                    )

    def learns() -> None:
        plain, module = make(_mirror())
        here, value = outputs(module, states, _mirror())
        if np.abs(here[:, 0] - here[:, 1]).max() < 1e-5:
            raise Wrong("both scores are equal in every state: the policy never prefers an action")
        if np.ptp(value) < 1e-6:
            raise Wrong("the value is the same in every state")
        own = {id(p) for p in module.parameters()}
        if not all(id(p) in own for p in plain.parameters()):
            raise Wrong("plain's parameters are not among your module's: keep plain as an attribute, without a copy")
        scores, values = module(torch.as_tensor(states))
        if not (scores.requires_grad and values.requires_grad):
            raise Wrong("no gradient reaches plain's weights: is there a detach or a no_grad in the way?")
        (scores.square().sum() + values.square().sum()).backward()
        if any(p.grad is None or not bool(p.grad.abs().sum() > 0) for p in plain.parameters() if p.ndim > 1):
            raise Wrong("no gradient reaches plain's weights: is there a detach or a no_grad in the way?")

    return run_steps(
        "Exercise C",
        [("shape", shape), ("symmetry", symmetry_holds), ("something to learn", learns)],
        praise="any policy can be made to obey, at the price of |G| passes",
    )


def _show(numbers: Any) -> str:
    return str(np.round(np.asarray(numbers, dtype=np.float64), 4).tolist())
