"""Wrong and unusual answers to assignment 6: what each must score, and what its feedback must say."""

from __future__ import annotations

from typing import Any

FOUR = "apart = (0, 1, 1)\nleast = (0.75, 1, 1)\n"
TWO = "fewest = 3\nlength = 2\n"
# In the following right answers one piece is replaced by a wrong one.
PUSH = """
def push(anchors, negatives, hinge):
    n, J, dimension = negatives.shape
    on_anchors, on_negatives = np.zeros(anchors.shape), np.zeros(negatives.shape)
    for i in range(n):
        for j in range(J):
            away = anchors[i] - negatives[i, j]
            if hinge - 0.5 * away @ away > 0:
                on_anchors[i] -= away / n
                on_negatives[i, j] = away / n
    return on_anchors, on_negatives
"""
THIN = """
def thin(latents, within):
    kept, nearest = [], []
    for i, z in enumerate(latents):
        if all(0.5 * ((z - latents[k]) ** 2).sum() > within for k in kept):
            kept.append(i)
    for z in latents:
        d = [0.5 * ((z - latents[k]) ** 2).sum() for k in kept]
        nearest.append(kept[int(np.argmin(d))])
    return kept, nearest
"""
PLAN = """
def plan(latents, after, goal, over, temperature, discount):
    scores = -0.5 * np.square(after[:, :, None] - latents).sum(-1) / temperature
    scores = scores - scores.max(axis=-1, keepdims=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    rewards = np.zeros(chances.shape[:2])
    rewards[goal] = 1.0
    values = np.zeros(len(latents))
    while True:
        q = rewards + discount * chances @ values
        q[over] = 0.0
        if abs(q.max(axis=1) - values).max() < 1e-9:
            return values, q.argmax(axis=1)
        values = q.max(axis=1)
"""


def case(question: str, points: int, name: str, code: str, says: str = "") -> dict[str, Any]:
    answer = {"question": question, "name": name, "code": code, "points": points}
    return answer | ({"says": says} if says else {})


