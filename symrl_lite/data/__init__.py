"""What agents saw: transitions of many environments, whole episodes, and the random streams that played them."""

from symrl_lite.data.episodes import Episodes, record_episodes
from symrl_lite.data.transitions import (
    Environment,
    Transitions,
    collect,
    play,
    require_next_step_reset,
    shortest,
    vector_maker,
    walk,
    wander,
)

__all__ = [
    "Environment",
    "Episodes",
    "Transitions",
    "collect",
    "play",
    "record_episodes",
    "require_next_step_reset",
    "shortest",
    "vector_maker",
    "walk",
    "wander",
]
