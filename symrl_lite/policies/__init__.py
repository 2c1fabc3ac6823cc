"""Actors and critics that obey a symmetry, and plain ones of the same size."""

from symrl_lite.policies.actor_critic import ActorCritic, OnTable
from symrl_lite.policies.networks import cnn_policy, equivariant_cnn, equivariant_mlp, mlp_policy

__all__ = ["ActorCritic", "OnTable", "cnn_policy", "equivariant_cnn", "equivariant_mlp", "mlp_policy"]
