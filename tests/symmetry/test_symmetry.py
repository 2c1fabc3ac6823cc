"""The Symmetry object: validated at the door, acts on states and on action values."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from symrl_lite.groups import cyclic, dihedral, permutation, regular, rotation_2d
from symrl_lite.symmetry import Symmetry

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)


def test_representations_act_on_the_last_axis_from_the_left():
    moves = Symmetry(D4, rotation_2d(D4), regular(D4), "square")
    x, q = np.array([[1.0, 2.0], [3.0, 4.0]]), np.arange(8.0)
    for g in D4:
        np.testing.assert_allclose(moves.act_on_state(g, x)[1], rotation_2d(D4)(g) @ x[1])
        moved = moves.act_on_action_values(D4.names[g], q)
        assert all(moved[D4.multiply(g, h)] == q[h] for h in D4)


def test_functions_get_the_index_of_the_element():
    seen = []
    turn = Symmetry(C4, lambda g, x: seen.append(g) or np.rot90(x, g), None)
    image = np.arange(4).reshape(2, 2)
    assert np.array_equal(turn.act_on_state("r", image), [[1, 3], [0, 2]]) and seen == [1]
    q = [1.0, 2.0]
    assert turn.act_on_action_values("r", q) is q
    with pytest.raises(ValueError, match="no element 's'"):
        turn.act_on_action_values("s", q)
    with pytest.raises(IndexError):
        turn.act_on_state(4, image)


def test_validated_and_frozen():
    rho = permutation(C2, [[0, 1], [1, 0]])
    with pytest.raises(TypeError, match="group is 2"):
        Symmetry(2, rho, rho)
    with pytest.raises(TypeError, match="on_states is None"):
        Symmetry(C2, None, rho)
    with pytest.raises(TypeError, match="on_actions is 3"):
        Symmetry(C2, rho, 3)
    with pytest.raises(ValueError, match="on_actions represents C4, expected a representation of C2"):
        Symmetry(C2, rho, regular(C4))
    with pytest.raises(TypeError, match="name is None"):
        Symmetry(C2, rho, rho, None)
    with pytest.raises(FrozenInstanceError):
        Symmetry(C2, rho, rho).name = "other"


def test_restricted_to_a_subgroup():
    moves = Symmetry(D4, rotation_2d(D4), regular(D4), "square")
    flips = moves.restrict(["s", "r2"])
    x, q = np.array([1.0, 2.0]), np.arange(8.0)
    assert flips.group.order == 4 and flips.name == "square, 4 of 8"
    for name in flips.group.names:
        assert np.array_equal(flips.act_on_state(name, x), moves.act_on_state(name, x))
        assert np.array_equal(flips.act_on_action_values(name, q), moves.act_on_action_values(name, q))
    still = Symmetry(D4, rotation_2d(D4), None).restrict(["r"])
    assert still.act_on_action_values("r", q) is q and still.name == ""
