"""The catch: its rules against a ball that is followed by hand, its mirror, its camera and its noise."""

import itertools

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from symrl_lite.envs import catch
from symrl_lite.envs.catch import Catch, Catches
from symrl_lite.groups import permutation
from symrl_lite.symmetry import Symmetry, audit

STARTS = np.array([[0, c, d, p, 1, 3] for c, d, p in itertools.product(range(12), (-1, 0, 1), range(12))])


def rolled(actions_of):
    """The states (time, n, 6) of all starts, played by states (n, 6) -> actions (n,)."""
    from symrl_lite.envs._falling import move

    states = [STARTS]
    for _ in range(11):
        states.append(move(states[-1], actions_of(states[-1])))
    return np.array(states)


def test_balls_fall_drift_and_turn_back_as_one_followed_by_hand():
    found = rolled(lambda s: np.ones(len(s), dtype=int))
    for k, (_, column, drift, paddle, top, left) in enumerate(STARTS.tolist()):
        for t in range(12):
            assert found[t, k].tolist() == [t, column, drift, paddle, top, left]
            if not 0 <= column + drift <= 11:
                drift = -drift
            column += drift
    assert found[..., 1].min() == 0 and found[..., 1].max() == 11


def test_the_expert_catches_every_ball_and_random_play_34_of_144():
    end = rolled(catch.expert)[-1]
    assert (np.abs(end[:, 1] - end[:, 3]) <= 1).all()
    chances = {tuple(s): 1 / len(STARTS) for s in STARTS.tolist()}
    from symrl_lite.envs._falling import move

    for _ in range(11):
        now, shares, after = np.array(list(chances)), list(chances.values()), {}
        for action in range(3):
            for state, share in zip(move(now, np.full(len(now), action)).tolist(), shares, strict=True):
                after[tuple(state)] = after.get(tuple(state), 0) + share / 3
        chances = after
    assert sum(share for s, share in chances.items() if abs(s[1] - s[3]) <= 1) == pytest.approx(34 / 144)


def test_the_reward_comes_at_the_end_and_the_next_step_starts_anew():
    games = Catches(400, observation="state")
    states, info = games.reset(seed=0)
    starts = [states[:, 4:]]
    for _ in range(2):
        for t in range(11):
            states, rewards, ended, cut, info = games.step(catch.expert(info["state"]))
            assert (rewards == (t == 10)).all() and (ended == (t == 10)).all() and not cut.any()
        states, rewards, ended, _, info = games.step(np.zeros(400, dtype=int))
        assert (states[:, 0] == 0).all() and not rewards.any() and not ended.any()
        starts.append(states[:, 4:])
    cameras, counts = np.unique(starts[0], axis=0, return_counts=True)  # another one each time, all equally often
    assert len(cameras) == 25 and counts.min() > 3 and not np.array_equal(starts[0], starts[1])


def test_a_picture_shows_the_ball_where_it_was_and_the_paddle():
    (seen,) = catch.pictures([[3, 5, 1, 0, 2, 4]])
    expected = np.zeros((2, 16, 16))
    expected[0, 5, 9] = expected[1, 4, 8] = 1  # ball, and a step ago
    expected[0, 13, 4:6] = 1  # half of the paddle would be outside of the field
    assert np.array_equal(seen, expected)
    assert not catch.pictures([[0, 3, 1, 5, 0, 0], [7, 0, 1, 5, 0, 0]])[:, 1].any()  # it was not in the field before


def test_noise_is_normal_of_each_pixel_and_none_if_none_is_wanted():
    games, clean = Catches(300), Catches(300, noise=0.0)
    seen, info = games.reset(seed=1)
    assert np.array_equal(clean.reset(seed=1)[0], catch.pictures(info["state"]))
    noise = seen - catch.pictures(info["state"])
    dark = noise[catch.pictures(info["state"]) == 0]
    assert seen.min() == 0 and seen.max() == 1
    assert (dark == 0).mean() == pytest.approx(0.5, abs=0.01)  # cut off below 0
    assert np.sqrt((dark[dark > 0] ** 2).mean()) == pytest.approx(0.15, abs=0.002)
    flat = noise.reshape(300, -1)
    assert abs(np.corrcoef(flat[:, 20], flat[:, 21])[0, 1]) < 0.2 and not np.array_equal(flat[0], flat[1])
    assert not np.array_equal(seen[:, 0] - 0, games.step(np.ones(300, dtype=int))[0][:, 0])


# --- the mirror


def test_the_mirror_of_true_states_is_a_symmetry():
    report = audit(Catch(observation="state"), catch.reflection(), samples=60)
    assert report.holds and report.states == 60 and report.rewarded > 0


