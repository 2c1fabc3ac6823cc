"""Homomorphisms: known sizes, value equivalence on random symmetric processes, and maps that are refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.groups import cyclic, dihedral, permutation, symmetric
from symrl_lite.homomorphism import MDPHomomorphism, coarsest_homomorphism, loss_bound, quotient, refine
from symrl_lite.mdp import TabularMDP, greedy_policy, policy_evaluation, policy_iteration, value_iteration
from symrl_lite.symmetry import Symmetry, audit, permutations_of

GROUPS = {"C2": cyclic(2), "C3": cyclic(3), "C4": cyclic(4), "D4": dihedral(4), "S3": symmetric(3)}


def random_symmetric(seed, group, copies=2, discount=0.8, as_sparse=False):
    """A process with `group` as a symmetry: states and actions are copies of G and one fixed point each."""
    random = np.random.default_rng(seed)
    n, G = group.order, group
    states = np.hstack([G.table + k * n for k in range(copies)] + [np.full((n, 1), copies * n)])  # and a fixed state
    actions = np.hstack([G.table, np.full((n, 1), n)])
    S, A = states.shape[1], actions.shape[1]
    P = random.dirichlet(np.full(S, 0.3), size=(S, A))
    R = random.normal(size=(S, A))
    mean_P, mean_R = np.zeros_like(P), np.zeros_like(R)
    for g in G:
        mean_P += P[np.ix_(states[g], actions[g], states[g])] / n
        mean_R += R[np.ix_(states[g], actions[g])] / n
    if as_sparse:
        mean_P = sparse.csr_array(mean_P.reshape(-1, S))
    symmetry = Symmetry(G, lambda g, s: states[g, s], permutation(G, actions))
    return TabularMDP(mean_P, mean_R, discount), symmetry


def sizes(h):
    return h.ground.n_states, h.image.n_states, h.ground.n_pairs, h.image.n_pairs


def conditions_by_loops(h):
    """The two conditions, written as in the definition."""
    worst = [0.0, 0.0]
    for s, a in np.argwhere(h.ground.available):
        image_state, image_action = h.state_map[s], h.action_map[s, a]
        worst[0] = max(worst[0], abs(h.ground.rewards[s, a] - h.image.rewards[image_state, image_action]))
        row, image_row = h.ground.row(s, a), h.image.row(image_state, image_action)
        into = [sum(row[t] for t in range(len(row)) if h.state_map[t] == block) for block in range(len(image_row))]
        worst[1] = max(worst[1], np.abs(np.array(into) - image_row).sum())
    return worst


# --- the sizes that are known


@pytest.mark.parametrize(
    ("world", "expected", "bisimulation"),
    [
        (GridWorld(5, (2, 2)), (25, 6, 100, 15), (25, 25, 100, 93)),
        (GridWorld(10, (0, 0)), (100, 55, 400, 198), (100, 100, 400, 394)),
        (GridWorld(20, (0, 0)), (400, 210, 1600, 798), None),
        (PredatorPrey(observation="index"), (50, 11, 250, 35), (50, 50, 250, 246)),
        (PredatorPrey(observation="index", prey_moves=0), (50, 8, 250, 20), None),
    ],
    ids=["grid5", "grid10", "grid20", "predator", "static prey"],
)
def test_known_sizes(world, expected, bisimulation):
    h = coarsest_homomorphism(world.tabular())
    assert sizes(h) == expected and h.holds()
    if bisimulation is not None:
        fixed = coarsest_homomorphism(world.tabular(), relabel_actions=False)
        assert sizes(fixed) == bisimulation and fixed.holds()


def test_known_orbits():
    world, chase = GridWorld(5), PredatorPrey(observation="index")
    assert sizes(quotient(world.tabular(), world.symmetries())) == (25, 6, 100, 15)
    assert sizes(quotient(chase.tabular(), chase.rotations())) == (50, 14, 250, 64)
    assert sizes(quotient(chase.tabular(), chase.symmetries())) == (50, 11, 250, 40)


# --- quotient


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(list(GROUPS)), st.booleans())
def test_lifted_optimal_policy_is_optimal(seed, name, as_sparse):
    mdp, symmetry = random_symmetric(seed, GROUPS[name], as_sparse=as_sparse)
    assert audit(mdp, symmetry).holds
    for h in (quotient(mdp, symmetry), coarsest_homomorphism(mdp)):
        assert h.holds() and h.image.is_sparse == as_sparse
        assert max(conditions_by_loops(h)) < 1e-9
        large, small = policy_iteration(mdp), policy_iteration(h.image)
        assert np.abs(h.lift_values(small.values) - large.values).max() < 1e-9
        assert np.abs(h.lift_q(small.q_values) - large.q_values).max() < 1e-9
        lifted = h.lift(small.policy)
        assert np.abs(policy_evaluation(mdp, lifted) - large.values).max() < 1e-9
        states, actions = permutations_of(symmetry, mdp.n_states, mdp.n_actions)
        for g in symmetry.group:  # π(g·a|g·s) = π(a|s)
            assert np.allclose(lifted[np.ix_(states[g], actions[g])], lifted)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["C3", "S3"]))
def test_any_policy_of_the_image_keeps_its_value(seed, name):
    mdp, symmetry = random_symmetric(seed, GROUPS[name])
    h = quotient(mdp, symmetry)
    policy = np.random.default_rng(seed).uniform(size=h.image.rewards.shape) * h.image.available
    policy /= policy.sum(axis=1, keepdims=True)
    values = policy_evaluation(h.image, policy)
    assert np.allclose(policy_evaluation(mdp, h.lift(policy)), h.lift_values(values), atol=1e-9)


def test_the_quotient_is_no_smaller_than_the_coarsest():
    for seed, (name, group) in itertools.product(range(5), GROUPS.items()):
        mdp, symmetry = random_symmetric(seed, group)
        orbits, coarsest = quotient(mdp, symmetry), coarsest_homomorphism(mdp)
        assert coarsest.image.n_states <= orbits.image.n_states, name
        for block in range(orbits.image.n_states):  # an orbit lies in one block
            assert len(set(coarsest.state_map[orbits.state_map == block])) == 1


def test_a_false_symmetry_gives_errors_not_a_homomorphism():
    corner, middle = GridWorld(5, (0, 0)), GridWorld(5, (2, 2))
    h = quotient(corner.tabular(), middle.symmetries())
    assert (
        not h.holds()
        and max(np.abs(np.array(conditions_by_loops(h)) - [h.errors().reward, h.errors().transition])) < 1e-12
    )
    assert "reward" in repr(h.errors())


def test_quotient_refuses_what_does_not_permute():
    world = GridWorld(5)
    with pytest.raises(ValueError, match="on_states does not act on the state indices"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, x: x.nothing, None))
    with pytest.raises(ValueError, match="does not permute the states"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, s: 0 if g else s, None))
    with pytest.raises(ValueError, match="no left action on states"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, s: (s + g) % 25, None))
    with pytest.raises(ValueError, match="the identity moves state 0 to 1"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, s: (s + 1) % 25, None))
    with pytest.raises(ValueError, match="does not permute the actions"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, s: s, lambda g, q: q * (1 + g)))
    with pytest.raises(ValueError, match="on_actions does not act on the values of 4 actions"):
        quotient(world.tabular(), Symmetry(cyclic(2), lambda g, s: s, permutation(cyclic(2), [[0, 1], [1, 0]])))
    mdp = TabularMDP([[[1, 0], [0, 0]], [[0, 1], [0, 1]]], np.zeros((2, 2)), 0.5, [[True, False], [True, True]])
    with pytest.raises(ValueError, match="s=0, a=1 between available and not"):
        quotient(mdp, Symmetry(cyclic(2), lambda g, s: s ^ g, None))


# --- coarsest


def all_partitions(n):
    """Every division of 0..n−1 into blocks, as labels."""
    for labels in itertools.product(range(n), repeat=n):
        if list(labels) == [sorted(set(labels), key=labels.index).index(label) for label in labels]:
            yield np.array(labels)


def is_stable(mdp, labels, relabel):
    rows = {}
    for s in range(mdp.n_states):
        found = []
        for a in range(mdp.n_actions):
            into = [round(float(mdp.row(s, a)[labels == block].sum()), 9) for block in range(labels.max() + 1)]
            found.append((round(float(mdp.rewards[s, a]), 9), *into))
        key = frozenset(found) if relabel else tuple(found)
        if rows.setdefault(labels[s], key) != key:
            return False
    return True


@pytest.mark.parametrize("relabel", [True, False])
def test_coarsest_is_the_smallest_of_all_partitions(relabel):
    """An independent oracle: try every partition of five states."""
    reduced = 0
    for seed in range(15):
        random = np.random.default_rng(seed)
        P = random.choice([0.0, 0.5, 1.0], size=(5, 2, 5)) + 1e-6
        P = np.round(2 * P / P.sum(axis=2, keepdims=True)) / 2  # few different numbers, so that some states agree
        P[..., 0] += 1 - P.sum(axis=2)
        P = np.where((P < 0).any(axis=2, keepdims=True), np.eye(5)[random.integers(5, size=(5, 2))], P)
        mdp = TabularMDP(P, random.integers(0, 2, size=(5, 2)), 0.9)
        smallest = min(labels.max() + 1 for labels in all_partitions(5) if is_stable(mdp, labels, relabel))
        found = coarsest_homomorphism(mdp, relabel)
        assert found.image.n_states == smallest and found.holds()
        assert is_stable(mdp, found.state_map, relabel)
        reduced += smallest < 5
    assert reduced >= 3  # the test saw processes that do get smaller


def test_rounds_refine_each_other():
    rounds = list(refine(GridWorld(5).tabular()))
    assert [r.n_blocks for r in rounds] == [1, 2, 3, 5, 6]
    for before, after in itertools.pairwise(rounds):
        for block in range(after.n_blocks):
            assert len(set(before.state_map[after.state_map == block])) == 1
    with pytest.raises(ValueError, match="atol is -1"):
        next(refine(GridWorld(5).tabular(), atol=-1))


def test_rounding_splits_nothing():
    """0.1 + 0.2 and 0.3 are one number."""
    P = np.zeros((3, 1, 3))
    P[0, 0] = P[1, 0] = [0.3, 0.7, 0]
    P[2, 0] = [0.1 + 0.2, 1 - (0.1 + 0.2), 0]
    mdp = TabularMDP(P, [[0.3], [0.1 + 0.2], [0.3]], 0.9)
    assert coarsest_homomorphism(mdp).image.n_states == 1
    assert coarsest_homomorphism(mdp, atol=0).image.n_states > 1
    tiny = P.copy()
    tiny[0, 0] = [0.3, 0.7 - 1e-12, 1e-12]
    assert coarsest_homomorphism(TabularMDP(tiny, np.zeros((3, 1)), 0.9)).image.n_states == 1


def test_actions_that_do_not_exist_stay_out():
    P = np.zeros((3, 2, 3))
    P[0, 0, 2] = P[1, 1, 2] = P[2, :, 2] = 1
    mdp = TabularMDP(P, [[1, 0], [0, 1], [0, 0]], 0.9, [[True, False], [False, True], [True, True]])
    h = coarsest_homomorphism(mdp)
    assert sizes(h) == (3, 2, 4, 2) and h.holds()
    assert h.action_map[0, 1] == -1
    assert h.lift(greedy_policy(policy_iteration(h.image).q_values))[1].tolist() == [0, 1]


# --- maps that are none


def line():
    """Three states in a row, the outer two alike."""
    P = np.zeros((3, 2, 3))
    P[0, 0, 1] = P[0, 1, 0] = P[2, 0, 2] = P[2, 1, 1] = P[1, :, 1] = 1
    return TabularMDP(P, [[1, 0], [0, 0], [0, 1]], 0.9)


def test_the_maps_are_checked():
    h = coarsest_homomorphism(line())
    assert sizes(h) == (3, 2, 6, 3) and "3 states → 2" in repr(h)
    good = (h.state_map, h.action_map)

    def made(state_map=good[0], action_map=good[1], image=h.image):
        return MDPHomomorphism(line(), image, state_map, action_map)

    assert made().holds()
    with pytest.raises(ValueError, match="no state is sent to image state 1"):
        made(state_map=np.zeros(3, dtype=int), action_map=np.array([[0, 1]] * 3))
    with pytest.raises(ValueError, match="state_map sends s=2 to 5, expected 0 to 1"):
        made(state_map=np.array([0, 1, 5]))
    with pytest.raises(
        ValueError, match="action_map is not onto in state s=2: no action is sent to 1 of image state 0"
    ):
        made(action_map=np.array([[0, 1], [0, 0], [0, 0]]))
    with pytest.raises(ValueError, match="action_map sends s=1, a=0 to 1, no action of image state 1"):
        made(action_map=np.array([[0, 1], [1, 0], [1, 0]]))
    with pytest.raises(ValueError, match="action_map sends s=0, a=0 to 7"):
        made(action_map=np.array([[7, 1], [0, 0], [1, 0]]))
    with pytest.raises(ValueError, match=r"state_map has shape \(2,\)"):
        made(state_map=np.array([0, 1]))
    with pytest.raises(TypeError, match="action_map has dtype float64"):
        made(action_map=good[1].astype(float))
    with pytest.raises(TypeError, match="image is 3"):
        made(image=3)
    with pytest.raises(ValueError, match="discounts differ"):
        made(image=TabularMDP(h.image.transitions, h.image.rewards, 0.5, h.image.available))


def test_lift_refuses_other_shapes():
    h = coarsest_homomorphism(line())
    with pytest.raises(ValueError, match="q_values have shape"):
        h.lift_q(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="policy has shape"):
        h.lift(np.full((3, 2), 0.5))
    assert h.lift([0, 0]).tolist() == [[1, 0], [0.5, 0.5], [0, 1]]


# --- approximate


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 0.1, 0.5]), st.sampled_from([0.3, 0.9]))
def test_the_bound_holds(seed, size, discount):
    mdp, symmetry = random_symmetric(seed, GROUPS["C3"], discount=discount)
    random = np.random.default_rng(seed + 1)
    noise = random.dirichlet(np.ones(mdp.n_states), size=mdp.rewards.shape)
    P = (1 - size / 4) * mdp.transitions + size / 4 * noise
    off = TabularMDP(P, mdp.rewards + random.uniform(-size, size, mdp.rewards.shape), discount)
    h = quotient(off, symmetry)
    small = value_iteration(h.image)
    loss = (policy_iteration(off).values - policy_evaluation(off, h.lift(small.policy))).max()
    tight = loss_bound(h, span=float(np.ptp(small.values)))
    assert -1e-9 <= loss <= tight + 1e-9 <= loss_bound(h) + 2e-9
    assert loss_bound(quotient(mdp, symmetry)) < 1e-9


def test_the_bound_by_hand():
    """One state, two actions that are called one: rewards 1 and 0, so K_r = 1/2 and the loss is 1/2 / (1 − γ)."""
    mdp = TabularMDP([[[1], [1]]], [[1, 0]], 0.5)
    image = TabularMDP([[[1]]], [[0.5]], 0.5)
    h = MDPHomomorphism(mdp, image, np.array([0]), np.array([[0, 0]]))
    assert h.errors().reward == 0.5 and loss_bound(h) == pytest.approx(2 / 0.5 * 0.5)
    assert (policy_iteration(mdp).values - policy_evaluation(mdp, h.lift([0])))[0] == pytest.approx(0.5 / 0.5)


def test_values_of_another_length_are_not_lifted():
    world = GridWorld(5, (2, 2))
    fold = quotient(world.tabular(), world.symmetries())
    for wrong in (np.zeros(5), np.zeros(7), np.zeros(25), np.zeros((6, 1)), 0.0):
        with pytest.raises(ValueError, match=r"values have shape .*, expected \(6,\)"):
            fold.lift_values(wrong)
    assert fold.lift_values(range(6)).tolist() == fold.state_map.tolist()


def test_closeness_is_passed_on():
    """Twelve states of rewards 0, 1/11, ..., 1: with an atol of 0.1 they are one, and the errors say so."""
    chain = TabularMDP(np.eye(12)[:, None], np.arange(12.0)[:, None] / 11, 0.5)
    fold = coarsest_homomorphism(chain, atol=0.1)
    assert fold.image.n_states == 1 and fold.errors().reward == pytest.approx(0.5) and not fold.holds(0.1)
    assert coarsest_homomorphism(chain).holds()


def test_a_span_that_is_none():
    fold = coarsest_homomorphism(GridWorld(5).tabular())
    for span in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="span is"):
            loss_bound(fold, span)


def test_what_is_no_table_and_no_tolerance():
    for run in (coarsest_homomorphism, lambda m: quotient(m, GridWorld(5).symmetries())):
        with pytest.raises(TypeError, match="the process is ndarray, expected a TabularMDP"):
            run(np.eye(3))
    fold = coarsest_homomorphism(GridWorld(5).tabular())
    for atol in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="atol is"):
            fold.holds(atol)
