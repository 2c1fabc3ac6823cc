"""The checks of chapter 6 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import numpy as np
import pytest
import torch

from symrl_lite.checks import chapter06 as check
from symrl_lite.plannable import contrastive_loss, latent_transitions

# --- Exercise A


def gaps(anchors, negatives):
    return 0.5 * (anchors[:, None] - negatives).square().sum(dim=-1)


def in_loops(anchors, negatives, hinge):
    total = torch.zeros(())
    for anchor, others in zip(anchors, negatives, strict=True):
        for other in others:
            total = total + torch.maximum(torch.zeros(()), hinge - (anchor - other).norm() ** 2 / 2)
    return total / len(anchors)


def from_products(anchors, negatives, hinge):
    d = 0.5 * ((anchors**2).sum(1)[:, None] + (negatives**2).sum(2)) - torch.einsum("nd,njd->nj", anchors, negatives)
    return torch.relu(hinge - d).sum() / anchors.shape[0]


@pytest.mark.parametrize("answer", [in_loops, from_products, contrastive_loss])
def test_a_accepts(answer):
    assert check.contrastive(answer).passed, check.contrastive(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda a, n, h: (h - 2 * gaps(a, n)).clamp(min=0).sum(1).mean(), "without the ½"),
        (lambda a, n, h: (h - (2 * gaps(a, n)).sqrt()).clamp(min=0).sum(1).mean(), "*squared*"),
        (lambda a, n, h: (h - gaps(a, n)).sum(1).mean(), "never less"),
        (lambda a, n, h: (h - gaps(a, n)).clamp(min=0).mean(), "sum over the negatives"),
        (lambda a, n, h: (h - gaps(a, n)).clamp(min=0).sum(), "sum over the batch"),
        (lambda a, n, h: (gaps(a, n) - h).clamp(min=0).sum(1).mean(), "expected 0.68"),
        (lambda a, n, h: (h * n.shape[1] - gaps(a, n).sum(1)).clamp(min=0).mean(), "own hinge"),
        (lambda a, n, h: (h - gaps(a, n).sum(1)).clamp(min=0).mean(), "own hinge"),
        (lambda a, n, h: (h - gaps(a.detach(), n)).clamp(min=0).sum(1).mean(), "no push"),
        (lambda a, n, h: ((h - gaps(a, n)).clamp(min=0) * (gaps(a, n) > 0)).sum(1).mean(), "like any other"),
        (lambda a, n, h: (1 - gaps(a, n)).clamp(min=0).sum(1).mean(), "hinge 2"),
        (lambda a, n, h: (h - gaps(a, n)).clamp(min=0).sum(1).mean().item(), "no gradient"),
        (lambda a, n, h: (h - gaps(a, n)).clamp(min=0).sum(1).mean().detach(), "no gradient"),
        (lambda a, n, h: (h - gaps(a, n)).clamp(min=0).sum(1), "has shape"),
    ],
)
def test_a_rejects(answer, reason):
    result = check.contrastive(answer)
    assert result.solved and not result.passed and reason in repr(result), result


# --- Exercise B


def distances(latents, after):
    return 0.5 * ((after[:, :, None] - latents) ** 2).sum(axis=-1)


def one_by_one(latents, after, temperature):
    table = []
    for row in after:
        table.append([])
        for end in row:
            scores = [-(np.linalg.norm(end - z) ** 2) / (2 * temperature) for z in latents]
            top = max(scores)
            weights = [np.exp(s - top) for s in scores]
            table[-1].append([w / sum(weights) for w in weights])
    return table


def by_torch(latents, after, temperature):
    d = 0.5 * torch.cdist(torch.tensor(after), torch.tensor(latents), compute_mode="donot_use_mm_for_euclid_dist") ** 2
    return torch.softmax(-d / temperature, dim=-1)


@pytest.mark.parametrize("answer", [one_by_one, by_torch, latent_transitions])
def test_b_accepts(answer):
    assert check.latent_chances(answer).passed, check.latent_chances(answer)


def softmax(scores, axis=-1):
    weights = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda z, t, tau: softmax(-2 * distances(z, t) / tau), "without the ½"),
        (lambda z, t, tau: softmax(-0.5 * np.sqrt(2 * distances(z, t)) / tau), "square"),
        (lambda z, t, tau: softmax(-distances(z, t) * tau), "divide by the temperature"),
        (lambda z, t, tau: softmax(distances(z, t) / tau), "*minus*"),
        (lambda z, t, tau: softmax(-distances(z, t) / tau, axis=0), "sum to 1"),
        (lambda z, t, tau: np.exp(-distances(z, t) / tau), "sum to 1"),
        (lambda z, t, tau: softmax(-distances(z, t) / 0.4), "expected"),
        (lambda z, t, tau: softmax(-distances(z, t) / tau**2), "once"),
        (lambda z, t, tau: softmax(-distances(z, t) / tau).transpose(1, 0, 2), "has shape"),
    ],
)
def test_b_rejects(answer, reason):
    result = check.latent_chances(answer)
    assert result.solved and not result.passed and reason in repr(result), result


def test_b_rejects_overflow():
    def naive(z, t, tau):
        with np.errstate(invalid="ignore"):
            weights = np.exp(-distances(z, t) / tau)
            return weights / weights.sum(axis=-1, keepdims=True)

    result = check.latent_chances(naive)
    assert not result.passed and "Subtract the largest score" in repr(result) and "random points ✓" in repr(result)


# --- Exercise C


@pytest.mark.parametrize(
    "answer",
    [
        lambda row, column, key: [2 * row, 2 * column, 2 * key],
        lambda row, column, key: [6.0 * row + column + 36 * (not key)],  # a line: the steps of 6 and of 1
        lambda row, column, key: np.array([row + column, row - column, 5.0 - 3 * key, 1.0]),
        lambda row, column, key: torch.tensor([3.0 * column, row, 4.0 * key]),
        lambda row, column, key: 12 * row + 2 * column + 100 * key,  # a plain number
    ],
)
def test_c_accepts(answer):
    assert check.my_map(answer).passed, check.my_map(answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda row, column, key: [2 * row, 2 * column], "same point"),
        (lambda row, column, key: [2 * row, 2 * key], "same point"),
        (lambda row, column, key: [row + column, key], "same point"),
        (lambda row, column, key: [row**2, column, 2 * key], "expected one vector"),
        (lambda row, column, key: [row * (1 + key), 2 * column, 9 * key], "expected one vector"),
        (lambda row, column, key: [0.2 * row, 0.2 * column, 2 * key], "in units of τ"),
        (lambda row, column, key: [2 * row, 2 * column, "key" if key else "no"], "expected numbers"),
    ],
)
def test_c_rejects(answer, reason):
    result = check.my_map(answer)
    assert result.solved and not result.passed and reason in repr(result), result
