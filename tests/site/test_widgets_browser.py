"""The built site in a browser that can reach no other host: pages, formulas, search, and every widget.

Every page is opened four times, and all that can be seen in one look is checked in that look: on a wide
screen served at a sub-path (light), on a wide screen from the disk (dark), on a phone, and with scripts
off. On the wide screen each slider and each row of buttons is moved by mouse and by keyboard; the buttons
of a row share one piece of code, so one of them stands for all, and that every choice has a picture and a
text of its own is read from the widget's data. From the disk and on the phone, where the same code runs,
each kind of control is moved once.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools import book

WIDGET = ".symrl-widget"
CONTROLS = "button, input, select"
PHONE = 390  # pixels
CONTRAST = 4.5  # what WCAG AA asks of ordinary text
ROOT = Path(__file__).resolve().parents[2]
# The pages as the table of contents has them, known before there is a site.
LISTED = re.findall(r"^(?:root:|\s*- file:) (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"), flags=re.MULTILINE)
PAGES = [f"{name}.html" for name in LISTED]
OTHERS = ["index.html", "search.html", "genindex.html"]

# What a widget shows once its text is no longer that of `before`, or after two seconds: the pixels of its picture,
# small, and the text alternative.
STATE = """async (widget, before = null) => {
  const image = widget.querySelector("img");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext("2d", {willReadFrequently: true});
  const look = async () => {
    await image.decode();
    let pixels = image.src;
    try {
      pen.clearRect(0, 0, 64, 64);
      pen.drawImage(image, 0, 0, 64, 64);
      pixels = canvas.toDataURL();
    } catch (error) { /* from the disk a browser may refuse to hand out pixels; then the address serves */ }
    return [pixels, image.alt];
  };
  const end = performance.now() + 2000;
  for (;;) {
    const now = await look();
    if (before === null || now[1] != before[1] || performance.now() > end) return now;
    await new Promise(answer => setTimeout(answer, 20));
  }
}"""

# The controls that can be seen, in their order: where they stand among all, what they are, and in which row.
ROWS = """widget => {
  const groups = [...widget.querySelectorAll("[role=radiogroup]")];
  return [...widget.querySelectorAll("button, input, select")].map((e, index) => ({
    index,
    seen: e.checkVisibility({visibilityProperty: true}) && e.getBoundingClientRect().width > 0,
    kind: e.role || (e.tagName == "INPUT" ? e.type : e.tagName.toLowerCase()),
    label: (e.getAttribute("aria-label") || e.innerText || e.id || e.tagName).trim(),
    chosen: e.checked || ["aria-pressed", "aria-checked"].some(key => e.getAttribute(key) == "true"),
    stop: e.tabIndex == 0,
    row: groups.indexOf(e.closest("[role=radiogroup]")),
  })).filter(control => control.seen);
}"""

# What a phone does not show as it should.
ON_A_PHONE = """([selector, controls, width]) => {
  const wrong = [];
  if (document.documentElement.scrollWidth > width) wrong.push("the page scrolls sideways");
  for (const widget of document.querySelectorAll(selector)) {
    const name = widget.getAttribute("aria-label");
    const inside = box => box.left >= 0 && box.right <= width;
    if (!inside(widget.querySelector("img").getBoundingClientRect())) wrong.push(`${name}: picture cut off`);
    for (const control of widget.querySelectorAll(controls)) {
      const box = control.getBoundingClientRect();
      if (!control.checkVisibility({visibilityProperty: true}) || !box.width) continue;
      const what = `${name}, control ${control.getAttribute("aria-label") || control.innerText}`;
      if (!inside(box)) wrong.push(`${what} is outside the screen`);
      if (control.tagName == "BUTTON" && box.height < 24) wrong.push(`${what} is too small for a finger`);
    }
    for (const e of widget.querySelectorAll("*")) {
      const text = [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim());
      if (!text || !e.checkVisibility() || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(e.tagName)) continue;
      if (parseFloat(getComputedStyle(e).fontSize) < 12) wrong.push(`${name}: too small to read: ${e.innerText}`);
    }
  }
  return wrong;
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


def ready(page: Any) -> list[Any]:
    """The page's widgets, once their scripts have run and their pictures are there."""
    page.wait_for_function(
        """selector => [...document.querySelectorAll(selector)].every(widget => {
             const image = widget.querySelector("img");
             return image && image.complete && image.naturalWidth > 0 && !widget.querySelector(".symrl-still");
           })""",
        arg=WIDGET,
    )
    return list(page.locator(WIDGET).all())


def state(widget: Any) -> list[str]:
    return list(widget.evaluate(STATE))


def changed(widget: Any, before: list[str], what: str) -> list[str]:
    """Wait until the widget says something else than before; what it shows then."""
    now = list(widget.evaluate(STATE, before))
    assert now[1].strip(), f"{what}: the picture has no text alternative"
    assert now[1] != before[1], f"{what}: the text alternative stayed {before[1]!r}"
    return now


class Moved:
    """A widget whose controls are moved, one after the other, and whose picture must follow each time."""

    def __init__(self, page: Any, widget: Any, name: str) -> None:
        self.page, self.widget = page, widget
        self.title = f"{name}, widget {widget.get_attribute('aria-label') or ''}"
        self.now = state(widget)
        self.pictures = {self.now[0]}
        controls = widget.evaluate(ROWS)
        assert controls, f"{self.title} has no control"
        alone = [[control] for control in controls if control["row"] < 0]
        together = {control["row"]: [c for c in controls if c["row"] == control["row"]] for control in controls}
        self.rows = [*alone, *(row for number, row in together.items() if number >= 0)]
        for row in self.rows:
            stops = sum(control["stop"] for control in row)
            assert stops == 1, f"{self.title}: the Tab key stops {stops} times in the row of {row[0]['label']!r}"

    def control(self, control: dict[str, Any]) -> Any:
        return self.widget.locator(CONTROLS).nth(control["index"])

    def follow(self, control: dict[str, Any], how: str) -> None:
        self.now = changed(self.widget, self.now, f"{self.title}, control {control['label']!r}, by {how}")
        self.pictures.add(self.now[0])

    def assert_picture_moved(self) -> None:
        """Some choices look alike (before its first round a process looks like another one), but never all of them."""
        assert len(self.pictures) > 1, f"{self.title}: the picture stayed as it was"

    def by_mouse(self, row: list[dict[str, Any]], touch: bool = False) -> None:
        """To the other end of a slider, to a button that is not pressed, to another option."""
        control = next((one for one in reversed(row) if not one["chosen"]), row[-1])
        found = self.control(control)
        if control["kind"] == "range":
            found.scroll_into_view_if_needed()
            at_start = found.evaluate("e => Number(e.value) <= (Number(e.min) + Number(e.max)) / 2")
            box = found.bounding_box()
            press = self.page.touchscreen.tap if touch else self.page.mouse.click
            press(box["x"] + (0.97 if at_start else 0.03) * box["width"], box["y"] + box["height"] / 2)
        elif control["kind"] == "select":
            options = found.locator("option").count()
            found.select_option(index=(found.evaluate("e => e.selectedIndex") + 1) % options)
        else:
            (found.tap if touch else found.click)()
        self.follow(control, "touch" if touch else "mouse")

    def by_keyboard(self, row: list[dict[str, Any]]) -> None:
        """By an arrow key where the Tab key stops, and back by the key to the other side; buttons also by Enter."""
        row = [one for one in self.widget.evaluate(ROWS) if one["index"] in {control["index"] for control in row}]
        control = next(one for one in row if one["stop"])
        found = self.control(control)
        found.focus()
        reached = found.evaluate("e => document.activeElement === e")
        assert reached, f"{self.title}: {control['label']!r} cannot be reached by keyboard"
        forth, back = ("ArrowDown", "ArrowUp") if control["kind"] == "select" else ("ArrowRight", "ArrowLeft")
        last = "e => e.tagName == 'SELECT' ? e.selectedIndex == e.options.length - 1 : Number(e.value) >= Number(e.max)"
        if control["kind"] in ("range", "select") and found.evaluate(last):
            forth, back = back, forth
        if control["kind"] != "button":
            for key in (forth, back):
                self.page.keyboard.press(key)
                self.follow(control, key)
        if control["kind"] == "radio":  # the focus goes with the choice
            inside = "w => w.contains(document.activeElement) && document.activeElement.tabIndex == 0"
            assert self.widget.evaluate(inside), f"{self.title}: the focus left the row of {control['label']!r}"
        if control["kind"] in ("radio", "button"):
            other = next((one for one in row if not one["chosen"]), control)
            self.control(other).focus()
            self.page.keyboard.press("Enter")
            self.follow(other, "Enter")


def one_of_each_kind(rows: list[list[dict[str, Any]]]) -> list[list[dict[str, Any]]]:
    return list({row[0]["kind"]: row for row in rows}.values())


def assert_choices_differ(spec: dict[str, Any], title: str) -> None:
    """Every choice has another text than the one before it, and another picture for some choices of the others."""
    sizes = [len(control["labels"]) for control in spec["controls"]]
    numbers = np.arange(len(spec["captions"])).reshape(sizes)
    for place, control in enumerate(spec["controls"]):
        rows = np.moveaxis(numbers, place, 0).reshape(sizes[place], -1)
        for k, (one, other) in enumerate(itertools.pairwise(rows)):
            what = f"{title}: {control['name']} {control['labels'][k]} and {control['labels'][k + 1]}"
            pairs = list(zip(one.tolist(), other.tolist(), strict=True))
            assert all(spec["captions"][a] != spec["captions"][b] for a, b in pairs), f"{what} have one text"
            assert any(spec["frames"][a] != spec["frames"][b] for a, b in pairs), f"{what} have one picture"


def assert_readable(page: Any, name: str) -> None:
    contrast, text = page.locator(".bd-article").evaluate(LOWEST_CONTRAST)
    assert contrast >= CONTRAST, f"{name}: contrast {contrast:.2f} for {text!r}"
    outside = page.evaluate(
        "s => [...document.querySelectorAll(s)].filter(e => !e.closest('.bd-article')).length", WIDGET
    )
    assert not outside, f"{name}: {outside} widgets stand where no contrast is measured"


def assert_quiet(seen: Any, site: Path, name: str) -> None:
    """The formulas are set, and nothing was asked for that is not there or not the site's own."""
    own_mathjax = book.mathjax_is_there(book.ROOT / book.MATHJAX_FOLDER)
    if own_mathjax and '"math' in (site / name).read_text(encoding="utf-8"):
        seen.page.wait_for_selector("mjx-container", state="attached")
    seen.page.wait_for_load_state("networkidle")
    if not own_mathjax:
        seen.refused = [url for url in seen.refused if "/mathjax@3" not in url]
        seen.messages = [text for text in seen.messages if "net::ERR_NAME_NOT_RESOLVED" not in text]
    seen.assert_clean(name)


def test_every_page_is_looked_at(site: Path, pages: list[str]) -> None:
    """A guard for the tests below: they know the pages from the table of contents."""
    assert set(pages) == set(PAGES)
    assert all((site / name).is_file() for name in OTHERS)


def test_chapters_have_widgets(site: Path, pages: list[str]) -> None:
    """Another guard: the tests below would pass on a site without any widget."""
    chapters = [name for name in pages if name.startswith("notebooks/")]
    assert chapters and set(with_widgets(site, pages)) >= set(chapters)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<script src="https://example.com/x.js"></script>', "asked for .*example.com"),
        ('<img src="http://192.0.2.1/x.png">', "asked for .*192.0.2.1"),
        ('<img src="gone.png">', "net::ERR_FILE_NOT_FOUND"),
        ("<script>nothing.here()</script>", "script error: nothing is not defined"),
    ],
)
def test_a_page_that_is_not_quiet_is_found(tmp_path: Path, visit: Any, body: str, message: str) -> None:
    (tmp_path / "page.html").write_text(f"<!doctype html><title>x</title>{body}", encoding="utf-8")
    seen = visit((tmp_path / "page.html").as_uri())
    seen.page.wait_for_load_state("networkidle")
    with pytest.raises(AssertionError, match=message):
        seen.assert_clean("page")


