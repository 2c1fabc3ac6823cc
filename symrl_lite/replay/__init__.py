"""Replay with goals: what an agent has lived through, and what else it may learn from it."""

from symrl_lite.replay.episodes import GoalEpisodes
from symrl_lite.replay.goals import hindsight, nearby_goals
from symrl_lite.replay.moving import framed, mirror, moved, reflections

__all__ = ["GoalEpisodes", "framed", "hindsight", "mirror", "moved", "nearby_goals", "reflections"]
