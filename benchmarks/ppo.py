"""A ten-seed CartPole curve against ten runs of Stable-Baselines3's PPO: `python benchmarks/ppo.py`.

The same hyperparameters (those of chapter 5), 20 480 steps a seed; their network (two of 64–64, tanh), and chapter 5's.
Theirs: ten runs, one after the other, and two at a time, each in a process of one thread. Ours: all seeds as one batch
in one process of one thread, and five seeds in each of two workers of `sweep`. Each is timed twice: training alone, and
with what a learning curve takes, ten episodes every 2 048 steps (theirs by EvalCallback). All is processor time inside
of the runs, that of the longer half where there are two: what a machine without other work would take. Start-up and
imports are not counted. Column `products`: the products of matrices alone, forward and backward, at our sizes, as a
share of our time. Goals at equal returns: one core against one after the other 8 ×, two workers against two at a time
6 ×. `--quick` takes one or two of their runs, shorter ones, tenfold or fivefold; `--few` such of full length.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
import torch
from _limits import Row
from torch import nn

from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.policies import equivariant_mlp, mlp_policy
from symrl_lite.ppo import PPOSettings, TrainingRun, train_ppo
from symrl_lite.sweeps import sweep

STEPS, SEEDS = 20_480, range(10)
SETTINGS = PPOSettings(learning_rate=0.003, discount=0.98, gae_lambda=0.8, epochs=10)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "their network": lambda: mlp_policy(4, 2, (64, 64), separate=True),
    "plain": lambda: mlp_policy(4, 2),
    "equivariant": lambda: equivariant_mlp(reflection()),
}
# Inputs and outputs of each layer, as dense matrices.
LAYERS = {
    "their network": ((4, 64), (64, 64), (64, 2), (4, 64), (64, 64), (64, 1)),
    "plain": ((4, 64), (64, 128), (128, 3)),
    "equivariant": ((4, 128), (128, 128), (128, 3)),
}

THEIRS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import torch
torch.set_num_threads(1)
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
steps = int(sys.argv[2])
for seed in map(int, sys.argv[3:]):
    env = make_vec_env("CartPole-v1", n_envs=16, seed=seed)
    test = make_vec_env("CartPole-v1", n_envs=10, seed=1000 + seed)
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=128, n_epochs=10, learning_rate=0.003, gamma=0.98,
                gae_lambda=0.8, clip_range=0.2, ent_coef=0.0, vf_coef=0.5, max_grad_norm=0.5, seed=seed, device="cpu")
    often = EvalCallback(test, n_eval_episodes=10, eval_freq=2048 // 16, deterministic=False, verbose=0)
    begin = time.process_time()
    model.learn(steps, callback=often if sys.argv[1] == "curve" else None)
    took = time.process_time() - begin
    print(took, often.last_mean_reward, flush=True)
"""


def theirs(kind: str, seeds: Sequence[int], steps: int, at_once: int) -> tuple[float, float]:
    """Seconds of ten runs, `at_once` of them side by side, from those of some; and the median of their last returns."""
    parts = [list(seeds)[k::at_once] for k in range(at_once)]
    command = [sys.executable, "-c", THEIRS, kind, str(steps)]
    running = [subprocess.Popen([*command, *map(str, part)], stdout=subprocess.PIPE, text=True) for part in parts]
    rows = [[tuple(map(float, line.split())) for line in (run.communicate()[0] or "").splitlines()] for run in running]
    if any(run.returncode for run in running):
        raise RuntimeError("a run of Stable-Baselines3 failed: see above")
    longest = max(sum(took for took, _ in part) for part in rows)
    return longest * len(SEEDS) / len(seeds), median(last for part in rows for _, last in part)


def train(name: str, seeds: Sequence[int], steps: int, every: int) -> TrainingRun:
    """Our run of some seeds, with their curve or with its two ends only."""
    torch.set_num_threads(1)
    settings = PPOSettings(**{**SETTINGS.__dict__, "evaluate_every": every})
    return train_ppo(CartPoles, NETWORKS[name], seeds, steps, settings, progress=False)


def one_half(case: tuple[str, int, int, list[int]], seed: int) -> tuple[float, list[float]]:
    """What a worker of a sweep does: seconds and last returns."""
    name, steps, every, seeds = case
    begin = time.process_time()
    run = train(name, seeds, steps, every)
    return time.process_time() - begin, run.returns[:, -1].tolist()


