"""Every environment: how it is made, started, stepped, set; and the functions beside it."""

import atexit

import numpy as np
from gymnasium.spaces import Box

from symrl_lite import envs
from symrl_lite.envs import bowl, cartpole, catch, physics, pong, sprites
from symrl_lite.envs.blocks import Blocks
from symrl_lite.envs.bowl import Bowl, Bowls
from symrl_lite.envs.cartpole import CartPole, CartPoles
from symrl_lite.envs.catch import Catch, Catches
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.physics import ThreeBodies, ThreeBodyCopies
from symrl_lite.envs.pong import Pong, Pongs
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.envs.room import Room
from symrl_lite.envs.shapes import Shapes
from symrl_lite.envs.sprites import SpriteCopies, Sprites
from symrl_lite.envs.traffic import TrafficLights
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, index, real, seed, whole_array, word

draw = np.random.default_rng(3)
steps = {"max_steps": count(9)}
mode = {"render_mode": word("rgb_array", none=True)}
share = lambda v: real(v, 0, 1)  # noqa: E731
cell = lambda *at: given(  # noqa: E731
    at,
    ("an array", np.array(at), at),
    ("a list", list(at), at),
    ("fractions", (0.5, 1)),
    ("outside", (9, 9)),
    ("below", (-1, 0)),
    ("a number", 3),
    ("a text", "here"),
    ("one number", (1,)),
    ("booleans", (True, False)),
    words=("cell", "goal", "deliver"),
)
a_bowl = {"observation": word("array"), "swirl": real(0.5), "bounded": given(False, ("a number", 1), ("None", None))}
MADE = {
    "gridworld.GridWorld": (
        GridWorld,
        {
            "size": count(3),
            "goal": cell(0, 2),
            "walls": given(
                [(1, 1)],
                ("a number", 3),
                ("outside", [(9, 9)]),
                ("fractions", [(0.5, 1)]),
                ("None", None),
                words=("wall",),
            ),
            "slip": share(0.1),
            **steps,
            **mode,
        },
    ),
    "predator.PredatorPrey": (
        PredatorPrey,
        {"size": count(3, low=3), "prey_moves": share(0.2), "observation": word("index"), **steps, **mode},
    ),
    "room.Room": (
        Room,
        {
            "objects": count(1, high=2),
            "deliveries": given(
                "corners",
                ("cells", [(1, 1), (1, 6), (6, 1), (6, 6)], "corners"),
                ("another word", "here"),
                ("a number", 3),
                ("outside", [(9, 9)]),
                ("None", None),
            ),
            "slip": share(0.1),
            "pixels": count(2, high=6),
            "observation": word("place"),
            **steps,
            **mode,
        },
    ),
    "traffic.TrafficLights": (
        TrafficLights,
        {
            "lights": count(2),
            "capacity": count(2),
            "layout": word("ring"),
            "arrival": share(0.3),
            "halt": real(0.5),
            "observation": word("queues"),
            **steps,
            **mode,
        },
    ),
    "blocks.Blocks": (Blocks, {"objects": count(2, high=9), "size": count(3), **steps, **mode}),
    "shapes.Shapes": (Shapes, {"objects": count(2, high=9), "size": count(3), **steps, **mode}),
    "pong.Pong": (Pong, {"size": count(7, low=7), **steps, **mode}),
    "pong.Pongs": (Pongs, {"num_envs": count(2), "size": count(7, low=7), **steps}),
    "catch.Catch": (Catch, {"noise": real(0.1, low=0), "observation": word("state"), **mode}),
    "catch.Catches": (Catches, {"num_envs": count(2), "noise": real(0.1, low=0), "observation": word("state")}),
    "cartpole.CartPole": (CartPole, {"wind": real(0.5), **mode}),
    "cartpole.CartPoles": (CartPoles, {"num_envs": count(2), "wind": real(0.5), "max_episode_steps": count(9), **mode}),
    "physics.ThreeBodies": (ThreeBodies, {**steps, **mode}),
    "physics.ThreeBodyCopies": (ThreeBodyCopies, {"num_envs": count(2), **steps}),
    "sprites.Sprites": (
        Sprites,
        {"sprites": array(np.round(draw.random((2, 8, 8)), 2), half=1e-6, none=True), **steps, **mode},
    ),
    "sprites.SpriteCopies": (SpriteCopies, {"num_envs": count(2), "n_sprites": count(2), **steps}),
    "bowl.Bowl": (Bowl, {**a_bowl, **steps, **mode}),
    "bowl.Bowls": (Bowls, {"num_envs": count(2), **a_bowl, **steps}),
}
VECTORS = (Pongs, Catches, CartPoles, ThreeBodyCopies, SpriteCopies, Bowls)


