"""Proximal policy optimization for many seeds at once."""

from symrl_lite.ppo.advantages import advantages_and_targets
from symrl_lite.ppo.objective import clipped_objective
from symrl_lite.ppo.training import PPOSettings, TrainingRun, evaluate, train_ppo

__all__ = ["PPOSettings", "TrainingRun", "advantages_and_targets", "clipped_objective", "evaluate", "train_ppo"]
