"""Other goals for the same steps: those that were reached later, and those near a goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symrl_lite.door import a_number, real_numbers, require_function, whole_number
from symrl_lite.replay.episodes import GoalEpisodes

__all__ = ["Batch", "Reward", "arrays_of", "hindsight", "nearby_goals", "require_generator"]

Batch = dict[str, np.ndarray]
Reward = Callable[[np.ndarray, np.ndarray], Any]  # achieved (n, k) and goals (n, k) -> (n,)


def hindsight(episodes: GoalEpisodes, n: int, random: np.random.Generator, reward: Reward, share: float = 0.8) -> Batch:
    """n steps (s, z, a, r, s'), in which z is, with probability `share`, what was reached later in the same episode.

    A step t of an episode is drawn, each with equal probability. Its goal is kept, or replaced by `achieved` at a time
    drawn from t + 1, ..., T; then r = reward(achieved at t + 1, z).

    Args:
        episodes: what was lived through.
        n: number of steps.
        random: NumPy's generator.
        reward: (achieved (n, k), goals (n, k)) -> (n,).
        share: probability of a new goal; 0 is replay without hindsight.

    Returns:
        "observations" (n, d), "goals" (n, k), "actions" (n, m), "rewards" (n,), "next_observations" (n, d), "achieved"
        (n, k) after the step, and "numbers" (n,), the numbers of the episodes.

    Raises:
        TypeError: no episodes, no generator, no function. ValueError: a share outside [0, 1], or rewards of another
            shape.

    >>> episodes = GoalEpisodes(np.zeros((1, 4, 4)), np.ones((1, 4, 2)), np.zeros((1, 2)), np.zeros((1, 3, 2)))
    >>> there = lambda achieved, goals: (achieved == goals).all(axis=-1) - 1.0
    >>> hindsight(episodes, 3, np.random.default_rng(0), there, share=1.0)["rewards"].tolist()
    [0.0, 0.0, 0.0]

    Source: Andrychowicz et al. 2017, Hindsight Experience Replay, section 4.5, strategy "future" with k = 4.
    """
    if not isinstance(episodes, GoalEpisodes):
        raise TypeError(f"episodes is {type(episodes).__name__}, expected GoalEpisodes(...)")
    require_generator(random)
    require_function(reward, "reward", "a function of what was reached (n, k) and of goals (n, k)")
    n, share = whole_number(n, "n"), a_number(share, "share", 0, 1)
    E, T = episodes.actions.shape[:2]
    e, t = random.integers(E, size=n), random.integers(T, size=n)
    later = t + 1 + (random.random(n) * (T - t)).astype(np.int64)  # t + 1 to T
    anew = random.random(n) < share
    goals = np.where(anew[:, None], episodes.achieved[e, later], episodes.goals[e])
    achieved = episodes.achieved[e, t + 1]
    assert episodes.numbers is not None
    return {
        "observations": episodes.observations[e, t],
        "goals": goals,
        "actions": episodes.actions[e, t],
        "rewards": _rewards(reward, achieved, goals),
        "next_observations": episodes.observations[e, t + 1],
        "achieved": achieved,
        "numbers": episodes.numbers[e],
    }


def nearby_goals(
    batch: Mapping[str, Any], radius: float, copies: int, random: np.random.Generator, reward: Reward
) -> Batch:
    """Each step again with `copies` other goals, drawn evenly from the ball of `radius` around its goal (GER).

    The rewards of the copies are computed anew: a step that has met its goal may miss a goal beside it.

    Args:
        batch: as `hindsight` returns it; "goals" and "achieved" are needed.
        radius: of the ball, such as the radius within which a goal counts as met.
        copies: how many more.
        random: NumPy's generator.
        reward: as for `hindsight`.

    Returns:
        The same arrays, ((1 + copies) · n, ...); the first n rows are the batch.

    Raises:
        ValueError: no goals, goals and what was reached of different shapes, or arrays of different lengths.

    >>> batch = {"goals": np.zeros((1, 2)), "achieved": np.zeros((1, 2)), "rewards": np.zeros(1)}
    >>> far = lambda achieved, goals: -1.0 * (np.linalg.norm(achieved - goals, axis=-1) > 0.1)
    >>> more = nearby_goals(batch, 0.2, 3, np.random.default_rng(0), far)
    >>> more["rewards"].shape, bool((np.linalg.norm(more["goals"], axis=1) <= 0.2).all())
    ((4,), True)

    Source: Lin et al. 2020, Invariant Transform Experience Replay (Goal-augmented Experience Replay).
    """
    arrays = arrays_of(batch, "goals", "achieved")
    require_generator(random)
    require_function(reward, "reward", "a function of what was reached (n, k) and of goals (n, k)")
    radius, copies = a_number(radius, "radius", 0), whole_number(copies, "copies", 0)
    n, k = arrays["goals"].shape
    if arrays["achieved"].shape != (n, k) or k == 0:
        raise ValueError(f"goals have shape {(n, k)} and achieved {arrays['achieved'].shape}, expected (n, k) for both")
    if arrays.get("rewards", np.zeros(n)).ndim != 1:
        raise ValueError(f"rewards have shape {arrays['rewards'].shape}, expected ({n},)")
    arrays["goals"] = arrays["goals"].astype(np.result_type(arrays["goals"].dtype, np.float32))  # no whole numbers
    found = {name: np.concatenate([values] * (1 + copies)) for name, values in arrays.items()}
    way = random.normal(size=(copies * n, k))
    way *= radius * random.random((copies * n, 1)) ** (1 / k) / np.linalg.norm(way, axis=1, keepdims=True)
    found["goals"][n:] = found["goals"][n:] + way
    found["rewards"] = np.concatenate(
        [arrays["rewards"], _rewards(reward, found["achieved"][n:], found["goals"][n:])]
        if "rewards" in arrays
        else [_rewards(reward, found["achieved"], found["goals"])]
    )
    return found


def arrays_of(batch: Mapping[str, Any], *needed: str) -> Batch:
    """The arrays of a batch, (n, ...), which has those that are `needed`, (n, k).

    Raises:
        TypeError: no mapping, or arrays that hold no numbers. ValueError: one is missing, lengths differ, or no rows.
    """
    if not isinstance(batch, Mapping):
        raise TypeError(f"batch is {type(batch).__name__}, expected a mapping from names to arrays, such as a dict")
    missing = [name for name in needed if name not in batch]
    if missing or not batch:
        raise ValueError(f"batch has {sorted(batch)}, expected {' and '.join(missing or ['arrays'])} as well")
    arrays = {name: real_numbers(values, str(name)) for name, values in batch.items()}
    lengths = {name: len(values) if values.ndim else None for name, values in arrays.items()}
    if len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise ValueError(f"batch has arrays of lengths {lengths}, expected one length, and one step or more")
    for name in needed:
        if arrays[name].ndim != 2:
            raise ValueError(f"{name} have shape {arrays[name].shape}, expected (n, k)")
    return arrays


def require_generator(random: Any) -> None:
    """Refuse what is no generator of NumPy.

    Raises:
        TypeError: anything else.
    """
    if not isinstance(random, np.random.Generator):
        raise TypeError(f"random is {random!r}, expected a generator such as numpy.random.default_rng(0)")


def _rewards(reward: Reward, achieved: np.ndarray, goals: np.ndarray) -> np.ndarray:
    """(n,), finite.

    Raises:
        TypeError: no numbers. ValueError: another shape, or numbers that are not finite.
    """
    found = real_numbers(reward(achieved, goals), "rewards").astype(float)
    if found.shape != (len(goals),) or not np.isfinite(found).all():
        raise ValueError(
            f"reward(achieved, goals) has shape {found.shape} for {len(goals)} steps, expected ({len(goals)},) finite "
            "numbers"
        )
    return found
