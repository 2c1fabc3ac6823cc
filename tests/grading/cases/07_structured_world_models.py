"""Wrong and unusual answers to assignment 7: what each must score, and what its feedback must say."""

from __future__ import annotations

from typing import Any

OURS = "ours = [1, 2, 4, 2, 3]\nours_hits = 0.2\nours_mrr = 0.517\n"
THEIRS = "theirs = [1, 1, 3, 2, 2]\ntheirs_hits = 0.4\ntheirs_mrr = 0.667\n"
NAMES = "pairs, highest, loud = 24, 24, 6\n"
HEARING = "one_way, both_ways, line, teams = 4, 8, 2, 8\n"
# In the following right answers one piece is replaced by a wrong one.
EDGE = """
def f_edge(z_k, z_j):
    row, column = z_j[0] - z_k[0], z_j[1] - z_k[1]
    return [(row, column) == (-1, 0), (row, column) == (0, -1), (row, column) == (1, 0), (row, column) == (0, 1)]
"""
NODE = """
def f_node(z_k, a_k, messages):
    if not any(a_k):
        return [0, 0]
    m = int(np.argmax(a_k))
    row, column = [(-1, 0), (0, -1), (1, 0), (0, 1)][m]
    if not (0 <= z_k[0] + row <= 4 and 0 <= z_k[1] + column <= 4):
        return [0, 0]
    if messages[m] > 0:
        return [0, 0]
    if sum(messages) >= 2:
        return [0, 0]
    return [row, column]
"""
RANKS = """
def ranks_up_to(predicted, true, states, allowed):
    n = len(predicted)
    found = []
    for i in range(n):
        d = [min(((predicted[i][list(p)] - true[j]) ** 2).sum() for p in allowed) for j in range(n)]
        found.append(1 + sum(d[j] <= d[i] and states[j] != states[i] for j in range(n)))
    return np.array(found)
"""

