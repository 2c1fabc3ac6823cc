"""Finite Markov decision processes: tables, and dynamic programming on them."""

from symrl_lite.mdp.planning import (
    Solution,
    finite_horizon,
    greedy_policy,
    policy_evaluation,
    policy_iteration,
    value_iteration,
)
from symrl_lite.mdp.tabular import TabularMDP

__all__ = [
    "Solution",
    "TabularMDP",
    "finite_horizon",
    "greedy_policy",
    "policy_evaluation",
    "policy_iteration",
    "value_iteration",
]
