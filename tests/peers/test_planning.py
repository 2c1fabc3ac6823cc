"""Tables and planning against pymdptoolbox and QuantEcon.

The numbers of the tables were printed by pymdptoolbox 4.0b3 and QuantEcon 0.11.4, which agree on all of them:
`mdp.PolicyIteration(np.moveaxis(P, 1, 0), R, discount)` and `DiscreteDP(mean_R, P, discount)` with its method
"policy_iteration"; those of four steps by pymdptoolbox's `mdp.FiniteHorizon`.
"""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import linprog

from symrl_lite.mdp import TabularMDP, finite_horizon, policy_evaluation, policy_iteration, value_iteration

S, A = 5, 3
s, a, t = np.ogrid[:S, :A, :S]
WEIGHTS = np.where((s + a + t) % 3 == 0, 0, (3 * s + 5 * a * a + 7 * t + s * t) % 11 + 1)
P = WEIGHTS / WEIGHTS.sum(axis=2, keepdims=True)  # 50 of 75 are not zero
STEPS = np.broadcast_to(((2 * s + 3 * a + 5 * t) % 7 - 3) / 4, (S, A, S))
REWARDS = {"states": STEPS[:, 0, 0], "pairs": STEPS[:, :, 0], "steps": STEPS}

PRINTED = {  # values and actions
    ("states", 0.9): ([-0.9236975188, -0.325472439, 0.08729483137, 0.5566048244, -0.5839393589], [2, 1, 2, 2, 1]),
    ("states", 0.9999): ([-192.0681402, -191.4588601, -191.0516468, -190.5886731, -191.7170297], [2, 1, 2, 2, 1]),
    ("pairs", 0.9): ([6.094507038, 5.817260301, 5.590753379, 5.842065231, 5.508197694], [2, 1, 0, 0, 1]),
    ("pairs", 0.9999): ([5858.898514, 5858.617509, 5858.402593, 5858.625757, 5858.306424], [2, 1, 0, 0, 1]),
    ("steps", 0.9): ([4.305626935, 4.291503268, 4.177941176, 4.021475606, 4.225], [0, 2, 1, 2, 2]),
    ("steps", 0.9999): ([4239.9307, 4239.917009, 4239.802708, 4239.639729, 4239.84888], [0, 2, 1, 2, 2]),
}
DIGITS = 1e-9  # that were printed, as a share of the largest value


def forms(P):
    """One table in each form that is served, with what the form adds at most to Σ_s' |T(s'|s, a) − P[s, a, s']|."""
    listed = [sparse.csr_array(P[:, k]) for k in range(P.shape[1])]
    rows = sparse.csr_array(P.reshape(-1, P.shape[2]))
    return {
        "dense": (P, 0.0),
        "sparse": (rows, 0.0),
        "list": (listed, 0.0),
        "float32": (P.astype(np.float32), 2 * np.finfo(np.float32).eps),
        "sparse float32": (rows.astype(np.float32), 2 * np.finfo(np.float32).eps),
    }


def bound(values, R, discount, error):
    """How far values may be off: rounding, and rows that are off by `error` and still sum to 1.

    Such rows see of V what is left without a constant: |(T − P) V| ≤ error · (max V − min V).
    """
    return 1e-12 * np.abs(values).max() / (1 - discount) + error * (np.ptp(values) + np.abs(R).max()) / (1 - discount)


def mean_rewards(R):
    return np.repeat(R[:, None], A, axis=1) if R.ndim == 1 else R if R.ndim == 2 else (P * R).sum(axis=2)


@pytest.mark.parametrize("form", forms(P))
@pytest.mark.parametrize(("rewards", "discount"), PRINTED)
def test_printed_values(rewards, discount, form):
    (given, error), (values, actions) = forms(P)[form], PRINTED[rewards, discount]
    mdp = TabularMDP(given, REWARDS[rewards], discount)
    allowed = DIGITS * np.abs(values).max() + bound(np.array(values), STEPS, discount, error)
    solution = policy_iteration(mdp)
    np.testing.assert_allclose(solution.values, values, rtol=0, atol=allowed)
    np.testing.assert_allclose(policy_evaluation(mdp, actions), values, rtol=0, atol=allowed)
    if discount == 0.9:  # 0.9999 takes a second
        assert solution.policy.argmax(axis=1).tolist() == actions
        np.testing.assert_allclose(value_iteration(mdp).values, values, rtol=0, atol=allowed + 1e-8)


@pytest.mark.parametrize(("rewards", "discount"), PRINTED)
def test_values_of_a_linear_program(rewards, discount):
    """min Σ V with V(s) ≥ R(s, a) + γ Σ T V, by SciPy: neither iteration."""
    R = mean_rewards(REWARDS[rewards])
    system = discount * P.reshape(-1, S) - np.repeat(np.eye(S), A, axis=0)
    found = linprog(np.ones(S), A_ub=system, b_ub=-R.ravel(), bounds=(None, None), method="highs")
    values = policy_iteration(TabularMDP(P, REWARDS[rewards], discount)).values
    np.testing.assert_allclose(found.x, values, rtol=0, atol=1e-6 / (1 - discount))


