"""Shapes, blocks, three bodies and Atari's frames: Gymnasium's checks, the rules written out, stored pictures."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from symrl_lite.data import Episodes, record_episodes
from symrl_lite.envs import physics
from symrl_lite.envs._pushing import pushed
from symrl_lite.envs.blocks import Blocks
from symrl_lite.envs.physics import ThreeBodies, ThreeBodyCopies, accelerations, advance
from symrl_lite.envs.shapes import Shapes
from symrl_lite.symmetry import audit

PICTURES = Path(__file__).parent / "pictures"
MAKE = {
    "shapes": Shapes,
    "crowd": lambda: Shapes(5, size=3),
    "alike": lambda: Shapes(alike=True),
    "blocks": Blocks,
    "bodies": lambda: ThreeBodies(max_steps=3),  # a start is found sooner
}


@pytest.mark.parametrize("name", MAKE)
def test_gymnasium_has_no_complaint(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(MAKE[name](), skip_render_check=True)


def push(positions, action, size):
    """One push of one board, written without arrays."""
    k, move = divmod(action, 4)
    step = {0: (-1, 0), 1: (0, -1), 2: (1, 0), 3: (0, 1)}[move]
    target = (positions[k][0] + step[0], positions[k][1] + step[1])
    free = 0 <= target[0] < size and 0 <= target[1] < size and target not in positions
    return [target if free and j == k else place for j, place in enumerate(positions)]


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(1, 4), st.integers(0, 10**6))
def test_every_push_follows_the_rules(size, objects, seed):
    board = Shapes(objects, size)
    board.reset(seed=seed)
    random = np.random.default_rng(seed)
    for action in random.integers(4 * objects, size=20):
        expected = push([(int(i), int(j)) for i, j in board.positions], int(action), size)
        board.step(action)
        assert board.positions.tolist() == [list(place) for place in expected]
        assert len({tuple(p) for p in board.positions.tolist()}) == objects


def test_copies_do_not_depend_on_their_neighbours_and_start_anew_after_the_last_step():
    for board in (Shapes(max_steps=3), Blocks(max_steps=3)):
        together, alone = board.copies(2), board.copies(1)
        pairs = [together.reset(seed=[5, 6]), alone.reset(seed=[6])]
        assert np.array_equal(pairs[0][0][1:], pairs[1][0])
        for t in range(5):
            actions = np.array([t, 3 * t]) % 20
            a, b = together.step(actions), alone.step(actions[1:])
            assert np.array_equal(a[0][1:], b[0]) and np.array_equal(a[3][1:], b[3])
            assert bool(b[3][0]) == (t == 2)
    first = board.copies(1)
    start = first.reset(seed=[1])[1]["state"]
    for _ in range(4):
        state = first.step(np.array([0]))[4]["state"]
    assert not np.array_equal(start, state)


@pytest.mark.parametrize("make", [Shapes, lambda: Blocks(3), lambda: Shapes(4, size=3)])
def test_the_board_can_be_turned(make):
    board = make()
    states = record_episodes(board.copies, 8, 1, seed=1).states[:, 0]
    symmetry = board.rotations()
    report = audit(board, symmetry, states=list(states), get_state=lambda env: env.unwrapped.positions)
    assert report.holds
    assert symmetry.act_on_state("r", [[0, 0]] * board.objects)[0].tolist() == [board.size - 1, 0]
    up = np.eye(4 * board.objects)[4]  # object 1 up
    assert symmetry.act_on_action_values("r", up).argmax() == 5  # object 1 left


def test_the_pictures_of_shapes_turn_tile_by_tile_only():
    # A turned board shows its shapes upright, a turned picture shows them turned; a circle is the same both ways.
    board = Shapes(2)
    places = np.array([[[0, 1], [3, 3]]])
    turned = board.rotations().act_on_state("r", places)
    picture, other = np.rot90(board.images(places)[0], axes=(1, 2)), board.images(turned)[0]
    i, j = turned[0, 0] * 10
    assert np.array_equal(picture[:, i : i + 10, j : j + 10], other[:, i : i + 10, j : j + 10])
    assert not np.array_equal(picture, other)


@pytest.mark.parametrize(("name", "board"), [("shapes", Shapes(9)), ("blocks", Blocks(9))])
def test_renderers_against_stored_pictures(name, board):
    stored = np.asarray(Image.open(PICTURES / f"{name}.png"))
    assert np.array_equal(_strip(board, [1, 2, 3]), stored)
    places = np.array([board.copies(3).reset(seed=[1, 2, 3])[1]["state"]])[0]
    masks = board.masks(places)
    assert masks.shape == (3, 9, 50, 50) and (masks.sum(axis=1) <= 1).all()
    pictures, shown = board.images(places), masks.any(axis=1)
    for k in range(3):
        assert len(np.unique(pictures[k][:, ~shown[k]], axis=1).T) < len(np.unique(pictures[k][:, shown[k]], axis=1).T)


def test_three_bodies_against_a_stored_picture():
    seen, _ = ThreeBodyCopies(3).reset(seed=[1, 2, 3])
    stored = np.asarray(Image.open(PICTURES / "bodies.png"))
    assert np.abs(np.concatenate(list(seen[:, 3:].transpose(0, 2, 3, 1)), axis=1).astype(int) - stored).max() <= 1


def test_bodies_are_seen_where_they_are():
    played = record_episodes(ThreeBodyCopies, 4, 5, seed=0)
    pixels = played.observations.astype(float).reshape(4, 6, 2, 3, 50, 50)  # frames before and now
    middles = np.stack([(pixels * axis).sum(axis=(4, 5)) / pixels.sum(axis=(4, 5)) for axis in np.mgrid[:50, :50]], -1)
    now, before = middles[:, :, 1], middles[:, :, 0]  # (4, 6, 3, 2)
    # A state is (x, y, ...) with x the column; the first pixel's middle is at 0.5.
    assert np.abs(played.states[..., 1::-1] - (now + 0.5)).max() < 0.1
    assert np.abs(before[:, 1:] - now[:, :-1]).max() < 1e-9


@pytest.mark.parametrize("board", [Shapes(), Shapes(4, size=3), Shapes(alike=True), Blocks()])
def test_pictures_are_those_of_the_true_states(board):
    played = record_episodes(board.copies, 6, 8, seed=0)
    frames = played.observations.reshape(54, *board.image_shape)
    assert np.array_equal(frames, board.images(played.states.reshape(54, board.objects, 2)))
    alone = record_episodes(board, 2, 8, seed=0)
    assert np.array_equal(alone.observations, played.observations[:2])


def test_shapes_that_look_alike_may_be_exchanged():
    places = np.array([[[0, 1], [3, 3], [2, 0]]])
    alike, different = Shapes(3, alike=True), Shapes(3)
    assert np.array_equal(alike.images(places), alike.images(places[:, [2, 0, 1]]))
    assert not np.array_equal(different.images(places), different.images(places[:, [2, 0, 1]]))
    assert np.array_equal(alike.images(places)[:, :, :10, 10:20], different.images(places)[:, :, :10, 10:20])


def _strip(board, seeds):
    images = board.copies(len(seeds)).reset(seed=seeds)[0]
    return np.concatenate(list(images.transpose(0, 2, 3, 1)), axis=1)


def test_near_blocks_hide_far_ones():
    board = Blocks(2)
    apart, behind = board.masks([[[0, 0], [4, 4]], [[2, 2], [3, 3]]])
    assert behind[1].sum() == apart[1].sum() and behind[0].sum() < apart[0].sum()
    red = board.images([[[2, 2], [3, 3]]])[0][:, board.masks([[[2, 2], [3, 3]]])[0, 1]]
    alone = Blocks(1).masks([[[3, 3]]])[0, 0]
    assert red.shape[1] == alone.sum()


def test_boards_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="5 objects on 2 × 2"):
        Shapes(5, size=2)
    with pytest.raises(ValueError, match="expected at most 9"):
        Shapes(10)
    with pytest.raises(ValueError, match="expected at most 9"):
        Blocks(10)
    board = Shapes(2)
    for wrong in ([[0, 0], [0, 0]], [[0, 0]], [[0, 0], [5, 0]]):
        with pytest.raises(ValueError, match="expected 2 different cells"):
            board.set_state(wrong)
    board.reset(seed=0, options={"positions": [[1, 2], [3, 4]]})
    assert board.positions.tolist() == [[1, 2], [3, 4]]
    with pytest.raises(ValueError, match="expected 0 to 7"):
        board.step(8)
    assert pushed([[[0, 0]]], [0], 3).tolist() == [[[0, 0]]]


def test_bodies_keep_momentum_and_energy_and_do_not_touch():
    path = record_episodes(ThreeBodyCopies, 50, 10, seed=3).states  # (50, 11, 3, 4)
    x, v = path[..., :2], path[..., 2:]
    assert np.abs(v.sum(axis=2) - v.sum(axis=2)[:, :1]).max() < 1e-9
    gaps = np.linalg.norm(x[:, :, :, None] - x[:, :, None], axis=-1)
    potential = -physics.PULL * sum(1 / gaps[:, :, i, j] for i, j in ((0, 1), (0, 2), (1, 2)))
    total = (v**2).sum(axis=(2, 3)) / 2 + potential
    assert np.abs(total - total[:, :1]).max() < 0.02 * np.abs(total).mean()
    assert gaps[..., 0, 1].min() > physics.NEAREST
    assert x.min() > physics.RADIUS and x.max() < physics.PIXELS - physics.RADIUS
    force = accelerations(np.array([[0.0, 0.0], [3.0, 4.0]]))
    assert np.allclose(force[0], physics.PULL / 25 * np.array([0.6, 0.8]))
    x1, _ = advance(np.zeros((1, 2)), np.array([[1.0, 2.0]]))
    assert np.allclose(x1, [[2.0, 4.0]])  # alone, a body goes straight on
    with pytest.raises(ValueError, match="max_steps is 0"):
        ThreeBodyCopies(1, max_steps=0)


def test_episodes_of_vector_and_of_single_environments():
    one, two = record_episodes(Shapes().copies, 3, 5, seed=1), record_episodes(Shapes().copies, 2, 5, seed=1)
    assert np.array_equal(one.observations[:2], two.observations) and np.array_equal(one.actions[:2], two.actions)
    assert one.observations.dtype == np.uint8 and one.states.shape == (3, 6, 5, 2)
    single = record_episodes(Shapes(), 3, 5, seed=1)
    assert np.array_equal(single.actions, one.actions)
    for e in range(3):
        for t in range(5):
            after = pushed(single.states[e, t][None], single.actions[e, [t]], 5)[0]
            assert np.array_equal(after, single.states[e, t + 1])
    only = record_episodes(Shapes().copies, 20, 5, actions=[0, 4])
    assert set(only.actions.ravel().tolist()) == {0, 4}
    with pytest.raises(ValueError, match="expected some of 0 to 19"):
        record_episodes(Shapes().copies, 2, 2, actions=[20])
    with pytest.raises(ValueError, match=r"(episodes|steps) is 0, expected a whole number from 1"):
        record_episodes(Shapes().copies, 0, 2)
    with pytest.raises(RuntimeError, match="ended after 2 steps, expected 3"):
        record_episodes(Shapes(max_steps=2).copies, 2, 3)
    with pytest.raises(ValueError, match="expected"):
        Episodes(one.observations, one.actions[:, :4], one.states)
    numbers = one.state_numbers
    same = (one.states.reshape(18, 1, -1) == one.states.reshape(1, 18, -1)).all(axis=2)
    assert np.array_equal(numbers.reshape(18, 1) == numbers.reshape(1, 18), same)


def test_atari_frames(monkeypatch):
    pytest.importorskip("ale_py")
    from symrl_lite.envs.atari_frames import GAMES, AtariFrames

    with warnings.catch_warnings(), monkeypatch.context() as patched:
        warnings.simplefilter("error")
        patched.setitem(GAMES, "Pong", (GAMES["Pong"][0], 5))  # a dozen games begin: let them begin sooner
        check_env(AtariFrames(), skip_render_check=True)
    played = record_episodes(AtariFrames("SpaceInvaders"), 2, 4, seed=0)
    assert played.observations.shape == (2, 5, 6, 50, 50)
    assert np.array_equal(played.observations[:, :-1, 3:], played.observations[:, 1:, :3])  # now becomes before
    assert len(np.unique(played.state_numbers)) == 10
    with pytest.raises(ValueError, match="expected one of"):
        AtariFrames("Chess")
