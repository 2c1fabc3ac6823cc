"""Wrong and unusual answers to assignment 8: what each must score, and what its feedback must say."""

from __future__ import annotations

from typing import Any

SIGNS = """
signs = {"theta": -1, "phi": -1, "psi": 0, "cos_theta": 1, "sin_theta": -1, "cos_psi": -1}
signs |= {"tip_x": -1, "tip_y": 1, "rate": -1, "torque": -1, "power": 1, "touch_left": 0}
"""
MIRRORS = "first_20, first_50, three, images = 60, -60, 40, [6, 18, 36, 24]\n"
# In the following right answers one piece is replaced by a wrong one.
SHOWN = """
def shown(batch, kinds, M, base):
    M, base, made = np.asarray(M), np.asarray(base), {}
    for name, array in batch.items():
        rows = np.array(array, dtype=float)
        if rows.ndim == 1:
            made[name] = rows
            continue
        if name not in kinds:
            raise ValueError(name)
        sizes = {"point": 2, "vector": 2, "number": 1, "turn": 1, "heading": 1}
        if any(kind not in sizes for kind in kinds[name]):
            raise ValueError(name)
        if sum(sizes[kind] for kind in kinds[name]) != rows.shape[1]:
            raise ValueError(name)
        at = 0
        for kind in kinds[name]:
            part = rows[:, at : at + sizes[kind]]
            if kind == "point":
                part[:] = (M @ (part - base).T).T + base
            elif kind == "vector":
                part[:] = (M @ part.T).T
            elif kind == "turn":
                part *= M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
            elif kind == "heading":
                first = np.arctan2(M[1, 0], M[0, 0])
                part[:] = first + part * np.linalg.det(M)
            at += sizes[kind]
        made[name] = rows
    return made
"""
CHANCES = """
def chances(T, strategy):
    table = np.zeros((T, T + 1))
    for t in range(T):
        first = {"future": t + 1, "final": T, "episode": 1}[strategy]
        table[t, first:] = 1 / (T + 1 - first)
    return table
"""
EARNED = """
def earned(achieved, goal, radius, share, strategy):
    T = len(achieved) - 1
    table, total = chances(T, strategy), 0.0
    for t in range(T):
        for k in range(T + 1):
            total += share * table[t, k] * (np.linalg.norm(achieved[t + 1] - achieved[k]) < radius)
        total += (1 - share) * (np.linalg.norm(achieved[t + 1] - goal) < radius)
    return total / T
"""
SIDES = """
def every_side(pictures, actions, values, moves, steps):
    steps = [tuple(step) for step in steps]
    out = [], [], []
    for move in moves:
        there = []
        for step in steps:
            before, after = np.zeros((7, 7)), np.zeros((7, 7))
            before[3, 3] = after[3 + step[0], 3 + step[1]] = 1
            (i, j), (k, l) = np.argwhere(move(before))[0], np.argwhere(move(after))[0]
            there.append(steps.index((k - i, l - j)))
        for picture, action, value in zip(pictures, actions, values):
            out[0].append(move(picture))
            out[1].append(there[action])
            out[2].append([value[there.index(a)] for a in range(len(steps))])
    return [np.array(part) for part in out]
"""


def case(question: str, points: int, name: str, code: str, says: str = "") -> dict[str, Any]:
    answer = {"question": question, "name": name, "code": code, "points": points}
    return answer | ({"says": says} if says else {})


