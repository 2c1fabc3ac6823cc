"""Wrong and unusual answers to assignment 3, with the points that they keep and a word of the feedback."""

Q1 = """
decisions_square = {square}
decisions_fixed = {fixed}
q_far_out = {value}
"""

Q2 = """
def symmetries_of(P, R, states, actions):
    found = []
    for g in range(len(states)):
        s, a = states[g], actions[g]
        if {test}:
            found.append(g)
    return found
"""

Q3 = """
def image_world(P, R, sigma, alpha):
    blocks, letters = sigma.max() + 1, alpha.max() + 1
    P_image, R_image = np.zeros((blocks, letters, blocks)), np.zeros((blocks, letters))
    into = P @ np.eye(blocks)[sigma]
    {body}
"""

Q4 = """
def plan_and_lift(P_image, R_image, discount, sigma, alpha):
    exists = P_image.sum(axis=2) > 0.5
    V = np.zeros(len(R_image))
    for _ in range({sweeps}):
        Q = np.where({exists}, R_image + {discount} * P_image @ V, -np.inf)
        V = Q.max(axis=1)
    best = Q == Q.max(axis=1, keepdims=True)
    small = best / best.sum(axis=1, keepdims=True)
    {body}
"""

LIFT4 = """policy = np.zeros(alpha.shape)
    for s, a in np.ndindex(alpha.shape):
        policy[s, a] = small[sigma[s], alpha[s, a]] / (alpha[s] == alpha[s, a]).sum()
    return V[sigma], policy"""

