"""Take the README's picture of the site: the first widget of the first chapter, in a browser.

    python tools/screenshot.py

Needs the built site (`make book`), Chromium from the system, and the packages playwright and pillow.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "_build/html/notebooks/01_groups.html"
PICTURE = ROOT / "book/_static/site.png"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 300_000  # bytes


def photograph(page_path: Path, target: Path) -> None:
    """Open the page, bring its first widget into view, make one move, and keep what the window shows."""
    program = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light")
        page.goto(page_path.as_uri())
        widget = page.locator(".symrl-widget").first
        widget.wait_for()
        page.wait_for_timeout(1500)  # formulas and fonts
        widget.locator("button").nth(1).click()
        # The widget's lower edge near the window's, so that the text before it is seen as well.
        widget.evaluate("e => scrollBy(0, e.getBoundingClientRect().bottom - innerHeight + 40)")
        page.wait_for_timeout(500)
        page.screenshot(path=target)
        browser.close()


def main() -> int:
    """Write the picture, small enough for a README."""
    if not PAGE.is_file():
        print("screenshot: there is no site yet: make book", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "site.png"
        photograph(PAGE, raw)
        with Image.open(raw) as image:
            image.convert("RGB").quantize(128).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {size / 1000:.0f} kB")
    return 0 if size <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
