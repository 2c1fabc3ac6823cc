"""Generalized advantage estimation."""

from __future__ import annotations

import torch
from torch import Tensor

from symrl_lite.door import (
    a_number,
)
from symrl_lite.layers.linear import require_tensor

__all__ = ["advantages_and_targets"]


def advantages_and_targets(
    rewards: Tensor, values: Tensor, terminated: Tensor, ended: Tensor, discount: float, gae_lambda: float
) -> tuple[Tensor, Tensor]:
    """Â_t = δ_t + γ λ Â_{t+1} with δ_t = r_t + γ V(s_{t+1}) − V(s_t), and the targets Â_t + V(s_t).

    Args:
        rewards: (..., T).
        values: (..., T + 1); the last is that of the state after the last step.
        terminated: (..., T), nothing follows the step: V(s_{t+1}) counts as 0.
        ended: (..., T), the episode ended, by itself or by its time limit: the sum stops here.
        discount, gae_lambda: γ and λ.

    Returns:
        Two tensors (..., T), in the type of rewards and values; for whole numbers, in torch's default type.

    Raises:
        ValueError: shapes that don't fit, or marks of an end other than True and False, 0 and 1.

    >>> row = torch.tensor([[1.0, 1.0]])
    >>> never = torch.zeros(1, 2, dtype=torch.bool)
    >>> advantages_and_targets(row, torch.zeros(1, 3), never, never, discount=0.5, gae_lambda=1.0)[0].tolist()
    [[1.5, 1.0]]

    Source: Schulman et al. 2016, High-Dimensional Continuous Control Using Generalized Advantage Estimation.
    """
    for what, values_given in (
        ("rewards", rewards),
        ("values", values),
        ("terminated", terminated),
        ("ended", ended),
    ):
        require_tensor(values_given, what, real=True)
    discount, gae_lambda = a_number(discount, "discount", 0, 1), a_number(gae_lambda, "gae_lambda", 0, 1)
    T = rewards.shape[-1] if rewards.ndim else 0
    if values.shape != (*rewards.shape[:-1], T + 1) or T == 0 or {terminated.shape, ended.shape} != {rewards.shape}:
        raise ValueError(
            f"rewards have shape {tuple(rewards.shape)}, values {tuple(values.shape)}, terminated "
            f"{tuple(terminated.shape)}, ended {tuple(ended.shape)}, expected (..., T), (..., T + 1), (..., T) and "
            "(..., T)"
        )
    over, stopped = _marks(terminated, "terminated"), _marks(ended, "ended")
    kind = torch.promote_types(rewards.dtype, values.dtype)
    kind = kind if kind.is_floating_point else torch.get_default_dtype()
    rewards, values = rewards.to(kind), values.to(kind)
    surprise = rewards + discount * values[..., 1:] * ~over - values[..., :-1]
    advantages = torch.zeros_like(rewards)
    after = torch.zeros_like(rewards[..., 0])
    for t in range(T - 1, -1, -1):
        # In this order: a Python number times a mask would be float32.
        after = surprise[..., t] + discount * gae_lambda * after * ~stopped[..., t]
        advantages[..., t] = after
    return advantages, advantages + values[..., :-1]


def _marks(mask: Tensor, what: str) -> Tensor:
    """Booleans; for numbers `~` would mean something else."""
    if mask.dtype != torch.bool and not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError(f"{what} holds {mask[(mask != 0) & (mask != 1)][0].item()}, expected True or False, 0 or 1")
    return mask.bool()
