"""Wrong and unusual answers to assignment 5: what each must score, and what its feedback must say."""

from __future__ import annotations

from typing import Any

SETTLED = """
def settled(steps, returns, threshold):
    found = []
    for row in returns:
        k = len(row)
        while k > 0 and row[k - 1] >= threshold:
            k -= 1
        found.append(steps[k] if k < len(row) else np.inf)
    return np.array(found)
"""
CHANCE = """
def chance_faster(first, second):
    return np.mean([1.0 if a < b else 0.5 if a == b else 0.0 for a in first for b in second])
"""
# One line of a right answer to question 3 is replaced by a wrong one.
ADVANTAGES = """
def advantages(rewards, values, terminated, truncated, discount, gae_lambda):
    ended = terminated | truncated
    delta = rewards + discount * values[:, 1:] * ~terminated - values[:, :-1]
    found, after = np.zeros(rewards.shape), 0.0
    for t in range(rewards.shape[1] - 1, -1, -1):
        after = delta[:, t] + discount * gae_lambda * ~ended[:, t] * after
        found[:, t] = after
    found[:, 1:][ended[:, :-1]] = 0.0
    return found
"""
# The same for question 4.
ONE_PASS = """
def one_pass(scores, x, on_states, on_actions):
    images = [tuple(np.round(L @ x, 9)) for L in on_states]
    best = max(images)
    answer = np.asarray(scores(np.array(best)))
    return np.mean([K.T @ answer for K, image in zip(on_actions, images) if image == best], axis=0)
"""


def case(question: str, points: int, name: str, code: str, says: str = "") -> dict[str, Any]:
    answer = {"question": question, "name": name, "code": code, "points": points}
    return answer | ({"says": says} if says else {})


