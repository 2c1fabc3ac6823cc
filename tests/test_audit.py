"""`audit` accepts true symmetries and rejects false ones, exactly and by sampling; `augment` moves what should move."""

import gymnasium
import numpy as np
import pytest

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.groups import cyclic, regular, trivial
from symrl_lite.mdp import TabularMDP
from symrl_lite.symmetry import Symmetry, audit, augment

C2, C4 = cyclic(2), cyclic(4)
MIRROR = Symmetry(C2, lambda g, s: -s if g else s, regular(C2), "mirror")


def backwards(symmetry):
    """The same moves of states, with the inverse moves of actions."""
    G = symmetry.group
    return Symmetry(G, symmetry.on_states, lambda g, q: symmetry.act_on_action_values(G.inverse(g), q), "backwards")


def deaf(symmetry):
    """States move, actions stay."""
    return Symmetry(symmetry.group, symmetry.on_states, None, "actions stay")


def toll(mdp):
    """The same transitions; action 3 costs more."""
    return TabularMDP(mdp.transitions, mdp.rewards - 0.1 * np.eye(mdp.n_actions)[-1], mdp.discount)


# --- exactly


def test_a_table_by_hand():
    """Two states that swap; the rewards differ by 0.25, one row by 2 · 0.1."""
    P = [[[0.1, 0.9]], [[0.8, 0.2]]]
    swap = Symmetry(C2, lambda g, s: s ^ g, None, "swap")
    report = audit(TabularMDP(P, [[1.0], [0.75]], 0.9), swap)
    assert report.rewards == pytest.approx([0, 0.25]) and report.transitions == pytest.approx([0, 0.2])
    assert not report.holds and report.broken_by == ("r",)
    assert audit(TabularMDP(P, [[1.0], [0.75]], 0.9), swap, atol=0.3).holds
    assert audit(TabularMDP([[[0.1, 0.9]], [[0.9, 0.1]]], [[1.0], [1.0]], 0.9), swap).holds


@pytest.mark.parametrize("sparse", [True, False])
def test_three_wrong_symmetries_are_rejected(sparse):
    world = GridWorld(5, slip=0.2)
    mdp = world.tabular()
    if not sparse:
        mdp = TabularMDP(mdp.rows.toarray().reshape(25, 4, 25), mdp.rewards, mdp.discount)
    turns = world.rotations()
    assert audit(mdp, turns).holds
    assert audit(mdp, backwards(turns)).broken_by == ("r", "r3")
    assert audit(mdp, deaf(turns)).broken_by == ("r", "r2", "r3")
    report = audit(toll(mdp), turns)
    assert report.broken_by == ("r", "r2", "r3") and report.transitions.max() < 1e-12 < 0.09 < report.rewards.max()


def test_report_reads_well():
    report = audit(GridWorld(5, (0, 0)).tabular(), GridWorld(5).symmetries())
    text = repr(report)
    assert text.startswith("turns and flips of a grid world: no symmetry (all 100 state–action pairs, exactly)")
    assert text.count("worst at s=") == 6 and "r3s" in text  # e and one diagonal flip leave the corner alone
    html = report._repr_html_()
    assert html.count("<tr>") == 9 and "no symmetry" in html and "scope='row'" in html
    assert "a symmetry" in repr(audit(GridWorld(5).tabular(), GridWorld(5).symmetries()))


# --- by sampling


def test_cartpole():
    env = gymnasium.make("CartPole-v1")
    report = audit(env, MIRROR, seed=1)
    assert report.holds and "deterministic" in report.what
    assert not audit(env, deaf(MIRROR)).holds
    half = Symmetry(C2, lambda g, s: s * [1, 1, -1, -1] if g else s, regular(C2), "pole only")
    assert audit(env, half).broken_by == ("r",)
    # States beyond the limits: the ends of episodes agree too, and a mirror with another limit would show.
    far = np.random.default_rng(0).uniform(-1, 1, size=(20, 4)) * [3, 3, 0.3, 3]
    assert audit(env, MIRROR, states=far).holds


