"""How far a function is from equivariant, and which element, input and output show it."""

from symrl_lite.equivariance.acting import Action, apply_action
from symrl_lite.equivariance.measures import OutputActionFit, assert_equivariant, equivariance_error, fit_output_action

__all__ = ["Action", "OutputActionFit", "apply_action", "assert_equivariant", "equivariance_error", "fit_output_action"]
