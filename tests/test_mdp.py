"""Tables are refused with state and action named; the planners agree with each other and with sums done by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from symrl_lite.mdp import TabularMDP, greedy_policy, policy_evaluation, policy_iteration, value_iteration


def random_mdp(seed, states=5, actions=3, discount=0.8, as_sparse=False):
    random = np.random.default_rng(seed)
    P = random.dirichlet(np.full(states, 0.4), size=(states, actions))
    rewards = random.normal(size=(states, actions))
    if as_sparse:
        P = sparse.csr_array(P.reshape(-1, states))
    return TabularMDP(P, rewards, discount)


def best_by_enumeration(mdp):
    """V* as the largest value over all deterministic policies, each evaluated by a sum over time."""
    P = np.array([[mdp.row(s, a) for a in range(mdp.n_actions)] for s in range(mdp.n_states)])
    best = np.full(mdp.n_states, -np.inf)
    states = np.arange(mdp.n_states)
    for choice in itertools.product(range(mdp.n_actions), repeat=mdp.n_states):
        step, reward = P[states, choice], mdp.rewards[states, choice]
        values, weight = np.zeros(mdp.n_states), np.eye(mdp.n_states)
        for _ in range(200):
            values += weight @ reward
            weight = mdp.discount * weight @ step
        best = np.maximum(best, values)
    return best


# --- the table


def test_dense_and_sparse_are_one_interface():
    dense, thin = random_mdp(0), random_mdp(0, as_sparse=True)
    values = np.arange(5.0)
    assert np.allclose(dense.expected(values), thin.expected(values))
    assert np.allclose(dense.row(2, 1), thin.row(2, 1)) and dense.row(2, 1).shape == (5,)
    assert dense.transitions.shape == (5, 3, 5) and thin.transitions.shape == (15, 5)
    assert "sparse" in repr(thin) and "5 states, 15 state–action pairs, discount 0.8" in repr(dense)
    both = np.stack([values, values**2], axis=1)
    assert np.allclose(dense.expected(both)[..., 1], thin.expected(values**2))


def test_keeps_its_own_copy():
    P, R = np.full((2, 1, 2), 0.5), np.zeros((2, 1))
    mdp = TabularMDP(P, R, 0.5)
    P[:], R[:] = 7, 7
    assert mdp.row(0, 0).tolist() == [0.5, 0.5] and mdp.rewards.tolist() == [[0], [0]]
    with pytest.raises(ValueError, match="read-only"):
        mdp.rewards[0, 0] = 1


def spoilt(kind, s, a, as_sparse):
    P, R = random_mdp(1).transitions.copy(), np.zeros((5, 3))
    if kind == "sum":
        P[s, a] *= 0.97
    elif kind == "negative":
        P[s, a] = [-0.5, 1.5, 0, 0, 0]
    elif kind == "nan":
        P[s, a, 4] = np.nan
    elif kind == "infinite":
        P[s, a, 4] = np.inf
    elif kind == "reward":
        R[s, a] = np.nan
    return TabularMDP(sparse.csr_array(P.reshape(-1, 5)) if as_sparse else P, R, 0.9)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("sum", r"row P\[s=3, a=1\] sums to 0.97, expected 1"),
        ("negative", r"P\[s=3, a=1, s'=0\] is -0.5, expected at least 0"),
        ("nan", r"P\[s=3, a=1, s'=4\] is nan"),
        ("infinite", r"row P\[s=3, a=1\] sums to inf"),
        ("reward", r"reward R\[s=3, a=1\] is nan"),
    ],
)
def test_bad_rows_are_named(kind, message, as_sparse):
    with pytest.raises(ValueError, match=message):
        spoilt(kind, 3, 1, as_sparse)


@pytest.mark.parametrize("discount", [1, 1.0, -0.1, np.nan, np.inf, "0.9", None, 0.5j])
def test_discount_outside_is_refused(discount):
    with pytest.raises(ValueError, match="expected 0 ≤ discount < 1"):
        TabularMDP([[[1]]], [[0]], discount)


@pytest.mark.parametrize(
    ("transitions", "rewards", "error", "message"),
    [
        ([[[1, 0]]], [[0]], ValueError, r"\(1, 1, 2\), expected \(S, A, S\)"),
        ([[1]], [[0]], ValueError, r"\(1, 1\), expected \(S, A, S\)"),
        ([[[1]]], [[0, 0]], ValueError, r"transitions have shape \(1, 1, 1\) and rewards \(1, 2\)"),
        ([[[1]]], [0], ValueError, r"rewards have shape \(1,\)"),
        (sparse.csr_array(np.eye(2)), [[0]], ValueError, r"expected \(S·A, S\) = \(1, 1\)"),
        ([[["1"]]], [[0]], TypeError, "expected real numbers"),
        ([[[1]]], [[1j]], TypeError, "expected real numbers"),
        ([[[1, 0], [1]]], [[0]], TypeError, "rows of different lengths"),
    ],
)
def test_shapes_and_dtypes(transitions, rewards, error, message):
    with pytest.raises(error, match=message):
        TabularMDP(transitions, rewards, 0.9)


def test_actions_that_do_not_exist():
    P = [[[0, 1], [0, 0]], [[0, 1], [1, 0]]]
    mdp = TabularMDP(P, [[1, np.nan], [0, 5]], 0.5, [[True, False], [True, True]])
    assert mdp.n_pairs == 3
    solution = value_iteration(mdp)
    assert solution.q_values[0, 1] == -np.inf and solution.policy[0].tolist() == [1, 0]
    assert np.allclose(solution.values, policy_iteration(mdp).values)
    with pytest.raises(ValueError, match="s=0 takes a=1, which is not available"):
        policy_evaluation(mdp, [1, 0])
    with pytest.raises(ValueError, match="state s=0 has no available action"):
        TabularMDP(P, np.zeros((2, 2)), 0.5, [[False, False], [True, True]])
    with pytest.raises(ValueError, match=r"P\[s=1, a=1\] sums to 1, expected 0"):
        TabularMDP(P, np.zeros((2, 2)), 0.5, [[True, False], [True, False]])
    with pytest.raises(ValueError, match="expected booleans"):
        TabularMDP(P, np.zeros((2, 2)), 0.5, [[1, 0], [1, 1]])


# --- planning


@pytest.mark.parametrize("as_sparse", [False, True])
def test_planners_find_the_best_of_all_policies(as_sparse):
    for seed in range(4):
        mdp = random_mdp(seed, states=4, actions=2, as_sparse=as_sparse)
        best = best_by_enumeration(mdp)
        for solution in (value_iteration(mdp, 1e-12), policy_iteration(mdp)):
            assert np.allclose(solution.values, best, atol=1e-10)
            assert np.allclose(policy_evaluation(mdp, solution.policy), best, atol=1e-10)
            assert len(solution.residuals) == solution.sweeps


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 0.95]), st.sampled_from([1e-2, 1e-6, 1e-10]))
def test_tolerance_is_kept(seed, discount, tolerance):
    mdp = random_mdp(seed, discount=discount)
    exact = policy_iteration(mdp)
    found = value_iteration(mdp, tolerance)
    # Each sweep rounds every value, and what it rounds is carried on with the discount: 1 + γ + γ² + ... times.
    rounding = 8 * np.finfo(float).eps * max(1, float(np.abs(exact.values).max())) / (1 - discount)
    assert np.abs(found.values - exact.values).max() <= tolerance + rounding
    assert np.abs(found.q_values - exact.q_values).max() <= tolerance + rounding
    assert (found.residuals[1:] <= discount * found.residuals[:-1] + rounding).all()


def test_a_tolerance_that_cannot_be_reached():
    with pytest.raises(ValueError, match="below rounding error"):
        value_iteration(random_mdp(0, discount=0.999), 1e-12)
    for tolerance in (0, -1, np.nan):
        with pytest.raises(ValueError, match="expected a positive number"):
            value_iteration(random_mdp(0), tolerance)


def test_evaluation_by_hand():
    mdp = TabularMDP([[[0.5, 0.5], [0, 1]], [[0, 1], [0, 1]]], [[1, 4], [0, 0]], 0.5)
    assert np.allclose(policy_evaluation(mdp, [0, 0]), [1 / (1 - 0.25), 0])
    assert np.allclose(policy_evaluation(mdp, [[0.5, 0.5], [1, 0]]), [2.5 / (1 - 0.125), 0])


def test_no_action_wins_by_its_name():
    assert greedy_policy([[3, 3, 1], [0, 0, 0]]).tolist() == [[0.5, 0.5, 0], [1 / 3] * 3]
    assert greedy_policy([[1, 1 - 1e-12]]).tolist() == [[1, 0]]
    assert greedy_policy([[1, 1 - 1e-12]], atol=1e-9).tolist() == [[0.5, 0.5]]
    twins = TabularMDP(np.full((2, 2, 2), 0.5), [[1, 1], [0, 0]], 0.9)
    assert policy_iteration(twins).policy.tolist() == value_iteration(twins).policy.tolist() == [[0.5, 0.5]] * 2


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([0, 3], "expected whole numbers from 0 to 1"),
        ([0, 0.5], "expected whole numbers"),
        ([[1, 0]], r"shape \(1, 2\), expected \(2, 2\) or \(2,\)"),
        ([[1, 0], [0.5, 0.4]], r"state s=1 is \[0.5, 0.4\]"),
        ([[1, 0], [1.5, -0.5]], "state s=1"),
        ([[1, 0], [np.nan, 1]], "state s=1"),
    ],
)
def test_no_policy(policy, message):
    with pytest.raises(ValueError, match=message):
        policy_evaluation(TabularMDP(np.full((2, 2, 2), 0.5), np.zeros((2, 2)), 0.5), policy)