def shown(env):
    """What an environment says at its start."""
    return env.reset(seed=5)[0]


def started(make, **plain):
    env = make(**plain)
    env.reset(seed=5)
    return env


TABLE = []
for name, (make, kinds) in MADE.items():
    plain = {k: kind.value for k, kind in kinds.items()}
    several, where = make in VECTORS, f"envs.{name}"
    n = 2 if several else 1
    TABLE.append(entry(where, make, view=shown, **kinds))
    unknown = given(
        {},
        ("an unknown key", {"nothing": 3}),
        ("a list", [1]),
        ("a number", 3),
        ("a text", "three"),
        words=("nothing",),
    )
    seeds = seed(5, none=True, words=("seed",))
    seeds.trials = [t for t in seeds.trials if not (several and t.label in ("two numbers", "a list"))]
    TABLE.append(
        entry(
            f"{where}.reset",
            lambda seed, options, make=make, plain=plain: make(**plain).reset(seed=seed, options=options)[0],
            seed=seeds,
            options=unknown,
        )
    )
    actions = started(make, **plain).action_space
    if isinstance(actions, Box):
        action = array(0.5 * np.eye(2) if several else [0.5, 0.25], half=1e-6, words=("action",))
    else:
        last = int(actions.nvec[0] if several else actions.n) - 1
        action = whole_array([0, last], high=last) if several else index(last, last + 1)
        action.words = ("action",)
    TABLE.append(
        entry(
            f"{where}.step",
            lambda action, make=make, plain=plain: started(make, **plain).step(action)[:4],
            action=action,
        )
    )
    if hasattr(make, "render") and "render_mode" in plain:
        TABLE.append(entry(f"{where}.render", started(make, **plain).render))
        if hasattr(make, "picture"):
            TABLE.append(entry(f"{where}.picture", started(make, **plain).picture))

world, chase, lights = (
    started(GridWorld, size=3),
    started(PredatorPrey, observation="index"),
    started(TrafficLights, lights=2),
)
room, table, blocks, court = (
    started(Room, pixels=1, observation="place"),
    started(Shapes, objects=2, size=3),
    started(Blocks, objects=2, size=3),
    started(Pong, size=7),
)
falling = started(Catch)


def after(env, method="set_state"):
    """The state that an environment is in after it was set."""

    def call(**given):
        getattr(env, method)(*given.values())
        return getattr(env, "state", None) if not hasattr(env, "positions") else env.positions

    return call


told = lambda s: [s.group.table, s.name]  # noqa: E731
queues = whole_array([1, 0], high=2, words=("queues",), extra=False)
places = whole_array([[0, 1], [2, 2]], high=2, words=("positions",))
boards = whole_array([[[0, 1], [2, 2]]], high=2, words=("positions",), empty=False)
copies = lambda env: lambda num_envs: env.copies(num_envs).reset(seed=0)[0]  # noqa: E731
for name, env, state, n, a in (
    ("gridworld.GridWorld", world, index(3, 9), 9, 4),
    ("predator.PredatorPrey", chase, index(7, 50), 50, 5),
    ("room.Room", room, index(7, 71), 284, 4),
    ("traffic.TrafficLights", lights, queues, 9, 4),
):
    state.trials = [t for t in state.trials if t.label not in ("a list", "None")]
    state.words = ("state", "place", "queues")
    TABLE += [
        entry(f"envs.{name}.set_state", after(env), observation=state),
        entry(f"envs.{name}.index_of", env.index_of, observation=state),
        entry(f"envs.{name}.outcomes", env.outcomes, state=index(3, n), action=index(1, a)),
        entry(f"envs.{name}.observe", env.observe, state=index(3, n)),
        entry(f"envs.{name}.tabular", env.tabular, discount=real(0.9, 0, 0.95)),
    ]
