"""The parts that policies are made of."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from symrl_lite.door import require_text, sizes, whole_number
from symrl_lite.groups import Representation
from symrl_lite.layers import EquivariantLinear
from symrl_lite.symmetry import Symmetry

__all__ = [
    "Copies",
    "Pool",
    "Scale",
    "basis_seed",
    "image_shape",
    "of_actions",
    "of_images",
    "orthogonal",
    "orthogonal_copies",
    "representations",
    "require_module",
    "shape_of_states",
    "sides",
]


class Copies(nn.Module):
    """(batch, d) → (batch, 1, d): one copy of the input's representation."""

    def forward(self, x: Tensor) -> Tensor:
        """The output for a batch x."""
        return x.unsqueeze(-2)


class Scale(nn.Module):
    """x → scale · x, of any shape."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """The output for a batch x."""
        return (x if x.is_floating_point() else x.to(torch.get_default_dtype())) * self.scale


class Pool(nn.Module):
    """Of each map the largest value, the mean, or all places, (..., [|G|,] height, width) → features in one axis.

    Raises:
        ValueError: another pooling than "max", "mean" and "none".
    """

    def __init__(self, pooling: str, start: int) -> None:
        super().__init__()
        if pooling not in ("max", "mean", "none"):
            raise ValueError(f'pooling is {pooling!r}, expected "max", "mean" or "none"')
        self.pooling, self.start = pooling, start

    def forward(self, x: Tensor) -> Tensor:
        """The output for a batch x."""
        if self.pooling == "none":
            return x.flatten(self.start)
        return x.amax(dim=(-2, -1)) if self.pooling == "max" else x.mean(dim=(-2, -1))


def of_images(shape: Any, kernels: Any, strides: Any, pooling: Any) -> tuple[tuple[int, ...], ...]:
    """Shape, kernels and strides, checked."""
    require_text(pooling, "pooling", ("max", "mean", "none"))
    return sizes(shape, "shape", 3), sizes(kernels, "kernels", 2), sizes(strides, "strides", 2)


def shape_of_states(shape: Any) -> tuple[int | None, ...]:
    """Whole numbers from 1; None for a size that may vary.

    Raises:
        TypeError: no list. ValueError: a size that is not whole or below 1.
    """
    if isinstance(shape, str) or not isinstance(shape, Sequence | np.ndarray):
        raise TypeError(f"state_shape is {shape!r}, expected whole numbers, with None for a size that may vary")
    return tuple(None if n is None else whole_number(n, f"state_shape[{k}]") for k, n in enumerate(shape))


def require_module(module: Any, what: str) -> None:
    """Refuse what is no module of PyTorch.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"{what} is {module!r}, expected a torch module")


def image_shape(shape: Sequence[int], pooling: str) -> tuple[int | None, ...]:
    """The shape of a state: pooled maps may have any size."""
    return tuple(shape) if pooling == "none" else (shape[0], None, None)


def orthogonal(sizes: Sequence[int], gain: float) -> nn.Sequential:
    """Linear layers with tanh between them, orthogonal weights of gain √2, and `gain` for the last.

    Source: Saxe et al. 2014, Exact Solutions to the Nonlinear Dynamics of Learning in Deep Linear Neural Networks
    (orthogonal weights); the gains are those of Stable-Baselines3.
    """
    layers: list[nn.Module] = []
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        layer = nn.Linear(a, b)
        nn.init.orthogonal_(layer.weight, gain if k == len(sizes) - 2 else math.sqrt(2))
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def orthogonal_copies(
    rho_in: Representation,
    hidden: Representation,
    rho_out: Representation,
    channels: Sequence[int],
    gain: float,
    bias_std: float,
) -> nn.Sequential:
    """`orthogonal`, with layers that obey W L_g = K_g W: from one copy of ρ_in over copies of ρ_hidden to one of ρ_out.

    A weight starts as gain · U Vᵀ for the singular vectors of a normal matrix W = U Σ Vᵀ that obeys, without those of
    singular value 0. Where ρ are orthogonal matrices, that obeys too, since it is (W Wᵀ)^(−1/2) W.

    Source: as `orthogonal`.
    """
    layers: list[nn.Module] = []
    ends = [(rho_in, 1), *((hidden, c) for c in channels), (rho_out, 1)]
    for k, ((a, n), (b, m)) in enumerate(itertools.pairwise(ends)):
        layer = EquivariantLinear(a, b, n, m, init="linear")
        last = k == len(ends) - 2
        nn.init.normal_(layer.coefficients)
        W = layer.weight()
        U, S, V = torch.linalg.svd(W.detach().double(), full_matrices=False)
        some = S / S[0] > 1e-6
        start = (gain if last else math.sqrt(2)) * U[:, some] @ V[some]
        # The basis is orthonormal, so the slope of <W, start> in each coefficient is that coefficient of `start`.
        layer.coefficients.data = torch.autograd.grad(W, layer.coefficients, start.to(W.dtype))[0]
        if layer.bias is not None:
            nn.init.normal_(layer.bias, std=bias_std)
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def sides(shape: Sequence[int], kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Height and width after the convolutions.

    Raises:
        ValueError: a shape that is no square image, or one that is too small for the filters.
    """
    if len(shape) != 3 or shape[1] != shape[2]:
        raise ValueError(f"shape is {tuple(shape)}, expected (channels, height, width) of a square image")
    side = shape[1]
    for kernel, stride in zip(kernels, strides, strict=True):
        side = (side - kernel) // stride + 1
    if side < 1:
        raise ValueError(f"images of {shape[1]} × {shape[2]} are too small for filters of {tuple(kernels)}")
    return side


def representations(symmetry: Symmetry) -> tuple[Representation, Representation]:
    """ρ on states and ρ on action values, as a symmetry gives them.

    Raises:
        TypeError: a symmetry, or one of its actions, of another type.
    """
    actions = of_actions(symmetry)
    if not isinstance(symmetry.on_states, Representation):
        raise TypeError(f"on_states is {symmetry.on_states!r}, expected a Representation that acts on state vectors")
    return symmetry.on_states, actions


def of_actions(symmetry: Symmetry) -> Representation:
    """ρ on action values; trivial where actions stay.

    Raises:
        TypeError: no Symmetry, or one whose `on_actions` is no Representation.
    """
    if not isinstance(symmetry, Symmetry):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry")
    if not isinstance(symmetry.on_actions, Representation):
        raise TypeError(f"on_actions is {symmetry.on_actions!r}, expected a Representation of the actions' values")
    return symmetry.on_actions


def basis_seed() -> int:
    """From torch's random numbers, so that a network is a function of torch's seed alone."""
    return int(torch.randint(2**31, ()))
