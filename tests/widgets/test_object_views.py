"""Pictures of objects and codes: what is drawn and said, which frames differ, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from symrl_lite import plots, widgets
from symrl_lite.data import record_episodes
from symrl_lite.envs.shapes import Shapes
from symrl_lite.plots.pictures import rgb
from symrl_lite.widgets.objects import RIGHT, WRONG

ALT = "A sentence about the picture, with \"quotes\", <b> and 'more'."
CELLS = np.array([[[i, j], [j, 2 - i]] for i in range(3) for j in range(3)])  # (9, 2, 2), a board of two objects
TEXTS: Any = {"title": "A finding", "alt": ALT}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are drawn from now on."""
    found: list[Figure] = []
    for module in ("plots.pictures", "widgets.flipbooks"):
        monkeypatch.setattr(f"symrl_lite.{module}.rgb", lambda figure: found.append(figure) or rgb(figure))
    return found


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are put together and not turned into pixels: for tests that read the texts alone."""
    monkeypatch.setattr("symrl_lite.widgets.flipbooks.rgb", lambda figure: np.full((2, 2, 3), 255, dtype=np.uint8))


def axes() -> Any:
    return Figure().subplots()


# --- Feature maps, and codes by place -----------------------------------------------------------------------------

ALL = {
    "maps": lambda alt: plots.object_maps(
        np.zeros((2, 3, 10, 10)), np.zeros((2, 3, 5, 5)), names=list("abc"), title="Dark", alt=alt
    ),
    "codes": lambda alt: plots.code_grids(CELLS, CELLS, names=["a", "b"], title="Two squares", alt=alt),
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_a_figure_has_alternative_text(make: Any) -> None:
    picture = make(ALT)
    assert picture.alt == ALT and repr(picture) == f"[picture] {ALT}"
    assert 'alt="A sentence about the picture, with &quot;quotes&quot;, &lt;b&gt;' in picture._repr_html_()
    assert Image.open(io.BytesIO(picture.png)).format == "PNG"
    assert len(picture.png) < 60_000
    for missing in ("", "  ", None):
        with pytest.raises(ValueError, match="alt is"):
            make(missing)


def test_every_picture_stands_beside_its_maps(figures: list[Figure]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 10, 20))
    maps = 0.4 + 0.2 * np.random.default_rng(1).random((2, 3, 5, 4))
    plots.object_maps(pictures, maps, names=list("abc"), **TEXTS)
    rows = np.reshape(np.array(figures[0].axes, dtype=object), (2, 4))
    assert figures[0].get_suptitle() == "A finding"
    assert [cell.get_title() for cell in rows[0]] == ["picture", "a", "b", "c"]
    assert not any(cell.get_title() for cell in rows[1])
    for row, image, values in zip(rows, pictures, maps, strict=True):
        assert np.array_equal(row[0].images[0].get_array(), image.transpose(1, 2, 0))
        for cell, value in zip(row[1:], values, strict=True):
            (shown,) = cell.images
            assert np.array_equal(shown.get_array(), value)
            # Black is 0 and white is 1 in every map, whatever the values are.
            assert [to_hex(shown.to_rgba(v)) for v in (0.0, 0.5, 1.0)] == ["#000000", "#808080", "#ffffff"]
        assert all(len(cell.get_xticks()) == len(cell.get_yticks()) == 0 for cell in row)


@pytest.mark.parametrize("shape", [(2, 2, 5, 5), (2, 4, 5, 5), (1, 3, 5, 5), (3, 3, 5, 5), (2, 3, 25), (2, 3, 1, 5, 5)])
def test_maps_refuse_what_does_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(2, 3, rows, columns\)") as caught:
        plots.object_maps(np.zeros((2, 3, 10, 10)), np.zeros(shape), names=list("abc"), **TEXTS)
    assert f"maps have shape {shape}" in str(caught.value)


def joined(drawn: Any, style: str) -> list[list[list[float]]]:
    """The two ends of every line of a style."""
    lines = [line for line in drawn.get_lines() if line.get_linestyle() == style]
    return sorted(line.get_xydata().tolist() for line in lines)


def test_neighbouring_cells_are_joined(figures: list[Figure]) -> None:
    # The first object's codes are its places, turned; each is seen twice, a little to each side. The second's are 0.
    first = np.stack([CELLS[:, 0, 1], -CELLS[:, 0, 0]], axis=1)  # (9, 2)
    codes = np.concatenate([np.stack([first + e, 0 * first], axis=1) for e in (0.25, -0.25)])  # (18, 2, 2)
    plots.code_grids(codes, np.concatenate([CELLS, CELLS]), names=["it", "other"], **TEXTS)
    panels = figures[0].axes
    assert [panel.get_title() for panel in panels] == ["it", "other"]
    down = [[[j, -i], [j, -i - 1]] for i in range(2) for j in range(3)]
    across = [[[j, -i], [j + 1, -i]] for i in range(3) for j in range(2)]
    assert joined(panels[0], "-") == sorted(down) and joined(panels[0], "--") == sorted(across)
    assert joined(panels[1], "-") == joined(panels[1], "--") == [[[0, 0], [0, 0]]] * 6
    marks = {text.get_text(): text.get_position() for text in panels[0].texts}
    assert marks == {"L": (0, 0), "R": (2, 0)}  # the first row's ends
    dots = next(line for line in panels[0].get_lines() if line.get_marker() == ".")
    assert np.array_equal(dots.get_xydata(), codes[:, 0])


def test_a_cell_that_was_not_seen_is_left_out(figures: list[Figure]) -> None:
    seen = CELLS[1:, :1]  # all but the corner (0, 0)
    plots.code_grids(seen, seen, names=["it"], **TEXTS)
    (panel,) = figures[0].axes
    assert len(joined(panel, "-")) == len(joined(panel, "--")) == 5
    assert [text.get_text() for text in panel.texts] == ["R"]


@pytest.mark.parametrize(
    ("codes", "states", "names"),
    [
        (CELLS[:8], CELLS, ["a", "b"]),
        (CELLS, CELLS, ["a"]),
        (CELLS[..., :1], CELLS[..., :1], ["a", "b"]),
        (np.zeros((9, 2, 3)), CELLS, ["a", "b"]),
        (CELLS[:, 0], CELLS[:, 0], ["a", "b"]),
    ],
)
def test_codes_refuse_what_does_not_fit(codes: Any, states: Any, names: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"expected \(n, {len(names)}, 2\) twice") as caught:
        plots.code_grids(codes, states, names=names, **TEXTS)
    assert f"codes have shape {codes.shape} and states {states.shape}" in str(caught.value)


# --- Pushes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "middle"), [(10, 4.5), (4, 1.5)])
def test_an_arrow_leads_from_the_middle_of_a_cell_to_where_it_ends(cell: int, middle: float) -> None:
    drawn, image = axes(), np.random.default_rng(0).integers(0, 256, (3, 5 * cell, 5 * cell))
    plots.draw_push(drawn, image, (1, 2), (1.5, 4), cell=cell)
    assert np.array_equal(drawn.images[0].get_array(), image.transpose(1, 2, 0))
    (arrow,) = drawn.texts
    assert arrow.xyann == (2 * cell + middle, cell + middle)  # x is the column
    assert arrow.xy == (4 * cell + middle, 1.5 * cell + middle)
    (dot,) = drawn.get_lines()
    assert dot.get_xydata().tolist() == [[2 * cell + middle, cell + middle]]


@pytest.mark.parametrize(("end", "arrows"), [((1, 2), 0), ((1.1, 2.1), 0), ((1, 2.19), 0), ((1.21, 2), 1), ((0, 2), 1)])
def test_what_hardly_moves_has_a_dot_and_no_arrow(end: Any, arrows: int) -> None:
    drawn = axes()
    plots.draw_push(drawn, np.zeros((3, 50, 50), np.uint8), (1, 2), end)
    assert len(drawn.texts) == arrows and len(drawn.get_lines()) == 1


# --- Rollouts -----------------------------------------------------------------------------------------------------

# Four episodes with three shapes. After two pushes the boards of episodes 0 and 3 are the same; that of episode 1 has
# one shape elsewhere, and that of episode 2 two.
BOARD = np.array([[0, 0], [1, 1], [2, 2]])
PLACES = np.tile(BOARD, (4, 3, 1, 1))  # (E, T + 1, K, 2)
PLACES[1, 2, 0] = [4, 0]
PLACES[2, 2, 1:] = [[1, 3], [3, 2]]
PLACES[3, 1] = [[2, 2], [0, 0], [1, 1]]  # the cells of BOARD, each with another shape
PICTURES = Shapes(3).images(PLACES.reshape(-1, 3, 2)).reshape(4, 3, 3, 50, 50)
FOUND = {"good": [[0, 0, 3], [1, 1, 1]], "bad": [[3, 3, 1], [1, 3, 2]], "worse": [[0, 0, 2], [0, 0, 3]]}


@pytest.mark.usefixtures("undrawn")
def test_controls_and_captions() -> None:
    shown = widgets.rollouts(PICTURES, FOUND, PLACES, "Three models")
    assert list(shown.controls) == ["episode", "pushes"] and shown.title == "Three models"
    assert list(shown.controls["episode"].labels) == ["1", "2"]
    assert list(shown.controls["pushes"].labels) == ["0", "1", "2"] and shown.controls["pushes"].kind == "slider"
    said = {(e, t): shown.caption(episode=e, pushes=t) for e in (1, 2) for t in (0, 1, 2)}
    # Another episode with the same board is right, and a shape in the place of another one is misplaced.
    assert said == {
        (1, 0): "Episode 1 after 0 pushes. good: right; bad: right; worse: right.",
        (1, 1): "Episode 1 after 1 push. good: right; bad: 3 objects misplaced; worse: right.",
        (1, 2): "Episode 1 after 2 pushes. good: right; bad: 1 object misplaced; worse: 2 objects misplaced.",
        (2, 0): "Episode 2 after 0 pushes. good: right; bad: right; worse: right.",
        (2, 1): "Episode 2 after 1 push. good: right; bad: 3 objects misplaced; worse: right.",
        (2, 2): "Episode 2 after 2 pushes. good: right; bad: 3 objects misplaced; worse: 1 object misplaced.",
    }
    assert repr(shown) == f"[widget] Three models: {said[1, 0]}" and f'alt="{said[1, 0]}"' in shown.html


@pytest.mark.usefixtures("undrawn")
def test_captions_against_a_loop() -> None:
    played = record_episodes(Shapes(3, size=3).copies, 30, 4, seed=0)
    numbers = np.random.default_rng(0).integers(30, size=(5, 5))
    shown = widgets.rollouts(played.observations, {"it": numbers}, played.states)
    counts = set()
    for e in range(5):
        for t in range(5):
            guess, true = played.states[numbers[e, t], t].tolist(), played.states[e, t].tolist()
            off = sum(guess[k] != true[k] for k in range(3))
            counts.add(off)
            expected = {0: "it: right.", 1: "it: 1 object misplaced."}.get(off, f"it: {off} objects misplaced.")
            assert shown.caption(episode=e + 1, pushes=t).endswith(expected)
    assert counts >= {1, 2, 3}


def test_what_is_shown_is_what_was_retrieved(figures: list[Figure]) -> None:
    widgets.rollouts(PICTURES, FOUND, PLACES)
    assert len(figures) == 2 * 3
    for figure, (e, t) in zip(figures, np.ndindex(2, 3), strict=True):
        for cell, name in zip(figure.axes, ("true", *FOUND), strict=True):
            number = e if name == "true" else FOUND[name][e][t]
            assert np.array_equal(cell.images[0].get_array(), PICTURES[number, t].transpose(1, 2, 0))
            right = np.array_equal(PLACES[number, t], PLACES[e, t])
            assert cell.get_title() == (name if name == "true" else f"{name} {'✓' if right else '✗'}")
            rims = {to_hex(side.get_edgecolor()) for side in cell.spines.values()}
            assert rims == {"#555555" if name == "true" else RIGHT if right else WRONG}


def test_frames_differ_where_the_boards_or_the_verdicts_do() -> None:
    shown = widgets.rollouts(PICTURES, FOUND, PLACES)
    frames = {(e, t): shown.frame(episode=e, pushes=t) for e in (1, 2) for t in (0, 1, 2)}
    same = [{(1, 0), (2, 0)}, {(1, 1), (2, 1)}]  # the true boards, and those that are retrieved
    for one in frames:
        for other in frames:
            assert (frames[one] == frames[other]) == (one == other or {one, other} in same)
    assert len(shown.frames) == 4  # each different one once
    assert {Image.open(io.BytesIO(frame)).size for frame in shown.frames} == {shown.size}
    # Shapes that look alike: the same picture, and another verdict.
    dark = 0 * PICTURES
    places = np.stack([PLACES[0], PLACES[3]])
    shown = widgets.rollouts(dark, {"it": [[0, 0, 0], [0, 0, 0]]}, np.concatenate([places, places]))
    assert shown.frame(episode=1, pushes=1) == shown.frame(episode=1, pushes=2) == shown.frame(episode=2, pushes=0)
    assert shown.frame(episode=2, pushes=1) != shown.frame(episode=1, pushes=1)
    # The rim is in the picture, in a colour of its own.
    for e, rim in ((1, RIGHT), (2, WRONG)):
        pixels = np.asarray(Image.open(io.BytesIO(shown.frame(episode=e, pushes=1))).convert("RGB")).reshape(-1, 3)
        color = [int(rim[i : i + 2], 16) for i in (1, 3, 5)]
        assert (pixels == color).all(axis=1).sum() > 100


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retrieved": {}}, "retrieved is empty"),
        ({"retrieved": {"a": [[0, 1, 2]]}}, "expected at least two"),  # episodes to choose from
        ({"retrieved": {"a": FOUND["good"], "b": [[0, 1], [1, 0]]}}, r"retrieved\['b'\] has shape \(2, 2\)"),
        ({"retrieved": {"a": FOUND["good"], "b": [[0, 1, 2]]}}, r"retrieved\['b'\] .* expected \(2, 3\)"),
        ({"retrieved": {"a": [[0, 0, 4], [0, 0, 0]]}}, "from 0 to 3"),
        ({"retrieved": {"a": [[0, 0, -1], [0, 0, 0]]}}, "from 0 to 3"),
        ({"retrieved": {"a": [[0, 0, 0]] * 5}}, "for 5 episodes"),
        ({"states": PLACES[:, :2]}, r"states \(4, 2, 3, 2\)"),
        ({"states": PLACES[:3]}, r"states \(3, 3, 3, 2\)"),
        ({"title": "  "}, "title is '  '"),
    ],
)
def test_rollouts_refuse_what_does_not_fit(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"pictures": PICTURES, "retrieved": FOUND, "states": PLACES}
    with pytest.raises(ValueError, match=message):
        widgets.rollouts(**(given | changes))
