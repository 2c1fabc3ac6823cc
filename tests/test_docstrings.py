"""What the reference shows: every public name says what it does, what it takes, and what it refuses."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "symrl_lite"
ARRAYS = re.compile(r"Tensor|ndarray|NDArray|ArrayLike")  # in an annotation
AXIS = r"(?:\*?[A-Za-z]\w*'?|\d+|\.\.\.|\|G\||len\(\w+\))"
AXES = rf"(?:\[{AXIS},\] )?{AXIS}(?: ?[·+−] ?{AXIS})*"  # n, C · |G|, or [|G|,] n where |G| may be there
SHAPE = re.compile(rf"(?<![\w)`])\((?:\.\.\.|{AXES},|{AXES}(?:, {AXES})+|)\)")  # (), (...), (n,), (n, 3); no f(x, y)
ANY_SHAPE = re.compile(r"\b(?:any|same) shape\b|\bof its shape\b")
TOOLS = "Gymnasium|NumPy|PyTorch|Stable-Baselines3|joblib|scikit-learn"
SOURCE = re.compile(rf"^Source: (?:.|\n(?!\n))*?\b(?:(?:18|19|20)\d\d\b|{TOOLS})", re.MULTILINE)
OURS = {  # files and rooms that follow nobody: why there is no source to name
    "door.py": "refusals, and the course's own words for them",
    "notebook.py": "sentences of the chapters",
    "recorded.py": "files of results",
    "plots": "drawings; what is drawn has its source where it is computed",
    "widgets": "drawings with controls",
    "envs/_door.py": "refusals",
    "envs/_pictures.py": "drawings",
    "equivariance/acting.py": "arrays and tensors alike, no method",
    "equivariance/arrays.py": "arrays and tensors alike, no method",
    "layers/kept.py": "a weight that is used again",
    "policies/stacks.py": "the arithmetic of layers whose sources are in layers/",
    "ppo/playing.py": "who plays where; the method is in ppo/training.py",
    "seeds/stacks.py": "products of matrices for many networks at once",
    "structured/kept.py": "files of models",
    "structured/tiles.py": "an arrangement of pixels in memory",
    "sweeps/kept.py": "files of results",
    "sweeps/runs.py": "the order of the runs; what runs them is in sweeps/places.py",
    "sweeps/workers.py": "one run in one process",
    "symmetry/batch_names.py": "names of arrays",
    "symmetry/command.py": "the audit's command line",
    "symmetry/moved_actions.py": "numbers of actions; the audit's source is in symmetry/auditing.py",
    "symmetry/permutations.py": "numbers of states and actions",
    "symmetry/report.py": "how a finding is shown",
    "symmetry/stepper.py": "how the state of an environment is set",
}
BY_CONVENTION = {"__init__", "__post_init__"}  # what these refuse stands in the docstring of the class


def public(path: Path):
    """Name, docstring and node of each public function and method of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names = ast.literal_eval(node.value)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            yield node.name, ast.get_docstring(node) or "", node
        elif isinstance(node, ast.ClassDef) and node.name in names:
            about = ast.get_docstring(node) or ""
            yield node.name, about, None
            for part in node.body:
                if isinstance(part, ast.FunctionDef) and (part.name in BY_CONVENTION or not part.name.startswith("_")):
                    own = about if part.name in BY_CONVENTION else ast.get_docstring(part) or ""
                    yield f"{node.name}.{part.name}", own, part


FILES = sorted(path for path in PACKAGE.rglob("*.py") if "checks" not in path.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_say_what_is_done_and_what_is_raised(path):
    for name, text, node in public(path):
        assert text.strip(), f"{name} has no docstring"
        if node is not None and any(isinstance(part, ast.Raise) and part.exc for part in ast.walk(node)):
            assert "Raises:" in text or "raise" in text.lower(), f"{name} raises, and its docstring does not say what"


def says_shape(text: str) -> bool:
    """Whether a docstring says the shape of something, outside of its examples; (s, a) and (g, x) are pairs."""
    text = re.sub(r"^ *>>>(?:.|\n(?! *\n))*", "", text, flags=re.MULTILINE)
    shapes = [
        shape for shape in SHAPE.findall(text) if not re.fullmatch(r"\([a-ce-jlo-z]'?(, [a-ce-jlo-z]'?)+\)", shape)
    ]
    return bool(shapes or ANY_SHAPE.search(text))


A_SHAPE = """Values (S,).|T, (S, A, S).|x (n · 49, 1), one|of any shape|(...,) -> (...)|(channels_out · d_out, d_in)
a mean, ()|(len(which), size)|(n, *shape)|(n, n)|(H', W')|the result has the same shape""".replace("\n", "|").split("|")
NO_SHAPE = """The six numbers.|f(x, y) of an array|Values (chapter 3).|A function (g, x) -> x.|Its shape.|(A, or B)
`(n, 2)`|as (for it, or not)|T(s'/s, a) for (s, a)|pairs (g, h)|(there is none)|of another shape""".replace(
    "\n", "|"
).split("|")


@pytest.mark.parametrize("text", [*A_SHAPE, "(|G|, n)", "(batch, channels, [|G|,] height, width)"])
def test_a_shape_is_known_as_one(text):
    assert says_shape(text)


@pytest.mark.parametrize("text", [*NO_SHAPE, "A copy.\n\n>>> a.shape\n(3, 4)\n\nNo word of it."])
def test_what_says_no_shape_is_found_out(text):
    assert not says_shape(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_of_functions_of_arrays_say_shapes(path):
    texts = {name: text for name, text, _ in public(path)}
    for name, text, node in public(path):
        if node is None:
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        types = [ast.unparse(kind) for kind in [node.returns, *(part.annotation for part in arguments)] if kind]
        if any(ARRAYS.search(kind) for kind in types):
            about = texts[name.partition(".")[0]]  # a method's shapes may stand in the docstring of its class
            assert says_shape(text) or says_shape(about), (
                f"{name} takes or gives arrays, and its docstring says no shape"
            )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Source: Howard 1960, Dynamic Programming.", True),
        ("Source: the code of an author with a long\nname 2020.", True),
        ("Source: Gymnasium's CartPole-v1.", True),
        ("Source: known to all.", False),
        ("Source: known to all.\n\nIn 1960 nobody knew.", False),
        ("Howard 1960.", False),
    ],
)
def test_a_source_is_authors_and_year_or_a_tool(text, named):
    assert bool(SOURCE.search(text)) == named


