"""PPO: its formulas on numbers that a person can redo, seeds that do not touch each other, and how it stops."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import nn

from symrl_lite.envs import pong
from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.equivariance import equivariance_error
from symrl_lite.policies import OnTable, equivariant_cnn, equivariant_mlp, mlp_policy
from symrl_lite.ppo import (
    PPOSettings,
    advantages_and_targets,
    clipped_objective,
    evaluate,
    playing,
    train_ppo,
    training,
)
from symrl_lite.seeds import SeedBatch

SHORT = PPOSettings(environments=4, horizon=16, evaluate_every=256, evaluation_episodes=3, learning_rate=3e-3)


ROUNDING = torch.finfo(torch.float32).eps ** (2 / 3)  # of probabilities, as `assert_equivariant` allows


def small():
    return mlp_policy(4, 2, (16,))


def train(seeds, steps=512, build=small, settings=SHORT, environment=CartPoles, **options):
    return train_ppo(environment, build, seeds, steps, settings, progress=False, **options)


# --- formulas


def test_advantages_are_the_sum_of_later_surprises():
    draw = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(2, 3, 7, generator=draw), torch.randn(2, 3, 8, generator=draw)
    terminated = torch.rand(2, 3, 7, generator=draw) < 0.2
    ended = terminated | (torch.rand(2, 3, 7, generator=draw) < 0.2)
    got, targets = advantages_and_targets(rewards, values, terminated, ended, 0.9, 0.7)
    for s in range(2):
        for n in range(3):
            for t in range(7):
                total, weight = 0.0, 1.0
                for k in range(t, 7):
                    after = 0.0 if terminated[s, n, k] else 0.9 * values[s, n, k + 1]
                    total += weight * float(rewards[s, n, k] + after - values[s, n, k])
                    weight *= 0.9 * 0.7
                    if ended[s, n, k]:
                        break
                assert float(got[s, n, t]) == pytest.approx(total, abs=1e-4)
    torch.testing.assert_close(targets, got + values[..., :-1])


def test_the_loss_by_hand():
    """One seed, two steps that count and one that does not."""

    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = nn.Parameter(torch.tensor([0.0, np.log(3.0)]))  # π = (1/4, 3/4)

        def forward(self, x):
            return self.scores.expand(len(x), 2), torch.full((len(x),), 2.0)

    memory = training._Memory(
        states=torch.zeros(1, 3, 1, 1),
        actions=torch.tensor([[[1], [0], [1]]]),
        log_probabilities=torch.log(torch.tensor([[[0.5], [0.5], [0.5]]])),
        advantages=torch.tensor([[[1.0], [1.0], [1000.0]]]),
        targets=torch.tensor([[[3.0], [2.0], [1000.0]]]),
        weights=torch.tensor([[[1.0], [1.0], [0.0]]]),
    )
    settings = PPOSettings(normalize_advantages=False, clip=0.2, value_coefficient=0.5, entropy_coefficient=0.1)
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    gain = (1.2 + 0.5) / 2  # ratio 1.5 clipped to 1.2; ratio 0.5, of which the minimum is itself
    error = ((2 - 3) ** 2 + 0) / 2
    expected = -(gain - 0.5 * error + 0.1 * entropy)
    (steps,) = memory.minibatches(torch.tensor([[2, 0, 1]]), 1, normalize=False)
    loss = training._losses(SeedBatch(Fixed, [0]), steps, settings)
    assert float(loss.detach()[0]) == pytest.approx(expected, rel=1e-5)


def test_the_clipped_objective_by_hand():
    ratio = torch.tensor([0.5, 0.9, 1.1, 2.0], dtype=torch.float64, requires_grad=True)
    for advantage, slopes in ((1.0, [1, 1, 1, 0]), (-1.0, [0, -1, -1, -1])):
        found = clipped_objective(ratio, torch.full_like(ratio, advantage), 0.2)
        ends = [0.5, 0.9, 1.1, 1.2] if advantage > 0 else [-0.8, -0.9, -1.1, -2.0]
        assert torch.allclose(found, torch.tensor(ends, dtype=torch.float64))
        assert torch.autograd.grad(found.sum(), ratio)[0].tolist() == slopes
    with pytest.raises(ValueError, match="expected the same"):
        clipped_objective(ratio, torch.ones(3))


def test_training_maximizes_the_clipped_objective(monkeypatch):
    def run():
        return train_ppo(CartPoles, lambda: mlp_policy(4, 2), [0], 512, progress=False).networks[0].actor.weight

    before = run()
    assert torch.equal(before, run())
    monkeypatch.setattr(training, "clipped_objective", lambda ratio, advantages, clip: -ratio * advantages)
    assert not torch.equal(before, run())


def test_minibatches_are_the_steps_in_their_order_and_normalised_one_by_one():
    draw = torch.Generator().manual_seed(0)
    S, n, copies = 2, 6, 3
    more = [torch.randn(S, n, copies, generator=draw) for _ in range(3)]
    actions, weights = torch.arange(S * n * copies).view(S, n, copies), torch.ones(S, n, copies)
    weights[:, 1] = 0
    memory = training._Memory(torch.randn(S, n, copies, 4, generator=draw), actions, *more, weights)
    order = torch.stack([torch.randperm(n, generator=draw) for _ in range(S)])
    pieces = list(memory.minibatches(order, 3, normalize=True))
    assert len(pieces) == 3
    for k, piece in enumerate(pieces):
        for s in range(S):
            which = order[s, 2 * k : 2 * k + 2]
            assert torch.equal(piece.actions[s], actions[s, which].flatten())
            assert torch.equal(piece.states[s], memory.states[s, which].flatten(0, 1))
            counts = weights[s, which].flatten()
            advantages = memory.advantages[s, which].flatten()[counts > 0]
            expected = (advantages - advantages.mean()) / advantages.std(correction=0)
            torch.testing.assert_close(piece.advantages[s][counts > 0], expected, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(piece.weights[s], counts / counts.sum())


# --- seeds


class Double(nn.Module):
    """`small` in double precision: what rounding leaves, 1e-16, training can't lift to where an action changes."""

    def __init__(self):
        super().__init__()
        self.net = small().double()

    def forward(self, x):
        return self.net(x.double())


