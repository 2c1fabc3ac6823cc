"""What every environment owes to other people's programs: checks of two libraries, copies, names, refusals."""

import copy
import pickle
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from symrl_lite.data.streams import Streams
from symrl_lite.envs import NAMES, register
from symrl_lite.envs._finite import FiniteEnvs
from symrl_lite.envs.bowl import Bowls
from symrl_lite.envs.cartpole import CartPole, CartPoles
from symrl_lite.envs.catch import Catch, Catches
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.physics import ThreeBodyCopies
from symrl_lite.envs.pong import Pong, Pongs
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.envs.room import Room
from symrl_lite.envs.shapes import Shapes
from symrl_lite.envs.sprites import SpriteCopies, Sprites
from symrl_lite.envs.traffic import TrafficLights

try:
    import ale_py  # noqa: F401

    HERE = NAMES
except ModuleNotFoundError:
    HERE = tuple(name for name in NAMES if "Atari" not in name)
# Random numbers decide nothing after the start, or not even that: with one seed and another the start differs at least.
MANY = {
    "cart poles": lambda n: CartPoles(n, wind=1.0),
    "courts": Pongs,
    "catches": Catches,
    "catches, true states": lambda n: Catches(n, observation="state"),
    "chases": PredatorPrey(observation="index").copies,
    "rooms": Room().copies,
    "grids": lambda n: FiniteEnvs(GridWorld(slip=0.3), n),
    "tables": Shapes(max_steps=7).copies,
    "bodies": lambda n: ThreeBodyCopies(n, max_steps=4),
    "sprites": lambda n: SpriteCopies(n, 9),
    "bowls": lambda n: Bowls(n, swirl=1.0, max_steps=5),
}
each = pytest.mark.parametrize("name", HERE)
many = pytest.mark.parametrize("make", MANY.values(), ids=MANY.keys())