def test_every_file_names_a_source_or_why_there_is_none():
    known = {path.relative_to(PACKAGE).as_posix(): path for path in FILES if any(public(path))}
    used = set()
    for name, path in known.items():
        texts = [ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "", *(t for _, t, _ in public(path))]
        ours = {name, name.partition("/")[0]} & set(OURS)
        used |= ours
        if any(SOURCE.search(text) for text in texts):
            assert not ours, f"{name} names a source, and stands among what follows nobody"
        else:
            assert ours, f"{name} names no source: add a line 'Source: authors and year', or say in OURS why not"
    assert not set(OURS) - used, "no such file or room, or it has no public name"


def test_there_is_much_to_look_at():
    found = [name for path in FILES for name, *_ in public(path)]
    assert len(found) > 400
    assert {"audit", "quotient", "EquivariantLinear.forward", "train_ppo"} <= set(found)


def test_methods_of_the_literature_name_their_source():
    """Each with authors and year, as the page of references has them."""
    wanted = {
        "assert_equivariant", "fit_output_action", "check_axioms", "FiniteGroup", "cyclic", "dihedral", "symmetric",
        "direct_product", "orbits", "stabilizer", "Representation", "regular", "permutation", "rotation_2d", "refine",
        "MDPHomomorphism", "loss_bound", "BasisConv2d", "GroupPool", "NormNonlinearity", "TabularMDP", "finite_horizon",
        "policy_evaluation", "ActorCritic", "mlp_policy", "cnn_policy", "equivariant_mlp", "equivariant_cnn", "energy",
        "PlannableModel", "PlannableSettings", "contrastive_loss", "transition_loss", "reward_loss", "cnn_encoder",
        "mlp_encoder", "latent_transitions", "prune", "StructuredModel", "StructuredSettings", "rank_rollouts",
        "Symmetry", "contrastive_energy_loss", "pixel_loss", "bootstrap", "interquartile_mean", "train_q",
        "weight_orbits", "equivariance_error", "equivariant_dimension", "GridWorld", "PredatorPrey", "TrafficLights",
        "CartPole", "Room", "Pongs", "AtariPong", "Sprites", "Shapes", "Blocks", "ThreeBodies", "AtariFrames",
        "audit", "augment", "quotient", "coarsest_homomorphism", "symmetrize", "equivariant_basis", "EquivariantLinear",
        "LiftingConv2d", "GroupConv2d", "train_ppo", "advantages_and_targets", "train_plannable", "LatentPlanner",
        "train_structured", "ranking_metrics", "value_iteration", "policy_iteration", "Catches", "random_crop",
        "random_translate", "info_nce", "CloneSettings", "train_clones",
        "GoalEpisodes", "hindsight", "nearby_goals", "reflections", "framed", "train_ddpg", "DDPGSettings", "Bowl",
    }  # fmt: skip
    texts = {name: text for path in FILES for name, text, _ in public(path)}
    assert not {name for name in wanted if not SOURCE.search(texts[name])}


@pytest.mark.parametrize(
    ("what", "written", "shown"),
    [
        ("function", ["|G|, x_ and `max`"], [r"\|G\|, x\_ and ``max``"]),
        (
            "function",
            ["*values* (n, *shape), **no** V*(s) − V*(t)"],
            [r"*values* (n, \*shape), **no** V\*(s) − V\*(t)"],
        ),
        ("function", [">>> x_ * 2", "[*]", "", "x_"], [">>> x_ * 2", "[*]", "", r"x\_"]),
        ("property", ["As given: (S, A, S)."], ["\\", "As given: (S, A, S)."]),
        (
            "function",
            [
                "Raises:",
                "    TypeError: no number. ValueError: one",
                "        below 0. OSError: no file.",
                "",
                "ValueError: x",
            ],
            [
                "Raises:",
                "    TypeError: no number.",
                "    ValueError: one",
                "        below 0.",
                "    OSError: no file.",
                "",
                "ValueError: x",
            ],
        ),
        ("function", ["Returns:", "    A list: the results."], ["Returns:", "    \\", "    A list: the results."]),
    ],
)
def test_the_reference_shows_docstrings_as_they_are_written(what, written, shown):
    pytest.importorskip("sphinx")
    path = PACKAGE.parent / "book" / "_extensions" / "symrl_reference.py"
    spec = importlib.util.spec_from_file_location("symrl_reference_tried", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    lines = list(written)
    module.as_written(None, what, "name", None, None, lines)
    assert lines == shown
