"""Contrastive structured world models (C-SWM): networks, losses, training, and what they are ranked by."""

from symrl_lite.structured.kept import load_model, save_model
from symrl_lite.structured.losses import contrastive_energy_loss, energy, pixel_loss
from symrl_lite.structured.model import StructuredModel
from symrl_lite.structured.ranking import Ranking, ranking_metrics
from symrl_lite.structured.rollouts import rank_rollouts
from symrl_lite.structured.settings import StructuredSettings
from symrl_lite.structured.training import train_structured

__all__ = [
    "Ranking",
    "StructuredModel",
    "StructuredSettings",
    "contrastive_energy_loss",
    "energy",
    "load_model",
    "pixel_loss",
    "rank_rollouts",
    "ranking_metrics",
    "save_model",
    "train_structured",
]