@pytest.mark.parametrize("augmentation", [None, reflection()])
def test_a_seed_in_a_batch_does_what_it_does_alone(augmentation):
    together = train([4, 7, 9], build=Double, augmentation=augmentation)
    alone = train([7], build=Double, augmentation=augmentation)
    np.testing.assert_array_equal(together.returns[1], alone.returns[0])
    for a, b in zip(together.networks[1].parameters(), alone.networks[0].parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=0)
    assert not np.array_equal(together.returns[0], together.returns[1])


def test_a_seed_in_a_batch_does_what_it_does_alone_in_single_precision_too():
    """After one update; later a difference in the last digit may have changed an action."""
    one = replace(SHORT, evaluate_every=64)
    together, alone = train([4, 7, 9], 64, settings=one), train([7], 64, settings=one)
    for a, b in zip(together.networks[1].parameters(), alone.networks[0].parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_a_run_can_be_repeated_and_leaves_the_callers_random_numbers_alone():
    before = torch.get_rng_state()
    first, again = train([1, 2]), train([1, 2])
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first.returns, again.returns)
    assert first.steps.tolist() == [0, 256, 512] and first.returns.shape == (2, 3)


def test_an_equivariant_network_stays_so_before_during_and_after():
    mirror, errors = reflection(), []
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)

    def measure(step, batch):
        for network in batch.networks():

            def f(x, network=network):
                return torch.softmax(network(torch.as_tensor(x))[0], -1).detach().numpy()

            errors.append(equivariance_error(f, x, mirror.on_states, mirror.on_actions).max())

    run = train([0, 1], 1024, lambda: equivariant_mlp(mirror, (16,)), after_evaluation=measure)
    assert len(errors) == 2 * len(run.steps) and max(errors) < ROUNDING
    moved = SeedBatch(lambda: equivariant_mlp(mirror, (16,)), [0]).networks()[0]
    assert any(not torch.allclose(a, b) for a, b in zip(moved.parameters(), run.networks[0].parameters(), strict=True))


