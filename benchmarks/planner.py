"""The latent planner: 1024 prototypes with 4 actions, and against the same plan in plain Python loops.

python benchmarks/planner.py

`rows` holds it against peers that run in turn, and against a limit: one matrix product of the same size, the table
written and read once, and once in each sweep what is left of it after what is below rounding has been dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch
from _limits import Row, bandwidth, in_turn, print_rows, processor_seconds
from _timing import line, seconds

from symrl_lite.plannable import LatentPlanner, latent_transitions, prune

DIMENSION, ACTIONS, TEMPERATURE, DISCOUNT, TOLERANCE = 50, 4, 0.1, 0.9, 1e-6


def points(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on a sheet in 50 dimensions, and the ends of four steps from each."""
    draw = np.random.default_rng(0)
    sheet = draw.normal(size=(2, DIMENSION))
    sheet /= np.linalg.norm(sheet, axis=1, keepdims=True)
    place = draw.uniform(0, math.sqrt(n), size=(n, 2))
    steps = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
    return place @ sheet, (place[:, None] + steps) @ sheet


class Given:
    """A model whose codes and steps are given: an observation is the number of a point."""

    def __init__(self, z: np.ndarray, after: np.ndarray) -> None:
        self.z, self.after = torch.tensor(z), torch.tensor(after)

    def encode(self, numbers: np.ndarray) -> torch.Tensor:
        """The codes."""
        return self.z[torch.as_tensor(numbers)]

    def steps(self, z: torch.Tensor) -> torch.Tensor:
        """The ends of all steps."""
        return self.after

    def rewards(self, z: torch.Tensor) -> torch.Tensor:
        """Not used."""
        return z[..., 0]


def planned(z: np.ndarray, after: np.ndarray) -> LatentPlanner:
    """The package's plan, from codes to values; the first point is the goal."""
    goal = np.arange(len(z)) == 0
    options: Any = {"temperature": TEMPERATURE, "discount": DISCOUNT, "tolerance": TOLERANCE, "prune_within": 0.0}
    return LatentPlanner(Given(z, after), np.arange(len(z)), lambda _: goal, **options)


def vectorised(z: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Its values."""
    return planned(z, after).values


def by_torch(z: np.ndarray, after: np.ndarray) -> torch.Tensor:
    """The table of probabilities as one would write it with torch, (P, actions, P)."""
    distances = torch.cdist(torch.from_numpy(after.reshape(-1, z.shape[1])), torch.from_numpy(z))
    return torch.softmax(-0.5 * distances.square() / TEMPERATURE, dim=-1).reshape(*after.shape[:2], -1)


def in_loops(z: list[list[float]], after: list[list[list[float]]]) -> list[float]:
    """The same with lists and loops."""
    n = len(z)
    table = []
    for i in range(n):
        rows = []
        for a in range(ACTIONS):
            end = after[i][a]
            scores = [-0.5 * sum((p - q) ** 2 for p, q in zip(point, end, strict=True)) / TEMPERATURE for point in z]
            top = max(scores)
            weights = [math.exp(s - top) for s in scores]
            total = sum(weights)
            rows.append([w / total for w in weights])
        table.append(rows)
    values = [0.0] * n
    while True:
        new = [
            max((i == 0) + DISCOUNT * sum(p * v for p, v in zip(row, values, strict=True)) for row in table[i])
            for i in range(n)
        ]
        change = max(abs(p - q) for p, q in zip(new, values, strict=True))
        values = new
        if change <= TOLERANCE * (1 - DISCOUNT) / DISCOUNT:
            return values


def product_seconds(z: np.ndarray, after: np.ndarray) -> float:
    """One matrix product (P · actions, dimension) × (dimension, P), into memory that is there."""
    x = after.reshape(-1, z.shape[1])
    out = np.empty((len(x), len(z)))
    return median(processor_seconds(lambda: np.matmul(x, z.T, out=out)) for _ in range(7))


def rows(quick: bool) -> list[Row]:
    """Work, peer, seconds of both, and the limit's share of our seconds; `quick` takes fewer points."""
    table = []
    large, small = (256, 64) if quick else (1024, 128)
    z, after = points(large)
    written = 8 * large * large * ACTIONS / bandwidth()
    assert np.abs(by_torch(z, after).numpy() - latent_transitions(z, after, TEMPERATURE)).max() < 1e-6
    theirs, ours = in_turn(lambda: by_torch(z, after), lambda: latent_transitions(z, after, TEMPERATURE))
    limit = product_seconds(z, after) + written
    table.append((f"transitions, {large} × {ACTIONS} × {large}", "torch: cdist, softmax", theirs, ours, limit / ours))
    for n in (small, large):
        z, after = points(n)
        plan = planned(z, after)
        kept = plan.mdp.rows
        sweep = kept.data.nbytes + kept.indices.nbytes + kept.indptr.nbytes if plan.mdp.is_sparse else kept.nbytes
        limit = product_seconds(z, after) + (16 * n * n * ACTIONS + plan.solution.sweeps * sweep) / bandwidth()
        other: Callable[[], Any]
        if n == small:
            lists = z.tolist(), after.tolist()
            peer, other = "lists and loops", lambda: in_loops(*lists)  # noqa: B023
        else:
            peer, other = "NumPy, a dense table", lambda: in_dense_sweeps(z, after, plan.solution.sweeps)  # noqa: B023
        assert np.abs(np.array(other()) - plan.values).max() < 1e-5
        theirs, ours = in_turn(other, lambda: vectorised(z, after), peer_runs=1)  # noqa: B023
        table.append((f"the whole plan, {n} × {ACTIONS}, to {TOLERANCE:g}", peer, theirs, ours, limit / ours))
    return table


def in_dense_sweeps(z: np.ndarray, after: np.ndarray, sweeps: int) -> np.ndarray:
    """The same with the whole table in every sweep."""
    transitions, reward = latent_transitions(z, after, TEMPERATURE), np.arange(len(z)) == 0
    values = np.zeros(len(z))
    for _ in range(sweeps):
        values = (reward[:, None] + DISCOUNT * (transitions @ values)).max(axis=1)
    return values


def main() -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    z, after = points(1024)
    line("transitions, 1024 × 4 × 1024", seconds(lambda: latent_transitions(z, after, TEMPERATURE)))
    line("the whole plan, value iteration to 1e-6, 1024 × 4", seconds(lambda: vectorised(z, after)))
    line("pruning of 1024 points", seconds(lambda: prune(z, 0.01)))
    for n in (64, 128, 256):
        z, after = points(n)
        fast = seconds(lambda: vectorised(z, after))  # noqa: B023
        lists = z.tolist(), after.tolist()
        slow = seconds(lambda: in_loops(*lists), runs=1)  # noqa: B023
        gap = np.abs(vectorised(z, after) - in_loops(*lists)).max()
        line(f"{n} points: the package", fast)
        line(f"{n} points: plain Python loops", slow)
        print(f"    {slow / fast:.0f} times; largest difference of a value {gap:.0e}")
    print()
    print_rows(rows(quick=False))


if __name__ == "__main__":
    main()
