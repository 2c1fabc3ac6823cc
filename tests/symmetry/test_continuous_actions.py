"""Actions that are vectors of a Box: audited with their bounds, moved in a batch, and one line in a terminal."""

import re
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box

from symrl_lite.groups import Representation, cyclic, dihedral, permutation, rotation_2d
from symrl_lite.symmetry import Symmetry, audit, augment
from symrl_lite.symmetry.command import main
from symrl_lite.symmetry.moved_actions import draw

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)
ROOT = Path(__file__).resolve().parents[2]


def signs(*values):
    return Representation.from_generators(C2, {"r": np.diag(np.array(values, dtype=float))})


def other_side(g, s):
    return -s if g else s


PENDULUM = Symmetry(C2, other_side, signs(-1), "left and right")
BY_STATE = {"set_state": lambda env, s: setattr(env, "state", s), "get_state": lambda env: env.state}
VALLEY = -np.pi / 6  # the lowest place of the mountain car


def around_the_valley(g, s):
    return np.array([2 * VALLEY - s[0], -s[1]], dtype=s.dtype) if g else s


class Table(gymnasium.Env):
    """A puck on a square table, pushed by a force (2,); `slope` pulls it to the right, actions may have other bounds.

    It writes into the array that it shows, and it ends where the puck falls off.
    """

    observation_space = Box(-9, 9, (4,), np.float64)

    def __init__(self, slope=0.0, low=-1.0, high=1.0, shape=(2,), noise=0.0):
        self.action_space = Box(low, high, shape, np.float32)
        self.slope, self.noise, self.state = slope, noise, np.zeros(4)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state[:] = 0
        return self.state, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        push = np.asarray(action, dtype=float).ravel() + np.array([self.slope, 0])
        self.state[2:] += 0.3 * push + self.noise * self.np_random.normal(size=2)
        self.state[:2] += self.state[2:]
        fell = bool(np.abs(self.state[:2]).max() > 2)
        return self.state, -float(self.state[:2] @ self.state[:2]) - 0.1 * float(push @ push), fell, False, {}


def on_both(rho):
    """ρ on places and on velocities."""
    return rho + rho


TURNS = Symmetry(C4, on_both(rotation_2d(C4)), rotation_2d(C4), "quarter turns")
MOVES = Symmetry(D4, on_both(rotation_2d(D4)), rotation_2d(D4), "turns and flips")


# --- audit


def test_pendulum():
    env = gymnasium.make("Pendulum-v1")
    report = audit(env, PENDULUM, **BY_STATE)
    assert report.holds and max(report.rewards.max(), report.transitions.max()) < 1e-12
    assert "50 states: rewards from -" in repr(report) and report.rewarded > 40 and not report.ended
    for wrong in (
        Symmetry(C2, other_side, None, "the torque stays"),
        Symmetry(C2, lambda g, s: s * [-1, 1] if g else s, signs(-1), "the speed stays"),
    ):
        found = audit(env, wrong, **BY_STATE)
        assert found.broken_by == ("r",) and "(entry 1 of the next state)" in found.worst[1]
    with pytest.raises(ValueError, match=r"can't be set.*Give set_state"):
        audit(env, PENDULUM)


def test_mountain_car_continuous():
    env = gymnasium.make("MountainCarContinuous-v0")
    car = Symmetry(C2, around_the_valley, signs(-1), "around the valley")
    report = audit(env, car)  # random play stays in the valley
    assert report.holds and not report.rewarded and report.transitions.max() < 1e-6
    assert "no counterexample in 50 states, none of which earned anything but what the action alone costs" in repr(
        report
    )
    everywhere = np.random.default_rng(0).uniform([-1.2, -0.07], [0.6, 0.07], (60, 2)).astype(np.float32)
    report = audit(env, car, everywhere)
    assert report.broken_by == ("r",) and report.rewards[1] > 99 and report.ended
    at_the_wall = np.float32([[-1.19, -0.06], [-1.15, -0.07]])
    report = audit(env, car, at_the_wall)
    assert report.broken_by == ("r",) and report.transitions[1] > 0.01 and report.rewards[1] < 1e-6


