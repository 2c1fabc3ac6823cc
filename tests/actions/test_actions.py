"""The square's actions agree with NumPy's rotations, with each other, and with the group's table."""

from dataclasses import dataclass

import numpy as np
import pytest

from symrl_lite.actions import GridState, on_cells, on_grid_states, on_images, on_moves
from symrl_lite.groups import cyclic, dihedral, symmetric

SQUARE_GROUPS = [cyclic(4), dihedral(4)]


@dataclass(frozen=True)
class Drawn:
    size: int
    agent: tuple[int, int] | None
    goal: tuple[int, int] | None
    walls: tuple[tuple[int, int], ...] = ()


def test_generators_are_rot90_and_flipud():
    image = np.arange(2 * 9).reshape(2, 3, 3)
    act = on_images(dihedral(4))
    assert np.array_equal(act("r", image), np.rot90(image, axes=(1, 2)))
    assert np.array_equal(act("s", image), image[:, ::-1])
    assert np.array_equal(act("rs", image), np.rot90(image[:, ::-1], axes=(1, 2)))


@pytest.mark.parametrize("group", SQUARE_GROUPS, ids=lambda group: group.name)
def test_image_action_is_a_left_action(group):
    image = np.arange(9).reshape(3, 3)
    act = on_images(group)
    for g in group:
        for h in group:
            assert np.array_equal(act(group.multiply(g, h), image), act(g, act(h, image)))


@pytest.mark.parametrize("group", SQUARE_GROUPS, ids=lambda group: group.name)
@pytest.mark.parametrize("size", [1, 4, 5])
def test_cells_move_as_pixels_do(group, size):
    """An image with one bright pixel is the oracle for where a cell goes."""
    move, turn = on_cells(group, size), on_images(group)
    for g in group:
        for cell in np.ndindex(size, size):
            image = np.zeros((size, size))
            image[cell] = 1
            assert turn(g, image)[move(g, cell)] == 1


def test_grid_states_move_every_field():
    act = on_grid_states(dihedral(4), 5)
    moved = act("r", Drawn(5, agent=(0, 0), goal=(2, 2), walls=((0, 4),)))
    assert moved == Drawn(5, agent=(4, 0), goal=(2, 2), walls=((0, 0),))
    assert act("s", Drawn(5, agent=None, goal=(0, 1))) == Drawn(5, agent=None, goal=(4, 1))


def test_images_do_not_share_memory_with_their_source():
    image = np.zeros((2, 2))
    on_images(cyclic(4))("e", image)[0, 0] = 1
    assert image[0, 0] == 0


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "bool"])
def test_a_tensor_gives_a_tensor(dtype):
    torch = pytest.importorskip("torch")
    image = np.arange(2 * 9).reshape(2, 3, 3).astype(dtype)
    act = on_images(dihedral(4))
    for g in dihedral(4):
        moved = act(g, torch.from_numpy(image))
        assert isinstance(moved, torch.Tensor) and moved.dtype == getattr(torch, dtype)
        assert isinstance(act(g, image), np.ndarray) and np.array_equal(moved.numpy(), act(g, image))
    given = torch.zeros(2, 2, requires_grad=True)
    act("e", given).sum().backward()  # gradients pass
    assert given.grad.tolist() == [[1, 1], [1, 1]]
    plain = torch.zeros(2, 2)
    act("e", plain)[0, 0] = 1
    assert plain[0, 0] == 0


@pytest.mark.parametrize("group", [dihedral(4).subgroup(["s"]), dihedral(4).subgroup(["r2", "s"])], ids=str)
def test_subgroups_move_as_the_whole_group_does(group):
    image = np.arange(9).reshape(3, 3)
    whole = dihedral(4)
    for g, name in enumerate(group.names):
        assert np.array_equal(on_images(group)(g, image), on_images(whole)(name, image))
        assert on_cells(group, 3)(g, (0, 1)) == on_cells(whole, 3)(name, (0, 1))
        assert np.array_equal(on_moves(group)(g), on_moves(whole)(name))


@pytest.mark.parametrize("cell", [(0.5, 1), (1,), (0, 1, 2), 3, (True, 0.0), [[0, 1]]])
def test_cells_are_two_whole_numbers(cell):
    with pytest.raises(ValueError, match="expected \\(row, column\\)"):
        on_cells(cyclic(4), 5)("r", cell)
    with pytest.raises(ValueError, match="expected \\(row, column\\)"):
        GridState(5, agent=cell)


def test_refusals():
    for size in (2.5, True, "5"):
        with pytest.raises(ValueError, match=r"size is .*, expected a whole number"):
            on_cells(cyclic(4), size)
        with pytest.raises(ValueError, match=r"size is .*, expected a whole number"):
            GridState(size)
    with pytest.raises(TypeError, match="expected a FiniteGroup"):
        on_images(4)
    with pytest.raises(ValueError, match="S3 of order 6, expected cyclic"):
        on_images(symmetric(3))
    with pytest.raises(ValueError, match="size is 0"):
        on_cells(cyclic(4), 0)
    with pytest.raises(ValueError, match=r"cell \(5, 0\) is outside of the 5 × 5 grid"):
        on_cells(cyclic(4), 5)("r", (5, 0))
    with pytest.raises(ValueError, match=r"expected \(\.\.\., height, width\)"):
        on_images(cyclic(4))("r", np.zeros(3))
