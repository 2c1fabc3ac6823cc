"""MDP homomorphisms: maps that fold a process onto a smaller one and keep its rewards and transitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from symrl_lite.door import a_number, real_numbers
from symrl_lite.homomorphism.last_round import last_round
from symrl_lite.mdp import TabularMDP
from symrl_lite.mdp.planning import policy_table, require_table
from symrl_lite.symmetry import Symmetry, permutations_of

__all__ = ["HomomorphismErrors", "MDPHomomorphism", "coarsest_homomorphism", "loss_bound", "quotient"]


@dataclass(frozen=True, eq=False)
class HomomorphismErrors:
    """By how much each pair misses the two conditions; NaN where there is no such pair.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> coarsest_homomorphism(GridWorld(size=3).tabular()).errors().reward
    0.0
    """

    rewards: np.ndarray  # (S, A), |R(s, a) − R̄(σ(s), α_s(a))|
    transitions: np.ndarray  # (S, A), Σ_B |T(B|s, a) − T̄(B|σ(s), α_s(a))|, from 0 to 2

    @property
    def reward(self) -> float:
        """K_r, the largest of `rewards`."""
        return float(np.nanmax(self.rewards))

    @property
    def transition(self) -> float:
        """K_p, the largest of `transitions`."""
        return float(np.nanmax(self.transitions))

    def __repr__(self) -> str:
        return f"HomomorphismErrors(reward {self.reward:.3g}, transition {self.transition:.3g})"


@dataclass(frozen=True, eq=False, repr=False)
class MDPHomomorphism:
    """σ: S → S̄ and α_s: A → Ā, the maps of states and of actions, with the two processes.

    It is a homomorphism if for all s, a and all image states B,
    R̄(σ(s), α_s(a)) = R(s, a) and T̄(B|σ(s), α_s(a)) = Σ_{s' in σ⁻¹(B)} T(s'|s, a): ask `holds()`.

    Args:
        ground: the large process.
        image: the small one.
        state_map: σ, (S,) integers: the image state of each state.
        action_map: α, (S, A) integers: the image action of each pair; ignored where the ground has no such action.

    Raises:
        ValueError: maps of another shape or out of range, a σ or α_s that is not onto (state and action are named), or
            processes with different discounts. TypeError: no processes, or maps that are no integers.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> coarsest_homomorphism(GridWorld(size=3).tabular()).holds()
    True

    Source: Ravindran & Barto 2001, Symmetries and Model Minimization in Markov Decision Processes.
    """

    ground: TabularMDP
    image: TabularMDP
    state_map: np.ndarray
    action_map: np.ndarray

    def __post_init__(self) -> None:
        """Validate the maps."""
        for what, mdp in (("ground", self.ground), ("image", self.image)):
            if not isinstance(mdp, TabularMDP):
                raise TypeError(f"{what} is {mdp!r}, expected a TabularMDP")
        if self.ground.discount != self.image.discount:
            raise ValueError(f"discounts differ: ground {self.ground.discount}, image {self.image.discount}")
        sigma = _integers(self.state_map, "state_map", (self.ground.n_states,))
        alpha = _integers(self.action_map, "action_map", self.ground.rewards.shape)
        bad = (sigma < 0) | (sigma >= self.image.n_states)
        if bad.any():
            lost = int(bad.argmax())
            raise ValueError(f"state_map sends s={lost} to {sigma[lost]}, expected 0 to {self.image.n_states - 1}")
        missed = np.setdiff1d(np.arange(self.image.n_states), sigma)
        if missed.size:
            raise ValueError(f"state_map is not onto: no state is sent to image state {missed[0]}")
        exists = self.ground.available
        allowed = self.image.available[sigma]  # (S, Ā)
        outside = exists & ((alpha < 0) | (alpha >= self.image.n_actions))
        alpha = np.where(exists, alpha, -1)
        outside |= exists & ~np.take_along_axis(allowed, np.where(outside, 0, alpha).clip(0), axis=1)
        if outside.any():
            s, a = np.argwhere(outside)[0]
            raise ValueError(f"action_map sends s={s}, a={a} to {alpha[s, a]}, no action of image state {sigma[s]}")
        reached = np.zeros_like(allowed)
        s, a = np.nonzero(exists)
        reached[s, alpha[s, a]] = True
        lacking = allowed & ~reached
        if lacking.any():
            s, b = np.argwhere(lacking)[0]
            raise ValueError(
                f"action_map is not onto in state s={s}: no action is sent to {b} of image state {sigma[s]}"
            )
        for name, array in (("state_map", sigma), ("action_map", alpha)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def __repr__(self) -> str:
        ground, image = self.ground, self.image
        return (
            f"MDPHomomorphism({ground.n_states} states → {image.n_states}, "
            f"{ground.n_pairs} state–action pairs → {image.n_pairs})"
        )

    def errors(self) -> HomomorphismErrors:
        """By how much each state–action pair misses the two conditions."""
        B, exists = self.image.n_states, self.ground.available
        s, a = np.nonzero(exists)
        rows = s * self.ground.n_actions + a
        image_rows = self.state_map[s] * self.image.n_actions + self.action_map[s, a]
        blocks = sparse.csr_array((np.ones(len(self.state_map)), (np.arange(len(self.state_map)), self.state_map)))
        blocks.resize(len(self.state_map), B)
        gap = sparse.csr_array(self.ground.rows)[rows] @ blocks - sparse.csr_array(self.image.rows)[image_rows]
        rewards, transitions = np.full((2, *exists.shape), np.nan)
        rewards[s, a] = np.abs(self.ground.rewards[s, a] - self.image.rewards.ravel()[image_rows])
        transitions[s, a] = np.asarray(abs(gap).sum(axis=1)).ravel()
        return HomomorphismErrors(rewards, transitions)

    def holds(self, atol: float = 1e-9) -> bool:
        """Whether both conditions hold for every pair, up to `atol`.

        Raises:
            ValueError: an atol that is negative or not finite.
        """
        atol = a_number(atol, "atol", 0)
        errors = self.errors()
        return errors.reward <= atol and errors.transition <= atol

    def lift(self, policy: Any) -> np.ndarray:
        """π(a|s) = π̄(ā|σ(s)) / |α_s⁻¹(ā)| with ā = α_s(a): what the image does, shared among equals.

        Args:
            policy: of the image, probabilities (S̄, Ā) or one action for each state (S̄,).

        Returns:
            Probabilities (S, A).

        Source: van der Pol et al. 2020, MDP Homomorphic Networks (lifting).
        """
        small = policy_table(self.image, policy)
        s, a = np.nonzero(self.ground.available)
        same = np.zeros((self.ground.n_states, self.image.n_actions))  # |α_s⁻¹(ā)|
        np.add.at(same, (s, self.action_map[s, a]), 1)
        lifted = np.zeros(self.ground.rewards.shape)
        lifted[s, a] = small[self.state_map[s], self.action_map[s, a]] / same[s, self.action_map[s, a]]
        return lifted

    def lift_q(self, q_values: Any) -> np.ndarray:
        """Q(s, a) = Q̄(σ(s), α_s(a)), (S, A), from (S̄, Ā); −inf where there is no such action.

        Raises:
            TypeError: no numbers. ValueError: another shape than (S̄, Ā).
        """
        small = real_numbers(q_values, "q_values").astype(float)
        if small.shape != self.image.rewards.shape:
            raise ValueError(f"q_values have shape {small.shape}, expected {self.image.rewards.shape}")
        lifted = small[self.state_map[:, None], self.action_map.clip(0)]
        return np.where(self.ground.available, lifted, -np.inf)

    def lift_values(self, values: Any) -> np.ndarray:
        """V(s) = V̄(σ(s)), (S,), from (S̄,).

        Raises:
            TypeError: no numbers. ValueError: another shape than (S̄,).
        """
        small = real_numbers(values, "values")
        if small.shape != (self.image.n_states,):
            raise ValueError(f"values have shape {small.shape}, expected {(self.image.n_states,)}")
        return small[self.state_map]


def quotient(mdp: TabularMDP, symmetry: Symmetry) -> MDPHomomorphism:
    """One image state for each orbit of states, one image action for each orbit of pairs.

    R̄ and T̄ are means over the pairs of an orbit. If `symmetry` is one of `mdp`, the means are of equal things and the
    result is a homomorphism; if not, `errors()` says by how much it misses.

    Args:
        mdp: the process.
        symmetry: acts on state indices and on action values: see `symmetry.audit`.

    Raises:
        ValueError: a symmetry that does not permute the states or the actions. TypeError: no TabularMDP.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> world = GridWorld(size=5, goal=(2, 2))
    >>> quotient(world.tabular(), world.symmetries())
    MDPHomomorphism(25 states → 6, 100 state–action pairs → 15)

    Source: Ravindran & Barto 2001: the orbits of a symmetry group give a homomorphism.
    """
    require_table(mdp)
    if not isinstance(symmetry, Symmetry):
        raise TypeError(f"symmetry is {symmetry!r}, expected a Symmetry")
    states, actions = permutations_of(symmetry, mdp.n_states, mdp.n_actions)  # (|G|, S), (|G|, A)
    pairs = states[:, :, None] * mdp.n_actions + actions[:, None, :]  # (|G|, S, A)
    if not (mdp.available.ravel()[pairs] == mdp.available).all():
        g, s, a = np.argwhere(mdp.available.ravel()[pairs] != mdp.available)[0]
        raise ValueError(f"g = {symmetry.group.names[g]!r} moves s={s}, a={a} between available and not available")
    return _fold(mdp, states.min(axis=0), pairs.min(axis=0))


def coarsest_homomorphism(mdp: TabularMDP, relabel_actions: bool = True, atol: float = 1e-9) -> MDPHomomorphism:
    """The smallest image of `mdp`, by partition refinement.

    Start with one block. Give each pair its row: reward, and probability of each block. Split the states of a block
    whose sets of rows differ; repeat until no block splits.

    Args:
        mdp: the process.
        relabel_actions: True compares sets of rows, so that actions may be renamed state by state; False compares the
            rows action by action: stochastic bisimulation.
        atol: rewards, and probabilities, that are as close as this are equal; for rounding. Closeness is passed on, so
            for a larger atol many small steps may join pairs that are far apart: ask `errors()` what came of it.

    Returns:
        An MDPHomomorphism, which holds where the numbers of different rows are further apart than atol and those of
        equal rows differ by rounding alone; image actions are the different rows of a block (with False, its actions).

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> coarsest_homomorphism(GridWorld(size=5, goal=(2, 2)).tabular())
    MDPHomomorphism(25 states → 6, 100 state–action pairs → 15)

    Source: Givan, Dean & Greig 2003, with fixed labels; Ravindran & Barto 2001 for pairs.
    """
    last = last_round(mdp, relabel_actions, atol)
    return _fold(mdp, last.state_map, last.row_ids)


def loss_bound(homomorphism: MDPHomomorphism, span: float | None = None) -> float:
    """2/(1−γ) · [K_r + γ · K_p/2 · span(V̄*)]: no lifted optimal policy loses more than this in any state.

    Args:
        homomorphism: an approximate one.
        span: max V̄* − min V̄* of the image, where it is known; by default its bound (max R̄ − min R̄) / (1−γ).

    Returns:
        A bound on max_s V*(s) − V^π(s), π the lifted optimal policy of the image.

    Raises:
        TypeError: no MDPHomomorphism. ValueError: a span that is negative or not finite.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> loss_bound(coarsest_homomorphism(GridWorld(size=3).tabular()))  # an exact one
    0.0

    Source: after Ravindran & Barto 2004, Approximate Homomorphisms; chapter 3 derives the constant.
    """
    if not isinstance(homomorphism, MDPHomomorphism):
        raise TypeError(f"homomorphism is {homomorphism!r}, expected an MDPHomomorphism")
    span = None if span is None else a_number(span, "span", 0)
    errors, image = homomorphism.errors(), homomorphism.image
    rest = 1 - image.discount
    if span is None:
        rewards = image.rewards[image.available]
        span = float(np.ptp(rewards)) / rest
    return float(2 / rest * (errors.reward + image.discount * errors.transition / 2 * span))


def _fold(mdp: TabularMDP, state_class: np.ndarray, pair_class: np.ndarray) -> MDPHomomorphism:
    """The image whose states are classes of states and whose actions are classes of pairs, with the means over them.

    `state_class` (S,) and `pair_class` (S, A) are any labels; a class of pairs lies in one class of states and meets
    each of its states. Image states and actions are numbered in the order in which they first occur.
    """
    S, A = mdp.rewards.shape
    sigma, B = _in_order(state_class)
    exists = mdp.available
    s, a = np.nonzero(exists)
    pair, n_pairs = _in_order(pair_class[s, a] + sigma[s] * (pair_class.max() + 1))
    home = np.empty(n_pairs, dtype=np.int64)  # the block of each class of pairs
    home[pair] = sigma[s]
    place = np.empty(n_pairs, dtype=np.int64)  # its number in the block
    order = np.argsort(home, kind="stable")
    first = np.concatenate([[0], np.flatnonzero(np.diff(home[order])) + 1])
    place[order] = np.arange(n_pairs) - np.repeat(first, np.diff([*first, n_pairs]))
    width = int(place.max()) + 1
    alpha = np.full((S, A), -1, dtype=np.int64)
    alpha[s, a] = place[pair]
    target = home[pair] * width + place[pair]  # row of the image for each pair of the ground
    counts = np.bincount(target, minlength=B * width)
    weights = sparse.csr_array((1 / counts[target], (target, s * A + a)), shape=(B * width, S * A))
    blocks = sparse.csr_array((np.ones(S), (np.arange(S), sigma)), shape=(S, B))
    rows = weights @ sparse.csr_array(mdp.rows) @ blocks  # (B·Ā, B)
    rewards = (weights @ mdp.rewards.ravel()).reshape(B, width)
    transitions = rows if mdp.is_sparse else rows.toarray().reshape(B, width, B)
    image = TabularMDP(transitions, rewards, mdp.discount, counts.reshape(B, width) > 0)
    return MDPHomomorphism(mdp, image, sigma, alpha)


def _in_order(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels renamed to 0, 1, 2, ... in the order in which they first occur, and how many there are."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse.ravel()], len(first)


def _integers(values: Any, what: str, shape: tuple[int, ...]) -> np.ndarray:
    array = real_numbers(values, what, verb="has")
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what} has dtype {array.dtype}, expected integers")
    if array.shape != shape:
        raise ValueError(f"{what} has shape {array.shape}, expected {shape}")
    return array.astype(np.int64)
