"""Many runs, many cores, many machines: function(case, seed) for all cases and seeds, kept as they come."""

from symrl_lite.sweeps.runs import SweepError, sweep

__all__ = ["SweepError", "sweep"]
