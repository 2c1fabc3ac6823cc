"""Convolutions that follow turns and flips of the image: one filter, shown to the input in every pose."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from symrl_lite.actions import square_elements
from symrl_lite.door import whole_number
from symrl_lite.groups import FiniteGroup, Representation, permutation
from symrl_lite.layers.kept import MadeWeight
from symrl_lite.layers.linear import require_dtype, require_tensor

__all__ = ["GroupConv2d", "GroupPool", "LiftingConv2d", "moved_places", "pose_filters", "require_fit"]


def pose_filters(group: FiniteGroup, size: int) -> np.ndarray:
    """For each g and each place of a size × size filter, the place that L_g brings there: (L_g ψ)[p] = ψ[pose[g, p]].

    Args:
        group: cyclic(4), dihedral(4), or a subgroup of dihedral(4), such as dihedral(4).subgroup(["s"]) for top and
            bottom swapped, or ["r2s"] for left and right. See `symrl_lite.actions.square_elements`, which reads its
            elements for all actions on images.
        size: rows and columns of the filter.

    Returns:
        (|G|, size · size), places counted row by row.

    Raises:
        ValueError: another group.

    >>> from symrl_lite.groups import dihedral
    >>> pose_filters(dihedral(4).subgroup(["s"]), 2).tolist()
    [[0, 1, 2, 3], [2, 3, 0, 1]]

    Source: Cohen & Welling 2016, Group Equivariant Convolutional Networks (how a filter is turned).
    """
    elements = square_elements(group)
    size = whole_number(size, "size")
    places = np.arange(size * size).reshape(size, size)
    posed = []
    for g in elements:
        flips, turns = divmod(g, 4)
        posed.append(np.rot90(np.flipud(places) if flips else places, turns).ravel())
    return np.stack(posed)


def moved_places(group: FiniteGroup, size: int) -> Representation:
    """The permutation of the size × size places of an image, row by row, that turns and flips make.

    >>> from symrl_lite.groups import dihedral
    >>> moved_places(dihedral(4).subgroup(["s"]), 2)("s").argmax(axis=0).tolist()
    [2, 3, 0, 1]
    """
    return permutation(group, np.argsort(pose_filters(group, size), axis=1))  # g takes place pose[g, p] to p


def require_fit(shape: tuple[int, ...], kernel_size: int, stride: int, padding: int) -> None:
    """Refuse images (..., height, width) at which a convolution with this stride can't follow turns and flips.

    Raises:
        ValueError: a side that is smaller than the filter, or at which the stride leaves rows over.

    >>> require_fit((6, 6), kernel_size=3, stride=2, padding=0)
    Traceback (most recent call last):
    ValueError: height 6, padding 0, filter 3 and stride 2 leave ...
    """
    kernel_size, stride = whole_number(kernel_size, "kernel_size"), whole_number(stride, "stride")
    padding = whole_number(padding, "padding", 0)
    for name, n in (("height", shape[-2]), ("width", shape[-1])):
        left_over = (n + 2 * padding - kernel_size) % stride
        if n + 2 * padding < kernel_size:
            raise ValueError(f"{name} {n} with padding {padding} is smaller than the filter, {kernel_size}")
        if left_over:
            raise ValueError(
                f"{name} {n}, padding {padding}, filter {kernel_size} and stride {stride} leave "
                f"{left_over} rows over, so a turned image would be sampled at other places: expected "
                f"({name} + 2 · padding − filter) to be a multiple of the stride; pad or crop by {left_over}"
            )


class _PosedConv2d(MadeWeight):
    """What lifting and group convolutions share: filters by gather, sizes that stay symmetric, one conv2d."""

    places: Tensor  # (c_out · |G| · c_in · poses · k²,), of the entries of the weight among those of the filters

    def __init__(
        self,
        group: FiniteGroup,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        stride: int,
        padding: int,
        bias: bool,
        index: np.ndarray,
    ) -> None:
        """`index` (|G|, poses · k²): the entry of a filter that stands at each place of each of its poses."""
        super().__init__()
        channels_in, channels_out = whole_number(channels_in, "channels_in"), whole_number(channels_out, "channels_out")
        stride, padding = whole_number(stride, "stride"), whole_number(padding, "padding", 0)
        self.group, self.channels_in, self.channels_out = group, channels_in, channels_out
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        entries = index.shape[1]
        fan_in = channels_in * entries
        self.filters = nn.Parameter(torch.empty(channels_out, channels_in, entries))
        nn.init.normal_(self.filters, std=math.sqrt(2 / fan_in))
        self.bias = nn.Parameter(torch.zeros(channels_out)) if bias else None
        first = np.arange(channels_out * channels_in).reshape(channels_out, 1, channels_in, 1) * entries
        places = (first + index[:, None]).ravel()
        kind = np.int32 if self.filters.numel() < 2**31 else np.int64
        self.register_buffer("places", torch.from_numpy(places.astype(kind)), persistent=False)

    def weight(self) -> Tensor:
        """The filters in all poses, (channels_out · |G|, channels_in · poses, k, k)."""
        k = self.kernel_size
        rows = self.channels_out * self.group.order
        return self.filters.flatten().index_select(0, self.places).view(rows, -1, k, k)

    def made_of(self) -> tuple[Tensor, ...]:
        """The filters, and which of their entries stands where."""
        return self.filters, self.places

    def _convolve(self, x: Tensor) -> Tensor:
        """x (batch, channels, H, W) with the weight for all poses → (batch, channels_out, |G|, H', W')."""
        require_fit(x.shape, self.kernel_size, self.stride, self.padding)
        require_dtype(x, self.filters)
        order = self.group.order
        bias = None if self.bias is None else self.bias.repeat_interleave(order)
        y = nn.functional.conv2d(x, self.weight_or_kept(), bias, self.stride, self.padding)
        return y.unflatten(1, (self.channels_out, order))

    def extra_repr(self) -> str:
        """What is shown between the brackets."""
        return (
            f"{self.group.name}: {self.channels_in} → {self.channels_out} channels, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}"
        )


class LiftingConv2d(_PosedConv2d):
    """y[g] = (L_g ψ) ⋆ x: one feature map for each pose of the filter.

    A move of the image moves each map and permutes the poses: y(L_h x)[g] = L_h (y(x)[h⁻¹ g]).

    Args:
        group: cyclic(4), dihedral(4) or a subgroup of dihedral(4): see `pose_filters`.
        channels_in: of the image.
        channels_out: number of filters.
        kernel_size, stride, padding, bias: as for nn.Conv2d, square.

    Raises:
        ValueError: another group; when called, another shape, or sizes at which no such layer is equivariant.
            TypeError: when called, numbers of another dtype than the parameters.

    >>> from symrl_lite.groups import dihedral
    >>> layer = LiftingConv2d(dihedral(4), 1, 3, kernel_size=3)
    >>> layer(torch.zeros(2, 1, 7, 7)).shape
    torch.Size([2, 3, 8, 5, 5])

    Source: Cohen & Welling 2016, Group Equivariant Convolutional Networks (the first layer).
    """

    def __init__(
        self,
        group: FiniteGroup,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        kernel_size = whole_number(kernel_size, "kernel_size")
        index = pose_filters(group, kernel_size)
        super().__init__(group, channels_in, channels_out, kernel_size, stride, padding, bias, index)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channels_in, H, W) → (batch, channels_out, |G|, H', W').

        Raises:
            TypeError: no tensor, or one of another dtype than the layer. ValueError: another shape, or a size at which
                no such layer is equivariant.
        """
        require_tensor(x)
        if x.ndim != 4 or x.shape[1] != self.channels_in:
            raise ValueError(f"x has shape {tuple(x.shape)}, expected (batch, {self.channels_in}, height, width)")
        return self._convolve(x)


