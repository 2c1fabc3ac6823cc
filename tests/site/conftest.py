"""The built site, served at a sub-path, and a browser that can reach nothing else."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tools import book

ROOT = Path(__file__).resolve().parents[2]
SUB_PATH = "/some/where/course/"  # the site must not assume that it stands at the top of its host
# What the theme itself writes to the console on every page, and nothing else.
KNOWN_MESSAGES = ("Got invalid theme mode", "THEBE_JS_URL")


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site that belongs to the present sources; built here where it is not there."""
    if not book.is_current(ROOT):
        result = subprocess.run([sys.executable, "tools/book.py"], cwd=ROOT, capture_output=True, text=True)
        if result.returncode:
            pytest.fail(f"the site was not built:\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}", pytrace=False)
    return ROOT / book.SITE


@pytest.fixture(scope="session")
def pages(site: Path) -> list[str]:
    """Every page a reader can reach, from the site's root; without the package's source, which is code alone."""
    skipped = {"genindex.html", "search.html", "index.html"}
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [name for name in found if name not in skipped and not name.startswith(("_static/", "_modules/"))]


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the site, under SUB_PATH only."""

    def translate_path(self, path: str) -> str:
        if not path.startswith(SUB_PATH):
            return str(Path(self.directory) / "nothing-is-here")
        return super().translate_path("/" + path.removeprefix(SUB_PATH))

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{SUB_PATH}"
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Visit:
    """One page in a browser window, and all it did that it should not."""

    page: Any
    own: str = ""  # how the addresses begin that it may ask for
    refused: list[str] = field(default_factory=list)  # requests that left the page's own host
    missing: list[str] = field(default_factory=list)  # files that were not there
    messages: list[str] = field(default_factory=list)  # errors on the console, and errors in scripts

    def assert_clean(self, where: str) -> None:
        """No request elsewhere, no missing file, no error."""
        assert not self.refused, f"{where} asked for {self.refused}"
        assert not self.missing, f"{where}: not found: {self.missing}"
        unknown = [text for text in self.messages if not any(known in text for known in KNOWN_MESSAGES)]
        assert not unknown, f"{where}: {unknown}"


class Window:
    """A browser window that goes from page to page: what several pages share is read once."""

    def __init__(self, browser: Any, width: int, dark: bool, javascript: bool) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            has_touch=width < 600,
            java_script_enabled=javascript,
        )
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.seen = Visit(self.page)
        self.page.on("pageerror", lambda error: self.seen.messages.append(f"script error: {error}"))
        self.page.on("console", lambda said: self.seen.messages.append(said.text) if said.type == "error" else None)
        self.page.on("response", lambda answer: self.seen.missing.append(answer.url) if answer.status >= 400 else None)
        self.page.on("request", self.judge)

    def judge(self, request: Any) -> None:
        """Note a request that leaves the page's own host. (The browser finds no other host: see tests/conftest.py.)"""
        if not request.url.startswith((self.seen.own, "data:", "blob:")):
            self.seen.refused.append(request.url)

    def open(self, url: str) -> Visit:
        """Go to a page; what was noted before belongs to the page before."""
        own = "file://" if url.startswith("file://") else "/".join(url.split("/")[:3]) + "/"
        self.page.goto("about:blank")  # so that the page before says no more
        self.seen = Visit(self.page, own)
        self.page.goto(url, wait_until="load")
        return self.seen


@pytest.fixture(scope="session")
def windows(browser: Any) -> Iterator[dict[Any, Window]]:
    """The windows that are open, by how they look at pages."""
    found: dict[Any, Window] = {}
    yield found
    for window in found.values():
        window.context.close()


@pytest.fixture
def visit(browser: Any, windows: dict[Any, Window]) -> Any:
    """Open an address: visit(url, width=..., dark=..., javascript=...) -> Visit."""

    def open_page(url: str, width: int = 1200, dark: bool = False, javascript: bool = True) -> Visit:
        key = (width, dark, javascript)
        if key not in windows:
            windows[key] = Window(browser, *key)
        try:
            return windows[key].open(url)
        except Exception:
            windows.pop(key).context.close()  # the next page gets a fresh one
            raise

    return open_page
