"""The rooms of symrl_lite: who may import whom, and what a room looks like from outside."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "symrl_lite"
# From the ground up. A room imports rooms of lower floors only.
FLOORS = (
    {"door"},
    {"groups", "seeds", "notebook"},
    {"mdp", "data", "actions", "equivariance", "symmetrizer", "sweeps"},
    {"symmetry", "layers", "recorded", "plots", "replay"},
    {"homomorphism", "policies", "ppo", "plannable", "envs", "widgets"},
    {"structured", "offline_q", "ddpg", "views"},
    {"checks"},
)
FOLDERS = {"results"}  # data, no code
LONGEST = 400  # lines of a file


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms() -> set[str]:
    return {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}


def imported(path: Path) -> set[str]:
    """The rooms that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "symrl_lite":
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("symrl_lite."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("symrl_lite.")}
    return found - {room_of(path)}


def test_every_room_has_a_floor():
    assert rooms() == set().union(*FLOORS)
    assert sum(len(floor) for floor in FLOORS) == len(rooms())


@pytest.mark.parametrize("floor", range(len(FLOORS)))
def test_lower_floors_never_import_higher_ones(floor):
    """So there are no circles either."""
    below = set().union(*FLOORS[:floor])
    for path in PACKAGE.rglob("*.py"):
        if room_of(path) in FLOORS[floor]:
            assert imported(path) <= below, f"{path.relative_to(ROOT)} imports {imported(path) - below}"


def test_a_public_name_is_a_room():
    top = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "py.typed")}
    assert not {name for name in top if name.startswith("_")} - {"__init__"}
    assert top - {"__init__"} == rooms() | FOLDERS


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_the_door_of_a_folder_hands_names_on_and_defines_nothing(folder):
    if folder == "checks":
        pytest.skip("its door is the function that all checks share")
    tree = ast.parse((PACKAGE / folder / "__init__.py").read_text(encoding="utf-8"))
    defined = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert not defined
    parts = {path.stem for path in (PACKAGE / folder).glob("*.py")}
    inside = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not parts & inside, "a part that is called as a name it hands on hides behind it"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_reader_can_hold_a_file_in_the_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
