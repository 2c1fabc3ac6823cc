"""Gymnasium's CartPole, its mirror image, and a wind from one side that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv
from gymnasium.vector import AutoresetMode

from symrl_lite.data.streams import Streams, continued
from symrl_lite.door import a_number, a_seed, real_numbers, require_function, whole_number
from symrl_lite.envs._door import known_options, require_start, single_action, vector_actions
from symrl_lite.envs._pictures import drawn, known_mode
from symrl_lite.groups import Representation, cyclic, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["ACTIONS", "CartPole", "CartPoles", "reflection", "visited"]

ACTIONS = ("left", "right")


def reflection() -> Symmetry:
    """C2: the mirror image. L_s changes the signs of x, ẋ, θ, θ̇, and K_s swaps left and right.

    >>> mirror = reflection()
    >>> mirror.act_on_state("r", np.array([0.1, 0.0, -0.2, 0.3])).tolist(), mirror.act_on_action_values("r", [1, 2])
    ([-0.1, 0.0, 0.2, -0.3], array([2., 1.]))

    Source: van der Pol et al. 2020, MDP Homomorphic Networks (CartPole).
    """
    mirror = cyclic(2)
    signs = Representation(mirror, [np.eye(4), -np.eye(4)], name="signs")
    return Symmetry(mirror, signs, permutation(mirror, [[0, 1], [1, 0]]), "mirror image of the cart pole")


class CartPole(CartPoleEnv):
    """Gymnasium's CartPole with a wind: a force that always pushes the cart to the right. Without time limit.

    Args:
        wind: force in newtons, beside the 10 N of an action.
        render_mode: "rgb_array" for `render`, the course's drawing, which needs no pygame; or None.

    Source: Barto, Sutton & Anderson 1983, Neuronlike Adaptive Elements That Can Solve Difficult Learning Control
    Problems, as in Gymnasium's CartPole-v1; the wind is the course's own.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012  (Gymnasium's own way to say it)
    action_space: Any  # Discrete(2)

    def __init__(self, wind: float = 0.0, render_mode: str | None = None) -> None:
        super().__init__(render_mode=known_mode(render_mode))
        self.wind = a_number(wind, "wind")

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start upright, each number uniform in ±0.05, or between options["low"] and options["high"]."""
        known_options(options, "low", "high")
        return super().reset(seed=None if seed is None else a_seed(seed), options=options)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; the wind changes both velocities, and Gymnasium's positions follow one step later.

        Raises:
            ValueError: an action that is not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        single_action(self.action_space, action)
        require_start(self.state is not None, self)
        before = np.array(self.state, dtype=np.float64)
        _, reward, terminated, truncated, info = super().step(action)
        self.state = self.state + _push(self, before)
        return np.array(self.state, dtype=np.float32), float(reward), terminated, truncated, info

    def render(self) -> Any:
        """The cart pole as `plots.draw_cartpole` draws it, (rows, columns, 3); None without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: no `reset` before.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('CartPole has no render mode: make it with render_mode="rgb_array"')
            return None
        require_start(self.state is not None, self)
        return _picture(self.state)


class CartPoles(CartPoleVectorEnv):
    """n cart poles at once, in arrays: Gymnasium's own, with a wind and with a random stream for each.

    Every copy depends on its own seed alone, so a seed does the same among others as on its own. An episode that has
    ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of copies.
        wind: force in newtons that always pushes to the right, beside the 10 N of an action.
        max_episode_steps: length after which an episode is truncated.
        render_mode: "rgb_array" for `render`, a picture of each, or None.

    >>> several, one = CartPoles(3), CartPoles(1)
    >>> bool((several.reset(seed=[4, 5, 6])[0][1] == one.reset(seed=[5])[0][0]).all())
    True

    Source: Gymnasium's CartPoleVectorEnv; Barto, Sutton & Anderson 1983 as for `CartPole`.
    """

    metadata = {  # noqa: RUF012
        "render_modes": ["rgb_array"],
        "render_fps": 50,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    state: Any  # (4, n)
    single_action_space: Any  # Discrete(2)

    def __init__(
        self, num_envs: int = 1, wind: float = 0.0, max_episode_steps: int = 500, render_mode: str | None = None
    ) -> None:
        num_envs = whole_number(num_envs, "num_envs")
        max_episode_steps, wind = whole_number(max_episode_steps, "max_episode_steps"), a_number(wind, "wind")
        super().__init__(num_envs=num_envs, max_episode_steps=max_episode_steps, render_mode=known_mode(render_mode))
        self.wind = wind
        self._streams: Streams | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None.

        Without a seed the copies' random numbers go on. Numbers of a start are uniform in ±0.05, or between
        options["low"] and options["high"], as in Gymnasium's own. Returns states (num_envs, 4) and an empty dictionary.

        Raises:
            ValueError: an option that there is not, or another number of seeds.
        """
        known_options(options, "low", "high")
        super().reset(seed=0, options=options)
        self._streams = continued(self._streams, seed, self.num_envs)
        self.state = self._starts(np.arange(self.num_envs))
        return self.state.T.astype(np.float32), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of all copies.

        Raises:
            ValueError: actions that are not in the action space. gymnasium.error.ResetNeeded: no `reset` before.
        """
        chosen = vector_actions(self.single_action_space, actions, self.num_envs)
        require_start(self._streams is not None, self)
        new, before = np.flatnonzero(self.prev_done), self.state
        _, rewards, terminated, truncated, info = super().step(chosen)
        if self.wind:
            self.state = self.state + _push(self, before)
        if len(new):
            self.state[:, new] = self._starts(new)
        return self.state.T.astype(np.float32), rewards, terminated, truncated, info

    def _starts(self, which: np.ndarray) -> np.ndarray:
        assert self._streams is not None
        uniform = self._streams.draw(which, 4).T  # (4, n)
        if (self.low, self.high) == (-0.05, 0.05):
            return (uniform - 0.5) * 0.1  # as below, but for rounding, which recorded results depend on
        return self.low + (self.high - self.low) * uniform

    def render(self) -> Any:
        """A picture of each copy, num_envs arrays (rows, columns, 3); None without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: no `reset` before.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('CartPoles has no render mode: make it with render_mode="rgb_array"')
            return None
        require_start(self._streams is not None, self)
        return tuple(_picture(state) for state in self.state.T)


def visited(
    policy: Callable[[np.ndarray], Any], copies: int = 20, steps: int = 100, seed: int = 0, wind: float = 0.0
) -> np.ndarray:
    """The states in which a policy acts, in some cart poles that start anew when their episode ends.

    Args:
        policy: states (copies, 4) -> probabilities (copies, 2), from which actions are drawn.
        copies: number of cart poles.
        steps: of each.
        seed: of starts and actions.
        wind: as in `CartPoles`.

    Returns:
        (steps · copies, 4), those of one step after the other.

    Raises:
        TypeError: a policy that is no function. ValueError: what it returns is no array of such probabilities.

    >>> visited(lambda states: np.full((len(states), 2), 0.5), copies=3, steps=4).shape
    (12, 4)
    """
    require_function(policy, "policy", "a function of states (copies, 4)")
    copies, steps, seed = whole_number(copies, "copies"), whole_number(steps, "steps"), a_seed(seed)
    poles, draw, found = CartPoles(copies, wind=wind), np.random.default_rng(seed), []
    states, _ = poles.reset(seed=seed)
    for _ in range(steps):
        found.append(states.copy())
        left = real_numbers(policy(states), "policy(states)")
        if left.shape != (copies, 2) or not ((left >= 0) & (left <= 1)).all():
            raise ValueError(f"policy(states) is {left!r}, expected probabilities (copies, 2) = ({copies}, 2)")
        states, *_ = poles.step((draw.random(copies) >= left[:, 0]).astype(np.int64))
    return np.concatenate(found)


def _picture(state: Any) -> np.ndarray:
    from symrl_lite.plots import draw_cartpole  # here, because it needs matplotlib

    return drawn(lambda axes: draw_cartpole(axes, state), width=6.0, height=3.6)


def _push(physics: Any, before: np.ndarray) -> np.ndarray:
    """What the wind adds to the state in one step: Gymnasium's equations are linear in the force."""
    cosine = np.cos(before[2])
    push = physics.wind / physics.total_mass
    spin = -cosine * push / (physics.length * (4 / 3 - physics.masspole * cosine**2 / physics.total_mass))
    cart = push - physics.polemass_length * spin * cosine / physics.total_mass
    zero = np.zeros_like(cosine)
    return physics.tau * np.array([zero, cart, zero, spin])
