"""The widgets under ipywidgets 7.7.1 and anywidget 0.9.21, which Colab has and keeps."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import unavailable
from tests.live.conftest import ROOT, clean_environment, make_notebook

WANTED = Path(__file__).with_name("colab.txt")
FOLDER = ROOT / "_build" / "colab-env"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"

EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


VERSIONS = """
import anywidget, ipywidgets, IPython
print(anywidget.__version__, ipywidgets.__version__, IPython.__version__)
"""


@pytest.fixture(scope="session")
def colab_python() -> Path:
    """Python in an environment of Colab's versions, made anew when the list of them changes."""
    python = FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    stamp = FOLDER / "made-of.txt"
    made_of = hashlib.sha256(WANTED.read_bytes() + sys.version.encode()).hexdigest()
    if python.exists() and stamp.is_file() and stamp.read_text() == made_of:
        return python
    shutil.rmtree(FOLDER, ignore_errors=True)
    # Without a pip of its own, and compiled where it is imported: most of what is installed never is.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", FOLDER], check=True)
    pip = [sys.executable, "-m", "pip", "--python", FOLDER, "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-compile", "-r", WANTED]
    result = subprocess.run(install, capture_output=True, text=True)
    if result.returncode:
        unavailable(f"pip could not install Colab's versions:\n{result.stderr[-1500:]}")
    stamp.write_text(made_of)  # last, so that a half-made environment is not trusted
    return python


@pytest.fixture(scope="session")
def executed(colab_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook after its cells ran there."""
    folder = tmp_path_factory.mktemp("colab")
    before, after, program = folder / "before.ipynb", folder / "after.ipynb", folder / "execute.py"
    notebook = make_notebook()
    notebook.cells.append(nbformat.v4.new_code_cell(VERSIONS))
    nbformat.write(notebook, before)
    program.write_text(EXECUTE)
    environment = clean_environment(
        JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_PLATFORM_DIRS="1",
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        IPYTHONDIR=str(folder / "ipython"),
    )
    result = subprocess.run(
        [colab_python, program, before, after], env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return nbformat.read(after, as_version=4)


def test_the_kernel_has_colabs_versions(executed: Any) -> None:
    (output,) = executed.cells[-1].outputs
    assert output.text.split() == ["0.9.21", "7.7.1", "7.34.0"]


def test_widget_cells_run_with_view_state_and_twin(executed: Any) -> None:
    states = executed.metadata["widgets"][STATE]["state"]
    for cell in executed.cells[:2]:
        (output,) = cell.outputs
        assert output.output_type == "execute_result"
        assert 'class="symrl-widget"' in output.data["text/html"]
        assert output.data["text/plain"].startswith("[widget] ")
        state = states[output.data[VIEW]["model_id"]]
        assert state["model_module"] == "anywidget"
        assert state["model_module_version"].startswith("~0.9.")
        assert state["state"]["selection"] == [0] * len(state["state"]["spec"]["controls"])
        assert "export default { render }" in state["state"]["_esm"]
        assert [buffer["path"] for buffer in state["buffers"]] == [["blob"]]


def test_the_twin_made_there_moves(executed: Any, browser: Any, tmp_path: Path) -> None:
    page_file = tmp_path / "twins.html"
    twins = "".join(cell.outputs[0].data["text/html"] for cell in executed.cells[:2])
    page_file.write_text(f"<!doctype html><meta charset=utf-8><title>twins</title>{twins}", encoding="utf-8")
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(page_file.as_uri())
    bar, cart = page.locator(".symrl-widget").all()
    bar.locator("input").focus()
    page.keyboard.press("ArrowRight")
    assert bar.locator("img").get_attribute("alt") == "A bar of height 2 on the left."
    before = cart.locator("img").get_attribute("src")
    cart.locator("button").nth(1).click()
    assert (cart.locator("img").get_attribute("alt") or "").startswith("Move r.")
    assert cart.locator("img").get_attribute("src") != before
    page.close()
    assert problems == []
