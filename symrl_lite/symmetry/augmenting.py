"""More data from the same data: transitions and their images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symrl_lite.symmetry.batch_names import what_moves
from symrl_lite.symmetry.moved_actions import moved_in_batch
from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["augment"]


def augment(
    batch: Mapping[str, Any],
    symmetry: Symmetry,
    n_actions: int | None = None,
    moves: Mapping[str, str | None] | None = None,
) -> dict[str, np.ndarray]:
    """The transitions (s, a, r, s') of a batch and their copies (L_g s, K_g a, r, L_g s') for every g.

    Args:
        batch: arrays (n, ...) by name. States are moved by L_g, which gets the whole array: "states", "observations",
            "obs", and "next_states", "next_observations", "next_obs" and the like. "actions" are moved by K_g: whole
            numbers from 0, (n,) or (n, 1), or vectors of a Box, floating-point numbers (n, d). Rewards, ends of
            episodes and other arrays (n,) are repeated.
        symmetry: the group and its actions.
        n_actions: number of discrete actions; needed where K_g is a function.
        moves: for names that are not known, what moves them: "states", "actions", "action vectors" (n, ..., d),
            "action values" (n, ..., A), or None for what is repeated, such as
            {"goals": "states", "log_probabilities": None}.

    Returns:
        Arrays (|G|·n, ...), element after element; the first n rows are the batch.

    Raises:
        ValueError: arrays of different lengths, an unknown name that looks like states, actions or their values,
            actions that are not 0 to A − 1 (one-hot ones, or ones that start at 1), an L_g that changes the shape, or
            actions (n, 1) that may be numbers as well as vectors.

    >>> from symrl_lite.groups import cyclic, regular
    >>> mirror = Symmetry(cyclic(2), lambda g, s: -s if g else s, regular(cyclic(2)))
    >>> more = augment({"states": np.array([[0.1, 0.2]]), "actions": np.array([0])}, mirror)
    >>> more["states"].tolist(), more["actions"].tolist()
    ([[0.1, 0.2], [-0.1, -0.2]], [0, 1])

    Source: Lin et al. 2020, Invariant Transform Experience Replay (Kaleidoscope).
    """
    if not isinstance(symmetry, Symmetry):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry")
    if not isinstance(batch, Mapping):
        raise TypeError(f"batch is {type(batch).__name__}, expected a mapping from names to arrays, such as a dict")
    arrays = {name: np.asarray(values) for name, values in batch.items()}
    lengths = {name: len(values) if values.ndim else None for name, values in arrays.items()}
    if len(set(lengths.values())) != 1 or None in lengths.values():
        raise ValueError(f"arrays have lengths {lengths}, expected one length")
    G, result = symmetry.group, {}
    for name, kind in what_moves(arrays, moves or {}).items():
        values = arrays[name]
        if kind in ("actions", "action vectors"):
            copies = moved_in_batch(symmetry, name, values, n_actions, vectors=kind == "action vectors")
        elif kind is None:
            copies = [values] * G.order
        else:
            act = symmetry.act_on_state if kind == "states" else symmetry.act_on_action_values
            copies = [np.asarray(act(g, values.copy())) for g in G]
            for g, moved in zip(G, copies, strict=True):
                letter = "L" if kind == "states" else "K"
                if moved.shape != values.shape:
                    raise ValueError(
                        f"{letter}_g for g = {G.names[g]!r} turns {name} {values.shape} into {moved.shape}"
                    )
        moved_all = np.concatenate(copies)
        if values.dtype.kind in "biu" and np.array_equal(moved_all, moved_all.astype(values.dtype)):
            moved_all = moved_all.astype(values.dtype)  # a matrix that permutes pixels gives floats
        result[name] = moved_all
    return result
