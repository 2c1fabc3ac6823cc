"""One browser for all tests that need one: Chromium from the system, never one that playwright would fetch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # What is not on this machine has no address here, so that nothing else can be reached.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
)


def unavailable(reason: str) -> None:
    """Skip, or fail where a browser and what goes with it are required."""
    if os.environ.get("SYMRL_REQUIRE_BROWSER") == "1":
        pytest.fail(f"a browser is required here, and {reason}", pytrace=False)
    pytest.skip(f"not looked at in a browser: {reason}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium that reaches 127.0.0.1 and the disk alone.

    There is one for all folders: playwright cannot be started twice in a process.
    """
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        unavailable(f"none of {', '.join(BROWSERS)} is installed")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("the package playwright is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()