def an_action(space, draw, n=None):
    """One action, or n of them, from NumPy's random numbers."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(draw.integers(space.n)) if n is None else draw.integers(space.n, size=n)
    return draw.uniform(space.low, space.high, space.shape if n is None else (n, *space.shape))


def last_action(space):
    return space.n - 1 if isinstance(space, gymnasium.spaces.Discrete) else space.high


def is_box(space):
    return isinstance(space, gymnasium.spaces.Box)


def same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    return np.array_equal(one, other)


def played(env, steps=25, seed=None):
    """Everything that an environment says in some steps of fixed actions."""
    said = [env.reset(seed=seed)] if seed is not None else []
    draw = np.random.default_rng(0)
    for _ in range(steps):
        found = env.step(an_action(env.action_space, draw))
        said.append(found)
        if found[2] or found[3]:
            said.append(env.reset())
    return said


def agree(one, other):
    return len(one) == len(other) and all(
        same(x, y) for left, right in zip(one, other, strict=True) for x, y in zip(left, right, strict=True)
    )


# --- single environments


@each
def test_gymnasium_has_no_complaint_pictures_included(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*infinity. This is probably too")  # Gymnasium's own cart pole has it
        check_env(gymnasium.make(name, disable_env_checker=True).unwrapped)


@each
def test_stable_baselines_has_no_complaint(name):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have pictures of whole numbers, and boxes of 32 bits
        # It takes whatever has `compute_reward` for an environment with goals, and wants a dictionary of it.
        form = {"observation": "goals"} if "Bowl" in name else {}
        checker.check_env(gymnasium.make(name, **form).unwrapped)


@each
def test_one_seed_twice_and_two_seeds(name):
    env, again = gymnasium.make(name).unwrapped, gymnasium.make(name).unwrapped
    first = played(env, seed=3)
    assert agree(first, played(again, seed=3)) and agree(first, played(env, seed=3))
    starts = [played(env, 25, seed=s) for s in (3, 4, 5)]
    assert not agree(starts[0], starts[1]) or not agree(starts[0], starts[2])


@pytest.mark.parametrize("name", [n for n in HERE if "Atari" not in n])
def test_copied_and_pickled_in_the_middle_of_an_episode(name):
    env = gymnasium.make(name).unwrapped
    played(env, 5, seed=1)
    copies = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    expected = played(env, 25)
    assert all(agree(expected, played(other, 25)) for other in copies)


@each
def test_a_step_or_a_picture_before_reset_is_refused(name):
    env = gymnasium.make(name, render_mode="rgb_array").unwrapped
    last = last_action(env.action_space)
    for early in (lambda: env.step(last), env.render):
        with pytest.raises(ResetNeeded, match="call reset first"):
            early()
    env.reset(seed=0)
    env.step(last)


@each
def test_actions_outside_are_refused_by_a_sentence(name):
    env = gymnasium.make(name).unwrapped
    env.reset(seed=0)
    if is_box(env.action_space):
        for wrong in (0, [0.0], [0.0, np.nan], [0.0, np.inf], np.zeros((1, 2)), np.zeros(3)):
            with pytest.raises(ValueError, match=r"actions .*expected \(2,\) finite numbers"):
                env.step(wrong)
        for wrong in ("up", ["a", "b"], [1j, 0], None):
            with pytest.raises(TypeError, match=r"actions have dtype .*expected real numbers"):
                env.step(wrong)
        return
    n = int(env.action_space.n)
    for wrong in (-1, n, 0.5, np.array([0]), "up"):
        with pytest.raises(ValueError, match=r"action is .*expected 0 to \d+: the action space is Discrete"):
            env.step(wrong)


@each
def test_options_that_nobody_reads_are_refused(name):
    with pytest.raises(ValueError, match=r"options have \['place'\], expected"):
        gymnasium.make(name).unwrapped.reset(options={"place": 3})


@each
def test_declared_pictures_are_served(name):
    env = gymnasium.make(name, render_mode="rgb_array")
    assert env.metadata["render_modes"] == ["rgb_array"] and env.render_mode == "rgb_array"
    env.reset(seed=0)
    before = env.render()
    for _ in range(3):
        env.step(last_action(env.action_space))
    after = env.render()
    assert before.dtype == np.uint8 and before.ndim == 3 and before.shape[2] == 3 and min(before.shape[:2]) >= 144
    assert len(np.unique(before)) > 1 and after.shape == before.shape
    with pytest.raises(ValueError, match="render_mode is 'human', expected"):
        type(env.unwrapped)(render_mode="human")
    with pytest.warns(UserWarning, match="render mode"):
        assert type(env.unwrapped)().render() is None


def test_a_picture_shows_where_the_agent_is():
    pictures = []
    for state in (0, 0, 4):
        world = GridWorld(render_mode="rgb_array")
        world.reset(options={"state": state})
        pictures.append(world.render())
    assert np.array_equal(pictures[0], pictures[1]) and not np.array_equal(pictures[0], pictures[2])
    room = Room(render_mode="rgb_array")
    room.reset(seed=0)
    assert np.array_equal(room.render()[::4, ::4].transpose(2, 0, 1), 255 * room.observe(room.state))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: GridWorld().reset(options={"state": 2.7}), "state is 2.7, expected whole numbers"),
        (lambda: TrafficLights().reset(options={"state": [0.5, 1, 1]}), "queues is .*expected whole numbers"),
        (lambda: Room(observation="place").set_state(3.2), "place is 3.2, expected whole numbers"),
        (lambda: Room().reset(options={"delivery": (3, 3)}), "delivery.* expected one of"),
        (lambda: Shapes(1).set_state([[0.4, 1]]), "positions is .*expected whole numbers"),
        (lambda: Pong(size=15).set_state(np.zeros((2, 9, 9))), r"shape \(2, 9, 9\), expected two frames"),
        (lambda: Catch().set_state([3, 5.5, 0, 4, 2, 2]), "the state is .*expected whole numbers"),
        (lambda: Catch().set_state(np.zeros((2, 16, 16))), r"shape \(2, 16, 16\), expected \(6,\): row, column"),
        (lambda: GridWorld().set_state("here"), "state is here, expected whole numbers"),
        (lambda: Sprites(255 * np.ones((1, 8, 8))), "values from 255.0 to 255.0, expected 0 to 1"),
    ],
)
def test_states_are_not_cut_to_whole_numbers_or_to_size(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_what_is_returned_can_be_written_into():
    court = Pong()
    court.reset(seed=0)
    given = court.reset(seed=1)[0]
    seen, _ = court.reset(options={"state": given})
    seen[:] = 7
    assert given.max() == 1
    first, _ = court.reset(seed=1)
    kept = first.copy()
    court.step(0)
    assert np.array_equal(first, kept)


# --- names


def test_names_are_registered_once_and_without_heavy_imports():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        register()
    assert set(NAMES) <= set(gymnasium.registry)
    program = (
        "import sys, symrl_lite.envs, gymnasium; print({'torch', 'matplotlib', 'scipy', 'sklearn', 'ale_py', "
        "'symrl_lite.envs.gridworld'} & set(sys.modules), len(gymnasium.make('symrl/GridWorld-v0').reset()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.split() == ["set()", "2"]


def test_names_take_settings():
    assert gymnasium.make("symrl/Shapes-v0", objects=2).action_space.n == 8
    assert gymnasium.make("symrl_lite.envs:symrl/GridWorld-v0", size=3).observation_space.n == 9
    assert gymnasium.make("symrl/CartPole-v0", wind=2.0).spec.max_episode_steps == 500


@each
def test_many_by_name(name):
    envs = gymnasium.make_vec(name, num_envs=2)
    seen, _ = envs.reset(seed=3)
    assert envs.observation_space.contains(seen) and envs.num_envs == 2
    alone, _ = SyncVectorEnv([lambda: gymnasium.make(name)] * 2).reset(seed=3)
    assert np.shape(alone) == np.shape(seen) and np.asarray(alone).dtype == np.asarray(seen).dtype
    for _ in range(12):  # over the end of some episodes
        seen, rewards, ended, cut, _ = envs.step(envs.action_space.sample())
        assert envs.observation_space.contains(seen) and np.shape(rewards) == np.shape(ended) == np.shape(cut) == (2,)
    envs.close()


# --- vector environments


def told(envs, steps=12):
    """What copies say without a seed, from where they are."""
    said = [np.array(envs.reset()[0])]
    draw = np.random.default_rng(1)
    for _ in range(steps):
        seen, rewards, ended, cut, _ = envs.step(an_action(envs.single_action_space, draw, envs.num_envs))
        said += [np.array(seen), np.array(rewards), np.array(ended), np.array(cut)]
    return said


def equal(one, other):
    return all(np.array_equal(x, y) for x, y in zip(one, other, strict=True))


@many
def test_without_a_seed_the_random_numbers_go_on(make):
    """After reset(seed=5) everything that follows is decided, as in Gymnasium's own vector environments."""
    one, other = make(3), make(3)
    starts = [np.array(envs.reset(seed=5)[0]) for envs in (one, other)]
    assert np.array_equal(*starts)
    first, second = told(one), told(one)
    assert equal(first, told(other)) and equal(second, told(other))
    assert not equal(first, second)  # they go on; they don't begin again
    one.reset(seed=5)
    assert equal(first, told(one))


