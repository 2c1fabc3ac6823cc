"""Equivariant layers for PyTorch: linear, convolutions, pooling, nonlinearities, and stacks that are checked."""

from symrl_lite.layers.basis_convolution import BasisConv2d
from symrl_lite.layers.group_convolution import (
    GroupConv2d,
    GroupPool,
    LiftingConv2d,
    moved_places,
    pose_filters,
    require_fit,
)
from symrl_lite.layers.linear import EquivariantLinear
from symrl_lite.layers.sequential import EquivariantSequential, NormNonlinearity

__all__ = [
    "BasisConv2d",
    "EquivariantLinear",
    "EquivariantSequential",
    "GroupConv2d",
    "GroupPool",
    "LiftingConv2d",
    "NormNonlinearity",
    "moved_places",
    "pose_filters",
    "require_fit",
]
