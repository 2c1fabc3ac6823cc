"""A picture that the actions shift: handwritten digits on a 7 × 7 grid of places."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.actions import MOVES, STEPS
from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import real_numbers, whole_number, whole_numbers
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions
from symrl_lite.envs._pictures import SERVED, DrawnEnv, enlarged, known_mode

__all__ = ["FAR", "PLACES", "SpriteCopies", "Sprites", "digits", "goals", "moved", "moves", "render"]

FAR = 3  # a sprite can be shifted by so much in each direction
PLACES = (2 * FAR + 1) ** 2  # 49, row by row
HELD_OUT = 497  # of the 1797 digits
SIZE = 8  # of a digit, in pixels


@cache
def _all_digits() -> np.ndarray:
    from sklearn.datasets import load_digits  # here, because it takes a second

    return (load_digits().images / 16).astype(np.float32)


def digits(train: bool = True) -> np.ndarray:
    """Handwritten digits, (n, 8, 8), from 0 to 1: the first 1300 to train with, or the 497 that are held out.

    >>> digits().shape, digits(train=False).shape
    ((1300, 8, 8), (497, 8, 8))

    Source: the digits that come with scikit-learn (Alpaydin and Kaynak 1998), in place of the paper's Fashion-MNIST.
    """
    images = _all_digits()
    return (images[:-HELD_OUT] if train else images[-HELD_OUT:]).copy()


def render(sprites: np.ndarray) -> np.ndarray:
    """Every sprite (n, 8, 8) in every place, (n · 49, 1, 14, 14): picture sprite · 49 + place.

    Raises:
        TypeError: no numbers. ValueError: another shape, or no sprite.
    """
    sprites = real_numbers(sprites, "sprites")
    if sprites.ndim != 3 or sprites.shape[1:] != (SIZE, SIZE) or len(sprites) == 0:
        raise ValueError(f"sprites have shape {sprites.shape}, expected (n, {SIZE}, {SIZE})")
    n, side = len(sprites), 2 * FAR + 1
    images = np.zeros((n, side, side, 1, SIZE + 2 * FAR, SIZE + 2 * FAR), dtype=np.float32)
    for row in range(side):
        for column in range(side):
            images[:, row, column, 0, row : row + SIZE, column : column + SIZE] = sprites
    return images.reshape(n * PLACES, *images.shape[3:])


def moved(places: np.ndarray, actions: np.ndarray) -> np.ndarray:
    """Where a move leads, (n,) and (n,) -> (n,); at the border a sprite stays."""
    places, actions = whole_numbers(places, "places", 0, PLACES - 1), whole_numbers(actions, "actions", 0, 3)
    steps = np.asarray(STEPS)[actions]
    side = 2 * FAR + 1
    rows, columns = np.divmod(places, side)
    return (rows + steps[:, 0]).clip(0, side - 1) * side + (columns + steps[:, 1]).clip(0, side - 1)


def moves() -> np.ndarray:
    """(49, 4), the place after each action; for `walk` and `shortest`."""
    places = np.arange(PLACES)
    return np.stack([moved(places, np.full(PLACES, a)) for a in range(4)], axis=1)


def goals(left: bool) -> np.ndarray:
    """The places in the three columns on the left, or in those on the right, (21,)."""
    columns = np.arange(PLACES) % (2 * FAR + 1)
    return np.flatnonzero(columns < FAR if left else columns > FAR)


class SpriteCopies(VectorEnv[Any, Any, Any]):
    """n sprites side by side, which show the number of a picture: sprite · 49 + place. See `Sprites` for the rules.

    An episode that has ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of copies.
        n_sprites: number of sprites to draw from.
        left_goals: whether goals are drawn on the left or on the right.
        max_steps: length after which an episode is truncated.

    >>> SpriteCopies(3, n_sprites=10).reset(seed=[0, 1, 2])[0].shape
    (3,)
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, n_sprites: int, left_goals: bool = True, max_steps: int = 100) -> None:
        num_envs, n_sprites = whole_number(num_envs, "num_envs"), whole_number(n_sprites, "n_sprites")
        self.num_envs, self.n_sprites, self.max_steps = num_envs, n_sprites, whole_number(max_steps, "max_steps")
        self._goals = goals(left_goals)
        self._streams: Streams | None = None
        self.single_action_space: Discrete[Any] = Discrete(4)
        self.single_observation_space = Discrete(n_sprites * PLACES)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        Returns the numbers of the pictures that are seen, (num_envs,); info["goal"] holds those that are wanted.
        """
        known_options(options)
        self._streams = continued(self._streams, seed, self.num_envs)
        self._sprite, self._place, self.goal = (np.zeros(self.num_envs, dtype=np.int64) for _ in range(3))
        self._steps = np.zeros(self.num_envs, dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._start(np.arange(self.num_envs))
        return self._shown(), {"goal": self._sprite * PLACES + self.goal}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of all copies.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        self._place = moved(self._place, chosen)
        self._steps += 1
        new = np.flatnonzero(self._ended)
        reached = self._place == self.goal
        if len(new):
            self._start(new)
            reached[new] = False
        truncated = (self._steps >= self.max_steps) & ~reached
        self._ended = reached | truncated
        return (
            self._shown(),
            reached.astype(float),
            reached,
            truncated,
            {"goal": self._sprite * PLACES + self.goal},
        )

    def _start(self, which: np.ndarray) -> None:
        assert self._streams is not None
        uniform = self._streams.draw(which, 3)
        self._sprite[which] = (uniform[:, 0] * self.n_sprites).astype(np.int64)
        self._place[which] = (uniform[:, 1] * PLACES).astype(np.int64)
        self.goal[which] = self._goals[(uniform[:, 2] * len(self._goals)).astype(np.int64)]
        self._steps[which] = 0

    def _shown(self) -> np.ndarray:
        return self._sprite * PLACES + self._place


class Sprites(DrawnEnv):
    """Shift a sprite until it is where the goal picture shows it. Reward 1 for the step that gets it there, else 0.

    A sprite of 8 × 8 pixels lies on 14 × 14, shifted by −3 to 3 in each direction: 49 places. Actions shift it by one
    pixel up, left, down or right (0 to 3); at the border it stays. Sprite, place and goal are drawn at every start, the
    goal in the three columns on the left, or on the right. It may be the first place; only a step reaches it.

    Args:
        sprites: (n, 8, 8), with values from 0 to 1; `digits()` by default.
        left_goals: whether goals are drawn on the left or on the right.
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, or None.

    Raises:
        ValueError: sprites of another shape, or with other values.

    >>> shift = Sprites(digits()[:10])
    >>> seen, info = shift.reset(seed=0)
    >>> seen.shape, info["goal"].shape
    ((1, 14, 14), (1, 14, 14))

    Source: van der Pol et al. 2020, Plannable Approximations to MDP Homomorphisms; settings from its code.
    """

    metadata = SERVED
    action_names = MOVES

    def __init__(
        self,
        sprites: np.ndarray | None = None,
        left_goals: bool = True,
        max_steps: int = 100,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = known_mode(render_mode)
        sprites = digits() if sprites is None else real_numbers(sprites, "sprites")
        if sprites.ndim != 3 or sprites.shape[1:] != (SIZE, SIZE) or len(sprites) == 0:
            raise ValueError(f"sprites have shape {sprites.shape}, expected (n, {SIZE}, {SIZE})")
        if not (sprites.min() >= 0 and sprites.max() <= 1):
            raise ValueError(f"sprites have values from {sprites.min()} to {sprites.max()}, expected 0 to 1")
        self._images = render(sprites)
        self._envs = SpriteCopies(1, len(sprites), left_goals, max_steps)
        self.action_space = Discrete(4)
        self.observation_space: Any = Box(0, 1, self._images.shape[1:], np.float32)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Draw a sprite, its place and a goal; info["goal"] is the picture of the goal."""
        known_options(options)
        super().reset(seed=seed)
        seen, info = self._envs.reset(seed=[int(self.np_random.integers(2**31))])
        return self._images[seen[0]].copy(), {"goal": self._images[info["goal"][0]].copy()}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self._envs.single_action_space, action)
        require_start(self.started, self)
        seen, rewards, reached, truncated, info = self._envs.step(np.array([chosen]))
        goal = self._images[info["goal"][0]].copy()
        return self._images[seen[0]].copy(), float(rewards[0]), bool(reached[0]), bool(truncated[0]), {"goal": goal}

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._envs._streams is not None

    def picture(self) -> np.ndarray:
        """The sprite where it is, enlarged, (rows, columns, 3)."""
        return enlarged(self._images[self._envs._shown()[0]])
