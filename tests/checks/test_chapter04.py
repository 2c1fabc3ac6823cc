"""The checks of chapter 4 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest
import torch
from torch import nn

from symrl_lite.checks import chapter04 as check
from symrl_lite.groups import Representation, cyclic, regular, trivial
from symrl_lite.layers import EquivariantLinear, EquivariantSequential

# --- Exercise A


def project(W, L, K, group):
    return sum(K(group.inverse(g)) @ W @ L(g) for g in group) / len(group)


def project_the_other_way(W, L, K, group):
    """K_g W L_g⁻¹: the same sum in another order; with a solved system instead of an inverse, and lists."""
    total = np.zeros(W.shape)
    for g in group:
        total += K(g) @ np.linalg.solve(L(g).T, W.T).T
    return (total / group.order).tolist()


def project_in_torch(W, L, K, group):
    left, right = torch.tensor(np.array(K.matrices)), torch.tensor(np.array(L.matrices))
    return torch.einsum("gji,jk,gkl->il", left, torch.tensor(W), right) / len(group)  # orthogonal: inverse is transpose


def project_in_single_precision(W, L, K, group):
    terms = [(torch.tensor(K(group.inverse(g))).float(), torch.tensor(L(g)).float()) for g in group]
    return torch.stack([left @ torch.tensor(W).float() @ right for left, right in terms]).mean(dim=0)


def without_inverse(W, L, K, group):
    return sum(K(g) @ W @ L(g) for g in group) / len(group)


def two_inverses(W, L, K, group):
    return sum(K(group.inverse(g)) @ W @ L(group.inverse(g)) for g in group) / len(group)


def without_division(W, L, K, group):
    return sum(K(group.inverse(g)) @ W @ L(g) for g in group)


def one_side(W, L, K, group):
    return sum(W @ L(g) for g in group) / len(group)


def generators_only(W, L, K, group):
    chosen = [0, *group.generators]
    return sum(K(group.inverse(g)) @ W @ L(g) for g in chosen) / len(chosen)


def transposed(W, L, K, group):
    return sum(K(group.inverse(g)) @ W @ L(g).T for g in group) / len(group)


def zero(W, L, K, group):
    return 0 * W


def in_place(W, L, K, group):
    answer = project(W, L, K, group)
    W[:] = answer
    return answer


@pytest.mark.parametrize("answer", [project, project_the_other_way, project_in_torch, project_in_single_precision])
def test_a_accepts(answer):
    assert check.my_symmetrize(answer).passed, check.my_symmetrize(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (without_inverse, "one side must move by g and the other by its inverse"),
        (two_inverses, "or of both inverses"),
        (lambda W, L, K, group: sum(L(g) @ W @ K(g) for g in group) / 6, "stands on the right of W"),
        (without_division, "that is the sum"),
        (one_side, "one side was not moved"),
        (generators_only, "they must agree"),
        (transposed, "they must agree"),
        (zero, "you return"),
        (in_place, "changes the matrix W"),
        (lambda W, L, K, group: W.T, "shape"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.my_symmetrize(answer)
    assert not result.passed and result.solved and reason in repr(result), result


# --- Exercise B


def orbits(outputs, inputs):
    numbers = np.full((outputs.shape[1], inputs.shape[1]), -1)
    for i, j in np.ndindex(numbers.shape):
        if numbers[i, j] < 0:
            numbers[outputs[:, i], inputs[:, j]] = numbers.max() + 1
    return numbers


def smallest_place(outputs, inputs):
    """Another idea: label a pair by the smallest place in its orbit."""
    places = outputs[:, :, None] * inputs.shape[1] + inputs[:, None, :]
    return places.min(axis=0).astype(float).tolist()


def outputs_only(outputs, inputs):
    return np.tile(outputs.min(axis=0)[:, None], (1, inputs.shape[1]))


def all_pairs(outputs, inputs):
    """Lets output and input move by different elements."""
    return outputs.min(axis=0)[:, None] * inputs.shape[1] + inputs.min(axis=0)


def by_difference(outputs, inputs):
    """Right for rings only."""
    n = inputs.shape[1]
    return np.subtract.outer(np.arange(outputs.shape[1]), np.arange(n)) % n


def inverse_inputs(outputs, inputs):
    return orbits(outputs, np.argsort(inputs, axis=1))


@pytest.mark.parametrize("answer", [orbits, smallest_place])
def test_b_accepts(answer):
    assert check.shared_entries(answer).passed, check.shared_entries(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (outputs_only, "no element takes one to the other"),
        (all_pairs, "output and input move by the same element"),
        (by_difference, "share a weight, but have numbers"),
        (inverse_inputs, "share a weight"),
        (lambda outputs, inputs: np.arange(outputs.shape[1] * inputs.shape[1]).reshape(-1, inputs.shape[1]), "share a"),
        (lambda outputs, inputs: orbits(outputs, inputs).T, "shape"),
        (lambda outputs, inputs: (outputs.sort(), orbits(outputs, inputs))[1], "changes the arrays"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.shared_entries(answer)
    assert not result.passed and result.solved and reason in repr(result), result


# --- Exercise C

MIRROR = cyclic(2)
SWAP = regular(MIRROR)
NEGATE = Representation(MIRROR, [np.eye(4), -np.eye(4)])


def network():
    return EquivariantSequential(
        EquivariantLinear(NEGATE, SWAP, 1, 16), nn.ReLU(), EquivariantLinear(SWAP, SWAP, 16, 1)
    )


def without_biases(hidden, channels=16):
    """ReLUs between layers that have no bias, with one hidden layer or more."""
    layers = [EquivariantLinear(NEGATE, SWAP, 1, channels, bias=False)]
    for _ in range(hidden - 1):
        layers += [nn.ReLU(), EquivariantLinear(SWAP, SWAP, channels, channels, bias=False)]
    return EquivariantSequential(*layers, nn.ReLU(), EquivariantLinear(SWAP, SWAP, channels, 1, bias=False))


class AveragedOverTheMirror(nn.Module):
    """No equivariant layer in it."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, x):
        return (self.net(x) + self.net(-x).flip(-1)) / 2


