"""Wrong and unusual answers to assignment 4, with the points that they keep and a word of the feedback."""

Q1 = """
square_weights, square_biases = {square}
plane_half_turns, plane_quarter_turns = {plane}
"""

Q2 = """
def signed_pattern(outputs, out_signs, inputs, in_signs):
    numbers = np.zeros((outputs.shape[1], inputs.shape[1]), dtype=int)
    done, used = numbers != 0, {first}
    for i, j in np.ndindex(numbers.shape):
        if done[i, j]:
            continue
        places = {places}
        signs = {signs}
        done[places] = True
        if {vanish}:
            continue
        used += 1
        numbers[places] = used * signs
    return numbers
"""
PLACES = "outputs[:, i], inputs[:, j]"
SIGNS = "out_signs[:, i] * in_signs[:, j]"
VANISH = "(signs[(outputs[:, i] == i) & (inputs[:, j] == j)] < 0).any()"

Q3 = """
def basis_from_generators(L, K):
    d_in, d_out = L.shape[1], K.shape[1]
    equations = [{equations} for L_s, K_s in zip(L, K)]
    _, values, vectors = np.linalg.svd({stacked})
    return {basis}
"""
EQUATIONS = "np.kron(K_s, np.eye(d_in)) - np.kron(np.eye(d_out), L_s.T)"
STACKED = "np.concatenate(equations)"
BASIS = "vectors[values < 1e-8].reshape(-1, d_out, d_in)"

Q4 = """
def fit(X, Y, basis):
    {body}
"""

