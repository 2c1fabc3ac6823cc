"""Plannable models: losses by hand, seeds that do not touch each other, and training that finds the room."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from symrl_lite.data import Transitions, collect, play, shortest, walk
from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.room import Room
from symrl_lite.offline_q import QSettings, greedy, train_q
from symrl_lite.plannable import (
    Encoded,
    LatentPlanner,
    LinearModel,
    PlannableModel,
    PlannableSettings,
    cnn_encoder,
    contrastive_loss,
    latent_rank,
    mlp_encoder,
    prune,
    reward_loss,
    train_plannable,
    transition_loss,
)
from symrl_lite.seeds import count_parameters

CAPPED = partial(CartPoles, max_episode_steps=200)
FEW = [collect(CAPPED, 20, seed) for seed in range(3)]
train = partial(train_plannable, progress=False)


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_sizes_are_those_of_the_published_networks():
    assert count_parameters(PlannableModel(mlp_encoder(4), 50, 2)) == 17_729
    assert count_parameters(PlannableModel(cnn_encoder((3, 48, 48)), 50, 4)) == 2_002_905


def test_steps_of_all_actions_are_the_steps_of_each():
    torch.manual_seed(0)
    model, z = PlannableModel(mlp_encoder(4, 7), 7, 3), torch.randn(5, 7)
    for a in range(3):
        torch.testing.assert_close(model.steps(z)[:, a], model.step(z, torch.full((5,), a)))
    table = Encoded(model, torch.randn(6, 4))
    assert torch.equal(table.encode(np.array([4, 4, 0])), table.latents[[4, 4, 0]])


# --- losses


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5), st.floats(0.1, 5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_losses_are_the_displayed_formulas(n, J, dimension, hinge, seed):
    draw = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, dimension, generator=draw), torch.randn(n, dimension, generator=draw)
    negatives, r = torch.randn(n, J, dimension, generator=draw), torch.randn(n, generator=draw)
    d = lambda a, b: 0.5 * sum((float(p) - float(q)) ** 2 for p, q in zip(a, b, strict=True))  # noqa: E731
    assert float(transition_loss(x, y)) == pytest.approx(sum(map(d, x, y)) / n, rel=1e-4, abs=1e-6)
    assert float(reward_loss(r, r + 2)) == pytest.approx(2, rel=1e-4)
    by_hand = sum(max(0.0, hinge - d(x[i], negatives[i, j])) for i in range(n) for j in range(J)) / n
    assert float(contrastive_loss(x, negatives, hinge)) == pytest.approx(by_hand, rel=1e-4, abs=1e-5)
    different = torch.rand(n, J, generator=draw) < 0.5
    by_hand = sum(max(0.0, hinge - d(x[i], negatives[i, j])) * different[i, j] for i in range(n) for j in range(J)) / n
    assert float(contrastive_loss(x, negatives, hinge, different)) == pytest.approx(float(by_hand), rel=1e-4, abs=1e-5)


# --- training


@pytest.fixture
def double():
    """Networks in double precision: Adam divides by small gradients, which lifts what rounding leaves in single."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Doubled(nn.Module):
    """An encoder that answers in double precision whatever it is given."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, x):
        return self.encoder(x.double())


@pytest.mark.parametrize(
    "changes", [{}, {"representation": "autoencoder"}, {"negatives_from": "episode", "anchor": "predicted"}]
)
def test_a_seed_in_a_batch_is_the_seed_alone(double, changes):
    numbers = PlannableSettings(updates=20, batch_size=32, **changes)
    build = lambda: Doubled(mlp_encoder(4))  # noqa: E731
    together = train(FEW, [4, 5, 6], numbers, build_encoder=build)
    (alone,) = train([FEW[1]], [5], numbers, build_encoder=build)
    torch.testing.assert_close(parameters(together[1]), parameters(alone), atol=1e-8, rtol=0)
    assert not torch.allclose(parameters(together[0]), parameters(together[1]))


def test_the_table_of_all_observations_gives_what_batches_of_them_give(double):
    """With few distinct observations the table is encoded as a whole: another way to compute the same."""
    room = Room(pixels=1)
    notes = collect(room.copies, 30, seed=0).look_up(room.images())
    spread = replace(
        notes,
        observations=np.repeat(notes.observations, 40, axis=0),
        states=notes.states * 40,
        next_states=notes.next_states * 40,
    )
    numbers = PlannableSettings(updates=10, batch_size=16, negatives=3)
    build = lambda: Doubled(cnn_encoder((3, 8, 8)))  # noqa: E731
    (small,), (large,) = (train(data, [0], numbers, build_encoder=build) for data in (notes, spread))
    torch.testing.assert_close(parameters(small), parameters(large), atol=1e-8, rtol=0)


def test_an_autoencoder_is_not_shaped_by_rewards_or_actions():
    changed = replace(FEW[0], rewards=FEW[0].rewards * 7, actions=1 - FEW[0].actions)
    numbers = PlannableSettings(updates=15, representation="autoencoder")
    (one,), (other,) = train(FEW[0], [0], numbers), train(changed, [0], numbers)
    for a, b in zip(one.encoder.parameters(), other.encoder.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    assert not torch.allclose(one.action[0].weight, other.action[0].weight)


def test_evaluations_come_when_asked_for_and_wrong_settings_are_refused():
    seen = []
    train(
        FEW[:2], [0, 1], PlannableSettings(updates=25), every=10, after=lambda k, models: seen.append((k, len(models)))
    )
    assert seen == [(0, 2), (10, 2), (20, 2)]
    with pytest.raises(ValueError, match="3 sets of transitions and 2 seeds"):
        train(FEW, [0, 1])
    for wrong in ({"negatives_from": "the moon"}, {"anchor": "x"}, {"negatives": -1}, {"representation": "pca"}):
        with pytest.raises(ValueError, match=r"expected one of|negatives is -1"):
            PlannableSettings(**wrong)
    with pytest.raises(ValueError, match="look_up"):
        train(collect(Room(pixels=1).copies, 2), [0])
    broken = replace(FEW[0], rewards=np.full(len(FEW[0]), 1e30))
    with pytest.raises(FloatingPointError, match="seed 3"):
        train(broken, [3], PlannableSettings(updates=2))


def test_negatives_of_the_episode_are_of_the_episode():
    from symrl_lite.plannable.training import _Draws

    notes = Transitions(
        np.arange(12.0)[:, None],
        states=range(10),
        actions=[0] * 10,
        rewards=[0] * 10,
        next_states=range(1, 11),
        terminated=[False] * 10,
        episodes=[0, 0, 0, 1, 1, 2, 2, 2, 2, 2],
    )
    draws = _Draws([notes], [0], PlannableSettings(batch_size=64, negatives=4, negatives_from="episode"))
    (table, states, _, _, negatives), _ = draws.next()
    episode = torch.tensor(notes.episodes)
    row = table[0, :, 0].long()
    assert (episode[row[negatives[0]]] == episode[row[states[0]]][:, None]).all()
    assert len(torch.unique(row[negatives[0]])) == 10


def test_the_room_is_found_and_its_goals_need_not_have_been_goals():
    """With six other seeds every step ended nearest to the right code and every walk was shortest."""
    room = Room(pixels=2)
    images, moves = room.images(), room.moves()
    notes = collect(room.copies, 200, seed=0).look_up(images)
    (model,) = train(notes, [1], PlannableSettings(updates=450, learning_rate=0.002))
    table, places = Encoded(model, images), np.arange(71)
    starts = [room.place_of(cell) for cell in room.cells if cell != (5, 5)]
    for cell in Room(deliveries="everywhere").deliveries[::6]:
        goal = room.place_of(cell, key=False)
        planner = LatentPlanner(table, places, goal, prune_within=0.01)
        assert len(planner.latents) == 71
        assert walk(moves, planner.actions, starts, goal).mean() <= 1.1 * shortest(moves, goal)[starts].mean()
    with torch.no_grad():  # each step ends nearest to the right code
        ends, codes = model.steps(model.encode(images)), model.encode(images)
    assert (torch.cdist(ends.flatten(0, 1), codes).argmin(dim=1).numpy() == moves.ravel()).mean() > 0.97
    assert latent_rank(codes) >= 3


def test_the_cart_pole_is_balanced_from_100_random_episodes_and_the_controls_are_not():
    """Of twenty other seeds the worst plan got 191; autoencoders had 114 in the mean (90 to 196), collapsed ones 24."""
    seeds = range(3)
    data = [collect(CAPPED, 100, seed) for seed in seeds]
    upright = np.zeros(4, dtype=np.float32)

    def mean(models):
        planners = [LatentPlanner(m, d.sample(1024), upright) for m, d in zip(models, data, strict=True)]
        return np.array([play(CAPPED, p.actions, 100, seed=1)[0].mean() for p in planners])

    numbers = PlannableSettings(updates=300)
    assert mean(train(data, seeds, numbers)).min() > 170
    assert mean(train(data, seeds, replace(numbers, representation="autoencoder"))).mean() < 170
    collapsed = train(data, seeds, replace(numbers, negatives=0))
    with pytest.warns(UserWarning, match="less than the temperature"):
        assert mean(collapsed).max() < 60
    codes = collapsed[0].encode(data[0].observations).detach()
    assert len(prune(codes, 0.25)) < 0.1 * len(codes)


# --- Q-learning from the same notes


def test_the_seeds_of_q_learning_are_apart(double):
    numbers, build = QSettings(updates=20), lambda: Doubled(mlp_encoder(4, 2))
    together = train_q(FEW, [4, 5, 6], numbers, build_network=build, progress=False)
    (alone,) = train_q([FEW[1]], [5], numbers, build_network=build, progress=False)
    torch.testing.assert_close(parameters(together[1]), parameters(alone), atol=1e-8, rtol=0)


def test_q_learning_learns():
    with pytest.raises(ValueError, match="expected as many"):
        train_q(FEW, [0], progress=False)
    seen = []
    data = [collect(CAPPED, 100, 0)]
    (network,) = train_q(
        data, [0], QSettings(updates=1000), progress=False, every=500, after=lambda k, _: seen.append(k)
    )
    assert seen == [0, 500, 1000] and play(CAPPED, greedy(network), 50)[0].mean() > 100


def test_q_learning_finds_the_values_of_a_small_process():
    """Two states in a row and an end: Q = r + γ max Q', with no γ-term at the end."""
    notes = Transitions(
        np.eye(3),
        states=[0, 0, 1, 1],
        actions=[0, 1, 0, 1],
        rewards=[0, 0, 0, 1],
        next_states=[0, 1, 0, 2],
        terminated=[False, False, False, True],
        episodes=[0, 0, 0, 0],
    )
    numbers = QSettings(updates=400, batch_size=32, discount=0.5, target_rate=0.1, learning_rate=0.005)
    (network,) = train_q([notes], [0], numbers, progress=False)
    q = network(torch.eye(3)).detach().numpy()[:2]
    np.testing.assert_allclose(q, [[0.25, 0.5], [0.25, 1.0]], atol=0.05)


