"""Gymnasium's CartPole, its mirror image, and a wind from one side that breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleEnv, CartPoleVectorEnv

from symrl_lite._streams import Streams
from symrl_lite.groups import Representation, cyclic, permutation
from symrl_lite.symmetry import Symmetry

__all__ = ["ACTIONS", "CartPole", "CartPoles", "reflection"]

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
    """

    def __init__(self, wind: float = 0.0) -> None:
        super().__init__()
        self.wind = wind

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """One step; the wind changes both velocities, and Gymnasium's positions follow one step later."""
        before = np.array(self.state, dtype=np.float64)
        _, reward, terminated, truncated, info = super().step(action)
        self.state = self.state + _push(self, before)
        return np.array(self.state, dtype=np.float32), float(reward), terminated, truncated, info


class CartPoles(CartPoleVectorEnv):
    """n cart poles at once, in arrays: Gymnasium's own, with a wind and with a random stream for each.

    Every copy depends on its own seed alone, so a seed does the same among others as on its own. An episode that has
    ended starts anew on the step after its last (Gymnasium's AutoresetMode.NEXT_STEP).

    Args:
        num_envs: number of copies.
        wind: force in newtons that always pushes to the right, beside the 10 N of an action.
        max_episode_steps: length after which an episode is truncated.

    >>> several, one = CartPoles(3), CartPoles(1)
    >>> bool((several.reset(seed=[4, 5, 6])[0][1] == one.reset(seed=[5])[0][0]).all())
    True
    """

    state: Any  # (4, n)

    def __init__(self, num_envs: int = 1, wind: float = 0.0, max_episode_steps: int = 500) -> None:
        super().__init__(num_envs=num_envs, max_episode_steps=max_episode_steps)
        self.wind = wind

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start anew; `seed` is a number (s, s + 1, ... for the copies), a list of one for each, or None."""
        super().reset(seed=0)
        self._streams = Streams(seed, self.num_envs)
        self.state = self._starts(np.arange(self.num_envs))
        return self.state.T.astype(np.float32), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """One step of all copies."""
        new, before = np.flatnonzero(self.prev_done), self.state
        _, rewards, terminated, truncated, info = super().step(actions)
        self.state = self.state + _push(self, before)
        if len(new):
            self.state[:, new] = self._starts(new)
        return self.state.T.astype(np.float32), rewards, terminated, truncated, info

    def _starts(self, which: np.ndarray) -> np.ndarray:
        return (self._streams.draw(which, 4).T - 0.5) * 0.1  # (4, n), each number uniform in ±0.05


def _push(physics: Any, before: np.ndarray) -> np.ndarray:
    """What the wind adds to the state in one step: Gymnasium's equations are linear in the force."""
    cosine = np.cos(before[2])
    push = physics.wind / physics.total_mass
    spin = -cosine * push / (physics.length * (4 / 3 - physics.masspole * cosine**2 / physics.total_mass))
    cart = push - physics.polemass_length * spin * cosine / physics.total_mass
    zero = np.zeros_like(cosine)
    return physics.tau * np.array([zero, cart, zero, spin])
