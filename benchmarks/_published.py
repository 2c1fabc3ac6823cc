"""CartPole's networks as the published code starts them: what `record_chapter05.py` compares the course's own with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from symrl_lite.groups import Representation, regular, trivial
from symrl_lite.symmetrizer import equivariant_basis
from symrl_lite.symmetry import Symmetry

__all__ = ["DenseBasis", "default_biases"]


def default_biases(build: Callable[[], Any]) -> Any:
    """A plain network whose biases start as torch starts them, uniform in ±1/√inputs: those of the published one do."""
    network = build()
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.bias, -bound, bound)
    return network


class _Layer(nn.Module):
    """W = Σ_b c_b V_b with the dense orthonormal basis V of the decomposition, (batch, inputs) → (batch, outputs).

    The course's layers take their basis from orbits: it spans the same space, but Adam moves other coefficients.
    """

    basis: Tensor
    bias_basis: Tensor

    def __init__(self, rho_in: Representation, rho_out: Representation, inputs: int, outputs: int) -> None:
        super().__init__()
        drawn, one = int(torch.randint(2**31, ())), trivial(rho_in.group)
        for name, rho in (("basis", rho_in), ("bias_basis", one)):
            found = equivariant_basis(rho, rho_out, method="svd", seed=drawn)
            self.register_buffer(name, torch.as_tensor(found, dtype=torch.float32))
        rank = len(self.basis)
        spread = math.sqrt(2 / (rank * outputs * rho_out.dimension))
        self.coefficients = nn.Parameter(spread * torch.randn(outputs, inputs, rank))
        self.bias = nn.Parameter(torch.randn(outputs, len(self.bias_basis)))

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.einsum("oir,rkl->okil", self.coefficients, self.basis)
        return x @ weight.flatten(2, 3).flatten(0, 1).T + (self.bias @ self.bias_basis[..., 0]).flatten()


class DenseBasis(nn.Module):
    """The published equivariant network: 64 channels twice, N(0, 1) biases, coefficients N(0, 2 / (rank · outputs)).

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (CartPole).
    """

    def __init__(self, symmetry: Symmetry) -> None:
        super().__init__()
        states, actions, hidden = symmetry.on_states, symmetry.on_actions, regular(symmetry.group)
        assert isinstance(states, Representation) and isinstance(actions, Representation)
        self.body = nn.Sequential(_Layer(states, hidden, 1, 64), nn.ReLU(), _Layer(hidden, hidden, 64, 64), nn.ReLU())
        self.actor, self.critic = _Layer(hidden, actions, 64, 1), _Layer(hidden, trivial(symmetry.group), 64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """States (batch, 4) → scores (batch, actions) and values (batch,)."""
        features = self.body(x)
        return self.actor(features), self.critic(features).flatten()
