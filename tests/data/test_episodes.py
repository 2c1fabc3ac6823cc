"""Recorded episodes: what is kept was seen, whatever an environment does with its arrays; other input is refused."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, Tuple
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from symrl_lite.data import Episodes, record_episodes
from symrl_lite.envs.shapes import Shapes


class Counter(gymnasium.Env):
    """Shows how many steps were made, in one array that it writes into; so are the state and info."""

    observation_space = Box(0, 99, (2,), np.float32)

    def __init__(self, action_space=None, info=True, observation_space=None):
        self.action_space = action_space or Discrete(2)
        self.observation_space = observation_space or self.observation_space
        self.shown, self.info = np.zeros(2, dtype=np.float32), {"state": np.zeros(1, dtype=np.int64)} if info else {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown[:] = 0
        for state in self.info.values():
            state[:] = 0
        return self.shown, self.info

    def step(self, action):
        self.shown += 1
        for state in self.info.values():
            state += 1
        return self.shown, 0.0, False, False, self.info


def test_an_environment_that_writes_into_what_it_returned():
    alone = record_episodes(Counter(), episodes=2, steps=3)
    assert alone.observations[..., 0].tolist() == alone.states[..., 0].tolist() == [[0, 1, 2, 3]] * 2
    together = record_episodes(lambda n: SyncVectorEnv([Counter] * n, copy=False), episodes=2, steps=3)
    assert together.observations[..., 0].tolist() == together.states[..., 0].tolist() == [[0, 1, 2, 3]] * 2


def test_spaces_are_told_by_their_class():
    with pytest.raises(ValueError, match=r"MultiBinary\(3\), expected Discrete"):
        record_episodes(Counter(MultiBinary(3)), 1, 1)
    with pytest.raises(ValueError, match=r"start=1.*TransformAction with lambda a: a \+ 1"):
        record_episodes(Counter(Discrete(3, start=1)), 1, 1)
    with pytest.raises(ValueError, match=r"observations are Tuple.*FlattenObservation"):
        record_episodes(Counter(observation_space=Tuple([Discrete(2), Discrete(3)])), 1, 1)
    with pytest.raises(TypeError, match="'Shapes', expected a Gymnasium environment or a function"):
        record_episodes("Shapes", 1, 1)


def test_an_info_without_a_state():
    for environment in (Counter(info=False), lambda n: SyncVectorEnv([lambda: Counter(info=False)] * n)):
        with pytest.raises(ValueError, match='has no entries, expected "state" with the true state'):
            record_episodes(environment, 1, 1)


def test_an_end_that_would_hide_the_last_picture():
    makes = [lambda: gymnasium.wrappers.TimeLimit(Counter(), 3)] * 2
    with pytest.raises(ValueError, match="NEXT_STEP"):
        record_episodes(lambda n: SyncVectorEnv(makes[:n], autoreset_mode=AutoresetMode.SAME_STEP), 2, 3)
    assert record_episodes(lambda n: SyncVectorEnv(makes[:n]), 2, 3).states[:, -1, 0].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("actions", "error", "message"),
    [
        ([[0.7, -0.7]], ValueError, "actions hold 0.7, expected whole numbers"),
        ([[1, -1]], ValueError, "actions hold -1, expected whole numbers that are not negative"),
        ([[np.nan, 1]], ValueError, "actions hold nan"),
        ([["up", "down"]], TypeError, "expected whole numbers"),
        ([[1], [1, 2]], TypeError, "rows of different lengths"),
        ([[[0, 1], [1, 0]]], ValueError, r"actions \(1, 2, 2\)"),
    ],
)
def test_actions_are_whole_numbers(actions, error, message):
    with pytest.raises(error, match=message):
        Episodes(np.zeros((1, 3, 2)), actions, np.zeros((1, 3, 1)))
    assert Episodes(np.zeros((1, 3, 2)), [[1.0, 0.0]], np.zeros((1, 3, 1))).actions.dtype == np.int64


def test_actions_to_draw_from():
    assert set(np.unique(record_episodes(Shapes().copies, 4, 5, actions=[3, 7]).actions)) == {3, 7}
    for wrong, message in (([0.5], "actions hold 0.5"), ([-1], "expected some of 0 to 19"), ([20], "0 to 19")):
        with pytest.raises(ValueError, match=message):
            record_episodes(Shapes().copies, 1, 1, actions=wrong)
