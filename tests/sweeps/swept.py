"""What the tests of sweeps run in workers; a file of its own, so that a worker imports little."""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np


def noted(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """Leaves a file for each time that it is run; then does what the case says for this seed."""
    folder = Path(case["notes"])
    runs = len(list(folder.glob(f"{case['name']} {seed} *")))
    (folder / f"{case['name']} {seed} {runs}").touch()
    if seed in case.get("raises", ()):
        raise ValueError(f"seed {seed} is bad")
    if seed in case.get("dies", ()) or (seed in case.get("dies once", ()) and runs == 0):
        os._exit(3)
    if seed in case.get("killed", ()):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": np.random.default_rng(seed).normal(size=3), "pid": os.getpid()}


def scaled(case: float, seed: int, by: float = 1.0) -> float:
    return case * seed * by


def lock(case: str, seed: int) -> Any:
    import threading

    return threading.Lock() if case == "lock" else 1


def leaves(case: str, seed: int) -> int:
    if case == "leaves":
        sys.exit("enough")
    return 1


def training(case: dict[str, Any], seed: int) -> dict[str, Any]:
    """A real training, and the threads that it had."""
    import torch
    from threadpoolctl import threadpool_info

    from symrl_lite.envs.cartpole import CartPoles, reflection
    from symrl_lite.policies import equivariant_mlp, mlp_policy
    from symrl_lite.ppo import PPOSettings, train_ppo

    build = {"plain": partial(mlp_policy, 4, 2), "equivariant": partial(equivariant_mlp, reflection())}[case["network"]]
    run = train_ppo(CartPoles, build, [seed], case["steps"], PPOSettings(evaluate_every=512), progress=False)
    wide = np.random.default_rng(seed).normal(size=(300, 300))
    threads = {library["num_threads"] for library in threadpool_info()} | {torch.get_num_threads()}
    return {
        "returns": run.returns,
        "weights": [p.detach().numpy() for p in run.networks[0].parameters()],
        "product": wide @ wide.T,  # the order of this sum may hang on the number of threads
        "threads": sorted(threads),
    }


def given_back(case: Any, seed: int) -> Any:
    return case