def ours(name: str, steps: int, every: int, workers: int) -> tuple[float, float]:
    """Seconds of ten seeds in this process, or in the longer of two halves; and the median of the last returns."""
    if workers == 1:
        train(name, [0], 512, 512)  # what is imported and allocated once
        took, last = one_half((name, steps, every, list(SEEDS)), 0)
        return took, float(np.median(last))
    halves = {k: (name, steps, every, list(SEEDS)[k::workers]) for k in range(workers)}
    sweep(one_half, {k: (name, 512, 512, [k]) for k in range(workers)}, [0], workers, progress=False)
    found = [row[0] for row in sweep(one_half, halves, [0], workers, progress=False).values()]
    return max(took for took, _ in found), float(np.median([last for _, returns in found for last in returns]))


def products(name: str, steps: int) -> float:
    """Seconds of the matrix products of ten seeds' training alone: of each update, and of each step that is played."""
    torch.set_num_threads(1)
    S, m, N = len(SEEDS), SETTINGS.environments * SETTINGS.horizon // SETTINGS.minibatches, SETTINGS.environments
    updates = steps // (N * SETTINGS.horizon) * SETTINGS.epochs * SETTINGS.minibatches
    took = 0.0
    for inputs, outputs in LAYERS[name]:
        W, x, g, few = (torch.randn(S, *s) for s in ((outputs, inputs), (m, inputs), (m, outputs), (N, inputs)))
        took += updates * (_seconds(torch.bmm, x, W.mT) + _seconds(torch.bmm, g.mT, x))
        if inputs > 4:  # states have no gradient
            took += updates * _seconds(torch.bmm, g, W)
        took += steps // N * _seconds(torch.bmm, few, W.mT)
    return took


def _seconds(product: Callable[[torch.Tensor, torch.Tensor], object], a: torch.Tensor, b: torch.Tensor) -> float:
    times = []
    for _ in range(60):
        begin = time.process_time()
        product(a, b)
        times.append(time.process_time() - begin)
    return median(times)


def measured(kind: str, steps: int, seeds: Sequence[int], names: Sequence[str]) -> list[tuple[Row, float, float]]:
    """Rows, with the last returns of the peer and ours."""
    every = 2048 if kind == "curve" else steps
    label = f"{'a curve' if kind == 'curve' else 'training'}, ten seeds × {steps:,} steps"
    found = []
    for workers, how in ((1, "one core, one after the other"), (2, "two cores, two at a time")):
        peer, level = theirs(kind, seeds if len(seeds) == len(SEEDS) else seeds[:workers], steps, workers)
        for name in names:
            took, last = ours(name, steps, every, workers)
            share = products(name, steps) / workers / took  # workers share the products between them
            found.append(((f"{label}, {name}, {how}", "Stable-Baselines3", peer, took, share), level, last))
    return found


def rows(quick: bool = False) -> list[Row]:
    """Work, peer, the peer's seconds, ours, and the share of ours that the matrix products alone would take.

    With `quick` in less than a minute: 4 096 steps, training alone.
    """
    if quick:
        return [row for row, _, _ in measured("train", 4_096, [0, 1], ["plain", "equivariant"])]
    return [row for kind in ("train", "curve") for row, _, _ in measured(kind, STEPS, SEEDS, list(NETWORKS))]


def main() -> None:
    """Print the table; with --quick that of a minute, with --few one from two of their runs."""
    quick, few = "--quick" in sys.argv, "--few" in sys.argv
    steps, seeds = 4_096 if quick else STEPS, [0, 1] if quick or few else list(SEEDS)
    print(f"{'processor seconds':86}{'theirs':>8}{'ours':>8}{'ratio':>8}{'products':>10}{'returns':>13}")
    for kind in ("train",) if quick else ("train", "curve"):
        for (work, _, peer, mine, share), level, last in measured(kind, steps, seeds, list(NETWORKS)):
            returns = f"{level:.0f}, {last:.0f}" if np.isfinite(level) else f"-, {last:.0f}"  # none without a curve
            print(f"{work:86}{peer:8.1f}{mine:8.1f}{peer / mine:7.1f}×{share:10.0%}{returns:>13}", flush=True)


if __name__ == "__main__":
    main()