for name, env in (("shapes.Shapes", table), ("blocks.Blocks", blocks)):
    TABLE += [
        entry(f"envs.{name}.set_state", after(env), positions=places),
        entry(f"envs.{name}.placed", env.placed, positions=places),
        entry(f"envs.{name}.images", env.images, positions=boards),
        entry(f"envs.{name}.masks", env.masks, positions=boards),
        entry(f"envs.{name}.copies", copies(env), num_envs=count(2)),
        entry(f"envs.{name}.rotations", env.rotations, view=told),
    ]
frames = array(court.reset(seed=1)[0], nan="refused", whole=False, half=1e-6, words=("observation", "two frames"))
TABLE += [
    entry("envs.gridworld.GridWorld.rotations", world.rotations, view=told),
    entry("envs.gridworld.GridWorld.symmetries", world.symmetries, view=told),
    entry("envs.gridworld.GridWorld.state_of", world.state_of, cell=cell(0, 1)),
    entry("envs.gridworld.GridWorld.view", world.view, state=index(3, 9)),
    entry("envs.predator.PredatorPrey.rotations", chase.rotations, view=told),
    entry("envs.predator.PredatorPrey.symmetries", chase.symmetries, view=told),
    entry("envs.predator.PredatorPrey.images", chase.images),
    entry("envs.predator.PredatorPrey.copies", copies(chase), num_envs=count(2)),
    entry("envs.predator.PredatorPrey.view", chase.view, state=index(3, 50)),
    entry("envs.room.Room.copies", copies(room), num_envs=count(2)),
    entry("envs.room.Room.goal", room.goal, delivery=cell(1, 2)),
    entry("envs.room.Room.images", room.images),
    entry("envs.room.Room.moves", room.moves),
    entry("envs.room.Room.place_of", room.place_of, cell=cell(1, 2)),
    entry("envs.traffic.TrafficLights.switches", lights.switches, action=index(1, 4)),
    entry("envs.traffic.TrafficLights.parents", lights.parents, light=index(1, 2)),
    entry("envs.traffic.TrafficLights.rotations", lights.rotations, view=told),
    entry("envs.traffic.TrafficLights.permutations", lights.permutations, view=told),
    entry(
        "envs.pong.Pong.set_state",
        lambda observation: (court.set_state(observation), court._court.states)[1],
        observation=frames,
    ),
    entry("envs.pong.flip", pong.flip, view=told),
    entry(
        "envs.catch.Catch.set_state",
        after(falling),
        state=whole_array([3, 5, 1, 0, 2, 4], high=None, low=None, words=("state",)),
    ),
    entry("envs.catch.flip", catch.flip, view=told),
    entry("envs.catch.reflection", catch.reflection, view=told),
    *[
        entry(
            f"envs.catch.{made.__name__}",
            made,
            states=whole_array([[3, 5, 1, 0, 2, 4], [0, 0, 1, 11, 0, 0]], low=None, missing=True, words=("states",)),
            fine={"states: nothing": "no pictures of no states"},
        )
        for made in (catch.pictures, catch.expert)
    ],
    entry("envs.bowl.demonstration", bowl.demonstration, seed=seed(3), steps=count(4)),
    entry("envs.catch.demonstrations", catch.demonstrations, episodes=count(2), seed=seed(3), noise=real(0.1, low=0)),
    entry(
        "envs.catch.catches",
        catch.catches,
        policies=given(
            [lambda seen: np.tile([0.0, 1, 0], (len(seen), 1))],
            ("a function", lambda seen: np.zeros((len(seen), 3))),
            ("a number", 3),
            ("None", None),
            ("nothing", []),
            ("numbers", [3]),
            ("other scores", [lambda seen: np.zeros((len(seen), 2))]),
            ("NaN", [lambda seen: np.full((len(seen), 3), np.nan)]),
            words=("policies",),
        ),
        episodes=count(3),
        seed=seed(3),
        noise=real(0.1, low=0),
    ),
    entry(
        "envs.pong.scenes",
        pong.scenes,
        policy=function(lambda seen: [1, 0, 0]),
        size=count(7, low=7),
        times=given([1, 2], ("a number", 3), ("fractions", [0.5]), ("None", None), ("nothing", [])),
        seed=seed(3),
    ),
    entry("envs.cartpole.reflection", cartpole.reflection, view=told),
    entry(
        "envs.cartpole.visited",
        cartpole.visited,
        policy=function(lambda states: np.full((len(states), 2), 0.5)),
        copies=count(2),
        steps=count(3),
        seed=seed(3),
        wind=real(0.5),
    ),
    entry(
        "envs.physics.accelerations",
        physics.accelerations,
        positions=array([[0.0, 1.0], [2.0, 5.0]], nan="shown", extra=False, empty=False, whole=True),
    ),
    entry(
        "envs.physics.advance",
        physics.advance,
        positions=array([[0.0, 1.0], [2.0, 5.0]], nan="shown", extra=False, empty=False, whole=True),
        velocities=array([[0.0, 1.0], [0.0, 1.0]], nan="shown", extra=False, empty=False, whole=True),
        time=real(1.0),
        parts=count(4),
    ),
    entry("envs.bowl.symmetries", bowl.symmetries, view=told, n=count(4, low=2)),
    entry("envs.bowl.reflect", bowl.reflect, view=told, angle=real(0.5)),
    entry(
        "envs.bowl.frames",
        bowl.frames,
        observations=array(draw.normal(size=(3, 4)), other_length=0, empty=True, half=1e-5),
        goals=array(draw.normal(size=(3, 2)), other_length=0, half=1e-5),
    ),
    entry(
        "envs.bowl.Bowl.set_state",
        after(started(Bowl)),
        state=array(draw.normal(size=6), half=1e-6, extra=True),
    ),
    entry("envs.sprites.digits", sprites.digits, train=given(False)),
    entry("envs.sprites.goals", sprites.goals, left=given(True)),
    entry("envs.sprites.moves", sprites.moves),
    entry(
        "envs.sprites.moved",
        sprites.moved,
        places=whole_array([0, 48], high=48, missing=False, extra=False, empty=False),
        actions=whole_array([1, 3], high=3, missing=False, extra=False, empty=False),
    ),
    entry("envs.sprites.render", sprites.render, sprites=array(draw.random((2, 8, 8)), nan="shown", half=1e-6)),
    entry("envs.register", envs.register),
]