@pytest.mark.parametrize("name", [*PAGES, *OTHERS])
def test_served_on_a_wide_screen_in_the_light(site: Path, address: str, visit: Any, name: str) -> None:
    """The whole of it: every row of controls is moved by mouse and by keyboard, and moves its own widget only."""
    seen = visit(address + name)
    widgets = ready(seen.page)
    if name in PAGES:
        assert_readable(seen.page, name)
    moved = [Moved(seen.page, widget, name) for widget in widgets]
    for one in moved:
        for row in reversed(one.rows):
            one.by_mouse(row)
            one.by_keyboard(row)
        one.assert_picture_moved()
        others = [(other.title, state(other.widget) == other.now) for other in moved]
        assert all(same for _, same in others), f"{one.title} moved others: {others}"
    assert_quiet(seen, site, name)


@pytest.mark.parametrize("name", PAGES)
def test_every_choice_of_a_widget_shows_something_else(site: Path, name: str) -> None:
    text = (site / name).read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/json" id="symrl-\w+-data">(.*?)</script>', text, flags=re.DOTALL)
    assert len(found) == text.count('class="symrl-widget"'), f"{name} has widgets without data"
    for data in found:
        spec = json.loads(data)["spec"]
        assert_choices_differ(spec, f"{name}, widget {spec['title']}")


