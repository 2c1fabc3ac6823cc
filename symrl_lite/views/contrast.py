"""The contrastive loss: which of these pictures is another view of mine?"""

from __future__ import annotations

from typing import Any

from torch import Tensor

__all__ = ["info_nce"]


def info_nce(queries: Tensor, keys: Tensor, W: Tensor) -> Tensor:
    """L = −1/n Σ_i log( exp(q_iᵀ W k_i) / Σ_j exp(q_iᵀ W k_j) ).

    Query i and key i are codes of two views of one picture; the keys of the other pictures are what it could be
    mistaken for. So it is the cross-entropy of n questions with n answers each, of which answer i is right for question
    i. The largest logit of each row is taken off, which changes nothing but keeps exp finite.

    Gradients flow to the queries and to W. The keys are detached here: they come from a slow copy of the encoder,
    which follows by its own rule.

    Args:
        queries: (n, d), or (seeds, n, d) for several at once.
        keys: of the same shape.
        W: (d, d), or (seeds, d, d).

    Returns:
        The loss, (), or (seeds,).

    Raises:
        TypeError: no tensors of real numbers. ValueError: other shapes.

    >>> import torch
    >>> codes = 9 * torch.eye(4)
    >>> bool(info_nce(codes, codes, torch.eye(4)) < 1e-6), bool(info_nce(codes, codes.flip(0), torch.eye(4)) > 80)
    (True, True)

    Source: Laskin, Srinivas & Abbeel 2020, CURL: Contrastive Unsupervised Representations for Reinforcement Learning;
    the loss is that of van den Oord et al. 2018, Representation Learning with Contrastive Predictive Coding.
    """
    for what, value in (("queries", queries), ("keys", keys), ("W", W)):
        _require(value, what)
    n, d = queries.shape[-2:] if queries.ndim in (2, 3) else (0, 0)
    seeds = queries.shape[:-2]
    if not n or not d or keys.shape != queries.shape or W.shape != (*seeds, d, d):
        raise ValueError(
            f"queries have shape {tuple(queries.shape)}, keys {tuple(keys.shape)} and W {tuple(W.shape)}, expected "
            "(n, d), (n, d) and (d, d), each with a first axis of seeds or none"
        )
    if not queries.dtype == keys.dtype == W.dtype:
        raise TypeError(f"queries are {queries.dtype}, keys {keys.dtype} and W {W.dtype}, expected one dtype")
    logits = queries @ W @ keys.detach().mT  # (..., n, n)
    logits = logits - logits.amax(dim=-1, keepdim=True).detach()
    right = logits.diagonal(dim1=-2, dim2=-1)  # (..., n)
    return (logits.exp().sum(dim=-1).log() - right).mean(dim=-1)


def _require(value: Any, what: str) -> None:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = f"a tensor of {value.dtype}" if isinstance(value, Tensor) else repr(value)[:60]
        raise TypeError(f"{what} is {kind}, expected a floating-point tensor")
