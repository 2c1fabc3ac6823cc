"""Answers to assignment 1, wrong and unusual: what each earns in its question, and what its feedback says."""

CASES = [
    # --- Q1: counting by hand ---
    {
        "question": "q1",
        "name": "flips about a side and about a diagonal mixed up",
        "code": "fixed = [81, 3, 9, 3, 27, 9, 27, 9]\nkinds_turns = 24\nkinds_all = 21",
        "points": 1,
        "says": "for s you wrote 27, expected 9",
    },
    {
        "question": "q1",
        "name": "the sum over the moves without the average",
        "code": "fixed = [81, 3, 9, 3, 9, 27, 9, 27]\nkinds_turns = 96\nkinds_all = 168",
        "points": 1,
        "says": "not divided by their number",
    },
    {
        "question": "q1",
        "name": "patterns divided by the order of the group",
        "code": "fixed = [81, 3, 9, 3, 9, 27, 9, 27]\nkinds_turns = 81 / 4\nkinds_all = 81 / 8",
        "points": 1,
        "says": "expected a whole number",
    },
    {
        "question": "q1",
        "name": "more moves, more kinds",
        "code": "fixed = [81, 3, 9, 3, 9, 27, 9, 27]\nkinds_turns = 21\nkinds_all = 24",
        "points": 1,
        "says": "more moves make fewer kinds",
    },
    {
        "question": "q1",
        "name": "a quarter turn that leaves as much as half a turn",
        "code": "fixed = [81, 9, 9, 9, 9, 27, 9, 27]\nkinds_turns = 27\nkinds_all = 180 / 8",
        "points": 0,
        "says": "8 must divide the sum",
    },
    {
        "question": "q1",
        "name": "an array of floats, and a count by program",
        "code": """\
from itertools import product

moves = [[(i + k) % 4 for i in range(4)] for k in range(4)]  # corners numbered round the square
moves += [[(3 - i + k) % 4 for i in range(4)] for k in range(4)]
patterns = list(product("rag", repeat=4))
fixed = np.array([float(sum(all(p[m[i]] == p[i] for i in range(4)) for p in patterns)) for m in moves])
kinds_turns = len({min(tuple(p[m[i]] for i in range(4)) for m in moves[:4]) for p in patterns})
kinds_all = fixed.mean()
""",
        "points": 2,
    },
    # --- Q2: left or right ---
    {
        "question": "q2",
        "name": "left and right swapped",
        "code": """\
def which_action(table, images):
    if (images[0] != np.arange(images.shape[1])).any():
        return "none"
    nested = images[:, images]
    right, left = (images[table] == nested).all(), (images[table] == nested.transpose(1, 0, 2)).all()
    return "both" if left and right else "left" if left else "right" if right else "none"
""",
        "points": 1,
        "says": "h, acts first",
    },
    {
        "question": "q2",
        "name": "forgets that e moves nothing",
        "code": """\
def which_action(table, images):
    products, nested = images[table], images[:, images]
    left, right = (products == nested).all(), (products == nested.transpose(1, 0, 2)).all()
    return "both" if left and right else "left" if left else "right" if right else "none"
""",
        "points": 1,
        "says": "e·i = i is a law of its own",
    },
    {
        "question": "q2",
        "name": "both exactly for abelian groups",
        "code": """\
def which_action(table, images):
    if (images[0] != np.arange(images.shape[1])).any():
        return "none"
    if not (images[table] == images[:, images]).all():
        return "right" if (images[table.T] == images[:, images]).all() else "none"
    return "both" if (table == table.T).all() else "left"
""",
        "points": 1,
        "says": "expected 'both'",
    },
    {
        "question": "q2",
        "name": "tries one pair of elements only",
        "code": """\
def which_action(table, images):
    if (images[0] != np.arange(images.shape[1])).any():
        return "none"
    g, h = 1, min(3, len(table) - 1)
    left = (images[table[g, h]] == images[g][images[h]]).all()
    right = (images[table[g, h]] == images[h][images[g]]).all()
    return "both" if left and right else "left" if left else "right" if right else "none"
""",
        "points": 0,
        "says": "elements that do not commute: try every pair",
    },
    {
        "question": "q2",
        "name": "asks only whether rows are permutations",
        "code": """\
def which_action(table, images):
    if any(sorted(row) != list(range(images.shape[1])) for row in images.tolist()):
        return "none"
    return "both" if (table == table.T).all() else "left"
""",
        "points": 1,
        "says": "expected 'right'",
    },
    {
        "question": "q2",
        "name": "loops, and a string of NumPy",
        "code": """\
def which_action(table, images):
    order, n = images.shape
    laws = {"left", "right"}
    for i in range(n):
        if images[0, i] != i:
            laws = set()
    for g in range(order):
        for h in range(order):
            for i in range(n):
                if images[table[g, h], i] != images[g, images[h, i]]:
                    laws.discard("left")
                if images[table[g, h], i] != images[h, images[g, i]]:
                    laws.discard("right")
    return np.str_("both" if len(laws) == 2 else "none" if not laws else laws.pop())
""",
        "points": 2,
    },
    {
        "question": "q2",
        "name": "matrices, tested by the package",
        "code": """\
from symrl_lite.groups import FiniteGroup, Representation

def which_action(table, images):
    matrices = np.eye(images.shape[1])[images].transpose(0, 2, 1)

    def holds(product):
        try:
            Representation(FiniteGroup(product), matrices)
        except ValueError:
            return False
        return True

    return {(1, 1): "both", (1, 0): "left", (0, 1): "right", (0, 0): "none"}[holds(table), holds(table.T)]
""",
        "points": 2,
    },
    {
        "question": "q2",
        "name": "leaves it to a withheld function",
        "code": """\
from symrl_lite.groups.named import not_an_action
from symrl_lite.groups import FiniteGroup

def which_action(table, images):
    left, right = (not_an_action(FiniteGroup(t), images) is None for t in (table, table.T))
    return "both" if left and right else "left" if left else "right" if right else "none"
""",
        "points": 0,
        "says": "withheld",
    },
    # --- Q3: orbits from generators ---
    {
        "question": "q3",
        "name": "follows each generator on its own",
        "code": """\
def orbit_labels(generators):
    labels = np.arange(generators.shape[1])
    for images in generators:
        for start in range(len(images)):
            place = images[start]
            while place != start:
                labels[start] = min(labels[start], place)
                place = images[place]
    return labels
""",
        "points": 1,
        "says": "Mix the generators",
    },
    {
        "question": "q3",
        "name": "one step only",
        "code": """\
def orbit_labels(generators):
    labels = np.arange(generators.shape[1])
    for images in generators:
        labels = np.minimum(labels, labels[images])
    return labels
""",
        "points": 0,
        "says": "until it comes back to where it began",
    },
    {
        "question": "q3",
        "name": "numbers the orbits instead of naming the smallest place",
        "code": """\
def orbit_labels(generators):
    labels = np.arange(generators.shape[1])
    for _ in range(len(labels)):
        for images in generators:
            labels = np.minimum(labels, labels[images])
    return np.unique(labels, return_inverse=True)[1]
""",
        "points": 0,
        "says": "not a number of the orbit",
    },
    {
        "question": "q3",
        "name": "uses the first generator only",
        "code": """\
def orbit_labels(generators):
    labels = np.arange(generators.shape[1])
    for _ in range(len(labels)):
        labels = np.minimum(labels, labels[generators[0]])
    return labels
""",
        "points": 1,
        "says": "Mix the generators",
    },
    {
        "question": "q3",
        "name": "too few rounds",
        "code": """\
def orbit_labels(generators):
    labels = np.arange(generators.shape[1])
    for _ in range(4):
        for images in generators:
            labels = np.minimum(labels, labels[images])
    return labels
""",
        "points": 0,
        "says": "until it comes back to where it began",
    },
    {
        "question": "q3",
        "name": "makes all elements of the group",
        "code": """\
from symrl_lite.groups import FiniteGroup

def orbit_labels(generators):
    return FiniteGroup.from_permutations(generators.tolist()).permutations.min(axis=0)
""",
        "points": 0,
        "says": "withheld",
    },
    {
        "question": "q3",
        "name": "connected components of SciPy",
        "code": """\
def orbit_labels(generators):
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    k, n = generators.shape
    graph = coo_array((np.ones(k * n), (np.tile(np.arange(n), k), generators.ravel())), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    return [int(np.flatnonzero(component == c)[0]) for c in component]
""",
        "points": 2,
    },
    {
        "question": "q3",
        "name": "a walk with a stack, in plain Python",
        "code": """\
def orbit_labels(generators):
    labels = {}
    for start in range(len(generators[0])):
        waiting = [start]
        while waiting:
            place = waiting.pop()
            if place not in labels:
                labels[place] = start
                waiting.extend(int(row[place]) for row in generators)
    return tuple(float(labels[place]) for place in range(len(labels)))
""",
        "points": 2,
    },
    # --- Q4: matrices ---
    {
        "question": "q4",
        "name": "the transpose",
        "code": "def move_matrices(images):\n    return np.eye(images.shape[1])[images]",
        "points": 1,
        "says": "you have the transpose",
    },
    {
        "question": "q4",
        "name": "one matrix for all elements",
        "code": """\
def move_matrices(images):
    matrix, matrices = np.zeros((images.shape[1],) * 2), []
    for row in images:
        for i, place in enumerate(row):
            matrix[place, i] = 1
        matrices.append(matrix.copy())
    return np.array(matrices)
""",
        "points": 0,
        "says": "a single 1 in each row",
    },
    {
        "question": "q4",
        "name": "ones on the diagonal",
        "code": """\
def move_matrices(images):
    matrices = np.zeros((*images.shape, images.shape[1]))
    for g, row in enumerate(images):
        matrices[g, row, row] = 1
    return matrices
""",
        "points": 0,
        "says": "images [[0, 1, 2], [2, 1, 0]]",
    },
    {
        "question": "q4",
        "name": "moved rows instead of matrices",
        "code": "def move_matrices(images):\n    return np.argsort(images, axis=1)",
        "points": 0,
        "says": "shape",
    },
    {
        "question": "q4",
        "name": "leaves it to the package",
        "code": """\
from symrl_lite.groups import FiniteGroup, cyclic, permutation

def move_matrices(images):
    return permutation(cyclic(len(images)), images).matrices
""",
        "points": 0,
        "says": "withheld",
    },
    {
        "question": "q4",
        "name": "truth values from one comparison",
        "code": """\
def move_matrices(images):
    return images[:, None, :] == np.arange(images.shape[1])[:, None]
""",
        "points": 2,
    },
    {
        "question": "q4",
        "name": "a list of lists of lists",
        "code": """\
def move_matrices(images):
    n = len(images[0])
    return [[[int(row[i] == j) for i in range(n)] for j in range(n)] for row in images]
""",
        "points": 2,
    },
]
