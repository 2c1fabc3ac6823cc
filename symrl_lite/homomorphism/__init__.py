"""Smaller processes that say the same: MDP homomorphisms, and the coarsest one."""

from symrl_lite.homomorphism.maps import (
    HomomorphismErrors,
    MDPHomomorphism,
    coarsest_homomorphism,
    loss_bound,
    quotient,
)
from symrl_lite.homomorphism.refinement import refine

__all__ = ["HomomorphismErrors", "MDPHomomorphism", "coarsest_homomorphism", "loss_bound", "quotient", "refine"]