@pytest.mark.parametrize("name", [*PAGES, *OTHERS])
def test_from_the_disk_in_the_dark(site: Path, address: str, visit: Any, name: str) -> None:
    seen = visit(where(address, site, name, from_disk=True), dark=True)
    widgets = ready(seen.page)
    if name in PAGES:
        assert seen.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert_readable(seen.page, name)
    for widget in widgets:
        moved = Moved(seen.page, widget, name)
        for row in one_of_each_kind(moved.rows):
            moved.by_mouse(row)
            moved.by_keyboard(row)
        moved.assert_picture_moved()
    assert_quiet(seen, site, name)


@pytest.mark.parametrize("name", PAGES)
def test_a_phone_shows_all_of_a_page_and_its_widgets(site: Path, address: str, visit: Any, name: str) -> None:
    seen = visit(address + name, width=PHONE)
    widgets = ready(seen.page)
    assert seen.page.evaluate(ON_A_PHONE, [WIDGET, CONTROLS, PHONE]) == []
    for widget in widgets:
        moved = Moved(seen.page, widget, f"{name} on a phone")
        for row in one_of_each_kind(moved.rows):
            moved.by_mouse(row, touch=True)
            moved.by_keyboard(row)
        moved.assert_picture_moved()
    assert not widgets or seen.page.evaluate(ON_A_PHONE, [WIDGET, CONTROLS, PHONE]) == [], "after a movement"
    seen.assert_clean(name)


def test_the_readers_own_dark_mode_is_followed_and_can_be_switched(address: str, visit: Any) -> None:
    page = visit(address + "book/welcome.html", width=1100).page  # a window of its own: the choice is remembered
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
