"""Two small frames of an Atari game as one picture, as world models were tried on. Needs `ale-py`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from symrl_lite.door import require_text, whole_number
from symrl_lite.envs._door import known_options, require_start, single_action
from symrl_lite.envs._pictures import SERVED, DrawnEnv, known_mode

__all__ = ["GAMES", "AtariFrames"]

PIXELS = 50
# Rows of the screen that show the game, and how many random steps are made before an episode begins.
GAMES = {"Pong": ((35, 190), 58), "SpaceInvaders": ((30, 200), 50)}


class AtariFrames(DrawnEnv):
    """The last two frames of a game, cut and made smaller, (6, 50, 50), whole numbers from 0 to 255.

    Four frames pass with each action, without sticky actions. Before an episode begins, random actions are made until
    the game is under way. info["state"] is empty, (0,): nobody tells what is on the screen.

    Args:
        game: "Pong" or "SpaceInvaders".
        max_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, the screen, or None.

    Raises:
        ModuleNotFoundError: ale-py is not installed. ValueError: another game.

    Source: the Atari data of Kipf et al. 2020, Contrastive Learning of Structured World Models.
    """

    metadata = SERVED

    def __init__(self, game: str = "Pong", max_steps: int = 10, render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        require_text(game, "game", tuple(GAMES))
        max_steps = whole_number(max_steps, "max_steps")
        import ale_py

        gymnasium.register_envs(ale_py)
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._rows, self._warm_up = GAMES[game]
        self._game = gymnasium.make(f"{game}NoFrameskip-v4", repeat_action_probability=0.0, frameskip=4)
        self.max_steps = max_steps
        self._n_actions = int(self._game.action_space.n)  # type: ignore[attr-defined]
        self._steps = -1  # of this episode; below 0 before the first
        self.action_space: Discrete[Any] = Discrete(self._n_actions)
        self.observation_space: Any = Box(0, 255, (6, PIXELS, PIXELS), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """A new game, played at random until it is under way."""
        known_options(options)
        super().reset(seed=seed)
        ended = True
        while ended:  # a game that ends so soon is not used
            screen, _ = self._game.reset(seed=int(self.np_random.integers(2**31)))
            before, ended = screen, False
            for _ in range(self._warm_up):
                before = screen
                screen, _, terminated, truncated, _ = self._game.step(self.np_random.integers(self._n_actions))
                ended = ended or bool(terminated or truncated)
        self._before, self._now, self._steps = self._small(before), self._small(screen), 0
        return self._seen(), {"state": np.zeros(0)}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Four frames with one action.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self.action_space, action)
        require_start(self.started, self)
        screen, reward, terminated, truncated, _ = self._game.step(chosen)
        self._before, self._now = self._now, self._small(screen)
        self._steps += 1
        truncated = truncated or (self._steps >= self.max_steps and not terminated)
        return self._seen(), float(reward), bool(terminated), bool(truncated), {"state": np.zeros(0)}

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._steps >= 0

    def picture(self) -> np.ndarray:
        """The screen, (210, 160, 3), whole numbers from 0 to 255."""
        return np.array(self._game.unwrapped.ale.getScreenRGB())  # type: ignore[attr-defined]

    def close(self) -> None:
        """Close the emulator."""
        self._game.close()

    def _seen(self) -> np.ndarray:
        return np.concatenate([self._before, self._now])

    def _small(self, screen: Any) -> np.ndarray:
        """The rows of the game, as means over the pixels that fall into one of 50 × 50, (3, 50, 50)."""
        cut = np.asarray(screen, dtype=np.float64)[slice(*self._rows)]
        return _means(_means(cut, 0), 1).transpose(2, 0, 1).round().astype(np.uint8)


def _means(image: np.ndarray, axis: int) -> np.ndarray:
    """Make an axis 50 long; each new entry is the mean of its stretch of the old ones, parts of them included."""
    n = image.shape[axis]
    sums = np.concatenate([np.zeros_like(image.take([0], axis)), image.cumsum(axis)], axis)  # up to each border
    borders = np.arange(PIXELS + 1) * n / PIXELS
    low = np.floor(borders).astype(int).clip(max=n - 1)
    share = (borders - low).reshape([-1 if k == axis else 1 for k in range(image.ndim)])
    at = sums.take(low, axis) * (1 - share) + sums.take(low + 1, axis) * share
    return np.diff(at, axis=axis) * PIXELS / n
