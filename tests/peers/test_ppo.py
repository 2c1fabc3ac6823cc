"""PPO's advantages and loss against Stable-Baselines3 itself and against the formula of CleanRL.

An environment of Gymnasium ≥ 1 starts anew on the step *after* an episode's last: here that step is in the memory and
has weight 0. Stable-Baselines3 and CleanRL start anew at once: there is no such step, and the value of the last state
of an episode that ran out of time is added to the reward (Stable-Baselines3) or left out (CleanRL).
"""

import gymnasium
import numpy as np
import pytest
import torch
from torch import nn

from symrl_lite.ppo import PPOSettings, advantages_and_targets
from symrl_lite.ppo.training import _losses, _Memory
from symrl_lite.seeds import SeedBatch

SEEDS = range(20)


@pytest.fixture
def stable_baselines():
    pytest.importorskip("stable_baselines3.common.buffers", reason="no stable-baselines3: pip install -e .[sb3]")
    import stable_baselines3

    return stable_baselines3


def history(seed, terminations=0.15, truncations=0.15, steps=30):
    """One environment: rewards, values of the states before the steps, how the steps ended, which only start anew."""
    draw = np.random.default_rng(seed)
    rewards, values = draw.normal(size=steps), draw.normal(size=steps + 1)
    terminated, truncated = draw.random(steps) < terminations, draw.random(steps) < truncations
    truncated &= ~terminated
    starts = np.zeros(steps, dtype=bool)
    for t in range(1, steps):
        starts[t] = (terminated | truncated)[t - 1] and not starts[t - 1]
        if starts[t]:
            rewards[t], terminated[t], truncated[t] = 0, False, False
    return rewards, values, terminated, truncated, starts


def ours(rewards, values, terminated, ended, discount, gae_lambda):
    tensors = (torch.from_numpy(np.asarray(x))[None] for x in (rewards, values, terminated, ended))
    return tuple(x[0].numpy() for x in advantages_and_targets(*tensors, discount, gae_lambda))


def of_stable_baselines(RolloutBuffer, rewards, values, last_value, ended, discount, gae_lambda):
    """Its own buffer, filled with steps of one environment of which none only starts anew."""
    space = gymnasium.spaces.Box(-1, 1, (1,)), gymnasium.spaces.Discrete(2)
    buffer = RolloutBuffer(len(rewards), *space, "cpu", gae_lambda=gae_lambda, gamma=discount, n_envs=1)
    begins = np.concatenate([[True], ended[:-1]])
    one = np.zeros((1, 1), dtype=np.float32)
    for reward, value, begin in zip(rewards, values, begins, strict=True):
        numbers = torch.tensor([[value]]), torch.zeros(1)
        buffer.add(one, one, np.array([reward]), np.array([begin]), *numbers)
    buffer.compute_returns_and_advantage(torch.tensor([last_value]), np.array([ended[-1]]))
    return buffer.advantages[:, 0], buffer.returns[:, 0]


@pytest.mark.parametrize(("discount", "gae_lambda"), [(0.99, 0.95), (0.9, 1.0), (0.5, 0.0), (0.9999, 0.99)])
def test_advantages_of_stable_baselines(stable_baselines, discount, gae_lambda):
    ends = np.zeros(3, dtype=int)
    for seed in SEEDS:
        rewards, values, terminated, truncated, starts = history(seed)
        ended = terminated | truncated
        advantages, targets = ours(rewards, values, terminated, ended, discount, gae_lambda)
        # Theirs: no steps that only start anew; the value of the state in which time ran out is part of the reward.
        there = rewards + np.where(truncated, discount * values[1:], 0)
        found, returns = of_stable_baselines(
            stable_baselines.common.buffers.RolloutBuffer,
            there[~starts],
            values[:-1][~starts],
            values[-1],
            ended[~starts],
            discount,
            gae_lambda,
        )
        np.testing.assert_allclose(advantages[~starts], found, atol=2e-5)  # their buffer has single precision
        np.testing.assert_allclose(targets[~starts], returns, atol=2e-5)
        ends += terminated.sum(), truncated.sum(), ended[-1]
    assert (ends > 0).all()


def of_cleanrl(rewards, values, begins, next_value, next_begins, discount, gae_lambda):
    """Its formula: Â_t = r_t + γ V_{t+1} m_{t+1} − V_t + γ λ m_{t+1} Â_{t+1}, m = 0 where an episode begins, else 1."""
    after, m, v = 0.0, 1 - next_begins, next_value
    advantages = np.zeros(len(rewards))
    for t in reversed(range(len(rewards))):
        after = rewards[t] + discount * v * m - values[t] + discount * gae_lambda * m * after
        advantages[t], m, v = after, 1 - begins[t], values[t]
    return advantages


