"""The course's central object, a finite group that acts on states and on actions; and whether it is a symmetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrl_lite._audit import AuditReport, audit_by_sampling, audit_table
from symrl_lite._batch_names import what_moves
from symrl_lite._door import whole_numbers
from symrl_lite._moved_actions import action_permutation, moved_in_batch, require_permutations, tried_actions
from symrl_lite.equivariance import Action, apply_action
from symrl_lite.groups import Element, FiniteGroup, Representation

__all__ = ["AuditReport", "Symmetry", "audit", "augment", "permutations_of"]


@dataclass(frozen=True)
class Symmetry:
    """A group G with L_g on states and K_g on actions; a policy obeys it if π(L_g x) = K_g π(x).

    Of discrete actions K_g moves their *values* (A,), and π(x) are the probabilities of all of them. Of continuous
    actions it moves the *vectors* themselves, and π(x) is the action, or the mean of its distribution.

    Args:
        group: the group G.
        on_states: L, a Representation (acts on the last axis) or a function (g, x) -> x with g an index.
        on_actions: K, likewise, or None: actions stay as they are (the policy is invariant).
        name: for display.

    Raises:
        TypeError: a group, an action or a name of another type. ValueError: a representation of another group.

    >>> from symrl_lite.groups import cyclic, regular
    >>> mirror = Symmetry(cyclic(2), lambda g, x: -x if g else x, regular(cyclic(2)), "left and right")
    >>> mirror.act_on_state("r", 0.5), mirror.act_on_action_values("r", [1.0, 2.0]).tolist()
    (-0.5, [2.0, 1.0])

    A pendulum that is hung up again on the other side turns the other way, and so does its torque:

    >>> from symrl_lite.groups import Representation
    >>> sign = Representation.from_generators(cyclic(2), {"r": [[-1.0]]})
    >>> pendulum = Symmetry(cyclic(2), lambda g, s: -s if g else s, sign, "left and right")
    >>> pendulum.act_on_action("r", [1.5]).tolist()
    [-1.5]
    """

    group: FiniteGroup
    on_states: Action
    on_actions: Action | None
    name: str = ""

    def __post_init__(self) -> None:
        """Validate the fields."""
        if not isinstance(self.group, FiniteGroup):
            raise TypeError(f"group is {self.group!r}, expected a FiniteGroup such as cyclic(4)")
        for what, action in (("on_states", self.on_states), ("on_actions", self.on_actions)):
            if isinstance(action, Representation):
                if action.group != self.group:
                    raise ValueError(
                        f"{what} represents {action.group.name}, expected a representation of {self.group.name}"
                    )
            elif not callable(action) and not (what == "on_actions" and action is None):
                raise TypeError(f"{what} is {action!r}, expected a Representation or a function (g, x) -> x")
        if not isinstance(self.name, str):
            raise TypeError(f"name is {self.name!r}, expected a string")

    def restrict(self, generators: Iterable[Element]) -> Symmetry:
        """The subgroup that `generators` make, acting as before.

        >>> from symrl_lite.groups import dihedral, regular
        >>> square = Symmetry(dihedral(4), regular(dihedral(4)), None)
        >>> square.restrict(["r2", "s"]).group.names
        ('e', 'r2', 's', 'r2s')
        """
        small = self.group.subgroup(generators)
        members = [self.group.element(name) for name in small.names]

        def restricted(action: Action) -> Action:
            if isinstance(action, Representation):
                return Representation(small, action.matrices[members])
            return lambda h, x: apply_action(action, members[small.element(h)], x)

        on_actions = None if self.on_actions is None else restricted(self.on_actions)
        name = f"{self.name}, {small.order} of {self.group.order}" if self.name else ""
        return Symmetry(small, restricted(self.on_states), on_actions, name)

    def act_on_state(self, g: Element, x: Any) -> Any:
        """L_g x, for an element g given by index or name."""
        return apply_action(self.on_states, self.group.element(g), x)

    def act_on_action_values(self, g: Element, q: Any) -> Any:
        """K_g q, for an element g given by index or name; q itself where `on_actions` is None."""
        index = self.group.element(g)
        return q if self.on_actions is None else apply_action(self.on_actions, index, q)

    def act_on_action(self, g: Element, a: Any) -> Any:
        """K_g a, for an element g given by index or name and an action vector a (..., d) of a Box.

        Raises:
            ValueError: a number, which may be that of a discrete action: those are moved by `permutations_of`.
        """
        try:
            number = np.ndim(a) == 0
        except ValueError:
            raise ValueError("a has rows of different lengths, expected an action vector") from None
        if number:
            raise ValueError(f"a is {a!r}, expected an action vector; permutations_of moves numbers of actions")
        return self.act_on_action_values(g, a)


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


def permutations_of(symmetry: Symmetry, n_states: int, n_actions: int) -> tuple[np.ndarray, np.ndarray]:
    """g·s for the states 0..S−1, (|G|, S), and g·a for the actions 0..A−1, (|G|, A).

    Raises:
        ValueError: an L_g or K_g that does not permute them, or is no left action.
    """
    G = symmetry.group
    if isinstance(symmetry.on_states, Representation):
        columns = symmetry.on_states.matrices
        states = columns.argmax(axis=1) if symmetry.on_states.is_permutation else columns[:, 0]
    else:
        try:
            states = whole_numbers([[symmetry.act_on_state(g, s) for s in range(n_states)] for g in G], "g·s", low=None)
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"on_states does not act on the state indices 0 to {n_states - 1}: {error}") from error
    require_permutations(G, states, n_states, "state")
    return states, action_permutation(symmetry, n_actions)


if __name__ == "__main__":  # an audit in one line: see `python -m symrl_lite.symmetry --help`
    import sys

    from symrl_lite._audit_command import main

    sys.exit(main())
