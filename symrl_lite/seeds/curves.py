"""What to say of the curves of many seeds: steps to a threshold, areas, and how far the seeds leave them open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from symrl_lite.door import a_number, a_seed, real_numbers, require_function, whole_number

__all__ = [
    "Comparison",
    "Estimate",
    "area_under_curve",
    "bootstrap",
    "compare",
    "interquartile_mean",
    "steps_to",
]


def steps_to(steps: Any, returns: Any, threshold: float) -> np.ndarray:
    """For each curve, the first of `steps` at which it is at or above `threshold`; infinity where it never is.

    Args:
        steps: (T,), increasing.
        returns: (..., T), one curve for each seed, or one curve, such as a median.
        threshold: the level.

    Returns:
        (...,) in the unit of `steps`.

    >>> steps_to([100, 200, 300], [[1, 5, 9], [0, 1, 2]], threshold=5).tolist()
    [200.0, inf]
    """
    steps, returns = _curves(steps, returns)
    threshold = a_number(threshold, "threshold")
    reached = returns >= threshold
    return np.where(reached.any(axis=-1), steps[reached.argmax(axis=-1)], np.inf)


def area_under_curve(steps: Any, returns: Any) -> np.ndarray:
    """The mean of each curve over its steps: the area under it, by trapezoids, divided by the length of the axis.

    Args:
        steps: (T,), increasing.
        returns: (..., T).

    Returns:
        (...,) in the unit of `returns`.

    Raises:
        TypeError: no numbers. ValueError: fewer than two steps, or returns of another length.

    >>> area_under_curve([0, 1, 3], [[0.0, 2.0, 2.0]]).round(4).tolist()
    [1.6667]
    """
    steps, returns = _curves(steps, returns)
    if len(steps) < 2:
        raise ValueError(f"steps have shape {steps.shape}, expected at least two steps: a point has no area")
    widths = np.diff(steps)
    return ((returns[..., 1:] + returns[..., :-1]) / 2 * widths).sum(axis=-1) / widths.sum()


def interquartile_mean(values: Any, axis: int = -1) -> np.ndarray:
    """The mean of the middle half: a quarter of the values is cut off at each end.

    Args:
        values: (..., n) or any other shape with an axis; n values give one mean.
        axis: the axis of the values; it is gone in the result, (...).

    Raises:
        TypeError: no numbers. ValueError: no value, or an axis that is not there.

    >>> float(interquartile_mean([0, 4, 6, 100]))
    5.0

    Source: Agarwal et al. 2021, Deep RL at the Edge of the Statistical Precipice.
    """
    found = real_numbers(values, "values").astype(np.float64)
    axis = whole_number(axis, "axis", -max(found.ndim, 1), max(found.ndim, 1) - 1)
    if found.size == 0:
        raise ValueError(f"values have shape {found.shape}, expected at least one value")
    return np.asarray(stats.trim_mean(found, 0.25, axis=axis))


def _curves(steps: Any, returns: Any) -> tuple[np.ndarray, np.ndarray]:
    """Steps (T,), increasing, and returns (..., T)."""
    at, values = real_numbers(steps, "steps").astype(np.float64), real_numbers(returns, "returns").astype(np.float64)
    if at.ndim != 1 or len(at) == 0 or values.shape[-1:] != at.shape:
        raise ValueError(f"steps have shape {at.shape} and returns {values.shape}, expected (T,) and (..., T)")
    if not (np.isfinite(at).all() and (np.diff(at) > 0).all()):
        raise ValueError(f"steps are {at[:6].tolist()}, expected finite numbers that increase")
    return at, values


@dataclass(frozen=True)
class Estimate:
    """A number from several seeds, with the interval that the seeds leave open.

    >>> print(Estimate(1.5, 1.21, 2.0))
    1.5 (1.21 to 2)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def bootstrap(
    statistic: Callable[..., Any], *samples: Any, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """statistic(*samples), and the percentile interval of it when each sample is drawn anew from itself.

    Each sample is resampled on its own (a stratified bootstrap): pass one for each method of a comparison, or one for
    each task. Seeds that never reached a threshold may be infinite, as long as the statistic stands it (a median).

    Args:
        statistic: of one array (n,) for each sample, (n,) + (n',) + ... -> number.
        samples: arrays (n,), one value a seed.
        confidence: share of the resamples between the two ends.
        resamples: number of resamples.
        seed: of the resampling.

    Raises:
        ValueError: no sample, or one of fewer than two values.

    >>> fast, slow = [4.0, 5.0, 6.0, 5.0], [10.0, 12.0, 9.0, 11.0]
    >>> ratio = bootstrap(lambda a, b: np.median(b) / np.median(a), fast, slow)
    >>> ratio.value, ratio.low < 2.1 < ratio.high
    (2.1, True)

    Source: Efron 1979; stratified over tasks in Agarwal et al. 2021.
    """
    require_function(statistic, "statistic", "a function of one array for each sample")
    confidence, resamples, seed = (
        a_number(confidence, "confidence", 0, 1),
        whole_number(resamples, "resamples"),
        a_seed(seed),
    )
    return _bootstrap(statistic, samples, confidence, resamples, seed, vectorized=False)


def _bootstrap(
    statistic: Callable[..., Any],
    samples: Sequence[Any],
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    *,
    vectorized: bool,
) -> Estimate:
    """With `vectorized` the statistic takes arrays (..., n) -> (...,): the same draws, in one call for all of them."""
    arrays = [real_numbers(sample, "samples").astype(np.float64).ravel() for sample in samples]
    if not arrays or min(len(a) for a in arrays) < 2:
        raise ValueError(f"samples have lengths {[len(a) for a in arrays]}, expected one or more, of at least 2 values")
    with np.errstate(invalid="ignore"):  # infinity − infinity inside a median
        found = stats.bootstrap(
            arrays,
            # SciPy says axis=-1 to a function that is vectorized: theirs is the last one here in any case.
            lambda *drawn, **_: statistic(*drawn),
            n_resamples=resamples,
            confidence_level=confidence,
            method="percentile",
            vectorized=vectorized,
            rng=np.random.default_rng(seed),
        )
        value = float(statistic(*arrays))
    draws = np.sort(found.bootstrap_distribution)
    ends = [int(np.floor(q * (resamples - 1))) for q in ((1 - confidence) / 2, (1 + confidence) / 2)]
    return Estimate(value, float(draws[ends[0]]), float(draws[ends[1]]))


@dataclass(frozen=True)
class Comparison:
    """Two methods: the steps that each needs and the area under its curves, with 95 % bootstrap intervals.

    >>> print(Comparison(475, (100, 200), Estimate(2, 1.5, 3), (9, 5), Estimate(4, 3, 5)))
    100 steps to a return of 475 against 200, ratio 2 (1.5 to 3); mean return of a curve 9 against 5, ...
    """

    threshold: float
    steps: tuple[float, float]  # to the threshold, median over seeds, of the first and of the second
    ratio: Estimate  # of the two, second over first
    areas: tuple[float, float]  # under the curves, interquartile mean over seeds
    gain: Estimate  # of the two, first minus second

    def __str__(self) -> str:
        return (
            f"{self.steps[0]:.0f} steps to a return of {self.threshold:g} against {self.steps[1]:.0f}, ratio "
            f"{self.ratio}; mean return of a curve {self.areas[0]:.3g} against {self.areas[1]:.3g}, "
            f"difference {self.gain}"
        )


def compare(first: Any, second: Any, threshold: float) -> Comparison:
    """How many times as many steps the second method needs, and by how much the first one's area is larger.

    Args:
        first, second: what `train_ppo` returns, or anything with `steps` (T,) and `returns` (seeds, T).
        threshold: the return to be reached.

    Raises:
        TypeError: a run without `steps` and `returns`.

    >>> from types import SimpleNamespace as Run
    >>> fast, slow = (Run(steps=[0, 100, 200], returns=[[0, a, 9]] * 4) for a in (9, 1))
    >>> compare(fast, slow, threshold=5).ratio
    Estimate(value=2.0, low=2.0, high=2.0)
    """
    for what, run in (("first", first), ("second", second)):
        if not (hasattr(run, "steps") and hasattr(run, "returns")):
            raise TypeError(
                f"{what} is {run!r}, expected a TrainingRun, or what else has steps (T,) and returns (seeds, T)"
            )
    threshold = a_number(threshold, "threshold")
    found = [(steps_to(r.steps, r.returns, threshold), area_under_curve(r.steps, r.returns)) for r in (first, second)]
    (fast, large), (slow, small) = found
    return Comparison(
        threshold,
        (float(np.median(fast)), float(np.median(slow))),
        _bootstrap(_ratio_of_medians, (fast, slow), vectorized=True),
        (float(interquartile_mean(large)), float(interquartile_mean(small))),
        _bootstrap(lambda a, b: interquartile_mean(a) - interquartile_mean(b), (large, small), vectorized=True),
    )


def _ratio_of_medians(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of steps (..., n) that may be infinite, or 0, second over first; 1 where both are: neither got there, or both
    from the start.
    """
    a, b = np.median(second, axis=-1), np.median(first, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # what is not used
        ratio = np.where(b == 0, np.where(a == 0, 1.0, np.inf), a / b)
    return np.where(np.isinf(a) & np.isinf(b), 1.0, ratio)