def test_the_end_of_an_episode_counts():
    class Cliff(gymnasium.Env):
        """x moves by ±1 and nothing else happens, but the episode ends on the right side only."""

        observation_space = gymnasium.spaces.Box(-9, 9, (1,), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.state = np.zeros(1, dtype=np.float32)
            return self.state, {}

        def step(self, action):
            self.state = self.state + (2 * action - 1)
            return self.state, 0.0, bool(self.state[0] >= 2), False, {}

    near, far = [np.zeros(1, dtype=np.float32)], [np.ones(1, dtype=np.float32)]
    assert audit(Cliff(), MIRROR, states=near).holds
    report = audit(Cliff(), MIRROR, states=far)
    assert not report.holds and report.transitions[1] == 1


@pytest.mark.parametrize("kind", ["index", "image"])
def test_random_environments_by_sampling(kind):
    chase = PredatorPrey(5, prey_moves=0.4, observation=kind)
    turns = chase.rotations()
    assert audit(chase, turns, samples=6).holds
    wrong = audit(chase, backwards(turns), samples=6)
    assert set(wrong.broken_by) == {"r", "r3"} and "each stepped 24 times" in wrong.what
    assert set(audit(chase, deaf(turns), samples=6).broken_by) == {"r", "r2", "r3"}


def test_chance_alone_is_not_called_an_error():
    for seed in range(3):
        chase = PredatorPrey(5, observation="index")
        assert audit(chase, chase.symmetries(), samples=10, repeats=10, seed=seed).holds


def test_a_wind_is_found():
    class Windy(PredatorPrey):
        """The prey is blown to the right now and then."""

        def outcomes(self, state, action):
            found = super().outcomes(state, action)
            row, column = divmod(state, self.size)
            blown = row * self.size + (column + 1) % self.size
            return [(0.7 * p, s, r) for p, s, r in found] + [(0.3, blown if state != self.caught else state, -0.1)]

    windy = Windy(5, observation="index")
    assert not audit(windy.tabular(), windy.rotations()).holds
    assert set(audit(windy, windy.rotations(), samples=8).broken_by) == {"r", "r2", "r3"}
    upside_down = windy.symmetries()
    assert "s" not in audit(windy, upside_down, samples=8).broken_by  # the wind respects this one


def test_own_ways_to_set_and_get_the_state():
    class Hidden(gymnasium.Env):
        """Shows |x| only."""

        observation_space = gymnasium.spaces.Box(0, 9, (1,), np.float32)
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.x = 0.0
            return np.array([abs(self.x)], dtype=np.float32), {}

        def step(self, action):
            self.x += 2 * action - 1
            return np.array([abs(self.x)], dtype=np.float32), -abs(self.x), False, False, {}

    with pytest.raises(ValueError, match="can't be set"):
        audit(Hidden(), MIRROR)

    def put(env, x):
        env.x = float(x)

    access = {"set_state": put, "get_state": lambda env: np.array(env.x)}
    assert audit(Hidden(), MIRROR, samples=5, **access).holds
    assert not audit(Hidden(), deaf(MIRROR), samples=5, **access).holds


def test_audit_refuses():
    with pytest.raises(TypeError, match="symmetry is 3"):
        audit(GridWorld().tabular(), 3)
    with pytest.raises(TypeError, match="neither a TabularMDP nor an environment"):
        audit("CartPole-v1", MIRROR)
    with pytest.raises(TypeError, match="discrete actions"):
        audit(gymnasium.make("Pendulum-v1"), MIRROR)
    with pytest.raises(ValueError, match="states is empty"):
        audit(GridWorld(), GridWorld().rotations(), states=[])
    with pytest.raises(ValueError, match="expected at least 1 and 2"):
        audit(GridWorld(), GridWorld().rotations(), repeats=1)
    with pytest.raises(ValueError, match="on_actions does not act on the values of 4"):
        audit(GridWorld(), Symmetry(C4, lambda g, s: s, trivial(C4)))
    available = [[True, False], [True, True]]
    mdp = TabularMDP([[[1, 0], [0, 0]], [[0, 1], [0, 1]]], np.zeros((2, 2)), 0.5, available)
    with pytest.raises(ValueError, match="s=0, a=1 between available and not"):
        audit(mdp, Symmetry(C2, lambda g, s: s ^ g, None))


# --- augment


def test_augmented_transitions_are_true_ones():
    world = GridWorld(5, slip=0)
    table, symmetry = world.tabular(), world.symmetries()
    random = np.random.default_rng(0)
    states, actions = random.integers(25, size=30), random.integers(4, size=30)
    after = np.array([table.row(s, a).argmax() for s, a in zip(states, actions, strict=True)])
    rewards = table.rewards[states, actions]
    batch = {"states": states, "actions": actions, "rewards": rewards, "next_states": after}
    more = augment(batch, symmetry)
    assert all(len(values) == 240 for values in more.values())
    assert all(np.array_equal(more[name][:30], values) for name, values in batch.items())
    for s, a, r, t in zip(*(more[name] for name in batch), strict=True):
        assert table.row(s, a)[t] == 1 and table.rewards[s, a] == r
    assert len(np.unique(more["actions"])) == 4


def test_augment_images_and_functions():
    chase = PredatorPrey()
    images = np.stack([chase.observe(s) for s in (0, 8)])
    more = augment({"states": images, "actions": np.array([0, 1])}, chase.rotations())
    assert more["states"].shape == (8, 1, 21, 21)
    assert np.array_equal(more["states"][2], np.rot90(images[0], axes=(1, 2)))
    assert more["actions"].tolist() == [0, 1, 0, 2, 0, 3, 0, 4]
    by_function = Symmetry(C2, lambda g, s: s, lambda g, q: q[::-1] if g else q)
    with pytest.raises(ValueError, match="say how many actions"):
        augment({"actions": np.array([0])}, by_function)
    assert augment({"actions": np.array([0])}, by_function, n_actions=3)["actions"].tolist() == [0, 2]


def test_augment_refuses():
    with pytest.raises(ValueError, match="expected one length"):
        augment({"states": np.zeros((2, 4)), "actions": np.zeros(3, dtype=int)}, MIRROR)
    with pytest.raises(ValueError, match="turns states"):
        augment({"states": np.zeros((2, 4))}, Symmetry(C2, lambda g, s: s[:1], None))
