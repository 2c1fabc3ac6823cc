"""What trainers ask of an environment, of data and of files before they work, and what they must not confuse."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.spaces import Tuple as TupleSpace
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.policies import mlp_policy
from symrl_lite.ppo import PPOSettings, advantages_and_targets, evaluate, train_ppo
from symrl_lite.seeds import SeedBatch

SHORT = PPOSettings(environments=2, horizon=8, evaluate_every=16, evaluation_episodes=2)


def never():
    raise AssertionError("a network was built")


class Line(VectorEnv):
    """Walks of 5 steps on a line in any spaces; with `reuses` it writes into the array that it returned before."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs, actions=None, seen=None, reuses=False, kind=np.float32):
        self.num_envs, self.reuses = num_envs, reuses
        self.single_action_space = Discrete(2) if actions is None else actions
        self.single_observation_space = Box(-9, 9, (2,), kind) if seen is None else seen
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.buffers = [np.zeros((num_envs, 2), dtype=kind), np.zeros(num_envs, dtype=np.float32)]
        self.buffers += [np.zeros(num_envs, dtype=bool), np.zeros(num_envs, dtype=bool)]
        self.closed_by_hand = False

    def reset(self, *, seed=None, options=None):
        self.random = [np.random.default_rng(s) for s in seed]
        self.places, self.times = np.zeros(self.num_envs), np.zeros(self.num_envs, dtype=int)
        return self._told(np.zeros(self.num_envs))[0], {}

    def step(self, actions):
        new = self.times >= 5
        self.places = np.where(new, 0, self.places + 2 * np.asarray(actions) - 1)
        self.places += [0.1 * r.normal() for r in self.random]
        self.times = np.where(new, 0, self.times + 1)
        return (*self._told(np.where(new, 0, self.places)), {})

    def close(self, **_):
        self.closed_by_hand = True

    def _told(self, rewards):
        seen = np.stack([self.places, self.times], axis=1)
        values = [seen, rewards, np.zeros(self.num_envs, dtype=bool), self.times >= 5]
        if not self.reuses:
            return [v.astype(b.dtype) for v, b in zip(values, self.buffers, strict=True)]
        for value, buffer in zip(values, self.buffers, strict=True):
            buffer[:] = value
        return self.buffers


# --- spaces


@pytest.mark.parametrize(
    ("space", "named"),
    [
        (Discrete(2, start=1), r"Discrete\(2, start=1\)"),
        (Box(-1, 1, (1,)), "Box"),
        (MultiBinary(2), "MultiBinary"),  # it has an n as well
        (MultiDiscrete([2, 2]), "MultiDiscrete"),
    ],
)
def test_ppo_looks_at_the_actions_before_anything_is_built(space, named):
    made = []

    def make(n):
        made.append(Line(n, actions=space))
        return made[-1]

    with pytest.raises(ValueError, match=rf"the actions are {named}.*expected Discrete\(n\), from 0"):
        train_ppo(make, never, [0], 32, SHORT, progress=False)
    assert made[0].closed_by_hand
    with pytest.raises(ValueError, match="the actions are"):
        evaluate(make, SeedBatch(lambda: mlp_policy(2, 2, (4,)), [0]), 1)


def test_ppo_refuses_pendulum_and_blackjack_by_name():
    with pytest.raises(ValueError, match=r"the actions are Box.*expected Discrete"):
        train_ppo("Pendulum-v1", never, [0], 32, SHORT, progress=False)
    with pytest.raises(ValueError, match="the observations are Tuple"):
        train_ppo("Blackjack-v1", never, [0], 32, SHORT, progress=False)
    seen = gymnasium.spaces.Dict({"place": Discrete(3)})
    with pytest.raises(ValueError, match="the observations are Dict"):
        train_ppo(lambda n: Line(n, seen=seen), never, [0], 32, SHORT, progress=False)
    with pytest.raises(ValueError, match="the observations are Tuple"):
        train_ppo(lambda n: Line(n, seen=TupleSpace((Discrete(3),))), never, [0], 32, SHORT, progress=False)


@pytest.mark.parametrize("scores", [1, 3])
def test_ppo_refuses_a_network_with_another_number_of_actions(scores):
    with pytest.raises(ValueError, match=f"the network gives {scores} scores, expected 2"):
        train_ppo(CartPoles, lambda: mlp_policy(4, scores, (4,)), [0], 32, SHORT, progress=False)


# --- arrays