CASES: list[dict[str, Any]] = [
    # --- 1
    case(
        "q1",
        1,
        "a negative that is the place itself pushes too",
        "apart = (1, 1, 1)\nleast = (1, 1, 1)\n" + TWO,
        "pushes nothing",
    ),
    case(
        "q1",
        1,
        "the further apart the better",
        "apart = (0, 2, 5)\nleast = (0.75, 1, 1)\n" + TWO,
        "beyond ε the hinge is 0",
    ),
    case(
        "q1",
        0,
        "the loss without the pull, and a tie taken for a win",
        "apart = (0, 1, 1)\nleast = (0.75, 0, 0)\nfewest = 2\nlength = 2\n",
        "pull and push are equal",
    ),
    case("q1", 1, "without the ½", FOUR + "fewest = 3\nlength = 2**0.5\n", "you left out the ½"),
    case(
        "q1",
        2,
        "found by trying all d on a grid",
        """
grid = np.linspace(0, 5, 5001)
losses = np.array([grid + J * 0.75 * np.maximum(0, 1 - grid) for J in (1, 2, 5)])
apart, least = grid[losses.argmin(axis=1)], losses.min(axis=1)
fewest = next(J for J in range(1, 9) if np.argmin(grid + J * 0.5 * np.maximum(0, 1 - grid)) > 0)
length = float(np.sqrt(2 * grid[np.argmin(grid + 2.5 * np.maximum(0, 2 - grid))]))
""",
    ),
    # --- 2
    case("q2", 1, "the sum over the steps", PUSH.replace("away / n", "away"), "the mean over n"),
    case(
        "q2",
        1,
        "the anchors along the wrong axis",
        """
def push(anchors, negatives, hinge):
    away = anchors - negatives
    near = 0.5 * (away**2).sum(axis=-1, keepdims=True) < hinge
    on_negatives = near * away / len(anchors)
    return -on_negatives.sum(axis=1), on_negatives
""",
        "own anchor",
    ),
    case(
        "q2",
        0,
        "pulls instead of pushes",
        PUSH.replace("away = anchors[i] - negatives[i, j]", "away = negatives[i, j] - anchors[i]"),
        "moves them away",
    ),
    case("q2", 0, "pushes far ones too", PUSH.replace("hinge - 0.5 * away @ away > 0", "True"), "out of reach"),
    case(
        "q2",
        2,
        "automatic differentiation",
        """
import torch


def push(anchors, negatives, hinge):
    x, y = (torch.tensor(array, requires_grad=True) for array in (anchors, negatives))
    (hinge - (x[:, None] - y).square().sum(dim=-1) / 2).relu().sum(dim=1).mean().backward()
    return x.grad, y.grad
""",
    ),
    case(
        "q2",
        2,
        "differences of the loss itself",
        """
def push(anchors, negatives, hinge):
    def loss(x, y):
        return np.maximum(0, hinge - 0.5 * ((x[:, None] - y) ** 2).sum(axis=-1)).sum() / len(x)

    found = []
    for which, array in enumerate((anchors, negatives)):
        slope = np.zeros(array.size)
        for k in range(array.size):
            step = np.zeros(array.size)
            step[k] = 1e-6
            both = []
            for sign in (1, -1):
                moved = [anchors, negatives]
                moved[which] = array + sign * step.reshape(array.shape)
                both.append(loss(*moved))
            slope[k] = (both[0] - both[1]) / 2e-6
        found.append(slope.reshape(array.shape))
    return found
""",
    ),
    case(
        "q2",
        0,
        "the package's own loss",
        """
import torch
from symrl_lite.plannable import contrastive_loss


def push(anchors, negatives, hinge):
    x, y = (torch.tensor(array, requires_grad=True) for array in (anchors, negatives))
    contrastive_loss(x, y, hinge).backward()
    return x.grad, y.grad
""",
        "withheld",
    ),
    # --- 3
    case(
        "q3",
        0,
        "rows that were dropped drop others",
        """
def thin(latents, within):
    d = 0.5 * ((latents[:, None] - latents) ** 2).sum(axis=-1)
    kept = np.array([i for i in range(len(d)) if not (d[i, :i] <= within).any()])
    return kept, kept[d[:, kept].argmin(axis=1)]
""",
        "it drops nobody",
    ),
    case("q3", 1, "places in kept", THIN.replace("kept[int(np.argmin(d))]", "int(np.argmin(d))"), "not places in kept"),
    case(
        "q3",
        1,
        "who dropped it, not who is nearest",
        THIN.replace("int(np.argmin(d))", "next((k for k, near in enumerate(d) if near <= within), 0)"),
        "row 2 is nearer",
    ),
    case(
        "q3",
        1,
        "copies stay with within = 0",
        THIN.replace("> within for", ">= within for"),
        "d ≤ within counts as near",
    ),
    case(
        "q3",
        2,
        "marks rows forwards, and lists",
        """
def thin(latents, within):
    lengths = np.linalg.norm(latents[:, None] - latents, axis=-1)
    near = lengths**2 / 2 <= within + 1e-12
    alive = np.ones(len(latents), dtype=bool)
    for i in range(len(latents)):
        if alive[i]:
            alive[i + 1 :] &= ~near[i, i + 1 :]
    return np.flatnonzero(alive).tolist(), np.where(alive, lengths, np.inf).argmin(axis=1).tolist()
""",
    ),
    # --- 4
    case(
        "q4",
        2,
        "exponentials of far ends",
        """
def plan(latents, after, goal, over, temperature, discount):
    chances = np.exp(-0.5 * ((after[:, :, None] - latents) ** 2).sum(axis=-1) / temperature)
    chances /= chances.sum(axis=-1, keepdims=True)
    values, change = np.zeros(len(latents)), 1
    while change > 1e-9:
        before, q = values, discount * chances @ values
        q[goal] += 1
        q[over] = 0
        values = q.max(axis=1)
        change = np.abs(values - before).max()
    return values, q.argmax(axis=1)
""",
        "Subtract the largest score",
    ),
    case(
        "q4",
        2,
        "two hundred sweeps",
        PLAN.replace("while True:", "for sweep in range(201):").replace("() < 1e-9:", "() < 1e-9 or sweep == 200:"),
        "too few sweeps",
    ),
    case("q4", 2, "plans through the pit", PLAN.replace("        q[over] = 0.0\n", ""), "through the pit"),
    case("q4", 0, "without the ½", PLAN.replace("-0.5 * ", "-"), "is the ½ in the distance"),
    case(
        "q4",
        0,
        "the reward for arriving",
        PLAN.replace("rewards[goal] = 1.0", "rewards = chances[:, :, goal]"),
        "acting in the goal earns 1",
    ),
    case(
        "q4",
        0,
        "the package's own planning",
        """
from symrl_lite.mdp import TabularMDP, value_iteration


def plan(latents, after, goal, over, temperature, discount):
    d = 0.5 * ((after[:, :, None] - latents) ** 2).sum(axis=-1)
    chances = np.exp((d.min(axis=-1, keepdims=True) - d) / temperature)
    chances /= chances.sum(axis=-1, keepdims=True)
    chances[over] = np.eye(len(latents))[over][:, None]
    rewards = np.zeros(chances.shape[:2])
    rewards[goal] = 1.0
    found = value_iteration(TabularMDP(chances, rewards, discount))
    return found.values, found.policy.argmax(axis=1)
""",
        "withheld",
    ),
    case(
        "q4",
        3,
        "policy iteration, solved exactly",
        """
def plan(latents, after, goal, over, temperature, discount):
    P, A = after.shape[:2]
    chances = np.zeros((P, A, P))
    for i in range(P):
        for a in range(A):
            d = ((latents - after[i, a]) ** 2).sum(axis=1) / 2
            weights = np.exp(-(d - d.min()) / temperature)
            chances[i, a] = np.eye(P)[i] if over[i] else weights / weights.sum()
    earn = np.eye(P)[goal]
    choice = np.zeros(P, dtype=int)
    for _ in range(100):
        values = np.linalg.solve(np.eye(P) - discount * chances[np.arange(P), choice], earn)
        choice = (chances @ values).round(10).argmax(axis=1)
    return values, choice
""",
    ),
]
