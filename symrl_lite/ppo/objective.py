"""What PPO maximizes."""

from __future__ import annotations

import torch
from torch import Tensor

from symrl_lite.door import a_number
from symrl_lite.layers.linear import require_same_shape

__all__ = ["clipped_objective"]


def clipped_objective(ratio: Tensor, advantages: Tensor, clip: float = 0.2) -> Tensor:
    """min(u A, clip(u, 1 − ε, 1 + ε) A) for each step, with the ratio u = π(a|s) / π_old(a|s).

    Its slope in u is A where moving u further has not yet gone beyond ε, and 0 where it has.

    Args:
        ratio: u, of any shape.
        advantages: A, of the same shape.
        clip: ε, above 0.

    Returns:
        A tensor of that shape; PPO maximizes its mean.

    Raises:
        ValueError: two shapes, or a clip that is not positive. TypeError: no tensors of real numbers.

    >>> clipped_objective(torch.tensor([0.5, 1.0, 2.0]), torch.ones(3), clip=0.25).tolist()
    [0.5, 1.0, 1.25]

    Source: Schulman et al. 2017, Proximal Policy Optimization Algorithms, Eq. 7.
    """
    clip = a_number(clip, "clip", above=0)
    require_same_shape(ratio=ratio, advantages=advantages)
    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)
