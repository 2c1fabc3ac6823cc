"""How `symmetry.audit` measures: exactly in a table, by stepping sampled pairs in an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from symrl_lite.door import own_copy, whole_numbers

if TYPE_CHECKING:
    from symrl_lite.symmetry.moved_actions import TriedActions
    from symrl_lite.symmetry.stepper import Stepper
    from symrl_lite.symmetry.symmetry import Symmetry
from symrl_lite.symmetry.report import AuditReport

__all__ = ["audit_by_sampling", "audit_table"]

_PERMUTATIONS = 100  # of the outcomes of a pair and of its moved pair, to see what chance alone gives
# An error counts as real above the mean of chance by so many of its standard deviations. Many, because chance is far
# from normal where a few pairs have rare outcomes; a wrong symmetry is usually off by hundreds.
_DEVIATIONS = 20


def audit_table(mdp: Any, symmetry: Symmetry, states: np.ndarray, actions: np.ndarray, atol: float) -> AuditReport:
    """Every pair of a TabularMDP; `states` (|G|, S) and `actions` (|G|, A) hold g·s and g·a.

    Raises:
        ValueError: a pair that moves between available and not available.
    """
    A = mdp.n_actions
    exists = mdp.available.ravel()
    rewards, transitions, worst = [], [], []
    for g in symmetry.group:
        pairs = (states[g][:, None] * A + actions[g]).ravel()  # row of (g·s, g·a) for each row (s, a)
        if not np.array_equal(exists[pairs], exists):
            s, a = divmod(int((exists[pairs] != exists).argmax()), A)
            raise ValueError(f"g = {symmetry.group.names[g]!r} moves s={s}, a={a} between available and not available")
        reward = np.abs(mdp.rewards.ravel()[pairs] - mdp.rewards.ravel())
        moved = mdp.rows[pairs][:, states[g]]  # [(s, a), s'] = T(g·s'|g·s, g·a)
        transition = np.asarray(abs(moved - mdp.rows).sum(axis=1)).ravel()
        rewards.append(reward.max())
        transitions.append(transition.max())
        row = int((reward if reward.max() > atol else transition).argmax())
        worst.append(f"s={row // A}, a={row % A}")
    what = f"all {mdp.n_pairs} state–action pairs, exactly"
    allowed = np.full((2, symmetry.group.order), atol)
    return AuditReport(symmetry, np.array(rewards), np.array(transitions), tuple(worst), allowed, what)


def audit_by_sampling(
    env: Any,
    symmetry: Symmetry,
    actions: TriedActions,
    states: Any,
    samples: int,
    repeats: int,
    atol: float,
    seed: int,
    set_state: Callable[[Any, Any], Any] | None,
    get_state: Callable[[Any], Any] | None,
) -> AuditReport:
    """Sampled pairs of an environment.

    Raises:
        TypeError: numbers or states of another type. ValueError: too few samples or repeats, or no state.

    Source: Székely & Rizzo 2013, Energy Statistics (distances of distributions).
    """
    whole_numbers([samples, repeats], "samples and repeats", low=None)
    if samples < 1 or repeats < 2:
        raise ValueError(f"samples is {samples} and repeats {repeats}, expected at least 1 and 2")
    from symrl_lite.symmetry.stepper import Stepper

    if states is not None and np.ndim(states) == 0 and not hasattr(states, "__iter__"):
        raise TypeError(f"states is {states!r}, expected a list or an array of states")
    stepper = Stepper(env, set_state, get_state, seed)
    try:
        tried = [own_copy(s) for s in states] if states is not None else stepper.visited(samples)
        if not tried:
            raise ValueError("states is empty, expected at least one state")
        return _measure(stepper, symmetry, actions, tried, repeats, atol, np.random.default_rng(seed))
    finally:
        stepper.close()


def _measure(
    stepper: Stepper,
    symmetry: Symmetry,
    actions: TriedActions,
    tried: list[Any],
    repeats: int,
    atol: float,
    generator: np.random.Generator,
) -> AuditReport:
    G, A, plain = symmetry.group, len(actions.names), actions.moved[0]
    pairs = [(s, a) for s in range(len(tried)) for a in range(A)]
    # One step of each pair, twice: where the two differ, the environment is random.
    first, again = (np.array([stepper.step(tried[s], plain[a])[:2] for s, a in pairs], dtype=object) for _ in range(2))
    random = any(abs(r - q) > atol or _gap(x, y) > atol for (x, r), (y, q) in zip(first, again, strict=True))
    n = repeats if random else 1
    here = [[stepper.step(tried[s], plain[a]) for _ in range(n)] for s, a in pairs]
    errors, limits, worst = np.zeros((2, G.order)), np.full((2, G.order), atol), []
    for g in G:
        sizes = np.zeros((len(pairs), 2))  # (pairs, 2): of rewards and of next states
        chance = np.zeros((2, _PERMUTATIONS))
        entries = [""] * len(pairs)  # which entry of the next states differs most
        for k, (s, a) in enumerate(pairs):
            there = [stepper.step(_moved(symmetry, g, tried[s]), actions.moved[g][a]) for _ in range(n)]
            moved = [(stepper.vector(_moved(symmetry, g, state), ended), r) for _, r, state, ended in here[k]]
            for i in (0, 1):
                left = np.array([np.atleast_1d(outcome[1 - i]) for outcome in moved])  # (n, entries)
                right = np.array([np.atleast_1d(outcome[1 - i]) for outcome in there])
                if left.shape != right.shape:
                    raise ValueError(
                        f"states have another size after a step: {left.shape[1] - 1} entries and {right.shape[1] - 1}"
                    )
                if random:
                    sizes[k, i], by_chance = _energy(left, right, generator)
                    chance[i] += by_chance / len(pairs)
                else:
                    sizes[k, i] = _gap(left, right)
            entries[k] = _which_entry(left, right, there[0][2])
        errors[:, g] = np.maximum(sizes.mean(axis=0), 0) if random else sizes.max(axis=0)
        if random:
            limits[:, g] = np.maximum(atol, chance.mean(axis=1) + _DEVIATIONS * chance.std(axis=1))
        i = 0 if errors[0, g] > limits[0, g] else 1
        k = int(sizes[:, i].argmax())
        differ = ["the reward"] if i == 0 else []
        if errors[1, g] > limits[1, g] or i == 1:
            differ.append(entries[int(sizes[:, 1].argmax())])
        s, a = pairs[k]
        state = np.asarray(tried[s])
        shown = f"state {np.array2string(state, precision=3)}" if state.size <= 8 else f"number {s} of the states tried"
        worst.append(f"{shown}, action {actions.names[a]} ({', '.join(differ)})")
    what = f"{len(pairs)} pairs, " + (f"each stepped {n} times" if random else "deterministic")
    seen = _what_was_seen(here, len(tried), atol, stepper.continuous)
    return AuditReport(
        symmetry, errors[0], errors[1], tuple(worst), limits, what, len(tried), *seen, bounds=actions.bounds
    )


def _what_was_seen(
    steps: list[list[Any]], states: int, atol: float, continuous: bool
) -> tuple[int, int, float, tuple[float, float] | None]:
    """From how many states a step earned another reward than the usual one, or ended the episode; and the rewards.

    A continuous action often has a cost of its own, so that there the usual reward is one for each action.
    """
    rewards = np.array([[reward for _, reward, _, _ in several] for several in steps])
    ends = np.array([[ended for *_, ended in several] for several in steps]).reshape(states, -1)
    groups = rewards.reshape(states, -1, rewards.shape[1]) if continuous else rewards.reshape(states, 1, -1)
    usual = np.array([_most_common(groups[:, a]) for a in range(groups.shape[1])])
    rewarded = (np.abs(groups - usual[:, None]) > atol).any(axis=(1, 2))
    spread = (float(rewards.min()), float(rewards.max())) if continuous else None
    return int(rewarded.sum()), int(ends.any(axis=1).sum()), float(usual[0]), spread


def _most_common(rewards: np.ndarray) -> float:
    values, counts = np.unique(rewards, return_counts=True)
    return float(values[counts.argmax()])


def _which_entry(left: np.ndarray, right: np.ndarray, state: Any) -> str:
    """Which entry of next states (n, entries), the last of which is the end of the episode, differs most on average."""
    entry = int(np.abs(left.mean(axis=0) - right.mean(axis=0)).argmax())
    shape = np.shape(state)
    if entry == left.shape[1] - 1:
        return "the end of the episode"
    if not shape:
        return "the next state"
    index = tuple(int(i) for i in np.unravel_index(entry, shape))
    return f"entry {index[0] if len(index) == 1 else index} of the next state"


def _moved(symmetry: Symmetry, g: int, state: Any) -> Any:
    """L_g s, made from a copy."""
    moved = symmetry.act_on_state(g, own_copy(state))
    if np.shape(moved) != np.shape(state):
        raise ValueError(
            f"L_g for g = {symmetry.group.names[g]!r} turns a state of shape {np.shape(state)} into {np.shape(moved)}"
        )
    return moved


def _gap(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.abs(np.asarray(x, dtype=float) - np.asarray(y, dtype=float)).max())


def _energy(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> tuple[float, np.ndarray]:
    """2 E|X − Y| − E|X − X'| − E|Y − Y'|, and the same for random divisions of all outcomes into two halves.

    Zero on average where both come from one distribution, positive otherwise.
    """
    both, n = np.concatenate([x, y]), len(x)
    squares = (both**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * both @ both.T, 0))
    np.fill_diagonal(distances, 0)
    signs = np.concatenate([np.ones(n), -np.ones(n)])
    shuffled = generator.permuted(np.tile(signs, (_PERMUTATIONS, 1)), axis=1)

    def energy(z: np.ndarray) -> np.ndarray:  # (..., 2n) of ±1
        across = (distances.sum() - ((z @ distances) * z).sum(axis=-1)) / 2  # Σ over ordered pairs of two halves
        within = distances.sum() - across
        return np.asarray(across / n**2 - within / (n * (n - 1)))

    return float(energy(signs)), energy(shuffled)
