"""The notebook that the live tests run, and the environment they run it in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).resolve().parents[2]

# A slider and a row of buttons in one widget, and an `explore` as a chapter has it.
CELLS = (
    """
from symrl_lite.plots import draw_bars
from symrl_lite.widgets import Buttons, Slider, flipbook

def draw(figure, height, side):
    draw_bars(figure.subplots(), [height, 0] if side == "left" else [0, height])

flipbook(draw, {"height": Slider([1, 2, 3, 4]), "side": Buttons(["left", "right"])},
         lambda height, side: f"A bar of height {height} on the {side}.", "A bar")
""",
    """
import numpy as np
from symrl_lite.groups import cyclic, regular
from symrl_lite.plots import draw_cartpole
from symrl_lite.symmetry import Symmetry
from symrl_lite.widgets import explore

mirror = Symmetry(cyclic(2), lambda g, x: -x if g else x, regular(cyclic(2)), "mirror")
explore(lambda x: np.array([0.5 - x[2], 0.5 + x[2]]), mirror, [np.array([0.5, 1.0, 0.2, -0.5])],
        draw=draw_cartpole, action_names=["left", "right"])
""",
)


def make_notebook() -> Any:
    """A notebook with a widget in each of two cells, and a cell below."""
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in (*CELLS, "'below'")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def clean_environment(**changes: str) -> dict[str, str]:
    """This process's environment for a Jupyter of its own: the package from here, widgets live."""
    kept = {name: value for name, value in os.environ.items() if name != "SYMRL_STATIC"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1", **changes}
