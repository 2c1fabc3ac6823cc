"""What the reference shows: every public name says what it does, what it takes, and what it refuses."""

import ast
import importlib.util
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "symrl_lite"
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


def test_there_is_much_to_look_at():
    found = [name for path in FILES for name, *_ in public(path)]
    assert len(found) > 400
    assert {"audit", "quotient", "EquivariantLinear.forward", "train_ppo"} <= set(found)


def test_methods_of_the_literature_name_their_source():
    """Each with authors and year, as the page of references has them."""
    wanted = {
        "audit", "augment", "quotient", "coarsest_homomorphism", "symmetrize", "equivariant_basis", "EquivariantLinear",
        "LiftingConv2d", "GroupConv2d", "train_ppo", "advantages_and_targets", "train_plannable", "LatentPlanner",
        "train_structured", "ranking_metrics", "value_iteration", "policy_iteration",
    }  # fmt: skip
    texts = {name: text for path in FILES for name, text, _ in public(path)}
    assert not {name for name in wanted if "Source" not in texts[name]}


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
