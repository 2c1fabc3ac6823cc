"""Stored steps: what is collected is what was played, each observation once, and walks against a search by hand."""

from collections import deque

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from symrl_lite.data import Transitions, collect, play, shortest, walk, wander
from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.room import Room

GRID = GridWorld(4, (0, 3), walls=[(1, 1)])


def test_collected_steps_can_be_played_again():
    steps = collect(CartPoles, 5, seed=3)
    assert steps.terminated.sum() == 5 and (steps.lengths == np.bincount(steps.episodes)).all()
    before, after = steps.observations[steps.states], steps.observations[steps.next_states]
    same = steps.episodes[1:] == steps.episodes[:-1]
    assert (after[:-1][same] == before[1:][same]).all()  # s' is the next s
    assert (np.flatnonzero(~same) == np.flatnonzero(steps.terminated)[:-1]).all()
    env = CartPoles(1)  # the world gives the same s' from the same s
    for k in (0, 7, len(steps) - 1):
        env.reset(seed=[0])
        env.state = before[k][:, None].astype(np.float64)
        np.testing.assert_allclose(env.step(steps.actions[k : k + 1])[0][0], after[k], atol=1e-6)


def test_an_episode_depends_on_the_seed_and_its_number_alone():
    few, many = collect(CartPoles, 3, seed=1), collect(CartPoles, 8, seed=1)
    assert (few.lengths == many.lengths[:3]).all() and (few.actions == many.actions[: len(few)]).all()
    assert not np.array_equal(collect(CartPoles, 3, seed=2).actions[:10], few.actions[:10])
    returns, lengths = play(CartPoles, None, 3, seed=1)
    assert (lengths == few.lengths).all() and (returns == few.lengths).all()


def test_each_distinct_observation_is_kept_once_and_numbers_become_pictures():
    room = Room(pixels=1)
    steps = collect(room.copies, 50, seed=0)
    assert sorted(steps.observations) == list(range(71))
    pictures = steps.look_up(room.images())
    assert pictures.observations.shape == (71, 3, 8, 8)
    assert (pictures.observations[pictures.states] == room.images()[steps.observations[steps.states]]).all()
    assert (
        room.moves()[steps.observations[steps.states], steps.actions] == steps.observations[steps.next_states]
    ).all()
    assert set(np.unique(steps.actions)) == {0, 1, 2, 3} and steps.n_actions == 4


def test_a_policy_and_a_gymnasium_id():
    to_the_right = lambda seen: np.ones(len(seen), dtype=int)  # noqa: E731
    steps = collect("CartPole-v1", 3, seed=0, policy=to_the_right)
    assert (steps.actions == 1).all() and (steps.lengths < 12).all()


def test_a_sample_has_no_row_twice():
    steps = collect(CartPoles, 20, seed=0)
    drawn = steps.sample(50, seed=1)
    assert len(np.unique(drawn, axis=0)) == 50 and (steps.sample(50, seed=1) == drawn).all()
    assert len(steps.sample(10**6)) == len(steps.observations)