CASES: list[dict[str, Any]] = [
    # --- 1
    case("q1", 0, "plain networks of as many units", "poses = (16, 52, 6)\naxes = (4, 24, 6)", "plain network"),
    case("q1", 1, "no biases", "poses = (4, 11, 0)\naxes = (2, 7, 3)", "biases are missing"),
    case(
        "q1",
        1,
        "a half turn leaves a position in place",
        "poses = (4, 13, 3)\naxes = (2, 11, 3)",
        "no weight leads from it",
    ),
    case("q1", 0, "one bias for each of the five scores", "poses = (4, 13, 6)\naxes = (2, 7, 6)", "two biases"),
    case("q1", 2, "arrays of floating-point numbers", "poses = np.array([4.0, 13.0, 3.0])\naxes = [2, 3 + 4, 1 + 2]"),
    # --- 2
    case(
        "q2",
        1,
        "the first crossing",
        "def settled(steps, returns, threshold):\n"
        "    there = returns >= threshold\n"
        "    return np.where(there.any(axis=1), steps[there.argmax(axis=1)], np.inf)\n" + CHANCE,
        "must stay",
    ),
    case("q2", 1, "above, not at or above", SETTLED.replace(">= threshold", "> threshold") + CHANCE, "at or above"),
    case(
        "q2",
        1,
        "subtracts infinities",
        SETTLED + "\n\ndef chance_faster(first, second):\n"
        "    return (1 + np.sign(np.subtract.outer(second, first))).mean() / 2\n",
        "not a number",
    ),
    case(
        "q2",
        1,
        "leaves out seeds that never got there",
        SETTLED + "\n\ndef chance_faster(first, second):\n"
        "    first, second = first[np.isfinite(first)][:, None], second[np.isfinite(second)]\n"
        "    if first.size * second.size == 0:\n        return 0.5\n"
        "    return ((first < second) + 0.5 * (first == second)).mean()\n",
        "never got there",
    ),
    case(
        "q2",
        1,
        "ties count nothing",
        SETTLED + "\n\ndef chance_faster(first, second):\n    return (first[:, None] < second).mean()\n",
        "one is a tie",
    ),
    case("q2", 2, "loops from the end, and pairs one by one", SETTLED + CHANCE),
    case(
        "q2",
        2,
        "counts the steps of the last stay; ranks by sorting",
        "def settled(steps, returns, threshold):\n"
        "    stay = np.cumprod(np.flip(returns >= threshold, axis=1), axis=1).sum(axis=1)\n"
        "    return np.array([steps[-n] if n else np.inf for n in stay])\n\n\n"
        "def chance_faster(first, second):\n"
        "    second = np.sort(second)\n"
        "    below, upto = (np.searchsorted(second, first, side=side) for side in ('left', 'right'))\n"
        "    return 1 - (below + upto).mean() / 2 / len(second)\n",
    ),
    # --- 3
    case("q3", 0, "forgets lambda", ADVANTAGES.replace("discount * gae_lambda * ~", "discount * ~"), "(γλ)^k"),
    case("q3", 0, "the value counts after a fall", ADVANTAGES.replace(" * ~terminated", ""), "then v counts as 0"),
    case(
        "q3",
        1,
        "a clock that ran out counts as a fall",
        ADVANTAGES.replace("* ~terminated", "* ~ended"),
        "v of the next state counts, and",
    ),
    case(
        "q3",
        1,
        "the sum runs on where the clock ran out",
        ADVANTAGES.replace("* ~ended[:, t] *", "* ~terminated[:, t] *"),
        "the sum stops",
    ),
    case(
        "q3",
        1,
        "keeps the reset step",
        ADVANTAGES.replace("    found[:, 1:][ended[:, :-1]] = 0.0\n", ""),
        "the reset step has",
    ),
    case(
        "q3",
        2,
        "each sum by itself, forwards",
        """
def advantages(rewards, values, terminated, truncated, discount, gae_lambda):
    n, T = rewards.shape
    out = [[0.0] * T for _ in range(n)]
    for i in range(n):
        for t in range(T):
            if t > 0 and (terminated[i, t - 1] or truncated[i, t - 1]):
                continue
            for k in range(t, T):
                after = 0.0 if terminated[i, k] else values[i, k + 1]
                out[i][t] += (discount * gae_lambda) ** (k - t) * (rewards[i, k] + discount * after - values[i, k])
                if terminated[i, k] or truncated[i, k]:
                    break
    return np.array(out)
""",
    ),
    case(
        "q3",
        0,
        "the package's own function",
        """
import torch
from symrl_lite.ppo import advantages_and_targets


def advantages(rewards, values, terminated, truncated, discount, gae_lambda):
    given = (torch.tensor(array) for array in (rewards, values, terminated, terminated | truncated))
    found = advantages_and_targets(*given, discount, gae_lambda)[0].numpy()
    found[:, 1:][(terminated | truncated)[:, :-1]] = 0
    return found
""",
        "withheld",
    ),
    # --- 4
    case(
        "q4",
        1,
        "moves back by K instead of its inverse",
        ONE_PASS.replace("K.T @", "K @"),
        "the way back is the inverse",
    ),
    case(
        "q4",
        2,
        "the first of several ways back",
        ONE_PASS.replace("return np.mean([", "return [").replace("best], axis=0)", "best][0]"),
        "expected the mean [2, 2]",
    ),
    case(
        "q4",
        1,
        "the average over the group",
        """
def one_pass(scores, x, on_states, on_actions):
    return np.mean([K.T @ np.asarray(scores(L @ x)) for L, K in zip(on_states, on_actions)], axis=0)
""",
        "expected one call",
    ),
    case("q4", 0, "never moves back", ONE_PASS.replace("K.T @ answer", "answer"), "swapped"),
    case(
        "q4",
        0,
        "a representative that depends on x: the identity's image",
        """
def one_pass(scores, x, on_states, on_actions):
    answer = np.asarray(scores(x))
    same = [K.T @ answer for L, K in zip(on_states, on_actions) if np.allclose(L @ x, x)]
    return np.mean(same, axis=0)
""",
        "expected the same two numbers swapped",
    ),
    case(
        "q4",
        3,
        "the first image in another order, and inverses on the side of the states",
        """
def one_pass(scores, x, on_states, on_actions):
    came_from = np.round(np.stack([np.linalg.inv(L) @ x for L in on_states]), 8) + 0.0
    order = np.lexsort(came_from.T[::-1])
    first = came_from[order[0]]
    ties = [g for g in order if (came_from[g] == first).all()]
    answer = np.asarray(scores(first)).tolist()
    return sum(on_actions[g] @ answer for g in ties) / len(ties)
""",
    ),
]
