"""`BasisConv2d`: a group convolution whose filters come from a basis, so that the basis can be exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from symrl_lite.door import whole_number
from symrl_lite.groups import FiniteGroup, regular
from symrl_lite.layers.group_convolution import moved_places, require_fit
from symrl_lite.layers.linear import EquivariantLinear, require_dtype, require_tensor

if TYPE_CHECKING:
    from symrl_lite.symmetrizer import Space

__all__ = ["BasisConv2d"]


class BasisConv2d(nn.Module):
    """The maps of LiftingConv2d and GroupConv2d as filters W with W L_g = K_g W: written in a basis, W = Σ c_b V_b.

    One filter takes a patch, k × k places (each with |G| poses unless `lifting`), to |G| poses; g moves the places, and
    the poses as the regular representation. With space="nullspace" or "random" the same network obeys nothing.

    Args:
        group: cyclic(4), dihedral(4) or a subgroup of dihedral(4): see `pose_filters`.
        channels_in: of the image, or copies of |G| poses.
        channels_out: copies of |G| poses.
        kernel_size, stride: square.
        lifting: the input is an image (batch, channels_in, H, W), without poses.
        space: "equivariant", "nullspace" or "random".
        seed: of the basis of "random".

    Raises:
        ValueError: another group; when called, another shape, or sizes at which no such layer is equivariant.
            TypeError: when called, numbers of another dtype than the parameters.

    >>> import torch
    >>> from symrl_lite.groups import cyclic
    >>> layer = BasisConv2d(cyclic(4), 1, 8, kernel_size=7, stride=2, lifting=True)
    >>> layer(torch.zeros(2, 1, 21, 21)).shape, sum(p.numel() for p in layer.parameters())
    (torch.Size([2, 8, 4, 8, 8]), 400)

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (its code makes convolutions so).
    """

    def __init__(
        self,
        group: FiniteGroup,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        stride: int = 1,
        *,
        lifting: bool = False,
        space: Space = "equivariant",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        kernel_size, stride = whole_number(kernel_size, "kernel_size"), whole_number(stride, "stride")
        places = moved_places(group, kernel_size)
        patch = places if lifting else regular(group) * places
        self.group, self.kernel_size, self.stride, self.lifting = group, kernel_size, stride, lifting
        self.filters = EquivariantLinear(patch, regular(group), channels_in, channels_out, space=space, seed=seed)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channels_in, [|G|,] H, W) → (batch, channels_out, |G|, H', W').

        Raises:
            TypeError: no tensor, or one of another dtype than the layer. ValueError: another shape, or a size at which
                no such layer is equivariant.
        """
        require_tensor(x)
        filters, k = self.filters, self.kernel_size
        maps = (filters.channels_in,) if self.lifting else (filters.channels_in, self.group.order)
        if x.ndim not in (len(maps) + 2, len(maps) + 3) or x.shape[-2 - len(maps) : -2] != maps:
            expected = ", ".join(map(str, maps))
            raise ValueError(f"x has shape {tuple(x.shape)}, expected (batch, {expected}, height, width)")
        require_fit(x.shape, k, self.stride, 0)
        require_dtype(x, filters.coefficients)
        weight = filters.weight_or_kept().unflatten(-1, (-1, k, k))  # (channels_out · |G|, channels_in · poses, k, k)
        if not self.lifting:
            x = x.flatten(-4, -3)
        y = nn.functional.conv2d(x, weight, filters.bias_vector(), self.stride)
        return y.unflatten(-3, (filters.channels_out, self.group.order))
