"""The rules of the catch, and what its camera shows: arrays of true states in, arrays out.

Source: after the catch of Mnih et al. 2014, Recurrent Models of Visual Attention.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symrl_lite.door import real_numbers
from symrl_lite.envs._door import whole_numbers

__all__ = [
    "CANVAS",
    "COLUMN",
    "DRIFT",
    "FIELD",
    "HIGH",
    "LOW",
    "PADDLE",
    "PARTS",
    "REACH",
    "ROW",
    "move",
    "of_states",
    "pictures",
]

FIELD = 12  # rows and columns in which the ball falls
CANVAS = 16  # rows and columns of a picture
REACH = 1  # the paddle covers its own column and so many on either side
PARTS = ("row", "column", "drift", "paddle", "top", "left")  # of a state: the ball, the paddle, the camera
ROW, COLUMN, DRIFT, PADDLE, TOP, LEFT = range(6)
LOW = np.array([0, 0, -1, 0, 0, 0])
HIGH = np.array([FIELD - 1, FIELD - 1, 1, FIELD - 1, CANVAS - FIELD, CANVAS - FIELD])


def move(states: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """The rules: states (n, 6) and actions (n,) → states (n, 6) one row later."""
    row, column, drift, paddle, top, left = states.T
    drift = np.where((column + drift < 0) | (column + drift >= FIELD), -drift, drift)
    paddle = (paddle + actions - 1).clip(0, FIELD - 1)
    return np.stack([row + 1, column + drift, drift, paddle, top, left], axis=1)


def pictures(states: Any) -> np.ndarray:
    """What a camera without noise shows of true states: (n, 6) → (n, 2, 16, 16), from 0 to 1.

    Raises:
        ValueError: another shape, or numbers that are not whole or not in the picture.

    >>> pictures([[3, 5, 1, 4, 2, 0]])[0].sum(axis=(1, 2)).tolist()
    [4.0, 1.0]
    """
    states = of_states(states)
    row, column, drift, paddle, top, left = states.T
    seen, games = np.zeros((len(states), 2, CANVAS, CANVAS), dtype=np.float32), np.arange(len(states))
    for offset in range(-REACH, REACH + 1):
        seen[games, 0, top + FIELD - 1, left + (paddle + offset).clip(0, FIELD - 1)] = 1
    seen[games, 0, top + row, left + column] = 1
    before = column - drift
    fell = (row > 0) & (before >= 0) & (before < FIELD)  # else it was not in the field
    seen[games[fell], 1, (top + row - 1)[fell], (left + before)[fell]] = 1
    return seen


def of_states(states: Any, what: str = "states") -> np.ndarray:
    """A copy of true states (n, 6) as whole numbers, all of which can be seen.

    Raises:
        TypeError: no numbers. ValueError: another shape, numbers that are not whole, or not in the field.
    """
    real_numbers(states, what)
    numbers = whole_numbers(states, what)
    if numbers.ndim != 2 or numbers.shape[1] != len(PARTS):
        raise ValueError(f"{what} have shape {numbers.shape}, expected (n, 6): {', '.join(PARTS)}")
    wrong = (numbers < LOW) | (numbers > HIGH)
    if wrong.any():
        i, k = np.argwhere(wrong)[0]
        raise ValueError(f"{what}: {PARTS[k]} is {numbers[i, k]} in number {i}, expected {LOW[k]} to {HIGH[k]}")
    return numbers