def test_what_does_not_fit_is_refused():
    fine = {"states": [0], "actions": [0], "rewards": [0], "next_states": [1], "terminated": [False], "episodes": [0]}
    Transitions(np.eye(2), **fine)
    for change, message in (
        ({"actions": [0, 1]}, "expected .N,."),
        ({"next_states": [2]}, "rows from 2 to 2"),
        ({name: [] for name in fine}, "at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            Transitions(np.eye(2), **fine | change)
    with pytest.raises(ValueError, match="next to each other"):
        Transitions(np.eye(2), **{name: values * 2 for name, values in fine.items()} | {"episodes": [1, 0]})
    with pytest.raises(ValueError, match="episodes is 0, expected a whole number from 1"):
        collect(CartPoles, 0)
    with pytest.raises(TypeError, match="Gymnasium id"):
        collect(7, 1)
    with pytest.raises(ValueError, match="Discrete"):
        collect("Pendulum-v1", 1)
    same_step = lambda n: SyncVectorEnv(  # noqa: E731
        [lambda: gymnasium.make("CartPole-v1")] * n, autoreset_mode=AutoresetMode.SAME_STEP
    )
    with pytest.raises(ValueError, match="NEXT_STEP"):
        collect(same_step, 2)


def breadth_first(moves: np.ndarray, start: int, goal: int) -> float:
    """Steps of a shortest walk of at least one step."""
    queue, seen = deque([(start, 0)]), set()
    while queue:
        state, steps = queue.popleft()
        for after in moves[state]:
            if after == goal:
                return steps + 1
            if after not in seen:
                seen.add(after)
                queue.append((after, steps + 1))
    return float("inf")


def test_shortest_walks_against_a_search():
    moves = np.array([[GRID.outcomes(s, a)[0][1] for a in range(4)] for s in range(GRID.n_states)])
    for goal in range(GRID.n_states):
        assert shortest(moves, goal).tolist() == [breadth_first(moves, s, goal) for s in range(GRID.n_states)]
    assert shortest([[0], [1]], goal=1).tolist() == [float("inf"), 1]


def test_a_walk_counts_steps_and_gives_up():
    line = [[0, 1], [0, 2], [1, 2]]
    right, left = (lambda s, a=a: np.full(len(s), a) for a in (1, 0))
    assert walk(line, right, [0, 1, 2], goal=2).tolist() == [2, 1, 1]
    assert walk(line, left, [1, 2], goal=2, limit=9).tolist() == [9, 9]


def test_a_random_walk_on_average():
    """Against many walks that are drawn, and by hand where every action leads to the goal."""
    assert wander([[1, 1], [0, 0]], [0, 1], goal=1).tolist() == [1, 2]
    ring = np.array([[(i + 1) % 5, (i - 1) % 5] for i in range(5)])
    draw = np.random.default_rng(0)
    lengths = walk(ring, lambda s: draw.integers(2, size=len(s)), np.full(40000, 2), goal=0, limit=12)
    assert abs(lengths.mean() - wander(ring, [2], goal=0, limit=12)[0]) < 4 * lengths.std() / 200


# --- other people's environments and arrays


class Rewriting(gymnasium.Env):
    """Counts its steps in one array that it returns again and again, and ends after three."""

    action_space, observation_space = Discrete(2), Box(0, 9, (1,), np.float32)

    def __init__(self):
        self.shown = np.zeros(1, dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown[:] = 0
        return self.shown, {}

    def step(self, action):
        self.shown += 1
        return self.shown, float(self.shown[0]), bool(self.shown[0] == 3), False, {}


class RewritingCopies(VectorEnv):
    """The same, n at once; rewards and ends are kept too."""

    single_action_space, single_observation_space = Rewriting.action_space, Rewriting.observation_space

    def __init__(self, n):
        self.num_envs = n
        self.shown, self.rewards = np.zeros((n, 1), dtype=np.float32), np.zeros(n)
        self.ended, self.cut = np.zeros((2, n), dtype=bool)

    def reset(self, *, seed=None, options=None):
        self.shown[:] = 0
        return self.shown, {}

    def step(self, actions):
        self.shown += 1
        self.rewards[:], self.ended[:] = self.shown[:, 0], self.shown[:, 0] == 3
        return self.shown, self.rewards, self.ended, self.cut, {}


@pytest.mark.parametrize("make", [lambda n: SyncVectorEnv([Rewriting] * n, copy=False), RewritingCopies])
def test_what_an_environment_returned_is_copied(make):
    steps = collect(make, 2)
    before, after = steps.observations[steps.states], steps.observations[steps.next_states]
    assert before[:, 0].tolist() == [0, 1, 2] * 2 and after[:, 0].tolist() == [1, 2, 3] * 2
    assert steps.rewards.tolist() == [1, 2, 3] * 2 and steps.terminated.tolist() == [False, False, True] * 2
    assert play(make, None, 2)[0].tolist() == [6, 6]


def test_a_policy_that_reuses_its_array():
    answer, calls = np.zeros(2, dtype=int), []

    def policy(seen):
        answer[:] = len(calls) % 2
        calls.append(seen)
        return answer

    assert collect(RewritingCopies, 2, policy=policy).actions.tolist() == [0, 1, 0] * 2


def test_spaces_that_are_not_served_are_named():
    with pytest.raises(ValueError, match=r"observations are Tuple.*FlattenObservation"):
        collect("Blackjack-v1", 1)
    wrapped = lambda: gymnasium.wrappers.TransformObservation(  # noqa: E731
        gymnasium.make("CartPole-v1"), lambda x: {"x": x}, Dict({"x": Box(-9, 9, (4,))})
    )
    with pytest.raises(ValueError, match="observations are Dict"):
        play(lambda n: SyncVectorEnv([wrapped] * n), None, 1)

    class Others(RewritingCopies):
        single_action_space = MultiBinary(3)

    class FromOne(RewritingCopies):
        single_action_space = Discrete(2, start=1)

    with pytest.raises(ValueError, match=r"MultiBinary\(3\), expected Discrete"):
        collect(Others, 1)
    with pytest.raises(ValueError, match=r"start=1.*TransformAction"):
        play(FromOne, None, 1)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0.7, 0.7], "actions hold 0.7, expected whole numbers"),
        ([-1, 0], "actions hold -1, expected whole numbers from 0 to 1"),
        ([2, 0], "actions hold 2"),
        ([[0, 1], [1, 0]], r"shape \(2, 2\), expected \(2,\)"),
        ([0], r"shape \(1,\)"),
    ],
)
def test_what_a_policy_answers_is_looked_at(answer, message):
    for run in (lambda policy: collect(RewritingCopies, 2, policy=policy), lambda p: play(RewritingCopies, p, 2)):
        with pytest.raises(ValueError, match=message):
            run(lambda seen: np.array(answer))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actions": [0.7, -0.7]}, "actions hold 0.7, expected whole numbers"),
        ({"actions": [1, -1]}, "actions hold -1, expected whole numbers that are not negative"),
        ({"states": [0.5, 1]}, "states hold 0.5"),
        ({"episodes": [0, 0.5]}, "episodes hold 0.5"),
        ({"terminated": [0.5, 1]}, "terminated hold 0.5"),
        ({"terminated": [0, 2]}, "terminated hold 2, expected whole numbers from 0 to 1"),
    ],
)
def test_numbers_are_not_cut(change, message):
    fine = {name: [0, 1] for name in ("states", "actions", "rewards", "next_states", "terminated", "episodes")}
    assert Transitions(np.eye(2), **fine | {"actions": np.float32([0, 1])}).actions.tolist() == [0, 1]
    with pytest.raises(ValueError, match=message):
        Transitions(np.eye(2), **fine | change)


