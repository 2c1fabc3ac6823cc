"""The environments: Gymnasium's own checks, tables against hand-written dynamics, symmetries that hold and do not."""

import itertools
import math
import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from symrl_lite.actions import MOVES, STEPS, on_images, on_moves
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.envs.traffic import TrafficLights
from symrl_lite.groups import cyclic, dihedral
from symrl_lite.homomorphism import coarsest_homomorphism, quotient
from symrl_lite.symmetry import Symmetry, audit

ENVIRONMENTS = {
    "grid": lambda: GridWorld(),
    "walls and slip": lambda: GridWorld(4, (0, 3), walls=[(1, 1), (2, 1)], slip=0.3),
    "torus": lambda: GridWorld(4, (1, 2), torus=True),
    "predator image": lambda: PredatorPrey(),
    "predator index": lambda: PredatorPrey(5, 0.5, "index"),
    "row": lambda: TrafficLights(),
    "ring": lambda: TrafficLights(4, 1, "ring", observation="index"),
}
each = pytest.mark.parametrize("make", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())


@each
def test_gymnasium_has_no_complaint(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(), skip_render_check=True)


@each
def test_same_seed_same_episode(make):
    def play():
        env = make()
        observation, _ = env.reset(seed=7)
        seen = [observation]
        for a in np.random.default_rng(0).integers(env.action_space.n, size=40):
            observation, reward, ended, cut, _ = env.step(int(a))
            seen += [observation, reward, ended, cut]
            if ended or cut:
                seen.append(env.reset()[0])
        return seen

    assert all(np.array_equal(x, y) for x, y in zip(play(), play(), strict=True))


@each
def test_steps_follow_the_table(make):
    """Frequencies of many steps against the row of the table, and the mean reward."""
    env = make()
    mdp = env.tabular()
    env.reset(seed=1)
    random = np.random.default_rng(1)
    for _ in range(6):
        s, a = int(random.integers(env.n_states)), int(random.integers(env.action_space.n))
        if s in env.terminal and env.observe(s) is not None and getattr(env, "shows_images", False):
            continue  # its image is that of a start
        counts, total, n = np.zeros(env.n_states), 0.0, 1000
        for _ in range(n):
            env.set_state(env.observe(s))
            _, reward, ended, _, _ = env.step(a)
            counts[env.state] += 1
            total += reward
            assert ended == (env.state in env.terminal)
        row = mdp.row(s, a)
        assert (counts[row == 0] == 0).all()
        assert np.abs(counts / n - row).max() < 5 * math.sqrt(0.25 / n)
        assert abs(total / n - mdp.rewards[s, a]) < 5 * 6 / math.sqrt(n)


@each
def test_time_runs_out_and_wrong_actions_are_refused(make):
    env = make()
    env.max_steps = 3
    env.reset(seed=0)
    cut = [env.step(0)[2:4] for _ in range(3)]
    assert cut[2] == (False, True) or any(ended for ended, _ in cut)
    with pytest.raises(ValueError, match="action is 99"):
        env.step(99)
    with pytest.raises((ValueError, TypeError)):
        env.set_state(-3)


# --- grid world


def test_grid_moves_as_drawn():
    world = GridWorld(5, (2, 2), walls=[(0, 1)])
    table = world.tabular()
    for s, (i, j) in enumerate(world.cells):
        for a, (name, (down, right)) in enumerate(zip(MOVES, STEPS, strict=True)):
            target = (i + down, j + right)
            if (i, j) == (2, 2) or target not in world.cells:
                target = (i, j)
            assert table.row(s, a)[world.state_of(target)] == 1, name
            assert table.rewards[s, a] == (target == (2, 2) != (i, j))
    assert MOVES[0] == "up" and STEPS[0] == (-1, 0)
    assert world.view(0).agent == (0, 0) and world.view(0).walls == ((0, 1),)


def test_slip_and_torus():
    slippery = GridWorld(3, (0, 0), slip=0.4).tabular()
    row = slippery.row(4, 3)  # the middle, to the right
    assert row[5] == pytest.approx(0.7) and all(row[s] == pytest.approx(0.1) for s in (1, 3, 7))
    joined = GridWorld(3, (0, 0), torus=True).tabular()
    assert joined.row(2, 3)[0] == 1 and joined.rewards[2, 3] == 1  # over the right border to column 0


