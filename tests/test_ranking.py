"""Ranks against two loops, ties and duplicates, and how many candidates there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite import ranking
from symrl_lite.ranking import ranking_metrics


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
