"""What a symmetry does with actions: numbers of discrete ones are permuted, vectors of a Box are moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symrl_lite.door import whole_numbers
from symrl_lite.groups import FiniteGroup, Representation
from symrl_lite.groups.named import not_an_action

if TYPE_CHECKING:
    from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["TriedActions", "action_permutation", "draw", "moved_in_batch", "require_permutations", "tried_actions"]

_ROUNDING = 1e-6  # of a bound: a moved vector may pass it by so much (float32)
_CORNERS = 64  # corners of a Box, drawn at random, that are moved to see whether it is kept
_TRIES = 1000  # draws for each action that is wanted: its whole orbit has to lie in the Box


@dataclass(frozen=True, eq=False)
class TriedActions:
    """The actions that an audit steps in every state, and what becomes of them."""

    moved: list[list[Any]]  # [g][k]: K_g a_k as the environment takes it; a_k itself for the identity
    names: list[str]  # of a_k, for messages
    bounds: tuple[str, ...] = ()  # for each element which bounds of the Box it does not keep; "" where it keeps all


def action_permutation(symmetry: Symmetry, n_actions: int) -> np.ndarray:
    """g·a, (|G|, A), read off from K_g on the unit vectors.

    Raises:
        ValueError: a K_g that does not permute the actions, or K that is no left action.
    """
    units = np.eye(n_actions)
    try:
        moved = np.array(
            [
                [np.asarray(symmetry.act_on_action_values(g, unit), dtype=float) for unit in units]
                for g in symmetry.group
            ]
        )  # (|G|, A, A): row a is K_g e_a
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(f"on_actions does not act on the values of {n_actions} actions: {error}") from error
    if moved.shape != (symmetry.group.order, n_actions, n_actions):
        raise ValueError(f"on_actions turns the values of {n_actions} actions into an array {moved.shape[2:]}")
    images = moved.argmax(axis=2)
    if not np.array_equal(moved, units[images]):
        raise ValueError("on_actions does not permute the actions: it mixes or changes their values")
    require_permutations(symmetry.group, images, n_actions, "action")
    return images


def require_permutations(group: FiniteGroup, images: np.ndarray, n: int, what: str) -> None:
    """Refuse `images` (|G|, n) that are no left action on 0 to n − 1.

    Raises:
        ValueError: an element that does not permute them, or no left action; it is named.
    """
    for g in group:
        if not np.array_equal(np.sort(images[g]), np.arange(n)):
            raise ValueError(f"g = {group.names[g]!r} does not permute the {what}s 0 to {n - 1}")
    broken = not_an_action(group, images)
    if broken is not None:
        g, h, i = broken
        if h is None:
            raise ValueError(f"the identity moves {what} {i} to {images[0, i]}")
        raise ValueError(
            f"no left action on {what}s: with g = {group.names[g]!r} and h = {group.names[h]!r}, (gh)·{i} is "
            f"{images[group.multiply(g, h), i]} and g·(h·{i}) is {images[g, images[h, i]]}"
        )


def tried_actions(symmetry: Symmetry, space: Any, draws: int, seed: int) -> TriedActions:
    """The actions that an audit steps in every state.

    Raises:
        TypeError: a space that is neither Discrete nor a Box.
    """
    from gymnasium.spaces import Box, Discrete

    if isinstance(space, Discrete):
        return _discrete(symmetry, space)
    if isinstance(space, Box):
        return _drawn(symmetry, space, draws, np.random.default_rng(seed))
    raise TypeError(f"the actions are {space}, expected Discrete or Box")


def _discrete(symmetry: Symmetry, space: Any) -> TriedActions:
    """All actions of a Discrete(n, start=k): value i is that of action k + i."""
    images = action_permutation(symmetry, int(space.n)) + int(space.start)
    return TriedActions([row.tolist() for row in images], [str(a) for a in images[0].tolist()])


def _drawn(symmetry: Symmetry, space: Any, draws: int, generator: np.random.Generator) -> TriedActions:
    """`draws` actions of a Box whose images lie in it too, and which bounds the group does not keep.

    Raises:
        TypeError: a Box of whole numbers. ValueError: a K_g that does not act on such vectors, or takes nearly all of
            them out of the Box.
    """
    if space.dtype.kind != "f":
        raise TypeError(f"the actions are {space}, expected a Box of floating-point numbers, or Discrete(n)")
    draws = int(whole_numbers([draws], "draws", low=1)[0])
    G = symmetry.group
    corners = np.where(generator.random((_CORNERS, *space.shape)) < 0.5, space.low, space.high)
    inner = np.stack([draw(space, generator) for _ in range(_CORNERS)]).astype(float)
    tests = np.concatenate([np.where(np.isfinite(corners), corners, inner), inner])
    bounds = tuple(_outside(space, _all_moved(symmetry, g, tests), G.names[g]) for g in G)
    _require_left_action(symmetry, inner)
    kept: list[np.ndarray] = []
    for _ in range(_TRIES * draws):
        action = draw(space, generator)
        orbit = np.concatenate([_all_moved(symmetry, g, action[None].astype(float)) for g in G])
        if not _passed(space, orbit).any():
            kept.append(np.clip(orbit, space.low, space.high).astype(space.dtype))
        if len(kept) == draws:
            break
    else:
        raise ValueError(
            f"on_actions moves nearly all actions of {space} out of it: {next(text for text in bounds if text)}"
        )
    names = [np.array2string(orbit[0], precision=3, threshold=8).replace("\n", "") for orbit in kept]
    return TriedActions([[orbit[g] for orbit in kept] for g in G], names, bounds if any(bounds) else ())


def draw(space: Any, generator: np.random.Generator) -> np.ndarray:
    """An action of a Box, of its shape: uniform between its bounds; with one or none exponential from it, or normal."""
    below, above = np.isfinite(space.low), np.isfinite(space.high)
    low, high = np.where(below, space.low, 0.0), np.where(above, space.high, 0.0)
    uniform, tail = generator.uniform(size=space.shape), generator.exponential(size=space.shape)
    free = generator.normal(size=space.shape)
    one_side = np.where(below, low + tail, np.where(above, high - tail, free))
    return np.asarray(np.where(below & above, low + (high - low) * uniform, one_side), dtype=space.dtype)


def _all_moved(symmetry: Symmetry, g: int, actions: np.ndarray) -> np.ndarray:
    """K_g a for actions (n, ...), one after the other: a function may be made for one vector."""
    name = symmetry.group.names[g]
    try:
        moved = np.stack([np.asarray(symmetry.act_on_action(g, action.copy()), dtype=float) for action in actions])
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"on_actions does not act on vectors of shape {actions.shape[1:]}: for g = {name!r}, {error}"
        ) from error
    if moved.shape != actions.shape or not np.isfinite(moved).all():
        raise ValueError(
            f"K_g for g = {name!r} turns an action of shape {actions.shape[1:]} into "
            + (f"one of shape {moved.shape[1:]}" if moved.shape != actions.shape else "numbers that are not finite")
        )
    return moved


def _require_left_action(symmetry: Symmetry, actions: np.ndarray) -> None:
    """K_e = 1 and K_gh = K_g K_h, on the actions that are tried."""
    G = symmetry.group
    if isinstance(symmetry.on_actions, Representation):
        return  # it was checked when it was made
    actions = actions[:2]  # every pair of elements is tried
    images = [_all_moved(symmetry, g, actions) for g in G]
    room = _ROUNDING * float(np.abs(actions).max())
    if not np.allclose(images[0], actions, rtol=_ROUNDING, atol=room):
        raise ValueError(f"the identity moves the action {actions[0]} to {images[0][0]}")
    for h in G:
        for g in G:
            if not np.allclose(_all_moved(symmetry, g, images[h]), images[G.multiply(g, h)], rtol=_ROUNDING, atol=room):
                raise ValueError(
                    f"no left action on actions: with g = {G.names[g]!r} and h = {G.names[h]!r}, K_gh and K_g K_h "
                    "differ"
                )


def _passed(space: Any, actions: np.ndarray) -> np.ndarray:
    """Which entries of actions (n, ...) lie outside the Box, by more than rounding."""
    low, high = space.low.astype(float), space.high.astype(float)
    with np.errstate(invalid="ignore"):  # an infinite bound has no room, and needs none
        room = [_ROUNDING * np.where(np.isfinite(bound), 1 + np.abs(bound), 0.0) for bound in (low, high)]
    return np.asarray((actions < low - room[0]) | (actions > high + room[1]))


def _outside(space: Any, actions: np.ndarray, name: str) -> str:
    """Which bounds are passed by moved actions (n, ...), for people; "" where none is."""
    passed = _passed(space, actions).any(axis=0)
    if not passed.any():
        return ""
    first = tuple(np.argwhere(passed)[0])
    reached = actions[(slice(None), *first)]
    index: Any = int(first[0]) if len(first) == 1 else tuple(int(i) for i in first)
    others = int(passed.sum()) - 1
    return (
        f"K_g for g = {name!r} takes entry {index} of actions from [{space.low[first]:.3g}, {space.high[first]:.3g}] "
        f"to [{reached.min():.3g}, {reached.max():.3g}]" + (f", and {others} more" if others else "")
    )


def moved_in_batch(
    symmetry: Symmetry, name: str, values: np.ndarray, n_actions: int | None, vectors: bool
) -> list[np.ndarray]:
    """K_g a for every g: numbers of discrete actions, (n,) or (n, 1), or vectors (n, ...).

    Raises:
        ValueError: another shape, or numbers that are none of the actions.
    """
    if vectors or (n_actions is None and _are_vectors(symmetry, name, values)):
        return _moved_vectors(symmetry, name, values)
    if values.ndim > 1 and values.shape[1:] != (1,):
        raise ValueError(
            f"{name} have shape {values.shape} and dtype {values.dtype}, expected whole numbers (n,), or vectors of "
            f"floating-point numbers: of one-hot rows, give {name}.argmax(axis=-1)"
        )
    if n_actions is None and symmetry.on_actions is None:
        return [whole_numbers(values, name)] * symmetry.group.order
    n = _count_actions(symmetry, n_actions)
    try:
        numbers = whole_numbers(values, name, 0, n - 1)
    except ValueError as error:
        raise ValueError(f"{error}: numbers of actions, counted from 0") from error
    return list(action_permutation(symmetry, n)[:, numbers])


def _are_vectors(symmetry: Symmetry, name: str, values: np.ndarray) -> bool:
    """Whether actions are vectors of a Box, by their dtype, and where that does not tell, by K."""
    if values.dtype.kind != "f":
        return False
    if values.ndim > 1 and values.shape[1:] != (1,):
        return True
    whole = bool((values == np.round(values)).all())
    if isinstance(symmetry.on_actions, Representation):
        return symmetry.on_actions.dimension == 1
    if symmetry.on_actions is None or values.ndim == 1:
        return not whole and symmetry.on_actions is None
    if whole and values.size:
        raise ValueError(
            f"{name} have shape {values.shape} and hold whole numbers alone: give n_actions=... if these are numbers "
            f"of actions, or moves={{{name!r}: 'action vectors'}}"
        )
    return True


def _moved_vectors(symmetry: Symmetry, name: str, values: np.ndarray) -> list[np.ndarray]:
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} have dtype {values.dtype}, expected action vectors of floating-point numbers")
    if values.ndim == 1 and isinstance(symmetry.on_actions, Representation):  # one number an action, its axis left out
        return [moved[:, 0] for moved in _moved_vectors(symmetry, name, values[:, None])]
    copies = []
    for g in symmetry.group:
        moved = np.asarray(symmetry.act_on_action(g, values.copy()))
        if moved.shape != values.shape:
            raise ValueError(f"K_g for g = {symmetry.group.names[g]!r} turns {name} {values.shape} into {moved.shape}")
        copies.append(moved)
    return copies


def _count_actions(symmetry: Symmetry, n_actions: int | None) -> int:
    if n_actions is not None:
        return n_actions
    if isinstance(symmetry.on_actions, Representation):
        return symmetry.on_actions.dimension
    raise ValueError("on_actions is no Representation: say how many actions there are, n_actions=...")