@pytest.mark.parametrize("wrong", ["actions", "drift", "camera"])
def test_a_mirror_that_forgets_something_is_no_symmetry(wrong):
    right = catch.reflection()
    keep = {"drift": 2, "camera": 5}.get(wrong)

    def on_states(g, states):
        moved = right.act_on_state(g, states)
        if keep is not None:
            moved[..., keep] = np.asarray(states)[..., keep]
        return moved

    actions = permutation(right.group, [[0, 1, 2]] * 2) if wrong == "actions" else right.on_actions
    report = audit(Catch(observation="state"), Symmetry(right.group, on_states, actions), samples=60)
    # A camera that is not mirrored moves the field in the picture, and nothing that the state says of the game.
    assert report.holds == (wrong == "camera")


def test_the_flip_of_pictures_is_the_mirror_of_states_camera_included():
    states = np.concatenate(rolled(catch.expert))
    states = states[:, :4].tolist()
    draw = np.random.default_rng(0)
    states = np.array([[*s, *draw.integers(5, size=2)] for s in states])
    flip, mirror = catch.flip(), catch.reflection()
    assert np.array_equal(
        flip.act_on_state("r2s", catch.pictures(states)), catch.pictures(mirror.act_on_state("r2s", states))
    )
    assert np.array_equal(catch.expert(mirror.act_on_state("r2s", states)), 2 - catch.expert(states))
    fixed = mirror.act_on_state("r2s", states)
    fixed[:, 5] = states[:, 5]
    assert not np.array_equal(flip.act_on_state("r2s", catch.pictures(states)), catch.pictures(fixed))


def test_a_state_is_set_shown_and_told():
    game = Catch(noise=0.0, render_mode="rgb_array")
    seen, info = game.reset(seed=3, options={"state": [4, 5, 0, 5, 2, 2]})
    assert np.array_equal(seen, catch.pictures([[4, 5, 0, 5, 2, 2]])[0])
    assert info["state"].tolist() == game.state.tolist() == [4, 5, 0, 5, 2, 2]
    shown = game.render()
    game.set_state([4, 8, 0, 5, 2, 2])
    assert not np.array_equal(shown, game.render())
    assert game.step(2)[4]["state"].tolist() == [5, 8, 0, 6, 2, 2]
    game.set_state([10, 5, 0, 7, 0, 0])
    assert game.step(0)[1:4] == (1.0, True, False)
    with pytest.raises(ResetNeeded, match="call reset first"):
        game.step(0)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ([11, 5, 0, 5, 2, 2], "row 11, where the ball has landed"),
        ([4, 12, 0, 5, 2, 2], "column is 12 .*expected 0 to 11"),
        ([4, 5, 2, 5, 2, 2], "drift is 2 .*expected -1 to 1"),
        ([4, 5, 0, 5, 2, 5], "left is 5 .*expected 0 to 4"),
    ],
)
def test_states_that_there_are_not_are_refused(state, message):
    with pytest.raises(ValueError, match=message):
        Catch().set_state(state)


# --- demonstrations, and who is tried


def test_demonstrations_are_episodes_of_the_expert_and_more_of_them_begin_alike():
    seen, actions = catch.demonstrations(4, seed=5, noise=0.0)
    more, others = catch.demonstrations(6, seed=5, noise=0.0)
    assert seen.shape == (44, 2, 16, 16) and seen.dtype == np.float32
    assert np.array_equal(more[:44], seen) and np.array_equal(others[:44], actions)
    for picture, action in zip(seen, actions, strict=True):
        rows, columns = np.nonzero(picture[0])
        paddle = columns[rows == rows.max()]
        if rows.min() < rows.max() and len(paddle) == 3:  # the ball is above the whole paddle
            assert action == np.sign(columns[rows.argmin()] - paddle[1]) + 1
    assert set(actions) == {0, 1, 2}
    assert not np.array_equal(catch.demonstrations(4, seed=6, noise=0.0)[0], seen)


def test_catches_are_counted():
    def follows(seen):
        """The expert, from clean pictures."""
        found = []
        for now, _ in seen:
            rows, columns = np.nonzero(now)
            floor, low = rows == rows.max(), columns[rows == rows.max()]
            ball = columns[~floor][0] if (~floor).any() else low.mean()
            found.append(np.eye(3)[int(np.sign(ball - np.median(low))) + 1])
        return np.array(found)

    still, followed = catch.catches(
        [lambda seen: np.tile([0, 1, 0], (len(seen), 1)), follows], episodes=200, seed=1, noise=0.0
    )
    assert 0.15 < still < 0.35 and followed > 0.9
    again = catch.catches([follows], episodes=200, seed=1, noise=0.0)
    assert again[0] == followed  # others play no part
    with pytest.raises(ValueError, match=r"policies\[0\]\(pictures\) has shape \(5, 2\)"):
        catch.catches([lambda seen: np.zeros((5, 2))], episodes=5)
