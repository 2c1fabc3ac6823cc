"""`import symrl_lite` is light, and the NumPy-only modules stay so."""

import json
import subprocess
import sys
from pathlib import Path

HEAVY = {"torch", "matplotlib", "ipywidgets", "anywidget", "scipy", "gymnasium"}
ROOT = Path(__file__).resolve().parents[1]

LOOK = """
import importlib, json, sys
found = {}
for name in sys.argv[2:]:
    importlib.import_module(name)
    found[name] = [module for module in json.loads(sys.argv[1]) if module in sys.modules]
print(json.dumps(found))
"""


def loaded_by(*modules, of):
    """Which of some packages are there after each import, in a new interpreter: from the lightest to the heaviest."""
    command = [sys.executable, "-c", LOOK, json.dumps(sorted(of)), *modules]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def test_no_heavy_imports():
    """The package itself does without NumPy; groups need NumPy alone, and tables SciPy besides."""
    light = [f"symrl_lite.{name}" for name in ("groups", "equivariance", "symmetry")]
    tables = [f"symrl_lite.{name}" for name in ("mdp", "homomorphism", "symmetrizer")]
    environments = [f"symrl_lite.envs.{name}" for name in ("traffic", "predator")]
    found = loaded_by("symrl_lite", *light, *tables, *environments, of={"numpy", *HEAVY})
    assert found["symrl_lite"] == []
    assert {name: found[name] for name in light} == {name: ["numpy"] for name in light}
    assert all(set(found[name]) <= {"numpy", "scipy"} for name in tables), found
    assert all("matplotlib" not in found[name] for name in environments), found


def test_widgets_do_without_scipy_and_torch():
    assert loaded_by("symrl_lite.widgets", of={"torch", "scipy"}) == {"symrl_lite.widgets": []}
