"""The same steps elsewhere: turned, mirrored, or seen from a frame of their own. Each array moves by its own rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symrl_lite.door import real_numbers, require_function, whole_number, whole_numbers
from symrl_lite.replay.goals import Batch, arrays_of, require_generator

__all__ = ["framed", "mirror", "moved", "reflections"]

_ENTRIES = {"point": 0, "vector": 0, "number": 1, "turn": 1}  # 0: as many as the space has dimensions
Kinds = Mapping[str, Sequence[str]]


def mirror(angles: Any) -> np.ndarray:
    """M(θ) = [[cos 2θ, sin 2θ], [sin 2θ, −cos 2θ]], the mirror image in the line at θ: angles (...,) → (..., 2, 2).

    Raises:
        ValueError: angles that are not finite.

    >>> mirror(0.0).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    double = 2 * real_numbers(angles, "angles").astype(float)
    if not np.isfinite(double).all():
        raise ValueError("angles hold NaN or infinity, expected finite numbers")
    c, s = np.cos(double), np.sin(double)
    return np.stack([np.stack([c, s], axis=-1), np.stack([s, -c], axis=-1)], axis=-2)


def moved(batch: Mapping[str, Any], kinds: Kinds, matrices: Any, base: Any = None) -> Batch:
    """Each array under an orthogonal matrix M, by the kind of its parts.

    A point goes to M(x − base) + base, a vector to M v, a number stays, and a turn (a torque, an angle's velocity) is
    multiplied by det M. Arrays (n,), such as rewards, stay.

    Args:
        batch: arrays (n, ...) by name.
        kinds: for each array (n, d) the kinds of its parts, such as ("point", "vector"): m entries each in m
            dimensions; "number" and "turn" have one.
        matrices: (m, m), or (n, m, m) with one for each row.
        base: (m,), what stays where it is; by default the origin.

    Returns:
        New arrays of the same shapes.

    Raises:
        ValueError: an array (n, d) without a rule, a rule that does not fit its entries, or matrices that are not
            orthogonal.

    >>> batch = {"places": np.array([[2.0, 1.0]]), "forces": np.array([[0.0, 1.0]]), "rewards": np.array([-1.0])}
    >>> kinds = {"places": ["point"], "forces": ["vector"]}
    >>> down = moved(batch, kinds, mirror(0.0), base=(0.0, 3.0))
    >>> down["places"].tolist(), down["forces"].tolist()
    ([[2.0, 5.0]], [[0.0, -1.0]])

    Source: Lin et al. 2020, Invariant Transform Experience Replay, whose code moves each array likewise.
    """
    arrays = arrays_of(batch)
    M = _orthogonal(matrices, len(next(iter(arrays.values()))))
    middle = _base(base, M.shape[-1])
    rules = _rules(arrays, kinds, M.shape[-1])
    return {
        name: _moved(values, rules[name], M, middle) if name in rules else values.copy()
        for name, values in arrays.items()
    }


def reflections(
    batch: Mapping[str, Any],
    kinds: Kinds,
    random: np.random.Generator,
    mirrors: int | None = 8,
    base: Any = None,
) -> Batch:
    """Each step as it was, or in one of the `mirrors` of its episode, each with equal probability (Kaleidoscope).

    The mirrors are lines through `base` at angles drawn evenly from [0, π). Those of an episode depend on its number
    alone, so that this draws what a replay would hold that stored every episode 1 + `mirrors` times; nothing is stored.

    Args:
        batch: arrays by name, as `hindsight` returns them; "numbers" tells the episode.
        kinds: as for `moved`, in two dimensions.
        random: NumPy's generator.
        mirrors: how many to an episode; None for another one for every step, and never the step as it was.
        base: (2,), a point of all mirrors; by default the origin.

    Returns:
        New arrays of the same shapes.

    Raises:
        ValueError: as for `moved`; no "numbers" where mirrors belong to an episode.

    >>> batch = {"forces": np.array([[3.0, 4.0]]), "numbers": np.array([0])}
    >>> turned = reflections(batch, {"forces": ["vector"]}, np.random.default_rng(0), mirrors=None)
    >>> float(np.linalg.norm(turned["forces"]).round(6)), bool((turned["forces"] == batch["forces"]).any())
    (5.0, False)

    Source: Lin et al. 2020, Invariant Transform Experience Replay (Kaleidoscope Experience Replay, n_KER).
    """
    require_generator(random)
    arrays = arrays_of(batch)
    n = len(next(iter(arrays.values())))
    if mirrors is None:
        return moved(arrays, kinds, mirror(np.pi * random.random(n)), base)
    mirrors = whole_number(mirrors, "mirrors", 0)
    if "numbers" not in arrays or arrays["numbers"].ndim != 1:
        raise ValueError(f"batch has {sorted(arrays)}, expected numbers (n,) as well: which episode a step belongs to")
    numbers, which = np.unique(whole_numbers(arrays["numbers"], "numbers"), return_inverse=True)
    angles = np.pi * np.stack(
        [np.random.default_rng([int(e), 8]).random(mirrors) for e in numbers]
    )  # (episodes, mirrors)
    chosen = random.integers(mirrors + 1, size=n)  # 0: as it was
    M = np.broadcast_to(np.eye(2), (n, 2, 2)).copy()
    some = chosen > 0
    M[some] = mirror(angles[which[some], chosen[some] - 1])
    return moved(arrays, kinds, M, base)


