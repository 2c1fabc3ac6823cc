"""Atari's Pong as six numbers read from its memory, and the flip that is almost a symmetry of it. Needs `ale-py`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from symrl_lite.door import a_seed, whole_number, whole_numbers
from symrl_lite.envs._door import known_options, require_start, single_action
from symrl_lite.envs._pictures import SERVED, DrawnEnv, known_mode
from symrl_lite.groups import cyclic, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["ACTIONS", "QUANTITIES", "AtariPong", "flip"]

ACTIONS = ("stay", "up", "down")
QUANTITIES = ("opponent", "paddle", "ball column", "ball row", "ball rise", "ball run")
_MEANINGS = ("NOOP", "RIGHT", "LEFT")  # what the emulator calls them
_BYTES = (50, 51, 49, 54, 56, 58)  # of the game's memory, in the order of QUANTITIES
_COPIES = {50: 21, 51: 60}  # the game draws the first byte and computes with the second
_SUMS = np.array([251.0, 241.0, 0.0, 251.0, 0.0, 0.0])  # a row and its mirror image add up to this
_SIGNS = np.array([-1.0, -1.0, 1.0, -1.0, -1.0, 1.0])


def flip() -> Symmetry:
    """C2: rows r become c − r (with another c for the right paddle), the ball's rise changes sign, up and down swap.

    >>> flip().act_on_state("r", [100.0, 100.0, 80.0, 60.0, 2.0, 1.0]).tolist()
    [151.0, 141.0, 80.0, 191.0, -2.0, 1.0]
    """
    group = cyclic(2)

    def on_states(g: Any, x: Any) -> Any:
        return _SUMS + _SIGNS * np.asarray(x) if group.element(g) else np.asarray(x)

    return Symmetry(group, on_states, permutation(group, [[0, 1, 2], [0, 2, 1]]), "flip of Atari's Pong")


class AtariPong(DrawnEnv):
    """Two frames of Atari's Pong a step, without sticky actions; the state can be set in the middle of a rally.

    Observations are QUANTITIES: rows count downwards, as on the screen. Two frames, because the game sees a contact
    with a paddle one frame late. The emulator keeps the position of the paddle's knob to itself, so an action shows
    only some frames after the state was set.

    Args:
        frames: of a step.
        render_mode: "rgb_array" for `render`, the screen, or None.

    Raises:
        ModuleNotFoundError: ale-py is not installed.

    Source: Bellemare et al. 2013, The Arcade Learning Environment; the rules are those of the game itself.
    """

    metadata = SERVED

    def __init__(self, frames: int = 2, render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        import ale_py

        self.frames = whole_number(frames, "frames")

        gymnasium.register_envs(ale_py)
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._game = gymnasium.make("PongNoFrameskip-v4", repeat_action_probability=0.0)
        meanings = self._game.unwrapped.get_action_meanings()  # type: ignore[attr-defined]
        self._numbers = [meanings.index(name) for name in _MEANINGS]
        self._ale = self._game.unwrapped.ale  # type: ignore[attr-defined]
        self.action_space: Discrete[Any] = Discrete(len(ACTIONS))
        self.observation_space = Box(-255, 255, (len(QUANTITIES),), np.float64)
        self._rally: Any = None  # the emulator somewhere in a rally

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Play a new game at random until the ball is in the middle; without a seed, go back to where that was."""
        known_options(options)
        super().reset(seed=seed)
        if seed is None and self._rally is not None:
            self._ale.restoreState(self._rally)
            return self.observe(), {}
        self._game.reset(seed=int(self.np_random.integers(2**31)))
        while not (self._ale.getRAM()[54] > 0 and 90 < self._ale.getRAM()[49] < 160):
            self._game.step(self._numbers[self.np_random.integers(3)])
        self._rally = self._ale.cloneState()
        return self.observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """So many frames with one action.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = single_action(self.action_space, action)
        require_start(self.started, self)
        total, terminated, truncated = 0.0, False, False
        for _ in range(self.frames):
            if not (terminated or truncated):
                _, reward, terminated, truncated, _ = self._game.step(self._numbers[chosen])
                total += float(reward)
        return self.observe(), total, terminated, truncated, {}

    def rallies(self, count: int, seed: int = 0) -> np.ndarray:
        """States (count, 6) with a ball in play, from a player who follows it badly enough to be scored on."""
        count, draw = whole_number(count, "count"), np.random.default_rng(a_seed(seed))
        found: list[np.ndarray] = []
        state, _ = self.reset(seed=seed)
        while len(found) < count:
            state, _, ended, _, _ = self.step(1 if state[3] < state[1] + 15 * draw.normal() else 2)
            if state[3] > 0 and 60 < state[2] < 200:
                found.append(state)
            if ended:
                self._game.reset()
        self._ale.restoreState(self._rally)
        return np.array(found)

    def observe(self) -> np.ndarray:
        """The six numbers, (6,)."""
        memory = self._ale.getRAM().astype(np.float64)[list(_BYTES)]
        memory[4:] -= 256 * (memory[4:] > 127)  # the speeds have signs
        return memory

    def set_state(self, state: Any) -> None:
        """Go to the rally of the last `reset`, with these six numbers in it.

        Raises:
            ValueError: numbers that are not whole, or not six. gymnasium.error.ResetNeeded: no `reset` before.
        """
        require_start(self.started, self)
        numbers = whole_numbers(state, "state", -255, 255)  # as the observations are declared
        if numbers.shape != (len(QUANTITIES),):
            raise ValueError(
                f"state has shape {numbers.shape}, expected {len(QUANTITIES)} numbers: {', '.join(QUANTITIES)}"
            )
        self._ale.restoreState(self._rally)
        for byte, number in zip(_BYTES, numbers.tolist(), strict=True):
            for place in {byte, _COPIES.get(byte, byte)}:
                self._ale.setRAM(place, number % 256)

    def follows(self, symmetry: Symmetry, states: Any) -> np.ndarray:
        """For each state, whether the flip of what follows is what follows the flip, to the last bit: (n,) booleans."""
        held = []
        for state in states:
            ends = []
            for g in symmetry.group:
                self.set_state(symmetry.act_on_state(g, state))
                after = self.step(0)[0]
                ends.append(symmetry.act_on_state(symmetry.group.inverse(g), after))
            held.append(all(np.array_equal(ends[0], end) for end in ends))
        return np.array(held)

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._rally is not None

    def picture(self) -> np.ndarray:
        """The screen, (210, 160, 3), whole numbers from 0 to 255."""
        return np.array(self._ale.getScreenRGB())

    def frame(self) -> np.ndarray:
        """The screen, (210, 160, 3), as numbers from 0 to 1."""
        return self._ale.getScreenRGB() / 255.0
