"""Shifts and mirror images of pictures: every pixel where it should be, actions moved along, wrong ones found out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symrl_lite.envs import catch
from symrl_lite.symmetry import augment
from symrl_lite.views import flip, random_crop, random_translate


def generator(seed=0):
    return np.random.default_rng(seed)


def shifts(picture, shifted, pad):
    """All (u, v) by which a picture (c, h, w) becomes the shifted one, by one loop over pixels for each."""
    found = []
    height, width = picture.shape[1:]
    for u in range(-pad, pad + 1):
        for v in range(-pad, pad + 1):
            expected = np.zeros_like(picture)
            for i in range(height):
                for j in range(width):
                    if 0 <= i + u < height and 0 <= j + v < width:
                        expected[:, i, j] = picture[:, i + u, j + v]
            if np.array_equal(expected, shifted):
                found.append((u, v))
    return found


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(3, 6), st.integers(3, 6), st.integers(0, 2))
def test_a_crop_is_one_shift_of_all_channels(seed, channels, height, width, pad):
    pictures = generator(seed).random((4, channels, height, width)) + 1
    for picture, shifted in zip(pictures, random_crop(pictures, pad, generator(seed + 1)), strict=True):
        assert len(shifts(picture, shifted, pad)) == 1


def test_channels_that_are_shifted_apart_are_found_out():
    """A test of the test above."""
    picture = generator().random((2, 5, 5)) + 1
    apart = np.concatenate([random_crop(picture[c : c + 1], 2, generator(c)) for c in range(2)])
    assert not shifts(picture, apart, 2) and shifts(picture[:1], apart[:1], 2)


def test_every_shift_is_drawn_equally_often():
    pictures = np.tile(np.arange(1.0, 26).reshape(5, 5), (5000, 1, 1, 1))
    middle = random_crop(pictures, 2, generator())[:, 0, 2, 2]  # names the pixel that came there
    counts = np.bincount(middle.astype(int), minlength=26)[1:]
    assert len(counts) == 25 and counts.min() > 140 and counts.max() < 260


@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(0, 4))
def test_a_translated_picture_is_whole(seed, channels, room):
    pictures = generator(seed).random((4, channels, 5, 5)) + 1
    for picture, placed in zip(pictures, random_translate(pictures, 5 + room, generator(seed + 1)), strict=True):
        rows, columns = np.nonzero(placed[0])
        top, left = rows.min(), columns.min()
        assert np.array_equal(placed[:, top : top + 5, left : left + 5], picture)
        assert np.count_nonzero(placed) == picture.size


def test_every_place_is_drawn():
    placed = random_translate(np.ones((900, 1, 2, 2)), 4, generator())
    places = {(rows.min(), columns.min()) for rows, columns in map(np.nonzero, placed[:, 0])}
    assert places == {(i, j) for i in range(3) for j in range(3)}


@pytest.mark.parametrize("see", [lambda x, r: random_crop(x, 2, r), lambda x, r: random_translate(x, 7, r)])
def test_leading_axes_dtypes_and_the_callers_array(see):
    pictures = generator().integers(1, 255, size=(2, 3, 2, 5, 5)).astype(np.uint8)
    before = pictures.copy()
    many = see(pictures, generator(4))
    assert many.dtype == np.uint8 and many.shape[:3] == (2, 3, 2)
    assert np.array_equal(many.reshape(6, *many.shape[2:]), see(pictures.reshape(6, 2, 5, 5), generator(4)))
    many[:] = 0
    assert np.array_equal(pictures, before)
    assert see(pictures[:0], generator()).shape[0] == 0


# --- flip


def test_a_flip_is_the_mirror_image_of_the_symmetry():
    """Against `augment`, which knows nothing of this function."""
    seen, actions = catch.demonstrations(3, seed=2)
    both = augment({"states": seen, "actions": actions}, catch.flip())
    mirrored, moved = flip(seen, actions, [2, 1, 0])
    assert np.array_equal(mirrored, both["states"][33:]) and np.array_equal(moved, both["actions"][33:])
    as_they_were = flip(seen, actions, None)[1]
    assert np.array_equal(as_they_were, actions) and not np.array_equal(as_they_were, moved)
    back, again = flip(mirrored, moved, [2, 1, 0])
    assert np.array_equal(back, seen) and np.array_equal(again, actions)


def test_a_mirrored_demonstration_is_what_the_expert_does_in_the_mirror():
    """And without the permutation it is not: a third of its actions and more are wrong."""
    games = catch.Catches(300, noise=0.0)
    seen, info = games.reset(seed=4)
    for _ in range(5):
        seen, _, _, _, info = games.step(catch.expert(info["state"]))
    done = catch.expert(info["state"])
    there = catch.reflection().act_on_state("r2s", info["state"].astype(float))
    mirrored, moved = flip(seen, done, [2, 1, 0])
    assert np.array_equal(mirrored, catch.pictures(there)) and np.array_equal(moved, catch.expert(there))
    assert (flip(seen, done, None)[1] != catch.expert(there)).mean() > 1 / 3


def test_some_are_flipped_together_with_their_actions():
    seen = np.arange(1, 2001).reshape(1000, 1, 1, 2)
    actions = generator().integers(4, size=1000)
    permutation = np.array([0, 3, 2, 1])
    mirrored, moved = flip(seen, actions, permutation, generator(1), 0.2)
    which = mirrored[:, 0, 0, 0] == seen[:, 0, 0, 1]
    assert 0.15 < which.mean() < 0.25
    assert np.array_equal(moved, np.where(which, permutation[actions], actions))
    assert np.array_equal(flip(seen, actions, permutation, generator(1), 0.0)[1], actions)


@pytest.mark.parametrize(
    ("permutation", "message"),
    [
        ([1, 0], "actions hold 2, expected whole numbers from 0 to 1"),
        ([2, 1, 1], "every number from 0 to 2 once"),
        ([2.5, 1, 0], "permutation hold 2.5"),
        ([[2, 1, 0]], "every number"),
        ([0, 1, -1], "permutation hold -1"),
    ],
)
def test_what_is_no_permutation_of_the_actions_is_refused(permutation, message):
    with pytest.raises(ValueError, match=message):
        flip(np.zeros((3, 1, 2, 2)), [0, 1, 2], permutation)


def test_whether_actions_move_must_be_said():
    with pytest.raises(TypeError, match="permutation"):
        flip(np.zeros((3, 1, 2, 2)), [0, 1, 2])


def test_shapes_are_looked_at():
    with pytest.raises(ValueError, match=r"actions have shape \(2,\) and pictures \(3, 1, 2, 2\)"):
        flip(np.zeros((3, 1, 2, 2)), [0, 1], None)
    with pytest.raises(ValueError, match=r"expected \(\.\.\., channels, height, width\)"):
        random_crop(np.zeros((4, 4)), 1, generator())
    with pytest.raises(ValueError, match=r"size is 3, expected at least 4: pictures are 4 × 2"):
        random_translate(np.zeros((1, 4, 2)), 3, generator())
    with pytest.raises(TypeError, match="random is 0, expected a generator"):
        random_crop(np.zeros((1, 4, 2)), 3, 0)