CASES = [
    # --- question 1 -------------------------------------------------------------------------------------------------
    {
        "question": "q1",
        "name": "52 pairs divided by the order of the group",
        "code": Q1.format(square=52 / 8, fixed=52 / 6, value="1 / 27"),
        "points": 1,
        "says": "leaves a pair where it is",
    },
    {
        "question": "q1",
        "name": "inward actions taken for one decision everywhere",
        "code": Q1.format(square=10, fixed=14, value="1 / 27"),
        "points": 1,
        "says": "though both lead inward",
    },
    {
        "question": "q1",
        "name": "the hub counted as four decisions",
        "code": Q1.format(square=13, fixed=19, value="1 / 27"),
        "points": 1,
        "says": "at the hub the four actions are one orbit",
    },
    {
        "question": "q1",
        "name": "the value of the cell instead of the value of the action",
        "code": Q1.format(square=10, fixed=17, value="2 / 27"),
        "points": 1,
        "says": "leads outward",
    },
    {
        "question": "q1",
        "name": "moves that always succeed",
        "code": Q1.format(square=10, fixed=17, value="1 / 8"),
        "points": 1,
        "says": "half of them fail",
    },
    {
        "question": "q1",
        "name": "one number is missing",
        "code": Q1.format(square=10, fixed=None, value="1 / 27"),
        "points": 1,
        "says": "expected a number",
    },
    {
        "question": "q1",
        "name": "all wrong, and a word for a number",
        "code": Q1.format(square=9, fixed=15, value="'one in 27'"),
        "points": 0,
        "says": "the hub counts too",
    },
    {
        "question": "q1",
        "name": "floats and a rounded value",
        "code": Q1.format(square=10.0, fixed="np.int64(17)", value=0.037),
        "points": 2,
    },
    # --- question 2 -------------------------------------------------------------------------------------------------
    {
        "question": "q2",
        "name": "compares transitions only",
        "code": Q2.format(test="np.allclose(P[np.ix_(s, a, s)], P, atol=1e-9)"),
        "points": 1,
        "says": "compare rewards as well as transitions",
    },
    {
        "question": "q2",
        "name": "compares rewards only",
        "code": Q2.format(test="np.allclose(R[np.ix_(s, a)], R, atol=1e-9)"),
        "points": 1,
        "says": "compare transitions as well as rewards",
    },
    {
        "question": "q2",
        "name": "does not move the next state",
        "code": Q2.format(test="np.allclose(R[np.ix_(s, a)], R) and np.allclose(P[np.ix_(s, a)], P)"),
        "points": 0,
        "says": "move s, a and s' all by g",
    },
    {
        "question": "q2",
        "name": "moves states and leaves actions",
        "code": Q2.format(test="np.allclose(R[s], R) and np.allclose(P[s][:, :, s], P)"),
        "points": 0,
        "says": "move both the state and the action",
    },
    {
        "question": "q2",
        "name": "moves the next state back instead of forth",
        "code": Q2.format(test="np.allclose(R[np.ix_(s, a)], R) and np.allclose(P[np.ix_(s, a, np.argsort(s))], P)"),
        "points": 0,
        "says": "all by g",
    },
    {
        "question": "q2",
        "name": "exact equality, which rounding breaks",
        "code": Q2.format(test="np.array_equal(R[np.ix_(s, a)], R) and np.array_equal(P[np.ix_(s, a, s)], P)"),
        "points": 1,
        "says": "allow 1e-9",
    },
    {
        "question": "q2",
        "name": "a mask instead of a list of elements",
        "code": """
def symmetries_of(P, R, states, actions):
    return [
        bool(np.allclose(R[np.ix_(s, a)], R) and np.allclose(P[np.ix_(s, a, s)], P, atol=1e-9))
        for s, a in zip(states, actions)
    ]
""",
        "points": 0,
        "says": "True and False",
    },
    {
        "question": "q2",
        "name": "undoes the move, with loops, and returns an array",
        "code": """
def symmetries_of(P, R, states, actions):
    S, A = R.shape
    kept = np.ones(len(states), dtype=bool)
    for g in range(len(states)):
        moved_P, moved_R = np.zeros_like(P), np.zeros_like(R)
        for s in range(S):
            for a in range(A):
                moved_R[states[g, s], actions[g, a]] = R[s, a]
                moved_P[states[g, s], actions[g, a], states[g]] = P[s, a]
        kept[g] = np.abs(moved_R - R).max() < 1e-9 and np.abs(moved_P - P).max() < 1e-9
    return np.flatnonzero(kept)
""",
        "points": 2,
    },
    # --- question 3 -------------------------------------------------------------------------------------------------
    {
        "question": "q3",
        "name": "one pair of each decision, as in the chapter",
        "code": Q3.format(
            body="""for s, a in reversed(list(np.ndindex(R.shape))):
        P_image[sigma[s], alpha[s, a]], R_image[sigma[s], alpha[s, a]] = into[s, a], R[s, a]
    return P_image, R_image"""
        ),
        "points": 1,
        "says": "the mean",
    },
    {
        "question": "q3",
        "name": "sums without dividing",
        "code": Q3.format(
            body="""np.add.at(P_image, (sigma[:, None], alpha), into)
    np.add.at(R_image, (sigma[:, None], alpha), R)
    return P_image, R_image"""
        ),
        "points": 0,
        "says": "a mean of rows, which sums to 1",
    },
    {
        "question": "q3",
        "name": "+= with repeated indices",
        "code": Q3.format(
            body="""count = np.zeros((blocks, letters))
    np.add.at(count, (sigma[:, None], alpha), 1)
    P_image[sigma[:, None], alpha] += into
    R_image[sigma[:, None], alpha] += R
    count = np.maximum(count, 1)
    return P_image / count[..., None], R_image / count"""
        ),
        "points": 0,
        "says": "a mean of rows, which sums to 1",
    },
    {
        "question": "q3",
        "name": "divides by zero where there is no pair",
        "code": Q3.format(
            body="""count = np.zeros((blocks, letters))
    np.add.at(count, (sigma[:, None], alpha), 1)
    np.add.at(P_image, (sigma[:, None], alpha), into)
    np.add.at(R_image, (sigma[:, None], alpha), R)
    with np.errstate(invalid="ignore"):
        return P_image / count[..., None], R_image / count"""
        ),
        "points": 1,
        "says": "does not exist",
    },
    {
        "question": "q3",
        "name": "a mean of means: first over the actions of a state, then over states",
        "code": Q3.format(
            body="""for B in range(blocks):
        for b in range(letters):
            found = [s for s in np.flatnonzero(sigma == B) if (alpha[s] == b).any()]
            if found:
                P_image[B, b] = np.mean([into[s][alpha[s] == b].mean(axis=0) for s in found], axis=0)
                R_image[B, b] = np.mean([R[s][alpha[s] == b].mean() for s in found])
    return P_image, R_image"""
        ),
        "points": 1,
        "says": "each counted once",
    },
    {
        "question": "q3",
        "name": "takes the action for its image action",
        "code": Q3.format(
            body="""for B in range(blocks):
        for b in range(letters):
            P_image[B, b], R_image[B, b] = into[sigma == B, b].mean(axis=0), R[sigma == B, b].mean()
    return P_image, R_image"""
        ),
        "points": 0,
        "says": "does not exist",
    },
    {
        "question": "q3",
        "name": "matrices of zeros and ones instead of loops",
        "code": """
def image_world(P, R, sigma, alpha):
    to_block = (sigma[:, None] == np.unique(sigma)).astype(float)
    to_letter = (alpha[..., None] == np.arange(alpha.max() + 1)).astype(float)
    count = np.einsum("sB,sab->Bb", to_block, to_letter)
    share = np.divide(1, count, out=np.zeros_like(count), where=count > 0)
    P_image = np.einsum("sB,sab,sat,tC,Bb->BbC", to_block, to_letter, P, to_block, share, optimize=True)
    return P_image, np.einsum("sB,sab,sa,Bb->Bb", to_block, to_letter, R, share)
""",
        "points": 2,
    },
    {
        "question": "q3",
        "name": "a mean in single precision",
        "code": """
def image_world(P, R, sigma, alpha):
    blocks, letters = sigma.max() + 1, alpha.max() + 1
    P_image, R_image = np.zeros((blocks, letters, blocks), np.float32), np.zeros((blocks, letters), np.float32)
    for B, b in np.ndindex(blocks, letters):
        s, a = np.nonzero((sigma == B)[:, None] & (alpha == b))
        if len(s):
            P_image[B, b] = [P[s, a][:, sigma == C].sum() / len(s) for C in range(blocks)]
            R_image[B, b] = R[s, a].mean()
    return P_image, R_image
""",
        "points": 2,
    },
    # --- question 4 -------------------------------------------------------------------------------------------------
    {
        "question": "q4",
        "name": "forgets that some pairs do not exist",
        "code": Q4.format(sweeps=1000, exists="True", discount="discount", body=LIFT4),
        "points": 2,
        "says": "does not exist",
    },
    {
        "question": "q4",
        "name": "does not share the probability among actions with one image action",
        "code": Q4.format(
            sweeps=1000, exists="exists", discount="discount", body="return V[sigma], small[sigma[:, None], alpha]"
        ),
        "points": 1,
        "says": "share its probability",
    },
    {
        "question": "q4",
        "name": "stops after fifty sweeps",
        "code": Q4.format(sweeps=50, exists="exists", discount="discount", body=LIFT4),
        "points": 1,
        "says": "enough sweeps?",
    },
    {
        "question": "q4",
        "name": "returns the policy of the image",
        "code": Q4.format(sweeps=1000, exists="exists", discount="discount", body="return V[sigma], small"),
        "points": 1,
        "says": "policy has shape",
    },
    {
        "question": "q4",
        "name": "forgets the discount",
        "code": Q4.format(sweeps=1000, exists="exists", discount="1", body=LIFT4),
        "points": 0,
        "says": "is every value discounted",
    },
    {
        "question": "q4",
        "name": "softmax of the values instead of the best actions",
        "code": Q4.format(
            sweeps=1000,
            exists="exists",
            discount="discount",
            body="""probabilities = np.exp(Q - Q.max(axis=1, keepdims=True))
    small = probabilities / probabilities.sum(axis=1, keepdims=True)
    """
            + LIFT4,
        ),
        "points": 1,
        "says": "take the best image action",
    },
    {
        "question": "q4",
        "name": "policy iteration, ties broken by name",
        "code": """
def plan_and_lift(P_image, R_image, discount, sigma, alpha):
    n, exists = np.arange(len(R_image)), P_image.any(axis=2)
    choice = exists.argmax(axis=1)
    while True:
        V = np.linalg.solve(np.eye(len(n)) - discount * P_image[n, choice], R_image[n, choice])
        Q = R_image + discount * P_image @ V
        Q[~exists] = -1e300
        if (Q.max(axis=1) <= Q[n, choice] + 1e-10).all():
            break
        choice = Q.argmax(axis=1)
    taken = alpha == choice[sigma][:, None]
    return V[sigma], taken / taken.sum(axis=1, keepdims=True)
""",
        "points": 3,
    },
    {
        "question": "q4",
        "name": "ties shared, as the chapter does",
        "code": Q4.format(sweeps=1000, exists="exists", discount="discount", body=LIFT4),
        "points": 3,
    },
    {
        "question": "q4",
        "name": "in single precision, where three thirds are more than 1",
        "code": Q4.format(
            sweeps=1000,
            exists="exists",
            discount="discount",
            body=LIFT4.replace("V[sigma], policy", "V[sigma].astype(np.float32), policy.astype(np.float32)"),
        ),
        "points": 3,
    },
]
