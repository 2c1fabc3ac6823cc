"""Every public function is tried with other people's data: what it computes is right, or it refuses in a sentence.

The tables in tests/door say how each is called, and what each of its arguments is; the kinds of arguments there know
what people give in their place, the list of DESIGN.md's *At the door*.
"""

import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch

import symrl_lite
from symrl_lite.checks import CheckResult
from tests.door import mathematics, models, networks, pages, processes, replays, trainers, worlds
from tests.door.judge import alike, complaints, entry, outcome, view
from tests.door.kinds import array, count

TABLE = [
    *mathematics.TABLE,
    *processes.TABLE,
    *replays.TABLE,
    *networks.TABLE,
    *trainers.TABLE,
    *models.TABLE,
    *worlds.TABLE,
    *pages.TABLE,
]
CHAPTERS = ("checks.chapter01", "checks.chapter02", "checks.chapter03", "checks.chapter04")
CHAPTERS += ("checks.chapter05", "checks.chapter06", "checks.chapter07")

# Public names without a line in a table, and why.
ELSEWHERE = {
    "checks.chapter": "a check says what is wrong and never raises: test_a_check_survives_every_answer",
    "checks.Wrong": "an exception, raised inside of checks",
    "door": "it is what refuses, in all that is tried here",
    "envs.atari": "needs the optional package ale-py; tried above where it is there",
    "policies.ActorCritic.stacked": "asked by SeedBatch alone; tests/seeds/test_stacks.py",
    "plots.Picture": "made by `picture`",
    "plots.cayley_table": "draws by draw_cayley_table, which is tried; tests/plots/test_plots.py",
    "plots.cayley_tables": "likewise",
    "plots.code_grids": "refusals in tests/widgets/test_object_views.py",
    "plots.commuting_square": "applies actions by apply_action, which is tried; tests/plots/test_plots.py",
    "plots.draw_bowl": "refusals in tests/plots/test_bowls.py",
    "plots.draw_policy": "of a GridWorld; tests/plots/test_plots.py",
    "plots.draw_push": "refusals in tests/widgets/test_object_views.py",
    "plots.image_row": "draws by draw_image, which is tried; tests/plots/test_plots.py",
    "plots.latent_graphs": "refusals in tests/plots/test_plots.py and tests/plannable/test_latent_planner.py",
    "plots.object_maps": "refusals in tests/widgets/test_object_views.py",
    "plots.picture": "refusals in tests/plots/test_plots.py",
    "recorded.Curve.of": "of a TrainingRun; tests/recorded/test_recorded.py",
    "recorded.save": "writes into the package; tests/recorded/test_recorded.py",
    "structured.StructuredModel.encode_tiles": "of tiles that the package cuts; tests/structured/test_structured.py",
    "structured.load_model": "files: tests/ppo/test_trainer_doors.py",
    "structured.save_model": "files: tests/ppo/test_trainer_doors.py",
    "sweeps": "processes and files, with refusals of their own: tests/sweeps/test_sweeps.py",
    "widgets": "prepared pictures take seconds; refusals in tests/widgets/",
}


@pytest.mark.parametrize("tried", TABLE, ids=[f"{k}-{tried.name}" for k, tried in enumerate(TABLE)])
def test_the_right_thing_or_a_refusal(tried):
    wrong = complaints(tried)
    assert not wrong, "\n" + "\n".join(wrong)