@pytest.mark.parametrize("symmetry", [TURNS, MOVES], ids=["C4", "D4"])
def test_a_table_with_turns(symmetry):
    report = audit(Table(), symmetry, samples=20)
    assert report.holds and max(report.rewards.max(), report.transitions.max()) < 1e-6
    tilted = audit(Table(slope=0.05), symmetry, samples=20)
    assert set(tilted.broken_by) == set(symmetry.group.names) - {"e", "s"}  # only the flip across the slope is left
    G = symmetry.group
    backwards = Symmetry(G, symmetry.on_states, lambda g, a: symmetry.act_on_action(G.inverse(g), a))
    if symmetry is TURNS:
        assert audit(Table(), backwards, samples=20).broken_by == ("r", "r3")
    else:  # no left action: the inverses compose the other way round
        with pytest.raises(ValueError, match=r"no left action on actions: with g = .* K_gh and K_g K_h differ"):
            audit(Table(), backwards, samples=20)


def test_noise():
    report = audit(Table(noise=0.1), TURNS, samples=6, draws=2)
    assert report.holds and "each stepped 24 times" in report.what
    tilted = audit(Table(slope=1.0, noise=0.1), TURNS, samples=6, draws=2)
    assert tilted.broken_by == ("r", "r2", "r3")


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (-1.0, 2.0, r"K_g for g = 'r2' takes entry 0 of actions from \[-1, 2\] to \[-2, 1\], and 1 more"),
        ([-1, -2], [1, 2], r"K_g for g = 'r' takes entry 0 of actions from \[-1, 1\] to \[-2, 2\]"),
    ],
)
def test_bounds_that_are_not_kept_are_named(low, high, named):
    low, high = np.float32(np.broadcast_to(low, 2)), np.float32(np.broadcast_to(high, 2))
    report = audit(Table(low=low, high=high, shape=None), TURNS, samples=10)
    assert max(report.rewards.max(), report.transitions.max()) < 1e-6  # inside, all is well
    assert not report.holds and "r" in report.broken_by and "no symmetry" in repr(report)
    assert re.search(named, repr(report)) and re.search(named.replace("'", "&#x27;"), report._repr_html_())


def test_bounds_that_leave_nothing():
    with pytest.raises(ValueError, match=r"moves nearly all actions of Box\(1.0, 2.0.*takes entry 0"):
        audit(Table(low=1.0, high=2.0), TURNS, samples=4)


def test_bounds_without_end():
    free = Table(low=-np.inf, high=np.inf)
    assert audit(free, TURNS, samples=8).holds
    half = Table(low=np.float32([-1, -np.inf]), high=np.float32([np.inf, np.inf]), shape=None)
    report = audit(half, TURNS, samples=8)
    assert report.broken_by == ("r", "r2", "r3") and "takes entry 0 of actions from [-1, inf]" in repr(report)


def test_a_fifth_of_a_turn_leaves_a_square_box():
    """What clipping hides: five directions on a square of forces."""
    C5 = cyclic(5)
    near = np.random.default_rng(0).normal(size=(10, 4)) * 0.2  # the table is a square too: none falls off it
    report = audit(Table(), Symmetry(C5, on_both(rotation_2d(C5)), rotation_2d(C5)), near)
    assert report.broken_by == ("r", "r2", "r3", "r4") and report.transitions.max() < 1e-5
    assert audit(Table(low=-50, high=50), Symmetry(C2, on_both(signs(-1, -1)), signs(-1, -1)), samples=10).holds


def test_actions_of_other_shapes():
    """A Box (1, 2): a representation acts on its last axis, a function gets the whole."""
    for on_actions in (rotation_2d(C4), lambda g, a: a @ rotation_2d(C4)(g).T):
        assert audit(Table(shape=(1, 2)), Symmetry(C4, TURNS.on_states, on_actions), samples=6).holds
    for on_actions, message in (
        (signs(-1), "on_actions does not act on vectors of shape \\(2,\\): for g = 'e'.*last axis of 1"),
        (lambda g, a: a[:1], "turns an action of shape \\(2,\\) into one of shape \\(1,\\)"),
        (lambda g, a: a / 0.0, "numbers that are not finite"),
        (lambda g, a: a + g, "no left action on actions|the identity"),
        (lambda g, a: -a, "the identity moves the action"),
    ):
        with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(ValueError, match=message):
            audit(Table(), Symmetry(C2, other_side, on_actions), samples=4)


def test_drawn_actions_are_counted():
    env, symmetry = Table(), TURNS
    assert "80 pairs" in audit(env, symmetry, samples=10, draws=8).what
    for wrong in (0, 2.5, -1):
        with pytest.raises(ValueError, match="draws"):
            audit(env, symmetry, samples=4, draws=wrong)
    generator = np.random.default_rng(0)
    box = Box(np.float32([0, -np.inf, -np.inf]), np.float32([1, 3, np.inf]))
    drawn = np.stack([draw(box, generator) for _ in range(500)])
    assert all(box.contains(action) for action in drawn) and drawn.dtype == np.float32
    assert drawn[:, 0].std() == pytest.approx(12**-0.5, rel=0.1) and drawn[:, 1].max() > 2 and drawn[:, 2].min() < -1


