"""Statistics of learning curves against rliable, scikit-learn, and all resamples there are.

The numbers were printed by rliable 1.2.0 (arch 7.2.0): `metrics.aggregate_iqm(scores)` for runs × tasks.
"""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from symrl_lite.seeds import area_under_curve, bootstrap, interquartile_mean, steps_to

RUN, TASK = np.arange(10)[:, None], np.arange(3)
SCORES = ((7 * RUN * RUN + 3 * RUN + 11 * TASK) % 29) / 4  # (runs, tasks); each column holds some values twice
OF_ALL, OF_EACH = 3.203125, [2.625, 5.375, 1.5416666666666667]

SAMPLE = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
ENDS = 2.0, 21.0  # of the interval that `get_interval_estimates` printed with 20000 resamples


def middle_half(values):
    """The definition: sort, cut a quarter off at each end (whole values only), take the mean; in fractions."""
    ordered = sorted(Fraction(v) for v in np.ravel(values))
    cut = len(ordered) // 4
    kept = ordered[cut : len(ordered) - cut]
    return float(sum(kept) / len(kept))


def test_printed_interquartile_means():
    assert interquartile_mean(SCORES.ravel()) == pytest.approx(OF_ALL, abs=1e-12)
    np.testing.assert_allclose(interquartile_mean(SCORES, axis=0), OF_EACH, atol=1e-12)


@pytest.mark.parametrize("n", range(1, 14))
def test_interquartile_means_by_the_definition(n):
    values = np.random.default_rng(n).integers(-4, 5, (3, n)) / 2  # ties
    np.testing.assert_allclose(interquartile_mean(values), [middle_half(row) for row in values], atol=1e-12)


@pytest.mark.parametrize("statistic", [interquartile_mean, np.median, np.mean])
def test_the_interval_is_that_of_all_resamples(statistic):
    """6^6 = 46656 resamples: 2.5 % of them are below the low end, up to 3 deviations of a count of 2000."""
    everything = np.array(list(itertools.product(SAMPLE, repeat=6)))
    found = statistic(everything, axis=1)
    estimate = bootstrap(statistic, SAMPLE, resamples=2000, seed=1)
    low, high = np.quantile(found, [0.0145, 0.0355]), np.quantile(found, [0.9645, 0.9855])
    assert low[0] <= estimate.low <= low[1] and high[0] <= estimate.high <= high[1]
    assert estimate.value == statistic(np.array(SAMPLE))
    if statistic is interquartile_mean:
        assert low[0] <= ENDS[0] <= low[1] and high[0] <= ENDS[1] <= high[1] and estimate.value == 7.5


def test_areas_of_scikit_learn():
    draw = np.random.default_rng(0)
    for n in (2, 3, 10, 50):
        steps, returns = np.cumsum(draw.integers(1, 9, n)), draw.normal(size=(4, n))
        expected = [sklearn_metrics.auc(steps, row) / (steps[-1] - steps[0]) for row in returns]
        np.testing.assert_allclose(area_under_curve(steps, returns), expected, atol=1e-12)
        for row, first in zip(returns, steps_to(steps, returns, 0.5), strict=True):
            assert first == min((step for step, value in zip(steps, row, strict=True) if value >= 0.5), default=np.inf)


@pytest.mark.filterwarnings("ignore:random_state is deprecated:FutureWarning")  # rliable's call of arch
def test_rliable_itself():
    library = pytest.importorskip("rliable.library", reason="no rliable: pip install -e .[peers]")
    metrics = pytest.importorskip("rliable.metrics")
    draw = np.random.default_rng(0)
    for runs, tasks in itertools.product((2, 5, 10, 13), (1, 3, 6)):
        scores = draw.integers(0, 9, (runs, tasks)) / 4
        assert interquartile_mean(scores.ravel()) == pytest.approx(metrics.aggregate_iqm(scores), abs=1e-12)
    # Stratified over tasks: each task's runs are drawn anew from themselves, as `bootstrap` does with its samples.
    scores = draw.normal([0, 1, 5], [1, 1, 3], size=(10, 3))
    _, intervals = library.get_interval_estimates(
        {"a": scores}, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=4000, random_state=np.random.RandomState(0)
    )
    ours = bootstrap(lambda *tasks: interquartile_mean(np.concatenate(tasks)), *scores.T, resamples=4000)
    low, high = intervals["a"][:, 0]
    assert ours.value == pytest.approx(metrics.aggregate_iqm(scores))
    assert abs(ours.low - low) < 0.05 * (high - low) and abs(ours.high - high) < 0.05 * (high - low)
