"""InfoNCE: against the formula term by term, against PyTorch's cross-entropy, and its gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from symrl_lite.views import info_nce


def codes(n=5, d=3, seed=0, spread=1.0):
    draw = torch.Generator().manual_seed(seed)
    made = [spread * torch.randn(*s, generator=draw, dtype=torch.float64) for s in ((n, d), (n, d), (d, d))]
    return [x.requires_grad_() for x in made]


def term_by_term(q, k, W):
    q, k, W = (x.detach().numpy() for x in (q, k, W))
    terms = [
        np.log(np.exp(q[i] @ W @ k[i]) / sum(np.exp(q[i] @ W @ k[j]) for j in range(len(k)))) for i in range(len(q))
    ]
    return -np.mean(terms)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_it_is_the_formula(n):
    q, k, W = codes(n)
    assert info_nce(q, k, W).item() == pytest.approx(term_by_term(q, k, W), abs=1e-12)
    logits = q @ W @ k.T
    assert torch.allclose(info_nce(q, k, W), functional.cross_entropy(logits, torch.arange(n)))


def test_other_answers_are_told_from_it():
    """Labels beside the diagonal, W the other way round, keys and queries exchanged, a sum for a mean."""
    q, k, W = codes()
    right = info_nce(q, k, W).item()
    wrong = [info_nce(q, k.roll(1, 0), W), info_nce(q, k, W.T), info_nce(k, q, W), 5 * info_nce(q, k, W)]
    assert all(abs(value.item() - right) > 1e-3 for value in wrong)


def test_equal_codes_give_the_logarithm_of_their_number_and_far_ones_nothing():
    same = torch.ones(8, 4)
    assert info_nce(same, same, torch.eye(4)).item() == pytest.approx(np.log(8), rel=1e-6)
    assert info_nce(9 * torch.eye(8), torch.eye(8), 9 * torch.eye(8)).item() < 1e-6


def test_large_logits_stay_finite():
    q, k, W = codes(spread=100.0)
    assert torch.isfinite(info_nce(q, k, W)) and info_nce(q.float(), k.float(), W.float()).dtype == torch.float32


def test_gradients_flow_to_queries_and_w_and_not_to_keys():
    q, k, W = codes()
    assert torch.autograd.gradcheck(lambda q, W: info_nce(q, k.detach(), W), (q, W))
    info_nce(q, k, W).backward()
    assert q.grad.abs().max() > 0 and W.grad.abs().max() > 0 and k.grad is None


def test_seeds_are_apart():
    some = [codes(seed=s) for s in range(3)]
    q, k, W = (torch.stack([c[i].detach() for c in some]) for i in range(3))
    found = info_nce(q, k, W)
    assert found.shape == (3,)
    assert torch.allclose(found, torch.stack([info_nce(*c) for c in some]))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda q, k, W: (q, k[:-1], W), ValueError, r"keys \(4, 3\)"),
        (lambda q, k, W: (q, k, W[:2]), ValueError, r"W \(2, 3\)"),
        (lambda q, k, W: (q[0], k[0], W), ValueError, r"queries have shape \(3,\)"),
        (lambda q, k, W: (q[None], k[None], W), ValueError, "first axis of seeds"),
        (lambda q, k, W: (q, k, W.long()), TypeError, "W is a tensor of torch.int64"),
        (lambda q, k, W: (q, k.float(), W), TypeError, "expected one dtype"),
        (lambda q, k, W: (q.detach().numpy(), k, W), TypeError, "queries is array"),
    ],
)
def test_refusals(change, error, message):
    with pytest.raises(error, match=message):
        info_nce(*change(*codes()))