def public_names():
    """All public functions, classes and methods, each with its names."""
    found = {}
    rooms = [room.name for room in pkgutil.iter_modules(symrl_lite.__path__)]
    for folder in ("envs", "checks"):  # here each file is a room of its own
        path = importlib.import_module(f"symrl_lite.{folder}").__path__
        rooms += [f"{folder}.{part.name}" for part in pkgutil.iter_modules(path) if not part.name.startswith("_")]
    for short in rooms:
        loaded = importlib.import_module(f"symrl_lite.{short}")
        for name in loaded.__all__:
            thing = getattr(loaded, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                found.setdefault(thing, []).append(f"{short}.{name}")
    methods = []
    for thing, names in found.items():
        for name in dir(thing) if inspect.isclass(thing) else ():
            owner = next((c for c in thing.__mro__ if name in vars(c)), object)
            own = not name.startswith("_") and owner.__module__.startswith("symrl_lite")
            if own and callable(getattr(thing, name)) and not isinstance(vars(owner)[name], property):
                methods.append([f"{known}.{name}" for known in names])
    return [*found.values(), *methods]


def test_every_public_name_is_tried():
    tried = {line.name for line in TABLE}
    missing = [
        names
        for names in public_names()
        if not tried & set(names) and not any(name.startswith(tuple(ELSEWHERE)) for name in names)
    ]
    assert len(tried) > 300
    assert not missing, f"neither in a table of tests/door nor in ELSEWHERE: {missing}"


def test_the_exceptions_are_names():
    names = [name for some in public_names() for name in some]
    assert [name for name in ELSEWHERE if not any(known.startswith(name) for known in names)] == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_check_survives_every_answer(chapter):
    module = importlib.import_module(f"symrl_lite.{chapter}")

    def raises(*_, **__):
        raise RuntimeError("the reader's own")

    answers = [
        None,
        "three",
        3,
        float("nan"),
        object(),
        [],
        {},
        np.array(["a"]),
        np.full((2, 2), np.nan),
        [[1.0], [2, 3]],
    ]
    answers += [torch.zeros(2, requires_grad=True), 1j, lambda: None, b"x", np.zeros((0, 3)), {1: 2}, True]
    for name in module.__all__:
        for function in (raises, *(lambda *_, answer=answer, **__: answer for answer in answers)):
            result = getattr(module, name)(function)
            assert isinstance(result, CheckResult) and not result.passed, (name, function)
            assert repr(result)


PRECISE = (
    "equivariance.apply_action",
    "symmetrizer.symmetrize",
    "symmetrizer.WeightOrbits.weight",
    "mdp.TabularMDP.expected",
    "mdp.TabularMDP.q_values",
    "homomorphism.MDPHomomorphism.lift_q",
    "homomorphism.MDPHomomorphism.lift_values",
    "plannable.LinearModel.encode",
    "plannable.latent_transitions",
    "seeds.area_under_curve",
    "seeds.interquartile_mean",
    "envs.physics.accelerations",
    "envs.physics.advance",
    "replay.moved",
)


@pytest.mark.parametrize("name", PRECISE)
def test_double_precision_is_kept(name):
    """A change in the twelfth digit shows in the result: nothing on the way is rounded to single precision."""
    shown = 0
    for tried in (line for line in TABLE if line.name == name):
        plain = {k: kind.value for k, kind in tried.kinds.items()}
        before = view(outcome(tried, plain)[0], tried)
        for k, value in plain.items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                after = view(
                    outcome(tried, plain | {k: value + 1e-12 * np.arange(1, value.size + 1).reshape(value.shape)})[0],
                    tried,
                )
                assert not alike(before, after, 0.0), k
                shown += 1
    assert shown


def test_a_default_dtype_changes_no_result():
    different = []
    tables = [*mathematics.TABLE, *processes.TABLE, *worlds.TABLE, *trainers.RANKED, *trainers.SEEDS[3:7]]
    for tried in tables:
        if tried.name.startswith(("data.collect", "envs.atari")):
            continue
        plain = {k: kind.value for k, kind in tried.kinds.items()}
        seen = []
        for dtype in (torch.float32, torch.float64):
            torch.set_default_dtype(dtype)
            try:
                result, error, _ = outcome(tried, plain)
            finally:
                torch.set_default_dtype(torch.float32)
            seen.append(repr(error) if error else view(result, tried))
        if not alike(seen[0], seen[1], 1e-6):
            different.append(tried.name)
    assert not different


def test_networks_and_settings_are_made_in_double_precision_too():
    torch.set_default_dtype(torch.float64)
    try:
        for tried in (line for line in [*networks.TABLE, *trainers.TABLE, *models.TABLE] if line.random):
            _, error, _ = outcome(tried, {k: kind.value for k, kind in tried.kinds.items()})
            assert error is None, (tried.name, error)
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_judge_finds_what_it_is_for():
    """A test of the tester: silent numbers, bare messages, messages without a name, arguments that are changed."""

    def silent(n):
        return int(n)

    def bare(x):
        return np.asarray(x, dtype=float) @ np.ones(3)

    def writes(x):
        x[0] = 7.0
        return 0.0

    assert any("fraction" in c and "expected a refusal" in c for c in complaints(entry("silent", silent, n=count(3))))
    assert any("refused by others" in c for c in complaints(entry("bare", bare, x=array([1.0, 2.0, 3.0]))))
    assert any("changes x" in c for c in complaints(entry("writes", writes, x=array([1.0, 2.0, 3.0]))))
