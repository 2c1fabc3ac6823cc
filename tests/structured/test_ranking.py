"""Ranks against two loops, ties up to rounding and duplicates, and how many candidates there are."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite.data import record_episodes
from symrl_lite.envs.shapes import Shapes
from symrl_lite.structured import StructuredModel, ranking, ranking_metrics


def by_loops(predicted, true, states, ties):
    ranks = []
    for i, guess in enumerate(predicted):
        own, rank = ((guess - true[i]) ** 2).sum(), 1
        for j, other in enumerate(true):
            d = ((guess - other) ** 2).sum()
            if j != i and tuple(states[j]) != tuple(states[i]) and (d <= own if ties == "against" else d < own):
                rank += 1
        ranks.append(rank)
    return np.array(ranks)


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 25), st.integers(1, 3), st.booleans(), st.integers(0, 10**6))
def test_ranks_against_two_loops(n, dimension, duplicates, seed):
    random = np.random.default_rng(seed)
    # Whole numbers, so that there are ties.
    predicted, true = random.integers(0, 4, (2, n, dimension, 2)).astype(float)
    states = random.integers(0, 5 if duplicates else 10**6, (n, 2))
    for ties in ("against", "for"):
        found = ranking_metrics(predicted, true, states, hits=(1, 3), ties=ties)
        flat = [a.reshape(n, -1) for a in (predicted, true)]
        expected = by_loops(*flat, states, ties)
        assert np.array_equal(found.ranks, expected) and found.candidates == n
        assert found.hits == {k: (expected <= k).mean() for k in (1, 3)} and found.hits_at_1 == found.hits[1]
        assert np.isclose(found.mean_reciprocal_rank, (1 / expected).mean())
        assert found.hits_at_1 <= found.mean_reciprocal_rank
        same = sum(tuple(one) == tuple(other) for one in states for other in states) - n
        assert found.excluded == pytest.approx(same / n)
        # Without states all candidates count, those with the same code too.
        alone = ranking_metrics(predicted, true, ties=ties)
        assert np.array_equal(alone.ranks, by_loops(*flat, np.arange(n)[:, None], ties)) and alone.excluded == 0


@pytest.mark.parametrize("ties", ["against", "for"])
def test_many_rows_are_done_in_parts(monkeypatch, ties):
    random = np.random.default_rng(0)
    predicted, true = random.integers(0, 3, (2, 50, 4)).astype(float)
    states = random.integers(0, 9, 50)
    whole = ranking_metrics(predicted, true, states, ties=ties)
    assert np.array_equal(whole.ranks, by_loops(predicted, true, states[:, None], ties))
    for at_once in (700, 1):  # three rows a part, and one
        monkeypatch.setattr(ranking, "_AT_ONCE", at_once)
        parts = ranking_metrics(predicted, true, states, ties=ties)
        assert np.array_equal(parts.ranks, whole.ranks) and parts.excluded == whole.excluded > 0


def test_ties_and_duplicates_by_hand():
    # The codes of 0 and of 1 are the same and so are their states; 2 has the same code and is another state.
    codes, states = [[0.0], [0.0], [0.0], [1.0]], [7, 7, 8, 9]
    ranks = {
        (known, ties): ranking_metrics(codes, codes, states if known else None, ties=ties).ranks.tolist()
        for known in (True, False)
        for ties in ("against", "for")
    }
    assert ranks[True, "against"] == [2, 2, 3, 1] and ranks[False, "against"] == [3, 3, 3, 1]
    assert ranks[True, "for"] == ranks[False, "for"] == [1, 1, 1, 1]
    only = ranking_metrics([[3.0]], [[5.0]])
    assert only.ranks.tolist() == [1] and only.candidates == 1
    same = ranking_metrics(np.zeros((4, 2)), np.ones((4, 2)), [0, 0, 0, 0])  # nobody else is left
    assert same.ranks.tolist() == [1] * 4 and same.excluded == 3


def test_a_collapsed_code_has_the_last_rank_and_with_the_published_ties_the_first():
    codes = np.zeros((100, 5, 2))
    assert ranking_metrics(codes, codes).hits_at_1 == 0 and (ranking_metrics(codes, codes).ranks == 100).all()
    assert ranking_metrics(codes, codes, ties="for").hits_at_1 == 1


def test_duplicates_spoil_a_perfect_model_unless_they_are_left_out():
    states = np.repeat(np.arange(50), 2)
    codes = np.random.default_rng(0).normal(size=(50, 3))[states]
    assert ranking_metrics(codes, codes).hits_at_1 == 0
    left_out = ranking_metrics(codes, codes, states)
    assert left_out.hits_at_1 == 1 and left_out.excluded == 1 and left_out.candidates == 100
    assert "1.0 duplicates left out" in str(left_out)


def shaken(codes, random, units=1):
    """Each number moved by so many units in the last place at most, up or down."""
    for _ in range(units):
        codes = np.nextafter(codes, np.where(random.integers(0, 2, codes.shape), np.inf, -np.inf).astype(codes.dtype))
    return codes


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([np.float32, np.float64]),
    st.floats(-6, 6),
    st.sampled_from(["against", "for"]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_the_last_bit_decides_nothing(dtype, power, ties, cast, seed):
    # Whole numbers have exact ties. Times a number that is no power of two they only nearly have them.
    random = np.random.default_rng(seed)
    whole = random.integers(-3, 4, (2, 30, 4))
    states = random.integers(0, 12, 30)
    expected = by_loops(*whole, states[:, None], ties)
    assert np.array_equal(ranking_metrics(*whole, states, ties=ties).ranks, expected)
    assert np.array_equal(ranking_metrics(*whole.astype(dtype), states, ties=ties).ranks, expected)
    scaled = whole.astype(dtype) * dtype(10**power * (1 + random.random()))
    for codes in (scaled, shaken(scaled, random), shaken(scaled, random, 6)):
        codes = codes.astype(np.float64) if cast else codes
        assert np.array_equal(ranking_metrics(*codes, states, ties=ties).ranks, expected)
        order = random.permutation(30)
        assert np.array_equal(ranking_metrics(*codes[:, order], states[order], ties=ties).ranks, expected[order])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_farther_apart_than_rounding_is_no_tie(dtype):
    random = np.random.default_rng(0)
    true = random.normal(size=(40, 5)).astype(dtype)
    unit = np.finfo(dtype).eps * np.sqrt((true**2).sum(axis=1)).max()
    for tau, rank in ((1, 2), (8, 2), (1000, 1)):  # the copy of each code lies so far away
        both = np.concatenate([true, true + dtype(tau) * unit / dtype(np.sqrt(5))])
        found = ranking_metrics(both, both)
        assert (found.ranks == rank).all(), (tau, found)
    # How far is said by `tolerance`, whatever the numbers are made of.
    both = np.concatenate([true, true + dtype(0.001)])
    assert (ranking_metrics(both, both).ranks == 1).all() and (
        ranking_metrics(both, both, tolerance=0).ranks == 1
    ).all()
    assert (ranking_metrics(both, both, tolerance=0.01).ranks >= 2).all()
    # One code that is far away makes no ties among the others.
    both[0] = 1e6
    assert (ranking_metrics(both, both).ranks == 1).all()


def test_what_a_far_origin_leaves_of_codes():
    # A thousandth of a code beside 10 000: float64 still sees it, float32 hardly.
    codes = 1e4 + 1e-3 * np.random.default_rng(0).normal(size=(50, 3))
    assert ranking_metrics(codes, codes).hits_at_1 == 1
    assert ranking_metrics(codes.astype(np.float32), codes.astype(np.float32)).hits_at_1 == 0
    # In float32 all such numbers are whole, because no digits are left for a fraction: that makes them no more exact.
    large = (1e4 * np.float32(1e6) * (1 + np.random.default_rng(0).random((50, 3)))).astype(np.float32)
    twice = np.concatenate([large, np.nextafter(large, np.float32(np.inf))])
    assert (large == large.round()).all() and (ranking_metrics(twice, twice).ranks == 2).all()
    assert (ranking_metrics(twice.astype(float), twice.astype(float)).ranks == 2).all()


@pytest.mark.parametrize("changed", [{}, {"tile": 5, "depth": 1}, {"slots": 1, "dimension": 10}])
def test_how_a_batch_is_cut_decides_nothing(changed):
    """Equal pictures have equal ranks wherever they stand: the last rows of a batch are computed in another way."""
    data = record_episodes(Shapes().copies, 150, 1, seed=3)
    images = data.observations[:, 0]
    assert len(np.unique(data.state_numbers[:, 0])) == 150
    twice = np.concatenate([images, images])
    torch.manual_seed(0)
    model = StructuredModel((3, 50, 50), 20, **changed).eval()
    order = np.random.default_rng(0).permutation(300)
    with torch.no_grad():
        for size in (1, 7, 64, 149, 300):
            for rows in (np.arange(300), order):
                parts = [model.encode(twice[rows[k : k + size]]) for k in range(0, 300, size)]
                codes = torch.cat(parts)  # (300, K, D)
                for each in (codes, codes.double(), codes.numpy() * np.float32(1e6), codes.numpy() * np.float32(1e-6)):
                    assert (ranking_metrics(each, each).ranks == 2).all()  # the copy is as near
                    assert (ranking_metrics(each, each, ties="for").ranks == 1).all()
                    assert (ranking_metrics(each, each, rows % 150).ranks == 1).all()
    flat = codes.flatten(1).double()
    apart = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    assert apart[rows[:, None] % 150 != rows % 150].min() > 2e-5 * flat.norm(dim=1).max()  # so the ranks are no luck


def test_what_is_refused():
    codes = np.zeros((3, 2))
    with pytest.raises(ValueError, match="expected the same"):
        ranking_metrics(codes, codes[:2])
    with pytest.raises(ValueError, match="not finite"):
        ranking_metrics(codes * np.nan, codes)
    with pytest.raises(ValueError, match="not finite"):
        ranking_metrics(codes, codes + np.inf)
    for wrong in (np.zeros(3), np.zeros((0, 2))):
        with pytest.raises(ValueError, match=r"expected the same, \(n, \.\.\.\)"):
            ranking_metrics(wrong, wrong)
    with pytest.raises(ValueError, match="there are 2 states, expected 3"):
        ranking_metrics(codes, codes, [0, 1])
    with pytest.raises(ValueError, match="ties is 'none'"):
        ranking_metrics(codes, codes, ties="none")
    for wrong in (-1e-9, np.nan, np.inf):
        with pytest.raises(ValueError, match=r"tolerance is .*not negative"):
            ranking_metrics(codes, codes, tolerance=wrong)
