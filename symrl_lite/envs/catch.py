"""A ball falls, a paddle catches it, and a camera that is mounted anew for each episode sees both, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.actions import on_images
from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import a_number, a_seed, real_numbers, require_function, require_text, whole_number
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions
from symrl_lite.envs._falling import (
    CANVAS,
    COLUMN,
    FIELD,
    HIGH,
    LOW,
    PADDLE,
    PARTS,
    REACH,
    ROW,
    move,
    of_states,
    pictures,
)
from symrl_lite.envs._pictures import SERVED, DrawnEnv, enlarged, known_mode
from symrl_lite.groups import FiniteGroup, Representation, dihedral, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["ACTIONS", "Catch", "Catches", "catches", "demonstrations", "expert", "flip", "pictures", "reflection"]

ACTIONS = ("left", "stay", "right")
STEPS = FIELD - 1  # of an episode: one row each


def flip() -> Symmetry:
    """C2 on pictures: left and right of the picture change places, and with them the actions left and right.

    L_s acts on pictures (..., channels, height, width). Noise has no sides, so what is symmetric is how pictures are
    distributed; `reflection` is the same mirror on true states, which can be audited.

    >>> mirror = flip()
    >>> mirror.act_on_state("r2s", np.array([[[1, 2], [3, 4]]])).tolist()
    [[[2, 1], [4, 3]]]
    >>> mirror.act_on_action_values("r2s", [0.1, 0.2, 0.7]).tolist()
    [0.7, 0.2, 0.1]

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (a flip moves the picture and the actions).
    """
    group, swap = _swap()
    return Symmetry(group, on_images(group), swap, "mirror image of the catch")


def reflection() -> Symmetry:
    """C2 on true states (..., 6): column and paddle go to 11 − x, the drift to −x, the camera's left edge to 4 − x.

    >>> mirror = reflection()
    >>> mirror.act_on_state("r2s", np.array([3.0, 0, 1, 4, 2, 1])).tolist()
    [3.0, 11.0, -1.0, 7.0, 2.0, 3.0]
    """
    group, swap = _swap()
    signs = np.array([1, -1, -1, -1, 1, -1])
    shift = np.array([0, FIELD - 1, 0, FIELD - 1, 0, CANVAS - FIELD])

    def on_states(g: Any, states: Any) -> Any:
        return signs * states + shift if group.element(g) else np.array(states)

    return Symmetry(group, on_states, swap, "mirror image of the catch")


def _swap() -> tuple[FiniteGroup, Representation]:
    group = dihedral(4).subgroup(["r2s"])  # the element that swaps left and right, so that layers know it
    return group, permutation(group, [[0, 1, 2], [2, 1, 0]])


class Catches(VectorEnv[Any, Any, Any]):
    """n catches at once: a ball falls one row a step, 11 steps long; a paddle below goes left, stays or goes right.

    The ball drifts −1, 0 or 1 columns a step, and at a side of the field (12 × 12) turns back. The paddle covers its
    own column and one on either side. Reward 1 at the end if it is under the ball, else 0: random actions earn 34/144,
    about 0.24.

    A picture, (2, 16, 16) pixels from 0 to 1, shows the ball and the paddle (1 each) and, in the second channel, where
    the ball was a step ago. Each episode has a camera of its own: the field stands 0 to 4 pixels from the top and from
    the left of the picture, so the same place looks different next time. Pixels have normal noise, cut off at 0 and 1.

    An episode that has ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of catches.
        noise: standard deviation of each pixel, 0 for none.
        observation: "pictures", or "state" for row, column and drift of the ball, column of the paddle, and the
            camera's top and left, (6,).

    Raises:
        ValueError: noise below 0, or another observation.

    >>> games = Catches(3)
    >>> games.reset(seed=[4, 5, 6])[0].shape, games.step(np.array([0, 1, 2]))[1].tolist()
    ((3, 2, 16, 16), [0.0, 0.0, 0.0])

    Source: the catch of Mnih et al. 2014, Recurrent Models of Visual Attention; drift, noise and the camera are the
    course's own.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int = 1, noise: float = 0.15, observation: str = "pictures") -> None:
        self.num_envs, self.noise = whole_number(num_envs, "num_envs"), a_number(noise, "noise", 0)
        require_text(observation, "observation", ("pictures", "state"))
        self.observation = observation
        self._streams: Streams | None = None
        self.single_action_space: Discrete[Any] = Discrete(len(ACTIONS))
        if observation == "state":
            self.single_observation_space = Box(LOW.astype(float), HIGH.astype(float), dtype=np.float64)
        else:
            self.single_observation_space = Box(0, 1, (2, CANVAS, CANVAS), np.float32)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        Observations are (num_envs, *shape); info["state"] holds the true states, (num_envs, 6).
        """
        known_options(options)
        self._streams = continued(self._streams, seed, self.num_envs)
        self.states = np.zeros((self.num_envs, len(PARTS)), dtype=np.int64)
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._throw(np.arange(self.num_envs))
        return self._seen(), {"state": self.states.copy()}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One row of all catches.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        new = self._ended
        going = ~new
        self.states[going] = move(self.states[going], chosen[going])
        if new.any():
            self._throw(np.flatnonzero(new))
        landed = self.states[:, ROW] == FIELD - 1
        caught = landed & (np.abs(self.states[:, COLUMN] - self.states[:, PADDLE]) <= REACH)
        self._ended = landed
        never = np.zeros(self.num_envs, dtype=bool)
        return self._seen(), caught.astype(np.float64), landed.copy(), never, {"state": self.states.copy()}

    def _throw(self, which: np.ndarray) -> None:
        """From the top row, any column and drift; the paddle and the camera anywhere."""
        assert self._streams is not None
        low, sizes = LOW[1:], (HIGH - LOW + 1)[1:]
        self.states[which, ROW] = 0
        self.states[which, 1:] = low + (self._streams.draw(which, len(sizes)) * sizes).astype(np.int64)

    def _seen(self) -> np.ndarray:
        if self.observation == "state":
            return self.states.astype(np.float64)
        shown = pictures(self.states)
        if self.noise:
            from scipy.special import ndtri  # here, because states alone do without

            assert self._streams is not None
            uniform = np.stack([self._streams.draw(size=CANVAS**2) for _ in range(shown.shape[1])], axis=1)
            shown += self.noise * ndtri(uniform).astype(np.float32).reshape(shown.shape)  # normal
            shown.clip(0, 1, out=shown)
        return shown


class Catch(DrawnEnv):
    """One of `Catches`, as a Gymnasium environment whose true state can be set, for `audit` and for pictures.

    Args:
        noise, observation: as for `Catches`.
        render_mode: "rgb_array" for `render`, or None.

    >>> from symrl_lite.symmetry import audit
    >>> audit(Catch(observation="state"), reflection(), samples=12).holds
    True
    """

    metadata = SERVED

    def __init__(self, noise: float = 0.15, observation: str = "pictures", render_mode: str | None = None) -> None:
        self.render_mode = known_mode(render_mode)
        self._game = Catches(1, noise, observation)
        self.action_space, self.observation_space = (
            self._game.single_action_space,
            self._game.single_observation_space,
        )
        self._picture: np.ndarray | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start anew, or in the true state options["state"], (6,), which info["state"] gives back."""
        given = known_options(options, "state")
        super().reset(seed=seed)
        seen, info = self._game.reset(seed=[int(self.np_random.integers(2**31))])
        if "state" in given:
            self.set_state(given["state"])
            seen, info = self._game._seen(), {"state": self._game.states.copy()}
        return self._kept(seen), {"state": info["state"][0]}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One row.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before, or
                the ball has landed.
        """
        chosen = single_action(self._game.single_action_space, action)
        require_start(self.started and not self._game._ended[0], self)
        seen, rewards, terminated, truncated, info = self._game.step(np.array([chosen]))
        told = {"state": info["state"][0]}
        return self._kept(seen), float(rewards[0]), bool(terminated[0]), bool(truncated[0]), told

    def _kept(self, seen: np.ndarray) -> np.ndarray:
        self._picture = None if self._game.observation == "state" else seen[0].copy()
        return np.array(seen[0])

    @property
    def state(self) -> np.ndarray:
        """The true state, (6,): row, column and drift of the ball, column of the paddle, the camera's top and left.

        Raises:
            gymnasium.error.ResetNeeded: nothing has started.
        """
        require_start(self.started, self)
        return self._game.states[0].astype(np.float64)

    def set_state(self, state: Any) -> None:
        """Go to a true state (6,) in which the ball has not landed.

        Raises:
            TypeError: no numbers. ValueError: another shape, numbers that are not whole, or out of range.
        """
        real_numbers(state, "the state", verb="has")
        if np.shape(state) != (len(PARTS),):
            raise ValueError(f"the state has shape {np.shape(state)}, expected (6,): {', '.join(PARTS)}")
        numbers = of_states([state], "the state")
        if numbers[0, ROW] == FIELD - 1:
            raise ValueError(f"the state has row {FIELD - 1}, where the ball has landed, expected 0 to {FIELD - 2}")
        if not self.started:
            self.reset()
        self._game.states, self._game._ended = numbers, np.zeros(1, dtype=bool)
        self._picture = None

    @property
    def started(self) -> bool:
        """Whether there was a `reset`."""
        return self._game._streams is not None

    def picture(self) -> np.ndarray:
        """What the camera shows, enlarged, the ball's place of a step ago in blue, (rows, columns, 3)."""
        now, before = pictures(self._game.states)[0] if self._picture is None else self._picture
        return enlarged(np.stack([now, now, np.maximum(now, 0.6 * before)]))