try:
    import ale_py  # noqa: F401

    from symrl_lite.envs import atari, atari_frames

    pong_of_atari = started(atari.AtariPong, render_mode="rgb_array")
    atexit.register(vars(pong_of_atari).clear)  # the emulator complains about what is left when Python ends
    TABLE += [
        entry("envs.atari.AtariPong", atari.AtariPong, view=lambda env: env.frames, frames=count(2), **mode),
        entry("envs.atari.AtariPong.reset", lambda seed: pong_of_atari.reset(seed=seed)[0], seed=seed(5, none=True)),
        entry("envs.atari.AtariPong.step", pong_of_atari.step, view=lambda told: told[2:4], action=index(1, 3)),
        entry(
            "envs.atari.AtariPong.set_state",
            lambda state: (pong_of_atari.set_state(state), pong_of_atari.observe())[1],
            state=whole_array([100, 100, 80, 60, 2, 1], low=-255, high=255),
        ),
        entry(
            "envs.atari.AtariPong.rallies",
            pong_of_atari.rallies,
            view=lambda found: found.shape,
            count=count(1),
            seed=seed(0),
        ),
        entry("envs.atari.AtariPong.observe", pong_of_atari.observe),
        entry("envs.atari.AtariPong.frame", pong_of_atari.frame),
        entry("envs.atari.AtariPong.picture", pong_of_atari.picture),
        entry("envs.atari.AtariPong.render", pong_of_atari.render),
        entry("envs.atari.flip", atari.flip, view=told),
        entry(
            "envs.atari_frames.AtariFrames",
            atari_frames.AtariFrames,
            view=lambda env: env.max_steps,
            game=word("Pong"),
            **steps,
            **mode,
        ),
    ]
except ModuleNotFoundError:  # an optional package
    pass
