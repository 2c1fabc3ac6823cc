"""A point in a bowl, to be brought to a goal: every turn about the middle and every mirror image is a symmetry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import a_number, a_seed, real_numbers, require_text, whole_number
from symrl_lite.envs._door import known_options, require_start
from symrl_lite.envs._pictures import SERVED, DrawnEnv, drawn, known_mode
from symrl_lite.groups import Representation, cyclic, dihedral, rotation_2d
from symrl_lite.symmetry import Symmetry

__all__ = ["KINDS", "RADIUS", "Bowl", "Bowls", "demonstration", "frames", "reflect", "symmetries"]

STEP, GAIN, SPRING, FRICTION = 0.1, 4.0, 2.0, 1.5  # seconds; accelerations of action, spring and friction
RIM = 1.2  # radius of the wall
RADIUS = 0.12  # of the goal
NEAR = 1e-9  # what a frame takes for zero: far above rounding, far below a step
# How each array of an episode moves: positions are points, velocities and forces are vectors.
KINDS = {
    "observations": ("point", "vector"),
    "next_observations": ("point", "vector"),
    "achieved": ("point",),
    "goals": ("point",),
    "actions": ("vector",),
}


def symmetries(n: int = 4) -> Symmetry:
    """D_n: n turns about the middle and n mirror images, on states (x, y, ẋ, ẏ, goal) and on forces (a_x, a_y).

    Args:
        n: how many turns, from 2.

    >>> bowl = symmetries(4)
    >>> bowl.act_on_action("r", np.array([1.0, 0.0])).round(6).tolist()
    [0.0, 1.0]

    Source: the bowl is the course's own; the rule for each part as in Lin et al. 2020, Invariant Transform Experience
    Replay.
    """
    group = dihedral(whole_number(n, "n", 2))
    turn = rotation_2d(group)
    return Symmetry(group, turn + turn + turn, turn, f"{n} turns and {n} mirror images of the bowl")


def reflect(angle: float) -> Symmetry:
    """C2: the mirror image in the line through the middle at `angle` (radians, from the x-axis).

    M = [[cos 2θ, sin 2θ], [sin 2θ, −cos 2θ]] moves position, velocity, goal and force.

    >>> reflect(0.0).act_on_state("r", np.arange(1.0, 7.0)).tolist()
    [1.0, -2.0, 3.0, -4.0, 5.0, -6.0]
    """
    double = 2 * a_number(angle, "angle")
    mirror = [[np.cos(double), np.sin(double)], [np.sin(double), -np.cos(double)]]
    rho = Representation.from_generators(cyclic(2), {"r": mirror})
    return Symmetry(cyclic(2), rho + rho + rho, rho, f"mirror image of the bowl in the line at {angle:.3g} rad")


def frames(observations: Any, goals: Any) -> np.ndarray:
    """A frame for each state and goal, (..., 2, 2), that turns and is mirrored along with them.

    Row 0 points from the point to its goal; row 1 stands upright on it, and has the point on its positive side. So
    F(gs, gz) = F(s, z) gᵀ: what F s, F z and F a hold is the same for a step and for its image.

    At its goal, the point's own direction or that of its velocity takes the place of the way; on one line with goal and
    middle, the velocity tells the side. Where all of them lie on one line, no rule can tell the sides apart.

    Args:
        observations: (..., 4), position and velocity.
        goals: (..., 2).

    Raises:
        ValueError: other shapes, or numbers that are not finite.

    >>> frames([1.0, 1.0, 0.0, 0.0], [3.0, 1.0]).tolist()
    [[1.0, 0.0], [0.0, 1.0]]

    Source: a canonical frame as in Puny et al. 2022, Frame Averaging; this one has a single element.
    """
    seen, z = real_numbers(observations, "observations").astype(float), real_numbers(goals, "goals").astype(float)
    if seen.shape[-1:] != (4,) or z.shape != (*seen.shape[:-1], 2):
        raise ValueError(f"observations have shape {seen.shape} and goals {z.shape}, expected (..., 4) and (..., 2)")
    if not (np.isfinite(seen).all() and np.isfinite(z).all()):
        raise ValueError("observations or goals hold NaN or infinity, expected finite numbers")
    points, velocities = seen[..., :2], seen[..., 2:]
    way = np.broadcast_to([1.0, 0.0], z.shape)
    for other in (velocities, points, z - points):  # the last that is no zero
        way = np.where(np.linalg.norm(other, axis=-1, keepdims=True) > NEAR, other, way)
    first = way / np.linalg.norm(way, axis=-1, keepdims=True)
    upright = np.stack([-first[..., 1] + 0.0, first[..., 0]], axis=-1)
    beside, across = ((upright * part).sum(axis=-1, keepdims=True) for part in (points, velocities))
    side = np.where(np.where(np.abs(beside) > NEAR, beside, across) < 0, -1.0, 1.0)
    return np.stack([first, side * upright], axis=-2)


def demonstration(seed: int = 0, steps: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """An episode of a rule made by hand, a = 2 (z − p) + z/2 − v/2, at most 1 long: states (T + 1, 6), forces (T, 2).

    Args:
        seed: of start and goal.
        steps: T.

    >>> states, forces = demonstration(seed=3)
    >>> bool(np.linalg.norm(states[-1, :2] - states[-1, 4:]) < RADIUS)
    True
    """
    world = Bowl(max_steps=whole_number(steps, "steps"))
    states, forces = [world.reset(seed=a_seed(seed))[0]], []
    for _ in range(steps):
        p, v, z = np.split(states[-1], 3)
        force = 2 * (z - p) + z / 2 - v / 2
        forces.append(force / max(1.0, float(np.linalg.norm(force))))
        states.append(world.step(forces[-1])[0])
    return np.array(states), np.array(forces)


class _Rules:
    """What the single bowl and the many share: settings, spaces, the law of motion and the reward."""

    def __init__(self, observation: str, swirl: float, bounded: bool, max_steps: int) -> None:
        require_text(observation, "observation", ("array", "goals"))
        self.observation, self.swirl = observation, a_number(swirl, "swirl")
        self.max_steps = whole_number(max_steps, "max_steps")
        if not isinstance(bounded, bool):
            raise TypeError(f"bounded is {bounded!r}, expected True or False")
        bound, far = (1.0 if bounded else np.inf), np.inf
        self.actions = Box(-bound, bound, (2,), np.float64)
        self.states: Any = Box(-far, far, (6,), np.float64)
        if observation == "goals":
            sizes = {"observation": 4, "achieved_goal": 2, "desired_goal": 2}
            self.states = Dict({name: Box(-far, far, (size,), np.float64) for name, size in sizes.items()})

    def show(self, states: np.ndarray) -> Any:
        """States (..., 6) as they are observed; copies."""
        if self.observation == "array":
            return states.copy()
        parts = {"observation": states[..., :4], "achieved_goal": states[..., :2], "desired_goal": states[..., 4:]}
        return {name: part.copy() for name, part in parts.items()}

    def start(self, uniform: np.ndarray) -> np.ndarray:
        """States (n, 6) from numbers (n, 4) in [0, 1): point and goal anywhere in the unit disc, at rest."""
        radius, angle = np.sqrt(uniform[:, 0::2]), 2 * np.pi * uniform[:, 1::2]  # (n, 2) of point and goal
        places = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)  # (n, 2, 2)
        return np.concatenate([places[:, 0], np.zeros_like(places[:, 0]), places[:, 1]], axis=1)

    def move(self, states: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """One step of states (n, 6) under forces (n, 2), of which at most a length of 1 counts."""
        p, v, goals = states[:, :2], states[:, 2:4], states[:, 4:]
        forces = forces / np.maximum(np.linalg.norm(forces, axis=1, keepdims=True), 1)
        swirl = self.swirl * np.stack([-p[:, 1], p[:, 0]], axis=1)
        v = v + STEP * (GAIN * forces - SPRING * p - FRICTION * v + swirl)
        p = p + STEP * v
        far = np.linalg.norm(p, axis=1, keepdims=True)
        out = p / np.maximum(far, 1e-12)
        outward = np.maximum((v * out).sum(axis=1, keepdims=True), 0)
        p, v = np.where(far > RIM, RIM * out, p), np.where(far > RIM, v - outward * out, v)
        return np.concatenate([p, v, goals], axis=1)

    def compute_reward(self, achieved: Any, goals: Any, info: Any = None) -> Any:
        """0 within RADIUS = 0.12 of the goal, −1 elsewhere, (...,); for goals (..., 2) that were set afterwards.

        Raises:
            ValueError: other shapes, or numbers that are not finite.

        Source: the signature is that of Gymnasium-Robotics' goal environments.
        """
        reached, wanted = real_numbers(achieved, "achieved").astype(float), real_numbers(goals, "goals").astype(float)
        one = reached.shape == wanted.shape or 1 in (reached.ndim, wanted.ndim)  # of each, or one for all
        if not one or reached.shape[-1:] != (2,) or wanted.shape[-1:] != (2,):
            raise ValueError(
                f"achieved have shape {reached.shape} and goals {wanted.shape}, expected (..., 2) for both"
            )
        gap = reached - wanted
        if not np.isfinite(gap).all():
            raise ValueError("achieved or goals hold NaN or infinity, expected finite numbers")
        return np.where(np.linalg.norm(gap, axis=-1) < RADIUS, 0.0, -1.0)


def _forces(actions: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Forces, (2,) or (n, 2).

    Raises:
        ValueError: another shape, or numbers that are not finite.
    """
    forces = real_numbers(actions, "actions").astype(float)
    if forces.shape != shape or not np.isfinite(forces).all():
        what = f"have shape {forces.shape}" if forces.shape != shape else "hold NaN or infinity"
        raise ValueError(f"actions {what}, expected {shape} finite numbers, a force in the plane")
    return forces


