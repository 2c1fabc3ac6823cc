"""What trainers ask of an environment, of data and of files before they work, and what they must not confuse."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.spaces import Tuple as TupleSpace
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space

from symrl_lite.data import Episodes, Transitions, record_episodes
from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.shapes import Shapes
from symrl_lite.offline_q import QSettings, train_q
from symrl_lite.plannable import PlannableSettings, cnn_encoder, train_plannable
from symrl_lite.policies import mlp_policy
from symrl_lite.ppo import PPOSettings, advantages_and_targets, evaluate, train_ppo
from symrl_lite.seeds import SeedBatch
from symrl_lite.structured import (
    StructuredModel,
    StructuredSettings,
    load_model,
    rank_rollouts,
    save_model,
    train_structured,
)
from symrl_lite.structured.tiles import as_pixels, gather_tiles

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


# --- actions of data


def steps_with(actions):
    n = len(actions)
    return Transitions(np.eye(3), [0] * n, actions, [0] * n, [1] * n, [False] * n, [0] * n)


@pytest.mark.parametrize(
    "train",
    [
        lambda data, **more: train_q([data], [0], QSettings(updates=1, batch_size=4), progress=False, **more),
        lambda data, **more: train_plannable(
            data, [0], PlannableSettings(updates=1, batch_size=4, negatives=1), progress=False, **more
        ),
    ],
    ids=["train_q", "train_plannable"],
)
def test_actions_of_steps_are_checked_before_networks_are_built(train):
    with pytest.raises(ValueError, match="actions go from 1 to 3 and nobody takes 0: subtract the start"):
        train(steps_with([1, 3, 2] * 10))
    assert train(steps_with([1, 3, 2] * 10), n_actions=4)
    assert train(steps_with([1, 3, 2]))  # so few steps may have missed it by chance
    with pytest.raises(ValueError, match="actions go from 0 to 3, expected whole numbers from 0 to 2"):
        train(steps_with([0, 3]), n_actions=3)
    with pytest.raises(TypeError, match=r"n_actions is Discrete\(3, start=1\)"):
        train(steps_with([0, 3]), n_actions=Discrete(3, start=1))
    with pytest.raises(TypeError, match="n_actions is Box"):
        train(steps_with([0, 3]), n_actions=Box(-1, 1, (1,)))


def test_q_learning_counts_the_values_of_its_network():
    data = steps_with([0, 1, 2])
    with pytest.raises(ValueError, match="the network gives 2 values, expected 3"):
        train_q([data], [0], QSettings(1, 4), build_network=lambda: torch.nn.Linear(3, 2), progress=False)
    assert len(train_q(data, [0, 1], QSettings(1, 4), progress=False)) == 2  # one set for both
    with pytest.raises(ValueError, match=r"observations have shapes \[\(\)\]"):
        train_q([replace(data, observations=np.arange(3))], [0], QSettings(1, 4), progress=False)


def test_pictures_without_a_channel_axis_are_refused_by_name():
    for shape in ((8, 8), (1, 3, 3)):
        with pytest.raises(ValueError, match=r"expected \(channels, height, width\)"):
            cnn_encoder(shape)


# --- pictures

DATA = record_episodes(Shapes(2, size=2).copies, 12, 4, seed=0)
TINY = StructuredSettings(updates=3, batch_size=8, hidden=8, channels=4, slots=2, warm_up=0)


def fit(data=DATA, **more):
    return train_structured(data, [0], TINY, progress=False, **more)[0]


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int64, np.uint16])
def test_the_same_pictures_in_other_types_make_the_same_model(kind):
    floats = np.issubdtype(kind, np.floating)
    pictures = (DATA.observations / 255).astype(kind) if floats else DATA.observations.astype(kind)
    one, other = fit(), fit(Episodes(pictures, DATA.actions, DATA.states))
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert torch.equal(one.encode(DATA.observations[:, 0]), one.encode(pictures[:, 0]))
    assert np.array_equal(as_pixels(pictures[:, 0]), DATA.observations[:, 0])


def test_floats_between_the_steps_are_encoded_but_not_trained_on():
    grey = np.clip(DATA.observations[:, 0] / 255 + 0.0013, 0, 1)
    model = fit()
    assert torch.isfinite(model.encode(grey)).all()
    assert not torch.equal(model.encode(grey), model.encode(DATA.observations[:, 0]))
    with pytest.raises(ValueError, match=r"between the steps of 1/255, expected uint8"):
        gather_tiles(grey, 10)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.full((1, 3, 20, 20), 255.0), "type float64 and values from 255 to 255, expected uint8 from 0 to 255"),
        (np.full((1, 3, 20, 20), -0.5), "values from -0.5"),
        (np.full((1, 3, 20, 20), np.nan), "values from nan"),
        (np.full((1, 3, 20, 20), 256), "type int64 and values from 256 to 256"),
        (np.ones((1, 3, 20, 20), dtype=bool), "type bool"),
        (np.zeros((3, 20, 20), np.uint8), r"shape \(3, 20, 20\), expected \(N, channels, height, width\)"),
        (np.zeros((1, 3, 30, 30), np.uint8), r"shape \(3, 30, 30\), expected \(3, 20, 20\)"),
    ],
)
def test_pictures_of_other_types_ranges_and_shapes_are_refused(pictures, message):
    with pytest.raises(ValueError, match=message):
        StructuredModel((3, 20, 20), 8, slots=2).encode(pictures)
    if pictures.ndim == 4 and pictures.shape[2] == 20:
        data = Episodes(np.repeat(pictures[None], 2, axis=1), np.zeros((1, 1), int), np.zeros((1, 2)))
        with pytest.raises(ValueError, match=message):
            fit(data, n_actions=8)


def test_episodes_without_colours_or_of_two_shapes_are_refused():
    flat = Episodes(DATA.observations[:, :, 0], DATA.actions, DATA.states)
    with pytest.raises(ValueError, match=r"expected \(channels, height, width\); without colours"):
        fit(flat)
    larger = record_episodes(Shapes(2, size=3).copies, 2, 4, seed=0)
    with pytest.raises(ValueError, match="expected one shape in all sets"):
        train_structured([DATA, larger], [0, 1], TINY, progress=False)
    with pytest.raises(ValueError, match="nobody takes 0"):
        fit(Episodes(DATA.observations, DATA.actions % 2 + 1, DATA.states))
    with pytest.raises(ValueError, match="actions go from 0 to 7, expected whole numbers from 0 to 3"):
        fit(n_actions=4)


# --- files


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    fit(checkpoint=tmp_path)
    again = record_episodes(Shapes(2, size=2).copies, 12, 4, seed=1)
    turned = Episodes(DATA.observations, DATA.actions[::-1], DATA.states)  # the same pictures, other actions
    one_pixel = DATA.observations.copy()
    one_pixel[3, 2, 1, 5, 5] ^= 1
    for other in (again, turned, Episodes(one_pixel, DATA.actions, DATA.states)):
        with pytest.raises(ValueError, match="made with other data: use another folder"):
            fit(other, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="made for 8 actions, expected 10"):
        fit(checkpoint=tmp_path, n_actions=10)
    same = Episodes((DATA.observations / 255).astype(np.float32), DATA.actions, DATA.states)
    assert torch.equal(fit(checkpoint=tmp_path).encode(DATA.observations[:, 0]),
                       fit(same, checkpoint=tmp_path).encode(DATA.observations[:, 0]))  # fmt: skip


def test_a_checkpoint_that_does_not_say_its_data_is_refused(tmp_path):
    fit(checkpoint=tmp_path)
    state = torch.load(tmp_path / "seed0.pt", weights_only=True)
    del state["data"]
    torch.save(state, tmp_path / "seed0.pt")
    with pytest.raises(ValueError, match="made with other data"):
        fit(checkpoint=tmp_path)
    torch.save({"weights": torch.zeros(2)}, tmp_path / "seed0.pt")
    with pytest.raises(ValueError, match=r"holds \['weights'\], expected a file that `train_structured` wrote"):
        fit(checkpoint=tmp_path)


def test_files_of_models_say_what_they_are(tmp_path):
    model = fit()
    for settings, shape in ((TINY, (3, 30, 30)), (replace(TINY, hidden=16), (3, 20, 20))):
        with pytest.raises(ValueError, match="was not made with"):
            save_model(model, settings, shape, tmp_path / "model.pt")
    assert not (tmp_path / "model.pt").exists()
    save_model(model, TINY, (3, 20, 20), tmp_path / "model.pt")
    assert torch.equal(
        load_model(tmp_path / "model.pt")[0].encode(DATA.observations[0]), model.encode(DATA.observations[0])
    )
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    state["settings"]["colour"] = 3
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"settings \['colour'\]"):
        load_model(tmp_path / "model.pt")
    torch.save([1, 2], tmp_path / "model.pt")
    with pytest.raises(ValueError, match="holds list, expected a file that `save_model` wrote"):
        load_model(tmp_path / "model.pt")


# --- the measure


@pytest.mark.parametrize("steps", [(1, 5), (-1,), (), (10,)])
def test_rollouts_beyond_the_end_of_an_episode_are_refused(steps):
    with pytest.raises(ValueError, match="from 0 to 4: the episodes have 4 steps"):
        rank_rollouts(fit(), DATA, steps)


def test_rollouts_with_actions_that_the_model_has_not_are_refused():
    assert list(rank_rollouts(fit(), DATA, (4,))) == [4]
    with pytest.raises(ValueError, match="expected whole numbers from 0 to 7"):
        rank_rollouts(fit(), Episodes(DATA.observations, DATA.actions + 4, DATA.states), (1,))
