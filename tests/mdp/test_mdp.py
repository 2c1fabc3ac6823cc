"""Tables are refused with state and action named; the planners agree with each other and with sums done by hand."""

import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.envs.toy_text.taxi import TaxiEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from symrl_lite.mdp import (
    TabularMDP,
    finite_horizon,
    greedy_policy,
    policy_evaluation,
    policy_iteration,
    value_iteration,
)


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
        ([[[1]]], [0, 0], ValueError, r"rewards have shape \(2,\), expected \(1, 1\), \(1,\) or \(1, 1, 1\)"),
        ([[[1]]], 0, ValueError, r"rewards have shape \(\), expected \(S, A\), \(S,\) or \(S, A, S\)"),
        ([[1]], [0], ValueError, r"transitions have shape \(1, 1\), expected \(S, A, S\)"),
        (np.full((2, 3, 3), 1 / 3), np.zeros(3), ValueError, r"\(2, 3, 3\).*numpy.moveaxis\(array, 0, 1\)"),
        (np.full((3, 2, 3), 1 / 3), np.zeros((2, 3, 3)), ValueError, r"rewards have shape \(2, 3, 3\).*moveaxis"),
        ([sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(3))], [0, 0], ValueError, "expected A sparse matrices"),
        ([sparse.csr_array(np.eye(2)), np.eye(2)], [0, 0], ValueError, r"\[\(2, 2\), \(2, 2\)\], expected A sparse"),
        (sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(3)), ValueError, "sparse rewards have shape"),
        (sparse.csr_array(np.ones((3, 2)) / 2), [0, 0], ValueError, r"\(3, 2\), expected \(S·A, S\)"),
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


@pytest.mark.parametrize("n_actions", [1, 2, 16, 17])
@pytest.mark.parametrize("as_sparse", [True, False])
def test_sweeps_are_those_of_the_formula(n_actions, as_sparse):
    """Few actions are compared column by column, many at once; missing ones never."""
    random = np.random.default_rng(n_actions)
    P = random.dirichlet(np.ones(9), size=(9, n_actions))
    available = random.random((9, n_actions)) < 0.6
    available[:, 0] = True
    P[~available] = 0
    R = random.normal(size=(9, n_actions)) - 5
    mdp = TabularMDP(sparse.csr_array(P.reshape(-1, 9)) if as_sparse else P, R, 0.8, available)
    found, values = value_iteration(mdp), np.zeros(9)
    for _ in range(found.sweeps):
        q = [[R[s, a] + 0.8 * P[s, a] @ values for a in range(n_actions) if available[s, a]] for s in range(9)]
        values = np.array([max(row) for row in q])
    np.testing.assert_allclose(found.values, values, atol=1e-12)
    assert np.array_equal(np.isneginf(found.q_values), ~available)
    assert not np.shares_memory(found.values, found.q_values)
    ahead = np.zeros(9)
    for _ in range(3):
        ahead = np.array([max(R[s, a] + P[s, a] @ ahead for a in np.flatnonzero(available[s])) for s in range(9)])
    np.testing.assert_allclose(finite_horizon(mdp, 3), ahead, atol=1e-12)


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


# --- other people's tables


@pytest.mark.parametrize(("dtype", "error"), [(np.float32, 1e-5), (np.float16, 2e-2)])
def test_tables_of_single_and_half_precision(dtype, error):
    exact = random_mdp(3, states=40, discount=0.9)
    P, R = exact.transitions.astype(dtype), exact.rewards.astype(np.float32)
    thin = [sparse.csr_array(P.reshape(-1, 40))] if dtype is np.float32 else []
    for given_P in (P, *thin):
        mdp = TabularMDP(given_P, R, np.float32(0.9))
        assert np.abs(np.asarray(mdp.rows.sum(axis=1)) - 1).max() < 1e-12  # scaled
        assert np.abs(mdp.dense() - exact.transitions).max() < error
        assert np.abs(value_iteration(mdp).values - value_iteration(exact).values).max() < 20 * error
    policy = np.random.default_rng(0).dirichlet(np.ones(3), size=40)
    assert np.abs(policy_evaluation(exact, policy.astype(dtype)) - policy_evaluation(exact, policy)).max() < error * 10


def test_double_tables_stay_as_given():
    P = random_mdp(2).transitions.copy()
    P[0, 0] *= 1 + 5e-10
    assert np.array_equal(TabularMDP(P, np.zeros((5, 3)), 0.9).transitions, P)
    with pytest.raises(ValueError, match=r"sums to 0\.999"):
        TabularMDP(np.float32([[[0.999]]]), [[0]], 0.9)
    with pytest.raises(ValueError, match=r"sums to 0\.999999"):
        TabularMDP([[[0.999999]]], [[0]], 0.9)


