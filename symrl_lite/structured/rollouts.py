"""Imagined steps, ranked among other states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from symrl_lite.data import Episodes
from symrl_lite.door import whole_numbers
from symrl_lite.plannable.model import known_actions
from symrl_lite.structured.model import StructuredModel
from symrl_lite.structured.ranking import Ranking, ranking_metrics

__all__ = ["rank_rollouts"]


def rank_rollouts(
    model: StructuredModel,
    episodes: Episodes,
    steps: Sequence[int] = (1, 5, 10),
    *,
    hits: Sequence[int] = (1,),
    ties: Literal["against", "for"] = "against",
    known_states: bool = True,
) -> dict[int, Ranking]:
    """After n steps from the start of each episode, is the code of what is then seen the nearest to the predicted one?

    Candidates are the pictures of all episodes after n steps.

    Args:
        model: what is tried.
        episodes: new ones, (E, T) with T at least the largest of `steps`.
        steps: the numbers n.
        hits, ties: as for `ranking_metrics`.
        known_states: whether candidates with the same true state are left out.

    Returns:
        A Ranking for each n.

    Raises:
        ValueError: steps beyond the end of the episodes or before their start, or actions that the model has not.

    >>> from symrl_lite.envs.shapes import Shapes
    >>> from symrl_lite.structured import StructuredSettings
    >>> from symrl_lite.data import record_episodes
    >>> new, model = record_episodes(Shapes().copies, 2, 3), StructuredSettings().build((3, 50, 50), 20)
    >>> rank_rollouts(model, new, steps=[1])[1].candidates
    2

    Source: Kipf et al. 2020, Contrastive Learning of Structured World Models (its evaluation).
    """
    if not isinstance(episodes, Episodes):
        raise TypeError(f"episodes is {episodes!r}, expected Episodes")
    if not (hasattr(model, "rollout") and hasattr(model, "encode")):
        raise TypeError(f"model is {model!r}, expected a StructuredModel, or what else has encode and rollout")
    if not isinstance(steps, Sequence | np.ndarray):
        raise TypeError(f"steps are {steps!r}, expected a list of whole numbers")
    steps, T = whole_numbers(steps, "steps", low=None).ravel().tolist(), episodes.actions.shape[1]
    if not len(steps) or min(steps) < 0 or max(steps) > T:
        raise ValueError(f"steps are {tuple(steps)}, expected some from 0 to {T}: the episodes have {T} steps")
    if isinstance(model, StructuredModel):  # a stand-in may know its actions in another way
        known_actions([episodes.actions], model.n_actions)
    with torch.no_grad():
        codes = model.rollout(episodes.observations[:, 0], episodes.actions[:, : max(steps)])
        numbers: Any = episodes.state_numbers
        return {
            n: ranking_metrics(
                codes[:, n],
                model.encode(episodes.observations[:, n]),
                numbers[:, n] if known_states else None,
                hits=hits,
                ties=ties,
            )
            for n in steps
        }