@pytest.mark.parametrize("goal", [(2, 2), (0, 3)])
def test_on_a_torus_the_turns_go_about_the_goal(goal):
    world = GridWorld(5, goal, torus=True, slip=0.1)
    assert audit(world.tabular(), world.symmetries()).holds
    assert quotient(world.tabular(), world.symmetries()).image.n_states == 6


def test_walls_that_turn_into_free_cells_are_named():
    with pytest.raises(ValueError, match=r"'r' takes the free cell \(0, 4\) to the wall \(0, 0\)"):
        GridWorld(5, walls=[(0, 0)]).rotations()
    ring = [(1, 1), (1, 3), (3, 1), (3, 3)]
    assert audit(GridWorld(5, walls=ring).tabular(), GridWorld(5, walls=ring).symmetries()).holds


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"goal": (5, 0)}, r"goal has cell \(5, 0\)"),
        ({"walls": [(2, 2)]}, r"goal \(2, 2\) is a wall"),
        ({"slip": 1.5}, "slip is 1.5"),
        ({"size": 1}, "no free cell beside the goal"),
        ({"size": 0}, "size is 0"),
    ],
)
def test_grid_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        GridWorld(**settings)
    with pytest.raises(ValueError, match="not free"):
        GridWorld(walls=[(0, 0)]).state_of((0, 0))


# --- predator and prey


def test_predator_by_hand():
    chase = PredatorPrey(observation="index")
    table = chase.tabular()
    above = 2 * 7 + 3  # the prey right above
    up, stay = 1, 0
    assert chase.action_names == ("stay", *MOVES)
    # Moving up leads onto the prey; it gets away with probability 0.15.
    assert table.row(above, up)[chase.caught] == pytest.approx(0.85)
    assert table.rewards[above, up] == pytest.approx(0.85 - 0.15 * 0.1)
    # Staying, it runs into the predator when it moves down.
    assert table.row(above, stay)[chase.caught] == pytest.approx(0.15 / 4)
    # Both in one cell is a start, not the end: staying there catches it unless it moves.
    assert table.row(3 * 7 + 3, stay)[chase.caught] == pytest.approx(0.85)
    assert table.row(chase.caught, up)[chase.caught] == 1 and table.rewards[chase.caught].tolist() == [0] * 5
    # Over the border: prey in the top row, the predator moves down, and sees it come up from the bottom.
    assert table.row(0 * 7 + 3, 3)[6 * 7 + 3] == pytest.approx(0.85)


def test_images_show_the_states():
    chase = PredatorPrey()
    image = chase.reset(seed=0, options={"state": chase.observe(0)})[0]
    assert image.shape == (1, 21, 21) and image.dtype == np.float32
    assert image[0, :3, :3].tolist() == [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
    assert image[0, 9:12, 9:12].tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]] and image.sum() == 10
    assert all(chase.index_of(chase.observe(s)) == s for s in range(49))
    with pytest.raises(ValueError, match="shows no state"):
        chase.set_state(np.zeros((1, 21, 21)))
    # The symmetry of images and that of indices are the same moves.
    index = PredatorPrey(observation="index")
    for pictures, numbers in (
        (chase.rotations(), index.rotations()),
        (chase.symmetries(), index.symmetries()),
    ):
        for g, s in itertools.product(pictures.group, range(49)):
            assert chase.index_of(pictures.act_on_state(g, chase.observe(s))) == numbers.act_on_state(g, s)


@pytest.mark.parametrize("settings", [{"size": 4}, {"size": 1}, {"prey_moves": -0.1}, {"observation": "pixels"}])
def test_predator_refuses(settings):
    with pytest.raises(ValueError, match="expected"):
        PredatorPrey(**settings)


# --- traffic lights


