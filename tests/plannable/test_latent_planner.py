"""The planner on latent points: plain loops, pruning, planning and acting, and refusals that name the cause."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from symrl_lite.data import collect, play
from symrl_lite.plannable import (
    LatentPlanner,
    PlannableSettings,
    latent_rank,
    latent_transitions,
    prune,
    train_plannable,
)
from symrl_lite.plannable.planner import _thin


class Line:
    """Codes are the observations (n, 2); action 0 moves left and action 1 right by one, action 2 up."""

    moves = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    def encode(self, observations):
        return torch.as_tensor(np.asarray(observations), dtype=torch.float32).reshape(len(observations), -1)

    def steps(self, z):
        return z[:, None] + self.moves

    def rewards(self, z):
        return z[..., 0]


GRID = np.array([[i, j] for i in range(6) for j in range(3)], dtype=np.float32)


def in_loops(latents, after, temperature):
    P, A = len(latents), len(after[0])
    table = np.zeros((P, A, P))
    for i in range(P):
        for a in range(A):
            scores = [
                -0.5 * sum((p - q) ** 2 for p, q in zip(z, after[i][a], strict=True)) / temperature for z in latents
            ]
            top = max(scores)
            weights = [math.exp(s - top) for s in scores]
            table[i, a] = [w / sum(weights) for w in weights]
    return table


@given(st.integers(2, 7), st.integers(1, 3), st.integers(1, 3), st.floats(0.01, 5), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_transitions_against_plain_loops(P, A, dimension, temperature, seed):
    draw = np.random.default_rng(seed)
    z, after = draw.normal(size=(P, dimension)), 3 * draw.normal(size=(P, A, dimension))
    found = latent_transitions(z, after, temperature)
    np.testing.assert_allclose(found, in_loops(z.tolist(), after.tolist(), temperature), atol=1e-9)


@pytest.mark.parametrize("P", [1, 255, 300])
def test_transitions_of_many_points(P):
    """More rows than are worked on at once; what is far is exactly 0, and only what is far."""
    draw = np.random.default_rng(P)
    z, after = draw.normal(size=(P, 3)), draw.normal(size=(P, 4, 3))
    found = latent_transitions(z, after, 0.003)
    scores = -0.5 * ((after[:, :, None] - z) ** 2).sum(axis=-1) / 0.003
    scores -= scores.max(axis=2, keepdims=True)
    weights = np.exp(scores)
    np.testing.assert_allclose(found, weights / weights.sum(axis=2, keepdims=True), rtol=1e-9, atol=1e-200)
    assert (found[scores < -601] == 0).all() and (found[scores > -540] > 0).all()
    assert P == 1 or ((scores < -601).any() and (scores > -540).any())


def test_what_is_below_rounding_is_left_out():
    draw = np.random.default_rng(0)
    rows = 10 ** draw.uniform(-100, 0, size=(40, 3, 40))
    thin = _thin(rows)
    assert thin.shape == (120, 40)
    assert np.array_equal(thin.toarray(), np.where(rows < 1e-15, 0.0, rows).reshape(120, 40))
    assert thin.nnz == (rows >= 1e-15).sum() < 0.25 * rows.size
    full = draw.dirichlet(np.ones(40), size=(40, 3))
    assert _thin(full) is full


def test_far_points_do_not_overflow():
    found = latent_transitions([[0.0], [1e4]], [[[-1e4]], [[1e4]]], temperature=1e-3)
    assert found.tolist() == [[[1, 0]], [[0, 1]]]
    with pytest.raises(ValueError, match="temperature"):
        latent_transitions([[0.0]], [[[0.0]]], temperature=0)


@given(st.integers(1, 30), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_pruning_keeps_the_first_of_near_rows(n, seed):
    z = np.random.default_rng(seed).integers(0, 4, size=(n, 2)).astype(float)
    kept = []
    for i in range(n):  # one after the other
        if all(0.5 * ((z[i] - z[j]) ** 2).sum() > 0.6 for j in kept):
            kept.append(i)
    assert prune(z, 0.6).tolist() == kept


def test_rank_counts_directions():
    draw = np.random.default_rng(0)
    plane = draw.normal(size=(50, 2)) @ draw.normal(size=(2, 9)) + 5
    assert latent_rank(plane) == 2 and latent_rank(plane[:, :1] * np.ones(9)) == 1 and latent_rank(np.ones((4, 3))) == 0


def test_a_plan_leads_to_the_goal_and_its_values_solve_the_equation():
    planner = LatentPlanner(Line(), GRID, goal=np.array([5.0, 2.0]), temperature=0.05)
    Q = planner.mdp.rewards + 0.9 * planner.mdp.dense() @ planner.values
    assert np.abs(Q.max(axis=1) - planner.values).max() < 1e-6 and planner.residual < 1e-6
    assert len(planner.latents) == 18 and planner.rows[0] == -1 and planner.is_goal.sum() == 1
    for start in GRID:
        z, steps = start.copy(), 0
        while tuple(z) != (5.0, 2.0) and steps < 20:
            z, steps = np.clip(z + Line.moves[planner.act(z)].numpy(), 0, [5, 2]), steps + 1
        assert steps == (5 - start[0]) + (2 - start[1])


def test_goals_as_a_function_as_several_and_as_the_learned_reward():
    by_function = LatentPlanner(Line(), GRID, goal=lambda seen: seen[:, 0] == 5, temperature=0.05)
    assert by_function.is_goal.sum() == 3 and (GRID[by_function.rows[by_function.is_goal]][:, 0] == 5).all()
    several = LatentPlanner(Line(), GRID, goal=GRID[GRID[:, 0] == 5], temperature=0.05)
    np.testing.assert_allclose(several.action_values(GRID), by_function.action_values(GRID), atol=1e-5)
    learned = LatentPlanner(Line(), GRID, temperature=0.05)  # the reward is where a step ends, first coordinate
    assert (learned.actions(GRID[GRID[:, 0] < 4]) == 1).all() and learned.mdp.rewards.min() < 0


def test_acting_between_points():
    sharp = LatentPlanner(Line(), GRID, goal=np.array([5.0, 2.0]), temperature=0.05)
    soft = LatentPlanner(Line(), GRID, goal=np.array([5.0, 2.0]), temperature=0.05, interpolation=0.3)
    between = np.array([[2.4, 1.0]])
    weights = np.exp(-0.5 * ((between - soft.latents) ** 2).sum(axis=1) / 0.3)
    np.testing.assert_allclose(soft.action_values(between)[0], weights @ soft.q_values / weights.sum(), atol=1e-9)
    assert (sharp.action_values(between)[0] == sharp.action_values(np.array([[2.0, 1.0]]))[0]).all()


def test_equal_values_are_broken_by_chance():
    planner = LatentPlanner(Line(), GRID, goal=np.array([5.0, 2.0]), temperature=0.05)
    planner.solution.q_values[:] = [1.0, 1.0, 0.0]
    chosen = planner.actions(np.zeros((400, 2)))
    assert 140 < (chosen == 0).sum() < 260 and (chosen == 2).sum() == 0


def test_the_temperature_can_be_left_to_the_steps():
    assert LatentPlanner(Line(), GRID, goal=np.zeros(2), temperature=None).temperature == pytest.approx(0.5)


def test_what_goes_wrong_is_named():
    with pytest.raises(ValueError, match="there is no goal"):
        LatentPlanner(Line(), GRID, goal=lambda seen: seen[:, 0] > 9)
    with pytest.raises(ValueError, match="there is no goal"):
        LatentPlanner(Line(), GRID, goal=np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"no prototype leads to the goal: .*½\|·\|² = [0-9.]+"):
        LatentPlanner(Line(), GRID, goal=np.array([40.0, 0.0]))
    with pytest.raises(ValueError, match=r"one and the same point.*collapsed"):
        LatentPlanner(Line(), np.zeros((9, 2)), goal=np.zeros(2))
    with pytest.warns(UserWarning, match="lie on one line.*collapsed"):
        LatentPlanner(Line(), GRID * [1, 0], goal=np.array([5.0, 0.0]))
    with pytest.warns(UserWarning, match="less than the temperature"):
        LatentPlanner(Line(), GRID, goal=np.zeros(2), temperature=50.0)
    with pytest.raises(ValueError, match="gives shape"):
        LatentPlanner(Line(), GRID, goal=lambda seen: True)
    with pytest.raises(ValueError, match="interpolation"):
        LatentPlanner(Line(), GRID, goal=np.zeros(2), interpolation=-1)


def test_who_reaches_the_goal():
    islands = np.concatenate([GRID, GRID + np.array([100, 0])])
    planner = LatentPlanner(Line(), islands, goal=np.array([5.0, 2.0]), temperature=0.05)
    near = planner.latents[:, 0] < 50
    # A step to the right from the edge of an island ends nearest to that edge, so none leads over the water.
    assert planner.reaches()[near].all() and not planner.reaches()[~near].any()


def test_1024_prototypes_and_4_actions_reach_the_tolerance():
    class Four(Line):
        moves = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

    points = np.random.default_rng(0).uniform(0, 32, size=(1024, 2))
    planner = LatentPlanner(Four(), points, goal=np.array([16.0, 16.0]), temperature=0.1)
    assert planner.residual <= 1e-6 * (1 - 0.9) / 0.9 and planner.mdp.n_pairs == 1025 * 4


def test_what_is_left_out_of_the_table_changes_no_value():
    draw = np.random.default_rng(0)
    points = np.concatenate([[[0.0, 0.0]], draw.uniform(-9, 9, size=(300, 2))])
    planner = LatentPlanner(Line(), points, goal=np.zeros(2), temperature=0.1)
    assert planner.mdp.is_sparse
    full = latent_transitions(planner.latents, Line().steps(torch.tensor(planner.latents, dtype=torch.float32)), 0.1)
    values = np.zeros(len(full))
    for _ in range(planner.solution.sweeps):
        values = (planner.mdp.rewards + 0.9 * full @ values).max(axis=1)
    assert np.abs(values - planner.values).max() < 1e-10


def test_any_gymnasium_environment_with_a_function_that_says_what_a_goal_is():
    """A frozen lake from Gymnasium: holes end an episode, so nobody has seen what follows them.

    With these numbers each of six seeds walks the shortest way, already after 600 updates.
    """
    make = lambda n: gymnasium.vector.SyncVectorEnv(  # noqa: E731
        [lambda: gymnasium.make("FrozenLake-v1", is_slippery=False)] * n
    )
    notes = collect(make, 300, seed=0).look_up(np.eye(16, dtype=np.float32))
    numbers = PlannableSettings(updates=900, batch_size=64, learning_rate=0.002)
    (model,) = train_plannable(notes, [0], numbers, n_actions=4, progress=False)
    cells = np.eye(16, dtype=np.float32)
    holes = lambda seen: np.isin(seen.argmax(axis=1), [5, 7, 11, 12])  # noqa: E731
    planner = LatentPlanner(model, cells, lambda seen: seen.argmax(axis=1) == 15, ends=holes)
    for hole in (5, 7, 11, 12):
        row = int(np.flatnonzero(planner.rows == hole)[0])
        assert (planner.mdp.row(row, 2) == np.eye(16)[row]).all() and planner.values[row] == 0
    returns, lengths = play(make, lambda seen: planner.actions(cells[seen]), 3)
    assert (returns == 1).all() and (lengths == 6).all()