@pytest.mark.parametrize(("discount", "gae_lambda"), [(0.99, 0.95), (0.9, 1.0), (0.5, 0.0)])
def test_advantages_of_cleanrl(discount, gae_lambda):
    """It takes a time limit for an end of the task: the same as ours with `terminated` for all ends."""
    for seed in SEEDS:
        rewards, values, terminated, truncated, starts = history(seed)
        ended = terminated | truncated
        found = of_cleanrl(
            rewards[~starts],
            values[:-1][~starts],
            np.concatenate([[False], ended[~starts][:-1]]),
            values[-1],
            ended[~starts][-1],
            discount,
            gae_lambda,
        )
        advantages, _ = ours(rewards, values, ended, ended, discount, gae_lambda)
        np.testing.assert_allclose(advantages[~starts], found, atol=1e-12)
        apart, _ = ours(rewards, values, terminated, ended, discount, gae_lambda)
        assert np.allclose(apart, advantages) == (not truncated.any())


class AsOurs(nn.Module):
    """A policy of Stable-Baselines3 as a network (batch, 4) -> (scores (batch, 2), values (batch,))."""

    def __init__(self, policy):
        super().__init__()
        self.policy = policy

    def forward(self, x):
        actor, critic = self.policy.mlp_extractor.policy_net(x), self.policy.mlp_extractor.value_net(x)
        return self.policy.action_net(actor), self.policy.value_net(critic)[:, 0]


@pytest.mark.parametrize("normalized", [False, True])
def test_the_gradient_of_stable_baselines(stable_baselines, normalized):
    """One step of plain gradient descent with a step of 1 moves the parameters by the gradient."""
    n = 64
    value, entropy = (0.0, 0.0) if normalized else (0.7, 0.03)  # with advantages alone one factor tells them apart
    settings = PPOSettings(
        clip=0.1, value_coefficient=value, entropy_coefficient=entropy, normalize_advantages=normalized
    )
    model = stable_baselines.PPO(
        "MlpPolicy",
        "CartPole-v1",
        n_steps=n,
        batch_size=n,
        n_epochs=1,
        learning_rate=1.0,
        clip_range=settings.clip,
        vf_coef=value,
        ent_coef=entropy,
        max_grad_norm=1e9,
        normalize_advantage=normalized,
        policy_kwargs={"net_arch": [8], "optimizer_class": torch.optim.SGD, "optimizer_kwargs": {}},
        seed=0,
        device="cpu",
    )
    _, callback = model._setup_learn(n)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, n)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():  # away from the policy that played, so that some of the ratios are clipped
        model.policy.action_net.weight.add_(0.5 * torch.randn(2, 8, generator=draw))
    batch = SeedBatch(lambda: AsOurs(model.policy), seeds=[0])
    buffer = model.rollout_buffer
    kept = (buffer.observations, buffer.actions[..., 0], buffer.log_probs, buffer.advantages, buffer.returns)
    states, actions, *others = (torch.from_numpy(x[:, 0].copy())[None] for x in kept)
    given = (states, actions.long(), *others, torch.ones(1, n))
    memory = _Memory(*(x.unsqueeze(2) for x in given))  # (seeds, steps, copies, ...)
    (steps,) = memory.minibatches(torch.arange(n)[None], 1, normalized)
    log_policy = torch.log_softmax(batch(steps.states)[0], dim=-1).gather(-1, steps.actions[..., None])[..., 0]
    clipped = ((log_policy - steps.log_probabilities).exp() - 1).abs() > settings.clip
    assert 0.1 < clipped.float().mean() < 0.9
    loss = _losses(batch, steps, settings).sum()
    loss.backward()
    before = {name: p.detach().clone() for name, p in model.policy.named_parameters()}
    model.train()
    # They divide by the deviation of the sample, we by that of the population.
    factor = (n / (n - 1)) ** 0.5 if normalized else 1.0
    assert float(loss.detach()) == pytest.approx(factor * model.logger.name_to_value["train/loss"], rel=1e-4)
    moved = 0
    for name, after in model.policy.named_parameters():
        gradient = batch.parameters[f"policy.{name}"].grad[0]
        torch.testing.assert_close(gradient, factor * (before[name] - after.detach()), rtol=1e-3, atol=2e-5)
        moved += int(gradient.abs().max() > 1e-3)
    assert moved == (4 if normalized else 8)  # the critic stands still where its error does not count