CASES = [
    # --- question 1 -------------------------------------------------------------------------------------------------
    {
        "question": "q1",
        "name": "entries divided by the order of the group",
        "code": Q1.format(square="4, 1", plane="2, 1"),
        "points": 0,
        "says": "leaves a pair of entries in place",
    },
    {
        "question": "q1",
        "name": "one bias for corners and sides together",
        "code": Q1.format(square="5, 1", plane="4, 2"),
        "points": 1,
        "says": "no move takes a corner to a side",
    },
    {
        "question": "q1",
        "name": "half of the outputs forgotten",
        "code": Q1.format(square="3, 1", plane="4, 2"),
        "points": 1,
        "says": "corners → corners alone",
    },
    {
        "question": "q1",
        "name": "the plane as if turns shuffled entries",
        "code": Q1.format(square="5, 2", plane="2, 1"),
        "points": 1,
        "says": "trace of the half turn is -2",
    },
    {
        "question": "q1",
        "name": "the quarter turns only are wrong",
        "code": Q1.format(square="5, 2", plane="4, 1"),
        "points": 1,
        "says": "the traces are 2, 0, -2, 0",
    },
    {
        "question": "q1",
        "name": "two numbers are missing",
        "code": Q1.format(square="5, 2", plane="None, None"),
        "points": 1,
        "says": "expected a number",
    },
    {
        "question": "q1",
        "name": "computed from traces, as floats",
        "code": """
D4 = dihedral(4)
flip, diagonal = [4, 6], [5, 7]
corners, sides = np.zeros(8), np.zeros(8)
corners[0] = sides[0] = 4
corners[diagonal], sides[flip] = 2, 2
square_weights = np.mean(corners * (corners + sides))
square_biases = (corners + sides).mean()
plane_half_turns = np.mean(rotation_2d(cyclic(2)).character ** 2)
plane_quarter_turns = np.mean(rotation_2d(cyclic(4)).character ** 2)
""",
        "points": 2,
    },
    # --- question 2 -------------------------------------------------------------------------------------------------
    {
        "question": "q2",
        "name": "Exercise B counted from 1, which ignores signs",
        "code": Q2.format(first=0, places=PLACES, signs="1", vanish="False"),
        "points": 1,
        "says": "must have opposite signs",
    },
    {
        "question": "q2",
        "name": "the last sign wins where an entry must vanish",
        "code": Q2.format(first=0, places=PLACES, signs=SIGNS, vanish="False"),
        "points": 2,
        "says": "it must vanish",
    },
    {
        "question": "q2",
        "name": "signs of the inputs only",
        "code": Q2.format(first=0, places=PLACES, signs="in_signs[:, j]", vanish=VANISH),
        "points": 1,
        "says": "sign s t",
    },
    {
        "question": "q2",
        "name": "an entry vanishes where the signs of its orbit cancel",
        "code": Q2.format(first=0, places=PLACES, signs=SIGNS, vanish="signs.sum() == 0"),
        "points": 1,
        "says": "need not vanish",
    },
    {
        "question": "q2",
        "name": "numbers from 0",
        "code": Q2.format(first=-1, places=PLACES, signs=SIGNS, vanish=VANISH),
        "points": 0,
        "says": "need not vanish",
    },
    {
        "question": "q2",
        "name": "outputs and inputs moved by different elements",
        "code": Q2.format(first=0, places="np.ix_(outputs[:, i], inputs[:, j])", signs="1", vanish="False"),
        "points": 0,
        "says": "no element does",
    },
    {
        "question": "q2",
        "name": "a random matrix averaged, and its entries compared",
        "code": """
def signed_pattern(outputs, out_signs, inputs, in_signs):
    shape = outputs.shape[1], inputs.shape[1]
    drawn, mean = np.random.default_rng(0).normal(size=shape), np.zeros(shape)
    for k, s, m, t in zip(outputs, out_signs, inputs, in_signs):
        mean[np.ix_(k, m)] += s[:, None] * t * drawn / len(outputs)
    sizes = np.abs(mean).round(9)
    levels = np.unique(np.append(sizes, 0.0))
    return np.searchsorted(levels, sizes) * np.sign(mean.round(9))
""",
        "points": 3,
    },
    {
        "question": "q2",
        "name": "each entry looks for its smallest partner",
        "code": """
def signed_pattern(outputs, out_signs, inputs, in_signs):
    rows, columns = outputs.shape[1], inputs.shape[1]
    pattern = [[0] * columns for _ in range(rows)]
    for i in range(rows):
        for j in range(columns):
            partners = {}
            for k, s, m, t in zip(outputs[:, i], out_signs[:, i], inputs[:, j], in_signs[:, j]):
                partners.setdefault(int(k * columns + m), set()).add(int(s * t))
            smallest = min(partners)
            if len(partners[smallest]) == 1:
                pattern[i][j] = (smallest + 1) * partners[smallest].pop()
    return pattern
""",
        "points": 3,
    },
    # --- question 3 -------------------------------------------------------------------------------------------------
    {
        "question": "q3",
        "name": "L instead of its transpose, which flips do not notice",
        "code": Q3.format(equations=EQUATIONS.replace("L_s.T", "L_s"), stacked=STACKED, basis=BASIS),
        "points": 1,
        "says": "a turn is not its own transpose",
    },
    {
        "question": "q3",
        "name": "the first generator only",
        "code": Q3.format(equations=EQUATIONS, stacked="equations[0]", basis=BASIS),
        "points": 0,
        "says": "every generator counts",
    },
    {
        "question": "q3",
        "name": "sums the equations of the generators",
        "code": Q3.format(equations=EQUATIONS, stacked="sum(equations)", basis=BASIS),
        "points": 0,
        "says": "every generator counts",
    },
    {
        "question": "q3",
        "name": "the vectors with the largest singular values",
        "code": Q3.format(
            equations=EQUATIONS, stacked=STACKED, basis="vectors[: (values < 1e-8).sum()].reshape(-1, d_out, d_in)"
        ),
        "points": 0,
        "says": "singular value 0",
    },
    {
        "question": "q3",
        "name": "column by column instead of row by row",
        "code": Q3.format(
            equations=EQUATIONS,
            stacked=STACKED,
            basis="vectors[values < 1e-8].reshape(-1, d_in, d_out).transpose(0, 2, 1)",
        ),
        "points": 0,
        "says": "does not obey",
    },
    {
        "question": "q3",
        "name": "vectors that are not reshaped",
        "code": Q3.format(equations=EQUATIONS, stacked=STACKED, basis="vectors[values < 1e-8]"),
        "points": 0,
        "says": "expected (2, 2, 2)",
    },
    {
        "question": "q3",
        "name": "a basis that is not normalised",
        "code": Q3.format(equations=EQUATIONS, stacked=STACKED, basis="2 * " + BASIS),
        "points": 0,
        "says": "not orthonormal",
    },
    {
        "question": "q3",
        "name": "an average that is repeated until nothing changes",
        "code": """
def basis_from_generators(L, K):
    d_in, d_out = L.shape[1], K.shape[1]
    step = np.eye(d_in * d_out)
    for L_s, K_s in zip(L, K):
        step = (np.eye(d_in * d_out) + np.kron(K_s, L_s)) / 2 @ step
    for _ in range(40):
        step = step @ step  # in the end the projection onto what no generator moves
    U, values, _ = np.linalg.svd(step)
    return U[:, values > 0.5].T.reshape(-1, d_out, d_in)
""",
        "points": 2,
    },
    {
        "question": "q3",
        "name": "scipy's null space",
        "code": """
import scipy.linalg


def basis_from_generators(L, K):
    a, b = K.shape[1], L.shape[1]
    M = np.vstack([np.einsum("ik,jl->ijkl", k, np.eye(b)).reshape(a * b, -1) for k in K])
    M = M - np.vstack([np.einsum("ik,lj->ijkl", np.eye(a), m).reshape(a * b, -1) for m in L])
    return scipy.linalg.null_space(M, rcond=1e-9).T.reshape(-1, a, b)
""",
        "points": 2,
    },
    # --- question 4 -------------------------------------------------------------------------------------------------
    {
        "question": "q4",
        "name": "a plain fit, projected afterwards",
        "code": Q4.format(
            body="""plain = np.linalg.lstsq(X, Y, rcond=None)[0].T
    return np.einsum("b,bij->ij", np.einsum("bij,ij->b", basis, plain), basis)"""
        ),
        "points": 1,
        "says": "a plain fit, projected or not",
    },
    {
        "question": "q4",
        "name": "a plain fit that does not use the basis",
        "code": Q4.format(body="return np.linalg.lstsq(X, Y, rcond=None)[0].T"),
        "points": 1,
        "says": "a plain fit, projected or not",
    },
    {
        "question": "q4",
        "name": "coefficients as if the states were orthonormal too",
        "code": Q4.format(body='return np.einsum("bij,ni,nj,bkl->kl", basis, Y, X, basis) / len(X)'),
        "points": 0,
        "says": "the least error on Y",
    },
    {
        "question": "q4",
        "name": "the transpose of W",
        "code": Q4.format(
            body="""F = np.einsum("bij,nj->nib", basis, X).reshape(-1, len(basis))
    return np.einsum("b,bij->ji", np.linalg.lstsq(F, Y.ravel(), rcond=None)[0], basis)"""
        ),
        "points": 0,
        "says": "the least error on Y",
    },
    {
        "question": "q4",
        "name": "coefficients instead of W",
        "code": Q4.format(
            body="""F = np.einsum("bij,nj->nib", basis, X).reshape(-1, len(basis))
    return np.linalg.lstsq(F, Y.ravel(), rcond=None)[0]"""
        ),
        "points": 0,
        "says": "not the coefficients",
    },
    {
        "question": "q4",
        "name": "other coefficients for each action",
        "code": Q4.format(
            body="""W = np.zeros(basis.shape[1:])
    for i in range(len(W)):
        c = np.linalg.lstsq(X @ basis[:, i].T, Y[:, i], rcond=None)[0]
        W[i] = c @ basis[:, i]
    return W"""
        ),
        "points": 1,
        "says": "solve for all c_b at once",
    },
    {
        "question": "q4",
        "name": "the normal equations, summed state by state",
        "code": Q4.format(
            body="""A, rhs = np.zeros((len(basis), len(basis))), np.zeros(len(basis))
    for x, y in zip(X, Y):
        f = basis @ x  # (rank, d_out)
        A, rhs = A + f @ f.T, rhs + f @ y
    return np.tensordot(np.linalg.solve(A, rhs), basis, axes=1)"""
        ),
        "points": 2,
    },
]
