"""Figures: alternative text, what is drawn, and what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from symrl_lite import plots
from symrl_lite.groups import cyclic, dihedral, regular, symmetric
from symrl_lite.plots.pictures import png_bytes, rgb

ALT = "A sentence about the picture, with \"quotes\", <b> and 'more'."


def image_of(picture: plots.Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png))


def axes() -> Any:
    return Figure().subplots()


class Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


ALL = {
    "picture": lambda alt: plots.picture(lambda figure: figure.subplots().plot([0, 1]), alt=alt),
    "table": lambda alt: plots.cayley_table(dihedral(4), ("r", "s"), alt=alt),
    "curves": lambda alt: plots.curves(
        [0, 1], {"a": np.zeros((3, 2))}, xlabel="step", ylabel="error", title="Nothing", alt=alt
    ),
    "latent graphs": lambda alt: plots.latent_graphs(
        {"a": np.eye(4)}, [[1], [2], [3], [0]], np.zeros(4), alt=alt, title="A ring"
    ),
    "row": lambda alt: plots.image_row([np.eye(3)] * 2, ["x", "y"], alt=alt),
    "square": lambda alt: plots.commuting_square(
        lambda x: x, np.eye(3), lambda g, x: x, lambda g, x: x, 0, alt=alt, draw_out=plots.draw_image
    ),
}


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
def test_a_figure_is_an_image_with_alternative_text(make: Any) -> None:
    picture = make(ALT)
    reader = Images()
    reader.feed(picture._repr_html_())
    (image,) = reader.found
    assert image["alt"] == ALT
    assert (image["src"] or "").startswith("data:image/png;base64,")
    assert "max-width:100%" in (image["style"] or "")
    assert picture._repr_mimebundle_()["text/plain"] == f"[picture] {ALT}" == repr(picture)
    assert image_of(picture).format == "PNG"
    assert image_of(picture).convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    assert len(picture.png) < 60_000


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_figure_without_alternative_text_is_refused(make: Any, alt: Any) -> None:
    with pytest.raises(ValueError, match="alt is"):
        make(alt)


def test_figures_leave_no_state_behind() -> None:
    code = (
        "import sys, matplotlib as mpl, numpy as np\n"
        "before = dict(mpl.rcParams)\n"
        "from symrl_lite import plots\n"
        "plots.image_row([np.eye(2)], ['x'], alt='something')\n"
        "assert dict(mpl.rcParams) == before\n"
        "assert 'torch' not in sys.modules and 'ipywidgets' not in sys.modules\n"
        "pyplot = sys.modules.get('matplotlib.pyplot')\n"
        "assert pyplot is None or pyplot.get_fignums() == []\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_figure_that_is_drawn_already_is_taken_and_not_shown_twice() -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure()
    figure.subplots().plot([0, 1])
    assert image_of(plots.picture(figure, alt=ALT, title="A line")).width > 300
    assert not pyplot.fignum_exists(figure.number)
    with pytest.raises(TypeError, match="expected a matplotlib Figure"):
        plots.picture([1, 2], alt=ALT)  # type: ignore[arg-type]


def test_areas_of_one_colour_keep_it() -> None:
    pixels = np.full((40, 60, 3), 255, dtype=np.uint8)
    pixels[5:10, 5:10] = (230, 159, 0)
    pixels[20:, :] = np.random.default_rng(0).integers(0, 255, (20, 60, 3))
    image = Image.open(io.BytesIO(png_bytes(pixels, 32))).convert("RGB")
    assert image.getpixel((7, 7)) == (230, 159, 0)
    assert image.getpixel((30, 2)) == (255, 255, 255)
    assert len(image.getcolors() or []) <= 32


def test_text_in_a_figure_keeps_its_shades() -> None:
    figure = Figure(figsize=(3, 1))
    figure.text(0.1, 0.4, "r3s")
    exact = rgb(figure)
    kept = np.asarray(Image.open(io.BytesIO(png_bytes(exact, 32))).convert("RGB")).astype(int)
    assert np.abs(kept - exact).max() < 40


@pytest.mark.parametrize("group", [cyclic(1), cyclic(3), dihedral(4), symmetric(4), symmetric(5)], ids=str)
def test_tables_of_every_size_can_be_drawn(group: Any) -> None:
    drawn = axes()
    plots.draw_cayley_table(drawn, group)
    named = {text.get_text() for text in drawn.texts}
    assert named == (set(group.names) if group.order <= 12 else set())


def test_equal_elements_have_equal_colours_and_different_ones_differ() -> None:
    drawn = axes()
    group = dihedral(4)
    plots.draw_cayley_table(drawn, group)
    colors = np.asarray(drawn.images[0].get_array())
    for a, b in np.ndindex(8, 8):
        same = (colors == colors[a, b]).all(axis=-1)
        assert np.array_equal(same, group.table == group.table[a, b])


def test_the_product_gets_a_frame() -> None:
    drawn = axes()
    plots.draw_cayley_table(drawn, dihedral(4), ("r", "s"))
    assert {patch.get_xy() for patch in drawn.patches} == {(4 - 0.5, 1 - 0.5)}


def test_a_table_that_is_no_group_is_drawn_with_what_it_holds() -> None:
    drawn = axes()
    plots.draw_cayley_table(drawn, np.subtract.outer(range(3), range(3)), names=["0", "1", "2"])
    assert {text.get_text() for text in drawn.texts} == {"0", "1", "2", "-1", "-2"}
    with pytest.raises(ValueError, match="expected integers"):
        plots.cayley_table([[0.5, 1.0], [1.0, 0.5]], alt=ALT)
    with pytest.raises(ValueError, match="2 names for a table of 3"):
        plots.cayley_table(np.zeros((3, 3), int), names=["a", "b"], alt=ALT)


LABELS: Any = {"xlabel": "step", "ylabel": "error", "title": "A finding", "alt": ALT}


@pytest.mark.parametrize(
    ("x", "series", "changes", "message"),
    [
        ([0, 1, 2], {"a": np.zeros((3, 2))}, {}, r"\(3, 2\), expected \(seeds, 3\)"),
        ([0, 1], {"a": np.zeros(3)}, {}, r"expected \(seeds, 2\)"),
        ([0, 1], {"a": np.zeros((0, 2))}, {}, r"expected \(seeds, 2\)"),
        ([[0, 1]], {"a": np.zeros((1, 2))}, {}, r"expected \(T,\)"),
        ([0, 1], {}, {}, "0 series"),
        ([0, 1], {"a": [[0.0, np.nan]]}, {}, "'a' holds NaN"),
        ([0, 1], {"a": np.zeros((1, 2))}, {"band": "sigma"}, "'sigma'"),
        ([0, 1], {"a": np.zeros((1, 2))}, {"title": ""}, "title is ''"),
    ],
)
def test_curves_refuse_what_does_not_fit(x: Any, series: Any, changes: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.curves(x, series, **{**LABELS, **changes})


def test_curves_tell_series_apart_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("symrl_lite.plots.pictures.rgb", lambda figure: figures.append(figure) or rgb(figure))
    values = {name: np.random.default_rng(k).random((4, 20)) for k, name in enumerate("abcdefgh")}
    plots.curves(np.arange(20), values, **LABELS)
    (drawn,) = figures[0].axes
    lines = drawn.get_lines()
    assert len({line.get_marker() for line in lines}) == 8
    assert len({str(line.get_linestyle()) for line in lines[:4]}) == 4
    np.testing.assert_allclose(lines[0].get_ydata(), np.median(values["a"], axis=0))
    assert drawn.get_xlabel() == "step"
    assert drawn.get_ylabel() == "error"
    legend = drawn.get_legend()
    said = [legend.get_title().get_text(), *(text.get_text() for text in legend.get_texts())]
    assert any("smallest to largest" in text for text in said)
    assert any("4 seeds" in text for text in said)


@pytest.mark.parametrize("shape", [(4, 5), (1, 4, 5), (3, 4, 5), (4, 5, 3)])
def test_images_of_every_layout_are_drawn_upright(shape: tuple[int, ...]) -> None:
    drawn = axes()
    plots.draw_image(drawn, np.random.default_rng(0).random(shape))
    assert np.asarray(drawn.images[0].get_array()).shape[:2] == (4, 5)
    assert drawn.get_ylim()[0] > drawn.get_ylim()[1]  # row 0 at the top


@pytest.mark.parametrize("image", [np.zeros(4), np.zeros((2, 3, 4)), np.zeros((0, 3)), "text", [[np.inf]]])
def test_what_is_no_image_is_refused(image: Any) -> None:
    with pytest.raises(ValueError, match="image"):
        plots.draw_image(axes(), image)


def test_grid_worlds() -> None:
    state = plots.GridState(4, agent=(0, 1), goal=(3, 3), walls=((1, 1), (2, 1)))
    drawn = axes()
    plots.draw_gridworld(drawn, state)
    assert len(drawn.patches) == 2 + 1 + 3  # walls, star, and a disc with two eyes
    assert drawn.get_ylim()[0] > drawn.get_ylim()[1]
    plots.draw_gridworld(axes(), plots.GridState(2))
    for wrong in ({"agent": (4, 0)}, {"goal": (0, -1)}, {"walls": ((0, 9),)}, {"walls": (3,)}):
        with pytest.raises(ValueError, match="expected"):
            plots.GridState(4, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size is 0"):
        plots.GridState(0)


def test_labels_of_a_grid_can_be_read_on_their_colours() -> None:
    for labels in (np.arange(9).reshape(3, 3), np.arange(100).reshape(10, 10)):
        drawn = axes()
        plots.draw_grid_labels(drawn, labels)
        texts = {text.get_text(): text for text in drawn.texts}
        assert len(texts) == labels.size
        pixels = drawn.get_images()[0].get_array()
        for (row, column), label in np.ndenumerate(labels):
            light = pixels[row, column, :3] @ (0.2126, 0.7152, 0.0722)
            assert texts[str(label)].get_color() == ("black" if light > 0.55 else "white") or 0.35 < light < 0.6


def test_dependencies_have_an_arrow_for_each_parent() -> None:
    drawn = axes()
    plots.draw_dependencies(drawn, [(2, 0), (0, 1), (1, 2)])
    arrows = [text for text in drawn.texts if text.get_text() == ""]
    assert len(arrows) == 2 * 6 and len(drawn.texts) - len(arrows) == 9  # queue and switch; two rows


def test_policies_have_an_arrow_for_each_likely_action() -> None:
    from symrl_lite.envs.gridworld import GridWorld

    world, drawn = GridWorld(3), axes()
    policy = np.tile([0.5, 0.5, 0, 0], (9, 1))
    plots.draw_policy(drawn, world, policy, marked=(0, 1))
    tips = [arrow.xy for arrow in drawn.texts]
    assert len(tips) == 2 * 8  # none at the goal
    assert all(tip[0] % 1 > 0.5 or tip[1] % 1 > 0.5 for tip in tips)  # up and left: smaller row or column


def test_a_positive_angle_leans_the_pole_right() -> None:
    drawn = axes()
    plots.draw_cartpole(drawn, [0.5, 1.0, 0.2, -0.5])
    pole = drawn.get_lines()[2].get_xydata()
    assert pole[1, 0] > pole[0, 0] == 0.5
    for wrong in ([0, 0, 0], np.zeros((1, 4)), [0, 0, np.nan, 0]):
        with pytest.raises(ValueError, match="state"):
            plots.draw_cartpole(axes(), wrong)


def test_bars_refuse_what_does_not_fit() -> None:
    plots.draw_bars(axes(), [1, -2], ["a", "b"], expected=[1, 1])
    with pytest.raises(ValueError, match="1 names for 2 values"):
        plots.draw_bars(axes(), [1, 2], ["a"])
    with pytest.raises(ValueError, match="expected has shape"):
        plots.draw_bars(axes(), [1, 2], expected=[1])
    with pytest.raises(ValueError, match="expected a vector"):
        plots.draw_bars(axes(), np.zeros((2, 2)))


def test_rows_of_images_need_a_title_each() -> None:
    with pytest.raises(ValueError, match="1 images and 2 titles"):
        plots.image_row([np.eye(2)], ["a", "b"], alt=ALT)
    with pytest.raises(ValueError, match="0 images"):
        plots.image_row([], [], alt=ALT)


def test_the_square_says_whether_it_commutes(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("symrl_lite.plots.pictures.rgb", lambda figure: figures.append(figure) or rgb(figure))
    rho = regular(cyclic(3))
    x = np.array([1.0, 2.0, 4.0])
    bars: Any = {"draw_in": plots.draw_bars, "draw_out": plots.draw_bars}
    plots.commuting_square(lambda v: v**2, x, rho, rho, "r", alt=ALT, **bars)
    plots.commuting_square(np.cumsum, x, rho, rho, "r", alt=ALT, **bars)
    titles = [figure.get_suptitle() for figure in figures]
    assert titles == ["Both routes agree", "The two routes differ by up to 4"]
    with pytest.raises(ValueError, match="expected the same"):
        plots.commuting_square(lambda v: v, x, rho, lambda g, y: y[:2], "r", alt=ALT, **bars)