@many
def test_one_copy_may_get_a_seed_while_the_others_go_on(make):
    one, other = make(2), make(2)
    one.reset(seed=[5, 6])
    other.reset(seed=[5, 9])
    seen, expected = one.reset(seed=[None, 7])[0], other.reset(seed=[None, 7])[0]
    assert np.array_equal(seen, expected)
    assert np.array_equal(make(1).reset(seed=[7])[0][0], seen[1])


@many
def test_copies_are_pickled_and_copied_with_their_random_numbers(make):
    envs = make(3)
    envs.reset(seed=2)
    copies = [copy.deepcopy(envs), pickle.loads(pickle.dumps(envs))]
    expected = told(envs)
    assert all(equal(expected, told(other)) for other in copies)


@many
def test_copies_refuse_what_is_no_action(make):
    envs = make(2)
    if is_box(envs.single_action_space):
        with pytest.raises(ResetNeeded, match="call reset first"):
            envs.step(np.zeros((2, 2)))
        envs.reset(seed=0)
        for wrong in (0, np.zeros(2), np.zeros((3, 2)), np.zeros((2, 1)), [[0, 0], [np.nan, 0]], [[0, 0], [0, np.inf]]):
            with pytest.raises(ValueError, match=r"actions .*expected \(2, 2\) finite numbers"):
                envs.step(wrong)
        assert len(envs.step([[0, 0], [1, 0]])) == 5
        return
    n = int(envs.single_action_space.n)
    with pytest.raises(ResetNeeded, match="call reset first"):
        envs.step(np.zeros(2, dtype=int))
    envs.reset(seed=0)
    for wrong in (-1, n):
        with pytest.raises(ValueError, match=rf"action is {wrong} in copy 1, expected 0 to {n - 1}: the action space"):
            envs.step(np.array([0, wrong]))
    for shape in (np.zeros(3, dtype=int), np.zeros((2, 1), dtype=int), np.array([0.0, 0.7]), 0):
        with pytest.raises(ValueError, match=r"actions have shape .*expected \(2,\) whole numbers"):
            envs.step(shape)
    assert len(envs.step([0, 0])) == 5


