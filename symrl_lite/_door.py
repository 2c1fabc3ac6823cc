"""What comes from elsewhere, looked at before it is used: whole numbers, spaces, arrays that may be rewritten."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

__all__ = ["count_actions", "own_copy", "require_array_space", "whole_numbers"]


def whole_numbers(values: Any, what: str, low: int | None = 0, high: int | None = None) -> np.ndarray:
    """A copy as int64; nothing is cut off, and no index wraps round.

    Args:
        values: whole numbers of any dtype, booleans too.
        what: a plural, for the message.
        low, high: the smallest and the largest that is allowed.

    Raises:
        TypeError: no numbers. ValueError: a number that is not whole, or not in the range.

    >>> whole_numbers([1.0, 2.0], "actions").tolist()
    [1, 2]
    >>> whole_numbers([0.7, 1.9], "actions")
    Traceback (most recent call last):
    ValueError: actions hold 0.7, expected whole numbers
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise TypeError(f"{what} have rows of different lengths, expected one array of whole numbers") from None
    if array.size == 0 and array.dtype.kind == "f":  # what NumPy makes of an empty list
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} have dtype {array.dtype}, expected whole numbers")
    if array.dtype.kind == "f":
        cut = array[~(np.isfinite(array) & (array == np.round(array)))]
        if cut.size:
            raise ValueError(f"{what} hold {cut.flat[0]:g}, expected whole numbers")
    elif array.dtype.kind == "b":
        array = array.astype(np.int64)
    bad = np.zeros(array.shape, dtype=bool)
    if low is not None:
        bad |= array < low
    if high is not None:
        bad |= array > high
    if bad.any():
        if high is None:
            least = "that are not negative" if low == 0 else f"from {low}"
        else:
            least = f"from {low} to {high}" if low is not None else f"up to {high}"
        raise ValueError(f"{what} hold {array[bad].flat[0]:g}, expected whole numbers {least}")
    return array.astype(np.int64)


def count_actions(space: Any) -> int:
    """n of a Discrete(n) that starts at 0.

    Raises:
        ValueError: another space, or another start.
    """
    from gymnasium.spaces import Discrete

    if not isinstance(space, Discrete):
        raise ValueError(f"the actions are {space}, expected Discrete(n), from 0")
    if space.start != 0:
        raise ValueError(
            f"the actions are {space}, expected Discrete(n), from 0: wrap the environment in "
            f"gymnasium.wrappers.TransformAction with lambda a: a + {space.start} and Discrete({space.n})"
        )
    return int(space.n)


def require_array_space(space: Any, advice: str = "") -> None:
    """Refuse observations that are no arrays: the parts of a Tuple or a Dict would be mixed.

    Raises:
        ValueError: a space that is no Box, Discrete, MultiDiscrete or MultiBinary.
    """
    from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

    if not isinstance(space, Box | Discrete | MultiBinary | MultiDiscrete):
        raise ValueError(
            f"the observations are {space}, expected arrays (Box, Discrete, MultiDiscrete, MultiBinary): "
            + (advice or "wrap the environment in gymnasium.wrappers.FlattenObservation")
        )


def own_copy(value: Any) -> Any:
    """A copy that stays as it is, whatever the environment does with its own."""
    return np.array(value) if isinstance(value, np.ndarray) else deepcopy(value)
