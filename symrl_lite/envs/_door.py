"""What environments refuse, in one sentence: actions outside of the space, unknown options, steps before a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from symrl_lite.door import plain_array

__all__ = ["known_options", "require_start", "single_action", "vector_actions", "whole_numbers"]


def require_start(started: bool, env: Any) -> None:
    """Refuse a step before the first `reset`.

    Raises:
        gymnasium.error.ResetNeeded: nothing has started.
    """
    if not started:
        raise gymnasium.error.ResetNeeded(f"{type(env).__name__} has not started an episode: call reset first")


def single_action(space: Any, action: Any) -> int:
    """The action as a number; `space` is a Discrete from 0.

    Raises:
        ValueError: it is not in the space.

    >>> single_action(Discrete(4), np.int64(3))
    3
    """
    if not space.contains(action):
        raise ValueError(f"action is {action!r}, expected 0 to {int(space.n) - 1}: the action space is {space}")
    return int(action)


def vector_actions(space: Discrete[Any], actions: Any, num_envs: int) -> np.ndarray:
    """An action for each copy, (num_envs,) whole numbers.

    Raises:
        ValueError: another shape or type, or an action that is not in the space.

    >>> vector_actions(Discrete(4), [3, 0], 2)
    array([3, 0])
    """
    try:
        chosen = plain_array(actions)
    except ValueError:
        raise TypeError(f"actions are {actions!r}, expected {num_envs} whole numbers") from None
    if chosen.shape != (num_envs,) or chosen.dtype.kind not in "iu":
        raise ValueError(
            f"actions have shape {chosen.shape} and type {chosen.dtype}, expected ({num_envs},) whole numbers: one of "
            f"the action space {space} for each copy"
        )
    if chosen.min() < 0 or chosen.max() >= space.n:
        i = int(np.flatnonzero((chosen < 0) | (chosen >= space.n))[0])
        raise ValueError(
            f"action is {chosen[i]} in copy {i}, expected 0 to {int(space.n) - 1}: the action space is {space}"
        )
    return chosen.astype(np.int64, copy=False)


def known_options(options: Mapping[str, Any] | None, *names: str) -> Mapping[str, Any]:
    """The options of a `reset`, none of which is overlooked.

    Raises:
        ValueError: a key that nobody reads.

    >>> known_options(None, "state"), known_options({"state": 3}, "state")
    ({}, {'state': 3})
    """
    given = {} if options is None else options
    if not isinstance(given, Mapping):
        raise TypeError(f"options is {options!r}, expected a dictionary or None")
    unknown = [name for name in given if name not in names]
    if unknown:
        raise ValueError(f"options have {unknown}, expected {' or '.join(map(repr, names)) or 'none'}")
    return given


def whole_numbers(values: Any, what: str) -> np.ndarray:
    """An array of whole numbers, of any shape and whatever type they come in; nothing is cut off.

    Raises:
        ValueError: there is a fraction, or something that is no number.

    >>> whole_numbers([2.0, 1.0], "state")
    array([2, 1])
    """
    try:
        array = plain_array(values)
    except ValueError:
        raise TypeError(f"{what} has rows of different lengths, expected whole numbers") from None
    whole = array.dtype.kind in "iu" or (array.dtype.kind == "f" and bool((array == np.round(array)).all()))
    if not whole or not np.isfinite(array).all():
        raise ValueError(f"{what} is {str(values)[:60]}, expected whole numbers")
    return array.astype(np.int64)