def test_four_steps():
    printed = [2.2520804563311456, 1.975427150318383, 1.747330955640775, 1.9941867754621851, 1.6668606840524018]
    np.testing.assert_allclose(
        finite_horizon(TabularMDP(P, REWARDS["pairs"], 0.5), steps=4, discount=0.9), printed, atol=1e-12
    )


def random_table(seed, states, actions, thin):
    """Probabilities (S, A, S), about half of them zero where `thin`, and rewards of steps."""
    draw = np.random.default_rng(seed)
    weights = draw.exponential(size=(states, actions, states))
    if thin:
        weights *= draw.random(weights.shape) < 0.5
    weights[..., 0] += 0.01
    return weights / weights.sum(axis=2, keepdims=True), draw.normal(size=weights.shape)


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")  # pymdptoolbox compares with zero
@pytest.mark.parametrize("kind", ["states", "pairs", "steps"])
def test_pymdptoolbox_itself(kind):
    peer = pytest.importorskip("mdptoolbox.mdp", reason="no pymdptoolbox: pip install -e .[peers]")
    for seed in range(12):
        P, R = random_table(seed, states=6 + seed, actions=2 + seed % 3, thin=seed % 2 == 1)
        discount = [0.5, 0.9, 0.999, 0.9999][seed % 4]
        R = {"states": R[:, 0, 0], "pairs": R[:, :, 0], "steps": R}[kind]
        action_first = np.moveaxis(R, 1, 0) if kind == "steps" else R
        theirs = peer.PolicyIteration(np.moveaxis(P, 1, 0), action_first, discount)
        theirs.run()
        allowed = bound(np.array(theirs.V), R, discount, 0)
        for form, error in forms(P).values():
            ours = policy_iteration(TabularMDP(form, R, discount))
            off = bound(ours.values, R, discount, error)
            np.testing.assert_allclose(ours.values, theirs.V, rtol=0, atol=off)
            if error == 0:
                assert ours.policy.argmax(axis=1).tolist() == list(theirs.policy)
        # The forms in which it takes sparse tables.
        listed = [sparse.csr_matrix(P[:, k]) for k in range(P.shape[1])]
        if kind != "states":
            sparse_R = [sparse.csr_matrix(R[:, k]) for k in range(P.shape[1])] if kind == "steps" else R
            theirs = peer.PolicyIteration(listed, sparse_R, discount)
            theirs.run()
            ours = policy_iteration(TabularMDP(listed, sparse_R, discount))
            np.testing.assert_allclose(ours.values, theirs.V, rtol=0, atol=allowed)
        steps = peer.FiniteHorizon(np.moveaxis(P, 1, 0), action_first, discount, 5)
        steps.run()
        mdp = TabularMDP(P, R, 0.5)
        np.testing.assert_allclose(finite_horizon(mdp, 5, discount), steps.V[:, 0], rtol=0, atol=1e-12)


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_the_example_of_pymdptoolbox_is_the_one_that_is_tested_without_it():
    peer = pytest.importorskip("mdptoolbox.example", reason="no pymdptoolbox: pip install -e .[peers]")
    for thin in (False, True):
        P, R = peer.forest(is_sparse=thin)
        dense = np.array([matrix.toarray() for matrix in P]) if thin else P
        assert dense.tolist() == [[[0.1, 0.9, 0], [0.1, 0, 0.9], [0.1, 0, 0.9]], [[1, 0, 0]] * 3]
        assert R.tolist() == [[0, 0], [0, 1], [4, 2]]
        mdp = TabularMDP(P if thin else np.moveaxis(P, 0, 1), R, 0.9)
        np.testing.assert_allclose(policy_iteration(mdp).values, [26.244, 29.484, 33.484], atol=1e-9)


def test_quantecon_itself():
    peer = pytest.importorskip("quantecon.markov", reason="no quantecon: pip install -e .[peers]")
    for seed in range(12):
        P, R = random_table(seed, states=6 + seed, actions=2 + seed % 3, thin=seed % 2 == 1)
        discount, R = [0.5, 0.9, 0.999, 0.9999][seed % 4], R[:, :, 0]
        if seed % 3 == 0:
            R[seed % len(R), 1] = -np.inf  # there is no such action
        theirs = peer.DiscreteDP(R, P, discount)
        found = theirs.solve(method="policy_iteration")
        for form, error in forms(P).values():
            mdp = TabularMDP(form, R, discount)
            ours = policy_iteration(mdp)
            off = bound(found.v, R[np.isfinite(R)], discount, error)
            np.testing.assert_allclose(ours.values, found.v, rtol=0, atol=off)
            if error == 0:
                assert ours.policy.argmax(axis=1).tolist() == found.sigma.tolist()
                first = mdp.available.argmax(axis=1)
                np.testing.assert_allclose(
                    policy_evaluation(mdp, first), theirs.evaluate_policy(first), rtol=0, atol=off
                )
        # Its list of pairs, as rows of one sparse matrix.
        states, actions = np.nonzero(np.isfinite(R))
        pairs = peer.DiscreteDP(R[states, actions], sparse.csr_matrix(P[states, actions]), discount, states, actions)
        v = pairs.solve(method="policy_iteration").v
        values = policy_iteration(TabularMDP(P, R, discount)).values
        np.testing.assert_allclose(values, v, rtol=0, atol=bound(v, R[np.isfinite(R)], discount, 0))
