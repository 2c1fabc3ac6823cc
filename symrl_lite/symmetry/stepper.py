"""Setting the state of an environment, through its wrappers, and stepping it: what `audit` does with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete

from symrl_lite.door import own_copy, require_array_space
from symrl_lite.symmetry.moved_actions import draw

__all__ = ["Stepper"]

_SAME = 1e-5  # a state that is read back may differ by so much, of its size if that is above 1: float32

_APART = 8  # of the states of random play with continuous actions, one in so many is taken


class Stepper:
    """Sets the state of an environment, steps it with its wrappers, and makes vectors of what it shows.

    The state is that of the innermost environment, so what is shown must be that state: wrappers may change actions and
    rewards, but not observations, unless `set_state` and `get_state` say what the state is.
    """

    def __init__(self, env: Any, set_state: Any, get_state: Any, seed: int) -> None:
        self.env, self.base, self.get_state = env, env.unwrapped, get_state
        self.generator = np.random.default_rng(seed)  # of random play
        self.continuous = not isinstance(env.action_space, Discrete)
        self._innermost, self._recorder = _record(env)
        try:
            observation, _ = env.reset(seed=seed)
            if set_state is None and get_state is None and _is_mujoco(self.base):
                set_state, self.get_state = _set_mujoco, _get_mujoco
                get_state = self.get_state
            if get_state is None:
                require_array_space(env.observation_space, "give set_state=... and get_state=..., which makes arrays")
            self._assigned = False
            if set_state is None:
                set_state = self._default(observation)
            self.set_state = set_state
            self._check_shown(observation)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the environment as it was given."""
        if self._innermost is not None:
            self._innermost.env = self.base

    def visited(self, samples: int) -> list[Any]:
        """States from random play, of the whole of several episodes.

        Bodies move little in a step: of theirs, one state in several is taken.
        """
        found: list[Any] = []
        apart = _APART if self.continuous else 1
        while len(found) < samples * apart:
            observation, _ = self.env.reset()
            for _ in range(samples):
                found.append(self._state(observation))
                observation, _, terminated, truncated, _ = self.env.step(self._random_action())
                self._check_shown(observation)
                if terminated or truncated:
                    break
        return found[: samples * apart : apart]

    def _random_action(self) -> Any:
        space = self.env.action_space
        if self.continuous:
            return draw(space, self.generator)
        return int(self.generator.integers(int(space.n))) + int(space.start)

    def step(self, state: Any, action: Any) -> tuple[np.ndarray, float, Any, bool]:
        """The next state as a vector (D,), the reward, the next state as it is, and whether the episode ended.

        Raises:
            ValueError: a reward or a state that is not finite, or a state that is not the one set.
        """
        self.env.reset()
        self.set_state(self.base, own_copy(state))
        self._read_back(state)
        observation, reward, ended, _, _ = self.env.step(own_copy(action))
        self._check_shown(observation)
        after = self._state(observation)
        if not np.isfinite(float(reward)):
            raise ValueError(f"the reward of action {action} in state {_short(state)} is {reward}")
        return self.vector(after, bool(ended)), float(reward), after, bool(ended)

    def vector(self, state: Any, ended: bool) -> np.ndarray:
        """Entries of a state, an index as a unit vector, and the end of the episode as 0 or 1, (D,).

        Raises:
            TypeError: no numbers. ValueError: NaN or infinity, or an index outside of the space.
        """
        space = self.env.observation_space
        if self.get_state is None and np.ndim(state) == 0 and isinstance(space, Discrete):
            index = int(state) - int(space.start)
            if not 0 <= index < space.n:
                raise ValueError(f"a state is {state}, expected one of {space}")
            state = np.eye(int(space.n))[index]
        try:
            entries = np.append(np.asarray(state, dtype=float).ravel(), float(ended))
        except (TypeError, ValueError) as error:
            raise TypeError(f"a state is {state!r}, expected an array of numbers ({error})") from error
        if not np.isfinite(entries).all():
            raise ValueError(f"a state is {_short(state)}, expected finite numbers")
        return entries

    def _state(self, observation: Any) -> Any:
        return own_copy(self.get_state(self.base) if self.get_state else observation)

    def _default(self, observation: Any) -> Callable[[Any, Any], None]:
        """How to set the state where nobody says it."""
        if callable(getattr(self.base, "set_state", None)):
            return _call_set_state
        state = getattr(self.base, "state", None)
        if state is not None and _gap(state, observation) is not None:
            self._assigned = True
            return _assign_state
        table = "; or, as it has a table P, audit TabularMDP.from_gymnasium(env, discount)"
        raise ValueError(
            f"the state of {self.base!r} can't be set: it has no set_state, and its `state` is not what it shows. "
            "Give set_state=... (and get_state=... if observations are no states)"
            + (table if hasattr(self.base, "P") else "")
        )

    def _check_shown(self, observation: Any) -> None:
        """What is shown is the state, and no wrapper has changed it."""
        if self.get_state is not None:
            return
        if self._recorder is not None and _gap(self._recorder.seen, observation) != 0:
            wrapped = _short(observation)
            raise ValueError(
                f"the state can't be set through the wrappers of {self.env!r}: they show {wrapped} where the "
                f"environment shows {_short(self._recorder.seen)}. Give set_state=... and get_state=..., or audit "
                "without the wrappers that change observations"
            )
        if self._assigned and _gap(self.base.state, observation) != 0:
            raise ValueError(
                f"the state of {self.base!r} can't be set: it shows {_short(observation)} where its `state` is "
                f"{_short(self.base.state)}. Give set_state=... and get_state=..."
            )

    def _read_back(self, state: Any) -> None:
        """The state that was set is the state, as far as there is a way to read it."""
        if self.get_state is not None:
            found = self.get_state(self.base)
        elif self._assigned:
            found = self.base.state
        elif callable(getattr(self.base, "_get_obs", None)):  # Gymnasium's own name for what is shown
            found = self.base._get_obs()
        else:
            return
        gap = _gap(found, state)
        if gap != 0 and (gap is not None or self.get_state is not None):
            raise ValueError(
                f"state {_short(state)} was set in {self.base!r}, but {_short(found)} is read back: set_state and "
                "get_state do not fit, or there is no such state"
            )