@many
def test_copies_refuse_options_that_nobody_reads(make):
    with pytest.raises(ValueError, match="options have"):
        make(2).reset(options={"place": 3})


def test_states_of_copies_are_checked():
    chases = MANY["chases"](2)
    assert chases.reset(seed=0, options={"states": [7, 3]})[0].tolist() == [7, 3]
    for wrong in ([-1, 3], [50, 3], [3], [0.5, 3]):
        with pytest.raises(ValueError, match=r"states.*expected"):
            chases.reset(seed=0, options={"states": wrong})
    tables = Shapes(2).copies(2)
    for places in ([[[0, 0], [1, 1]]], [[[0, 0], [1, 1]], [[0, 0], [0, 0]]], [[[0, 0], [1, 1]], [[0, -1], [0, 0]]]):
        with pytest.raises(ValueError, match=r"positions"):
            tables.reset(seed=0, options={"positions": places})


def test_starts_of_cart_poles_are_wide_where_asked():
    poles = CartPoles(200)
    wide = poles.reset(seed=0, options={"low": -1.0, "high": 1.0})[0]
    narrow = poles.reset(seed=0)[0]
    assert 0.9 < np.abs(wide).max() <= 1 and np.allclose(wide, 20 * narrow)
    assert CartPoles(2, render_mode="rgb_array").metadata["render_modes"] == ["rgb_array"]


def test_cart_poles_are_drawn():
    poles = CartPoles(2, render_mode="rgb_array")
    with pytest.raises(ResetNeeded, match="call reset first"):
        poles.render()
    poles.reset(seed=0)
    one, other = poles.render()
    alone = CartPole(render_mode="rgb_array")
    alone.reset(seed=0)
    alone.state = poles.state[:, 0]
    assert one.shape == other.shape == alone.render().shape and np.array_equal(one, alone.render())


@pytest.mark.parametrize(
    ("seed", "error", "message"),
    [
        ([1, 2], ValueError, "2 seeds for 3"),
        (-1, ValueError, "a seed is -1"),
        ([1, -2, 3], ValueError, "a seed is -2"),
        (1.5, TypeError, "seed is 1.5, expected a whole number"),
        ("abc", TypeError, "seed is 'abc'"),
    ],
)
def test_seeds_that_are_none_are_refused(seed, error, message):
    with pytest.raises(error, match=message):
        Streams(seed, 3)
    with pytest.raises(error, match=message):
        Streams(0, 3).renew(seed)


def test_seeds_of_other_whole_types():
    assert (Streams(np.int64(4), 2).draw() == Streams([4, np.uint8(5)], 2).draw()).all()
