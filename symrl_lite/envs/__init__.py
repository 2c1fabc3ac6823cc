"""Small environments with Gymnasium's API; each hands out its symmetries and, where it is finite, its table.

Importing this folder tells Gymnasium their names: `gymnasium.make("symrl/GridWorld-v0")`, and so for the others in
`NAMES`. The environments themselves are imported when they are made.
"""

from symrl_lite.envs._registered import NAMES, register

__all__ = ["NAMES", "register"]

register()
