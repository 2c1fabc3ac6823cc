"""Deterministic policy gradient with goals, for several seeds as one batch: play an episode, learn, test, again."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Dict
from gymnasium.vector import VectorEnv
from torch import Tensor, nn
from tqdm.auto import tqdm

from symrl_lite.data.transitions import require_next_step_reset
from symrl_lite.door import a_number, check_settings, real_numbers, require_function, seed_list, sizes, whole_number
from symrl_lite.replay import GoalEpisodes, framed, hindsight, moved
from symrl_lite.replay.goals import Batch, arrays_of
from symrl_lite.seeds import SeedBatch

__all__ = ["DDPGRun", "DDPGSettings", "train_ddpg"]

# Of all seeds side by side: observations (seeds, n, d) and goals (seeds, n, k) -> actions (seeds, n, m).
Act = Callable[[np.ndarray, np.ndarray], np.ndarray]
Sample = Callable[[GoalEpisodes, int, np.random.Generator], Batch]
Frames = Callable[[np.ndarray, np.ndarray], Any]


@dataclass(frozen=True)
class DDPGSettings:
    """The numbers of `train_ddpg`.

    Raises:
        ValueError: a number out of range. TypeError: a field that is no number.

    >>> DDPGSettings(updates=60).batch_size
    128

    Source: Lillicrap et al. 2016, Continuous Control with Deep Reinforcement Learning; what is said of each field.
    """

    updates: int = 200  # gradient steps after each episode; 40 after two episodes of each of 19 workers in the HER code
    batch_size: int = 128  # 256 in the HER code
    hidden: tuple[int, ...] = (64, 64)  # units; (256, 256, 256) in the HER code
    learning_rate: float = 1e-3  # of both Adams, as in the HER code
    discount: float = 0.95  # 1 − 1/T in the HER code
    target_rate: float = 0.05  # share of the new parameters that the targets take over, as in the HER code
    action_penalty: float = 0.1  # on the mean square of an action; 1 in the HER code
    noise: float = 0.2  # standard deviation of what is added to an action, as in the HER code
    random_share: float = 0.3  # of actions that are drawn at random, as in the HER code
    tests: int = 50  # goals that are tried after each episode's updates, without noise

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        limits: dict[str, dict[str, float]] = {"learning_rate": {"above": 0.0}}
        limits |= {name: {"low": 0.0} for name in ("action_penalty", "noise")}
        limits |= {name: {"low": 0.0, "high": 1.0} for name in ("discount", "target_rate", "random_share")}
        check_settings(self, {"updates": 0, "batch_size": 1, "tests": 1}, limits)
        object.__setattr__(self, "hidden", sizes(self.hidden, "hidden"))
        if self.discount == 1:
            raise ValueError("discount is 1, expected less: values are cut off at −1 / (1 − discount)")


@dataclass(frozen=True)
class DDPGRun:
    """What came out: the share of test goals that were reached after each episode, and the policies.

    >>> DDPGRun(np.array([[0.1, 0.9]]), [], []).episodes_to(0.9)
    array([2.])
    """

    success: np.ndarray  # (seeds, episodes)
    policies: list[Callable[[Any, Any], np.ndarray]]  # observations (n, d) and goals (n, k) -> actions (n, m)
    replays: list[GoalEpisodes]  # what each seed has lived through

    def episodes_to(self, level: float) -> np.ndarray:
        """(seeds,), how many episodes it took until `level` of the goals were reached; infinity where never."""
        reached = self.success >= a_number(level, "level")
        return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1.0, np.inf)


def train_ddpg(
    environment: Callable[[int], VectorEnv[Any, Any, Any]],
    seeds: Sequence[int],
    episodes: int,
    settings: DDPGSettings = DDPGSettings(),
    *,
    sample: Sample | None = None,
    frames: Frames | None = None,
    kinds: Mapping[str, Sequence[str]] | None = None,
    longest: float | None = None,
    until: float | None = None,
    build_network: Callable[[int, int], nn.Module] | None = None,
    progress: bool = True,
) -> DDPGRun:
    """Critic: ½ (Q(s, z, a) − y)², y = r + γ Q'(s', z, π'(s', z)) cut to [−1/(1 − γ), 0]. Actor: −Q(s, z, π(s, z)).

    An episode is played with noise, `updates` batches are drawn from all episodes so far, and `tests` goals are tried
    without noise. Q' and π' are slow copies. Rewards are −1 and 0: a goal is missed or met. An episode is cut off and
    never ends, so every step has a γ-term. All seeds are one batch, each with its own episodes, random numbers and
    start: it learns what it learns alone, up to rounding.

    Args:
        environment: n -> vector environment of n copies, whose observations are a dictionary "observation",
            "achieved_goal", "desired_goal" (as Gymnasium-Robotics has them), whose actions are a Box, whose episodes
            have one length, and which has `compute_reward(achieved, goals)`.
        seeds: whole numbers.
        episodes: how many each seed plays.
        settings: the numbers of the training.
        sample: (episodes, n, random) -> a batch of n steps or a multiple of it, as `hindsight` returns it; by default
            `hindsight` with the environment's rewards. This is where mirrored steps come in.
        frames: (observations, goals) -> orthogonal matrices (n, m, m). Networks see each step in its own frame, and the
            action is turned back: with a frame that moves along, the policy obeys the symmetry by construction.
        kinds: what moves how, for `replay.moved`; needed with `frames`.
        longest: actions are all vectors of at most this length, a ball. None: all of the Box.
        build_network: (inputs, outputs) -> network, of actor and critic; by default layers of `hidden` units and ReLU.
        until: stop after the episode by which every seed has reached this share of the goals.
        progress: whether to show a bar.

    Returns:
        A DDPGRun.

    Raises:
        TypeError: no vector environment with goals, settings or functions of another type. ValueError: actions that are
            no Box of one symmetric bound where `longest` is None, frames without kinds, or rewards outside [−1, 0].

    >>> from symrl_lite.envs.bowl import Bowls
    >>> bowls = partial(Bowls, observation="goals")
    >>> run = train_ddpg(bowls, [0, 1], 2, DDPGSettings(updates=3, tests=4), longest=1.0, progress=False)
    >>> run.success.shape, run.replays[0]
    ((2, 2), 2 episodes of 25 steps, observations (4,), goals (2,), actions (2,))

    Source: Lillicrap et al. 2016 (equations 4 to 6); goals, penalty and cut-off as in Andrychowicz et al. 2017,
    Hindsight Experience Replay, and its code.
    """
    seeds, episodes = seed_list(seeds), whole_number(episodes, "episodes")
    _require(settings, environment, {"sample": sample, "frames": frames, "build_network": build_network}, kinds)
    until = None if until is None else a_number(until, "until", 0, 1)
    worlds, trials = environment(len(seeds)), environment(len(seeds) * settings.tests)
    build = build_network or (lambda inputs, outputs: _layers((inputs, *settings.hidden, outputs)))
    agent = _Agent(seeds, settings, _Sizes.of(worlds, longest), frames, kinds, build)
    rewards = worlds.compute_reward  # type: ignore[attr-defined]
    draw: Sample = sample or (lambda stored, n, random: hindsight(stored, n, random, rewards))
    for envs, each, use in ((worlds, 1, 3), (trials, settings.tests, 4)):
        envs.reset(seed=_seeds_of(seeds, each, use))  # type: ignore[arg-type]  # one for each copy
    random = [np.random.default_rng([seed, 5]) for seed in seeds]
    replays: list[list[GoalEpisodes]] = [[] for _ in seeds]
    success: list[np.ndarray] = []
    quiet = not progress or os.environ.get("SYMRL_STATIC") == "1"  # a page that is built shows no bar
    for _ in tqdm(range(episodes), unit=" episodes", disable=quiet, leave=False):
        lived = _play(worlds, partial(agent.explore, random=random), len(seeds))
        for stored, part, generator in zip(replays, lived, random, strict=True):
            stored.append(GoalEpisodes(*part, generator.integers(2**31, size=1)))
        drawn = [
            agent.batches(draw, GoalEpisodes.joined(stored), generator)
            for stored, generator in zip(replays, random, strict=True)
        ]
        for batch in zip(*(torch.stack(part, dim=1) for part in zip(*drawn, strict=True)), strict=True):
            agent.learn(*batch)  # (seeds, batch, ...) each
        tried = _play(trials, agent.act, len(seeds))
        success.append(np.array([np.mean(rewards(achieved[:, -1], goals) == 0) for _, achieved, goals, _ in tried]))
        if until is not None and (np.max(success, axis=0) >= until).all():
            break
    worlds.close()
    trials.close()
    stored_at_last = [GoalEpisodes.joined(stored) for stored in replays]
    return DDPGRun(np.stack(success, axis=1), agent.policies(), stored_at_last)


@dataclass(frozen=True)
class _Sizes:
    """Numbers of an observation, a goal, an action; the largest action, of each entry or (`ball`) of the length."""

    observation: int
    goal: int
    action: int
    largest: float
    ball: bool

    @classmethod
    def of(cls, envs: Any, longest: float | None) -> _Sizes:
        """Read from a vector environment.

        Raises:
            TypeError: another kind of environment. ValueError: spaces that do not fit.
        """
        require_next_step_reset(envs)
        seen, actions = envs.single_observation_space, envs.single_action_space
        names = ("observation", "achieved_goal", "desired_goal")
        if not (isinstance(seen, Dict) and set(names) <= set(seen) and hasattr(envs, "compute_reward")):
            raise TypeError(
                f"the environment shows {seen}, expected a dictionary with {', '.join(names)}, and compute_reward"
            )
        d, k, other = (seen[name].shape or () for name in names)
        if not isinstance(actions, Box) or not len(actions.shape) == len(d) == len(k) == 1 or k != other:
            raise ValueError(f"observations are {seen} and actions {actions}, expected vectors, and goals of one shape")
        if longest is not None:
            return cls(d[0], k[0], actions.shape[0], a_number(longest, "longest", above=0), ball=True)
        bound = float(actions.high.max())
        if not (np.isfinite(bound) and (actions.high == bound).all() and (actions.low == -bound).all()):
            raise ValueError(f"actions are {actions}, expected a Box from −b to b, or longest=... for a ball")
        return cls(d[0], k[0], actions.shape[0], bound, ball=False)

    def bounded(self, u: Tensor) -> Tensor:
        """Any numbers (..., m) as actions: b tanh u, or in a ball b tanh|u| u/|u|, which turns as u turns."""
        if not self.ball:
            return self.largest * torch.tanh(u)
        length = u.square().sum(dim=-1, keepdim=True).add(1e-12).sqrt()
        return self.largest * u * torch.tanh(length) / length

    def cut(self, actions: np.ndarray) -> np.ndarray:
        """Actions (..., m) that went too far, brought back to the bound."""
        if not self.ball:
            return actions.clip(-self.largest, self.largest)
        return actions / np.maximum(np.linalg.norm(actions, axis=-1, keepdims=True) / self.largest, 1)

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """An action (m,), any with equal probability."""
        if not self.ball:
            return random.uniform(-self.largest, self.largest, self.action)
        way = random.normal(size=self.action)
        return self.largest * random.random() ** (1 / self.action) * way / np.linalg.norm(way)


class _Agent:
    """Actor, critic and their slow copies, for all seeds."""

    def __init__(
        self, seeds: list[int], settings: DDPGSettings, size: _Sizes, frames: Frames | None, kinds: Any, build: Any
    ) -> None:
        self.settings, self.size, self.frames, self.kinds = settings, size, frames, kinds
        into, m = size.observation + size.goal, size.action
        # The same seed makes the same network twice: a slow copy begins as what it follows.
        self.actor, self.slow_actor = (SeedBatch(partial(build, into, m), seeds) for _ in range(2))
        self.critic, self.slow_critic = (SeedBatch(partial(build, into + m, 1), seeds) for _ in range(2))
        self.optimizers = {
            id(network): torch.optim.Adam(network.parameters.values(), lr=settings.learning_rate, fused=True)
            for network in (self.actor, self.critic)
        }

    @torch.no_grad()
    def act(self, seen: np.ndarray, goals: np.ndarray) -> np.ndarray:
        """π(s, z), without noise."""
        return _act(lambda x: self.size.bounded(self.actor(x)), seen, goals, self.frames, self.kinds)

    def explore(self, seen: np.ndarray, goals: np.ndarray, random: list[np.random.Generator]) -> np.ndarray:
        """π(s, z) with noise, or an action drawn at random; for (seeds, 1, d)."""
        actions = self.act(seen, goals)
        for action, generator in zip(actions, random, strict=True):
            noise = generator.normal(size=action.shape) * self.settings.noise * self.size.largest
            any_action, chance = self.size.draw(generator), generator.random()
            action[:] = any_action if chance < self.settings.random_share else self.size.cut(action + noise)
        return actions

    def batches(self, draw: Sample, stored: GoalEpisodes, random: np.random.Generator) -> tuple[Tensor, ...]:
        """All batches after an episode: (s, z), a, r and (s', z), each (updates, batch, ...).

        Raises:
            ValueError: arrays that are missing or do not fit, or rewards outside of [−1, 0].
        """
        wanted = self.settings.updates * self.settings.batch_size
        if wanted == 0:
            return tuple(torch.empty(0) for _ in range(4))
        batch = arrays_of(draw(stored, wanted, random), "observations", "goals", "actions", "next_observations")
        rewards = batch.get("rewards", np.empty(()))
        if rewards.ndim != 1 or len(rewards) % wanted:
            raise ValueError(f"sample returns rewards {rewards.shape}, expected ({wanted},) or a multiple of it")
        if not (rewards.min() >= -1 and rewards.max() <= 0):
            raise ValueError(f"rewards are from {rewards.min():g} to {rewards.max():g}, expected −1 to 0")
        names, d = ("observations", "next_observations", "goals", "actions"), self.size.observation
        for name, width in zip(names, (d, d, self.size.goal, self.size.action), strict=True):
            if batch[name].shape[1] != width or not np.isfinite(batch[name]).all():
                raise ValueError(f"sample returns {name} {batch[name].shape}, expected (n, {width}) finite numbers")
        if self.frames is not None:
            batch = framed(batch, self.kinds, self.frames)
        x = np.concatenate([batch["observations"], batch["goals"]], axis=1)
        later = np.concatenate([batch["next_observations"], batch.get("next_goals", batch["goals"])], axis=1)
        # Copies stand behind the steps that they are copies of: step i of the drawn and its copies are in one batch.
        places = np.arange(len(rewards)).reshape(-1, self.settings.updates, self.settings.batch_size)
        rows = places.swapaxes(0, 1).reshape(self.settings.updates, -1)
        return tuple(_tensor(part[rows]) for part in (x, batch["actions"], rewards, later))

    def learn(self, x: Tensor, actions: Tensor, rewards: Tensor, later: Tensor) -> None:
        """One step of the critic, one of the actor, and both slow copies follow; (seeds, batch, ...) each."""
        with torch.no_grad():
            best = self.slow_critic(torch.cat([later, self.size.bounded(self.slow_actor(later))], dim=-1))[..., 0]
            targets = (rewards + self.settings.discount * best).clamp(-1 / (1 - self.settings.discount), 0)
        errors = self.critic(torch.cat([x, actions], dim=-1))[..., 0] - targets  # (seeds, batch)
        self._descend(self.critic, 0.5 * errors.square().mean(dim=1))
        chosen = self.size.bounded(self.actor(x))  # (seeds, batch, m)
        values = self.critic(torch.cat([x, chosen], dim=-1))[..., 0]
        penalty = self.settings.action_penalty * (chosen / self.size.largest).square().mean(dim=-1)
        self._descend(self.actor, (penalty - values).mean(dim=1))
        for slow, fast in ((self.slow_actor, self.actor), (self.slow_critic, self.critic)):
            with torch.no_grad():
                pairs = list(slow.parameters.values()), list(fast.parameters.values())
                torch._foreach_lerp_(*pairs, self.settings.target_rate)

    def _descend(self, network: SeedBatch, losses: Tensor) -> None:
        """Losses (seeds,): their sum, so that each seed gets its own gradient."""
        parameters = list(network.parameters.values())
        for parameter, slope in zip(parameters, torch.autograd.grad(losses.sum(), parameters), strict=True):
            parameter.grad = slope.contiguous()  # Adam, fused, reads it in the order of memory
        self.optimizers[id(network)].step()

    def policies(self) -> list[Callable[[Any, Any], np.ndarray]]:
        """The policy of each seed, as it is now."""

        def policy(network: nn.Module) -> Callable[[Any, Any], np.ndarray]:
            @torch.no_grad()
            def act(observations: Any, goals: Any) -> np.ndarray:
                seen, wanted = (
                    real_numbers(given, "observations and goals").astype(float) for given in (observations, goals)
                )
                size = self.size
                if seen.shape[-1:] != (size.observation,) or wanted.shape != (*seen.shape[:-1], size.goal):
                    raise ValueError(
                        f"observations have shape {seen.shape} and goals {wanted.shape}, expected (..., "
                        f"{size.observation}) and (..., {size.goal})"
                    )
                return _act(lambda x: self.size.bounded(network(x)), seen, wanted, self.frames, self.kinds)

            return act

        return [policy(network) for network in self.actor.networks()]


def _act(
    network: Callable[[Tensor], Tensor], seen: np.ndarray, goals: np.ndarray, frames: Frames | None, kinds: Any
) -> np.ndarray:
    """Actions (..., m) for observations (..., d) and goals (..., k); with frames, chosen there and turned back."""
    if frames is None:
        return network(_tensor(np.concatenate([seen, goals], axis=-1))).numpy().astype(float)
    rows = {"observations": seen.reshape(-1, seen.shape[-1]), "goals": goals.reshape(-1, goals.shape[-1])}
    F = np.asarray(frames(rows["observations"], rows["goals"]))
    parts = moved(rows, kinds, F)
    x = _tensor(np.concatenate([parts["observations"], parts["goals"]], axis=1)).view(*seen.shape[:-1], -1)
    chosen = network(x).numpy().astype(float)
    back = moved({"actions": chosen.reshape(-1, chosen.shape[-1])}, kinds, F.swapaxes(-1, -2))
    return back["actions"].reshape(chosen.shape)


def _play(envs: Any, act: Act, seeds: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """An episode in each copy, those of a seed next to each other; for each seed as `GoalEpisodes` takes it.

    Raises:
        ValueError: an episode that ends before the others, or in another way than by being cut off.
    """
    (seen, _), kept = envs.reset(), []
    done: list[np.ndarray] = []
    while True:
        seen = {name: np.array(part) for name, part in seen.items()}  # environments may write into what they returned
        kept.append(seen)
        by_seed = {name: part.reshape(seeds, -1, part.shape[-1]) for name, part in seen.items()}
        if done and done[-1].all():
            break
        actions = act(by_seed["observation"], by_seed["desired_goal"])
        seen, _, ended, cut, _ = envs.step(actions.reshape(-1, actions.shape[-1]))
        done.append(np.array(cut))
        kept[-1]["actions"] = actions
        if np.any(ended) or (np.any(cut) and not np.all(cut)):
            raise ValueError("an episode ends before others are cut off, expected one length, and no end")
    observations, achieved = (
        np.stack([step[name] for step in kept], axis=1).reshape(seeds, -1, len(kept), kept[0][name].shape[-1])
        for name in ("observation", "achieved_goal")
    )  # (seeds, n, T + 1, ...)
    actions = np.stack([step["actions"] for step in kept[:-1]], axis=2)  # (seeds, n, T, m)
    goals = kept[0]["desired_goal"].reshape(seeds, -1, kept[0]["desired_goal"].shape[-1])
    return list(zip(observations, achieved, goals, actions, strict=True))


def _layers(units: tuple[int, ...]) -> nn.Module:
    """Layers with ReLU between them, with PyTorch's own start."""
    layers = [part for pair in itertools.pairwise(units) for part in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def _seeds_of(seeds: list[int], each: int, what: int) -> list[int]:
    """`each` seeds for environments, made from every seed; `what` tells uses apart."""
    return [int(n) for seed in seeds for n in np.random.SeedSequence([seed, what]).generate_state(each)]


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _require(settings: Any, environment: Any, functions: Mapping[str, Any], kinds: Any) -> None:
    if not isinstance(settings, DDPGSettings):
        raise TypeError(f"settings is {settings!r}, expected DDPGSettings(...)")
    require_function(environment, "environment", "a function n -> vector environment of n copies")
    for name, function in functions.items():
        if function is not None:
            require_function(function, name, "a function, or None")
    if (functions["frames"] is None) != (kinds is None):
        raise ValueError("frames and kinds are given together: how arrays move into a frame, such as bowl.KINDS")
