"""Ranks against SciPy's, and against the evaluation that was released with C-SWM.

That evaluation puts the distance of the true pair in front of each row of distances, sorts the row stably and looks
where the front one went. A row belongs to a true state and holds the distances of all predictions, in single precision.
"""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from symrl_lite.structured import ranking_metrics


def codes(seed, n, kind):
    """Predicted and true codes, (n, objects, 2), with ties where they are whole."""
    draw = np.random.default_rng(seed)
    if kind == "whole":
        return draw.integers(0, 3, (2, n, 2, 2)).astype(np.float32)
    if kind == "collapsed":
        return np.zeros((2, n, 2, 2), dtype=np.float32)
    return draw.normal(size=(2, n, 2, 2)).astype(kind)


KINDS = ["whole", "collapsed", "float32", "float64"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("ties", "method"), [("against", "max"), ("for", "min")])
def test_ranks_of_scipy(kind, ties, method):
    for seed, n in enumerate((1, 2, 7, 60)):
        predicted, true = codes(seed, n, kind)
        flat = (x.reshape(n, -1).astype(np.float64) for x in (predicted, true))
        ranks = rankdata(cdist(*flat, "sqeuclidean"), method=method, axis=1).diagonal()
        found = ranking_metrics(predicted, true, ties=ties, hits=(1, 5), tolerance=0)
        assert np.array_equal(found.ranks, ranks)
        assert found.hits_at_1 == (ranks == 1).mean() and found.hits[5] == (ranks <= 5).mean()
        assert found.mean_reciprocal_rank == pytest.approx((1 / ranks).mean())


def released_ranks(predicted, true):
    """From 1; a row for each true state."""
    n = len(true)
    rows = ((true.reshape(n, 1, -1) - predicted.reshape(1, n, -1)) ** 2).sum(axis=2)
    ranks = []
    for i, row in enumerate(rows):
        order = sorted([(row[i], 0), *((d, j + 1) for j, d in enumerate(row))])
        ranks.append(1 + [place for _, place in order].index(0))
    return np.array(ranks)


@pytest.mark.parametrize("kind", KINDS)
def test_the_released_evaluation_is_ours_with_the_roles_exchanged_and_ties_for_the_model(kind):
    for seed, n in enumerate((1, 2, 7, 60)):
        predicted, true = codes(seed, n, kind)
        ranks = released_ranks(predicted, true)
        found = ranking_metrics(true, predicted, ties="for", tolerance=0)
        assert np.array_equal(found.ranks, ranks)
        assert found.mean_reciprocal_rank == pytest.approx((1 / ranks).mean())
        if kind == "collapsed":  # a model that says nothing gets full marks there, and none here
            assert found.hits_at_1 == 1 and (n == 1 or ranking_metrics(predicted, true).hits_at_1 == 0)


def test_the_roles_matter():
    predicted, true = codes(3, 60, "whole")
    there, here = released_ranks(predicted, true), ranking_metrics(predicted, true, ties="for").ranks
    assert not np.array_equal(there, here)
