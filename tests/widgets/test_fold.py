"""The widget `fold`: what it shows is what the homomorphism and the symmetry say."""

import io

import numpy as np
import pytest
from PIL import Image

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.homomorphism import coarsest_homomorphism, quotient
from symrl_lite.symmetry import Symmetry
from symrl_lite.widgets import fold


def made(size=3, symmetry=None, **settings):
    world = GridWorld(size, **settings)
    symmetry = symmetry or world.rotations()
    return fold(world, quotient(world.tabular(), world.rotations()), symmetry)


@pytest.fixture(scope="module")
def shown():
    """All four turns of 3 × 3 cells, drawn once: 36 pictures."""
    return made()


def test_controls_and_captions(shown):
    assert list(shown.controls) == ["row", "column", "move"]
    assert len(shown.captions) == 3 * 3 * 4 and shown.title == "9 states, 3 image states"
    corner = shown.caption(row=0, column=0, move="r")
    assert "block of 4 cells" in corner and "r takes the cell to (2, 0)" in corner and "which is K_g π" in corner
    assert "up 0.00, left 0.00, down 0.50, right 0.50" in corner
    assert "block of 1 cell." in shown.caption(row=1, column=1, move="e")


def test_a_false_partner_is_told(monkeypatch):
    monkeypatch.setattr("symrl_lite.widgets.folding.rgb", lambda figure: np.full((2, 2, 3), 255, dtype=np.uint8))
    half = GridWorld(3).rotations().restrict(["r2"])  # two moves, so that half as many pictures are drawn
    deaf = Symmetry(half.group, half.on_states, None, "actions stay")
    told = made(symmetry=deaf)
    assert "which is not K_g π" in told.caption(row=0, column=1, move="r2")


def test_every_picture_has_its_own_cell(shown):
    """Different cells and different places after the move give different pictures, all of one size."""
    sizes = {Image.open(io.BytesIO(frame)).size for frame in shown.frames}
    assert sizes == {shown.size}
    seen = {shown.frame(row=i, column=j, move="e") for i in range(3) for j in range(3)}
    assert len(seen) == 9
    assert shown.frame(row=0, column=0, move="r") != shown.frame(row=0, column=0, move="r2")


def test_letters_follow_the_actions():
    """With one letter for all moves the arrows have one colour, with four they have four."""
    world = GridWorld(3)
    folded = coarsest_homomorphism(world.tabular())
    letters = fold(world, folded, world.rotations().restrict(["r2"]))

    def left(row, column):
        """The cells of the world, without the image beside them."""
        picture = np.asarray(Image.open(io.BytesIO(letters.frame(row=row, column=column, move="e"))).convert("RGB"))
        return picture[:, : picture.shape[1] // 3].reshape(-1, 3)

    goal, edge = left(1, 1), left(0, 1)
    orange = np.array([0xD5, 0x5E, 0x00])  # the second letter
    assert not (goal == orange).all(axis=1).any() and (edge == orange).all(axis=1).sum() > 20


def test_walls_are_refused():
    with pytest.raises(ValueError, match="4 walls, expected none"):
        made(5, walls=[(0, 2), (4, 2), (2, 0), (2, 4)])
    with pytest.raises(ValueError, match="combinations"):
        made(11)
