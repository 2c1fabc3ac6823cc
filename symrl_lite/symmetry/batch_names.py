"""Which arrays of a batch are states, actions or values of actions: by the names that libraries give them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["what_moves"]

_STATES = {"state", "observation", "obs", "next_state", "next_observation", "next_obs", "obs_next"}
_ACTIONS = {"action", "act"}
_REPEATED = {"reward", "rew", "discount", "weight", "mask", "return", "advantage", "value", "target"}
_REPEATED |= {"terminated", "truncated", "terminal", "termination", "truncation", "timeout", "done", "end", "ended"}
_LOOKS_MOVED = ("state", "obs", "goal", "action", "act_", "image", "picture", "frame", "next", "pixels")
_KINDS = ("states", "actions", "action vectors", "action values", None)


def what_moves(arrays: Mapping[str, np.ndarray], moves: Mapping[str, str | None]) -> dict[str, str | None]:
    """For each array, (n, ...), "states", "actions", "action vectors", "action values" or None (repeated).

    Raises:
        ValueError: a name that is not known and looks like something that moves, or `moves` for what there is not.
    """
    for name, kind in moves.items():
        if name not in arrays or kind not in _KINDS:
            raise ValueError(
                f"moves has {name!r}: {kind!r}, expected one of {sorted(arrays)} with 'states', 'actions', "
                "'action vectors', 'action values' or None"
            )
    return {name: moves[name] if name in moves else _by_name(name, values) for name, values in arrays.items()}


def _by_name(name: str, values: np.ndarray) -> str | None:
    plain = name.lower()
    one = plain[:-1] if plain.endswith("s") and plain not in ("obs", "next_obs") else plain
    if one in _STATES:
        return "states"
    if one in _ACTIONS:
        return "actions"
    if one in _REPEATED:
        return None
    # An array (n,) or (n, 1) of another name is a number for each step, unless its name says that it is a state.
    if values.ndim > 1 and values.shape[1:] != (1,):
        why = f"has shape {values.shape}, like states or values of actions"
    elif any(part in plain for part in _LOOKS_MOVED):
        why = "sounds like states or actions"
    else:
        return None
    raise ValueError(
        f"{name!r} {why}, and is no known name (states, observations, next_states, actions, rewards, ...): say what "
        f"moves it, moves={{{name!r}: 'states'}}, or None if nothing does"
    )
