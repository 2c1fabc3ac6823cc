"""Shifts and mirror images of pictures that come with actions: what may stay as it is, and what must move along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.door import a_number, real_numbers, whole_number, whole_numbers

__all__ = ["View", "flip", "random_crop", "random_translate"]

# (pictures (n, c, h, w), actions (n,), generator) -> pictures and actions, seen in another way
View = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]


def random_crop(pictures: Any, pad: int, random: np.random.Generator) -> np.ndarray:
    """x'[c, i, j] = x[c, i + u, j + v], and 0 where that is outside, with u, v drawn from −pad, ..., pad.

    Each picture has one shift, which all of its channels share: frames of one moment stay together. It is RAD's random
    crop of a picture around which `pad` rows and columns of zeros were put; RAD itself renders larger pictures (100 ×
    100) and cuts 84 × 84 out of them. Actions stay: whoever learns from it asks π for the same answer everywhere.

    Args:
        pictures: (..., channels, height, width), real numbers.
        pad: largest shift, in pixels.
        random: draws the shifts.

    Returns:
        Pictures of the same shape and dtype; the given ones are not changed.

    Raises:
        TypeError: no real numbers, or no generator. ValueError: fewer than three axes, or a pad that is not whole.

    >>> shifted = random_crop(np.ones((2, 5, 1, 4, 4)), 2, np.random.default_rng(0))
    >>> shifted.shape, float(shifted.max())
    ((2, 5, 1, 4, 4), 1.0)

    Source: Laskin et al. 2020, Reinforcement Learning with Augmented Data (RAD).
    """
    given, shape = _rows(pictures), np.shape(pictures)
    pad, random = whole_number(pad, "pad", 0), _generator(random)
    height, width = shape[-2:]
    wide = np.pad(given, [(0, 0), (0, 0), (pad, pad), (pad, pad)])  # (n, c, height + 2 pad, width + 2 pad)
    top, left = random.integers(2 * pad + 1, size=(2, len(given)))
    rows, columns = top[:, None] + np.arange(height), left[:, None] + np.arange(width)
    return _taken(wide, rows, columns).reshape(shape)


def random_translate(pictures: Any, size: int, random: np.random.Generator) -> np.ndarray:
    """Each picture, whole, at a random place of a canvas of zeros: x'[c, i + u, j + v] = x[c, i, j].

    Each picture has one place, which all of its channels share. Nothing is cut off, and the result is larger: a network
    for it must take size × size pixels, when it is tried too.

    Args:
        pictures: (..., channels, height, width), real numbers.
        size: height and width of the canvas.
        random: draws u from 0, ..., size − height and v from 0, ..., size − width.

    Returns:
        (..., channels, size, size), of the same dtype.

    Raises:
        TypeError: no real numbers, or no generator. ValueError: fewer than three axes, or a canvas that is smaller than
            the pictures.

    >>> random_translate(np.ones((3, 2, 4, 4)), 6, np.random.default_rng(0)).sum(axis=(2, 3)).tolist()
    [[16.0, 16.0], [16.0, 16.0], [16.0, 16.0]]

    Source: Laskin et al. 2020, Reinforcement Learning with Augmented Data (RAD): random translate.
    """
    given, shape = _rows(pictures), np.shape(pictures)
    size, random = whole_number(size, "size"), _generator(random)
    height, width = shape[-2:]
    if size < max(height, width):
        raise ValueError(f"size is {size}, expected at least {max(height, width)}: pictures are {height} × {width}")
    top = random.integers(size - height + 1, size=len(given))
    left = random.integers(size - width + 1, size=len(given))
    wide = np.pad(given, [(0, 0), (0, 0), (size - height,) * 2, (size - width,) * 2])
    rows = (size - height - top)[:, None] + np.arange(size)  # (n, size)
    columns = (size - width - left)[:, None] + np.arange(size)
    return _taken(wide, rows, columns).reshape(*shape[:-2], size, size)


def flip(
    pictures: Any,
    actions: Any,
    permutation: Any,
    random: np.random.Generator | None = None,
    share: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """x'[c, i, j] = x[c, i, width − 1 − j] and a' = permutation[a]: the mirror image of what was seen and done.

    In a mirror, left is right. A flip that leaves the actions as they are tells the learner that the right action in a
    picture and in its mirror image is the same, which is false wherever the two differ.

    Args:
        pictures: (..., channels, height, width), real numbers.
        actions: one for each picture, (...,), whole numbers from 0.
        permutation: where each action goes, (A,): [2, 1, 0] swaps the first and the last of three. None leaves the
            actions as they are, and must be said.
        random: if given, each picture is mirrored with probability `share`, together with its action; otherwise all
            are.
        share: see `random`.

    Returns:
        Pictures and actions of the same shapes; the given ones are not changed.

    Raises:
        TypeError: no real numbers, no generator. ValueError: fewer than three axes, another number of actions than of
            pictures, an action that the permutation does not name, or a list that is no permutation.

    >>> seen, done = flip([[[[1, 2], [3, 4]]]], [0], [2, 1, 0])
    >>> seen.tolist(), done.tolist()
    ([[[[2, 1], [4, 3]]]], [2])

    Source: the flip of Laskin et al. 2020, Reinforcement Learning with Augmented Data (RAD), which leaves actions as
    they are; the permutation: van der Pol et al. 2020, MDP Homomorphic Networks.
    """
    given, shape = _rows(pictures), np.shape(pictures)
    numbers, share = whole_numbers(actions, "actions"), a_number(share, "share", 0, 1)
    if numbers.shape != shape[:-3]:
        raise ValueError(
            f"actions have shape {numbers.shape} and pictures {shape}, expected one action for each picture, "
            f"{shape[:-3]}"
        )
    moved = numbers if permutation is None else _moved(numbers, permutation)
    which = np.ones(len(given), dtype=bool)
    if random is not None:
        which = _generator(random).random(len(given)) < share
    mirrored = np.where(which[:, None, None, None], given[..., ::-1], given)
    return mirrored.reshape(shape), np.where(which.reshape(numbers.shape), moved, numbers)


def _moved(actions: np.ndarray, permutation: Any) -> np.ndarray:
    to = whole_numbers(permutation, "permutation")
    if to.ndim != 1 or not np.array_equal(np.sort(to), np.arange(len(to))):
        raise ValueError(
            f"permutation is {to.tolist()}, expected every number from 0 to {max(to.size, 1) - 1} once: where each "
            "action goes, such as [2, 1, 0]"
        )
    if actions.size and actions.max() >= len(to):
        raise ValueError(f"actions hold {actions.max()}, expected whole numbers from 0 to {len(to) - 1}")
    return to[actions]


def _rows(pictures: Any) -> np.ndarray:
    """(n, channels, height, width), of any leading shape."""
    given = real_numbers(pictures, "pictures")
    if given.ndim < 3 or 0 in given.shape[-3:]:
        raise ValueError(f"pictures have shape {given.shape}, expected (..., channels, height, width)")
    return given.reshape(-1, *given.shape[-3:])


def _taken(wide: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Of picture i the rows[i] and columns[i], in every channel: (n, c, H, W) → (n, c, height, width)."""
    n, channels = np.arange(len(wide)), np.arange(wide.shape[1])
    return wide[n[:, None, None, None], channels[:, None, None], rows[:, None, :, None], columns[:, None, None, :]]


def _generator(random: Any) -> np.random.Generator:
    if not isinstance(random, np.random.Generator):
        raise TypeError(f"random is {random!r}, expected a generator, such as np.random.default_rng(0)")
    return random
