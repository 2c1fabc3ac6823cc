"""Three bodies that attract each other: where they go, and two frames of it as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import a_number, real_numbers, whole_number
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions
from symrl_lite.envs._pictures import SERVED, DrawnEnv, enlarged, known_mode

__all__ = ["ThreeBodies", "ThreeBodyCopies", "accelerations", "advance"]

PIXELS, BODIES, RADIUS = 50, 3, 3.0
PULL = 12.0  # the force between two bodies at a distance of 1 pixel, for mass 1
INTERVAL, PARTS = 2.0, 20  # time between two frames, and in how many steps it is computed
LOOKS = 4  # how often between two frames it is checked that bodies don't touch
FASTEST = 0.5  # pixels a unit of time, at the start, in each direction
NEAREST = 2 * RADIUS  # bodies that come nearer touch: such starts are not used


def accelerations(positions: np.ndarray) -> np.ndarray:
    """a_i = Σ_j G (x_j − x_i) / |x_j − x_i|³, for bodies of equal mass.

    Args:
        positions: (..., K, 2), in pixels.

    Returns:
        (..., K, 2).

    >>> accelerations(np.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
    [[3.0, 0.0], [-3.0, 0.0]]
    """
    positions = _vectors(positions, "positions")
    with np.errstate(invalid="ignore"):  # infinity − infinity is NaN
        return _pulls(positions)


def _pulls(positions: np.ndarray) -> np.ndarray:
    between = positions[..., None, :, :] - positions[..., :, None, :]  # (..., K, K, 2): from i to j
    squares = (between**2).sum(axis=-1, keepdims=True)
    squares = np.where(squares == 0, np.inf, squares)
    return (PULL * between / squares**1.5).sum(axis=-2)


def advance(
    positions: np.ndarray, velocities: np.ndarray, time: float = INTERVAL, parts: int = PARTS
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities after some time, by the leapfrog method, whose energy does not drift.

    Args:
        positions, velocities: (..., K, 2).
        time: how long.
        parts: in how many steps.

    Raises:
        ValueError: positions and velocities of different shapes.

    >>> x, v = advance(np.array([[0.0, 0.0], [9.0, 0.0]]), np.zeros((2, 2)))
    >>> bool(x[0, 0] > 0 > v[1, 0]), float(v.sum())
    (True, 0.0)
    """
    dt = a_number(time, "time") / whole_number(parts, "parts")
    x, v = _vectors(positions, "positions"), _vectors(velocities, "velocities")
    if x.shape != v.shape:
        raise ValueError(f"positions have shape {x.shape} and velocities {v.shape}, expected the same")
    a = accelerations(x)
    for _ in range(whole_number(parts, "parts")):
        v += a * dt / 2
        x += v * dt
        a = accelerations(x)
        v += a * dt / 2
    return x, v


def _vectors(values: Any, what: str) -> np.ndarray:
    """A copy (..., K, 2), in double precision."""
    found = real_numbers(values, what).astype(np.float64)
    if found.ndim < 2 or found.shape[-1] != 2:
        raise ValueError(f"{what} have shape {found.shape}, expected (..., K, 2)")
    return found


class ThreeBodyCopies(VectorEnv[Any, Any, Any]):
    """n times three bodies side by side. See `ThreeBodies` for the rules."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, max_steps: int = 10) -> None:
        num_envs, max_steps = whole_number(num_envs, "num_envs"), whole_number(max_steps, "max_steps")
        self.num_envs, self.max_steps = num_envs, max_steps
        self._streams: Streams | None = None
        self.single_action_space: Discrete[Any] = Discrete(1)
        self.single_observation_space = Box(0, 255, (2 * BODIES, PIXELS, PIXELS), np.uint8)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        Returns the pictures, (num_envs, 6, 50, 50), and info["state"], (num_envs, 3, 4).
        """
        known_options(options)
        self._streams = continued(self._streams, seed, self.num_envs)
        # All of an episode is known at its start: (n, frames, K, 4), positions and velocities.
        self._paths = np.zeros((self.num_envs, self.max_steps + 2, BODIES, 4))
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self._start(np.arange(self.num_envs))
        return self._seen()

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Let the time between two frames pass.

        Raises:
            ValueError: an action that is not 0. gymnasium.error.ResetNeeded: no `reset` before.
        """
        vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        self._steps += 1
        new = np.flatnonzero(self._steps > self.max_steps)
        if len(new):
            self._start(new)
        seen, info = self._seen()
        return (
            seen,
            np.zeros(self.num_envs),
            np.zeros(self.num_envs, dtype=bool),
            self._steps >= self.max_steps,
            info,
        )

    def _start(self, which: np.ndarray) -> None:
        """Bodies about a third of a turn apart around a centre; drawn again until none touches or leaves."""
        assert self._streams is not None
        self._steps[which] = 0
        while len(which):
            u = self._streams.draw(which, 12)  # (n, 12)
            angles = 2 * np.pi * (u[:, :1] + np.arange(BODIES) / BODIES + (u[:, 1:4] - 0.5) / 6)  # (n, K)
            far = 9 + 5 * u[:, 4:5]
            centre = PIXELS / 2 + 8 * (u[:, 5:7] - 0.5)
            x = centre[:, None] + far[:, :, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
            turn = self._streams.draw(which, 6).reshape(-1, BODIES, 2)
            v = FASTEST * (2 * turn - 1)
            path = [np.concatenate([x, v], axis=-1)]
            for _ in range(LOOKS * (self.max_steps + 1)):
                x, v = advance(x, v, INTERVAL / LOOKS, PARTS // LOOKS)
                path.append(np.concatenate([x, v], axis=-1))
            paths = np.stack(path, axis=1)  # (n, looks, K, 4)
            places = paths[..., :2]
            inside = ((places > RADIUS) & (places < PIXELS - RADIUS)).all(axis=(1, 2, 3))
            gaps = np.linalg.norm(places[..., :, None, :] - places[..., None, :, :], axis=-1) + 1e3 * np.eye(BODIES)
            good = inside & (gaps > NEAREST).all(axis=(1, 2, 3))
            self._paths[which[good]] = paths[good, ::LOOKS]
            which = which[~good]

    def _seen(self) -> tuple[np.ndarray, dict[str, Any]]:
        rows = np.arange(self.num_envs)
        before, now = self._paths[rows, self._steps], self._paths[rows, self._steps + 1]
        frames = np.concatenate([render(before[..., :2]), render(now[..., :2])], axis=1)
        return frames, {"state": now.copy()}


class ThreeBodies(DrawnEnv):
    """Three bodies of equal mass attract each other; nobody can do anything about it (there is one action).

    Observations are two frames, (6, 50, 50), whole numbers from 0 to 255: bodies are discs with a radius of 3 pixels,
    one in each colour. Between frames the time 2 passes. info["state"] has positions and velocities at the second
    frame, (3, 4), in pixels. Starts at which bodies would touch or leave the picture within an episode are not used.

    Args:
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    >>> seen, info = ThreeBodies().reset(seed=0)
    >>> seen.shape, info["state"].shape
    ((6, 50, 50), (3, 4))

    Source: the 3-body data of Kipf et al. 2020, Contrastive Learning of Structured World Models, from Jaques et al.
    2020, Physics-as-Inverse-Graphics. Pull and starts are chosen here.
    """

    metadata = SERVED
    action_names = ("wait",)

    def __init__(self, max_steps: int = 10, render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        self._envs = ThreeBodyCopies(1, max_steps)
        self.action_space, self.observation_space = self._envs.single_action_space, self._envs.single_observation_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Draw a start."""
        known_options(options)
        super().reset(seed=seed)
        seen, info = self._envs.reset(seed=[int(self.np_random.integers(2**31))])
        return seen[0], {"state": info["state"][0]}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Wait.

        Raises:
            ValueError: an action that is not 0. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self._envs.single_action_space, action)
        require_start(self.started, self)
        seen, _, _, truncated, info = self._envs.step(np.array([chosen]))
        return seen[0], 0.0, False, bool(truncated[0]), {"state": info["state"][0]}

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._envs._streams is not None

    def picture(self) -> np.ndarray:
        """The second of the two frames, enlarged, (rows, columns, 3)."""
        return enlarged(self._envs._seen()[0][0, BODIES:])


def render(positions: np.ndarray) -> np.ndarray:
    """One frame: discs with soft edges, a colour for each body, (n, 3, 2) -> (n, 3, 50, 50); (x, y), y downwards."""
    middle = np.arange(PIXELS) + 0.5
    x, y = positions[..., 0, None, None], positions[..., 1, None, None]
    distance = np.sqrt((middle - x) ** 2 + (middle[:, None] - y) ** 2)  # (n, K, 50, 50)
    return (255 * (RADIUS + 0.5 - distance).clip(0, 1)).round().astype(np.uint8)
