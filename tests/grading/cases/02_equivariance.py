"""Answers to assignment 2, wrong and unusual: what each earns in its question, and what its feedback says."""

MATRICES = """
A = [[5, 1, 0, 2], [2, 5, 1, 0], [0, 2, 5, 1], [1, 0, 2, 5]]
B = [[5, 1, 0, 2], [1, 0, 2, 5], [0, 2, 5, 1], [2, 5, 1, 0]]
"""

CASES = [
    # --- Q1: a size and two matrices ---
    {
        "question": "q1",
        "name": "the condition in the first layer only",
        "code": "size = 72\nwidth = 5" + MATRICES,
        "points": 1,
        "says": "the second one sees 17 places",
    },
    {
        "question": "q1",
        "name": "the size of the Atari screens",
        "code": "size = 84\nwidth = 7" + MATRICES,
        "points": 1,
        "says": "not the smallest",
    },
    {
        "question": "q1",
        "name": "the width after two layers",
        "code": "size = 76\nwidth = 8" + MATRICES,
        "points": 1,
        "says": "the sizes are 76, 18, 8 and 6",
    },
    {
        "question": "q1",
        "name": "one matrix for both rules",
        "code": "size, width = 76, 6\nA = [[5, 1, 0, 2], [2, 5, 1, 0], [0, 2, 5, 1], [1, 0, 2, 5]]\nB = A",
        "points": 1,
        "says": "slides the other way",
    },
    {
        "question": "q1",
        "name": "the two matrices exchanged, and a guess for the size",
        "code": """\
size = 70
width = 4
A = [[5, 1, 0, 2], [1, 0, 2, 5], [0, 2, 5, 1], [2, 5, 1, 0]]
B = [[5, 1, 0, 2], [2, 5, 1, 0], [0, 2, 5, 1], [1, 0, 2, 5]]
""",
        "points": 0,
        "says": "slides the other way",
    },
    {
        "question": "q1",
        "name": "arrays made by a program",
        "code": """\
size = next(n for n in range(70, 200) if (n - 8) % 4 == 0 and ((n - 8) // 4 + 1 - 4) % 2 == 0)
width = (((size - 8) / 4 + 1) - 4) / 2 + 1 - 2
T = regular(cyclic(4))
A, B = np.zeros((4, 4)), np.zeros((4, 4))
for weight, j in zip((5, 1, 2), (0, 1, 3)):
    A += weight * T(j).T
    B += weight * np.eye(4)[:, [(j - i) % 4 for i in range(4)]]
""",
        "points": 2,
    },
    # --- Q2: two inputs that rule a partner out ---
    {
        "question": "q2",
        "name": "exact comparison",
        "code": """\
def find_witness(features):
    order, n, _ = features.shape
    for i in range(n):
        for j in range(n):
            if np.array_equal(features[0, i], features[0, j]):
                for g in range(order):
                    if not np.array_equal(features[g, i], features[g, j]):
                        return g, i, j
    return None
""",
        "points": 1,
        "says": "0.3 and 0.1 + 0.2 count as the same",
    },
    {
        "question": "q2",
        "name": "a tolerance before the move, none after it",
        "code": """\
def find_witness(features):
    order, n, _ = features.shape
    for i in range(n):
        for j in range(i):
            if np.allclose(features[0, i], features[0, j], rtol=0, atol=1e-6):
                for g in range(1, order):
                    if (features[g, i] != features[g, j]).any():
                        return g, i, j
    return None
""",
        "points": 1,
        "says": "after the move these inputs agree too, up to rounding",
    },
    {
        "question": "q2",
        "name": "agree after the move and differ before it",
        "code": """\
def find_witness(features):
    gaps = np.abs(features[:, :, None] - features[:, None]).max(axis=-1)
    found = np.argwhere((gaps <= 1e-6) & (gaps[0] > 1e-6))
    return tuple(found[0]) if len(found) else None
""",
        "points": 0,
        "says": "agree before the move and differ after it",
    },
    {
        "question": "q2",
        "name": "two inputs with the same features are enough",
        "code": """\
def find_witness(features):
    for i in range(features.shape[1]):
        for j in range(i):
            if np.allclose(features[0, i], features[0, j]):
                return 1, j, i
    return None
""",
        "points": 0,
        "says": "expected None",
    },
    {
        "question": "q2",
        "name": "tries the last element only",
        "code": """\
def find_witness(features):
    gaps = np.abs(features[:, :, None] - features[:, None]).max(axis=-1)
    found = np.argwhere((gaps[0] <= 1e-6) & (gaps[-1] > 1e-6))
    return (len(features) - 1, *found[0].tolist()) if len(found) else None
""",
        "points": 1,
        "says": "try every triple",
    },
    {
        "question": "q2",
        "name": "asks for a matrix",
        "code": """\
def find_witness(features):
    for g, after in enumerate(features):
        gap = np.abs(features[0] @ np.linalg.lstsq(features[0], after, rcond=None)[0] - after).max(axis=1)
        if gap.max() > 1e-6:
            first = int(gap.argmax())
            return g, first, int(np.abs(features[0] - features[0, first]).max(axis=1).argsort()[1])
    return None
""",
        "points": 0,
        "says": "inputs 0 and 1 agree before the move and differ after it",
    },
    {
        "question": "q2",
        "name": "compares the first feature only",
        "code": """\
def find_witness(features):
    gaps = np.abs(features[:, :, None, 0] - features[:, None, :, 0])
    found = np.argwhere((gaps[0] <= 1e-6) & (gaps > 1e-6))
    return tuple(found[0]) if len(found) else None
""",
        "points": 0,
        "says": "differ before the move",
    },
    {
        "question": "q2",
        "name": "the last witness, from a dictionary of rounded features",
        "code": """\
def find_witness(features):
    witness = None
    for g in range(len(features)):
        groups = []
        for i, x in enumerate(features[0]):
            for first in groups:
                if max(abs(a - b) for a, b in zip(x, features[0][first])) < 1e-5:
                    if max(abs(a - b) for a, b in zip(features[g][i], features[g][first])) > 1e-5:
                        witness = np.array([g, i, first])
                    break
            else:
                groups.append(i)
    return witness
""",
        "points": 2,
    },
    # --- Q3: one question in every direction ---
    {
        "question": "q3",
        "name": "moved on instead of back",
        "code": """\
def every_direction(h, x, group, act_in):
    return np.array([h(act_in(g, x)) for g in group])
""",
        "points": 1,
        "says": "turned back by g",
    },
    {
        "question": "q3",
        "name": "back by minus g, right for cyclic groups",
        "code": """\
def every_direction(h, x, group, act_in):
    return np.array([h(act_in(-g % len(group), x)) for g in group])
""",
        "points": 0,
        "says": "moved back, by the inverse of g",
    },
    {
        "question": "q3",
        "name": "the average over the group",
        "code": """\
def every_direction(h, x, group, act_in):
    mean = sum(h(act_in(g, x)) for g in group) / len(group)
    return np.full(len(group), mean)
""",
        "points": 0,
        "says": "and not their mean",
    },
    {
        "question": "q3",
        "name": "in the order of size",
        "code": """\
def every_direction(h, x, group, act_in):
    return sorted(h(act_in(group.inverse(g), x)) for g in group)
""",
        "points": 0,
        "says": "in the order of the elements",
    },
    {
        "question": "q3",
        "name": "one number",
        "code": """\
def every_direction(h, x, group, act_in):
    return h(x)
""",
        "points": 0,
        "says": "one number for each element",
    },
    {
        "question": "q3",
        "name": "filled in place by place from what was moved on",
        "code": """\
def every_direction(h, x, group, act_in):
    numbers = [None] * group.order
    for g in range(group.order):
        numbers[group.inverse(g)] = float(h(act_in(g, x)))
    return tuple(numbers)
""",
        "points": 2,
    },
    {
        "question": "q3",
        "name": "the inverse looked up in the table",
        "code": """\
def every_direction(h, x, group, act_in):
    back = (group.table == 0).argmax(axis=1)
    return [h(act_in(int(k), np.array(x))) for k in back]
""",
        "points": 2,
    },
    # --- Q4: a standard pose ---
    {
        "question": "q4",
        "name": "the first of several elements",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    best = min(group, key=lambda g: act_in(g, x).ravel().tolist())
    return act_out(group.inverse(best), f(act_in(best, x)))
""",
        "points": 1,
        "says": "both elements lead to the pose",
    },
    {
        "question": "q4",
        "name": "the answer is not turned back",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    return f(min((act_in(g, x) for g in group), key=lambda y: y.ravel().tolist()))
""",
        "points": 0,
        "says": "was not moved back",
    },
    {
        "question": "q4",
        "name": "the answer is moved on",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    lists = [act_in(g, x).ravel().tolist() for g in group]
    leading = [g for g in group if lists[g] == min(lists)]
    return np.mean([act_out(g, f(act_in(g, x))) for g in leading], axis=0)
""",
        "points": 0,
        "says": "was moved on",
    },
    {
        "question": "q4",
        "name": "the average over the whole group",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in group) / len(group)
""",
        "points": 0,
        "says": "is the average over the group",
    },
    {
        "question": "q4",
        "name": "the sum instead of the mean",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    lists = [act_in(g, x).ravel().tolist() for g in group]
    leading = [g for g in group if lists[g] == min(lists)]
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in leading)
""",
        "points": 1,
        "says": "both elements lead to the pose",
    },
    {
        "question": "q4",
        "name": "the largest pose",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    lists = [act_in(g, x).ravel().tolist() for g in group]
    leading = [g for g in group if lists[g] == max(lists)]
    return sum(act_out(group.inverse(g), f(act_in(g, x))) for g in leading) / len(leading)
""",
        "points": 0,
        "says": "has the largest pose",
    },
    {
        "question": "q4",
        "name": "one pass over the group, f once, a mean that is kept up to date",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    best, leading = None, []
    for g in group:
        pose = np.asarray(act_in(g, x))
        if best is not None:
            different = np.flatnonzero(pose != best)
            if len(different) and pose.flat[different[0]] > best.flat[different[0]]:
                continue
        if best is None or len(different):
            best, leading = pose, []
        leading.append(g)
    seen, mean = f(best), 0
    for count, g in enumerate(leading, start=1):
        mean = mean + (np.asarray(act_out(group.inverse(g), seen)) - mean) / count
    return list(mean)
""",
        "points": 2,
    },
    {
        "question": "q4",
        "name": "an average of a function that is zero off the standard pose",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    smallest = min(tuple(act_in(g, x).ravel()) for g in group)
    total, count = 0.0, 0
    for g in group:
        on_pose = tuple(act_in(g, x).ravel()) == smallest
        total = total + on_pose * act_out(group.inverse(g), f(act_in(g, x)))
        count += on_pose
    return total / count
""",
        "points": 2,
    },
    {
        "question": "q4",
        "name": "the same in single precision",
        "code": """\
def by_standard_pose(f, x, group, act_in, act_out):
    smallest = min(tuple(act_in(g, x).ravel()) for g in group)
    leading = [g for g in group if tuple(act_in(g, x).ravel()) == smallest]
    return np.mean([act_out(group.inverse(g), f(act_in(g, x))) for g in leading], axis=0).astype(np.float32)
""",
        "points": 2,
    },
]