class GroupConv2d(_PosedConv2d):
    """y[g] = Σ_h (L_g ψ[g⁻¹h]) ⋆ x[h]: from maps for each pose to maps for each pose.

    Args:
        group: cyclic(4), dihedral(4) or a subgroup of dihedral(4): see `pose_filters`.
        channels_in: of the features (batch, channels_in, |G|, H, W).
        channels_out: number of filters.
        kernel_size, stride, padding, bias: as for nn.Conv2d, square.

    Raises:
        ValueError: another group; when called, another shape, or sizes at which no such layer is equivariant.
            TypeError: when called, numbers of another dtype than the parameters.

    >>> from symrl_lite.groups import dihedral
    >>> layer = GroupConv2d(dihedral(4), 3, 2, kernel_size=3, padding=1)
    >>> layer(torch.zeros(2, 3, 8, 5, 5)).shape
    torch.Size([2, 2, 8, 5, 5])

    Source: Cohen & Welling 2016, Group Equivariant Convolutional Networks (further layers).
    """

    def __init__(
        self,
        group: FiniteGroup,
        channels_in: int,
        channels_out: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
    ) -> None:
        kernel_size = whole_number(kernel_size, "kernel_size")
        poses = pose_filters(group, kernel_size)
        relative = np.array([[group.multiply(group.inverse(g), h) for h in group] for g in group])  # g⁻¹h
        index = relative[:, :, None] * kernel_size**2 + poses[:, None, :]  # (|G| out, |G| in, k²)
        index = index.reshape(group.order, -1)
        super().__init__(group, channels_in, channels_out, kernel_size, stride, padding, bias, index)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channels_in, |G|, H, W) → (batch, channels_out, |G|, H', W').

        Raises:
            TypeError: no tensor, or one of another dtype than the layer. ValueError: another shape, or a size at which
                no such layer is equivariant.
        """
        require_tensor(x)
        if x.ndim != 5 or x.shape[1:3] != (self.channels_in, self.group.order):
            raise ValueError(
                f"x has shape {tuple(x.shape)}, expected (batch, {self.channels_in}, {self.group.order}, height, "
                "width): lift images first, with LiftingConv2d"
            )
        return self._convolve(x.flatten(1, 2))


class GroupPool(nn.Module):
    """The largest (or the mean) over the poses: what is left moves as an image does and forgets the pose.

    Args:
        reduce: "max" or "mean".

    Raises:
        ValueError: another word; when called, an input that has no axis of poses.

    >>> GroupPool()(torch.zeros(2, 3, 8, 5, 5)).shape
    torch.Size([2, 3, 5, 5])

    Source: Cohen & Welling 2016, Group Equivariant Convolutional Networks (pooling over the group).
    """

    def __init__(self, reduce: Literal["max", "mean"] = "max") -> None:
        super().__init__()
        if reduce not in ("max", "mean"):
            raise ValueError(f'reduce is {reduce!r}, expected "max" or "mean"')
        self.reduce = reduce

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, channels, |G|, H, W) → (batch, channels, H, W).

        Raises:
            TypeError: no tensor of floating-point numbers. ValueError: another number of axes than 5.
        """
        require_tensor(x)
        if not x.is_floating_point():
            raise TypeError(f"x has dtype {x.dtype}, expected floating-point numbers: x.float()")
        if x.ndim != 5:
            raise ValueError(f"x has shape {tuple(x.shape)}, expected (batch, channels, |G|, height, width)")
        return x.amax(dim=2) if self.reduce == "max" else x.mean(dim=2)
