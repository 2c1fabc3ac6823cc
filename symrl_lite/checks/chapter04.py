"""Checks for chapter 4, *The Symmetrizer: which weight matrix can't tell north from east?*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.checks import CheckResult, Wrong, as_array, run_steps, same_answer
from symrl_lite.groups import (
    FiniteGroup,
    Representation,
    cyclic,
    dihedral,
    permutation,
    regular,
    rotation_2d,
    symmetric,
)
from symrl_lite.symmetrizer import symmetrize, weight_orbits

__all__ = ["mirror_network", "my_symmetrize", "shared_entries"]


# --- Exercise A -------------------------------------------------------------------------------------------------


def my_symmetrize(function: Callable[..., Any]) -> CheckResult:
    """Exercise A: 1/|G| Σ_g K_g⁻¹ W L_g.

    Shape on a matrix that is not square; values under C2, where every element is its own inverse; then the constraint
    for C4, D4 and S3, each with inputs and outputs on which g and g⁻¹ act differently, and that solutions are left
    alone.
    """
    draw = np.random.default_rng(6)

    def answer(W: np.ndarray, L: Representation, K: Representation, group: FiniteGroup) -> np.ndarray:
        given = W.copy()
        try:
            made = function(given, L, K, group)
        except ValueError as error:
            if "matmul" not in str(error):
                raise
            raise Wrong(
                f"the shapes do not fit for W {W.shape}: L_g acts on inputs and stands on the right of W, "
                "K_g acts on outputs and stands on the left"
            ) from None
        averaged = as_array(made, W.shape, "S(W)")
        if not np.array_equal(given, W):
            raise Wrong("your function changes the matrix W: work on a copy")
        return averaged

    triples = permutation(symmetric(3), symmetric(3).permutations)

    def shape() -> None:
        answer(draw.normal(size=(3, 6)), regular(symmetric(3)), triples, symmetric(3))

    def values() -> None:
        swap = regular(cyclic(2))
        for W in (np.array([[1.0, 2.0], [3.0, 5.0]]), draw.normal(size=(2, 2))):
            got, expected = answer(W, swap, swap, cyclic(2)), (W + W[::-1, ::-1]) / 2
            if not same_answer(got, expected):
                text = f"for the mirror and W = {_show(W)} you return {_show(got)}, expected {_show(expected)}"
                if same_answer(got, 2 * expected):
                    text += ": that is the sum. Divide by the number of elements"
                elif same_answer(got, (W + W[:, ::-1]) / 2) or same_answer(got, (W + W[::-1]) / 2):
                    text += ": one side was not moved. Each term has a matrix on the left of W and one on the right"
                raise Wrong(text)

    def constraint() -> None:
        for L, K in (
            (regular(cyclic(4)), rotation_2d(cyclic(4))),
            (rotation_2d(dihedral(4)), regular(dihedral(4))),
            (regular(symmetric(3)), triples),
        ):
            G = L.group
            W = draw.normal(size=(K.dimension, L.dimension))
            S = answer(W, L, K, G)
            for g in G:
                gap = float(np.abs(S @ L(g) - K(g) @ S).max())
                if gap < 1e-5:  # sums of six numbers of size 3, in single precision if the answer is
                    continue
                text = f"for {G.name} and g = {G.names[g]}, W L_g and K_g W differ by {gap:.3g}: they must agree"
                if same_answer(S, sum(K(h) @ W @ L(h) for h in G) / G.order):
                    text += (
                        ". Yours is the mean of K_g W L_g, or of both inverses: one side must move by g and the other "
                        "by its inverse"
                    )
                raise Wrong(text)
            if not same_answer(answer(S, L, K, G), S):
                raise Wrong(f"for {G.name} a matrix that obeys is changed: the mean must leave solutions as they are")
            if not same_answer(S, symmetrize(W, L, K)):
                raise Wrong(f"for {G.name} your matrix obeys, but it is not the mean of K_g⁻¹ W L_g over all elements")

    return run_steps("Exercise A", [("shape", shape), ("values", values), ("constraint", constraint)])


# --- Exercise B -------------------------------------------------------------------------------------------------


def shared_entries(function: Callable[..., Any]) -> CheckResult:
    """Exercise B: orbits of the pairs (output, input), under any labels.

    Shape on a rectangle; values for C3 on a ring; then groups that are not abelian, and representations with points
    that do not move.
    """

    def answer(outputs: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        given = outputs.copy(), inputs.copy()
        numbers = as_array(function(*given), (outputs.shape[1], inputs.shape[1]), "the array")
        if not (np.array_equal(given[0], outputs) and np.array_equal(given[1], inputs)):
            raise Wrong("your function changes the arrays it is given: work on a copy")
        return numbers

    def compare(outputs: np.ndarray, inputs: np.ndarray, group: FiniteGroup, what: str) -> None:
        got = answer(outputs, inputs)
        tied = weight_orbits(permutation(group, inputs), permutation(group, outputs)).index
        mine, theirs = got.ravel()[:, None] == got.ravel(), tied.ravel()[:, None] == tied.ravel()
        for together in (True, False):
            wrong = np.argwhere((theirs == together) & (mine != together))
            if not len(wrong):
                continue
            first, second = (tuple(int(x) for x in np.unravel_index(e, got.shape)) for e in wrong[0])
            if together:
                raise Wrong(
                    f"for {what}, entries {first} and {second} share a weight, but have numbers {got[first]} and "
                    f"{got[second]}: some element takes one pair to the other"
                )
            raise Wrong(
                f"for {what}, entries {first} and {second} both have number {got[first]}, but no element takes one to "
                "the other: output and input move by the same element"
            )

    triples, square = symmetric(3), dihedral(4)
    assert triples.permutations is not None
    sides = np.array([[(-a if g >= 4 else a) % 4 for a in range(4)] for g in square])
    sides = (sides + np.arange(8)[:, None] % 4) % 4  # r moves each side on, s turns their order round

    def shape() -> None:
        answer(np.array(triples.permutations), triples.table)

    def values() -> None:
        ring = cyclic(3).table
        compare(ring, ring, cyclic(3), "C3 on a ring")

    def groups() -> None:
        compare(sides, sides, square, "D4 on the four sides of a square")
        compare(np.array(triples.permutations), triples.table, triples, "S3, from itself to three points")
        still = np.hstack([sides, np.full((8, 1), 4)])
        compare(still, square.table, square, "D4, from itself to four sides and a point that stays")

    return run_steps("Exercise B", [("shape", shape), ("values", values), ("other groups", groups)])


# --- Exercise C -------------------------------------------------------------------------------------------------


def mirror_network(function: Callable[[], Any]) -> CheckResult:
    """Exercise C: a trainable map (batch, 1, 4) → (batch, 1, 2) with f(−x) = f(x) swapped, not constant, not linear."""
    import copy

    import torch

    made: list[Any] = []  # the network as it was made, and with all its parameters moved a little

    def outputs(x: Any, which: int = 0) -> np.ndarray:
        with torch.no_grad():
            return as_array(made[which](x), (len(x), 1, 2), "the output for a batch (batch, 1, 4)")

    def shape() -> None:
        module = function()
        if module is None:
            raise Wrong("your function returns None: is a `return` missing?")
        if not isinstance(module, torch.nn.Module):
            raise Wrong(f"expected a torch module, got a {type(module).__name__}")
        moved = copy.deepcopy(module).eval()
        with torch.no_grad():
            for parameter in moved.parameters():
                parameter.add_(0.5 * torch.randn(parameter.shape, generator=generator))
        made[:] = [module.eval(), moved]
        outputs(torch.zeros(3, 1, 4))

    generator = torch.Generator().manual_seed(0)
    states, others = torch.randn(2, 50, 1, 4, generator=generator)

    def mirror() -> None:
        for which in (0, 1):
            obeys(outputs(states, which), outputs(-states, which), which)

    def obeys(here: np.ndarray, there: np.ndarray, which: int) -> None:
        size = max(1.0, float(np.abs(here).max()))
        worst = int(np.abs(there - here[..., ::-1]).max(axis=(1, 2)).argmax())
        if np.abs(there - here[..., ::-1]).max() > 1e-4 * size:
            text = (
                f"a state has scores {_show(here[worst])} and its mirror image {_show(there[worst])}; expected "
                f"{_show(here[worst][..., ::-1])}"
            )
            if np.allclose(here, there, atol=1e-4 * size):
                text += ": that is invariant. The output's representation must swap the two scores"
            elif which == 1:
                text += " (after all parameters were moved a little: the symmetry must hold for every value of them)"
            raise Wrong(text)

    def not_trivial() -> None:
        def spread(x: Any) -> np.ndarray:
            return np.subtract(*np.moveaxis(outputs(x, 1), -1, 0))

        if np.abs(spread(states)).max() < 1e-5 * max(0.1, float(np.abs(outputs(states, 1)).max())):
            raise Wrong("both scores are equal for every state, so the policy never prefers an action")
        gap = np.abs(spread(states + others) - spread(states) - spread(others)).max()
        if gap < 1e-4 * max(1.0, float(np.abs(spread(states)).max())):
            raise Wrong(
                "the difference of the scores is linear in the state: put a non-linearity between two layers. If there "
                "is one, give the hidden layer a bias: without it a ReLU cancels in a network with one hidden layer"
            )
        if not any(p.requires_grad and p.numel() for p in made[0].parameters()):
            raise Wrong("the network has no parameters to train")
        if same_answer(outputs(states, 0), outputs(states, 1)):
            raise Wrong("all parameters were moved and no output changed: there is nothing to learn")

    return run_steps(
        "Exercise C",
        [("shape", shape), ("mirror", mirror), ("something to learn", not_trivial)],
        praise="a policy that obeys the mirror before it has learned anything",
    )


def _show(numbers: Any) -> str:
    return str(np.round(np.asarray(numbers, dtype=np.float64), 4).tolist())
