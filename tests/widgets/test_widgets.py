"""Widgets: frames, texts, both forms of output, and the twin opened from the disk in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from symrl_lite.actions import on_grid_states, on_images
from symrl_lite.groups import cyclic, dihedral, permutation, regular, symmetric
from symrl_lite.plots import GridState, draw_bars, draw_cartpole, draw_gridworld, draw_image
from symrl_lite.symmetry import Symmetry
from symrl_lite.widgets import Buttons, Prepared, Slider, compose, explore, flipbook
from symrl_lite.widgets import panel as make_panel

PICTURE = np.arange(9.0).reshape(3, 3)
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def book() -> Prepared:
    """Two controls of both kinds; the widget's picture shows what is chosen."""

    def draw(figure: Any, shift: int, look: str) -> None:
        axes = figure.subplots()
        draw_image(axes, np.roll(PICTURE, shift, axis=1))
        axes.set_title(f"{look}: {shift}")

    return flipbook(
        draw,
        {"shift": Slider(range(-1, 3)), "look": Buttons(["plain", "<b>", '"quoted"'])},
        lambda shift, look: f"The picture, slid by {shift}, looks {look} </script>.",
        "Slide & look",
        figsize=(4, 2),
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are put together and not turned into pixels: for tests that read the texts alone."""
    monkeypatch.setattr("symrl_lite.widgets.flipbooks.rgb", lambda figure: np.full((2, 2, 3), 255, dtype=np.uint8))


@pytest.fixture(scope="module")
def composed() -> Prepared:
    G = dihedral(4)
    return compose(G, on_images(G), PICTURE, draw_image)


def mirror() -> Symmetry:
    return Symmetry(cyclic(2), lambda g, x: -np.asarray(x) if g else np.asarray(x), regular(cyclic(2)), "mirror")


# --- frames and texts ---------------------------------------------------------------------------------------


def test_there_is_a_frame_and_a_text_for_every_combination(book: Prepared) -> None:
    assert len(book.index) == len(book.captions) == 12
    assert set(book.index) == set(range(len(book.frames)))
    for number, (shift, look) in enumerate(product(range(-1, 3), ["plain", "<b>", '"quoted"'])):
        assert book.combination(shift=shift, look=look) == number
        assert book.caption(shift=shift, look=look) == f"The picture, slid by {shift}, looks {look} </script>."
    for frame in book.frames:
        image = Image.open(io.BytesIO(frame))
        assert image.format == "PNG"
        assert image.size == book.size == (400, 200)
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_equal_frames_are_kept_once() -> None:
    widget = flipbook(
        lambda figure, shift, unused: draw_bars(figure.subplots(), [shift % 2, 1]),
        {"shift": range(4), "unused": ["a", "b"]},
        lambda shift, unused: f"{shift}{unused}",
        "Bars",
        figsize=(3, 2),
    )
    assert len(widget.frames) == 2
    assert widget.index == (0, 0, 1, 1, 0, 0, 1, 1)


def test_texts_that_would_be_equal_name_the_choice() -> None:
    widget = flipbook(lambda figure, k: None, {"k": [1, 2]}, lambda k: "An empty picture.", "Empty", figsize=(1, 1))
    assert widget.captions == ("k 1: An empty picture.", "k 2: An empty picture.")


def test_all_of_a_composition_of_d4_is_small(composed: Prepared) -> None:
    assert len(composed.index) == 64
    assert sum(map(len, composed.frames)) < 600_000


def test_a_composition_says_what_the_table_says(composed: Prepared) -> None:
    G = dihedral(4)
    for first, then in product(G.names, G.names):
        both = G.names[G.multiply(then, first)]
        assert composed.caption(first=first, then=then) == (
            f"First {first}, then {then}: together they are the one move {both}. "
            f"In the table, row {then} and column {first} hold {both}."
        )
    assert len(set(composed.index)) == 64


def test_a_composition_draws_x_then_hx_then_ghx(composed: Prepared) -> None:
    """The three panels of a frame are those of frames with the identity."""
    G = dihedral(4)

    def panels(first: str, then: str) -> list[np.ndarray]:
        pixels = np.asarray(Image.open(io.BytesIO(composed.frame(first=first, then=then))).convert("RGB")).astype(int)
        height, width = pixels.shape[0] // 3, pixels.shape[1] // 3
        return [pixels[40 : height - 8, k * width : (k + 1) * width] for k in range(3)]

    for first, then in [("r", "s"), ("s", "r"), ("r3", "r2s")]:
        both = G.names[G.multiply(then, first)]
        x, after_first, after_both = panels(first, then)
        assert np.abs(x - panels("e", "e")[0]).max() < 25
        assert np.abs(after_first - panels("e", first)[2]).max() < 25
        assert np.abs(after_both - panels("e", both)[2]).max() < 25
        assert np.abs(after_both - after_first).max() > 50


def test_compose_takes_grid_worlds_and_representations_and_refuses_large_groups() -> None:
    C4 = cyclic(4)
    state = GridState(3, agent=(0, 1), goal=(2, 2))
    assert len(compose(C4, on_grid_states(C4, 3), state, draw_gridworld).index) == 16
    assert len(compose(cyclic(2), regular(cyclic(2)), np.array([1.0, 2]), draw_bars).index) == 4
    with pytest.raises(ValueError, match="24 elements, expected at most 20"):
        compose(symmetric(4), regular(symmetric(4)), np.zeros(24), draw_bars)


# --- explore ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("undrawn")
def test_explore_says_whether_the_policy_moves_with_the_state() -> None:
    fair = explore(
        lambda s: np.array([0.5 - s[2], 0.5 + s[2]]),
        mirror(),
        [(0.5, 1.0, 0.2, -0.5), (-1.0, 0.2, 0.1, 0.6)],
        draw=draw_cartpole,
        action_names=["left", "right"],
        state_names=["falling", "standing"],
    )
    assert list(fair.controls) == ["state", "move"]
    assert fair.caption(state="falling", move="r") == (
        "State falling, move r. Left, x: (0.5, 1, 0.2, -0.5). Right, L_g x: (-0.5, -1, -0.2, 0.5). "
        "π(x): left 0.30, right 0.70. π(L_g x): left 0.70, right 0.30. "
        "K_g π(x) is the same (largest difference 0.00)."
    )
    biased = explore(lambda s: np.array([0.6, 0.4]), mirror(), [np.ones(4)], draw=draw_cartpole)
    assert list(biased.controls) == ["move"]
    assert biased.caption(move="e").endswith("is the same (largest difference 0.00).")
    assert biased.caption(move="r").endswith("K_g π(x) differs: 0 0.40, 1 0.60 (largest difference 0.20).")


@pytest.mark.usefixtures("undrawn")
def test_explore_finds_a_wrong_action_of_a_group_that_is_not_abelian() -> None:
    """K_g with g for g⁻¹ agrees for flips and half turns, and not for quarter turns."""
    G = dihedral(4)
    corners = [(0, 0), (0, 2), (2, 2), (2, 0)]
    weigh = [np.eye(9)[3 * i + j].reshape(3, 3) for i, j in corners]
    moved = [[weigh_index(weigh, on_images(G)(g, w)) for w in weigh] for g in G]
    right = permutation(G, moved)

    def policy(x: np.ndarray) -> np.ndarray:
        return np.array([float((w * x).sum()) for w in weigh])

    good = explore(policy, Symmetry(G, on_images(G), right, "D4"), [PICTURE])
    assert all("is the same" in text for text in good.captions)
    wrong = Symmetry(G, on_images(G), lambda g, q: right(G.inverse(g)) @ q, "inverted")
    shown = explore(policy, wrong, [PICTURE])
    verdicts = {name: "is the same" in shown.caption(move=name) for name in ("e", "r", "s")}
    assert verdicts == {"e": True, "r": False, "s": True}


def weigh_index(weigh: list[np.ndarray], image: np.ndarray) -> int:
    return next(k for k, w in enumerate(weigh) if np.array_equal(w, image))


@pytest.mark.usefixtures("undrawn")
def test_explore_without_a_policy_shows_states() -> None:
    symmetry = Symmetry(cyclic(4), on_images(cyclic(4)), None, "turns")
    shown = explore(None, symmetry, [PICTURE, PICTURE.T])
    assert shown.controls["state"].labels == ["1", "2"]
    assert len(set(shown.captions)) == 8
    invariant = explore(lambda x: np.array([x.sum(), 1.0]), symmetry, [PICTURE])
    assert all("is the same" in text for text in invariant.captions)


@pytest.mark.usefixtures("undrawn")
def test_explore_describes_grid_worlds_for_those_who_do_not_see_them() -> None:
    symmetry = Symmetry(cyclic(4), on_grid_states(cyclic(4), 3), None, "turns")
    shown = explore(None, symmetry, [GridState(3, agent=(0, 0), walls=((1, 1),))], draw=draw_gridworld)
    assert shown.caption(move="r") == (
        "Move r. Left, x: agent in row 0, column 0; wall in row 1, column 1. "
        "Right, L_g x: agent in row 2, column 0; wall in row 1, column 1."
    )
    told = explore(None, symmetry, [GridState(3, agent=(0, 0))], draw=draw_gridworld, describe=lambda x: f"{x.agent}")
    assert told.caption(move="r2") == "Move r2. Left, x: (0, 0). Right, L_g x: (2, 2)."


@pytest.mark.usefixtures("undrawn")
def test_explore_takes_torch_policies_and_many_elements() -> None:
    torch = pytest.importorskip("torch")
    G = symmetric(3)
    symmetry = Symmetry(G, regular(G), regular(G), "S3")
    shown = explore(lambda x: torch.softmax(x, 0), symmetry, [torch.arange(6.0)], draw=draw_bars)
    assert all("is the same" in text for text in shown.captions)
    many = Symmetry(cyclic(25), lambda g, x: x, None)
    shown = explore(None, many, [0], draw=lambda axes, x: axes.set_axis_off(), figsize=(2, 1))
    assert isinstance(shown.controls["move"], Slider)


STATE = np.array([0.1, 0.0, 0.2, 0.0])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"states": []}, ValueError, "states is empty"),
        ({"symmetry": cyclic(2)}, TypeError, "expected a Symmetry"),
        ({"policy": 3}, TypeError, "policy is 3"),
        ({"policy": lambda s: 0.5}, ValueError, r"policy\(states\[0\]\) has shape \(\), expected \(n_actions,\)"),
        ({"policy": lambda s: [0.5, np.nan]}, ValueError, "holds NaN"),
        ({"policy": lambda s: [0.5] * (2 if s[0] > 0 else 3)}, ValueError, "has 3 entries, expected 2"),
        ({"action_names": ["left"]}, ValueError, "1 action_names for 2 action values"),
        ({"state_names": ["a", "b"]}, ValueError, "2 state_names for 1 states"),
        ({"state_names": ["a", "a"], "states": [STATE, STATE]}, ValueError, "different"),
    ],
)
def test_explore_refuses_what_does_not_fit(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"policy": lambda s: [0.5, 0.5], "symmetry": mirror(), "states": [STATE]}
    with pytest.raises(error, match=message):
        explore(**{**given, **changes}, draw=draw_cartpole)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"controls": {}}, ValueError, "at least one"),
        ({"controls": ["a", "b"]}, ValueError, "at least one"),
        ({"controls": {"k": [1]}}, ValueError, "at least two"),
        ({"controls": {"k": [1, "1"]}}, ValueError, "different"),
        ({"controls": {"k": ["a", " "]}}, ValueError, "not empty"),
        ({"controls": {"k": "abc"}}, ValueError, "expected a list"),
        ({"controls": {"k": 7}}, ValueError, "expected a list"),
        ({"controls": {"two words": [1, 2]}}, ValueError, "identifier"),
        ({"controls": {"k": range(401)}}, ValueError, "401 combinations"),
        ({"caption": lambda k: ""}, ValueError, "caption"),
        ({"caption": lambda k: None}, ValueError, "expected a sentence"),
        ({"caption": "text"}, TypeError, "caption is 'text'"),
        ({"draw": None}, TypeError, "draw is None"),
        ({"title": ""}, ValueError, "title is ''"),
    ],
)
def test_flipbook_refuses_what_does_not_fit(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given: dict[str, Any] = {
        "draw": lambda figure, k: None,
        "controls": {"k": [1, 2]},
        "caption": lambda k: f"Number {k}.",
        "title": "Numbers",
    }
    with pytest.raises(error, match=message):
        flipbook(**{**given, **changes})


def test_choices_are_checked(book: Prepared) -> None:
    with pytest.raises(ValueError, match="no control 'turn'"):
        book.frame(turn=1)
    with pytest.raises(ValueError, match="no label '9'"):
        book.caption(shift=9)


# --- output -------------------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """All elements of a piece of a page, and whether each that is opened is closed."""

    VOID = ("img", "input", "br", "meta")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[int, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text[len(self.found) - 1] = self.text.get(len(self.found) - 1, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_the_twin_is_whole_and_holds_each_frame_once(book: Prepared) -> None:
    page = Elements(book.html)
    assert page.open == []
    (image,) = page.all("img")
    assert image["alt"] == book.captions[0]
    first = base64.b64decode((image["src"] or "").removeprefix("data:image/png;base64,"))
    assert first == book.frames[0]
    scripts = [position for position, (tag, _) in enumerate(page.found) if tag == "script"]
    assert [page.found[k][1]["type"] for k in scripts] == ["application/json", "module"]
    data = json.loads(page.text[scripts[0]])
    assert base64.b64decode(data["rest"]) == b"".join(book.frames[1:])
    assert data["lengths"] == [len(frame) for frame in book.frames]
    assert data["spec"]["captions"] == list(book.captions)
    assert "export" not in re.sub(r"//.*", "", page.text[scripts[1]])
    assert len(book.html) < 1.4 * sum(map(len, book.frames)) + 15_000


def test_the_twin_needs_nothing_from_elsewhere(book: Prepared) -> None:
    assert not re.search(r"https?://|import\s|src=\"(?!data:)|@import|url\(", book.html.replace("www.w3.org", ""))


def test_ids_differ_even_if_a_widget_is_shown_twice(book: Prepared) -> None:
    ids = [
        attributes["id"]
        for text in (book.html, book.html)
        for _, attributes in Elements(text).found
        if "id" in attributes
    ]
    assert len(ids) == 4 == len(set(ids))


def test_live_output_is_the_widget_with_its_twin(book: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYMRL_STATIC", raising=False)
    data, metadata = book._repr_mimebundle_()
    assert set(data) == {WIDGET_MIME, "text/html", "text/plain"}
    assert data[WIDGET_MIME]["model_id"] == book.widget.model_id
    assert data["text/plain"] == f"[widget] Slide & look: {book.captions[0]}"
    assert isinstance(metadata, dict)
    widget = book.widget
    assert widget.blob == b"".join(book.frames)
    assert widget.lengths == [len(frame) for frame in book.frames]
    assert widget.selection == [0, 0]
    state = widget.get_state()
    assert {"blob", "lengths", "spec", "selection", "_esm"} <= set(state)


def test_static_output_makes_no_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMRL_STATIC", "1")
    shown = flipbook(lambda figure, k: None, {"k": [1, 2]}, lambda k: f"Number {k}.", "Numbers", figsize=(1, 1))
    assert set(shown._repr_mimebundle_()) == {"text/html", "text/plain"}
    assert shown._widget is None


# --- the twin in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def window(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """A window as wide as a phone, and what the pages in it say or ask for that they should not."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text))
    page.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    yield page, problems
    page.close()


@pytest.fixture
def opened(window: tuple[Any, list[str]], book: Prepared, tmp_path: Path) -> Iterator[Any]:
    """Two copies of one widget as they are at the start, opened from the disk."""
    page, problems = window
    path = tmp_path / "twin.html"
    path.write_text(f"<!doctype html><meta charset=utf-8><title>twin</title>{book.html}{book.html}", encoding="utf-8")
    problems.clear()
    page.goto(path.as_uri())
    page.wait_for_selector(".symrl-widget button")
    yield page
    assert problems == []


def shown(widget: Any) -> tuple[str, str, str]:
    return widget.evaluate(
        "e => { const i = e.querySelector('img'); return [i.src, i.alt, e.querySelector('p').innerText]; }"
    )


def test_the_twin_moves_by_mouse_and_by_keyboard(opened: Any, book: Prepared) -> None:
    one, other = opened.locator(".symrl-widget").all()
    at_rest = shown(other)
    slider, buttons = one.locator("input"), one.locator("button")

    def expect(shift: int, look: str) -> None:
        _, alt, text = shown(one)
        assert alt == text == book.caption(shift=shift, look=look)

    expect(-1, "plain")
    buttons.nth(1).click()
    expect(-1, "<b>")
    opened.keyboard.press("ArrowRight")
    expect(-1, '"quoted"')
    opened.keyboard.press("ArrowRight")  # round to the first
    expect(-1, "plain")
    assert buttons.nth(0).evaluate("e => document.activeElement === e")
    opened.keyboard.press("ArrowLeft")
    expect(-1, '"quoted"')
    opened.keyboard.press("Home")
    expect(-1, "plain")
    slider.focus()
    opened.keyboard.press("ArrowRight")
    expect(0, "plain")
    assert slider.get_attribute("aria-valuetext") == "0"
    opened.keyboard.press("End")
    expect(2, "plain")
    box = slider.bounding_box()
    opened.mouse.click(box["x"] + 3, box["y"] + box["height"] / 2)
    expect(-1, "plain")
    assert shown(other) == at_rest


def test_every_frame_of_the_twin_is_the_right_one(opened: Any, book: Prepared) -> None:
    one = opened.locator(".symrl-widget").first
    for position, shift in enumerate(range(-1, 3)):
        one.locator("input").fill(str(position))
        for k, look in enumerate(["plain", "<b>", '"quoted"']):
            one.locator("button").nth(k).click()
            pixels = one.evaluate(
                """async e => { const i = e.querySelector('img'); await i.decode();
                     const bytes = new Uint8Array(await (await fetch(i.src)).arrayBuffer());
                     return btoa(String.fromCharCode(...bytes)); }"""
            )
            assert base64.b64decode(pixels) == book.frame(shift=shift, look=look)


def test_the_twin_tells_assistive_technology_what_it_is(opened: Any) -> None:
    one = opened.locator(".symrl-widget").first
    assert one.get_attribute("role") == "group"
    assert one.get_attribute("aria-label") == "Slide & look"
    group = one.locator("[role=radiogroup]")
    assert group.get_attribute("aria-label") == "look"
    assert [button.get_attribute("aria-checked") for button in group.locator("[role=radio]").all()] == [
        "true",
        "false",
        "false",
    ]
    assert [button.get_attribute("tabindex") for button in group.locator("button").all()] == ["0", "-1", "-1"]
    assert one.locator("input").get_attribute("aria-label") == "shift"
    assert one.locator("p").get_attribute("aria-live") == "polite"


def test_the_twin_fits_a_phone(opened: Any) -> None:
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    for control in opened.locator("button, input").all():
        assert control.bounding_box()["height"] >= 44
        assert float(control.evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 13
    assert opened.locator("p").first.evaluate("e => getComputedStyle(e).fontSize") == "16px"


def test_a_live_widget_is_cleaned_up(browser: Any) -> None:
    """render() gives back a function that lets go of the pictures and of the model."""
    module = (Path(__file__).parents[2] / "symrl_lite/widgets/explore.js").read_text(encoding="utf-8")
    page = browser.new_page()
    page.set_content("<main></main>")
    left = page.evaluate(
        """async source => {
          const made = new Set(), make = URL.createObjectURL, revoke = URL.revokeObjectURL;
          const address = make(new Blob([source], {type: "text/javascript"}));
          const widget = (await import(address)).default;
          URL.createObjectURL = blob => { const url = make.call(URL, blob); made.add(url); return url; };
          URL.revokeObjectURL = url => { made.delete(url); revoke.call(URL, url); };
          const state = {
            blob: new DataView(new Uint8Array([9, 1, 2, 3]).buffer, 1), lengths: [1, 2], selection: [0],
            spec: {title: "t", width: 1, height: 1, captions: ["a", "b"], frames: [0, 1],
                   controls: [{name: "k", kind: "buttons", labels: ["x", "y"]}]},
          };
          const listeners = new Set();
          const model = {get: k => state[k], set: () => {}, save_changes: () => {},
                         on: (e, f) => listeners.add(f), off: (e, f) => listeners.delete(f)};
          const el = document.querySelector("main");
          const cleanup = widget.render({model, el});
          const outside = [];
          document.addEventListener("keydown", event => outside.push(event.key));
          el.querySelector("button").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
          state.selection = [1];
          for (const listener of listeners) listener();
          const alt = el.querySelector("img").alt;
          const before = made.size;
          cleanup();
          return {alt, before, after: made.size, listeners: listeners.size, outside};
        }""",
        module,
    )
    page.close()
    assert left == {"alt": "b", "before": 2, "after": 0, "listeners": 0, "outside": []}


# --- several policies, and the panel


def test_explore_takes_policies_by_name():
    two = {"even": lambda x: np.array([0.5, 0.5]), "left": lambda x: np.array([0.9, 0.1])}
    from symrl_lite.envs.cartpole import reflection

    shown = explore(two, reflection(), [np.array([0, 0, 0.1, 0])], draw=draw_cartpole)
    assert list(shown.controls) == ["policy", "move"]
    assert "is the same" in shown.caption(policy="even", move="r") and "differs" in shown.caption(
        policy="left", move="r"
    )
    assert shown.frame(policy="even", move="r") != shown.frame(policy="left", move="r")
    with pytest.raises(ValueError, match="policy is empty"):
        explore({}, reflection(), [np.zeros(4)])
    with pytest.raises(TypeError, match="expected a function"):
        explore({"even": 3}, reflection(), [np.zeros(4)])


PANEL = {
    "ranges": {"angle": (-0.2, 0.2), "spin": (-2, 2), "speed": (-1, 1)},
    "state": lambda angle, spin, speed: np.array([0, speed, angle, spin]),
    "draw": draw_cartpole,
    "action_names": ["left", "right"],
    "title": "Any state",
}


def panel(**changes):
    from symrl_lite.envs.cartpole import reflection

    def right_when_leaning_right(x):
        p = 1 / (1 + np.exp(-30 * x[2]))
        return np.array([1 - p, p])

    policies = {"fair": right_when_leaning_right, "left": lambda x: np.array([0.9, 0.1])}
    return make_panel(policies, reflection(), **PANEL | changes)


@pytest.mark.usefixtures("undrawn")
def test_the_panel_is_prepared_on_the_static_page(monkeypatch):
    monkeypatch.setenv("SYMRL_STATIC", "1")
    shown = panel(stops=3)
    assert {name: list(c.labels) for name, c in shown.controls.items()} == {
        "angle": ["-0.20", "0.00", "0.20"],
        "spin": ["-2.00", "0.00", "2.00"],
    }
    words = shown.caption(angle="0.20", spin="0.00")
    assert "fair: left 0.00 (moved back 0.00), right 1.00 (moved back 1.00)" in words
    assert "left: left 0.90 (moved back 0.10), right 0.10 (moved back 0.90)" in words


def test_the_panel_is_live_with_a_kernel(monkeypatch):
    import ipywidgets

    monkeypatch.delenv("SYMRL_STATIC", raising=False)
    made = {}

    def interact(function, **sliders):
        made.update(sliders)
        made["picture"] = function(**{name: slider.value for name, slider in sliders.items()})

    monkeypatch.setattr(ipywidgets, "interact", interact)
    assert panel() is None
    assert set(made) == {"angle", "spin", "speed", "picture"} and made["spin"].max == 2
    assert made["picture"]._repr_mimebundle_() if hasattr(made["picture"], "_repr_mimebundle_") else made["picture"]


def test_the_panel_refuses_nothing_to_show():
    with pytest.raises(ValueError, match="policies or ranges are empty"):
        panel(ranges={})


# --- a plan, sweep by sweep


class ByHand:
    """A model whose code of a place is its row, column and key, far enough apart, and whose steps are the room's."""

    def __init__(self, room):
        import torch

        self.codes = torch.tensor([[3.0 * i, 3.0 * j, 3.0 * key] for (key,), (i, j) in room.places])
        self.moves = torch.as_tensor(room.moves())

    def encode(self, places):
        return self.codes[places]

    def steps(self, z):
        return self.codes[self.moves[(z[:, None] - self.codes).abs().sum(dim=-1).argmin(dim=1)]]

    def rewards(self, z):
        return z[..., 0]


def test_a_plan_grows_from_the_goal_through_the_key():
    from symrl_lite.data import shortest
    from symrl_lite.envs.room import Room
    from symrl_lite.plannable import LatentPlanner
    from symrl_lite.widgets import plan

    room = Room(pixels=1)
    start, cells = room.place_of((2, 2)), [(1, 1), (3, 4)]
    planners = {c: LatentPlanner(ByHand(room), np.arange(71), room.place_of(c, key=False)) for c in cells}
    shown = plan(room, np.arange(71), planners, start, sweeps=(0, 1, 6, 60))
    assert list(shown.controls) == ["goal", "sweep"]
    assert "0 of 71" in shown.caption(goal="(1, 1)", sweep="0") and "No plan" in shown.caption(goal="(1, 1)", sweep="6")
    assert "1 of 71" in shown.caption(goal="(1, 1)", sweep="1")
    # After six sweeps: all places with the key in the hand that are at most five moves away.
    near = int((shortest(room.moves(), room.place_of((1, 1), key=False)) <= 5).sum())
    assert f"{near} of 71" in shown.caption(goal="(1, 1)", sweep="6")
    for cell in cells:
        steps = int(shortest(room.moves(), room.place_of(cell, key=False))[start])
        words = shown.caption(goal=str(cell), sweep="60")
        assert f"The plan has {steps} steps: " in words and words.count("→") == steps - 1
    assert len({shown.frame(goal=str(c), sweep=str(k)) for c in cells for k in (1, 6, 60)}) == 6


def test_latents_are_drawn_with_the_same_signs_in_every_run():
    from symrl_lite.widgets.plans import oblique

    draw = np.random.default_rng(0)
    z = draw.normal(size=(40, 6)) * [5, 3, 2, 0.1, 0.1, 0.1]
    assert oblique(z).shape == (40, 2) and np.allclose(oblique(z), oblique(z + 7))
    assert oblique(z[:, :2]).shape == (40, 2)