class Bowl(DrawnEnv):
    """A point in a bowl, which a force has to bring to a goal and to keep there; rewards say only whether it is there.

    v ← v + 0.1 (4a − 2p − 1.5v), p ← p + 0.1 v. A force longer than 1 counts as one of length 1. A wall stands 1.2 from
    the middle. Point and goal start anywhere in the unit disc. Reward 0 within 0.12 of the goal, −1 elsewhere; an
    episode is cut off after `max_steps`.

    Every turn about the middle and every mirror image in a line through it is a symmetry; of a `swirl` the turns alone.

    Args:
        observation: "array", (x, y, ẋ, ẏ, goal x, goal y), or "goals", the dictionary of Gymnasium-Robotics.
        swirl: an acceleration `swirl` · (−y, x) that goes round one way.
        bounded: whether the action space is the Box [−1, 1]², which most libraries want. A turn by 45° does not keep
            it: an audit of other turns than quarters wants False, forces of any length.
        max_steps: length of an episode.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: another kind of observation, a swirl that is not finite.

    >>> from symrl_lite.symmetry import audit
    >>> audit(Bowl(bounded=False), symmetries(3)).holds, audit(Bowl(swirl=2.0), symmetries(4)).holds
    (True, False)

    Source: the course's own; task and rewards in the manner of Andrychowicz et al. 2017, Hindsight Experience Replay.
    """

    metadata = SERVED

    def __init__(
        self,
        observation: str = "array",
        swirl: float = 0.0,
        bounded: bool = True,
        max_steps: int = 25,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        self._rules = _Rules(observation, swirl, bounded, max_steps)
        self.compute_reward = self._rules.compute_reward
        self.action_space, self.observation_space = self._rules.actions, self._rules.states
        self.state: np.ndarray | None = None
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start anew, or go to options["state"], (6,)."""
        given = known_options(options, "state")
        super().reset(seed=seed)
        self._steps, self.state = 0, self._rules.start(self.np_random.random((1, 4)))[0]
        if "state" in given:
            self.set_state(given["state"])
        return self._rules.show(self.state), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step of 0.1 seconds; info["is_success"] tells whether the point is at its goal.

        Raises:
            ValueError: no force in the plane. gymnasium.error.ResetNeeded: no `reset` before.
        """
        force = _forces(action, (2,))
        require_start(self.started, self)
        assert self.state is not None
        self._steps, self.state = self._steps + 1, self._rules.move(self.state[None], force[None])[0]
        reward = float(self._rules.compute_reward(self.state[:2], self.state[4:]))
        return (
            self._rules.show(self.state),
            reward,
            False,
            self._steps >= self._rules.max_steps,
            {"is_success": reward == 0},
        )

    def set_state(self, state: Any) -> None:
        """Go to a state (6,); the episode's steps count from 0 again.

        Raises:
            ValueError: another shape, or numbers that are not finite.
        """
        given = real_numbers(state, "state", verb="has").astype(float)
        if given.shape != (6,) or not np.isfinite(given).all():
            raise ValueError(f"state is {str(state)[:60]}, expected (x, y, ẋ, ẏ, goal x, goal y), finite numbers")
        self._steps, self.state = 0, given.copy()

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self.state is not None

    def picture(self) -> np.ndarray:
        """The bowl from above, (rows, columns, 3)."""
        from symrl_lite.plots import draw_bowl  # here, because it needs matplotlib

        assert self.state is not None
        p, goal = self.state[:2], self.state[4:]
        return drawn(lambda axes: draw_bowl(axes, p[None], goal))


class Bowls(VectorEnv[Any, Any, Any]):
    """n bowls at once, in arrays; copy i depends on its own seed alone.

    An episode that has ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of copies.
        observation, swirl, bounded, max_steps: as for `Bowl`.

    >>> bowls = Bowls(3)
    >>> bowls.reset(seed=[4, 5, 6])[0].shape, bowls.step(np.zeros((3, 2)))[1].tolist()
    ((3, 6), [-1.0, -1.0, -1.0])

    Source: as for `Bowl`.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        observation: str = "array",
        swirl: float = 0.0,
        bounded: bool = True,
        max_steps: int = 25,
    ) -> None:
        self.num_envs = whole_number(num_envs, "num_envs")
        self._rules = _Rules(observation, swirl, bounded, max_steps)
        self.compute_reward = self._rules.compute_reward
        self.single_action_space, self.single_observation_space = self._rules.actions, self._rules.states
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self._streams: Streams | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None."""
        known_options(options)
        self._streams = continued(self._streams, seed, self.num_envs)
        self.states = self._rules.start(self._streams.draw(size=4))
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        return self._rules.show(self.states), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of all copies; info["is_success"], (num_envs,), tells which are at their goal.

        Raises:
            ValueError: no forces in the plane. gymnasium.error.ResetNeeded: no `reset` before.
        """
        forces = _forces(actions, (self.num_envs, 2))
        require_start(self._streams is not None, self)
        assert self._streams is not None
        new = np.flatnonzero(self._ended)
        self.states, self._steps = self._rules.move(self.states, forces), self._steps + 1
        if len(new):
            self.states[new], self._steps[new] = self._rules.start(self._streams.draw(new, 4)), 0
        rewards = self._rules.compute_reward(self.states[:, :2], self.states[:, 4:])
        reached = rewards == 0
        rewards[new] = 0.0
        truncated = self._steps >= self._rules.max_steps
        self._ended = truncated
        return (
            self._rules.show(self.states),
            rewards,
            np.zeros(self.num_envs, dtype=bool),
            truncated,
            {"is_success": reached},
        )
