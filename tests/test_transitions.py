"""Stored steps: what is collected is what was played, each observation once, and walks against a search by hand."""

from collections import deque

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.room import Room
from symrl_lite.transitions import Transitions, collect, play, shortest, walk, wander

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
    with pytest.raises(ValueError, match="at least 1"):
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
