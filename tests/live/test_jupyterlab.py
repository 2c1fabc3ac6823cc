"""The widgets in a real JupyterLab: mouse, arrow keys, and a notebook that stays where it is."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import unavailable
from tests.live.conftest import clean_environment, make_notebook

TOKEN = "only-for-this-test"
START = 90  # seconds in which a server must answer


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """The address of the notebook in a JupyterLab that knows nothing of the user's settings."""
    try:
        import jupyterlab  # noqa: F401
    except ImportError:
        unavailable("jupyterlab is not installed")
    work, config = tmp_path / "work", tmp_path / "config"
    work.mkdir()
    nbformat.write(make_notebook(), work / "widgets.ipynb")
    # No question about news, which would cover the page and ask another host.
    page = config / "labconfig" / "page_config.json"
    page.parent.mkdir(parents=True)
    page.write_text(json.dumps({"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}))
    folders = {
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={work}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.collaborative=False"]
    unused = {"jupyter_lsp": False, "jupyter_server_terminals": False, "notebook": False}  # they only start slowly
    command += [f"--ServerApp.jpserver_extensions={unused}"]
    log = tmp_path / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=work, env=clean_environment(**folders), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(START * 4):
            try:
                urllib.request.urlopen(f"{address}/api/status?token={TOKEN}", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, log.read_text()[-2000:]
                time.sleep(0.25)
        else:
            pytest.fail(f"JupyterLab did not answer within {START} s:\n{log.read_text()[-2000:]}", pytrace=False)
        yield f"{address}/lab/tree/widgets.ipynb?reset&token={TOKEN}"
    finally:
        server.terminate()  # the server ends its kernels
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Shown:
    """One widget on the page: what it says, and which cell of the notebook is active meanwhile."""

    def __init__(self, page: Any, widget: Any) -> None:
        self.page = page
        self.widget = widget
        self.source = self._source()

    def _source(self) -> str:
        return str(self.widget.locator("img").get_attribute("src"))

    def moved(self, caption: str) -> None:
        """The text is the expected one, and the picture is another one than the last time."""
        self.page.wait_for_function(
            "([widget, text]) => widget.querySelector('img').alt === text",
            arg=[self.widget.element_handle(), caption],
            timeout=10_000,
        )
        assert self.widget.locator("p").inner_text() == caption
        assert self._source() != self.source, "the text changed and the picture did not"
        self.source = self._source()


ACTIVE = "[...document.querySelectorAll('.jp-Notebook .jp-Cell')].findIndex(c => c.classList.contains('jp-mod-active'))"


def run_two_cells(page: Any) -> None:
    """Run the first two cells; keys that came before the page listened are pressed again."""
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")  # the kernel is there
    from playwright.sync_api import TimeoutError as TooLate

    started = """() => [...document.querySelectorAll(".jp-InputArea-prompt")].slice(0, 2)
      .every(prompt => prompt.innerText.replace(/[[\\]:\\s]/g, ""))"""  # a number, or * while it runs
    for _ in range(5):
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        with contextlib.suppress(TooLate):
            page.wait_for_function(started, timeout=5_000)
            return
    pytest.fail(f"the cells did not run; their prompts are {page.locator('.jp-InputArea-prompt').all_inner_texts()}")


def test_widgets_answer_in_jupyterlab(browser: Any, lab: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    elsewhere: list[str] = []
    own = (lab.split("/lab/")[0], "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else elsewhere.append(request.url))
    try:
        page.goto(lab)
        run_two_cells(page)
        page.wait_for_function("document.querySelectorAll('.symrl-widget button').length >= 4")
        assert page.locator(".jp-OutputArea-output > .lm-Widget > .symrl-widget").count() == 2, "not the live form"
        assert page.locator(".jp-OutputArea-output script").count() == 0, "the twin is there as well"
        bar, cart = (Shown(page, widget) for widget in page.locator(".symrl-widget").all())

        right = bar.widget.locator("button").nth(1)
        right.click()
        bar.moved("A bar of height 1 on the right.")
        active = page.evaluate(ACTIVE)
        page.keyboard.press("ArrowLeft")
        bar.moved("A bar of height 1 on the left.")
        page.keyboard.press("ArrowDown")
        bar.moved("A bar of height 1 on the right.")
        assert right.evaluate("e => document.activeElement === e")

        slider = bar.widget.locator("input")
        slider.focus()
        for key, height in (("ArrowRight", 2), ("ArrowUp", 3), ("ArrowDown", 2), ("ArrowLeft", 1)):
            page.keyboard.press(key)
            bar.moved(f"A bar of height {height} on the right.")
            assert slider.evaluate("e => document.activeElement === e")
        assert page.evaluate(ACTIVE) == active, "an arrow key moved the notebook to another cell"
        box = slider.bounding_box()
        page.mouse.click(box["x"] + box["width"] - 4, box["y"] + box["height"] / 2)
        bar.moved("A bar of height 4 on the right.")

        cart.widget.locator("button").nth(0).focus()
        page.keyboard.press("ArrowRight")
        cart.moved(
            "Move r. Left, x: (0.5, 1, 0.2, -0.5). Right, L_g x: (-0.5, -1, -0.2, 0.5). "
            "π(x): left 0.30, right 0.70. π(L_g x): left 0.70, right 0.30. "
            "K_g π(x) is the same (largest difference 0.00)."
        )
        assert elsewhere == []
    finally:
        page.close()