def expert(states: Any) -> np.ndarray:
    """The action towards the column in which the ball is: true states (n, 6) → actions (n,). It catches every ball.

    Raises:
        ValueError: another shape, or numbers that are not whole or not in the field.

    >>> expert([[3, 5, 0, 5, 0, 0], [3, 5, 0, 9, 0, 0], [3, 5, 1, 2, 0, 0]]).tolist()
    [1, 0, 2]
    """
    states = of_states(states)
    return np.sign(states[:, COLUMN] - states[:, PADDLE]) + 1


def demonstrations(episodes: int, seed: int = 0, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """What the expert saw and did: pictures (11 · episodes, 2, 16, 16) and actions (11 · episodes,).

    An episode depends on `seed` and on its own number alone, so 20 episodes are the first of 60; they lie one after the
    other.

    Args:
        episodes: how many.
        seed: of the catches.
        noise: as for `Catches`.

    >>> seen, actions = demonstrations(2)
    >>> seen.shape, sorted(set(actions.tolist()) - {0, 1, 2})
    ((22, 2, 16, 16), [])
    """
    episodes, seed = whole_number(episodes, "episodes"), a_seed(seed)
    games = Catches(episodes, noise)
    seen, info = games.reset(seed=_seeds(seed, episodes))
    shown, actions = [], []
    for _ in range(STEPS):
        shown.append(seen)
        actions.append(expert(info["state"]))
        seen, *_, info = games.step(actions[-1])
    return np.stack(shown, axis=1).reshape(-1, *seen.shape[1:]), np.stack(actions, axis=1).ravel()


def catches(
    policies: Sequence[Callable[[np.ndarray], Any]], episodes: int = 300, seed: int = 999, noise: float = 0.15
) -> np.ndarray:
    """The share of balls that each policy catches, (policies,); all play the same episodes.

    Args:
        policies: functions of pictures (episodes, 2, 16, 16) to scores or probabilities (episodes, 3); the action of
            the largest is taken.
        episodes: how many of each, played side by side.
        seed: of the episodes; those of `demonstrations` with the same seed begin alike, so take another one.
        noise: as for `Catches`.

    Raises:
        TypeError: policies that are no list of functions. ValueError: no policy, or one whose answer has another shape
            or is not finite.

    >>> generator = np.random.default_rng(0)
    >>> blind = catches([lambda seen: generator.random((len(seen), 3))], episodes=2000)
    >>> bool(0.2 < blind[0] < 0.27)
    True
    """
    if not isinstance(policies, Sequence):
        raise TypeError(f"policies is {policies!r}, expected a list of functions of pictures")
    if not policies:
        raise ValueError("policies is empty, expected at least one function of pictures")
    for k, policy in enumerate(policies):
        require_function(policy, f"policies[{k}]", "a function of pictures (episodes, 2, 16, 16)")
    episodes, seed = whole_number(episodes, "episodes"), a_seed(seed)
    caught = []
    for k, policy in enumerate(policies):
        games = Catches(episodes, noise)
        seen, _ = games.reset(seed=_seeds(seed, episodes))
        for _ in range(STEPS):
            scores = real_numbers(policy(seen.copy()), f"policies[{k}](pictures)")
            if scores.shape != (episodes, len(ACTIONS)) or not np.isfinite(scores).all():
                raise ValueError(
                    f"policies[{k}](pictures) has shape {scores.shape}, expected finite scores ({episodes}, 3)"
                )
            seen, rewards, *_ = games.step(scores.argmax(axis=1))
        caught.append(rewards.mean())
    return np.array(caught)


def _seeds(seed: int, episodes: int) -> list[int]:
    """A seed for each episode: neighbouring seeds share none, and the first are the same however many there are."""
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(episodes)]
