"""Learning from goals against Stable-Baselines3's DDPG with HerReplayBuffer: `python benchmarks/replay.py`.

The same environment (the bowl with goals, forces in a box), networks (two of 64–64, ReLU), batches of 128, learning
rates, discount, slow copies and updates an episode; future goals for four of five steps. They explore by noise alone
and have no penalty on actions; ours draws three of ten actions at random and has one. Theirs: seeds one after the
other, and two at a time, each half in a process of one thread. Ours: eight seeds as one batch in one process of one
thread, which also plays 50 test goals after every episode. Seconds of the processor inside of the runs, that of the
longer half where there are two; theirs from the few runs that are made, scaled up to eight. Start-up and imports are
not counted. First the time of equal work: 100 updates after each of some episodes. Then the time until 90 % of 50
test goals are met, which theirs tries after every episode as well; a run that never gets there counts with all its
seconds. For this, theirs runs once, two at a time, and the seconds of both halves together are those of one after the
other. `products` is the share of our time that the matrix products alone would take. `--quick` makes two of their
runs, equal work alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from statistics import median

import torch
from _limits import Row

from symrl_lite.ddpg import DDPGRun, DDPGSettings, train_ddpg
from symrl_lite.envs.bowl import Bowls

SEEDS, UPDATES, LEVEL = range(8), 100, 0.9
EPISODES, LONGEST = 4, 30  # of equal work; at most, until the level is reached
# Inputs and outputs of each layer, and how often an update multiplies by it: slow copies forward, fast ones forward and
# backward, the critic once more under the actor's gradient.
ACTOR, CRITIC = ((6, 64), (64, 64), (64, 2)), ((8, 64), (64, 64), (64, 1))

THEIRS = """
import sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
import torch
torch.set_num_threads(1)
from stable_baselines3 import DDPG, HerReplayBuffer
from stable_baselines3.common.noise import NormalActionNoise
from symrl_lite.envs.bowl import Bowl, Bowls
episodes, updates, level = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
for seed in map(int, sys.argv[4:]):
    model = DDPG("MultiInputPolicy", Bowl(observation="goals"), learning_rate=0.001, buffer_size=25 * (episodes + 1),
                 learning_starts=0, batch_size=128, tau=0.05, gamma=0.95, train_freq=(1, "episode"),
                 gradient_steps=updates, action_noise=NormalActionNoise(np.zeros(2), 0.2 * np.ones(2)),
                 replay_buffer_class=HerReplayBuffer,
                 replay_buffer_kwargs={"n_sampled_goal": 4, "goal_selection_strategy": "future"},
                 policy_kwargs={"net_arch": [64, 64]}, seed=seed, device="cpu")
    trials = Bowls(50, observation="goals")
    trials.reset(seed=1000 + seed)
    took, found, count = 0.0, 0.0, 0
    while count < episodes and not (found >= level):
        begin = time.process_time()
        model.learn(25, reset_num_timesteps=False)
        took, count = took + time.process_time() - begin, count + 1
        if level <= 1:
            begin, seen = time.process_time(), trials.reset()[0]
            for _ in range(25):
                seen, rewards, *_ = trials.step(model.predict(seen, deterministic=True)[0].astype(float))
            found = np.mean(rewards == 0)
            took += time.process_time() - begin
    assert model._n_updates == count * updates, (model._n_updates, count)
    print(took, count, found, flush=True)
