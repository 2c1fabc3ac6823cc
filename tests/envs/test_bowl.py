"""The bowl: its law against plain Python, every turn and mirror image, what a swirl breaks."""

import math

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite.envs.bowl import KINDS, RADIUS, RIM, Bowl, Bowls, reflect, symmetries
from symrl_lite.groups import rotation_2d
from symrl_lite.replay import mirror, moved
from symrl_lite.symmetry import audit

few = settings(deadline=None, max_examples=20)


def law(state, force, swirl=0.0):
    """One step in single numbers."""
    x, y, u, v, zx, zy = state
    a, b = force
    length = math.hypot(a, b)
    if length > 1:
        a, b = a / length, b / length
    u, v = u + 0.1 * (4 * a - 2 * x - 1.5 * u - swirl * y), v + 0.1 * (4 * b - 2 * y - 1.5 * v + swirl * x)
    x, y = x + 0.1 * u, y + 0.1 * v
    far = math.hypot(x, y)
    if far > 1.2:
        outward = max((u * x + v * y) / far, 0.0)
        u, v = u - outward * x / far, v - outward * y / far
        x, y = 1.2 * x / far, 1.2 * y / far
    return [x, y, u, v, zx, zy], 0.0 if math.hypot(x - zx, y - zy) < 0.12 else -1.0


@few
@given(st.integers(0, 10**6), st.sampled_from([0.0, 2.0]), st.sampled_from([0.3, 1.0, 4.0]))
def test_against_the_law_in_single_numbers(seed, swirl, strength):
    draw = np.random.default_rng(seed)
    env, copies = Bowl(swirl=swirl), Bowls(3, swirl=swirl)
    state = np.concatenate([draw.normal(size=2) * 0.7, 3 * draw.normal(size=2), draw.normal(size=2) * 0.5])
    env.reset(seed=0)
    env.set_state(state)
    copies.reset(seed=0)
    copies.states[1] = state
    for _ in range(8):
        force = strength * draw.normal(size=2)
        state, reward = law(list(state), force.tolist(), swirl)
        seen, found, ended, _, info = env.step(force)
        np.testing.assert_allclose(seen, state, atol=1e-9)
        assert found == reward and not ended and info["is_success"] == (reward == 0)
        together, rewards, *_ = copies.step(np.stack([-force, force, 0 * force]))
        np.testing.assert_allclose(together[1], state, atol=1e-9)
        assert rewards[1] == reward


def test_the_wall_is_reached_and_holds():
    env = Bowl()
    env.reset(options={"state": [1.1, 0, 9, 2, 0, 0]})
    seen, *_ = env.step([1.0, 0.0])
    assert np.hypot(*seen[:2]) == pytest.approx(RIM) and seen[:2] @ seen[2:4] <= 1e-9


def test_starts_fill_the_disc_at_rest():
    states = Bowls(20_000).reset(seed=1)[0]
    for at in (slice(0, 2), slice(4, 6)):
        squares = (states[:, at] ** 2).sum(axis=1)
        assert squares.max() <= 1 and np.mean(squares) == pytest.approx(0.5, abs=0.01)  # even in area
        assert np.abs(states[:, at].mean(axis=0)).max() < 0.02
    assert not states[:, 2:4].any() and abs(np.corrcoef(states[:, 0], states[:, 4])[0, 1]) < 0.03


def test_the_two_forms_of_an_observation_say_the_same():
    array, goals = Bowl(), Bowl(observation="goals")
    one, other = array.reset(seed=4)[0], goals.reset(seed=4)[0]
    for _ in range(25):
        assert np.array_equal(one[:4], other["observation"]) and np.array_equal(one[4:], other["desired_goal"])
        assert np.array_equal(one[:2], other["achieved_goal"])
        force = array.action_space.sample()
        (one, reward, _, cut, _), (other, same, *_) = array.step(force), goals.step(force)
        assert reward == same == goals.compute_reward(other["achieved_goal"], other["desired_goal"])
    assert cut


@pytest.mark.filterwarnings("ignore:.*infinity. This is probably too")
def test_goals_pass_gymnasiums_checker_too():
    check_env(gymnasium.make("symrl/Bowl-v0", observation="goals", disable_env_checker=True).unwrapped)


def test_rewards_of_many_goals():
    rewards = Bowl().compute_reward
    draw = np.random.default_rng(0)
    achieved, goals = 0.2 * draw.random((4, 5, 2)), 0.2 * draw.random((4, 5, 2))
    found = rewards(achieved, goals)
    assert set(found.ravel().tolist()) == {0.0, -1.0}
    for where in np.ndindex(4, 5):
        assert found[where] == (0.0 if math.dist(achieved[where], goals[where]) < RADIUS else -1.0)
    assert np.array_equal(rewards(achieved, goals[0, 0]), rewards(achieved, np.broadcast_to(goals[0, 0], (4, 5, 2))))
    assert rewards(np.uint8([0, 0]), np.uint8([1, 0])) == -1  # no number below 0 wraps round
    for wrong in ((np.zeros((3, 2)), np.zeros((4, 2))), (np.zeros(3), np.zeros(3)), (np.zeros((2, 3)), np.zeros(2))):
        with pytest.raises(ValueError, match=r"achieved have shape .* expected \(..., 2\) for both"):
            rewards(*wrong)
    for wrong in ([np.nan, 0], [np.inf, 0]):
        with pytest.raises(ValueError, match="NaN or infinity"):
            rewards(wrong, [0, 0])


