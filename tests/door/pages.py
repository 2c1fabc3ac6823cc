"""What stands in pages and files: figures, sentences, recordings, sweeps."""

import io
from contextlib import redirect_stdout

import numpy as np
from matplotlib.figure import Figure

from symrl_lite import checks, notebook, plots, recorded
from symrl_lite.groups import cyclic
from symrl_lite.sweeps import kept
from tests.door.judge import Trial, entry
from tests.door.kinds import array, count, given, real, thing, whole_array, word

draw = np.random.default_rng(4)
C3 = cyclic(3)
RECORDING = recorded.load("cartpole")
NAME = next(iter(RECORDING.curves))


def on_axes(drawing, **fixed):
    """A drawing on axes of its own, without an answer."""

    def call(**given):
        drawing(Figure().subplots(), **fixed, **given)

    return call


text = given("a text", ("a number", 3), ("None", None), ("nothing", ""), words=("alternative text", "title"))
grid = plots.GridState(3, (0, 1), (2, 2), ((1, 1),))
PLOTS = [
    entry("plots.draw_image", on_axes(plots.draw_image), image=array(draw.random((3, 4)), extra=False)),
    entry(
        "plots.draw_bars",
        on_axes(plots.draw_bars),
        values=array([0.5, 1.0], half=1e-6),
        expected=array([0.5, 1.0], none=True),
        names=given(["a", "b"], ("one", ["a"]), ("a number", 3)),
    ),
    entry("plots.draw_cartpole", on_axes(plots.draw_cartpole), state=array([0.5, 1.0, 0.1, 0.2])),
    entry("plots.draw_grid_labels", on_axes(plots.draw_grid_labels), labels=whole_array([[0, 1], [1, 2]])),
    entry("plots.draw_gridworld", on_axes(plots.draw_gridworld), state=thing(grid)),
    entry(
        "plots.draw_cayley_table",
        on_axes(plots.draw_cayley_table),
        group=whole_array(C3.table, low=None, words=("table",)),
    ),
    entry(
        "plots.draw_dependencies",
        on_axes(plots.draw_dependencies),
        parents=given([[0], [0, 1]], ("a tuple", ((0,), (0, 1)), [[0], [0, 1]])),
    ),
    entry(
        "plots.GridState",
        plots.GridState,
        size=count(3),
        agent=given((0, 1), ("outside", (3, 3)), ("below", (-1, 0)), ("a text", "here")),
        goal=given((2, 2), ("outside", (3, 3))),
    ),
    entry(
        "plots.grid_labels",
        lambda **g: str(plots.grid_labels(**g)),
        labels=given(
            [[0, 1], [1, 0]], ("fractions", [[0.5]]), ("below 0", [[-1]]), ("an axis less", [0, 1]), ("None", None)
        ),
        alt=text,
        title=text,
    ),
    entry(
        "plots.curves",
        lambda **g: str(plots.curves(**g, xlabel="x", ylabel="y")),
        x=given([0, 1, 2], ("another length", [0, 1]), ("NaN", [0, 1, np.nan]), ("a text", "three"), ("None", None)),
        series=given(
            {"a": np.ones((2, 3))}, ("nothing", {}), ("texts", {"a": ["x"] * 3}), ("NaN", {"a": [np.nan] * 3})
        ),
        alt=text,
        title=text,
        band=word("range"),
    ),
    entry(
        "plots.dots",
        lambda **g: str(plots.dots(**g, xlabel="x")),
        series=given(
            {"a": [1.0, np.inf], "b": [2.0]},
            ("nothing", {}),
            ("no values", {"a": []}),
            ("texts", {"a": ["x"]}),
            ("NaN", {"a": [np.nan]}),
            ("nothing finite", {"a": [np.inf]}),
            ("a number", {"a": 3.0}),
            ("a list", [1.0, 2.0]),
            ("None", None),
        ),
        alt=text,
        title=text,
    ),
]


def said(template):
    with redirect_stdout(io.StringIO()):
        notebook.say(template)


SENTENCES = [
    entry(
        "notebook.sentence",
        lambda template, value: notebook.sentence(template, value=value),
        template=given(
            "It is {value}.",
            ("a number", 3),
            ("None", None),
            ("bytes", b"x"),
            ("another field", "{other}"),
            ("no name", "{}"),
        ),
        value=given(3),
    ),
    entry("notebook.say", said, template=given("A text.", ("a number", 3), ("a field", "{other}"), words=("other",))),
]
FILES = [
    entry(
        "recorded.load",
        lambda name: recorded.load(name).command,
        errors=(FileNotFoundError,),
        name=given("cartpole", ("another name", "none of them"), ("a number", 3)),
    ),
    entry("recorded.Recording", lambda: str(RECORDING)),
    entry(
        "recorded.Recording.median",
        RECORDING.median,
        errors=(KeyError,),
        name=given(NAME, ("another name", "none of them")),
    ),
    entry(
        "recorded.Recording.steps_to",
        RECORDING.steps_to,
        errors=(KeyError,),
        name=given(NAME, ("another name", "none of them")),
        threshold=real(100.0),
    ),
    entry(
        "recorded.Recording.table",
        lambda names: RECORDING.table(names),
        errors=(KeyError,),
        names=given([NAME], ("another name", ["none of them"]), ("nothing", [])),
    ),
    entry("recorded.Curve", lambda: RECORDING.curves[NAME].parameters),
    entry(
        "sweeps.kept.encoded",
        lambda value: kept.decoded(kept.encoded(value)),
        value=given(
            {"a": [1, 2.5, (3,)], "b": np.arange(3)}, ("an object", object()), ("a function", len), words=("result",)
        ),
    ),
    entry("sweeps.kept.decoded", kept.decoded, tree=given(kept.encoded([1, 2]))),
]
CHECKED = [
    entry(
        "checks.as_array",
        lambda answer: checks.as_array(answer, (3,), "the answer"),
        errors=(checks.Wrong,),
        answer=array([1.0, 2.0, 3.0], whole=True),
    ),
    entry(
        "checks.as_integer",
        lambda answer: checks.as_integer(answer, "the answer"),
        errors=(checks.Wrong,),
        answer=given(
            8,
            ("np.int64", np.int64(8), 8),
            ("a whole float", 8.0, 8),
            ("a fraction", 8.5),
            ("a text", "8"),
            ("None", None),
            ("a list", [8]),
        ),
    ),
    entry(
        "checks.same_answer",
        lambda answer: checks.same_answer(answer, np.array([1.0, 2.0])),
        answer=given(np.array([1.0, 2.0]), Trial("float32", np.float32([1, 2]), np.array([1.0, 2.0]), True)),
    ),
    entry("checks.run_steps", lambda: checks.run_steps("A", [("one", lambda: None)]).passed),
    entry("checks.CheckResult", lambda: checks.CheckResult("A", (), "", True).passed),
]
TABLE = [*PLOTS, *SENTENCES, *FILES, *CHECKED]
