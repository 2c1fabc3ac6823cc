"""A small Pong against a wall, as low-resolution frames, many courts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import a_seed, real_numbers, require_function, whole_number, whole_numbers
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions
from symrl_lite.envs._pictures import SERVED, DrawnEnv, enlarged, known_mode
from symrl_lite.groups import dihedral, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["ACTIONS", "Pong", "Pongs", "flip", "scenes"]

ACTIONS = ("stay", "up", "down")
REACH = 1  # the paddle covers its own row and so many above and below
ROW, COLUMN, RISE, RUN, PADDLE = range(5)  # columns of the state: the ball, its steps a frame, the paddle's middle


def flip() -> Symmetry:
    """C2: top and bottom of the court change places, and with them up and down."""
    group = dihedral(4).subgroup(["s"])  # so that the layers know what s does to a filter

    def on_frames(g: Any, frames: Any) -> Any:
        return np.flip(frames, axis=-2).copy() if group.element(g) else np.asarray(frames)

    return Symmetry(group, on_frames, permutation(group, [[0, 1, 2], [0, 2, 1]]), "flip of the court")


class Pongs(VectorEnv[Any, Any, Any]):
    """n courts at once: a paddle on the right, a rough wall on the left, walls above and below.

    The ball moves one column and up to one row a frame. The paddle (three rows) moves one row, and what it does to the
    ball depends on where it is hit: above its middle the ball flies up, below it down. The wall on the left sends the
    ball back in a random direction. Reward 1 for a hit, −1 for a miss, which ends the episode.

    Observations are (2, size, size) pixels: the ball (1) and the paddle (0.5), and the place where the ball will be in
    the next frame. Actions: stay, up, down. An episode that has ended starts anew on the step after its last
    (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of courts.
        size: rows and columns, an odd number from 7.
        max_steps: length after which an episode is truncated.

    Raises:
        ValueError: another size.

    >>> courts = Pongs(3)
    >>> courts.reset(seed=[4, 5, 6])[0].shape, courts.step(np.array([0, 1, 2]))[1].tolist()
    ((3, 2, 15, 15), [0.0, 0.0, 0.0])

    Source: its rules are the course's own, in place of the Atari game that van der Pol et al. 2020, MDP Homomorphic
    Networks, flips in the same way.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int = 1, size: int = 15, max_steps: int = 200) -> None:
        num_envs, max_steps = whole_number(num_envs, "num_envs"), whole_number(max_steps, "max_steps")
        size = whole_number(size, "size", 0)
        if size < 7 or size % 2 == 0:
            raise ValueError(f"size is {size}, expected an odd number from 7, so that the court has a middle row")
        self.num_envs, self.size, self.max_steps = num_envs, size, max_steps
        self._streams: Streams | None = None
        self.single_action_space: Discrete[Any] = Discrete(len(ACTIONS))
        self.single_observation_space = Box(0, 1, (2, size, size), np.float32)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Serve anew; `seed` is a number (s, s + 1, ... for the courts), a list of one for each, or None."""
        known_options(options)
        self._streams = continued(self._streams, seed, self.num_envs)
        self.states = np.zeros((self.num_envs, 5), dtype=np.int64)
        self.steps = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._serve(np.arange(self.num_envs))
        return frames(self.states, self.size), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One frame of all courts.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        assert self._streams is not None
        new = np.flatnonzero(self._ended)
        slopes = (self._streams.draw()[:, 0] * 3).astype(np.int64) - 1
        self.states, rewards, terminated = move(self.states, chosen, slopes, self.size)
        self.steps += 1
        if len(new):
            self._serve(new)
            rewards[new], terminated[new], self.steps[new] = 0.0, False, 0
        truncated = (self.steps >= self.max_steps) & ~terminated
        self._ended = terminated | truncated
        return frames(self.states, self.size), rewards, terminated, truncated, {}

    def _serve(self, which: np.ndarray) -> None:
        """From the left wall, any row and direction; the paddle anywhere."""
        assert self._streams is not None
        numbers = self._streams.draw(which, 3)  # (n, 3)
        row, rise, paddle = (numbers * [self.size - 2, 3, self.size - 2 * REACH]).astype(np.int64).T
        one = np.ones_like(row)
        self.states[which] = np.stack([row + 1, one, rise - 1, one, paddle + REACH], axis=1)


class Pong(DrawnEnv):
    """One court of `Pongs`, as a Gymnasium environment whose state can be set, for `audit` and for pictures.

    Args:
        size, max_steps: as for `Pongs`.
        render_mode: "rgb_array" for `render`, or None.
    """

    metadata = SERVED

    def __init__(self, size: int = 15, max_steps: int = 200, render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        self._court = Pongs(1, size, max_steps)
        self.action_space, self.observation_space = (
            self._court.single_action_space,
            self._court.single_observation_space,
        )

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Serve anew, or go to options["state"] (as an observation)."""
        given = known_options(options, "state")
        super().reset(seed=seed)
        seen, _ = self._court.reset(seed=[int(self.np_random.integers(2**31))])
        if "state" in given:
            self.set_state(given["state"])
            return np.array(given["state"], dtype=np.float32), {}
        return seen[0], {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One frame.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self._court.single_action_space, action)
        require_start(self.started, self)
        seen, rewards, terminated, truncated, _ = self._court.step(np.array([chosen]))
        self._court._ended[:] = False  # whoever plays one court resets it by hand
        return seen[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), {}

    def set_state(self, observation: Any) -> None:
        """Go to the state that two frames show; the episode's steps count from 0 again.

        Raises:
            TypeError: no numbers. ValueError: another shape than that of two frames, or numbers that are not finite.
        """
        shape = self.observation_space.shape
        observation = real_numbers(observation, "the observation", verb="has")
        if observation.shape != shape or not np.isfinite(observation).all():
            raise ValueError(
                f"the observation has shape {observation.shape}, expected two frames, {shape}, finite numbers"
            )
        if not self.started:
            self.reset()
        self._court.states, self._court.steps = state_of(observation)[None], np.zeros(1, dtype=np.int64)

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._court._streams is not None

    def picture(self) -> np.ndarray:
        """The court, enlarged; the ball's next place in blue, (rows, columns, 3)."""
        now, then = frames(self._court.states, self._court.size)[0]
        return enlarged(np.stack([now, now, np.maximum(now, 0.6 * then)]))


