"""Whole episodes with their goals, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symrl_lite.door import real_numbers, whole_numbers

__all__ = ["GoalEpisodes"]


@dataclass(frozen=True, eq=False)
class GoalEpisodes:
    """E episodes of T steps: what was seen, what was reached, what was wanted, what was done.

    Args:
        observations: (E, T + 1, d), without the goal.
        achieved: (E, T + 1, k), the goal that each state would have met.
        goals: (E, k), the goal of the episode.
        actions: (E, T, m), vectors.
        numbers: (E,), a whole number of its own for each episode, from which its mirrors are drawn; by default
            0, 1, ....

    Raises:
        TypeError: no numbers. ValueError: shapes that do not fit, or numbers that are not finite.

    >>> GoalEpisodes(np.zeros((2, 4, 4)), np.zeros((2, 4, 2)), np.zeros((2, 2)), np.zeros((2, 3, 2)))
    2 episodes of 3 steps, observations (4,), goals (2,), actions (2,)

    Source: Andrychowicz et al. 2017, Hindsight Experience Replay; names as in Gymnasium-Robotics.
    """

    observations: np.ndarray
    achieved: np.ndarray
    goals: np.ndarray
    actions: np.ndarray
    numbers: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("observations", "achieved", "goals", "actions"):
            array = real_numbers(getattr(self, name), name).astype(float)
            if not np.isfinite(array).all():
                raise ValueError(f"{name} hold NaN or infinity, expected finite numbers")
            object.__setattr__(self, name, array)
        E, T = self.actions.shape[:2] if self.actions.ndim == 3 else (0, 0)
        shapes = {name: getattr(self, name).shape for name in ("observations", "achieved", "goals", "actions")}
        fits = self.observations.ndim == 3 and self.observations.shape[:2] == (E, T + 1)
        fits = fits and self.achieved.shape == (E, T + 1, *self.goals.shape[1:]) and self.goals.ndim == 2
        if not fits or E * T == 0 or len(self.goals) != E:
            raise ValueError(
                f"arrays have shapes {shapes}, expected observations (E, T + 1, d), achieved (E, T + 1, k), goals "
                "(E, k), actions (E, T, m), with at least one step"
            )
        numbers = np.arange(E) if self.numbers is None else whole_numbers(self.numbers, "numbers")
        if numbers.shape != (E,):
            raise ValueError(f"numbers have shape {numbers.shape}, expected ({E},), one for each episode")
        object.__setattr__(self, "numbers", numbers)

    def __len__(self) -> int:
        return len(self.actions)

    def __repr__(self) -> str:
        E, T = self.actions.shape[:2]
        rest = f"observations {self.observations.shape[2:]}, goals {self.goals.shape[1:]}, actions "
        return f"{E} episode{'s' if E > 1 else ''} of {T} steps, {rest}{self.actions.shape[2:]}"

    @classmethod
    def joined(cls, parts: Sequence[GoalEpisodes]) -> GoalEpisodes:
        """All episodes of several sets, one after the other.

        Raises:
            TypeError: something else than sets. ValueError: no set, or episodes of different shapes.

        >>> one = GoalEpisodes(np.zeros((1, 4, 4)), np.zeros((1, 4, 2)), np.zeros((1, 2)), np.zeros((1, 3, 2)))
        >>> len(GoalEpisodes.joined([one, one]))
        2
        """
        if not isinstance(parts, list | tuple) or not all(isinstance(part, GoalEpisodes) for part in parts):
            raise TypeError(f"parts is {str(parts)[:60]}, expected a list of GoalEpisodes")
        shapes = [tuple(a.shape[1:] for a in (part.observations, part.goals, part.actions)) for part in parts]
        if not parts or len(set(shapes)) > 1:
            raise ValueError(f"parts have episodes of shapes {shapes}, expected one or more sets of one shape")
        names = ("observations", "achieved", "goals", "actions", "numbers")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