def test_a_light_by_hand():
    one = TrafficLights(lights=1, capacity=2, arrival=0.3, halt=0.5)
    table = one.tabular()
    assert table.row(2, 1).tolist() == [0, 0.7, 0.3]  # one car passes, one may come
    assert table.rewards[2, 1] == pytest.approx(-(0.7 * 1 + 0.3 * 2) - 0.5)
    assert table.row(2, 0).tolist() == [0, 0, 1]  # full: what comes turns away
    assert table.rewards[2, 0] == pytest.approx(-2)


def test_a_row_is_made_of_parts():
    """Its table is the product of the tables of single lights."""
    row, one = TrafficLights(3, 2), TrafficLights(1, 2).tabular()
    table = row.tabular()
    for s, a in itertools.product(range(27), range(8)):
        queues, green = row.observe(s), row.switches(a)
        parts = [one.row(q, g) for q, g in zip(queues, green, strict=True)]
        assert np.allclose(table.row(s, a), np.kron(np.kron(parts[0], parts[1]), parts[2]))
        assert [row.parents(i) for i in range(3)] == [(0,), (1,), (2,)]


def test_in_a_ring_cars_move_on():
    ring = TrafficLights(3, 2, "ring", arrival=0)
    assert ring.parents(0) == (2, 0)
    ring.reset(options={"state": [1, 0, 2]})
    assert ring.step(0b101)[0].tolist() == [1, 1, 1]  # a car from 0 to 1, one from 2 to 0


@pytest.mark.parametrize("n", [2, 3, 4])
def test_what_lights_are_alike(n):
    row, ring = TrafficLights(n, observation="index"), TrafficLights(n, layout="ring", observation="index")
    assert audit(row.tabular(), row.permutations()).holds and audit(row.tabular(), row.rotations()).holds
    assert audit(ring.tabular(), ring.rotations()).holds
    assert audit(ring.tabular(), ring.permutations()).holds == (n == 2)
    multisets = math.comb(n + 2, 2)  # of n queues with 3 lengths
    assert quotient(row.tabular(), row.permutations()).image.n_states == multisets
    assert coarsest_homomorphism(row.tabular()).image.n_states == multisets
    necklaces = sum(3 ** math.gcd(n, k) for k in range(n)) // n
    assert quotient(ring.tabular(), ring.rotations()).image.n_states == necklaces


def test_queues_move_with_their_lights():
    row = TrafficLights(3)
    lights = row.rotations()
    assert lights.act_on_state("r", np.array([2, 0, 1])).tolist() == [1, 2, 0]
    values = np.arange(8.0)  # action 4 is green at light 0 only; after r that is light 1, action 2
    assert lights.act_on_action_values("r", values)[2] == 4
    assert audit(row, row.permutations(), samples=6, repeats=12).holds


@pytest.mark.parametrize(
    "settings",
    [
        {"lights": 0},
        {"capacity": 0},
        {"lights": 12, "capacity": 2},
        {"arrival": 2},
        {"layout": "tree"},
        {"observation": "image"},
    ],
)
def test_traffic_refuses(settings):
    with pytest.raises(ValueError, match=r"expected|more than"):
        TrafficLights(**settings)
    with pytest.raises(ValueError, match="3 numbers from 0 to 2"):
        TrafficLights().set_state([3, 0, 0])


# --- moves


@pytest.mark.parametrize("group", [cyclic(4), dihedral(4)], ids=["C4", "D4"])
def test_on_moves_agrees_with_images(group):
    """A step drawn as an arrow in an image, turned, is the turned step."""
    turn, K = on_images(group), on_moves(group)
    for g, a in itertools.product(group, range(4)):
        picture = np.zeros((3, 3))
        picture[1 + STEPS[a][0], 1 + STEPS[a][1]] = 1
        moved = int(K(g)[:, a].argmax())
        assert turn(g, picture)[1 + STEPS[moved][0], 1 + STEPS[moved][1]] == 1
    with pytest.raises(ValueError, match="expected cyclic"):
        on_moves(cyclic(3))


def test_wrong_action_map_is_found():
    """The inverse partner: right for flips and the half turn, wrong for quarter turns."""
    world = GridWorld()
    right = world.rotations()
    backwards = Symmetry(right.group, right.on_states, lambda g, q: right.act_on_action_values((4 - g) % 4, q))
    report = audit(world.tabular(), backwards)
    assert report.broken_by == ("r", "r3")
