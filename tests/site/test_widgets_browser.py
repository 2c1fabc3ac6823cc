"""The built site in a browser that can reach no other host: pages, formulas, search, and every widget.

Each widget is moved by mouse and by keyboard, on a wide screen and on a phone, in light and dark, served
at a sub-path and opened from the disk, and with scripts off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tools import book

WIDGET = ".symrl-widget"
CONTROLS = "button, input, select"
PHONE = 390  # pixels
CONTRAST = 4.5  # what WCAG AA asks of ordinary text

# What the picture of a widget shows now: its pixels, small, and its text alternative.
STATE = """widget => {
  const image = widget.querySelector("img");
  const canvas = document.createElement("canvas");
  canvas.width = 64;
  canvas.height = 64;
  let pixels = image.src;
  try {
    canvas.getContext("2d").drawImage(image, 0, 0, 64, 64);
    pixels = canvas.toDataURL();
  } catch (error) { /* from the disk a browser may refuse to hand out pixels; then the address serves */ }
  return [pixels, image.alt];
}"""

# The smallest contrast of any visible text in an element, and the text that has it.
LOWEST_CONTRAST = """root => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value, i) => (i == 3 ? value / 255 : value));
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const background = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const luminance = colour => {
    const [r, g, b] = colour.slice(0, 3).map(v => v / 255)
      .map(v => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let lowest = [21, "no text"];
  for (const element of [root, ...root.querySelectorAll("*")]) {
    if (["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(element.tagName) || element.disabled) continue;
    if (element.closest(".highlight, mjx-container, .headerlink")) continue; // the theme's own
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
    const text = [...element.childNodes].map(node => (node.nodeType == 3 ? node.data : "")).join("").trim();
    if (!text) continue;
    const below = background(element);
    const [a, b] = [luminance(over(rgba(getComputedStyle(element).color), below)), luminance(below)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, `${element.tagName}: ${text.slice(0, 40)}`];
  }
  return lowest;
}"""


def where(address: str, site: Path, name: str, from_disk: bool) -> str:
    return (site / name).as_uri() if from_disk else address + name


def with_widgets(site: Path, pages: list[str]) -> list[str]:
    return [name for name in pages if 'class="symrl-widget' in (site / name).read_text(encoding="utf-8")]


def settle(page: Any) -> None:
    """Let the page answer a movement."""
    page.wait_for_timeout(60)


def ready(page: Any, count: int | None = None) -> list[Any]:
    """The page's widgets, once their scripts have run and their pictures are there."""
    widgets = page.locator(WIDGET)
    page.wait_for_function(
        """selector => [...document.querySelectorAll(selector)].every(widget => {
             const image = widget.querySelector("img");
             return image && image.complete && image.naturalWidth > 0;
           })""",
        arg=WIDGET,
    )
    assert count is None or widgets.count() == count
    return list(widgets.all())


def changed(page: Any, widget: Any, before: list[str], what: str) -> list[str]:
    """Wait until the widget shows something else than before; what it shows then."""
    now = before
    for _ in range(40):
        now = list(widget.evaluate(STATE))
        if now != before:
            break
        page.wait_for_timeout(50)
    assert now != before, f"{what}: the picture stayed as it was"
    assert now[1].strip(), f"{what}: the picture has no text alternative"
    assert now[1] != before[1], f"{what}: the text alternative stayed {before[1]!r}"
    return now


def label_of(control: Any) -> str:
    return str(control.evaluate("e => (e.getAttribute('aria-label') || e.innerText || e.id || e.tagName).trim()"))


def kind_of(control: Any) -> str:
    """range, radio (buttons of which one is pressed), button, select or another type of input."""
    return str(control.evaluate("e => e.role || (e.tagName == 'INPUT' ? e.type : e.tagName.toLowerCase())"))


def chosen(control: Any) -> bool:
    """Whether a button or radio button is the one that is pressed already."""
    return bool(
        control.evaluate(
            "e => e.checked || ['aria-pressed', 'aria-checked'].some(key => e.getAttribute(key) == 'true')"
        )
    )


def move_by_mouse(page: Any, widget: Any, control: Any, what: str) -> None:
    kind = kind_of(control)
    before = list(widget.evaluate(STATE))
    if kind == "range":
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        at_start = control.evaluate("e => Number(e.value) <= (Number(e.min) + Number(e.max)) / 2")
        for part in (0.97, 0.03) if at_start else (0.03, 0.97):
            page.mouse.click(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
            before = changed(page, widget, before, f"{what}, by mouse")
    elif kind == "select":
        options = control.locator("option").count()
        value = control.evaluate("e => e.selectedIndex")
        control.select_option(index=(value + 1) % options)
        changed(page, widget, before, f"{what}, by mouse")
    elif not chosen(control):  # a press on the choice that is made already changes nothing
        control.click()
        changed(page, widget, before, f"{what}, by mouse")


def move_by_keyboard(page: Any, widget: Any, control: Any, what: str) -> None:
    kind = kind_of(control)
    control.focus()
    assert control.evaluate("e => document.activeElement === e"), f"{what} cannot be reached by keyboard"
    before = list(widget.evaluate(STATE))
    if kind == "range":
        at_end = control.evaluate("e => Number(e.value) >= Number(e.max)")
        page.keyboard.press("ArrowLeft" if at_end else "ArrowRight")
        before = changed(page, widget, before, f"{what}, by arrow key")
        page.keyboard.press("ArrowRight" if at_end else "ArrowLeft")
        changed(page, widget, before, f"{what}, by arrow key")
    elif kind == "select":
        at_end = control.evaluate("e => e.selectedIndex == e.options.length - 1")
        page.keyboard.press("ArrowUp" if at_end else "ArrowDown")
        changed(page, widget, before, f"{what}, by arrow key")
    elif kind == "radio" and chosen(control):
        page.keyboard.press("ArrowRight")
        changed(page, widget, before, f"{what}, by arrow key")
        assert widget.evaluate("w => w.contains(document.activeElement) && document.activeElement.tabIndex == 0")
    elif not chosen(control):
        page.keyboard.press("Enter")
        changed(page, widget, before, f"{what}, by Enter")


def move_everything(page: Any, widget: Any, name: str) -> int:
    """Move each control of a widget by mouse, then by keyboard; how many there are."""
    title = f"{name}, widget {widget.get_attribute('aria-label') or ''}"
    controls = [control for control in widget.locator(CONTROLS).all() if control.is_visible()]
    assert controls, f"{title} has no control"
    stops = widget.locator("[role=radiogroup]").evaluate_all(
        "all => all.map(group => [...group.querySelectorAll('button')].filter(e => e.tabIndex == 0).length)"
    )
    assert set(stops) <= {1}, f"{title}: the Tab key must stop once in each row of buttons"
    for move in (move_by_mouse, move_by_keyboard):
        # From the last to the first, so that the one that is chosen at the start is moved to as well.
        for control in [*reversed(controls), controls[0]]:
            move(page, widget, control, f"{title}, control {label_of(control)!r}")
    return len(controls)


def test_chapters_have_widgets(site: Path, pages: list[str]) -> None:
    """A guard for the tests below: they would pass on a site without any widget."""
    chapters = [name for name in pages if name.startswith("notebooks/")]
    assert chapters and set(with_widgets(site, pages)) >= set(chapters)


@pytest.mark.parametrize("from_disk", [False, True], ids=["served", "from disk"])
def test_pages_ask_no_other_host_and_log_no_error(
    site: Path, pages: list[str], address: str, visit: Any, from_disk: bool
) -> None:
    own_mathjax = book.mathjax_is_there(book.ROOT / book.MATHJAX_FOLDER)
    for name in [*pages, "index.html", "search.html", "genindex.html"]:
        seen = visit(where(address, site, name, from_disk))
        if own_mathjax and '"math' in (site / name).read_text(encoding="utf-8"):
            seen.page.wait_for_selector("mjx-container", state="attached")
        seen.page.wait_for_load_state("networkidle")
        if not own_mathjax:
            seen.refused = [url for url in seen.refused if "/mathjax@3" not in url]
            seen.messages = [text for text in seen.messages if "net::ERR_FAILED" not in text]
        seen.assert_clean(name)
        seen.page.context.close()


@pytest.mark.parametrize("from_disk", [False, True], ids=["served", "from disk"])
def test_every_control_of_every_widget_moves_its_picture(
    site: Path, pages: list[str], address: str, visit: Any, from_disk: bool
) -> None:
    moved = 0
    for name in with_widgets(site, pages):
        seen = visit(where(address, site, name, from_disk))
        for widget in ready(seen.page):
            moved += move_everything(seen.page, widget, name)
        seen.assert_clean(name)
    assert moved or not with_widgets(site, pages)


def test_widgets_do_not_answer_for_each_other(site: Path, pages: list[str], address: str, visit: Any) -> None:
    for name in with_widgets(site, pages):
        seen = visit(address + name)
        widgets = ready(seen.page)
        if len(widgets) < 2:
            continue
        others = [list(widget.evaluate(STATE)) for widget in widgets[1:]]
        move_everything(seen.page, widgets[0], name)
        assert [list(widget.evaluate(STATE)) for widget in widgets[1:]] == others


def test_a_phone_shows_all_of_a_page_and_its_widgets(site: Path, pages: list[str], address: str, visit: Any) -> None:
    for name in pages:
        seen = visit(address + name, width=PHONE)
        widgets = ready(seen.page)
        settle(seen.page)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE, f"{name} scrolls sideways"
        for widget in widgets:
            picture = widget.locator("img").first.bounding_box()
            assert picture["x"] >= 0 and picture["x"] + picture["width"] <= PHONE, f"{name}: picture cut off"
            for control in widget.locator(CONTROLS).all():
                if not control.is_visible():
                    continue
                what = f"{name}, control {label_of(control)!r}"
                box = control.bounding_box()
                assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE, f"{what} is outside the screen"
                assert kind_of(control) != "button" or box["height"] >= 24, f"{what} is too small for a finger"
            small = widget.evaluate(
                """root => [...root.querySelectorAll("*")].filter(e =>
                     [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()) && e.checkVisibility()
                     && !["SCRIPT", "STYLE", "NOSCRIPT"].includes(e.tagName)
                     && parseFloat(getComputedStyle(e).fontSize) < 12).map(e => e.innerText)"""
            )
            assert not small, f"{name}: text too small to read: {small}"
            move_everything(seen.page, widget, f"{name} on a phone")
        seen.assert_clean(name)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_can_be_read_in_light_and_dark(site: Path, pages: list[str], address: str, visit: Any, dark: bool) -> None:
    for name in pages:
        seen = visit(address + name, dark=dark)
        for widget in ready(seen.page):
            contrast, text = widget.evaluate(LOWEST_CONTRAST)
            assert contrast >= CONTRAST, f"{name}: contrast {contrast:.2f} for {text!r} in a widget"
        contrast, text = seen.page.locator(".bd-article").evaluate(LOWEST_CONTRAST)
        assert contrast >= CONTRAST, f"{name}: contrast {contrast:.2f} for {text!r}"


def test_the_readers_own_dark_mode_is_followed_and_can_be_switched(address: str, visit: Any) -> None:
    page = visit(address + "book/welcome.html", dark=False).page
    first = page.evaluate("document.documentElement.dataset.theme")
    assert first == "light"
    seen = {first}
    for _ in range(3):
        page.locator("button.theme-switch-button:visible").first.click()
        seen.add(page.evaluate("document.documentElement.dataset.theme"))
    assert seen == {"light", "dark"}


def test_without_scripts_the_first_picture_is_there(site: Path, pages: list[str], address: str, visit: Any) -> None:
    for name in with_widgets(site, pages):
        page = visit(address + name, javascript=False).page
        for widget in page.locator(WIDGET).all():
            picture = widget.locator("img").first
            assert picture.is_visible(), f"{name}: nothing to see without scripts"
            assert picture.evaluate("e => e.naturalWidth") > 0
            assert (picture.get_attribute("alt") or "").strip()


@pytest.mark.parametrize("from_disk", [False, True], ids=["served", "from disk"])
def test_search_finds_a_word_of_a_chapter(site: Path, address: str, visit: Any, from_disk: bool) -> None:
    seen = visit(where(address, site, "search.html", from_disk) + "?q=stabiliser")
    seen.page.wait_for_selector("#search-results li a")
    links = seen.page.locator("#search-results li a").evaluate_all("all => all.map(e => e.href)")
    assert any("book/glossary.html" in link for link in links)
    if from_disk:  # a browser lets no page read other files there, so the results come without their excerpts
        expected = ("file:///", "net::", "Failed to fetch")
        seen.messages = [text for text in seen.messages if not any(known in text for known in expected)]
    seen.assert_clean("search.html")


def test_formulas_are_set(address: str, visit: Any) -> None:
    if not book.mathjax_is_there(book.ROOT / book.MATHJAX_FOLDER):
        pytest.skip("npm could not fetch MathJax here, and the build said so")
    seen = visit(address + "book/conventions.html")
    seen.page.wait_for_selector("mjx-container mjx-math", state="attached")
    assert "\\rho" not in seen.page.locator(".bd-article").inner_text()
    fonts = seen.page.evaluate(
        "document.fonts.ready.then(f => [...f].filter(x => x.status == 'loaded').map(x => x.family))"
    )
    assert any("MJX" in family for family in fonts), "the fonts of the formulas were not loaded"
    seen.assert_clean("conventions")
