"""Symmetry, structure and equivariance in deep reinforcement learning: the package of the SymRL course.

Import what you need from its modules, for example `from symrl_lite.groups import dihedral`. This file imports none of
them, so that `import symrl_lite` stays fast.
"""

__version__ = "0.1.0"
