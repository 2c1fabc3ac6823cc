"""Episodes with goals, other goals, and steps elsewhere."""

import numpy as np

from symrl_lite import replay
from symrl_lite.envs.bowl import KINDS, frames
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, real, thing, whole_array

draw = np.random.default_rng(5)
OBSERVATIONS, ACHIEVED = draw.normal(size=(2, 4, 4)), draw.normal(size=(2, 4, 2))
GOALS, DONE = draw.normal(size=(2, 2)), draw.normal(size=(2, 3, 2))
EPISODES = replay.GoalEpisodes(OBSERVATIONS, ACHIEVED, GOALS, DONE)
near = lambda achieved, goals: -1.0 * (np.abs(achieved - goals).max(axis=-1) > 0.5)  # noqa: E731
BATCH = replay.hindsight(EPISODES, 4, np.random.default_rng(0), near)
some = lambda *names: {name: BATCH[name] for name in names}  # noqa: E731


def seeded(function):
    """The function with a generator made anew from `seed`; other things are handed on as `random`."""

    def call(seed, **arguments):
        return function(random=np.random.default_rng(0) if isinstance(seed, tuple) else seed, **arguments)

    return call


generator = given(
    ("a generator",),
    ("a number", 3),
    ("None", None),
    ("a text", "three"),
    ("NumPy's old one", np.random.RandomState(0)),
    ("a module", np.random),
    words=("random",),
)


def a_batch(*names):
    """A mapping to arrays, with what people put in its place."""
    plain = some(*names)
    first = names[0]
    return given(
        plain,
        ("lists", {name: values.tolist() for name, values in plain.items()}, plain),
        ("texts", {**plain, first: plain[first].astype(str)}),
        ("complex numbers", {**plain, first: plain[first] + 1j}),
        ("rows of different lengths", {**plain, first: [[1.0], [1.0, 2.0]]}),
        ("one row less", {**plain, first: plain[first][1:]}),
        ("nothing", {}),
        ("no rows", {name: values[:0] for name, values in plain.items()}),
        ("a list", [1]),
        ("a number", 3),
        ("None", None),
        ("one axis more", {**plain, first: plain[first][:, None]}),
        words=(*names, "batch"),
    )


kinds = lambda: given(  # noqa: E731
    KINDS,
    ("lists", {name: list(parts) for name, parts in KINDS.items()}, KINDS),
    ("sets", {name: set(parts) for name, parts in KINDS.items()}),
    ("another kind", {**KINDS, "goals": ["place"]}),
    ("one too many", {**KINDS, "goals": ["point", "number"]}),
    ("one is missing", {"actions": ["vector"]}),
    ("numbers", {**KINDS, "goals": 3}),
    ("a list", ["point"]),
    ("None", None),
    words=("goals", "have no rule"),
)
reward = lambda: function(near, words=("reward",))  # noqa: E731
base = lambda: array([0.25, -0.5], none=True, half=1e-6, other_length=0)  # noqa: E731
turn = np.array([[0.6, -0.8], [0.8, 0.6]])
TABLE = [
    entry(
        "replay.GoalEpisodes",
        replay.GoalEpisodes,
        observations=array(OBSERVATIONS, half=1e-6, other_length=1),
        achieved=array(ACHIEVED, half=1e-6, other_length=1),
        goals=array(GOALS, half=1e-6, other_length=0),
        actions=array(DONE, half=1e-6, other_length=1),
        numbers=whole_array([4, 7], none=True),
    ),
    entry(
        "replay.GoalEpisodes.joined",
        replay.GoalEpisodes.joined,
        parts=given(
            [EPISODES, EPISODES],
            ("a tuple", (EPISODES, EPISODES), [EPISODES, EPISODES]),
            ("one alone", EPISODES),
            ("nothing", []),
            ("numbers", [1, 2]),
            ("None", None),
        ),
    ),
    entry(
        "replay.hindsight",
        seeded(replay.hindsight),
        episodes=thing(EPISODES, {}),
        n=count(3),
        seed=generator,
        reward=reward(),
        share=real(0.5, 0, 1),
    ),
    entry(
        "replay.nearby_goals",
        seeded(replay.nearby_goals),
        batch=a_batch("goals", "achieved", "rewards"),
        radius=real(0.25, 0),
        copies=count(2, low=0),
        seed=generator,
        reward=reward(),
    ),
    entry(
        "replay.mirror", replay.mirror, angles=array([0.5, 1.0], nan="shown", empty=False, missing=False, extra=False)
    ),
    entry(
        "replay.moved",
        replay.moved,
        batch=a_batch("goals", "actions", "rewards"),
        kinds=kinds(),
        matrices=array(turn, extra=False, half=1e-6, other_length=0),
        base=base(),
    ),
    entry(
        "replay.reflections",
        seeded(replay.reflections),
        batch=a_batch("goals", "actions", "numbers"),
        kinds=kinds(),
        seed=generator,
        mirrors=count(3, low=0, none=True),
        base=base(),
    ),
    entry(
        "replay.framed",
        replay.framed,
        batch=a_batch("goals", "observations", "next_observations", "actions", "rewards"),
        kinds=kinds(),
        frames=function(frames),
    ),
]