def linear():
    return EquivariantLinear(NEGATE, SWAP, 1, 1)


def invariant():
    layers = EquivariantLinear(NEGATE, SWAP, 1, 16), nn.ReLU(), EquivariantLinear(SWAP, trivial(MIRROR, 2), 16, 1)
    return EquivariantSequential(*layers)


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.bias.expand(len(x), 1, 2)


class Fixed(nn.Module):
    def forward(self, x):
        return torch.cat([-x[..., 2:3], x[..., 2:3]], dim=-1).tanh()


class Unused(Fixed):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))


class EqualUpToRounding(nn.Module):
    """Both scores are one sum, added up in two orders."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 64))

    def forward(self, x):
        terms = 30 * (x.abs()[..., None] * self.weight).tanh().flatten(-2)  # (batch, 1, 256)
        return torch.stack([terms.cumsum(-1)[..., -1], terms.flip(-1).cumsum(-1)[..., -1]], dim=-1)


def test_c_accepts():
    torch.manual_seed(0)
    assert check.mirror_network(network).passed, check.mirror_network(network)
    assert check.mirror_network(AveragedOverTheMirror).passed
    assert check.mirror_network(lambda: without_biases(2)).passed


@pytest.mark.parametrize("seed", [0, 1, 1000, 1001])
def test_without_biases_the_difference_is_linear_with_one_hidden_layer_and_not_with_more(seed):
    """As the chapter says: relu(u) − relu(−u) = u, and a second hidden layer gets |u| too."""
    torch.manual_seed(seed)
    x, y = torch.randn(2, 200, 1, 4, dtype=torch.float64)
    for hidden, additive in ((1, True), (2, False), (3, False)):
        net = without_biases(hidden, 32).double()
        with torch.no_grad():
            at_sum, at_x, at_y = (scores[..., 0] - scores[..., 1] for scores in (net(x + y), net(x), net(y)))
        off = float((at_sum - at_x - at_y).abs().max() / at_x.abs().max())
        assert off < 1e-9 if additive else off > 0.1, (hidden, off)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), "expected"),
        (invariant, "that is invariant"),
        (linear, "is linear in the state"),
        (lambda: without_biases(1), "give the hidden layer a bias"),
        (Constant, "both scores are equal for every state"),
        (EqualUpToRounding, "both scores are equal for every state"),
        (Fixed, "no parameters to train"),
        (Unused, "no output changed"),
        (lambda: EquivariantLinear(NEGATE, SWAP, 1, 3), "shape"),
        (lambda: lambda x: x, "expected a torch module"),
    ],
)
def test_c_rejects(answer, reason):
    torch.manual_seed(0)
    result = check.mirror_network(answer)
    assert not result.passed and result.solved and reason in repr(result), result
