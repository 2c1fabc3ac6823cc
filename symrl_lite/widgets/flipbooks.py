"""`flipbook`: a widget from a function that draws, one picture for each combination of choices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from symrl_lite.plots.pictures import house_style, png_bytes, required_text, rgb
from symrl_lite.widgets.prepared import Buttons, Prepared, Slider

__all__ = ["DPI", "flipbook", "prepare", "stack"]

MAX_FRAMES = 400
DPI = 100
COLORS_A_FRAME = 32


def flipbook(
    draw: Callable[..., Any],
    controls: Mapping[str, Any],
    caption: Callable[..., str],
    title: str,
    *,
    figsize: tuple[float, float] = (6.4, 3.0),
) -> Prepared:
    """A widget that shows one picture for each combination of choices.

    Args:
        draw: draw(figure, **choice) draws on an empty matplotlib Figure; choice holds one label for each control, as
            it was given in `controls`.
        controls: name -> Buttons(labels), Slider(labels), or a list of labels, which become buttons. Names are Python
            identifiers.
        caption: caption(**choice) says in words what the picture shows.
        title: name of the widget.
        figsize: inches; 6.4 are 640 pixels.

    Returns:
        What the cell shows as its value.

    Raises:
        ValueError: no control, a control with fewer than two labels or with equal ones, more than 400 combinations, no
            title, an empty caption. TypeError: a `draw` or `caption` that cannot be called.

    >>> turns = flipbook(lambda figure, turn: figure.text(0.5, 0.5, "L", rotation=turn), {"turn": [0, 90]},
    ...                  lambda turn: f"The letter L, turned by {turn} degrees.", "Turn the letter")
    >>> turns
    [widget] Turn the letter: The letter L, turned by 0 degrees.
    >>> turns.caption(turn=90)
    'The letter L, turned by 90 degrees.'
    """
    for what, function in (("draw", draw), ("caption", caption)):
        if not callable(function):
            raise TypeError(f"{what} is {function!r}, expected a function of the chosen labels")

    def pixels(**choice: Any) -> np.ndarray:
        figure = Figure(figsize=figsize, dpi=DPI, layout="constrained")
        draw(figure, **choice)
        return rgb(figure)

    return prepare(pixels, controls, caption, title)


def prepare(pixels: Callable[..., np.ndarray], controls: Any, caption: Callable[..., str], title: str) -> Prepared:
    """A widget from a function that gives the pixels (height, width, 3) for a choice of labels."""
    required_text(title, "title")
    given, shown = _controls(controls)
    choices = [dict(zip(given, labels, strict=True)) for labels in product(*given.values())]
    captions = _captions(caption, choices)
    frames: dict[bytes, int] = {}  # the same picture is kept once
    index = []
    with house_style():
        for choice in choices:
            frame = pixels(**choice)
            index.append(frames.setdefault(png_bytes(frame, colors=COLORS_A_FRAME), len(frames)))
    return Prepared(title.strip(), shown, list(frames), index, captions, (frame.shape[1], frame.shape[0]))


def stack(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures (height, width, 3), whole numbers from 0 to 255, below each other on white; one such picture."""
    page = np.full((sum(len(part) for part in parts), max(part.shape[1] for part in parts), 3), 255, dtype=np.uint8)
    top = 0
    for part in parts:
        page[top : top + len(part), : part.shape[1]] = part
        top += len(part)
    return page


def _controls(controls: Any) -> tuple[dict[str, list[Any]], dict[str, Buttons | Slider]]:
    """Labels as they were given, and controls with their labels as text."""
    if not isinstance(controls, Mapping) or not controls:
        raise ValueError(f"controls is {controls!r}, expected at least one: {{name: labels}}")
    given: dict[str, list[Any]] = {}
    shown: dict[str, Buttons | Slider] = {}
    for name, control in controls.items():
        if not (isinstance(name, str) and name.isidentifier()):
            raise ValueError(f"control {name!r} has a name that is no Python identifier, which draw(figure, ...) needs")
        kind = type(control) if isinstance(control, Buttons | Slider) else Buttons
        labels = control.labels if isinstance(control, Buttons | Slider) else control
        if isinstance(labels, str) or not isinstance(labels, Iterable):
            raise ValueError(f"control {name!r} has labels {labels!r}, expected a list")
        given[name] = list(labels)
        texts = [str(label) for label in given[name]]
        if len(texts) < 2 or len(set(texts)) < len(texts) or not all(text.strip() for text in texts):
            raise ValueError(f"control {name!r} has labels {texts}, expected at least two, different and not empty")
        shown[name] = kind(texts)
    count = int(np.prod([len(labels) for labels in given.values()]))
    if count > MAX_FRAMES:
        raise ValueError(f"the controls have {count} combinations, expected at most {MAX_FRAMES}: use fewer labels")
    return given, shown


def _captions(caption: Callable[..., str], choices: list[dict[str, Any]]) -> list[str]:
    """A text for each choice; where two would be the same, the choice is said first."""
    texts = [caption(**choice) for choice in choices]
    for choice, text in zip(choices, texts, strict=True):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"caption({choice}) is {text!r}, expected a sentence that says what the picture shows")
    if len(set(texts)) == len(texts):
        return texts
    spoken = [", ".join(f"{name} {label}" for name, label in choice.items()) for choice in choices]
    return [f"{said}: {text}" for said, text in zip(spoken, texts, strict=True)]
