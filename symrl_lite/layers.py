"""Torch layers that obey W L_g = K_g W, and what may stand between them.

Features are (batch, channels, d), with the group acting on the last axis by a representation of dimension d.
`EquivariantLinear` is for any representation; the convolutions (from `group_convolutions`) are for turns and flips of
images.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from symrl_lite._basis_convolution import BasisConv2d
from symrl_lite._equivariant_linear import EquivariantLinear
from symrl_lite.group_convolutions import GroupConv2d, GroupPool, LiftingConv2d, moved_places
from symrl_lite.groups import Representation

__all__ = [
    "BasisConv2d",
    "EquivariantLinear",
    "EquivariantSequential",
    "GroupConv2d",
    "GroupPool",
    "LiftingConv2d",
    "NormNonlinearity",
    "moved_places",
]

# Functions of one number. The odd ones, f(−x) = −f(x), respect signs too.
POINTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Softplus, nn.Sigmoid)
ODD = (nn.Tanh, nn.Softsign, nn.Tanhshrink, nn.Hardtanh)
ANY = (nn.Identity, nn.Dropout)


class NormNonlinearity(nn.Module):
    """x → x · f(|x| + b) / |x|, for each channel, with the length |x| over the representation's axis.

    Right for every orthogonal representation, because those keep lengths. One learned b for each channel.

    Args:
        rho: the representation of the features.
        channels: number of channels.
        function: of the shifted length; ReLU by default.

    Raises:
        ValueError: a representation that is not orthogonal.

    >>> from symrl_lite.groups import cyclic, rotation_2d
    >>> NormNonlinearity(rotation_2d(cyclic(4)), channels=1)(torch.tensor([[[3.0, 4.0]]])).tolist()
    [[[3.0, 4.0]]]

    Source: Worrall et al. 2017, Harmonic Networks (there for complex features).
    """

    def __init__(self, rho: Representation, channels: int, function: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        matrices = torch.from_numpy(rho.matrices.copy())
        error = (matrices @ matrices.transpose(1, 2) - torch.eye(rho.dimension, dtype=matrices.dtype)).abs().max()
        if error > 1e-9:
            raise ValueError(f"{rho!r} is not orthogonal (off by {error:.2g}), so it does not keep lengths")
        self.rho, self.function = rho, function
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """x (..., channels, d) → the same shape."""
        length = torch.sqrt((x * x).sum(dim=-1, keepdim=True) + torch.finfo(x.dtype).eps ** 2)
        return x * (self.function(length + self.bias) / length)


class EquivariantSequential(nn.Sequential):
    """Layers one after the other, refused where one of them would break the symmetry.

    Args:
        layers: EquivariantLinear and NormNonlinearity; between them nn.ReLU and its like, where the representation is a
            permutation of coordinates, and odd functions such as nn.Tanh where it is one with signs.

    Raises:
        ValueError: a layer that does not fit the one before; a pointwise function on a representation that it does not
            commute with (the message says what would); a module of another kind.

    >>> from symrl_lite.groups import Representation, cyclic, regular
    >>> sign = Representation(cyclic(2), [[[1]], [[-1]]])
    >>> EquivariantSequential(EquivariantLinear(regular(cyclic(2)), sign, 1, 4), nn.ReLU())
    Traceback (most recent call last):
    ValueError: layer 1, ReLU(), acts on each number, and representation of dimension 1 of C2 changes signs: ...
    """

    def __init__(self, *layers: nn.Module) -> None:
        rho: Representation | None = None
        channels: int | None = None
        for k, layer in enumerate(layers):
            if isinstance(layer, EquivariantLinear):
                if rho is not None and (layer.rho_in != rho or layer.channels_in != channels):
                    raise ValueError(
                        f"layer {k} takes {layer.channels_in} × {layer.rho_in!r}, "
                        f"the one before gives {channels} × {rho!r}"
                    )
                rho, channels = layer.rho_out, layer.channels_out
            elif isinstance(layer, NormNonlinearity):
                if rho is not None and (layer.rho != rho or len(layer.bias) != channels):
                    raise ValueError(
                        f"layer {k}, the norm non-linearity, is for {layer.rho!r}, expected {channels} × {rho!r}"
                    )
            elif isinstance(layer, POINTWISE + ODD):
                if rho is not None:
                    _require_pointwise(k, layer, rho)
            elif not isinstance(layer, ANY):
                raise ValueError(
                    f"layer {k}, {layer}, is not known to be equivariant: expected EquivariantLinear, "
                    "NormNonlinearity or a pointwise function"
                )
        super().__init__(*layers)


def _require_pointwise(k: int, layer: nn.Module, rho: Representation) -> None:
    """A function of each number commutes with permutations; an odd one with signs as well; none with rotations."""
    if rho.is_permutation or (rho.is_signed_permutation and isinstance(layer, ODD)):
        return
    name = f"{rho.name} of {rho.group.name}"
    if rho.is_signed_permutation:
        raise ValueError(
            f"layer {k}, {layer}, acts on each number, and {name} changes signs: f(−x) is not −f(x). Use an odd "
            "function such as nn.Tanh(), or NormNonlinearity"
        )
    raise ValueError(
        f"layer {k}, {layer}, acts on each number, and {name} mixes numbers: it does not commute. Use "
        "NormNonlinearity, or a permutation representation such as regular(group) for hidden layers"
    )