def scenes(policy: Any, size: int = 15, times: Sequence[int] = (2, 5, 8), seed: int = 3) -> list[np.ndarray]:
    """Frames, (2, size, size) each, at some `times` of a rally that a policy (frames -> probabilities) plays.

    Raises:
        TypeError: a policy that is no function, or times that are no list. ValueError: no times, or ones that are not
            whole or below 0.
    """
    require_function(policy, "policy", "a function of frames")
    if not isinstance(times, Sequence | np.ndarray):
        raise TypeError(f"times are {times!r}, expected a list of whole numbers")
    times, seed = whole_numbers(times, "times").ravel().tolist(), a_seed(seed)
    if not times:
        raise ValueError("times is empty, expected at least one time")
    court = Pong(size)
    seen, _ = court.reset(seed=seed)
    found = []
    for t in range(max(times) + 1):
        if t in times:
            found.append(seen)
        seen, _, ended, _, _ = court.step(int(np.argmax(policy(seen))))
        if ended:
            seen, _ = court.reset(seed=seed + t)
    return found


def move(
    states: np.ndarray, actions: np.ndarray, slopes: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rules: states (n, 5), actions (n,) and the slopes (n,) that the wall would give → states, rewards, misses."""
    row, column, rise, run, paddle = states.T.copy()
    paddle = (paddle + np.array([0, -1, 1])[actions]).clip(REACH, size - 1 - REACH)
    row, column = row + rise, column + run
    at_wall, at_paddle = column <= 0, column >= size - 1
    hit = at_paddle & (np.abs(row - paddle) <= REACH)
    rise = np.where(at_wall, slopes, np.where(hit, np.sign(row - paddle), rise))
    rise = np.where(row == 0, np.abs(rise), np.where(row == size - 1, -np.abs(rise), rise))
    run = np.where(at_wall, 1, np.where(hit, -1, run))
    missed = at_paddle & ~hit
    return np.stack([row, column, rise, run, paddle], axis=1), hit.astype(np.float64) - missed, missed


def frames(states: np.ndarray, size: int) -> np.ndarray:
    """What is seen, (n, 2, size, size): ball and paddle, and the ball's next place (none after a miss)."""
    seen = np.zeros((len(states), 2, size, size), dtype=np.float32)
    courts = np.arange(len(states))
    row, column, rise, run, paddle = states.T
    for offset in range(-REACH, REACH + 1):
        seen[courts, 0, paddle + offset, size - 1] = 0.5
    seen[courts, 0, row, column] = 1
    flying = column + run < size
    seen[courts[flying], 1, (row + rise)[flying], (column + run)[flying]] = 1
    return seen


def state_of(observation: Any) -> np.ndarray:
    """The state, (5,), that two frames show.

    Raises:
        ValueError: an observation that shows no ball in flight, or no paddle.
    """
    now, then = np.asarray(observation)
    ball, after = np.argwhere(now > 0.75), np.argwhere(then > 0.75)
    paddle = np.flatnonzero(now[:, -1] > 0.25)
    if len(ball) != 1 or len(after) != 1 or len(paddle) != 2 * REACH + 1:
        raise ValueError("the two frames show no ball in flight with a paddle")
    (row, column), (next_row, next_column) = ball[0], after[0]
    return np.array([row, column, next_row - row, next_column - column, paddle[REACH]])
