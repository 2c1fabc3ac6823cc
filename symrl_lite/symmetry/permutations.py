"""What a symmetry does with numbers of states and of actions."""

from __future__ import annotations

import numpy as np

from symrl_lite.door import whole_numbers
from symrl_lite.groups import Representation
from symrl_lite.symmetry.moved_actions import action_permutation, require_permutations
from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["permutations_of"]


def permutations_of(symmetry: Symmetry, n_states: int, n_actions: int) -> tuple[np.ndarray, np.ndarray]:
    """g·s for the states 0..S−1, (|G|, S), and g·a for the actions 0..A−1, (|G|, A).

    Raises:
        ValueError: an L_g or K_g that does not permute them, or is no left action.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> permutations_of(GridWorld(size=3).symmetries(), 9, 4)[0].shape
    (8, 9)
    """
    G = symmetry.group
    if isinstance(symmetry.on_states, Representation):
        columns = symmetry.on_states.matrices
        states = columns.argmax(axis=1) if symmetry.on_states.is_permutation else columns[:, 0]
    else:
        try:
            states = whole_numbers([[symmetry.act_on_state(g, s) for s in range(n_states)] for g in G], "g·s", low=None)
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"on_states does not act on the state indices 0 to {n_states - 1}: {error}") from error
    require_permutations(G, states, n_states, "state")
    return states, action_permutation(symmetry, n_actions)
