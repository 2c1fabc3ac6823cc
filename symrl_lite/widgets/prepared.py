"""A prepared widget: its frames, and the two forms in which it is shown, live and as a piece of a page."""

from __future__ import annotations

import base64
import html
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["Buttons", "Prepared", "Slider"]


@dataclass(frozen=True)
class Buttons:
    """A control: a row of buttons, one of which is pressed. The first label is the first choice.

    >>> Buttons(["e", "r"]).kind
    'buttons'
    """

    labels: Sequence[Any]
    kind = "buttons"


@dataclass(frozen=True)
class Slider:
    """A control: a slider that stops at each label. The first label is the first choice.

    >>> Slider([0.1, 0.2]).kind
    'slider'
    """

    labels: Sequence[Any]
    kind = "slider"


class Prepared:
    """Frames, controls and text alternatives of a widget; made by `flipbook`, `explore` and `compose`.

    Attributes:
        title: name of the widget.
        controls: name -> Buttons or Slider, with labels as text.
        frames: PNG files, each different one once.
        index: for each combination of choices (the last control varies fastest) its frame.
        captions: for each combination its text alternative.
        size: (width, height) of all frames in pixels.
    """

    def __init__(
        self,
        title: str,
        controls: Mapping[str, Buttons | Slider],
        frames: Sequence[bytes],
        index: Sequence[int],
        captions: Sequence[str],
        size: tuple[int, int],
    ) -> None:
        self.title = title
        self.controls = dict(controls)
        self.frames = tuple(frames)
        self.index = tuple(index)
        self.captions = tuple(captions)
        self.size = size
        self._widget: Any = None

    def combination(self, **choice: Any) -> int:
        """Number of a combination of labels; controls that are left out are at their first label.

        Raises:
            ValueError: a control or a label that is not there.
        """
        unknown = set(choice) - set(self.controls)
        if unknown:
            raise ValueError(f"there is no control {sorted(unknown)[0]!r}; there are {list(self.controls)}")
        number = 0
        for name, control in self.controls.items():
            label = str(choice.get(name, control.labels[0]))
            if label not in control.labels:
                raise ValueError(f"control {name!r} has no label {label!r}; it has {list(control.labels)}")
            number = number * len(control.labels) + list(control.labels).index(label)
        return number

    def frame(self, **choice: Any) -> bytes:
        """The picture for a choice of labels, a PNG file."""
        return self.frames[self.index[self.combination(**choice)]]

    def caption(self, **choice: Any) -> str:
        """The text alternative for a choice of labels."""
        return self.captions[self.combination(**choice)]

    @property
    def html(self) -> str:
        """The twin: a piece of a page that works on its own, from a server and from the disk."""
        return _twin(self)

    @property
    def widget(self) -> Any:
        """The live widget, made when it is first asked for."""
        if self._widget is None:
            self._widget = _live_class()(
                blob=b"".join(self.frames),
                lengths=[len(frame) for frame in self.frames],
                spec=self._spec(),
                selection=[0] * len(self.controls),
            )
        return self._widget

    def _spec(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "width": self.size[0] + 12,  # with the white rim that explore.js puts around
            "height": self.size[1] + 12,
            "controls": [
                {"name": name, "kind": control.kind, "labels": list(control.labels)}
                for name, control in self.controls.items()
            ],
            "captions": list(self.captions),
            "frames": list(self.index),
        }

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data: dict[str, Any] = {"text/plain": repr(self), "text/html": self.html}
        if os.environ.get("SYMRL_STATIC") == "1":
            return data
        live = self.widget._repr_mimebundle_()
        live_data, metadata = live if isinstance(live, tuple) else (live, {})
        return {**live_data, **data}, metadata

    def __repr__(self) -> str:
        return f"[widget] {self.title}: {self.captions[0]}"


@cache
def _module() -> str:
    """The source of explore.js."""
    return (Path(__file__).with_name("explore.js")).read_text(encoding="utf-8")


@cache
def _live_class() -> Any:
    """The ipywidget; anywidget is imported only when a widget is shown with a kernel."""
    import anywidget
    import traitlets

    class Explore(anywidget.AnyWidget):
        """A prepared widget with a kernel: explore.js and what it shows."""

        _esm = _module()
        blob = traitlets.Bytes().tag(sync=True)
        lengths = traitlets.List(traitlets.Int()).tag(sync=True)
        spec = traitlets.Dict().tag(sync=True)
        selection = traitlets.List(traitlets.Int()).tag(sync=True)

    return Explore


# The twin's stand-in for an ipywidget's model. The first frame is in the page as an <img> already.
STAND_IN = """
const el = document.getElementById("ID");
const { lengths, spec, rest } = JSON.parse(document.getElementById("ID-data").textContent);
const first = el.querySelector("img").src.split(",")[1];
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const blob = new Uint8Array([...bytes(first), ...bytes(rest)]);
const state = { blob, lengths, spec, selection: spec.controls.map(() => 0) };
const listeners = new Map();
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; listeners.get(`change:${name}`)?.(); },
  save_changes: () => {},
  on: (event, listener) => listeners.set(event, listener),
  off: (event) => listeners.delete(event),
};
render({ model, el });
"""


def _twin(prepared: Prepared) -> str:
    """The widget as a piece of a page: first picture, data, module, stand-in. Every frame is in it once."""
    spec = prepared._spec()
    first, rest = prepared.frames[0], b"".join(prepared.frames[1:])
    data = {
        "lengths": [len(frame) for frame in prepared.frames],
        "spec": spec,
        "rest": base64.b64encode(rest).decode(),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")  # nothing in it may end the script
    marker = f"symrl-{secrets.token_hex(6)}"
    script = _module().replace("export default { render };", STAND_IN.replace("ID", marker).strip())
    style = "max-width:100%;height:auto;box-sizing:border-box;padding:6px;border-radius:10px;background:#fff !important"
    title, caption = html.escape(prepared.title), html.escape(prepared.captions[0])
    return (
        f'<div id="{marker}"><div class="symrl-widget" role="group" aria-label="{title}">'
        f'<div class="symrl-title" style="margin:0 0 8px;font-weight:600">{title}</div>'
        f'<img alt="{caption}" width="{spec["width"]}" height="{spec["height"]}" style="{style}" '
        f'src="data:image/png;base64,{base64.b64encode(first).decode()}">'
        f'<p class="symrl-still">{caption}</p></div></div>\n'
        f'<script type="application/json" id="{marker}-data">{text}</script>\n'
        f'<script type="module">\n{script}</script>\n'
    )