# --- one action vector


def test_action_vectors_move_and_numbers_do_not():
    assert np.allclose(TURNS.act_on_action("r", [1.0, 0.0]), [0, 1])
    assert np.allclose(TURNS.restrict(["r2"]).act_on_action("r2", np.ones((3, 2))), -np.ones((3, 2)))
    assert Symmetry(C2, other_side, None).act_on_action("r", [0.5]) == [0.5]
    for number in (1, np.int64(1), 0.5):
        with pytest.raises(ValueError, match="expected an action vector; permutations_of moves numbers"):
            TURNS.act_on_action("r", number)


# --- augment


@pytest.mark.parametrize("names", [("observations", "actions", "next_observations"), ("obs", "action", "obs_next")])
def test_augmented_transitions_are_true_ones(names):
    env, generator = Table(), np.random.default_rng(0)
    states, actions = generator.normal(size=(20, 4)) * 0.3, generator.uniform(-1, 1, (20, 2)).astype(np.float32)
    rows = []
    for s, a in zip(states, actions, strict=True):
        env.reset()
        env.state[:] = s
        after, reward, *_ = env.step(a)
        rows.append((after.copy(), reward))
    batch = {names[0]: states, names[1]: actions, names[2]: np.array([row[0] for row in rows])}
    batch["rewards"] = np.array([row[1] for row in rows])
    more = augment(batch, MOVES)
    assert more[names[1]].dtype == np.float32 and all(len(values) == 160 for values in more.values())
    for s, a, after, reward in zip(*more.values(), strict=True):
        env.reset()
        env.state[:] = s
        found, earned, *_ = env.step(a)
        assert np.allclose(found, after, atol=1e-6) and earned == pytest.approx(reward, abs=1e-6)


def test_vectors_and_numbers_of_actions_are_told_apart():
    torque = np.float32([[0.5], [-2.0]])
    assert augment({"actions": torque}, PENDULUM)["actions"].tolist() == [[0.5], [-2], [-0.5], [2]]
    assert augment({"actions": torque[:, 0]}, PENDULUM)["actions"].tolist() == [0.5, -2, -0.5, 2]
    full = np.float32([[2.0], [-2.0]])  # whole numbers, as clipped torques are
    assert augment({"actions": full}, PENDULUM)["actions"].tolist() == [[2], [-2], [-2], [2]]
    assert augment({"actions": torque}, Symmetry(C2, other_side, None))["actions"].tolist() == [[0.5], [-2]] * 2
    by_function = Symmetry(C2, other_side, lambda g, a: -a if g else a)
    assert augment({"actions": torque}, by_function)["actions"].tolist() == [[0.5], [-2], [-0.5], [2]]
    with pytest.raises(ValueError, match=r"hold whole numbers alone: give n_actions=.*'action vectors'"):
        augment({"actions": full}, by_function)
    assert augment({"actions": full}, by_function, moves={"actions": "action vectors"})["actions"][2:].tolist() == [
        [-2],
        [2],
    ]
    swap = Symmetry(C2, other_side, lambda g, q: q[..., ::-1] if g else q)
    assert augment({"actions": np.float32([[0], [1]])}, swap, n_actions=2)["actions"].tolist() == [[0], [1], [1], [0]]
    one_hot = np.float32([[1, 0, 0], [0, 1, 0]])  # a vector of the values of actions: K_g moves it as it should
    turn = Symmetry(cyclic(3), lambda g, s: s, permutation(cyclic(3), [[0, 1, 2], [1, 2, 0], [2, 0, 1]]))
    moved = augment({"actions": one_hot}, turn)["actions"]
    assert moved.argmax(axis=1).tolist() == augment({"actions": [0, 1]}, turn)["actions"].tolist()


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros((2, 3), dtype=np.float32), "last axis of 2"),
        (np.float32([[0.5], [1.5]]), r"actions hold 0\.5, expected whole numbers: numbers of actions"),
        (np.zeros((2, 2), dtype=int), "dtype int64, expected whole numbers"),
        (np.array([["a", "b"]] * 2), "expected whole numbers"),
    ],
)
def test_actions_that_fit_nothing(actions, message):
    with pytest.raises((ValueError, TypeError), match=message):
        augment({"states": np.zeros((2, 4)), "actions": actions}, TURNS)