def test_rewards_of_states_pairs_and_steps():
    exact = random_mdp(4)
    steps = np.random.default_rng(1).normal(size=(5, 3, 5))
    mean = (exact.transitions * steps).sum(axis=2)
    by_action = [sparse.csr_array(exact.transitions[:, a]) for a in range(3)]  # pymdptoolbox: A matrices (S, S)
    rows = sparse.csr_array(exact.rows)
    for P in (exact.transitions, rows, by_action, tuple(by_action)):
        listed = [sparse.csr_array(steps[:, a]) for a in range(3)]
        for R in (steps, listed, sparse.csr_array(steps.reshape(15, 5)), mean):
            mdp = TabularMDP(P, R, 0.9)
            assert np.allclose(mdp.rewards, mean) and np.allclose(mdp.dense(), exact.transitions)
        assert np.array_equal(TabularMDP(P, np.arange(5.0), 0.9).rewards, np.repeat(np.arange(5.0)[:, None], 3, axis=1))
    impossible = np.where(exact.transitions > 0, steps, np.nan)
    assert np.allclose(TabularMDP(exact.transitions, impossible, 0.9).rewards, mean)


def test_the_forest_of_pymdptoolbox():
    """Its documentation's example: wait or cut; three ages; fires of probability 0.1. Values as it prints them."""
    wait = [[0.1, 0.9, 0], [0.1, 0, 0.9], [0.1, 0, 0.9]]
    cut = [[1, 0, 0]] * 3
    R = [[0, 0], [0, 1], [4, 2]]
    for P in ([sparse.csr_array(wait), sparse.csr_array(cut)], np.moveaxis(np.array([wait, cut]), 0, 1)):
        solution = policy_iteration(TabularMDP(P, R, 0.9))
        assert np.allclose(solution.values, [26.244, 29.484, 33.484], atol=1e-9)
        assert solution.policy.argmax(axis=1).tolist() == [0, 0, 0]


def test_the_example_of_quantecon():
    """Its documentation's: the second action of state 1 has reward −∞, which means that there is none."""
    Q = [[[0.5, 0.5], [0, 1]], [[0, 1], [0.5, 0.5]]]
    for P in (Q, sparse.csr_array(np.reshape(Q, (4, 2)))):
        mdp = TabularMDP(P, [[5, 10], [-1, -np.inf]], 0.95)
        assert mdp.n_pairs == 3 and np.allclose(policy_iteration(mdp).values, [-8.57142857, -20])
    with pytest.raises(ValueError, match=r"reward R\[s=0, a=0\] is inf"):
        TabularMDP(Q, [[np.inf, 0], [0, 0]], 0.95)


def values_of(P, discount, sweeps):
    """V of Gymnasium's own P, by sweeps over its lists."""
    values = np.zeros(len(P))
    for _ in range(sweeps):
        values = np.array(
            [
                max(sum(p * (r + discount * values[t] * (not end)) for p, t, r, end in P[s][a]) for a in P[s])
                for s in range(len(P))
            ]
        )
    return values


TOYS = {
    "lake": (FrozenLakeEnv, 300),
    "large lake": (lambda: FrozenLakeEnv(map_name="8x8"), 200),
    "dry lake": (lambda: FrozenLakeEnv(is_slippery=False), 200),
    "cliff": (CliffWalkingEnv, 200),
    "taxi": (TaxiEnv, 100),
}


@pytest.mark.parametrize("name", TOYS)
def test_tables_of_gymnasium(name):
    make, sweeps = TOYS[name]
    env, discount = make(), 0.9
    P = env.unwrapped.P
    mdp = TabularMDP.from_gymnasium(env, discount)
    assert mdp.n_states == len(P) + 1 and mdp.n_actions == env.action_space.n and mdp.discount == discount
    end = len(P)
    assert all(mdp.row(end, a)[end] == 1 for a in range(mdp.n_actions)) and not mdp.rewards[end].any()
    values = policy_iteration(mdp).values
    assert np.allclose(values[:-1], values_of(P, discount, sweeps), atol=20 / 0.1 * discount**sweeps + 1e-9)
    assert np.allclose(TabularMDP.from_gymnasium(P, discount).rows.toarray(), mdp.rows.toarray())


def test_values_that_others_have_found():
    lake = TabularMDP.from_gymnasium(gymnasium.make("FrozenLake-v1"), 0.99)
    assert policy_iteration(lake).values[0] == pytest.approx(0.542025, abs=1e-5)
    cliff = TabularMDP.from_gymnasium(CliffWalkingEnv(), 0.5)
    assert policy_iteration(cliff).values[36] == pytest.approx(-sum(0.5**k for k in range(13)))  # along the cliff


