"""Plannable approximations of MDP homomorphisms: encoders, their training, and the planner on prototypes."""

from symrl_lite.plannable.model import Encoded, LinearModel, PlannableModel, cnn_encoder, mlp_encoder
from symrl_lite.plannable.planner import LatentPlanner, latent_rank, latent_transitions, prune
from symrl_lite.plannable.training import (
    PlannableSettings,
    contrastive_loss,
    reward_loss,
    train_plannable,
    transition_loss,
)

__all__ = [
    "Encoded",
    "LatentPlanner",
    "LinearModel",
    "PlannableModel",
    "PlannableSettings",
    "cnn_encoder",
    "contrastive_loss",
    "latent_rank",
    "latent_transitions",
    "mlp_encoder",
    "prune",
    "reward_loss",
    "train_plannable",
    "transition_loss",
]
