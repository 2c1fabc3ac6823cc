"""Goals that were reached later, against Stable-Baselines3's HerReplayBuffer: each step with each goal as often."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from symrl_lite.envs.bowl import Bowl
from symrl_lite.replay import GoalEpisodes, hindsight

T, EPISODES, N = 5, 3, 30_000


@pytest.fixture
def buffers():
    pytest.importorskip("stable_baselines3.her", reason="no stable-baselines3: pip install -e .[sb3]")
    from stable_baselines3 import HerReplayBuffer
    from stable_baselines3.common.vec_env import DummyVecEnv

    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002  # it draws from the random numbers that all share
    yield HerReplayBuffer, DummyVecEnv([lambda: Bowl(observation="goals", max_steps=T)])
    np.random.set_state(before)  # noqa: NPY002


def test_steps_and_goals_are_drawn_as_often(buffers):
    HerReplayBuffer, envs = buffers
    buffer = HerReplayBuffer(T * EPISODES, envs.observation_space, envs.action_space, envs, device="cpu")
    draw, kept, actions = np.random.default_rng(0), [], []
    envs.seed(0)
    seen = envs.reset()
    for t in range(T * EPISODES):
        action = draw.uniform(-1, 1, (1, 2))
        after, rewards, ended, infos = envs.step(action)
        last = after if not ended[0] else {k: v[None] for k, v in infos[0]["terminal_observation"].items()}
        buffer.add(seen, last, action, rewards, ended, infos)
        kept.append({name: values[0].copy() for name, values in seen.items()})
        if (t + 1) % T == 0:
            kept.append({name: values[0].copy() for name, values in last.items()})
        actions.append(action[0])
        seen = after
    stacked = {k: np.stack([one[k] for one in kept]).reshape(EPISODES, T + 1, -1) for k in kept[0]}
    episodes = GoalEpisodes(
        stacked["observation"],
        stacked["achieved_goal"],
        stacked["desired_goal"][:, 0],
        np.array(actions).reshape(EPISODES, T, 2),
    )
    theirs = buffer.sample(N)
    reward = Bowl().compute_reward
    ours = hindsight(episodes, N, draw, reward, share=0.8)  # 4 new goals to one that is kept
    rows = {
        "theirs": [theirs.observations[k].numpy() for k in ("observation", "desired_goal")],
        "ours": [ours["observations"], ours["goals"]],
    }
    points = episodes.achieved.reshape(-1, 2)
    counts = {}
    for who, (states, goals) in rows.items():
        at = np.abs(states[:, None, :] - episodes.observations.reshape(-1, 4)).max(axis=2).argmin(axis=1)
        apart = np.abs(goals[:, None] - np.concatenate([points, episodes.goals])).max(axis=2)
        assert apart.min(axis=1).max() < 1e-6  # single precision
        counts[who] = np.bincount(at * 100 + apart.argmin(axis=1), minlength=100 * len(points))
    there = counts["theirs"] + counts["ours"] > 0
    table = np.stack([counts["theirs"][there], counts["ours"][there]])
    assert table.shape[1] == EPISODES * (T + T * (T + 1) // 2)  # a step with its own goal, or with a later one
    assert chi2_contingency(table).pvalue > 1e-3
    expected = reward(theirs.next_observations["achieved_goal"].numpy(), theirs.observations["desired_goal"].numpy())
    np.testing.assert_array_equal(theirs.rewards[:, 0].numpy(), expected)
    more = hindsight(episodes, N, draw, reward, share=0.7)
    at = np.abs(more["observations"][:, None] - episodes.observations.reshape(-1, 4)).max(axis=2).argmin(axis=1)
    goal = np.abs(more["goals"][:, None] - np.concatenate([points, episodes.goals])).max(axis=2).argmin(axis=1)
    other = np.bincount(at * 100 + goal, minlength=100 * len(points))[there]
    assert chi2_contingency(np.stack([table[0], other])).pvalue < 1e-6  # a test of the tester: another share is seen