def test_other_tables_are_refused():
    lake = gymnasium.make("FrozenLake-v1")
    halved = gymnasium.wrappers.TransformReward(lake, lambda r: r / 2)
    with pytest.raises(ValueError, match=r"knows nothing about the wrapper TransformReward: give env\.unwrapped"):
        TabularMDP.from_gymnasium(halved, 0.9)
    for wrong in (gymnasium.make("CartPole-v1"), 3, "FrozenLake-v1"):
        with pytest.raises(TypeError, match="has no table P"):
            TabularMDP.from_gymnasium(wrong, 0.9)
    for table, message in (
        ({}, "P has 0 states"),
        ({1: {0: [(1, 1, 0, False)]}}, "expected them numbered 0, 1, 2"),
        ({0: {}}, r"P\[0\] has actions \[\]"),
        ({0: {"up": []}}, "expected some of 0, 1, 2"),
        ({0: {0: [(1, 5, 0, False)]}}, r"P\[0\]\[0\] leads to state 5, expected 0 to 0"),
        ({0: {0: [(1, 0.5, 0, False)]}}, r"P\[0\]\[0\] leads to state 0\.5"),
        ({0: {0: [(1, 0, 0)]}}, "expected .probability, next state, reward, whether it ends."),
        ({0: {0: [(-0.5, 0, 0, False), (1.5, 0, 0, False)]}}, "has probability -0.5"),
        ({0: {0: [(0.5, 0, 0, False)]}}, r"row P\[s=0, a=0\] sums to 0\.5"),
        ({0: {0: [(1, 0, float("nan"), False)]}}, r"reward R\[s=0, a=0\] is nan"),
    ):
        with pytest.raises(ValueError, match=message):
            TabularMDP.from_gymnasium(table, 0.9)
    some = TabularMDP.from_gymnasium({0: {0: [(1, 1, 2, False)]}, 1: {1: [(1, 0, 0, True)]}}, 0.5)
    assert some.available.tolist() == [[True, False], [False, True], [True, True]]
    assert policy_iteration(some).values.tolist() == [2, 0, 0]


def counting(method, calls):
    def counted(self, values):
        calls.append(1)
        return method(self, values)

    return counted


def test_what_rounding_allows_is_known_before_the_first_sweep(monkeypatch):
    earns = TabularMDP(np.full((3, 2, 3), 1 / 3), np.ones((3, 2)), 0.9999)
    calls = []
    monkeypatch.setattr(TabularMDP, "q_values", counting(TabularMDP.q_values, calls))
    with pytest.raises(ValueError, match="tolerance 1e-08 is below rounding error: ask for 1e-07, or use policy_iter"):
        value_iteration(earns)
    assert len(calls) < 5
    monkeypatch.undo()
    # What it asks for can be reached; so can the default, where values stay small.
    small = TabularMDP(np.full((3, 2, 3), 1 / 3), np.ones((3, 2)), 0.999)
    with pytest.raises(ValueError, match="ask for 1e-09"):
        value_iteration(small, 1e-11)
    assert np.abs(value_iteration(small, 1e-9).values - 1000).max() <= 2e-9
    once = TabularMDP([[[0, 1]], [[0, 1]]], [[1.0], [0.0]], 0.99999)
    assert value_iteration(once).values.tolist() == [1, 0]


def test_policy_iteration_ends_where_the_discount_is_near_one():
    for seed in range(3):
        assert policy_iteration(random_mdp(seed, states=30, discount=1 - 1e-7)).sweeps < 20


def test_indices_do_not_wrap_round():
    mdp = random_mdp(0)
    for pair in ((0, 3), (-1, 0), (5, 0), (0, -1)):
        with pytest.raises(ValueError, match=r"(state|action) is -?\d, expected a whole number from 0 to [42]"):
            mdp.row(*pair)
    for values in (np.zeros(4), np.zeros(6), np.zeros((5, 2, 2)), 0.0):
        with pytest.raises(ValueError, match=r"expected \(5,\) or \(5, K\)"):
            mdp.expected(values)
    for steps in (2.5, -1):
        with pytest.raises(ValueError, match=f"steps is {steps}, expected a whole number from 0"):
            finite_horizon(mdp, steps)
    with pytest.raises(ValueError, match=r"discount is 1\.5"):
        finite_horizon(mdp, 3, discount=1.5)
    for q, atol in (([[np.nan, 1]], 0), ([], 0), ([[1, 0]], -1)):
        with pytest.raises(ValueError, match=r"expected \(S, A\), no NaN|atol is -1"):
            greedy_policy(q, atol)


def test_what_is_no_table():
    for run in (value_iteration, policy_iteration, lambda m: policy_evaluation(m, [0]), lambda m: finite_horizon(m, 1)):
        for wrong in (np.eye(3), None, ([[[1]]], [[0]], 0.9)):
            with pytest.raises(TypeError, match=r"expected a TabularMDP\(transitions, rewards, discount\)"):
                run(wrong)