# --- one line in a terminal


def run(*arguments):
    return main(arguments)


def test_the_line_of_the_manual():
    command = [sys.executable, "-m", "symrl_lite.symmetry", "CartPole-v1"]
    command += ["--states", "-1 -1 -1 -1", "--actions", "1 0"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.startswith("CartPole-v1, group of order 2: a symmetry (100 pairs, deterministic; 50 states: ")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["CartPole-v1", "--states", "-1 -1 -1 -1"], 1, "no symmetry"),
        (["Pendulum-v1", "--states=-1 -1", "--actions", "-1", "--attribute", "state"], 0, "300 pairs"),
        (["Pendulum-v1", "--states=-0 -1", "--actions", "-0", "--attribute", "state", "--draws", "2"], 0, "100 pairs"),
        (
            ["FrozenLake-v1", "--states", " ".join(str(s) for s in range(16)), "--make", "is_slippery=false"],
            0,
            "exactly",
        ),
        (["MountainCarContinuous-v0", "--states", "-1 -1", "--actions", "-1"], 1, "worst at"),
    ],
)
def test_other_lines(capsys, arguments, status, said):
    assert run(*arguments) == status
    assert said in capsys.readouterr().out


def test_a_turn_of_numbers_and_two_moves_at_once(capsys):
    """ "1 2 3 0" says what becomes of each; its inverse is another guess, and a wrong one."""
    grid = np.arange(25).reshape(5, 5)
    where = np.empty(25, dtype=int)
    where[np.rot90(grid).ravel()] = grid.ravel()  # cell s stands at where[s] after a quarter turn
    flip = np.empty(25, dtype=int)
    flip[grid[::-1].ravel()] = grid.ravel()
    env = "symrl_lite.envs:symrl/GridWorld-v0"
    from symrl_lite.envs.gridworld import GridWorld
    from symrl_lite.symmetry import permutations_of

    symmetry = GridWorld(5).symmetries()
    cells, moves = permutations_of(symmetry, 25, 4)
    names = symmetry.group.names
    assert cells[names.index("r")].tolist() == where.tolist() and cells[names.index("s")].tolist() == flip.tolist()
    line = {
        g: (" ".join(map(str, cells[names.index(g)])), " ".join(map(str, moves[names.index(g)]))) for g in ("r", "s")
    }
    base = [env, "--make", "size=5", "--make", "goal=(2, 2)", "--samples", "12"]
    assert run(*base, "--states", line["r"][0], "--actions", line["r"][1]) == 0
    assert "group of order 4" in capsys.readouterr().out
    back = " ".join(str(a) for a in np.argsort(moves[names.index("r")]))
    assert run(*base, "--states", line["r"][0], "--actions", back) == 1
    capsys.readouterr()
    both = [part for g in "rs" for part in ("--states", line[g][0], "--actions", line[g][1])]
    assert run(*base, *both) == 0
    text = capsys.readouterr().out
    assert "group of order 8" in text and "\n  a3 " in text and "\n  ab " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Nowhere-v1", "--states", "1"], "Nowhere"),
        (["CartPole-v1", "--states", "-1 -1 -1", "--actions", "1 0"], "expected 4 signs or numbers with signs"),
        (["CartPole-v1", "--states", "0 1 2 2", "--actions", "1 0"], "is no signed permutation of 0 to 3"),
        (["CartPole-v1", "--states", "0 1 2 x"], "expected 4 signs"),
        (["CartPole-v1", "--states", "-1 -1 -1 -1", "--actions", "-1 0"], "is no permutation of 0 to 1"),
        (["CartPole-v1", "--states", "1 1 1 1", "--states", "-1 -1 -1 -1", "--actions", "1 0"], "expected as many"),
        (["CartPole-v1", "--states", "1 1 1 1", "--make", "gravity"], "expected KEY=VALUE"),
        (["Pendulum-v1", "--states", "-1 -1", "--actions", "-1", "--attribute", "nothing"], "no attribute 'nothing'"),
        (["Pendulum-v1", "--states", "1 -1 -1", "--actions", "-1"], "can't be set"),
        (["Blackjack-v1", "--states", "0 1 2"], "write a Symmetry in Python"),
    ],
)
def test_a_line_that_cannot_be_tried(capsys, arguments, said):
    assert run(*arguments) == 2
    text = capsys.readouterr().err
    assert said in text and text.startswith("symrl_lite.symmetry: ") and "Traceback" not in text