@pytest.mark.parametrize("name", ["chase C4", "chase D4", "pong"])
def test_an_equivariant_image_network_stays_so_while_it_is_trained(name):
    chase, indexed = PredatorPrey(size=5), PredatorPrey(size=5, observation="index")
    small = {"units": (8, 16, 32), "kernels": (3, 3), "actor_gain": 1.0}
    if name == "pong":
        symmetry, environment, x = pong.flip(), lambda n: pong.Pongs(n, size=7), pong.Pongs(30, size=7).reset(seed=0)[0]

        def build():
            return equivariant_cnn(symmetry, (2, 7, 7), pooling="none", **small)
    else:
        symmetry = chase.rotations() if name == "chase C4" else chase.symmetries()
        environment, x = indexed.copies, chase.images()

        def build():
            return OnTable(equivariant_cnn(symmetry, (1, 15, 15), **small), chase.images())

    errors = []

    def measure(step, batch):
        for network in batch.networks():
            inner = getattr(network, "network", network)

            def f(x, inner=inner):
                return torch.softmax(inner(torch.as_tensor(np.ascontiguousarray(x)))[0], -1).detach().numpy()

            errors.append(equivariance_error(f, x, symmetry.on_states, symmetry.on_actions, symmetry.group).max())

    settings = PPOSettings(learning_rate=3e-3, evaluate_every=512, evaluation_episodes=2)
    train([0, 1], 1024, build, settings, environment, after_evaluation=measure)
    assert len(errors) == 6 and max(errors) < ROUNDING


def test_it_learns_cartpole():
    settings = PPOSettings(learning_rate=3e-3, discount=0.98, gae_lambda=0.8, epochs=10, evaluate_every=4096)
    run = train([0, 1, 2], 8192, lambda: equivariant_mlp(reflection()), settings)
    assert np.median(run.returns[:, -1]) > 4 * np.median(run.returns[:, 0])


# --- environments