def test_ppo_keeps_copies_of_what_an_environment_returns():
    runs = [
        train_ppo(lambda n, r=reuses: Line(n, reuses=r), lambda: mlp_policy(2, 2, (8,)), [0, 1], 256, SHORT,
                  progress=False)
        for reuses in (False, True)
    ]  # fmt: skip
    assert np.array_equal(runs[0].returns, runs[1].returns)
    for one, other in zip(runs[0].networks, runs[1].networks, strict=True):
        for p, q in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(p, q)


def test_gymnasiums_own_vector_environment_may_hand_out_its_buffer():
    returns = []
    for copies in (True, False):
        make = lambda n, c=copies: SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * n, copy=c)  # noqa: E731
        returns.append(train_ppo(make, lambda: mlp_policy(4, 2, (8,)), [0], 128, SHORT, progress=False).returns)
    assert np.array_equal(*returns)


@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_observations_of_other_types_meet_the_network(kind):
    run = train_ppo(lambda n: Line(n, kind=kind), lambda: mlp_policy(2, 2, (8,)), [0], 64, SHORT, progress=False)
    assert np.isfinite(run.returns).all()


def test_networks_in_double_precision_are_trained():
    run = train_ppo(Line, lambda: mlp_policy(2, 2, (8,)).double(), [0], 64, SHORT, progress=False)
    assert next(run.networks[0].parameters()).dtype == torch.float64 and np.isfinite(run.returns).all()


# --- advantages


def loops(rewards, values, terminated, ended, discount, gae_lambda):
    found = np.zeros(rewards.shape)
    for t in reversed(range(rewards.shape[-1])):
        after = found[..., t + 1] if t + 1 < rewards.shape[-1] else 0.0
        surprise = rewards[..., t] + discount * values[..., t + 1] * ~terminated[..., t] - values[..., t]
        found[..., t] = surprise + discount * gae_lambda * ~ended[..., t] * after
    return found


def test_advantages_have_the_accuracy_of_what_came_in():
    draw = torch.Generator().manual_seed(0)
    rewards, values = (torch.randn(4, n, generator=draw, dtype=torch.float64) for n in (200, 201))
    terminated = torch.rand(4, 200, generator=draw) < 0.02
    ended = terminated | (torch.rand(4, 200, generator=draw) < 0.02)
    by_hand = loops(*(x.numpy() for x in (rewards, values, terminated, ended)), 0.99, 0.95)
    for kind, error in ((torch.float64, 1e-13), (torch.float32, 1e-4)):
        got, targets = advantages_and_targets(rewards.to(kind), values.to(kind), terminated, ended, 0.99, 0.95)
        assert got.dtype == targets.dtype == kind and np.abs(got.numpy() - by_hand).max() < error
    mixed, _ = advantages_and_targets(rewards.float(), values, terminated, ended, 0.99, 0.95)
    assert mixed.dtype == torch.float64


def test_marks_of_an_end_may_be_numbers_and_rewards_whole():
    never_ends = torch.zeros(1, 2, dtype=torch.bool)
    for kind in (torch.uint8, torch.int64, torch.float32):
        marks = torch.tensor([[0, 1]], dtype=kind)
        got, _ = advantages_and_targets(torch.ones(1, 2), torch.ones(1, 3), marks, marks, 0.5, 1.0)
        assert got.tolist() == [[0.5, 0.0]]
    whole = torch.tensor([[1, 1]])
    got, _ = advantages_and_targets(whole, torch.zeros(1, 3, dtype=torch.int64), never_ends, never_ends, 0.5, 1.0)
    assert got.tolist() == [[1.5, 1.0]] and got.dtype == torch.get_default_dtype()
    with pytest.raises(ValueError, match="ended holds 2, expected True or False"):
        advantages_and_targets(whole, torch.zeros(1, 3), never_ends, torch.tensor([[0, 2]]), 0.5, 1.0)


@pytest.mark.parametrize("length", [1, 2, 4])
def test_advantages_need_one_more_value_than_rewards(length):
    never_ends = torch.zeros(3, 2, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"expected \(\.\.\., T\), \(\.\.\., T \+ 1\)"):
        advantages_and_targets(torch.ones(3, 2), torch.zeros(3, length), never_ends, never_ends, 0.5, 1.0)
    with pytest.raises(ValueError, match="expected"):
        advantages_and_targets(torch.ones(3, 2), torch.zeros(3, 3), never_ends[:1], never_ends, 0.5, 1.0)