def test_a_linear_model_finds_a_linear_world_and_keeps_to_its_scale():
    draw = np.random.default_rng(0)
    states, actions = draw.normal(size=(60, 2)), draw.integers(2, size=60)
    turn, push = np.array([[0.9, 0.2], [-0.1, 1.0]]), np.array([[0.0, 1.0], [0.5, -1.0]])
    after = states @ turn.T + push[actions]
    steps = Transitions(
        np.concatenate([states, after]),
        np.arange(60),
        actions,
        np.zeros(60),
        np.arange(60, 120),
        [False] * 60,
        [0] * 60,
    )
    for scale in (1.0, 7.0, (2.0, 30.0)):
        model = LinearModel(steps, scale)
        z = model.encode(states)
        assert np.allclose(z.numpy(), states * scale)
        ends = model.steps(z).numpy()  # (60, 2, 2)
        assert np.allclose(ends, (states @ turn.T)[:, None] * scale + push * scale, atol=1e-9)
    with pytest.raises(ValueError, match="action 0 was never taken"):
        LinearModel(replace(steps, actions=np.ones(60, dtype=int)))
    with pytest.raises(ValueError, match="expected vectors"):
        LinearModel(replace(steps, observations=np.zeros((120, 2, 2))))


def test_without_an_encoder_the_scale_decides():
    found = [
        np.mean(
            [
                play(CAPPED, LatentPlanner(LinearModel(d, c), d.sample(512, k), np.zeros(4)).actions, 20, seed=k)[
                    0
                ].mean()
                for k, d in enumerate(FEW)
            ]
        )
        for c in (1, (5, 5, 30, 5))
    ]
    assert found[1] > found[0] + 20