def framed(batch: Mapping[str, Any], kinds: Kinds, frames: Callable[[np.ndarray, np.ndarray], Any]) -> Batch:
    """Each step seen from its own frame F(s, z): F s, F z and F a; s' and its goal from F(s', z).

    If F(g s, g z) = F(s, z) gᵀ for every g, a step and its images under g are one and the same here. Networks of what
    is returned, with an action turned back by Fᵀ, obey the symmetry by construction.

    Args:
        batch: as `hindsight` returns it.
        kinds: as for `moved`.
        frames: (observations (n, d), goals (n, k)) -> orthogonal matrices (n, m, m), whose rows are the axes.

    Returns:
        New arrays, with "next_goals" (n, k), the goal as seen from the frame of s'.

    Raises:
        ValueError: as for `moved`.

    >>> from symrl_lite.envs.bowl import KINDS, frames
    >>> one = {"observations": np.array([[0.0, 1.0, 0.0, 0.0]]), "goals": np.array([[0.0, -2.0]]),
    ...        "actions": np.array([[1.0, 0.0]]), "next_observations": np.array([[0.1, 1.0, 1.0, 0.0]])}
    >>> {name: values.tolist() for name, values in framed(one, KINDS, frames).items() if name in ("goals", "actions")}
    {'goals': [[2.0, 0.0]], 'actions': [[0.0, 1.0]]}

    Source: a canonical frame as in Puny et al. 2022, Frame Averaging.
    """
    require_function(frames, "frames", "a function of observations (n, d) and goals (n, k)")
    arrays = arrays_of(batch, "observations", "goals", "next_observations")
    here = {name: values for name, values in arrays.items() if name != "next_observations"}
    there = {"next_observations": arrays["next_observations"], "goals": arrays["goals"]}
    found = moved(here, kinds, frames(arrays["observations"], arrays["goals"]))
    later = moved(there, kinds, frames(arrays["next_observations"], arrays["goals"]))
    return {**found, "next_observations": later["next_observations"], "next_goals": later["goals"]}


def _rules(arrays: Batch, kinds: Kinds, m: int) -> dict[str, list[tuple[str, slice]]]:
    """For each array (n, d) its parts: their kinds and where they stand."""
    if not isinstance(kinds, Mapping):
        raise TypeError(f"kinds is {kinds!r}, expected a mapping from names to kinds such as ('point', 'vector')")
    without = [name for name, values in arrays.items() if values.ndim > 1 and name not in kinds]
    if without:
        raise ValueError(
            f"{without[0]} {arrays[without[0]].shape} have no rule: give kinds[{without[0]!r}], a list of "
            f"{', '.join(map(repr, _ENTRIES))}"
        )
    found = {}
    for name, values in arrays.items():
        if values.ndim == 1:
            continue
        given = [kinds[name]] if isinstance(kinds[name], str) else kinds[name]
        if not isinstance(given, list | tuple):  # a set has no order
            raise TypeError(f"kinds[{name!r}] is {given!r}, expected a list of {', '.join(map(repr, _ENTRIES))}")
        parts, at = [], 0
        for kind in given:
            if not isinstance(kind, str) or kind not in _ENTRIES:
                raise ValueError(f"kinds[{name!r}] has {kind!r}, expected {', '.join(map(repr, _ENTRIES))}")
            parts.append((kind, slice(at, at + (_ENTRIES[kind] or m))))
            at = parts[-1][1].stop
        if values.ndim != 2 or at != values.shape[1]:
            raise ValueError(f"{name} have shape {values.shape}, and kinds[{name!r}] has rules for (n, {at})")
        found[name] = parts
    return found


def _moved(values: np.ndarray, parts: list[tuple[str, slice]], M: np.ndarray, base: np.ndarray) -> np.ndarray:
    result = values.astype(np.result_type(values.dtype, np.float32))
    for kind, at in parts:
        if kind in ("point", "vector"):
            middle = base if kind == "point" else np.zeros_like(base)
            result[:, at] = np.einsum("...ij,...j->...i", M, values[:, at] - middle) + middle
        elif kind == "turn":
            result[:, at] = values[:, at] * np.linalg.det(M)[..., None]
    return result


def _orthogonal(matrices: Any, n: int) -> np.ndarray:
    """(m, m) or (n, m, m).

    Raises:
        ValueError: another shape, or matrices that change lengths.
    """
    M = real_numbers(matrices, "matrices").astype(float)
    if M.ndim not in (2, 3) or M.shape[-1] != M.shape[-2] or (M.ndim == 3 and len(M) != n):
        raise ValueError(f"matrices have shape {M.shape}, expected (m, m) or ({n}, m, m), one for each row")
    off = np.abs(M @ M.swapaxes(-1, -2) - np.eye(M.shape[-1])).max()
    if not off < 1e-6:
        raise ValueError(f"matrices change lengths (M Mᵀ is off by {off:.2g}), expected turns and mirror images")
    return M


def _base(base: Any, m: int) -> np.ndarray:
    """(m,), the origin where nothing is given.

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    found = np.zeros(m) if base is None else real_numbers(base, "base", verb="has").astype(float)
    if found.shape != (m,) or not np.isfinite(found).all():
        raise ValueError(f"base is {base!r}, expected {m} finite numbers")
    return found
