"""Energies and losses."""

from __future__ import annotations

from torch import Tensor, nn

from symrl_lite.door import a_number
from symrl_lite.layers.linear import require_same_shape

__all__ = ["contrastive_energy_loss", "energy", "pixel_loss"]


def energy(predicted: Tensor, after: Tensor, sigma: float = 0.5) -> Tensor:
    """H = 1/K Σ_k |z̃^k − z'^k|² / (2 σ²): how far two sets of codes are apart, the mean over objects.

    Args:
        predicted, after: (..., K, D).
        sigma: the unit of length.

    Returns:
        (...).

    >>> import torch
    >>> energy(torch.tensor([[[3.0, 4.0], [0.0, 0.0]]]), torch.zeros(1, 2, 2))
    tensor([25.])

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (equation 6).
    """
    require_same_shape(predicted=predicted, after=after)
    sigma = a_number(sigma, "sigma", above=0)
    return (predicted - after).square().sum(dim=-1).mean(dim=-1) / (2 * sigma**2)


def contrastive_energy_loss(positive: Tensor, negative: Tensor, hinge: float = 1.0) -> Tensor:
    """mean H + mean max(0, γ − H̃): what belongs together is drawn together, what does not is kept apart.

    Args:
        positive: H(z + Δz, z'), (batch,).
        negative: H̃, (batch,): z̃ of another picture against z (the released code) or against z' (the paper).
        hinge: γ.

    Returns:
        One number.

    Raises:
        TypeError: no tensors of floating-point numbers. ValueError: no energy.

    >>> import torch
    >>> contrastive_energy_loss(torch.tensor([0.5]), torch.tensor([0.75]))
    tensor(0.7500)

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (equation 7).
    """
    for what, values in (("positive", positive), ("negative", negative)):
        require_same_shape(**{what: values})
        if not values.is_floating_point():
            raise TypeError(f"{what} has dtype {values.dtype}, expected floating-point numbers")
        if values.numel() == 0:
            raise ValueError(f"{what} has shape {tuple(values.shape)}, expected at least one energy")
    hinge = a_number(hinge, "hinge", 0)
    return positive.mean() + (hinge - negative).clamp(min=0).mean()


def pixel_loss(logits: Tensor, pixels: Tensor) -> Tensor:
    """Cross-entropy of pixels from 0 to 1, summed over a picture, mean over the batch.

    Args:
        logits, pixels: (batch, ...).

    Raises:
        TypeError: no tensors of numbers, or logits that are not floating-point. ValueError: different shapes.

    >>> import torch
    >>> pixel_loss(torch.zeros(1, 2), torch.tensor([[0.0, 1.0]]))
    tensor(1.3863)

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (the control without a contrastive loss).
    """
    require_same_shape(logits=logits, pixels=pixels)
    if not logits.is_floating_point():
        raise TypeError(f"logits has dtype {logits.dtype}, expected floating-point numbers")
    return nn.functional.binary_cross_entropy_with_logits(logits, pixels.to(logits.dtype), reduction="sum") / len(
        logits
    )