CASES: list[dict[str, Any]] = [
    # --- 1
    {
        "question": "q1",
        "name": "ties count for the model in ours, columns with ties against in theirs",
        "code": "ours = [1, 1, 3, 2, 1]\nours_hits = 0.6\nours_mrr = 0.767\n"
        "theirs = [1, 1, 4, 3, 2]\ntheirs_hits = 0.4\ntheirs_mrr = 0.617\n",
        "points": 0,
        "says": "only a smaller distance counts as nearer",
    },
    {
        "question": "q1",
        "name": "duplicates count as mistakes",
        "code": "ours = [1, 3, 4, 3, 3]\nours_hits = 0.2\nours_mrr = 0.45\n" + THEIRS,
        "points": 1,
        "says": "it is the same board, leave it out",
    },
    {
        "question": "q1",
        "name": "B and D counted once for C and E",
        "code": "ours = [1, 2, 3, 2, 2]\nours_hits = 0.2\nours_mrr = 0.567\n" + THEIRS,
        "points": 1,
        "says": "two candidates",
    },
    {
        "question": "q1",
        "name": "theirs along the rows",
        "code": OURS + "theirs = [1, 1, 3, 2, 1]\ntheirs_hits = 0.6\ntheirs_mrr = 0.767\n",
        "points": 1,
        "says": "read down the column",
    },
    {
        "question": "q1",
        "name": "duplicates left out in theirs",
        "code": OURS + "theirs = [1, 1, 3, 1, 2]\ntheirs_hits = 0.6\ntheirs_mrr = 0.767\n",
        "points": 1,
        "says": "nothing is left out",
    },
    {
        "question": "q1",
        "name": "one divided by the mean rank",
        "code": "ours = [1, 2, 4, 2, 3]\nours_hits = 0.2\nours_mrr = 1 / np.mean(ours)\n"
        "theirs = [1, 1, 3, 2, 2]\ntheirs_hits = 0.4\ntheirs_mrr = 1 / np.mean(theirs)\n",
        "points": 0,
        "says": "not one divided by the mean rank",
    },
    {
        "question": "q1",
        "name": "computed from the table, as arrays",
        "code": """
d = np.array([[2, 5, 3, 5, 3], [4, 1, 1, 1, 7], [3, 2, 3, 2, 8], [5, 2, 1, 2, 9], [9, 4, 6, 4, 4]])
board = np.array([0, 1, 2, 1, 4])
own = np.diag(d)
ours = 1 + ((d <= own[:, None]) & (board[:, None] != board)).sum(axis=1)
ours_hits, ours_mrr = (ours == 1).mean(), (1 / ours).mean()
theirs = 1 + (d < own).sum(axis=0)
theirs_hits, theirs_mrr = (theirs == 1).mean(), (1 / theirs).mean()
""",
        "points": 2,
    },
    # --- 2
    {
        "question": "q2",
        "name": "an h that is not symmetric forbids all, a place is taken for a name",
        "code": "pairs, highest, loud = 1, 6, 6\n" + HEARING,
        "points": 1,
        "says": "for every ordered pair",
    },
    {
        "question": "q2",
        "name": "the uppermost shape is taken for one with a name",
        "code": "pairs, highest, loud = 24, 6, 6\n" + HEARING,
        "points": 1,
        "says": "by where it lies and never by its number",
    },
    {
        "question": "q2",
        "name": "one loud shape forbids everything, and one_way may be reflected",
        "code": "pairs, highest, loud = 24, 24, 1\none_way, both_ways, line, teams = 8, 8, 2, 8\n",
        "points": 0,
        "says": "makes k hear from k − 1",
    },
    {
        "question": "q2",
        "name": "turns alone",
        "code": NAMES + "one_way, both_ways, line, teams = 4, 4, 1, 4\n",
        "points": 1,
        "says": "exchanges the neighbours",
    },
    {
        "question": "q2",
        "name": "the teams stay where they are",
        "code": NAMES + "one_way, both_ways, line, teams = 4, 8, 2, 4\n",
        "points": 1,
        "says": "may be exchanged as a whole",
    },
    {
        "question": "q2",
        "name": "counted as renumberings of who hears whom",
        "code": """
def count(hears):
    return sum((hears[np.ix_(p, p)] == hears).all() for p in symmetric(4).permutations)


nobody = np.zeros((4, 4), dtype=int)
pairs = count(1 - np.eye(4))
highest = 24.0
loud = count(np.array([[0, 1, 2, 1], [1, 0, 2, 1], [1, 1, 0, 1], [1, 1, 2, 0]]))
to_next = np.roll(np.eye(4), 1, axis=1)
one_way, both_ways = count(to_next), count(to_next + to_next.T)
line = count(np.eye(4, k=1) + np.eye(4, k=-1))
teams = count(np.kron(np.eye(2), [[0, 1], [1, 0]]))
""",
        "points": 2,
    },
    # --- 3
    {
        "question": "q3",
        "name": "somebody touches me, but not where",
        "code": """
def f_edge(z_k, z_j):
    return float(np.abs(z_k - z_j).sum() == 1)


def f_node(z_k, a_k, messages):
    wish = a_k @ STEPS
    return wish * (((z_k + wish >= 0) & (z_k + wish < 5)).all() and messages < 1)
""",
        "points": 0,
        "says": "it is not in the way",
    },
    {
        "question": "q3",
        "name": "not sticky",
        "code": EDGE + NODE.replace("sum(messages) >= 2", "False"),
        "points": 1,
        "says": "so it sticks",
    },
    {
        "question": "q3",
        "name": "sticks from three on",
        "code": EDGE + NODE.replace(">= 2", "> 2"),
        "points": 1,
        "says": "two shapes touch it",
    },
    {
        "question": "q3",
        "name": "shapes across a corner touch too",
        "code": EDGE.replace("return [", "return [abs(row) == 1 == abs(column), ")
        + NODE.replace("messages[m]", "messages[m + 1]"),
        "points": 0,
        "says": "across a corner",
    },
    {
        "question": "q3",
        "name": "off the table",
        "code": EDGE + NODE.replace("if not (0 <=", "if False and (0 <="),
        "points": 1,
        "says": "off the table",
    },
    {
        "question": "q3",
        "name": "the new place instead of the change",
        "code": EDGE + NODE.replace("return [0, 0]", "return z_k").replace("return [row,", "return z_k + [row,"),
        "points": 0,
        "says": "the change, not the new place",
    },
    {
        "question": "q3",
        "name": "one number that tells where",
        "code": """
def f_edge(z_k, z_j):
    where = {(-1, 0): 1, (0, -1): 2, (1, 0): 4, (0, 1): 8}
    return where.get((int(z_j[0] - z_k[0]), int(z_j[1] - z_k[1])), 0)


def f_node(z_k, a_k, messages):
    around = [int(messages) >> m & 1 for m in range(4)]
    for m in range(4):
        if a_k[m]:
            goal = z_k + STEPS[m]
            if goal.min() >= 0 and goal.max() <= 4 and not around[m] and sum(around) < 2:
                return STEPS[m]
    return STEPS[0] * 0
""",
        "points": 2,
    },
    {
        "question": "q3",
        "name": "each says where it lies, and the node does the rest",
        "code": """
def f_edge(z_k, z_j):
    table = np.zeros((7, 7))  # with a rim, so that nobody looks over the edge
    row, column = z_j.astype(int) + 1
    if row < 7 and column < 7:
        table[row, column] = 1
    return table


def f_node(z_k, a_k, messages):
    full = messages.copy()
    row, column = z_k.astype(int) + 1
    around = np.array([full[row - 1, column], full[row, column - 1], full[row + 1, column], full[row, column + 1]])
    full[[0, 6]] = full[:, [0, 6]] = 1
    step = (a_k @ STEPS).astype(int)
    stays = around.sum() > 1 or full[row + step[0], column + step[1]]
    return tuple(float(s) for s in step * (not stays))
""",
        "points": 2,
    },
    # --- 4
    {
        "question": "q4",
        "name": "Exercise B as it was",
        "code": """
def ranks_up_to(predicted, true, states, allowed):
    d = ((predicted[:, None] - true) ** 2).sum(axis=(2, 3))
    return 1 + ((d <= np.diag(d)[:, None]) & (states[:, None] != states)).sum(axis=1)
""",
        "points": 1,
        "says": "up to the order of the slots",
    },
    {
        "question": "q4",
        "name": "the order that suits the true code, for all candidates",
        "code": """
def ranks_up_to(predicted, true, states, allowed):
    best = [min(allowed, key=lambda p: ((x[p] - y) ** 2).sum()) for x, y in zip(predicted, true)]
    x = np.stack([x[p] for x, p in zip(predicted, best)])
    d = ((x[:, None] - true) ** 2).sum(axis=(2, 3))
    return 1 + ((d <= np.diag(d)[:, None]) & (states[:, None] != states)).sum(axis=1)
""",
        "points": 1,
        "says": "its own best order, also those with a wrong code",
    },
    {
        "question": "q4",
        "name": "the best rank over the renumberings",
        "code": """
def ranks_up_to(predicted, true, states, allowed):
    best = []
    for p in allowed:
        d = ((predicted[:, p][:, None] - true) ** 2).sum(axis=(2, 3))
        best.append(1 + ((d <= np.diag(d)[:, None]) & (states[:, None] != states)).sum(axis=1))
    return np.min(best, axis=0)
""",
        "points": 1,
        "says": "its own best order",
    },
    {
        "question": "q4",
        "name": "all renumberings, whatever is allowed",
        "code": RANKS.replace("for p in allowed", "for p in symmetric(predicted.shape[1]).permutations"),
        "points": 1,
        "says": "no allowed renumbering mends",
    },
    {
        "question": "q4",
        "name": "ties count for the model",
        "code": RANKS.replace("d[j] <= d[i]", "d[j] < d[i]"),
        "points": 1,
        "says": "ties count against",
    },
    {
        "question": "q4",
        "name": "equal states count",
        "code": RANKS.replace("states[j] != states[i]", "j != i"),
        "points": 1,
        "says": "leave out",
    },
    {
        "question": "q4",
        "name": "the nearest slot for each slot, twice the same",
        "code": """
def ranks_up_to(predicted, true, states, allowed):
    pairs = ((predicted[:, None, :, None] - true[None, :, None]) ** 2).sum(axis=-1)  # (n, n, K, K)
    d = pairs.min(axis=2).sum(axis=-1)
    return 1 + ((d <= np.diag(d)[:, None]) & (states[:, None] != states)).sum(axis=1)
""",
        "points": 0,
        "says": "expected",
    },
    {
        "question": "q4",
        "name": "the package's ranking, for each renumbering",
        "code": """
from symrl_lite.structured import ranking_metrics


def ranks_up_to(predicted, true, states, allowed):
    return np.min([ranking_metrics(predicted[:, p], true, states).ranks for p in allowed], axis=0)
""",
        "points": 0,
        "says": "withheld",
    },
    {
        "question": "q4",
        "name": "renumbers the codes, compares lengths, returns a list",
        "code": """
def ranks_up_to(predicted, true, states, allowed):
    n = len(true)
    smallest = np.full((n, n), np.inf)
    for p in allowed:
        apart = predicted.reshape(n, 1, -1) - true[:, np.argsort(p)].reshape(1, n, -1)
        smallest = np.minimum(smallest, np.linalg.norm(apart, axis=2))
    out = []
    for i in range(n):
        rivals = smallest[i][np.asarray(states) != states[i]]
        out.append(1.0 + np.count_nonzero(rivals <= smallest[i, i]))
    return out
""",
        "points": 3,
    },
    {
        "question": "q4",
        "name": "loops",
        "code": RANKS,
        "points": 3,
    },
]
