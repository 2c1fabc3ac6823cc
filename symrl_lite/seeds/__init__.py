"""Many seeds at once: networks of one shape as one batch, and what to say of the curves that come out."""

from symrl_lite.seeds.batch import SeedBatch, count_parameters
from symrl_lite.seeds.curves import (
    Comparison,
    Estimate,
    area_under_curve,
    bootstrap,
    compare,
    interquartile_mean,
    steps_to,
)

__all__ = [
    "Comparison",
    "Estimate",
    "SeedBatch",
    "area_under_curve",
    "bootstrap",
    "compare",
    "count_parameters",
    "interquartile_mean",
    "steps_to",
]
