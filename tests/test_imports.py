"""`import symrl_lite` is light, and the NumPy-only modules stay so."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "matplotlib", "ipywidgets", "anywidget", "scipy", "gymnasium")


@pytest.mark.parametrize("module", ["", ".groups", ".equivariance", ".symmetry"])
def test_no_heavy_imports(module):
    program = f"import sys, symrl_lite{module}; print([m for m in {HEAVY} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [".mdp", ".homomorphism", ".symmetrizer"])
def test_tables_need_numpy_and_scipy_only(module):
    heavy = [name for name in HEAVY if name != "scipy"]
    program = f"import sys, symrl_lite{module}; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_widgets_do_without_scipy_and_torch():
    program = "import sys, symrl_lite.widgets; print([m for m in ('torch', 'scipy') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_environments_draw_nothing():
    program = "import sys, symrl_lite.envs.traffic, symrl_lite.envs.predator; print('matplotlib' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


def test_the_package_itself_does_not_need_numpy():
    program = "import sys, symrl_lite; print(symrl_lite.__version__, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split()[1] == "False"
