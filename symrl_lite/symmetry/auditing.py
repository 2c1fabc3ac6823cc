"""Is it really a symmetry? Exactly in a table, by stepping pairs in an environment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.symmetry.measuring import audit_by_sampling, audit_table
from symrl_lite.symmetry.moved_actions import tried_actions
from symrl_lite.symmetry.permutations import permutations_of
from symrl_lite.symmetry.report import AuditReport
from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["audit"]


def audit(
    subject: Any,
    symmetry: Symmetry,
    states: Any = None,
    *,
    samples: int = 50,
    draws: int = 6,
    repeats: int = 24,
    atol: float | None = None,
    seed: int = 0,
    set_state: Callable[[Any, Any], Any] | None = None,
    get_state: Callable[[Any], Any] | None = None,
) -> AuditReport:
    """R(L_g s, K_g a) = R(s, a) and T(L_g s'|L_g s, K_g a) = T(s'|s, a), tried for every g.

    In a table every pair is tried, exactly: the errors are max |ΔR| and max Σ_s' |ΔT|. In an environment sampled pairs
    are stepped. If it is deterministic, the errors are the largest differences of rewards and of next states (with the
    end of the episode as one more entry, 0 or 1). If it is random, each pair is stepped `repeats` times, and the errors
    are energy distances (of rewards, of next states) averaged over pairs, beside the largest that chance would give.

    Discrete actions are tried all. From a Box some are drawn, the same for every state, whose images under the group
    lie in it too; an element that does not keep the Box's bounds is no symmetry, and the report names them.

    The environment is stepped as it is given, with its wrappers, and reset before every step. Its state is that of the
    innermost environment: where wrappers show something else, that is refused. A state that was set is read back (by
    `get_state`, from `state`, or from `_get_obs`) and compared; a `set_state` alone is trusted.

    That no error is found proves nothing about states that were not tried. The report says how many were, and from how
    many of them something was earned or an episode ended: see `AuditReport.holds`.

    Args:
        subject: a TabularMDP, with a symmetry of state indices; or a Gymnasium environment whose state can be set,
            with a symmetry of its states. The state of a MuJoCo environment is (qpos, qvel), as one vector.
        symmetry: the group with L_g on states and K_g on action values, or on the vectors of a Box; of
            Discrete(n, start=k), value i is that of action k + i.
        states: for an environment, the states to try; by default `samples` states from random play. Give some near
            goals and ends where random play does not get there.
        samples: number of such states.
        draws: number of actions that are drawn from a Box.
        repeats: steps of each pair where the environment is random.
        atol: largest error that still counts as none; by default 1e-9 for a table, 1e-5 for an environment.
        seed: of random play and of the environment.
        set_state: set_state(env, state), with the innermost environment; by default `env.set_state(state)`, or
            `env.state = state` where `state` is what it shows.
        get_state: get_state(env), the state after a step, likewise; by default the observation.

    Returns:
        An AuditReport: `holds`, and the errors of every element.

    Raises:
        TypeError: no process or environment, or actions that are neither Discrete nor a Box. ValueError: a symmetry
            that does not permute the actions (or the states of a table) or has no left action on their vectors, an
            environment whose state can't be set, or is another when it is read back, and rewards or states that are
            not finite.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> middle, corner = GridWorld(size=5, goal=(2, 2)), GridWorld(size=5, goal=(0, 0))
    >>> audit(middle.tabular(), middle.symmetries()).holds, audit(corner.tabular(), middle.symmetries()).holds
    (True, False)

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (symmetric MDPs); energy distance: Székely & Rizzo 2013.
    """
    if not isinstance(symmetry, Symmetry):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry")
    if atol is not None and not 0 <= atol < np.inf:
        raise ValueError(f"atol is {atol!r}, expected a number that is finite and not negative")
    if hasattr(subject, "rows") and hasattr(subject, "n_pairs"):
        moves = permutations_of(symmetry, subject.n_states, subject.n_actions)
        return audit_table(subject, symmetry, *moves, atol=1e-9 if atol is None else atol)
    import gymnasium  # where it is needed: tables do without

    if not isinstance(subject, gymnasium.Env):
        raise TypeError(f"{subject!r} is neither a TabularMDP nor a Gymnasium environment")
    actions = tried_actions(symmetry, subject.action_space, draws, seed)
    return audit_by_sampling(
        subject, symmetry, actions, states, samples, repeats, 1e-5 if atol is None else atol, seed, set_state, get_state
    )