"""


def theirs(seeds: Sequence[int], episodes: int, level: float, at_once: int) -> tuple[list[float], list[list[float]]]:
    """Seconds of each of `at_once` halves, as for eight runs from those of some; episodes and last success of each."""
    parts = [list(seeds)[k::at_once] for k in range(at_once)]
    command = [sys.executable, "-c", THEIRS, str(episodes), str(UPDATES), str(level)]
    running = [subprocess.Popen([*command, *map(str, part)], stdout=subprocess.PIPE, text=True) for part in parts]
    rows = [[tuple(map(float, line.split())) for line in (run.communicate()[0] or "").splitlines()] for run in running]
    if any(run.returncode for run in running):
        raise RuntimeError("a run of Stable-Baselines3 failed: see above")
    halves = [sum(took for took, *_ in part) * len(SEEDS) / len(seeds) for part in rows]
    return halves, [[count, success] for part in rows for _, count, success in part]


def ours(episodes: int, level: float | None) -> tuple[float, DDPGRun]:
    """Seconds of eight seeds as one batch, and the run."""
    torch.set_num_threads(1)
    bowls, settings = partial(Bowls, observation="goals"), DDPGSettings(updates=UPDATES)
    train_ddpg(bowls, [0], 1, DDPGSettings(updates=2), progress=False)  # what is imported and allocated once
    begin = time.process_time()
    run = train_ddpg(bowls, SEEDS, episodes, settings, until=level, progress=False)
    return time.process_time() - begin, run


def products(updates: int) -> float:
    """Seconds of the matrix products of eight seeds' updates."""
    torch.set_num_threads(1)
    S, m, took = len(SEEDS), DDPGSettings().batch_size, 0.0
    # Forward: slow, fast (the critic also under the actor). Backward: weights of both, inputs wherever there are any.
    for layers, forward, weights, inside in ((ACTOR, 2, 1, 1), (CRITIC, 3, 1, 2)):
        for inputs, outputs in layers:
            W, x, g = (torch.randn(S, *s) for s in ((outputs, inputs), (m, inputs), (m, outputs)))
            took += forward * _seconds(x, W.mT) + weights * _seconds(g.mT, x)
            took += (inside if inputs == 64 else inside - 1) * _seconds(g, W)
    return updates * took


def _seconds(a: torch.Tensor, b: torch.Tensor) -> float:
    times = []
    for _ in range(60):
        begin = time.process_time()
        torch.bmm(a, b)
        times.append(time.process_time() - begin)
    return median(times)


def measured(seeds: Sequence[int], episodes: int, longest: int) -> tuple[list[Row], list[str]]:
    """Rows, and what was reached: a sentence for each of theirs and ours. `longest` 0: equal work alone."""
    found, said = [], []
    work = f"DDPG with hindsight, eight seeds × {episodes} episodes × {UPDATES} updates"
    took, run = ours(episodes, None)
    share = products(episodes * UPDATES) / took
    said.append(f"ours: {len(SEEDS) * episodes * UPDATES / took:.0f} updates of a seed each second")
    for at_once, how in ((1, "one after the other"), (2, "two at a time")):
        peer = max(theirs(seeds, episodes, 2.0, at_once)[0])
        found.append((f"{work}, {how}", "Stable-Baselines3", peer, took, share))
        said.append(f"theirs, {how}: {len(SEEDS) * episodes * UPDATES / peer:.0f}")
    if longest:
        took, run = ours(longest, LEVEL)
        share = products(run.success.shape[1] * UPDATES) / took
        said.append(f"ours: {LEVEL:.0%} of the goals after {run.episodes_to(LEVEL).tolist()} episodes, {took:.1f} s")
        halves, done = theirs(seeds, longest, LEVEL, 2)
        for peer, how in ((sum(halves), "one after the other"), (max(halves), "two at a time")):
            found.append((f"to {LEVEL:.0%} of 50 goals, eight seeds, {how}", "Stable-Baselines3", peer, took, share))
        said.append(f"theirs: episodes, and the last share of goals that were met: {done}")
    return found, said


def rows(quick: bool = False) -> list[Row]:
    """Work, peer, the peer's seconds, ours, and the share of ours that the matrix products alone would take.

    With `quick` in half a minute: two of their runs, equal work alone.
    """
    return measured([0, 1] if quick else SEEDS, 4 if quick else EPISODES, 0 if quick else LONGEST)[0]


def main() -> None:
    """Print the table; with --quick the short one."""
    quick = "--quick" in sys.argv
    table, said = measured([0, 1] if quick else SEEDS, 4 if quick else EPISODES, 0 if quick else LONGEST)
    print(f"{'processor seconds':86}{'theirs':>8}{'ours':>8}{'ratio':>8}{'products':>10}")
    for work, _, peer, mine, share in table:
        print(f"{work:86}{peer:8.1f}{mine:8.1f}{peer / mine:7.1f}×{share:10.0%}")
    print("\n".join(said))


if __name__ == "__main__":
    main()
