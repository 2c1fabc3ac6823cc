"""One picture: a matplotlib figure as a PNG with alternative text, drawn without pyplot."""

from __future__ import annotations

import base64
import html
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

__all__ = ["Picture", "house_style", "picture", "png_bytes", "required_text", "rgb"]

STYLE: dict[Any, Any] = {
    "font.size": 12,
    "axes.titlesize": 12,
    "figure.titlesize": 13,
    "legend.fontsize": 11,
    "hatch.linewidth": 0.8,
}


class Picture:
    """A PNG with its alternative text; shown as the value of a cell.

    Args:
        png: the bytes of a PNG file.
        alt: what a person who does not see the picture needs to know.
        width: width on the page in CSS pixels; narrower screens shrink it.
    """

    def __init__(self, png: bytes, alt: str, width: int) -> None:
        self.png = png
        self.alt = required_text(alt, "alt")
        self.width = width

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode()
        style = (
            f"box-sizing:border-box;width:{self.width + 12}px;max-width:100%;height:auto;padding:6px;margin:0.5rem 0;"
            "border-radius:10px;background:#fff !important;filter:none !important"
        )
        alt = html.escape(self.alt)
        return f'<img class="symrl-picture" alt="{alt}" src="data:image/png;base64,{data}" style="{style}">'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": f"[picture] {self.alt}"}

    def __repr__(self) -> str:
        return f"[picture] {self.alt}"


def required_text(text: Any, what: str) -> str:
    """`text`, if it says something.

    Raises:
        ValueError: no string, or an empty one.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{what} is {text!r}, expected a sentence that says what the picture shows")
    return text.strip()


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's default settings with the course's sizes, whatever the reader has set."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def rgb(figure: Figure) -> np.ndarray:
    """The figure's pixels, (height, width, 3), uint8."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def png_bytes(pixels: np.ndarray, colors: int) -> bytes:
    """Pixels (height, width, 3) as a PNG with a palette of at most `colors` colours.

    Three quarters of the palette are for areas of one colour, which so keep it exactly, in every frame; a quarter is
    for the shades at the edges of letters and lines.
    """
    code = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.int32)  # (height, width)
    corner = code[:-1, :-1]
    plain = corner[(corner == code[1:, 1:]) & (corner == code[1:, :-1]) & (corner == code[:-1, 1:])]
    found, counts = np.unique(plain, return_counts=True)
    areas = np.sort(found[np.argsort(-counts, kind="stable")][: colors * 3 // 4])
    palette = [[value >> 16, value >> 8 & 255, value & 255] for value in areas.tolist()]
    at_edge = ~np.isin(code, areas)
    index = np.searchsorted(areas, code)  # (height, width)
    if at_edge.any():
        shades = Image.fromarray(pixels[at_edge][None]).quantize(colors // 4)
        index[at_edge] = len(areas) + np.asarray(shades)[0]
        palette += np.array(shades.getpalette()).reshape(-1, 3).tolist()
    image = Image.fromarray(index.astype(np.uint8))
    image.putpalette([level for color in palette for level in color])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def picture(
    draw: Figure | Callable[[Figure], Any],
    *,
    alt: str,
    title: str | None = None,
    figsize: tuple[float, float] = (6.4, 3.6),
) -> Picture:
    """Any matplotlib figure as a Picture.

    Args:
        draw: a function that draws on an empty figure, or a figure that is drawn already.
        alt: alternative text.
        title: what the figure shows, as a sentence; written above it.
        figsize: width and height in inches for a function; 6.4 inches are 640 pixels on the page.

    Raises:
        TypeError: `draw` is neither. ValueError: no alternative text.

    >>> picture(lambda figure: figure.subplots().plot([0, 1]), alt="A line that rises from 0 to 1.")
    [picture] A line that rises from 0 to 1.
    """
    required_text(alt, "alt")
    with house_style():
        if isinstance(draw, Figure):
            figure = draw
            if "matplotlib.pyplot" in sys.modules:  # or the notebook would show it once more
                sys.modules["matplotlib.pyplot"].close(figure)
        elif callable(draw):
            figure = Figure(figsize=figsize, layout="constrained")
            draw(figure)
        else:
            raise TypeError(f"draw is {draw!r}, expected a matplotlib Figure or a function that draws on one")
        if title is not None:
            figure.suptitle(title)
        width = round(100 * figure.get_figwidth())
        figure.set_dpi(150)
        return Picture(png_bytes(rgb(figure), colors=128), alt, width)