def test_entries_that_are_no_numbers():
    fine = {name: [0, 1] for name in ("states", "actions", "rewards", "next_states", "terminated", "episodes")}
    for change in ({"actions": ["up", "down"]}, {"rewards": ["1", "2"]}, {"rewards": [1j, 0]}):
        with pytest.raises(TypeError, match="dtype"):
            Transitions(np.eye(2), **fine | change)


def test_rows_of_a_table_do_not_wrap_round():
    steps = Transitions([[0.5]], [0], [0], [0], [0], [False], [0])
    with pytest.raises(ValueError, match=r"observations hold 0\.5"):
        steps.look_up(np.eye(3))
    for number in (-1, 3):
        with pytest.raises(ValueError, match=f"observations hold {number}, expected whole numbers from 0 to 2"):
            Transitions([number], [0], [0], [0], [0], [False], [0]).look_up(np.eye(3))
    assert Transitions([2.0], [0], [0], [0], [0], [False], [0]).look_up(np.eye(3)).observations.tolist() == [[0, 0, 1]]
    with pytest.raises(ValueError, match="n is 0"):
        steps.sample(0)


def test_walks_stay_in_the_table():
    line = [[0, 1], [0, 2], [1, 2]]
    right = lambda states: np.ones(len(states), dtype=int)  # noqa: E731
    for wrong, message in (
        (lambda: walk(line, right, [-1], 2), "starts hold -1"),
        (lambda: walk(line, right, [0], 3), "goals hold 3"),
        (lambda: walk(line, lambda s: s - 1.5, [0], 2), "the policy's actions hold -1.5"),
        (lambda: wander(line, [0], goal=-1), "goals hold -1, expected whole numbers from 0 to 2"),
        (lambda: wander([[0, 3], [0, 1], [0, 0]], [0], 1), "moves hold 3"),
        (lambda: shortest([[0, -1], [0, 1]], 1), "moves hold -1"),
        (lambda: shortest([0, 1], 1), r"shape \(2,\), expected \(S, A\)"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