class _Recorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Remembers what the environment under the wrappers showed last."""

    seen: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        observation, info = self.env.reset(seed=seed, options=options)
        self.seen = own_copy(observation)
        return observation, info

    def step(self, action: Any) -> Any:
        observation, *rest = self.env.step(action)
        self.seen = own_copy(observation)
        return observation, *rest


def _record(env: Any) -> tuple[Any, _Recorder | None]:
    """Put a recorder under the innermost wrapper; that wrapper, and the recorder; None where there are no wrappers."""
    base, innermost = env.unwrapped, None
    while env is not base and isinstance(env, gymnasium.Wrapper):
        innermost, env = env, env.env
    if innermost is None or env is not base:
        return None, None
    innermost.env = _Recorder(base)
    return innermost, innermost.env


def _is_mujoco(env: Any) -> bool:
    """Whether Gymnasium's MuJoCo made it: its set_state takes positions and velocities, and it shows other things."""
    data = getattr(env, "data", None)
    return callable(getattr(env, "set_state", None)) and hasattr(data, "qpos") and hasattr(data, "qvel")


def _get_mujoco(env: Any) -> np.ndarray:
    return np.concatenate([env.data.qpos, env.data.qvel]).astype(np.float64)


def _set_mujoco(env: Any, state: Any) -> None:
    positions, velocities = env.data.qpos.size, env.data.qvel.size
    if np.shape(state) != (positions + velocities,):
        raise ValueError(
            f"a state has shape {np.shape(state)}, expected the {positions} positions (qpos) and {velocities} "
            f"velocities (qvel) of {env!r}"
        )
    env.set_state(np.asarray(state[:positions]), np.asarray(state[positions:]))


def _call_set_state(env: Any, state: Any) -> None:
    try:
        env.set_state(state)
    except TypeError as error:
        raise TypeError(f"set_state of {env!r} does not take one state ({error}): give set_state=...") from error


def _assign_state(env: Any, state: Any) -> None:
    env.state = np.array(state) if np.ndim(state) else state


def _gap(x: Any, y: Any) -> float | None:
    """The largest difference of two states, 0 if it is one of rounding; None where they can't be compared."""
    try:
        left, right = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    except (TypeError, ValueError):
        return None
    if left.shape != right.shape:
        return None
    same = np.isclose(left, right, rtol=_SAME, atol=_SAME, equal_nan=True)  # NaN is refused elsewhere, by its name
    with np.errstate(invalid="ignore"):
        return float(np.where(same, 0.0, np.abs(left - right)).max(initial=0.0))


def _short(state: Any) -> str:
    """A state, as short as a message needs it."""
    array = np.asarray(state)
    return np.array2string(array, precision=3, threshold=8, edgeitems=2).replace("\n", "")
