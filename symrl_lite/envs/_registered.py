"""The names under which Gymnasium makes the environments, and many copies of them in arrays."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import gymnasium

__all__ = ["NAMES", "register"]

_MODULES = {
    "GridWorld": "gridworld",
    "PredatorPrey": "predator",
    "TrafficLights": "traffic",
    "CartPole": "cartpole",
    "Pong": "pong",
    "Catch": "catch",
    "Room": "room",
    "Sprites": "sprites",
    "Shapes": "shapes",
    "Blocks": "blocks",
    "ThreeBodies": "physics",
    "Bowl": "bowl",
    "AtariPong": "atari",
    "AtariFrames": "atari_frames",
}
NAMES = tuple(f"symrl/{name}-v0" for name in _MODULES)
# Where there is a vector environment that shows the same as the single one; for the others Gymnasium makes its own.
_MANY = {
    "GridWorld": "symrl_lite.envs._registered:grid_worlds",
    "CartPole": "symrl_lite.envs.cartpole:CartPoles",
    "Pong": "symrl_lite.envs.pong:Pongs",
    "Catch": "symrl_lite.envs.catch:Catches",
    "Shapes": "symrl_lite.envs._registered:shapes",
    "Blocks": "symrl_lite.envs._registered:blocks",
    "ThreeBodies": "symrl_lite.envs.physics:ThreeBodyCopies",
    "Bowl": "symrl_lite.envs.bowl:Bowls",
}


def register() -> None:
    """Tell Gymnasium the NAMES, once. All but the cart pole end their episodes by their own `max_steps`.

    >>> register()
    >>> gymnasium.make("symrl/GridWorld-v0", size=3).unwrapped.n_states
    9

    Source: Gymnasium's register and make.
    """
    for name, module in _MODULES.items():
        identifier = f"symrl/{name}-v0"
        if identifier not in gymnasium.registry:
            gymnasium.register(
                identifier,
                entry_point=f"symrl_lite.envs.{module}:{name}",
                vector_entry_point=_MANY.get(name),
                max_episode_steps=500 if name == "CartPole" else None,
            )


def grid_worlds(num_envs: int, **settings: Any) -> Any:
    """So many grid worlds in arrays; settings as for `GridWorld`."""
    from symrl_lite.envs._finite import FiniteEnvs
    from symrl_lite.envs.gridworld import GridWorld

    return FiniteEnvs(GridWorld(**settings), num_envs)


def shapes(num_envs: int, **settings: Any) -> Any:
    """So many tables of shapes in arrays; settings as for `Shapes`."""
    return import_module("symrl_lite.envs.shapes").Shapes(**settings).copies(num_envs)


def blocks(num_envs: int, **settings: Any) -> Any:
    """So many floors with blocks in arrays; settings as for `Blocks`."""
    return import_module("symrl_lite.envs.blocks").Blocks(**settings).copies(num_envs)
