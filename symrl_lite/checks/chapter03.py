"""Checks for chapter 3, *MDP homomorphisms: which decisions are the same decision?*."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.actions import STEPS, on_cells
from symrl_lite.checks import CheckResult, Wrong, as_array, as_integer, run_steps, same_answer
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.groups import dihedral
from symrl_lite.homomorphism import coarsest_homomorphism

__all__ = ["homomorphism_errors", "lift", "my_walls"]


def _random_fold(draw: np.random.Generator, states: int, actions: int) -> tuple[np.ndarray, ...]:
    """T, R and an image that does not fit them, with maps that are onto."""
    image_states, image_actions = states - 2, actions - 1
    P = draw.dirichlet(np.ones(states), size=(states, actions))
    P_image = draw.dirichlet(np.ones(image_states), size=(image_states, image_actions))
    R, R_image = draw.normal(size=(states, actions)), draw.normal(size=(image_states, image_actions))
    sigma = draw.permutation(np.r_[np.arange(image_states), draw.integers(image_states, size=2)])
    alpha = np.array([draw.permutation([*range(image_actions), draw.integers(image_actions)]) for _ in range(states)])
    return P, R, P_image, R_image, sigma, alpha


def _unchanged(given: list[np.ndarray], kept: list[np.ndarray]) -> None:
    if not all(np.array_equal(x, y) for x, y in zip(given, kept, strict=True)):
        raise Wrong("your function changes the arrays it is given: work on a copy")


# --- Exercise A -------------------------------------------------------------------------------------------------


def homomorphism_errors(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: max |R − R̄| and max Σ_B |T(B|s, a) − T̄(B|σ(s), α_s(a))|.

    Shape on a random fold; values where one entry is off by a known amount; then random folds of several sizes, with
    errors of both signs in many pairs.
    """
    draw = np.random.default_rng(4)

    def answer(*fold: np.ndarray) -> tuple[float, float]:
        given = [x.copy() for x in fold]
        pair = function(*given)
        if pair is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not (isinstance(pair, (tuple, list, np.ndarray)) and len(pair) == 2):
            raise Wrong(f"expected two numbers, your function returns a {type(pair).__name__}")
        _unchanged(given, list(fold))
        reward, transition = (
            float(as_array(x, (), what))
            for x, what in zip(pair, ("the reward error", "the transition error"), strict=True)
        )
        return reward, transition

    def exact_fold() -> tuple[np.ndarray, ...]:
        """A process made from its image, so that both errors are zero: six states in three blocks."""
        _, _, P_image, R_image, _, _ = _random_fold(draw, 5, 3)
        sigma = np.array([0, 1, 2, 2, 1, 0])
        alpha = np.array([[0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]])
        share = draw.uniform(0.2, 0.8, size=3)
        into = np.zeros((3, 6))  # how a block's probability is divided among its two states
        for block in range(3):
            first, second = np.flatnonzero(sigma == block)
            into[block, first], into[block, second] = share[block], 1 - share[block]
        P = P_image[sigma[:, None], alpha] @ into
        return P, R_image[sigma[:, None], alpha], P_image, R_image, sigma, alpha

    def shape() -> None:
        answer(*exact_fold())

    def values() -> None:
        P, R, P_image, R_image, sigma, alpha = exact_fold()
        got = answer(P, R, P_image, R_image, sigma, alpha)
        if not same_answer(np.array(got), np.zeros(2)):
            raise Wrong(
                f"for a fold that fits you return {_show(got)}, expected 0 and 0: compare each pair (s, a) with the "
                "image pair (sigma[s], alpha[s, a]), and add up the probabilities of a block before you compare"
            )
        for s, a in np.ndindex(R.shape):  # an error in any one pair must be found
            for change in (0.25, -0.25):
                R_off = R.copy()
                R_off[s, a] += change
                got = answer(P, R_off, P_image, R_image, sigma, alpha)
                if not same_answer(np.array(got), np.array([0.25, 0.0])):
                    text = (
                        f"the reward of s={s}, a={a} is off by {change}: you return {_show(got)}, expected 0.25 and 0"
                    )
                    raise Wrong(text + (": take the absolute value" if change < 0 else ""))
            off_in_one_row(P, R, P_image, R_image, sigma, alpha, s, a)

    def off_in_one_row(P: Any, R: Any, P_image: Any, R_image: Any, sigma: Any, alpha: Any, s: int, a: int) -> None:
        P_off = P.copy()
        P_off[s, a] = 0.7 * P[s, a] + 0.3 * np.eye(6)[0]
        wanted = 0.3 * 2 * (1 - P[s, a][sigma == 0].sum())
        got = answer(P_off, R, P_image, R_image, sigma, alpha)
        if not same_answer(np.array(got), np.array([0.0, wanted])):
            text = (
                f"the row of s={s}, a={a} moves 0.3 of its weight into block 0: you return {_show(got)}, "
                f"expected 0 and {wanted:.4g}"
            )
            if same_answer(np.array(got), np.array([0.0, wanted / 2])):
                text += ": that is the largest difference, or half of the sum. Add up the differences over all blocks"
            raise Wrong(text)

    def random_folds() -> None:
        for states, actions in ((5, 3), (7, 2), (6, 4)):
            fold = _random_fold(draw, states, actions)
            P, R, P_image, R_image, sigma, alpha = fold
            into = P @ np.eye(len(R_image))[sigma]  # (S, A, blocks)
            gaps = np.abs(into - P_image[sigma[:, None], alpha]).sum(axis=2)
            rewards = np.abs(R - R_image[sigma[:, None], alpha])
            got, wanted = answer(*fold), (rewards.max(), gaps.max())
            if same_answer(np.array(got), np.array(wanted)):
                continue
            text = f"for a random fold of {states} states you return {_show(got)}, expected {_show(wanted)}"
            if same_answer(np.array(got), np.array([rewards.mean(), gaps.mean()])):
                text += ": those are the means. A condition that holds on average does not hold"
            elif same_answer(np.array(got), np.array([rewards.sum(), gaps.sum()])):
                text += ": those are the sums over all pairs, expected the largest"
            raise Wrong(text)

    return run_steps("Exercise A", [("shape", shape), ("values", values), ("random folds", random_folds)])


