"""Episodes with goals: goals that were reached later, goals nearby, and rewards that are computed anew."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from symrl_lite.envs.bowl import RADIUS, Bowl
from symrl_lite.replay import GoalEpisodes, hindsight, nearby_goals

few = settings(deadline=None, max_examples=25)  # a busy machine does not decide


def lived(E=3, T=5, seed=0):
    """Episodes in which every number tells where it is from."""
    draw = np.random.default_rng(seed)
    shapes = (E, T + 1, 4), (E, T + 1, 2), (E, 2), (E, T, 2)
    return GoalEpisodes(*(draw.normal(size=shape) for shape in shapes), np.arange(E) + 10)


def met(achieved, goals):
    return -1.0 * (np.linalg.norm(achieved - goals, axis=-1) >= 0.5)


def place(values, row):
    """Where a row stands in an array (E, T, d): there is one place."""
    found = np.argwhere((values == row).all(axis=-1))
    assert len(found) == 1
    return tuple(found[0])


# --- episodes


def test_episodes_keep_copies_and_numbers():
    given_arrays = [np.zeros((2, 4, 3)), np.zeros((2, 4, 2)), np.zeros((2, 2)), np.zeros((2, 3, 1))]
    episodes = GoalEpisodes(*given_arrays)
    for array in given_arrays:
        array[:] = 7
    assert not episodes.observations.any() and not episodes.achieved.any()
    assert not episodes.goals.any() and not episodes.actions.any()
    assert episodes.numbers.tolist() == [0, 1] and len(episodes) == 2
    assert repr(episodes) == "2 episodes of 3 steps, observations (3,), goals (2,), actions (1,)"


def test_joined_is_one_after_the_other():
    one, two = lived(2, seed=1), lived(3, seed=2)
    both = GoalEpisodes.joined([one, two])
    for name in ("observations", "achieved", "goals", "actions", "numbers"):
        rows = [row for part in (one, two) for row in getattr(part, name)]
        assert len(getattr(both, name)) == 5 and all(map(np.array_equal, getattr(both, name), rows))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"observations": np.zeros((2, 3, 3))}, ValueError, r"observations.*\(2, 3, 3\).*expected .*T \+ 1"),
        ({"achieved": np.zeros((2, 4, 1))}, ValueError, r"achieved.*\(2, 4, 1\)"),
        ({"goals": np.zeros((3, 2))}, ValueError, r"goals.*\(3, 2\)"),
        ({"goals": np.zeros(2)}, ValueError, "goals"),
        ({"actions": np.zeros((2, 0, 1)), "observations": np.zeros((2, 1, 3))}, ValueError, "at least one step"),
        ({"actions": np.zeros((2, 3))}, ValueError, r"actions.*\(2, 3\)"),
        ({"actions": np.full((2, 3, 1), np.nan)}, ValueError, "actions hold NaN"),
        ({"actions": [["a"]]}, TypeError, "actions have dtype"),
        ({"numbers": [1]}, ValueError, r"numbers have shape \(1,\), expected \(2,\)"),
        ({"numbers": [0.5, 1]}, ValueError, "numbers hold 0.5"),
        ({"numbers": [-1, 1]}, ValueError, "numbers hold -1"),
    ],
)
def test_episodes_that_are_none_are_refused(change, error, message):
    fits = {"observations": np.zeros((2, 4, 3)), "achieved": np.zeros((2, 4, 2)), "goals": np.zeros((2, 2))}
    with pytest.raises(error, match=message):
        GoalEpisodes(**{**fits, "actions": np.zeros((2, 3, 1)), **change})


def test_sets_that_do_not_fit_are_not_joined():
    for parts in ([lived(), lived(T=4)], []):
        with pytest.raises(ValueError, match="one shape"):
            GoalEpisodes.joined(parts)
    wide = GoalEpisodes(np.zeros((1, 6, 9)), np.zeros((1, 6, 2)), np.zeros((1, 2)), np.zeros((1, 5, 2)))
    with pytest.raises(ValueError, match="one shape"):
        GoalEpisodes.joined([lived(), wide])
    for parts in (lived(), None, [1]):
        with pytest.raises(TypeError, match="expected a list of GoalEpisodes"):
            GoalEpisodes.joined(parts)


# --- hindsight


@few
@given(st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.0, 0.3, 1.0]), st.integers(0, 99))
def test_every_step_is_one_that_was_lived_and_its_goal_one_of_its_own(E, T, share, seed):
    episodes = lived(E, T, seed)
    batch = hindsight(episodes, 30, np.random.default_rng(seed), met, share)
    for k in range(30):
        e, t = place(episodes.observations, batch["observations"][k])
        assert t < T and batch["numbers"][k] == episodes.numbers[e]
        assert np.array_equal(batch["actions"][k], episodes.actions[e, t])
        assert np.array_equal(batch["next_observations"][k], episodes.observations[e, t + 1])
        assert np.array_equal(batch["achieved"][k], episodes.achieved[e, t + 1])
        kept = np.array_equal(batch["goals"][k], episodes.goals[e])
        if not kept:
            where, later = place(episodes.achieved, batch["goals"][k])
            assert where == e and t < later <= T  # of the same episode, and later
        assert kept or share > 0
        assert not kept or share < 1
        assert batch["rewards"][k] == met(batch["achieved"][k], batch["goals"][k])


def test_steps_and_times_are_drawn_evenly():
    """Against a table that a loop makes: each step 1 in E T, its goal kept, or each later time alike."""
    E, T, n, share = 2, 4, 40_000, 0.8
    episodes = lived(E, T)
    expected = {}
    for e in range(E):
        for t in range(T):
            expected[e, t, -1] = (1 - share) / (E * T)
            for later in range(t + 1, T + 1):
                expected[e, t, later] = share / (E * T) / (T - t)
    assert sum(expected.values()) == pytest.approx(1)
    batch = hindsight(episodes, n, np.random.default_rng(1), met, share)
    counts = dict.fromkeys(expected, 0)
    own = (batch["goals"][:, None] == episodes.goals).all(axis=-1).any(axis=1)
    for k in range(n):
        e, t = np.argwhere(episodes.observations[..., 0] == batch["observations"][k, 0])[0]
        later = -1 if own[k] else np.argwhere(episodes.achieved[e, :, 0] == batch["goals"][k, 0])[0, 0]
        counts[e, t, later] += 1  # a KeyError: a goal that may not be
    found, wanted = ([table[key] for key in expected] for table in (counts, expected))
    assert chisquare(found, n * np.array(wanted)).pvalue > 1e-3
    # a test of the tester: goals up to T − 1 alone, or t itself, would be seen
    assert chisquare(found, n * np.roll(wanted, 1)).pvalue < 1e-9


def test_rewards_of_the_environment_itself():
    """An episode of the bowl with its own goal: what `step` gave is what `hindsight` says."""
    env = Bowl(observation="goals")
    seen, rewards, done = [env.reset(seed=3)[0]], {}, False
    env.set_state([*seen[0]["observation"], 0.1, 0.0])
    actions, draw = [], np.random.default_rng(0)
    while not done:
        actions.append(-0.5 * seen[-1]["observation"][:2] + 0.1 * draw.normal(size=2))
        found, reward, _, done, _ = env.step(actions[-1])
        rewards[tuple(found["observation"])] = reward
        seen.append(found)
    assert set(rewards.values()) == {0.0, -1.0}
    parts = [np.stack([one[name] for one in seen])[None] for name in ("observation", "achieved_goal")]
    episodes = GoalEpisodes(*parts, seen[-1]["desired_goal"][None], np.stack(actions)[None])
    batch = hindsight(episodes, 200, np.random.default_rng(0), env.compute_reward, share=0.0)
    assert batch["rewards"].tolist() == [rewards[tuple(s)] for s in batch["next_observations"]]


def test_the_same_random_numbers_give_the_same_steps_and_nothing_is_shared_with_the_episodes():
    episodes = lived()
    one, other = (hindsight(episodes, 9, np.random.default_rng(4), met) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    before = episodes.observations.copy()
    for array in one.values():
        array[:] = 7
    assert np.array_equal(episodes.observations, before)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"episodes": {}}, TypeError, "episodes is dict, expected GoalEpisodes"),
        ({"n": 0}, ValueError, "n is 0"),
        ({"n": 1.5}, ValueError, "n is 1.5"),
        ({"random": 0}, TypeError, "random is 0, expected a generator"),
        ({"random": np.random}, TypeError, "expected a generator"),
        ({"reward": 3}, TypeError, "reward is 3"),
        ({"reward": lambda achieved, goals: 0.0}, ValueError, r"has shape \(\) for 4 steps, expected \(4,\)"),
        ({"reward": lambda achieved, goals: achieved}, ValueError, r"has shape \(4, 2\)"),
        ({"reward": lambda achieved, goals: np.full(4, np.nan)}, ValueError, "finite"),
        ({"reward": lambda achieved, goals: ["a"] * 4}, TypeError, "rewards have dtype"),
        ({"share": 1.1}, ValueError, "share is 1.1"),
        ({"share": -0.1}, ValueError, "share is -0.1"),
    ],
)
def test_hindsight_refuses(change, error, message):
    plain = {"episodes": lived(), "n": 4, "random": np.random.default_rng(0), "reward": met}
    with pytest.raises(error, match=message):
        hindsight(**{**plain, **change})


# --- goals nearby


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_goals_nearby_fill_the_ball_evenly(dimensions):
    radius, copies = 0.7, 4000
    batch = {"goals": np.full((2, dimensions), 3.0), "achieved": np.zeros((2, dimensions))}
    more = nearby_goals(batch, radius, copies, np.random.default_rng(0), lambda a, z: np.zeros(len(z)))
    away = more["goals"][2:] - 3.0
    share = (np.linalg.norm(away, axis=1) / radius) ** dimensions  # even in [0, 1] where the ball is filled evenly
    assert len(share) == 2 * copies and share.max() <= 1
    assert chisquare(np.histogram(share, bins=10, range=(0, 1))[0]).pvalue > 1e-3
    signs = (away > 0) @ 2 ** np.arange(dimensions)
    assert chisquare(np.bincount(signs, minlength=2**dimensions)).pvalue > 1e-3
    # a test of the tester: radii drawn evenly would crowd the middle
    if dimensions > 1:
        assert chisquare(np.histogram(share ** (1 / dimensions), bins=10, range=(0, 1))[0]).pvalue < 1e-9


def test_copies_are_their_step_with_another_goal_and_a_reward_of_its_own():
    batch = hindsight(lived(), 6, np.random.default_rng(0), met)
    batch["goals"][:3] = batch["achieved"][:3]  # met, and then missed by some copies
    batch["rewards"] = met(batch["achieved"], batch["goals"])
    more = nearby_goals(batch, 1.0, 20, np.random.default_rng(1), met)
    assert set(more) == set(batch)
    for name, values in batch.items():
        assert np.array_equal(more[name][:6], values) and len(more[name]) == 6 * 21
        if name not in ("goals", "rewards"):
            assert np.array_equal(more[name], np.concatenate([values] * 21))
    for k in range(len(more["rewards"])):
        assert more["rewards"][k] == met(more["achieved"][k], more["goals"][k])
        assert np.linalg.norm(more["goals"][k] - batch["goals"][k % 6]) <= 1.0
    kept = np.concatenate([batch["rewards"]] * 21)
    assert (more["rewards"] != kept).any()  # rewards that were copied would be wrong


def test_no_copies_or_no_radius_is_the_batch():
    batch = hindsight(lived(), 6, np.random.default_rng(0), met)
    same = nearby_goals(batch, 1.0, 0, np.random.default_rng(1), met)
    assert all(np.array_equal(same[name], batch[name]) for name in batch)
    twice = nearby_goals(batch, 0.0, 1, np.random.default_rng(1), met)
    assert all(np.array_equal(twice[name], np.concatenate([batch[name]] * 2)) for name in batch)


def test_whole_goals_are_not_cut_and_bowls_own_radius_may_miss():
    batch = {"goals": np.zeros((1, 2), dtype=int), "achieved": np.zeros((1, 2), dtype=np.uint8)}
    more = nearby_goals(batch, RADIUS, 50, np.random.default_rng(0), Bowl().compute_reward)
    assert len(np.unique(more["goals"], axis=0)) == 51 and (more["rewards"] == 0).all()
    far = nearby_goals(batch, 2 * RADIUS, 50, np.random.default_rng(0), Bowl().compute_reward)
    assert {-1.0, 0.0} == set(far["rewards"].tolist())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch": {"goals": np.zeros((1, 2))}}, ValueError, "expected achieved as well"),
        ({"batch": {"goals": np.zeros((1, 2)), "achieved": np.zeros((2, 2))}}, ValueError, "one length"),
        ({"batch": {"goals": np.zeros((1, 2)), "achieved": np.zeros((1, 3))}}, ValueError, r"achieved \(1, 3\)"),
        ({"batch": {"goals": np.zeros(1), "achieved": np.zeros(1)}}, ValueError, r"goals have shape \(1,\)"),
        ({"batch": {"goals": np.zeros((0, 2)), "achieved": np.zeros((0, 2))}}, ValueError, "one step or more"),
        ({"batch": {"goals": [["a", "b"]], "achieved": np.zeros((1, 2))}}, TypeError, "goals have dtype"),
        (
            {"batch": {"goals": np.zeros((1, 2)), "achieved": np.zeros((1, 2)), "rewards": np.zeros((1, 1))}},
            ValueError,
            r"rewards have shape \(1, 1\), expected \(1,\)",
        ),
        ({"batch": [1]}, TypeError, "batch is list, expected a mapping"),
        ({"radius": -1.0}, ValueError, "radius is -1"),
        ({"copies": -1}, ValueError, "copies is -1"),
        ({"random": None}, TypeError, "random is None"),
        ({"reward": lambda a, z: np.zeros(1)}, ValueError, r"has shape \(1,\) for 2 steps"),
    ],
)
def test_nearby_goals_refuse(change, error, message):
    batch = {"goals": np.zeros((1, 2)), "achieved": np.zeros((1, 2)), "rewards": np.zeros(1)}
    plain = {"batch": batch, "radius": 0.1, "copies": 2, "random": np.random.default_rng(0), "reward": met}
    with pytest.raises(error, match=message):
        nearby_goals(**{**plain, **change})
