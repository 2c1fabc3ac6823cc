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
    """Every page a reader can reach, from the site's root."""
    skipped = {"genindex.html", "search.html", "index.html"}
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [name for name in found if name not in skipped and not name.startswith("_static/")]


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
    """One page in one browser window, and all it did that it should not."""

    page: Any
    refused: list[str] = field(default_factory=list)  # requests that left the page's own host
    missing: list[str] = field(default_factory=list)  # files that were not there
    messages: list[str] = field(default_factory=list)  # errors on the console, and errors in scripts

    def assert_clean(self, where: str) -> None:
        """No request elsewhere, no missing file, no error."""
        assert not self.refused, f"{where} asked for {self.refused}"
        assert not self.missing, f"{where}: not found: {self.missing}"
        unknown = [text for text in self.messages if not any(known in text for known in KNOWN_MESSAGES)]
        assert not unknown, f"{where}: {unknown}"


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Open an address in a window of its own: visit(url, width=..., dark=..., javascript=...) -> Visit."""
    contexts = []

    def open_page(url: str, width: int = 1200, dark: bool = False, javascript: bool = True) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if dark else "light",
            has_touch=width < 600,
            java_script_enabled=javascript,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        seen = Visit(context.new_page())
        own = "file://" if url.startswith("file://") else "/".join(url.split("/")[:3]) + "/"

        def guard(route: Any) -> None:
            if route.request.url.startswith((own, "data:", "blob:")):
                route.continue_()
            else:
                seen.refused.append(route.request.url)
                route.abort()

        context.route("**/*", guard)
        seen.page.on("pageerror", lambda error: seen.messages.append(f"script error: {error}"))
        seen.page.on("console", lambda message: seen.messages.append(message.text) if message.type == "error" else None)
        seen.page.on("response", lambda answer: seen.missing.append(answer.url) if answer.status >= 400 else None)
        seen.page.goto(url, wait_until="load")
        if javascript and dark:
            seen.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        return seen

    yield open_page
    for context in contexts:
        context.close()
