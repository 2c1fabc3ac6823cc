"""The latent planner: 1024 prototypes with 4 actions, and against the same plan in plain Python loops.

python benchmarks/planner.py
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
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


def vectorised(z: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The package's plan, from codes to values; the first point is the goal."""
    goal = np.arange(len(z)) == 0
    options: Any = {"temperature": TEMPERATURE, "discount": DISCOUNT, "tolerance": TOLERANCE, "prune_within": 0.0}
    return LatentPlanner(Given(z, after), np.arange(len(z)), lambda _: goal, **options).values


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


def main() -> None:
    """Print the table."""
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


if __name__ == "__main__":
    main()