CASES: list[dict[str, Any]] = [
    # --- 1
    case("q1", 1, "all angles change their signs", SIGNS.replace('"psi": 0', '"psi": -1') + MIRRORS, "becomes π − psi"),
    case("q1", 1, "a torque is a number", SIGNS.replace('"torque": -1', '"torque": 1') + MIRRORS, "turned counter-"),
    case(
        "q1",
        1,
        "the power changes its sign with the torque",
        SIGNS.replace('"power": 1', '"power": -1') + MIRRORS,
        "both factors",
    ),
    case(
        "q1",
        1,
        "the sensor stays where it is",
        SIGNS.replace('"touch_left": 0', '"touch_left": 1') + MIRRORS,
        "change places",
    ),
    case("q1", 1, "one sign is missing", SIGNS + 'del signs["rate"]\n' + MIRRORS, "signs has the names"),
    case("q1", 1, "the other order", SIGNS + MIRRORS.replace("60, -60", "-60, 60"), "stands on the right"),
    case("q1", 1, "the angle once", SIGNS + MIRRORS.replace("60, -60", "30, -30"), "between the mirrors, once"),
    case("q1", 1, "a full turn moves the line", SIGNS + MIRRORS.replace(" 40,", " 10,"), "by half of that"),
    case("q1", 1, "turns alone", SIGNS + MIRRORS.replace("[6, 18, 36, 24]", "[3, 9, 18, 12]"), "those are the turns"),
    case(
        "q1",
        1,
        "360° over the angle",
        SIGNS + MIRRORS.replace("[6, 18, 36, 24]", "[6, 9, 36, 24]"),
        "nine mirrors besides",
    ),
    case(
        "q1",
        2,
        "computed from matrices, as arrays",
        SIGNS
        + """
def M(degrees):
    c, s = np.cos(2 * np.radians(degrees)), np.sin(2 * np.radians(degrees))
    return np.array([[c, s], [s, -c]])


def turned_by(matrix):
    return np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))


def count(angles):
    seen = [np.eye(2)]
    for x in seen:
        for angle in angles:
            if not any(np.allclose(M(angle) @ x, y) for y in seen):
                seen.append(M(angle) @ x)
    return len(seen)


signs = {name: np.float32(sign) for name, sign in reversed(signs.items())}
first_20, first_50 = turned_by(M(50) @ M(20)), turned_by(M(20) @ M(50)) + 360
three = turned_by(M(70) @ M(50) @ M(20)) / 2 - 180
images = np.array([count([0, 60]), count([0, 40]), count([0, 50]), count([0, 45, 60])])
""",
    ),
    # --- 2
    case(
        "q2", 2, "the base is left out", SHOWN.replace("(part - base).T).T + base", "part.T).T"), "a quarter turn about"
    ),
    case(
        "q2",
        2,
        "vectors are moved as points",
        SHOWN.replace("(M @ part.T).T", "(M @ (part - base).T).T + base"),
        "a quarter turn about",
    ),
    case(
        "q2",
        1,
        "rows times M, not its transpose",
        SHOWN.replace("M, base, made = np.asarray(M)", "M, base, made = np.asarray(M).T"),
        "a quarter turn",
    ),
    case(
        "q2", 2, "whole numbers stay whole", SHOWN.replace("np.array(array, dtype=float)", "np.array(array)"), "cut off"
    ),
    case(
        "q2",
        2,
        "a turn stays in a mirror",
        SHOWN.replace("part *= M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]", "pass"),
        "in a mirror the turn 2",
    ),
    case(
        "q2",
        2,
        "a heading is a number",
        SHOWN.replace("part[:] = first + part * np.linalg.det(M)", "pass"),
        "the heading 0.5",
    ),
    case(
        "q2",
        2,
        "a heading changes its sign as a turn does",
        SHOWN.replace("first + part", "part"),
        "the heading 0.5",
    ),
    case(
        "q2",
        2,
        "what has no rule is copied",
        SHOWN.replace(
            "raise ValueError(name)\n        sizes", "made[name] = rows\n            continue\n        sizes"
        ),
        "nobody wrote a rule",
    ),
    case(
        "q2",
        2,
        "too few kinds are enough",
        SHOWN.replace(") != rows.shape[1]", ") > rows.shape[1]"),
        "and their kinds 2",
    ),
    case(
        "q2",
        2,
        "a KeyError for an unknown kind",
        SHOWN.replace("if any(kind not in sizes for kind in kinds[name]):", "if False:"),
        "KeyError",
    ),
    case(
        "q2",
        2,
        "refuses rules for what is not there",
        SHOWN.replace(
            "    for name, array", '    if "d" in kinds:\n        raise ValueError("d")\n    for name, array', 1
        ),
        "a rule for what the batch does not have",
    ),
    case(
        "q2",
        0,
        "the package's own",
        """
from symrl_lite.replay import moved


def shown(batch, kinds, M, base):
    return moved(batch, kinds, M, base)
""",
        "withheld",
    ),
    case(
        "q2",
        0,
        "the package's own, by its helpers",
        """
from symrl_lite.replay.moving import _moved, _rules


def shown(batch, kinds, M, base):
    rules = _rules(batch, kinds, 2)
    return {name: _moved(x, rules[name], M, base) if name in rules else x.copy() for name, x in batch.items()}
""",
        "withheld",
    ),
    case(
        "q2",
        0,
        "ends the process",
        SHOWN.replace("M, base, made =", "import os\n\n    os._exit(3)\n    M, base, made ="),
        "ended",
    ),
    case("q2", 3, "in place on a copy, headings by two formulas", SHOWN),
    case(
        "q2",
        3,
        "complex numbers, column by column, as lists",
        """
def shown(batch, kinds, M, base):
    mirrored, out = np.linalg.det(M) < 0, dict(batch)
    for name in batch:
        if np.ndim(batch[name]) < 2:
            continue
        columns, rest = [], list(np.array(batch[name], dtype=float).T)
        for kind in kinds.get(name, ["no rule"]):
            if kind not in ("point", "vector", "number", "turn", "heading"):
                raise ValueError(f"{name}: {kind}")
            if len(rest) < 1 + (kind in ("point", "vector")):
                raise ValueError(f"{name} is too short")
            x = rest.pop(0)
            if kind in ("point", "vector"):
                z, b = x + 1j * rest.pop(0), complex(*base) * (kind == "point")
                z = ((z - b).conj() if mirrored else z - b) * complex(M[0, 0], M[1, 0]) + b
                columns += [z.real, z.imag]
            elif kind == "heading":
                z = np.exp(-1j * x if mirrored else 1j * x) * complex(M[0, 0], M[1, 0])
                columns.append(np.angle(z) + 2 * np.pi)
            else:
                columns.append(-x if mirrored and kind == "turn" else x)
        if rest:
            raise ValueError(f"{name} is too long")
        out[name] = np.transpose(columns).tolist()
    return out
""",
    ),
    # --- 3
    case("q3", 0, "the step's own next place is left out", CHANCES.replace("t + 1,", "min(t + 2, T),") + EARNED, "got"),
    case("q3", 0, "the start counts as a goal", CHANCES.replace('"episode": 1', '"episode": 0') + EARNED, "episode"),
    case(
        "q3",
        1,
        "the place before the step",
        CHANCES + EARNED.replace("achieved[t + 1] -", "achieved[t] -"),
        "met the goal",
    ),
    case(
        "q3", 1, "a gap of the radius earns 0", CHANCES + EARNED.replace("< radius", "<= radius"), "exactly the radius"
    ),
    case(
        "q3",
        1,
        "share is the probability to keep the goal",
        CHANCES + EARNED.replace("(1 - share)", "SHARE").replace("share *", "(1 - share) *").replace("SHARE", "share"),
        "share 0",
    ),
    case(
        "q3",
        1,
        "drawn a thousand times",
        CHANCES
        + """
def earned(achieved, goal, radius, share, strategy):
    draw, T = np.random.default_rng(0), len(achieved) - 1
    t, table = draw.integers(T, size=1000), chances(T, strategy)
    k = np.array([draw.choice(T + 1, p=table[i]) for i in t])
    z = np.where(draw.random((1000, 1)) < share, achieved[k], goal)
    return (np.linalg.norm(achieved[t + 1] - z, axis=1) < radius).mean()
""",
        "share 0",
    ),
    case(
        "q3",
        1,
        "waits for ever for another strategy",
        CHANCES + EARNED.replace("    T = len", "    while strategy != 'future':\n        pass\n    T = len"),
        "seconds",
    ),
    case("q3", 2, "loops", CHANCES + EARNED),
    case(
        "q3",
        2,
        "without the table, by counting pairs",
        """
def chances(T, strategy):
    rows = np.tri(T + 1, T, -1).T if strategy == "future" else np.tile(np.arange(T + 1) > 0, (T, 1)) * 1.0
    rows = np.eye(T + 1)[[T] * T] if strategy == "final" else rows
    return (rows / rows.sum(axis=1)[:, None]).tolist()


def earned(achieved, goal, radius, share, strategy):
    after, met = achieved[1:], 0.0
    for t, place in enumerate(after):
        pool = {"future": after[t:], "final": after[-1:], "episode": after}[strategy]
        met += share * np.mean([np.square(place - z).sum() < radius**2 for z in pool])
        met += (1 - share) * (np.square(place - goal).sum() < radius**2)
    return np.array(met / len(after))
""",
    ),
    # --- 4
    case("q4", 1, "the actions stay", SIDES.replace("append(there[action])", "append(action)"), "right and down"),
    case(
        "q4",
        1,
        "the way back for actions",
        SIDES.replace("append(there[action])", "append(there.index(action))"),
        "the way back",
    ),
    case(
        "q4",
        1,
        "the way back for values",
        SIDES.replace("value[there.index(a)]", "value[there[a]]"),
        "what was up is left now",
    ),
    case(
        "q4",
        1,
        "the values stay",
        SIDES.replace("value[there.index(a)] for", "value[a] for"),
        "what was up is left now",
    ),
    case(
        "q4",
        1,
        "shows what must not be shown",
        SIDES.replace(
            "steps.index((k - i, l - j))", "steps.index((k - i, l - j)) if (k - i, l - j) in steps else 0"
        ).replace("value[there.index(a)] for", "(value[there.index(a)] if a in there else 0.0) for"),
        "expected a ValueError",
    ),
    case(
        "q4",
        0,
        "picture after picture",
        """
def every_side(pictures, actions, values, moves, steps):
    n, m = len(pictures), len(moves)
    found = inner(pictures, actions, values, moves, steps)
    return [np.swapaxes(np.reshape(x, (m, n, *x.shape[1:])), 0, 1).reshape(x.shape) for x in found]

"""
        + SIDES.replace("def every_side", "\ndef inner"),
        "move after move",
    ),
    case(
        "q4",
        0,
        "by hand, for the course's order",
        """
def every_side(pictures, actions, values, moves, steps):
    named = {np.fliplr: [0, 3, 2, 1], np.flipud: [2, 1, 0, 3], np.rot90: [1, 2, 3, 0]}
    p = [named[move] for move in moves]
    return (
        np.concatenate([[move(x) for x in pictures] for move in moves]),
        np.concatenate([np.array(q)[actions] for q in p]),
        np.concatenate([values[:, np.argsort(q)] for q in p]),
    )
""",
        "KeyError",
    ),
    case(
        "q4",
        0,
        "the package's augmentation",
        """
from symrl_lite.groups import cyclic, permutation
from symrl_lite.symmetry import Symmetry, augment


def every_side(pictures, actions, values, moves, steps):
    on_actions = permutation(cyclic(2), [[0, 1, 2, 3], [0, 3, 2, 1]])
    mirror = Symmetry(cyclic(2), lambda g, s: np.flip(s, 2) if g else s, on_actions)
    found = augment({"states": pictures, "actions": actions}, mirror)
    return found["states"], found["actions"], values
""",
        "withheld",
    ),
    case("q4", 2, "one picture after another, as lists", SIDES),
    case(
        "q4",
        2,
        "a ramp tells where a step goes",
        """
def every_side(pictures, actions, values, moves, steps):
    A, rows, columns = len(steps), *np.mgrid[-3:4, -3:4]
    pixels, goes, scores = [], [], []
    for move in moves:
        there_i, there_j = move(rows), move(columns)  # what stood where
        K = np.zeros((A, A))
        for b, (i, j) in enumerate(steps):
            for a, step in enumerate(steps):
                K[b, a] = (there_i[3 + i, 3 + j], there_j[3 + i, 3 + j]) == tuple(step)
        if (K.sum(axis=0) != 1).any():
            raise ValueError("not a permutation")
        pixels += [move(picture) for picture in pictures]
        goes += (np.eye(A)[actions] @ K.T).argmax(axis=1).tolist()
        scores.append(values @ K.T)
    return np.stack(pixels), np.array(goes, dtype=np.int32), np.vstack(scores)
""",
    ),
]
