"""A ten-seed CartPole curve against ten runs of Stable-Baselines3's PPO: `python benchmarks/ppo.py`.

The same hyperparameters (those of chapter 5), 20 480 steps a seed on two cores; their network (two of 64–64, tanh), and
chapter 5's.  Theirs: ten runs, two at a time, each in a process of one thread. Ours: all seeds as one batch in one
process. Each is timed twice: training alone, and with what a learning curve takes, ten episodes every 2 048 steps
(theirs by EvalCallback). Start-up and imports are not counted. Budget: ten times as fast at equal returns.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.policies import equivariant_mlp, mlp_policy
from symrl_lite.ppo import PPOSettings, train_ppo

STEPS, SEEDS = 20_480, range(10)
SETTINGS = PPOSettings(learning_rate=0.003, discount=0.98, gae_lambda=0.8, epochs=10)

THEIRS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import torch
torch.set_num_threads(1)
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env
for seed in map(int, sys.argv[2:]):
    env = make_vec_env("CartPole-v1", n_envs=16, seed=seed)
    test = make_vec_env("CartPole-v1", n_envs=10, seed=1000 + seed)
    model = PPO("MlpPolicy", env, n_steps=32, batch_size=128, n_epochs=10, learning_rate=0.003, gamma=0.98,
                gae_lambda=0.8, clip_range=0.2, ent_coef=0.0, vf_coef=0.5, max_grad_norm=0.5, seed=seed, device="cpu")
    often = EvalCallback(test, n_eval_episodes=10, eval_freq=2048 // 16, deterministic=False, verbose=0)
    begin = time.perf_counter()
    model.learn(STEPS, callback=often if sys.argv[1] == "curve" else None)
    took = time.perf_counter() - begin
    print(took, often.last_mean_reward, flush=True)
""".replace("STEPS", str(STEPS))


def theirs(kind: str) -> tuple[float, float, float]:
    """Seconds of ten runs, two at a time and one after the other, and the median of their last evaluations."""
    halves = [list(SEEDS)[0::2], list(SEEDS)[1::2]]
    command = [sys.executable, "-c", THEIRS, kind]
    running = [subprocess.Popen([*command, *map(str, half)], stdout=subprocess.PIPE, text=True) for half in halves]
    rows = [[tuple(map(float, line.split())) for line in (run.communicate()[0] or "").splitlines()] for run in running]
    assert all(run.returncode == 0 for run in running)
    sums = [sum(took for took, _ in half) for half in rows]
    return max(sums), sum(sums), float(np.median([last for half in rows for _, last in half]))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)  # so one of the two cores
    print(f"{'ten seeds, ' + format(STEPS, ',') + ' steps each':44}{'seconds':>9}{'steps/s':>10}{'last return':>13}")

    def line(what: str, took: float, last: float) -> None:  # without evaluations theirs has no return
        shown = f"{last:13.0f}" if np.isfinite(last) else f"{'-':>13}"
        print(f"{what:44}{took:9.1f}{len(SEEDS) * STEPS / took:10.0f}{shown}", flush=True)

    nets: dict[str, Callable[[], nn.Module]] = {
        "their network": lambda: mlp_policy(4, 2, (64, 64), separate=True),
        "plain": lambda: mlp_policy(4, 2),
        "equivariant": lambda: equivariant_mlp(reflection()),
    }
    kinds = {"training alone": ("train", STEPS), "with the curve": ("curve", 2048)}
    for label, (kind, every) in kinds.items():
        took, alone, last = theirs(kind)
        line(f"Stable-Baselines3, {label}, two at a time", took, last)
        line("  the same, one after the other (sum)", alone, last)
        for name, build in nets.items():
            settings = PPOSettings(**{**SETTINGS.__dict__, "evaluate_every": every})
            begin = time.perf_counter()
            run = train_ppo(CartPoles, build, SEEDS, STEPS, settings, progress=False)
            mine = time.perf_counter() - begin
            line(f"ours, {name}, {label}", mine, float(np.median(run.returns[:, -1])))
            print(f"{'':44}{took / mine:8.1f} × and {alone / mine:.1f} × as fast")


if __name__ == "__main__":
    main()