# --- symmetries


@pytest.mark.parametrize("n", [3, 4, 5])
def test_turns_and_mirrors_by_audit(n):
    assert audit(Bowl(bounded=False), symmetries(n)).holds
    broken = audit(Bowl(bounded=False, swirl=2.0), symmetries(n))
    assert not broken.holds
    turns = symmetries(n).restrict(["r"])
    assert turns.group.order == n and audit(Bowl(bounded=False, swirl=2.0), turns).holds


class HalfPaid(Bowl):
    """A goal counts in the right half alone: rewards, and nothing else, break the symmetry."""

    def step(self, action):
        seen, reward, *rest = super().step(action)
        return seen, reward if seen[0] > 0 else -1.0, *rest


def test_rewards_are_audited_where_there_are_some():
    draw = np.random.default_rng(0)
    places, speeds, gaps = (scale * draw.normal(size=(30, 2)) for scale in (0.5, 0.3, 0.08))
    states = np.concatenate([places, speeds, places + 0.1 * speeds + gaps], axis=1)
    report = audit(Bowl(bounded=False), symmetries(3), states)
    assert report.holds and "0 with a reward other than -1" not in str(report)
    assert not audit(HalfPaid(bounded=False), symmetries(3), states).holds


def test_quarters_keep_the_box_and_thirds_do_not():
    assert audit(Bowl(), symmetries(4)).holds
    report = audit(Bowl(), symmetries(3))
    assert not report.holds and "takes entry 0 of actions from [-1, 1]" in str(report)


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.3, 2.9, -7.0])
def test_every_plane_through_the_middle_mirrors(angle):
    symmetry = reflect(angle)
    assert audit(Bowl(bounded=False), symmetry).holds
    assert not audit(Bowl(bounded=False, swirl=2.0), symmetry).holds
    M = mirror(angle)
    draw = np.random.default_rng(0)
    state, force = draw.normal(size=6), draw.normal(size=2)
    expected = np.concatenate([M @ state[:2], M @ state[2:4], M @ state[4:]])
    np.testing.assert_allclose(symmetry.act_on_state("r", state), expected, atol=1e-12)
    np.testing.assert_allclose(symmetry.act_on_action("r", force), M @ force, atol=1e-12)


def test_symmetries_and_kinds_say_the_same():
    symmetry = symmetries(5)
    draw = np.random.default_rng(0)
    batch = {"observations": draw.normal(size=(3, 4)), "goals": draw.normal(size=(3, 2)), "actions": np.eye(3, 2)}
    for g in range(symmetry.group.order):
        found = moved(batch, KINDS, rotation_2d(symmetry.group)(g))
        for k in range(3):
            state = np.concatenate([batch["observations"][k], batch["goals"][k]])
            image = np.concatenate([found["observations"][k], found["goals"][k]])
            np.testing.assert_allclose(symmetry.act_on_state(g, state), image, atol=1e-12)
            np.testing.assert_allclose(symmetry.act_on_action(g, batch["actions"][k]), found["actions"][k], atol=1e-12)


def test_what_moves_nothing_right_is_found():
    """A test of the tester: turned by the wrong group."""
    from symrl_lite.symmetry import Symmetry

    fourth = symmetries(4)
    rho = rotation_2d(fourth.group)
    still = Symmetry(fourth.group, rho + rho + rho, lambda g, a: a)
    assert not audit(Bowl(bounded=False), still).holds


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Bowl("pixels"), ValueError, "observation is 'pixels'"),
        (lambda: Bowl(swirl=np.inf), ValueError, "swirl is inf"),
        (lambda: Bowl(bounded=1), TypeError, "bounded is 1, expected True or False"),
        (lambda: Bowls(2, bounded=None), TypeError, "bounded is None"),
        (lambda: Bowl(max_steps=0), ValueError, "max_steps is 0"),
        (lambda: Bowl().set_state(np.zeros(5)), ValueError, "state is .*expected"),
        (lambda: Bowl().set_state([0, 0, 0, 0, 0, np.nan]), ValueError, "state is .*finite numbers"),
        (lambda: Bowl().reset(options={"state": "here"}), TypeError, "state has dtype"),
        (lambda: symmetries(1), ValueError, "n is 1"),
        (lambda: reflect(np.nan), ValueError, "angle is nan"),
    ],
)
def test_what_is_no_bowl_is_refused(act, error, message):
    with pytest.raises(error, match=message):
        act()
