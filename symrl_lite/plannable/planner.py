"""Exact planning on finitely many latent points: a softmax makes them a Markov decision process."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.csgraph import dijkstra

from symrl_lite.door import a_number, a_seed, real_numbers, require_function
from symrl_lite.mdp import Solution, TabularMDP, value_iteration

__all__ = ["LatentPlanner", "latent_rank", "latent_transitions", "prune"]

NEAR = 1e-8  # squared distances d below this are none
NEGLIGIBLE = 1e-15  # probabilities below this change no value by more than rounding does
NOTHING = 1e-260  # above exp(−600) = 2.7e-261
IN_CACHE = 2**15  # numbers of 8 bytes


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """d(x_i, y_j) = ½ |x_i − y_j|², (n, dimension) and (m, dimension) -> (n, m)."""
    x, y, half_x, half_y = _halves(x, y)
    return np.maximum(half_x + half_y - x @ y.T, 0.0)


def _halves(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """x and y, centred, with ½ |x_i|² (n, 1) and ½ |y_j|² (m,): d = ½ |x|² + ½ |y|² − x·y."""
    middle = y.mean(axis=0)  # differences of large numbers would lose digits
    x, y = x - middle, y - middle
    return x, y, 0.5 * (x**2).sum(1)[:, None], 0.5 * (y**2).sum(1)


def latent_transitions(latents: Any, steps: Any, temperature: float) -> np.ndarray:
    """T̄(z_j | z_i, a) = softmax_j( −½ |z_j − T̄(z_i, a)|² / τ ).

    Args:
        latents: z, (P, dimension).
        steps: T̄(z_i, a) = z_i + Ā(z_i, a), (P, actions, dimension).
        temperature: τ, in units of ½ |·|².

    Returns:
        Probabilities (P, actions, P).

    Raises:
        ValueError: a temperature that is not positive.

    >>> latent_transitions([[0.0], [1.0]], [[[1.0]], [[1.0]]], temperature=0.1).round(3).tolist()
    [[[0.007, 0.993]], [[0.007, 0.993]]]

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    temperature, z = a_number(temperature, "temperature", above=0), _points(latents)
    after = real_numbers(steps, "steps").astype(np.float64)
    if after.ndim != 3 or (len(after), after.shape[2]) != z.shape or 0 in after.shape or not np.isfinite(after).all():
        raise ValueError(f"steps have shape {after.shape}, expected {len(z), 'actions', z.shape[1]}, finite numbers")
    P, A, dimension = after.shape
    x, y, half_x, half_y = _halves(after.reshape(-1, dimension), z)
    table = x @ y.T  # (P · A, P)
    some = max(1, IN_CACHE // P)
    for begin in range(0, P * A, some):  # rows that stay in the cache: else each line below reads and writes all memory
        scores = table[begin : begin + some]
        np.subtract(half_x[begin : begin + some] + half_y, scores, out=scores)
        np.maximum(scores, 0.0, out=scores)
        scores /= -temperature
        scores -= scores.max(axis=1, keepdims=True)
        np.maximum(scores, -600.0, out=scores)  # exp of less takes the processor seven times as long
        np.exp(scores, out=scores)
        scores -= NOTHING  # changes no number above 1e-243; what was less than −600 is 0
        np.maximum(scores, 0.0, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
    return table.reshape(P, A, P)


def _points(latents: Any) -> np.ndarray:
    """Latents (n, dimension) in double precision, checked."""
    z = real_numbers(latents, "latents").astype(np.float64)
    if z.ndim != 2 or 0 in z.shape:
        raise ValueError(f"latents have shape {z.shape}, expected (n, dimension), at least one of each")
    if not np.isfinite(z).all():
        n = int(np.isfinite(z).all(axis=1).argmin())
        raise ValueError(f"latents hold {z[n][~np.isfinite(z[n])][0]} in row {n}, expected finite numbers")
    return z


def _mask(function: Callable[[Any], Any], observations: np.ndarray, what: str) -> np.ndarray:
    """What a function says of every prototype, (n,) booleans."""
    mask = np.asarray(function(observations), dtype=bool)
    if mask.shape != (len(observations),):
        raise ValueError(f"{what} gives shape {mask.shape} for {len(observations)} prototypes, expected one for each")
    return mask


def _thin(transitions: np.ndarray) -> Any:
    """(P, actions, P) as a sparse matrix (P · actions, P) without what is below rounding, if little else is left."""
    rows = transitions.reshape(-1, transitions.shape[-1])
    kept = rows >= NEGLIGIBLE
    if np.count_nonzero(kept) >= 0.25 * kept.size:
        return transitions
    place = np.flatnonzero(kept)  # row · P + column
    starts = np.searchsorted(place, np.arange(len(rows) + 1) * rows.shape[1])
    return sparse.csr_array((rows.ravel()[place], place % rows.shape[1], starts), shape=rows.shape)


def prune(latents: Any, tolerance: float = NEAR) -> np.ndarray:
    """Drop rows that are as near as `tolerance` in ½ |·|² to an earlier row that is kept.

    Args:
        latents: (n, dimension).
        tolerance: in units of ½ |·|².

    Returns:
        The rows that are kept, rising, (m,).

    >>> prune([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    array([0, 1])

    Source: the code of van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms.
    """
    z, tolerance = _points(latents), a_number(tolerance, "tolerance", 0)
    earlier = np.tril(squared_distances(z, z) <= tolerance, -1)  # [i, j]: j comes before i and is near
    kept, open_rows = np.zeros(len(z), dtype=bool), np.ones(len(z), dtype=bool)
    while open_rows.any():  # in each round those that no open row before them can drop; a few rounds do
        safe = open_rows & ~(earlier & open_rows).any(axis=1)
        kept |= safe
        open_rows &= ~safe & ~(earlier & safe).any(axis=1)
    return np.flatnonzero(kept)


def latent_rank(latents: Any, share: float = 0.01) -> int:
    """How many directions latents fill: singular values of the centred latents above `share` of the largest.

    Args:
        latents: (n, dimension).
        share: what counts as filled.

    Returns:
        0 if all latents are equal.

    >>> latent_rank(np.vstack([np.eye(3), -np.eye(3)])), latent_rank(np.ones((5, 3)))
    (3, 0)
    """
    z, share = _points(latents), a_number(share, "share", 0, 1)
    s = np.linalg.svd(z - z.mean(axis=0), compute_uv=False)
    if not s[0] > 1e-6 * max(1.0, float(np.abs(z).max())):
        return 0
    return int((s > share * s[0]).sum())


class LatentPlanner:
    """Value iteration on latent points, V(z) = max_a R̄(z, a) + γ Σ_j T̄(z_j | z, a) V(z_j), and the policy it gives.

    Args:
        model: encodes observations and steps in latent space, as `PlannableModel` does.
        prototypes: observations (n, *shape), the points of the plan; near duplicates are left out.
        goal: what is wanted, with reward 1 and everything else 0: an observation, several (k, *shape), or a function of
            observations (n, *shape) -> True or False (n,), asked about the prototypes. None: the learned reward.
        temperature: τ of the softmax; None for the median of ½ |Ā(z, a)|².
        discount: γ.
        ends: a function like `goal` that says in which prototypes an episode is over. Nobody has acted there, so the
            model does not know what follows: they lead to themselves and earn 0, unless they are goals.
        tolerance: largest error of a value.
        interpolation: η; 0 acts as the nearest prototype does, otherwise by Σ_i softmax_i(−½ |z − z_i|² / η) Q(z_i, a).
        prune_within: prototypes as near as this in ½ |·|² are one; 0 keeps all.
        seed: of the choice among actions whose values are equal.

    Raises:
        ValueError: fewer than two prototypes, no goal among them, or a goal that no prototype leads to.

    Warns:
        UserWarning: latents on one line, or closer together than the temperature: the encoder may have collapsed.

    >>> from symrl_lite.plannable import PlannableModel, mlp_encoder
    >>> _ = torch.manual_seed(0)
    >>> model = PlannableModel(mlp_encoder(4), dimension=50, n_actions=2)
    >>> states = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    >>> planner = LatentPlanner(model, states, goal=np.zeros(4, dtype=np.float32))
    >>> planner.act(states[0]) in (0, 1), bool(planner.residual < 1e-6)
    (True, True)

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms; the planner as in its code.
    """

    latents: np.ndarray  # (P, dimension)
    rows: np.ndarray  # (P,), which of the prototypes that were given they are; −1 for goals that were added
    is_goal: np.ndarray  # (P,)
    mdp: TabularMDP
    solution: Solution

    def __init__(
        self,
        model: Any,
        prototypes: Any,
        goal: Any = None,
        *,
        temperature: float | None = 0.1,
        discount: float = 0.9,
        ends: Callable[[Any], Any] | None = None,
        tolerance: float = 1e-6,
        interpolation: float = 0.0,
        prune_within: float = NEAR,
        seed: int = 0,
    ) -> None:
        interpolation, prune_within = (
            a_number(interpolation, "interpolation", 0),
            a_number(prune_within, "prune_within", 0),
        )
        temperature = None if temperature is None else a_number(temperature, "temperature", above=0)
        if ends is not None:
            require_function(ends, "ends", "a function of observations, or None")
        self.model, self.interpolation = model, interpolation
        self._random = np.random.default_rng(a_seed(seed))
        observations = real_numbers(prototypes, "prototypes")
        if observations.ndim < 1 or len(observations) == 0:
            raise ValueError(f"prototypes have shape {observations.shape}, expected (n, *shape), at least two")
        z = self.encode(observations)
        rows, is_goal = np.arange(len(z)), np.zeros(len(z), dtype=bool)
        over = _mask(ends, observations, "ends") if ends is not None else np.zeros(len(z), dtype=bool)
        if callable(goal):
            is_goal = _mask(goal, observations, "goal")
            order = np.argsort(~is_goal, kind="stable")  # goals first, so that pruning keeps them
            z, rows, is_goal = z[order], rows[order], is_goal[order]
        elif goal is not None:
            wanted = real_numbers(goal, "goal", verb="has")
            wanted = wanted[None] if wanted.ndim == observations.ndim - 1 else wanted
            z = np.concatenate([self.encode(wanted), z]) if len(wanted) else z
            rows = np.concatenate([np.full(len(wanted), -1), rows])
            is_goal = np.concatenate([np.ones(len(wanted), dtype=bool), is_goal])
        if goal is not None and not is_goal.any():
            raise ValueError(
                f"there is no goal: none of the {len(observations)} prototypes is one. Pass the observation of a goal, "
                "or prototypes that hold one"
            )
        kept = prune(z, prune_within) if prune_within > 0 else np.arange(len(z))
        self.latents, self.rows, self.is_goal = z[kept], rows[kept], is_goal[kept]
        self._middle = torch.from_numpy(self.latents.mean(axis=0))
        self._centred = torch.from_numpy(self.latents) - self._middle
        self._half_squares = 0.5 * self._centred.square().sum(dim=1)  # (P,)
        if len(kept) < 2:
            raise ValueError(
                f"{len(z)} prototypes are one and the same point of latent space: the encoder has collapsed. "
                "Was it trained with negatives?"
            )
        if latent_rank(self.latents) < 2:
            warnings.warn(
                f"the {len(kept)} prototypes lie on one line of latent space: unless the world is a line, the encoder "
                "has collapsed. Was it trained with negatives?",
                stacklevel=2,
            )
        with torch.no_grad():
            after = model.steps(torch.as_tensor(self.latents, dtype=torch.float32))  # (P, actions, dimension)
            learned = model.rewards(after).double().numpy()  # (P, actions)
        after = after.double().numpy()
        if temperature is None:
            temperature = float(np.median(0.5 * ((after - self.latents[:, None]) ** 2).sum(axis=-1)))
        self.temperature = temperature
        apart = float(self.latents.var(axis=0).sum())  # mean of ½ |z_i − z_j|² over all pairs
        if apart < temperature:
            warnings.warn(
                f"the {len(kept)} prototypes are {apart:.2g} apart on average, less than the temperature "
                f"{temperature:.2g}: every step leads everywhere. The encoder has collapsed (was it trained with "
                "negatives?), or the temperature is too high",
                stacklevel=2,
            )
        transitions = latent_transitions(self.latents, after, temperature)
        rewards = learned if goal is None else np.repeat(self.is_goal[:, None].astype(float), after.shape[1], axis=1)
        stuck = (self.rows >= 0) & over[self.rows] & ~self.is_goal
        transitions[stuck] = 0.0
        transitions[stuck, :, stuck] = 1.0
        rewards[stuck] = 0.0
        self._likely = (transitions > 1 / len(transitions)).any(axis=1)  # (P, P), some action leads from i to j
        self.mdp = TabularMDP(_thin(transitions), rewards, discount)
        if goal is not None:
            self._require_a_way()
        self.solution = value_iteration(self.mdp, tolerance)

    @property
    def values(self) -> np.ndarray:
        """V(z), (P,)."""
        return self.solution.values

    @property
    def q_values(self) -> np.ndarray:
        """Q(z, a), (P, actions)."""
        return self.solution.q_values

    @property
    def residual(self) -> float:
        """max |V_k − V_{k−1}| of the last sweep."""
        return float(self.solution.residuals[-1])

    def __repr__(self) -> str:
        return (
            f"{len(self.latents)} latent points, {int(self.is_goal.sum())} of them goals, τ = {self.temperature:.3g}; "
            f"{self.solution.sweeps} sweeps, residual {self.residual:.0e}"
        )

    def encode(self, observations: Any) -> np.ndarray:
        """Z(s) in double precision, (n, *shape) -> (n, dimension).

        Raises:
            TypeError: no numbers. ValueError: NaN or infinity, also in a latent.
        """
        with torch.no_grad():
            z = self.model.encode(real_numbers(observations, "observations")).double().numpy()
        if not np.isfinite(z).all():
            raise ValueError("observations hold NaN or infinity, or are encoded so, expected finite numbers")
        return np.asarray(z)

    def nearest(self, observations: Any) -> np.ndarray:
        """For each observation the nearest latent point, (n,)."""
        x = torch.from_numpy(self.encode(observations)) - self._middle
        return np.asarray((self._half_squares - x @ self._centred.T).argmin(dim=1).numpy())  # |x|² is the same for all

    def action_values(self, observations: Any) -> np.ndarray:
        """Q(Z(s), a) by the nearest point, or by interpolation: (n, *shape) -> (n, actions)."""
        if self.interpolation == 0:
            return self.q_values[self.nearest(observations)]
        d = squared_distances(self.encode(observations), self.latents)  # (n, P)
        weights = np.exp(-(d - d.min(axis=1, keepdims=True)) / self.interpolation)
        return weights @ self.q_values / weights.sum(axis=1, keepdims=True)

    def actions(self, observations: Any) -> np.ndarray:
        """The best action in each of several states, (n, *shape) -> (n,); one of the best by chance, if several are."""
        q = self.action_values(observations)
        best = 0.5 * (q.max(axis=1, keepdims=True) - q) ** 2 <= NEAR
        return (best * (1 + self._random.random(q.shape))).argmax(axis=1)

    def act(self, observation: Any) -> int:
        """The best action in one state."""
        return int(self.actions(real_numbers(observation, "observation", verb="has")[None])[0])

    def reaches(self) -> np.ndarray:
        """(P,), whether a goal can be reached by steps that are more likely than a step at random would be."""
        backwards = sparse.csr_array(sparse.csr_array(self._likely).T.astype(float))
        found = dijkstra(backwards, indices=np.flatnonzero(self.is_goal), min_only=True)
        return np.isfinite(found)

    def _require_a_way(self) -> None:
        reached = self.reaches()
        if not (reached & ~self.is_goal).any() and not self.is_goal.all():
            after = self.model.steps(torch.as_tensor(self.latents, dtype=torch.float32)).detach().double().numpy()
            d = squared_distances(after.reshape(-1, after.shape[-1]), self.latents[self.is_goal]).min()
            raise ValueError(
                f"no prototype leads to the goal: the nearest predicted step ends at ½|·|² = {d:.3g} from it, with "
                f"temperature {self.temperature:.3g}. Take more prototypes, a higher temperature, or a longer training"
            )