class Corridor(VectorEnv):
    """Action 1 earns 1; every third step ends an episode. It counts the actions that were taken in a reset step."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.single_action_space = gymnasium.spaces.Discrete(2)
        self.single_observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(self, *, seed=None, options=None):
        self.t = 0
        return np.zeros((self.num_envs, 1), dtype=np.float32), {}

    def step(self, actions):
        resets = self.t == 3
        self.t = 0 if resets else self.t + 1
        ended = np.full(self.num_envs, self.t == 3)
        rewards = np.zeros(self.num_envs) if resets else np.asarray(actions, dtype=float)
        seen = np.full((self.num_envs, 1), self.t, dtype=np.float32)
        return seen, rewards, ended, np.zeros(self.num_envs, dtype=bool), {}


def test_the_step_that_only_starts_an_episode_has_no_weight():
    batch = SeedBatch(lambda: mlp_policy(1, 2, (4,)), [0])
    memory = training._remember(playing.Play(Corridor(2), batch, seed=0), PPOSettings(horizon=8, environments=2))
    counts = memory.weights.reshape(2, 8)
    assert counts.tolist() == [[1, 1, 1, 0, 1, 1, 1, 0]] * 2  # three steps, then the one that resets


def test_evaluation_counts_whole_episodes_once():
    returns = evaluate(Corridor, SeedBatch(lambda: mlp_policy(1, 2, (4,)), [0, 1]), episodes=5)
    assert returns.shape == (2, 5) and returns.min() >= 0 and returns.max() <= 3
    always = SeedBatch(lambda: _Always(), [0])
    assert evaluate(Corridor, always, episodes=4).tolist() == [[3, 3, 3, 3]]
    assert evaluate(Corridor, always, episodes=4, greedy=True).tolist() == [[3, 3, 3, 3]]


class _Always(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return torch.tensor([-50.0, 50.0]).expand(len(x), 2) + self.bias, self.bias.expand(len(x))


def test_actions_are_drawn_with_the_policys_probabilities():
    class Biased(_Always):
        def forward(self, x):
            return torch.log(torch.tensor([0.2, 0.8])).expand(len(x), 2) + self.bias, self.bias.expand(len(x))

    play = playing.Play(Corridor(4000), SeedBatch(Biased, [0]), seed=0)
    assert float(play.step().actions.double().mean()) == pytest.approx(0.8, abs=0.03)


def test_a_gymnasium_id_and_a_function_serve_alike():
    settings = PPOSettings(environments=2, horizon=16, evaluate_every=64, evaluation_episodes=2)
    for environment in ("CartPole-v1", lambda n: SyncVectorEnv([lambda: gymnasium.make("CartPole-v1")] * n)):
        assert train([0], 64, settings=settings, environment=environment).returns.shape == (1, 2)
    acrobot = train([0, 1], 64, lambda: mlp_policy(6, 3, (8,)), settings, "Acrobot-v1")
    assert (acrobot.returns >= -500).all() and (acrobot.returns < 0).all()
    indexed = PredatorPrey(observation="index", size=3)

    def table():
        return _Table(indexed.n_states)

    assert train([0], 64, build=table, settings=settings, environment=indexed.copies).returns.shape == (1, 2)


class _Table(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.scores, self.values = nn.Parameter(torch.zeros(n, 5)), nn.Parameter(torch.zeros(n))

    def forward(self, states):
        return self.scores[states], self.values[states]


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match="Gymnasium id"):
        train([0], environment=3)
    with pytest.raises(ValueError, match="equal minibatches"):
        train([0], settings=PPOSettings(environments=3, horizon=5))

    def same_step(n):
        make = [lambda: gymnasium.make("CartPole-v1")] * n
        return SyncVectorEnv(make, autoreset_mode=AutoresetMode.SAME_STEP)

    with pytest.raises(ValueError, match="NEXT_STEP"):
        train([0], environment=same_step)


# --- how it stops


def test_ctrl_c_gives_what_was_learned_so_far():
    def stop(step, batch):
        if step >= 512:
            raise KeyboardInterrupt

    run = train([0, 1], 4096, after_evaluation=stop)
    assert run.interrupted and run.steps.tolist() == [0, 256, 512] and run.returns.shape == (2, 3)
    assert len(run.networks) == 2 and not train([0], 256).interrupted


def test_a_loss_that_is_no_number_names_the_seed_and_the_step():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = small()
            self.calls = nn.Parameter(torch.zeros(()))

        def forward(self, x):
            scores, values = self.net(x)
            return scores, values * torch.where(self.calls > -1, 1.0, torch.nan)

    def spoil(step, batch):
        if step == 256:
            with torch.no_grad():
                batch.parameters["calls"][1] = -2

    with pytest.raises(FloatingPointError, match="seed 5 is no number after 256 steps"):
        train([3, 5], 1024, build=Broken, after_evaluation=spoil)


def test_the_bar_shows_the_running_return(capsys, monkeypatch):
    monkeypatch.delenv("SYMRL_STATIC", raising=False)
    train_ppo(CartPoles, small, [0], 256, SHORT)
    shown = capsys.readouterr()
    assert "return=" in shown.err and shown.out == ""
    monkeypatch.setenv("SYMRL_STATIC", "1")  # on a page that is built there is none
    train_ppo(CartPoles, small, [0], 256, SHORT)
    assert capsys.readouterr().err == ""
