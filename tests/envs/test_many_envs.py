"""CartPole, Pong and the chase in arrays: Gymnasium's rules, streams of their own, and symmetries that hold."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st

from symrl_lite.data.streams import Streams
from symrl_lite.envs import cartpole, pong
from symrl_lite.envs.cartpole import CartPole, CartPoles, reflection
from symrl_lite.envs.catch import Catches
from symrl_lite.envs.pong import Pong, Pongs
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.mdp import finite_horizon
from symrl_lite.symmetry import audit

CHASE = PredatorPrey(observation="index", size=5)
MANY = {"cart pole": CartPoles, "windy": lambda n: CartPoles(n, wind=3.0), "pong": Pongs, "chase": CHASE.copies}
MANY |= {"catch": Catches, "true catch": lambda n: Catches(n, observation="state")}


# --- streams


def test_a_stream_depends_on_its_seed_alone_however_it_is_read():
    together, alone = Streams([3, 7, 9], 3), Streams([7], 1)
    got, expected = [], []
    draw = np.random.default_rng(0)
    for _ in range(400):  # longer than a block
        size, others = int(draw.integers(1, 5)), draw.permutation([0, 2])[: draw.integers(0, 3)]
        which = draw.permutation([1, *others])
        got += together.draw(which, size)[list(which).index(1)].tolist()
        expected += alone.draw(size=size)[0].tolist()
    assert got == expected and len(set(got)) == len(got)


def test_a_number_stands_for_consecutive_seeds_and_none_for_any():
    assert (Streams(4, 3).draw() == Streams([4, 5, 6], 3).draw()).all()
    assert (Streams(None, 2).draw() != Streams(None, 2).draw()).all()
    with pytest.raises(ValueError, match="2 seeds for 3"):
        Streams([1, 2], 3)


# --- what all have in common


def assert_same(one, other):
    """Whole numbers exactly; others up to the rounding to single precision in which they are shown.

    Vector units may round the last bit of double precision in their own way. A falling pole doubles such a
    difference every ten steps or so, and random play ends within a hundred: that stays far below single precision.
    """
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype
    tolerance = 2 * np.finfo(one.dtype).eps if one.dtype.kind == "f" else 0
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", MANY)
def test_a_copy_does_the_same_among_others_as_alone(name):
    together, alone = MANY[name](3), MANY[name](1)
    seen, _ = together.reset(seed=[4, 5, 6])
    same, _ = alone.reset(seed=[5])
    draw = np.random.default_rng(0)
    for _ in range(300):
        assert_same(seen[1], same[0])
        actions = draw.integers(0, together.single_action_space.n, 3)
        seen, rewards, ended, cut, _ = together.step(actions)
        same, reward, end, cut_off, _ = alone.step(actions[1:2])
        assert (rewards[1], ended[1], cut[1]) == (reward[0], end[0], cut_off[0])


@pytest.mark.parametrize("name", MANY)
def test_an_episode_starts_anew_on_the_step_after_its_last(name):
    envs = MANY[name](8)
    assert envs.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.NEXT_STEP
    seen, _ = envs.reset(seed=0)
    assert envs.observation_space.contains(seen)
    draw, ended_before, episodes = np.random.default_rng(0), np.zeros(8, dtype=bool), 0
    for _ in range(400):
        seen, rewards, terminated, truncated, _ = envs.step(draw.integers(0, envs.single_action_space.n, 8))
        assert seen.shape[0] == 8 and rewards.shape == terminated.shape == truncated.shape == (8,)
        assert not (terminated & truncated).any()
        assert (rewards[ended_before] == 0).all() and not (terminated | truncated)[ended_before].any()
        ended_before = terminated | truncated
        episodes += ended_before.sum()
    assert episodes > 3


# --- cart pole


@pytest.mark.parametrize("wind", [0.0, 4.0])
def test_one_cart_pole_and_many_agree(wind):
    one, many = CartPole(wind), CartPoles(5, wind)
    one.reset(seed=0)
    many.reset(seed=0)
    many.state = np.repeat(np.array(one.state)[:, None], 5, axis=1)
    for k in range(8):
        seen, reward, terminated, _, _ = one.step(k % 2)
        others, rewards, ends, _, _ = many.step(np.full(5, k % 2))
        assert_same(others, np.tile(seen, (5, 1)))
        assert (rewards == reward).all() and (ends == terminated).all()


def test_without_wind_it_is_gymnasiums():
    mine, theirs = CartPole(), gymnasium.make("CartPole-v1").unwrapped
    mine.reset(seed=3), theirs.reset(seed=3)
    for k in range(9):
        assert_same(mine.step(k % 2)[0], theirs.step(k % 2)[0])


def test_the_wind_is_a_force():
    """A wind of 20 N with an action to the left is an action to the right without wind."""
    one, other = CartPole(20.0), CartPole()
    one.reset(seed=1), other.reset(seed=1)
    for _ in range(5):
        assert_same(one.step(0)[0], other.step(1)[0])


def test_a_windy_episode_ends_by_its_time_limit():
    envs = CartPoles(2, max_episode_steps=5)
    envs.reset(seed=0)
    ends = [envs.step(np.array([0, 1]))[3].tolist() for _ in range(6)]
    assert ends == [[False] * 2] * 4 + [[True] * 2, [False] * 2]


def test_the_mirror_is_a_symmetry_and_a_wind_breaks_it():
    assert audit(gymnasium.make("CartPole-v1"), reflection()).holds
    assert audit(CartPole(), reflection()).holds
    report = audit(CartPole(wind=0.5), reflection())
    assert not report.holds and report.broken_by == ("r",)
    assert cartpole.ACTIONS == ("left", "right")


# --- Pong


def test_pong_is_a_gymnasium_environment():
    check_env(Pong(), skip_render_check=True)


def test_the_flip_is_a_symmetry_of_pong():
    assert audit(Pong(size=9), pong.flip(), samples=10, seed=2).holds


def test_a_flip_that_forgets_the_actions_is_rejected():
    from symrl_lite.groups import permutation
    from symrl_lite.symmetry import Symmetry

    right = pong.flip()
    wrong = Symmetry(right.group, right.on_states, permutation(right.group, [[0, 1, 2]] * 2), "flip without actions")
    assert not audit(Pong(size=9), wrong, samples=10, seed=2).holds


@st.composite
def flights(draw):
    size = draw(st.sampled_from([7, 11, 15]))
    column = draw(st.integers(1, size - 2))
    row = draw(st.integers(1, size - 2))
    state = [row, column, draw(st.integers(-1, 1)), draw(st.sampled_from([-1, 1])), draw(st.integers(1, size - 2))]
    return size, np.array([state]), draw(st.integers(0, 2)), draw(st.integers(-1, 1))


@given(flights())
def test_the_rules_of_pong_are_flipped_exactly(flight):
    size, state, action, slope = flight

    def flipped(states):
        row, column, rise, run, paddle = states.T
        return np.stack([size - 1 - row, column, -rise, run, size - 1 - paddle], axis=1)

    after, reward, missed = pong.move(state, np.array([action]), np.array([slope]), size)
    there, reward_there, missed_there = pong.move(
        flipped(state), np.array([[0, 2, 1][action]]), np.array([-slope]), size
    )
    np.testing.assert_array_equal(flipped(after), there)
    assert reward == reward_there and missed == missed_there
    np.testing.assert_array_equal(np.flip(pong.frames(after, size), axis=-2), pong.frames(there, size))
    if not missed[0]:
        np.testing.assert_array_equal(pong.state_of(pong.frames(after, size)[0]), after[0])


def test_hits_and_misses():
    above, middle = np.array([[5, 9, 0, 1, 6]]), np.array([[6, 9, 0, 1, 6]])
    after, reward, missed = pong.move(above, np.array([0]), np.array([0]), 11)
    assert reward == 1 and not missed and after[0].tolist() == [5, 10, -1, -1, 6]  # above its middle: up
    assert pong.move(middle, np.array([0]), np.array([0]), 11)[0][0].tolist() == [6, 10, 0, -1, 6]
    after, reward, missed = pong.move(np.array([[5, 9, 0, 1, 8]]), np.array([0]), np.array([0]), 11)
    assert reward == -1 and missed
    wall, _, _ = pong.move(np.array([[5, 1, 1, -1, 8]]), np.array([0]), np.array([-1]), 11)
    assert wall[0].tolist() == [6, 0, -1, 1, 8]  # the rough wall chose the slope


def test_pong_refuses():
    with pytest.raises(ValueError, match="odd number from 7"):
        Pongs(1, size=10)
    with pytest.raises(ValueError, match="no ball in flight"):
        Pong().set_state(np.zeros((2, 15, 15)))
    court = Pong()
    court.reset(seed=0)
    with pytest.raises(ValueError, match="action is 3"):
        court.step(3)


def test_scenes_are_frames_of_a_rally():
    found = pong.scenes(lambda seen: np.array([1.0, 0.0, 0.0]), size=9, times=(0, 4))
    assert len(found) == 2 and found[0].shape == (2, 9, 9) and not np.array_equal(*found)


# --- cart poles


def test_visited_states_are_those_of_episodes_that_start_anew():
    def right(states):
        return np.tile([0.0, 1.0], (len(states), 1))

    found = cartpole.visited(right, copies=3, steps=40).reshape(40, 3, 4)
    again = cartpole.visited(right, copies=3, steps=40, seed=0).reshape(40, 3, 4)
    assert np.array_equal(found, again) and np.abs(found[0]).max() <= 0.05
    starts = np.abs(found).max(axis=2) <= 0.05
    assert (starts.sum(axis=0) >= 3).all() and not starts[1].any()  # pushed to one side, a pole falls in ten steps
    assert found[1, :, 1].min() > 0.1 > 0 > found[1, :, 3].max()  # to the right, and the pole to the left
    blown = cartpole.visited(right, copies=3, steps=2, wind=9.5).reshape(2, 3, 4)
    assert (blown[1, :, 1] > found[1, :, 1] + 0.1).all()


@pytest.mark.parametrize("answer", [np.full((3, 3), 0.3), np.full(3, 0.5), np.full((3, 2), np.nan), [[-1, 2]] * 3])
def test_visited_refuses_what_is_no_probability(answer):
    with pytest.raises(ValueError, match=r"policy\(states\)"):
        cartpole.visited(lambda states: answer, copies=3)


# --- the chase


def test_copies_of_the_chase_follow_its_table():
    mdp, copies = CHASE.tabular(), CHASE.copies(3000)
    copies.reset(seed=0)
    copies._states[:], copies._ended[:] = 7, False
    after, rewards, _, _, _ = copies.step(np.full(3000, 2))
    expected = mdp.rows[7 * 5 + 2].toarray().ravel() if hasattr(mdp.rows, "toarray") else mdp.rows[7 * 5 + 2]
    found = np.bincount(after, minlength=CHASE.n_states) / 3000
    assert np.abs(found - expected).max() < 0.03
    assert rewards.mean() == pytest.approx(mdp.rewards[7, 2], abs=0.02)


def test_the_exact_optimum_of_the_chase():
    """0.7315 from a uniform start, undiscounted, within 100 steps: what chapter 5 prints as the optimum."""
    values = finite_horizon(PredatorPrey(observation="index").tabular(), steps=100)
    assert values[:49].mean() == pytest.approx(0.7315, abs=5e-4)


# --- Atari


def test_ataris_pong_is_symmetric_in_the_middle_and_not_at_the_paddles():
    pytest.importorskip("ale_py")
    from symrl_lite.envs import atari

    game, flip = atari.AtariPong(), atari.flip()
    states = game.rallies(500, seed=2)
    middle = (states[:, 2] > 80) & (states[:, 2] < 170)
    held = game.follows(flip, states)
    assert held[middle].all() and 0.02 < 1 - held[~middle].mean() < 0.4
    assert audit(game, flip, states=states[middle][:40]).holds
    assert not audit(game, flip, states=states[~held][:5]).holds
    assert game.frame().shape == (210, 160, 3) and 0 <= game.frame().min() <= game.frame().max() <= 1


def test_ataris_pong_needs_its_package(monkeypatch):
    import sys

    from symrl_lite.envs import atari

    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(ModuleNotFoundError, match="ale_py"):
        atari.AtariPong()
