"""`audit` accepts true symmetries and rejects false ones, exactly and by sampling; `augment` moves what should move."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Tuple

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
    with pytest.raises(TypeError, match="neither a TabularMDP nor a Gymnasium"):
        audit("CartPole-v1", MIRROR)
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


# --- other people's environments


class Line(gymnasium.Env):
    """x moves by −1, 0 or 1 (actions from `start`); both ends of the line pay and end. It writes into what it shows."""

    observation_space = Box(-9, 9, (1,), np.float32)

    def __init__(self, start=0, right=3.0):
        self.action_space, self.right = Discrete(3, start=start), right
        self.state = np.zeros(1, dtype=np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state[:] = 0
        return self.state, {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.state += action - self.action_space.start - 1
        ended = bool(self.state[0] <= -3 or self.state[0] >= self.right)
        return self.state, float(ended), ended, False, {}


AROUND = Symmetry(C2, lambda g, s: -s if g else s, lambda g, q: q[::-1] if g else q, "left and right")


@pytest.mark.parametrize("start", [0, 1, -1])
def test_actions_that_start_elsewhere_and_arrays_that_are_rewritten(start):
    report = audit(Line(start), AROUND, samples=60)
    assert report.holds and report.usual == 0 and min(report.rewarded, report.ended) > 0
    wrong = audit(Line(start, right=2.0), AROUND, samples=60)
    assert wrong.broken_by == ("r",) and wrong.worst[1].endswith(
        f"action {start + 2} (the reward, the end of the episode)"
    )  # to the right, into the end


def test_a_state_that_the_environment_rewrites_is_the_users_own():
    states = [np.zeros(1, dtype=np.float32), np.full(1, 2, dtype=np.float32)]

    def put(env, state):
        env.state = state  # not copied: the next step writes into it

    assert audit(Line(), AROUND, states, set_state=put, get_state=lambda env: env.state).holds
    assert [s.tolist() for s in states] == [[0], [2]]

    def in_place(g, s):
        s *= -1 if g else 1
        return s

    assert audit(Line(), Symmetry(C2, in_place, AROUND.on_actions), states).holds
    assert [s.tolist() for s in states] == [[0], [2]]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (MultiBinary(3), r"MultiBinary\(3\), expected Discrete or Box"),
        (MultiDiscrete([3]), "expected Discrete or Box"),
        (Box(0, 255, (1,), np.uint8), "expected a Box of floating-point numbers"),
    ],
)
def test_actions_are_told_by_their_class(space, message):
    env = Line()
    env.action_space = space
    with pytest.raises(TypeError, match=message):
        audit(env, AROUND)


def test_observations_of_several_parts_are_named():
    class Pair(Line):
        observation_space = Tuple([Discrete(9), Discrete(9)])

    with pytest.raises(ValueError, match=r"the observations are Tuple.*get_state"):
        audit(Pair(), AROUND)
    access = {"set_state": lambda env, s: env.state.__setitem__(0, s[0]), "get_state": lambda env: env.state}
    assert audit(Pair(), AROUND, samples=20, **access).holds


def test_numbers_of_states_from_one():
    class Ring(gymnasium.Env):
        """Three states on a ring, numbered from 1."""

        observation_space, action_space = Discrete(3, start=1), Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.state = np.int64(1)
            return self.state, {}

        def step(self, action):
            self.state = np.int64((self.state - 1 + (1 if action else -1)) % 3 + 1)
            return self.state, float(self.state == 1), False, False, {}

    mirror = Symmetry(C2, lambda g, s: {1: 1, 2: 3, 3: 2}[int(s)] if g else s, regular(C2))
    assert audit(Ring(), mirror, samples=12).holds
    assert not audit(Ring(), deaf(mirror), samples=12).holds
    with pytest.raises(ValueError, match="a state is 4, expected one of Discrete"):
        audit(Ring(), Symmetry(C2, lambda g, s: s + 3 * g if s == 1 else s, regular(C2)), samples=12)


def test_wrappers_are_stepped():
    """A wrapper that scales rewards on one side, or swaps the actions there, breaks a true symmetry."""

    class OneSided(gymnasium.Wrapper):
        def step(self, action):
            seen, reward, *rest = self.env.step(action)
            return seen, reward * (2 if seen[0] > 0 else 1), *rest

    class Swapped(gymnasium.ActionWrapper):
        def action(self, action):
            return 2 - action

    class Stuck(gymnasium.ActionWrapper):
        def action(self, action):
            return min(action, 1)  # never to the right

    assert audit(gymnasium.wrappers.TransformReward(Line(), lambda r: 5 * r), AROUND, samples=60).holds
    report = audit(OneSided(Line()), AROUND, samples=60)
    assert report.broken_by == ("r",) and report.rewards[1] == 1
    assert audit(Swapped(gymnasium.wrappers.TimeLimit(Line(), 5)), AROUND, samples=60).holds
    assert audit(Stuck(Line()), AROUND, samples=60).broken_by == ("r",)
    env = OneSided(gymnasium.wrappers.TimeLimit(Line(), 5))
    audit(env, AROUND)
    assert env.env.env is env.unwrapped  # left as it was given


@pytest.mark.parametrize("how", ["scaled", "clipped", "float64", "noisy"])
def test_wrappers_that_change_what_is_seen(how):
    space = Box(-99, 99, (1,), np.float64)
    draw = np.random.default_rng(0)
    change = {
        "scaled": lambda x: x / 2 + 1,
        "clipped": lambda x: np.clip(x, -1, 1),
        "float64": lambda x: x.astype(np.float64),
        "noisy": lambda x: x + draw.normal(size=1),
    }[how]
    env = gymnasium.wrappers.TransformObservation(Line(), change, space)
    if how == "float64":
        assert audit(env, AROUND, samples=60).holds
        return
    with pytest.raises(ValueError, match="can't be set through the wrappers of"):
        audit(env, AROUND, samples=60)
    assert env.env is env.unwrapped
    access = {"set_state": lambda e, s: e.state.__setitem__(0, s[0]), "get_state": lambda e: e.state}
    assert audit(env, AROUND, samples=60, **access).holds


def test_a_state_of_the_same_shape_that_is_not_what_is_shown():
    class Shown(Line):
        """Shows twice its state."""

        def reset(self, **arguments):
            super().reset(**arguments)
            return 2 * self.state, {}

        def step(self, action):
            _, *rest = super().step(action)
            return 2 * self.state, *rest

    with pytest.raises(ValueError, match=r"shows .* where its `state` is"):
        audit(Shown(), AROUND, samples=20)


def test_a_state_is_read_back():
    def put_clipped(env, state):
        env.state[:] = np.clip(state, -1, 1)

    access = {"set_state": put_clipped, "get_state": lambda env: env.state}
    with pytest.raises(ValueError, match=r"state \[2.\] was set .* but \[1.\] is read back"):
        audit(Line(), AROUND, [np.float32([2.0])], **access)

    class Own(Line):
        def set_state(self, state):
            self.state[:] = 0  # whatever it was

        def _get_obs(self):
            return self.state

    with pytest.raises(ValueError, match="is read back"):
        audit(Own(), AROUND, [np.float32([2.0])])

    class TwoArguments(Line):
        def set_state(self, position, velocity):
            pass

    with pytest.raises(TypeError, match="does not take one state"):
        audit(TwoArguments(), AROUND)


def test_numbers_that_are_none():
    class Broken(Line):
        def step(self, action):
            seen, _, *rest = super().step(action)
            return seen, float("nan"), *rest

    with pytest.raises(ValueError, match=r"the reward of action 0 in state \[0.\] is nan"):
        audit(Broken(), AROUND, samples=3)
    with pytest.raises(ValueError, match="expected finite numbers"):
        audit(Line(), Symmetry(C2, lambda g, s: s * np.nan if g else s, None), samples=3)
    with pytest.raises(ValueError, match=r"turns a state of shape \(1,\) into \(2,\)"):
        audit(Line(), Symmetry(C2, lambda g, s: np.append(s, 0) if g else s, None), samples=3)


# --- what a verdict says


def test_a_goal_on_one_side_that_nobody_reached():
    env = gymnasium.make("MountainCar-v0")
    middle = -np.pi / 6  # of the valley: the track alone is the same on both sides of it
    signs = np.array([-1.0, -1.0])
    turn = Symmetry(C2, lambda g, s: np.array([2 * middle, 0]) + signs * s if g else s, AROUND.on_actions, "the valley")
    report = audit(env, turn, samples=150)
    assert (report.states, report.rewarded, report.ended, report.usual) == (150, 0, 0, -1)
    assert report.holds
    assert "no counterexample in 150 states, none of which earned anything but the usual -1 or ended" in repr(report)
    assert "give states=..." in repr(report) and "a symmetry" not in repr(report)
    assert "no counterexample in 150 states" in report._repr_html_()
    near = np.stack([np.linspace(0.40, 0.499, 9), np.full(9, 0.06)], axis=1).astype(np.float32)
    found = audit(env, turn, states=near)
    assert not found.holds and found.ended > 0
    assert (
        f"no symmetry (27 pairs, deterministic; 9 states: 0 with a reward other than -1, {found.ended} with an end)"
        in (repr(found))
    )


def test_a_verdict_counts_what_was_earned():
    near, far = [np.float32([0.0])], [np.float32([2.0]), np.float32([-2.0])]
    assert "no counterexample in 1 states, none of which earned anything or ended" in repr(audit(Line(), AROUND, near))
    report = audit(Line(), AROUND, near + far)
    assert (report.states, report.rewarded, report.ended) == (3, 2, 2)
    assert repr(report).startswith(
        "left and right: a symmetry (9 pairs, deterministic; 3 states: 2 with a reward other than 0, 2 with an end)"
    )
    table = audit(GridWorld(5).tabular(), GridWorld(5).symmetries())
    assert (table.states, table.usual) == (0, None)


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


@pytest.mark.parametrize(
    "names",
    [
        ("states", "actions", "next_states", "rewards"),
        ("observations", "actions", "next_observations", "dones"),  # Stable-Baselines3, d4rl
        ("obs", "act", "obs_next", "rew"),  # Tianshou
        ("observation", "action", "next_observation", "terminated"),
        ("OBS", "Actions", "next_obs", "masks"),
    ],
)
def test_the_names_that_libraries_give(names):
    s, a, after, r = names
    batch = {s: np.float32([[0.1, 0.2]]), a: np.array([0]), after: np.float32([[0.3, 0.4]]), r: np.array([1.0])}
    more = augment(batch, MIRROR)
    assert np.array_equal(more[s], np.concatenate([batch[s], -batch[s]])) and more[s].dtype == np.float32
    assert (
        np.array_equal(more[after][1], -batch[after][0]) and more[a].tolist() == [0, 1] and more[r].tolist() == [1, 1]
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("s", np.zeros((2, 4))),
        ("pixels", np.zeros((2, 1, 8, 8))),
        ("logits", np.zeros((2, 2))),
        ("action_mask", np.zeros((2, 2), dtype=bool)),
        ("goals", np.array([3, 4])),
        ("previous_action", np.array([0, 1])),
        ("next_s", np.array([0, 1])),
        ("state_indices", np.array([0, 1])),
    ],
)
def test_unknown_names_that_look_like_something_that_moves(name, values):
    batch = {"states": np.zeros((2, 4)), "actions": np.array([0, 1]), name: values}
    with pytest.raises(ValueError, match=f"'{name}' .*say what moves it, moves="):
        augment(batch, MIRROR)
    assert np.array_equal(augment(batch, MIRROR, moves={name: None})[name], np.concatenate([values] * 2))


def test_a_mapping_says_what_moves_how():
    batch = {
        "s": np.array([[1.0, -2.0]]),
        "goal": np.array([[3.0, 0.0]]),
        "previous_action": np.array([1]),
        "policy": np.array([[0.9, 0.1]]),
        "step": np.array([7]),
        "costs": np.array([[5.0]]),
    }
    how = {"s": "states", "goal": "states", "previous_action": "actions", "policy": "action values"}
    more = augment(batch, MIRROR, moves=how)
    assert {name: values[1].tolist() for name, values in more.items()} == {
        "s": [-1, 2],
        "goal": [-3, 0],
        "previous_action": 0,
        "policy": [0.1, 0.9],
        "step": 7,
        "costs": [5],
    }
    assert augment({"states": batch["s"]}, MIRROR, moves={"states": None})["states"].tolist() == [[1, -2]] * 2
    for wrong in ({"goals": "states"}, {"goal": "state"}):
        with pytest.raises(
            ValueError, match=r"expected one of .* with 'states', 'actions', 'action vectors', 'action values'"
        ):
            augment(batch, MIRROR, moves=how | wrong)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([-1, 0], "actions hold -1, expected whole numbers from 0 to 1"),
        ([1, 2], "actions hold 2.*counted from 0"),
        ([[1, 0], [0, 1]], r"shape \(2, 2\) and dtype int64, expected whole numbers \(n,\).*argmax"),
        ([0.7, -0.7], r"actions hold 0\.7, expected whole numbers"),
        ([[[0]], [[1]]], r"shape \(2, 1, 1\)"),
    ],
)
def test_actions_of_a_batch_are_looked_at(actions, message):
    with pytest.raises(ValueError, match=message):
        augment({"states": np.zeros((2, 4)), "actions": np.array(actions)}, MIRROR)


def test_actions_in_other_forms():
    for given in (np.array([[0], [1]]), np.float32([[0], [1]]), np.array([[False], [True]])):
        assert augment({"actions": given}, MIRROR)["actions"].tolist() == [[0], [1], [1], [0]]
    still = Symmetry(C2, lambda g, s: -s if g else s, None)
    assert augment({"actions": [4, 2]}, still)["actions"].tolist() == [4, 2, 4, 2]
    with pytest.raises(ValueError, match="actions hold -1"):
        augment({"actions": [-1]}, still)
    with pytest.raises(ValueError, match="on_actions does not act on the values of 3 actions"):
        augment({"actions": [0]}, MIRROR, n_actions=3)


def test_a_function_that_writes_into_the_batch():
    def in_place(g, s):
        s *= -1 if g else 1
        return s

    states = np.array([[1.0, 2.0]])
    more = augment({"states": states}, Symmetry(C2, in_place, None))
    assert more["states"].tolist() == [[1, 2], [-1, -2]] and states.tolist() == [[1, 2]]
    with pytest.raises(ValueError, match="expected one length"):
        augment({"states": states, "rewards": 1.0}, MIRROR)


def test_moves_of_states_are_not_cut():
    table = GridWorld(5, (2, 2)).tabular()
    for on_states, message in (
        (lambda g, s: s + 0.4 * g, r"g·s hold 0\.4, expected whole numbers"),
        (lambda g, s: [s, s] if g else s, "does not act on the state indices"),
        (lambda g, s: s - g, "does not permute the states"),
    ):
        with pytest.raises(ValueError, match=message):
            audit(table, Symmetry(C2, on_states, None))


def test_other_arguments_are_named():
    table, symmetry = GridWorld(5).tabular(), GridWorld(5).symmetries()
    for atol in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="atol is"):
            audit(table, symmetry, atol=atol)
    with pytest.raises(ValueError, match=r"samples and repeats hold 2\.5"):
        audit(GridWorld(5), symmetry, samples=2.5)
    with pytest.raises(TypeError, match="states is 3, expected a list or an array"):
        audit(GridWorld(5), symmetry, states=3)
    with pytest.raises(TypeError, match="symmetry is 3"):
        augment({"states": np.zeros((2, 3))}, 3)
    with pytest.raises(TypeError, match="batch is list"):
        augment([np.zeros((2, 3))], MIRROR)


def test_whole_numbers_stay_whole():
    swap = Symmetry(C2, regular(C2), None)
    more = augment({"states": np.array([[1, 2]], dtype=np.uint8)}, swap)
    assert more["states"].dtype == np.uint8 and more["states"].tolist() == [[1, 2], [2, 1]]


def test_an_environment_with_a_table_is_told_of_it():
    lake = gymnasium.make("FrozenLake-v1", is_slippery=False)
    still = Symmetry(C2, lambda g, s: s, None)
    with pytest.raises(ValueError, match=r"can't be set: .*audit TabularMDP\.from_gymnasium\(env, discount\)"):
        audit(lake, still)
    assert audit(TabularMDP.from_gymnasium(lake, 0.9), still).holds
    place = {"set_state": lambda env, s: setattr(env, "s", int(s)), "get_state": lambda env: np.int64(env.s)}
    transposed = Symmetry(C2, lambda g, s: 4 * (s % 4) + s // 4 if g else s, lambda g, q: q[[1, 0, 3, 2]] if g else q)
    report = audit(lake, transposed, states=range(16), **place)
    assert not report.holds and report.rewarded == 1 and report.ended > 0  # its holes do not lie that way