# --- Exercise B -------------------------------------------------------------------------------------------------


def lift(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: π(a|s) = π̄(α_s(a)|σ(s)) / (number of actions of s with that image action).

    Shape on a random fold; values by hand; then: each row sums to one, and each image action gets its probability.
    """
    draw = np.random.default_rng(5)

    def answer(policy: np.ndarray, sigma: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        given = [policy.copy(), sigma.copy(), alpha.copy()]
        lifted = as_array(function(*given), alpha.shape, "the lifted policy")
        _unchanged(given, [policy, sigma, alpha])
        return lifted

    def shape() -> None:
        _, _, P_image, _, sigma, alpha = _random_fold(draw, 6, 4)
        answer(draw.dirichlet(np.ones(3), size=len(P_image)), sigma, alpha)

    def values() -> None:
        policy = np.array([[0.2, 0.8], [1.0, 0.0]])
        sigma, alpha = np.array([0, 1, 0]), np.array([[0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 0]])
        expected = np.array([[0.2, 0.8 / 3, 0.8 / 3, 0.8 / 3], [0.5, 0.5, 0, 0], [0.4, 0.1, 0.4, 0.1]])
        got = answer(policy, sigma, alpha)
        for s in range(3):
            if not same_answer(got[s], expected[s]):
                text = (
                    f"the image policy is {policy[sigma[s]].tolist()} in image state {sigma[s]}, and alpha[{s}] is "
                    f"{alpha[s].tolist()}: you return {_show(got[s])}, expected {_show(expected[s])}"
                )
                if got[s].sum() > 1 + 1e-6:
                    text += ". Yours sum to more than 1: actions with one image action share its probability"
                raise Wrong(text)

    def every_state() -> None:
        for states, actions in ((5, 3), (7, 2), (9, 5)):
            _, _, P_image, _, sigma, alpha = _random_fold(draw, states, actions)
            policy = draw.dirichlet(np.ones(P_image.shape[1]), size=len(P_image))
            got = answer(policy, sigma, alpha)
            for s in range(states):
                if not same_answer(got[s].sum(), np.array(1.0)):
                    raise Wrong(f"in state {s} the probabilities {_show(got[s])} sum to {got[s].sum():.4g}, expected 1")
                for b in range(policy.shape[1]):
                    mine = got[s][alpha[s] == b]
                    if not same_answer(mine.sum(), policy[sigma[s], b]):
                        raise Wrong(
                            f"in state {s} the actions with image action {b} have {mine.sum():.4g} together, and the "
                            f"image takes it with probability {policy[sigma[s], b]:.4g}: these must agree"
                        )
                    if not same_answer(mine, np.full(len(mine), mine.mean())):
                        raise Wrong(
                            f"in state {s} the actions with image action {b} get {_show(mine)}: equals share equally"
                        )

    return run_steps("Exercise B", [("shape", shape), ("values", values), ("every state", every_state)])


# --- Exercise C -------------------------------------------------------------------------------------------------


def my_walls(function: Callable[[], Any]) -> CheckResult:
    """Exercise C: walls of a 5 × 5 grid without a symmetry, whose coarsest homomorphism merges cells all the same."""
    middle = (2, 2)
    walls: list[tuple[int, int]] = []

    def shape() -> None:
        given = function()
        if given is None:
            raise Wrong("your function returns None: is a `return` missing?")
        try:
            found = [tuple(as_integer(i, "a coordinate") for i in cell) for cell in given]
        except TypeError:
            raise Wrong(f"expected a list of cells (row, column), got {str(given)[:60]}") from None
        for cell in found:
            if len(cell) != 2 or not all(0 <= i < 5 for i in cell):
                raise Wrong(f"{cell} is no cell of a 5 × 5 grid: expected (row, column) from 0 to 4")
        if middle in found:
            raise Wrong("the goal (2, 2) must stay free")
        walls[:] = sorted({(cell[0], cell[1]) for cell in found})
        if len(walls) >= 24:
            raise Wrong("there is no free cell beside the goal")

    def no_symmetry() -> None:
        square, move = dihedral(4), on_cells(dihedral(4), 5)
        for g in range(1, 8):
            if {move(g, wall) for wall in walls} == set(walls):
                raise Wrong(
                    f"{square.names[g]} takes your walls to themselves, so it is a symmetry; none may be left but e"
                )

    def reachable() -> None:
        free = {cell for cell in np.ndindex(5, 5) if cell not in walls}
        seen, queue = {middle}, deque([middle])
        while queue:
            i, j = queue.popleft()
            for down, right in STEPS:
                cell = (i + down, j + right)
                if cell in free and cell not in seen:
                    seen.add(cell)
                    queue.append(cell)
        if free - seen:
            raise Wrong(f"from cell {min(free - seen)} there is no way to the goal")

    def smaller() -> None:
        fold = coarsest_homomorphism(GridWorld(5, middle, walls).tabular())
        if fold.image.n_states == fold.ground.n_states:
            raise Wrong(
                f"all {fold.ground.n_states} free cells are different: let the goal cut your world into "
                "parts, two of them alike"
            )

    return run_steps(
        "Exercise C",
        [("cells", shape), ("no symmetry", no_symmetry), ("goal reachable", reachable), ("smaller", smaller)],
        praise="a fold that no turn or flip explains",
    )


def _show(numbers: Any) -> str:
    return ", ".join(f"{number:.4g}" for number in np.ravel(numbers))
