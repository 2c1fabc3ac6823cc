"""Each assertion of a chapter that guards something is made to fail once: a piece is broken, and the cell must say so.

A cell is run in the namespace that the cells before it leave; of those, only the ones that it needs are run. It must
pass with the package as it is, and raise with one thing broken. To guard another cell, add a row to `BROKEN`, with a
function that breaks one thing: an attribute, by pytest's monkeypatch, or a name of the cell's namespace.
"""

from __future__ import annotations

import dis
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from torch import Tensor

from symrl_lite import plots, widgets
from symrl_lite.layers import EquivariantLinear, GroupConv2d, LiftingConv2d, group_convolution, sequential

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
Names = dict[str, Any]


@cache
def code_of(chapter: str) -> dict[str, CodeType]:
    """The code cells of a chapter, by id."""
    cells = json.loads((NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]
    transform = TransformerManager().transform_cell  # of lines such as %pip
    return {
        cell["id"]: compile(transform("".join(cell["source"])), f"{chapter}, {cell['id']}", "exec")
        for cell in cells
        if cell["cell_type"] == "code"
    }


LOADS = ("LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS")


def names_in(code: CodeType) -> tuple[set[str], set[str]]:
    """The names that a piece of code takes from elsewhere, and those that it defines; in the order of its steps."""
    taken: set[str] = set()
    made: set[str] = set()
    for step in dis.get_instructions(code):
        if step.opname in LOADS:
            taken |= {step.argval} - made
        elif step.opname == "STORE_NAME":
            made.add(step.argval)
        elif isinstance(step.argval, CodeType):  # of a function, a class, a comprehension
            taken |= names_in(step.argval)[0] - made
    return taken, made


def needed(chapter: str, cell: str) -> list[str]:
    """The cells before this one that define what it uses, what these use, and so on; in their order.

    Not followed: what a cell changes in place, such as the state of a generator.
    """
    code = code_of(chapter)
    wanted, chosen = names_in(code[cell])[0], []
    for before in reversed(list(code)[: list(code).index(cell)]):
        read, made = names_in(code[before])
        if made & wanted:
            chosen.append(before)
            wanted = (wanted - made) | read
    return chosen[::-1]


@cache
def namespace(chapter: str, cell: str) -> Names:
    """What the cells before leave."""
    names: Names = {"__name__": "__main__"}
    for before in needed(chapter, cell):
        exec(code_of(chapter)[before], names)
    return names


def run_cell(chapter: str, cell: str, **instead: Any) -> Names:
    """Run one cell after those that it needs, with other values for some names; the namespace that it leaves."""
    names = {**namespace(chapter, cell), **instead}
    exec(code_of(chapter)[cell], names)
    return names


# --- what is broken: a function that breaks it, and returns the names that have other values in the cell

Break = Callable[[pytest.MonkeyPatch], Names]


def bias_in_the_wrong_direction(patch: pytest.MonkeyPatch) -> Names:
    """The bias goes to the last output only, where K_g b = b asks for the same on several."""

    def bias_vector(layer: EquivariantLinear) -> Tensor | None:
        if layer.bias is None:
            return None
        others = torch.zeros(layer.channels_out, layer.rho_out.dimension - 1)
        return torch.cat([others, layer.bias[:, -1:]], dim=1).reshape(-1)

    patch.setattr(EquivariantLinear, "bias_vector", bias_vector)
    return {}


def bias_that_differs_by_pose(layer: type[LiftingConv2d] | type[GroupConv2d]) -> Break:
    """The first pose of each filter has the bias, the others have none."""

    def broken(patch: pytest.MonkeyPatch) -> Names:
        whole = layer._convolve

        def convolve(self: Any, x: Tensor) -> Tensor:
            without = torch.arange(self.group.order) > 0
            return whole(self, x) - (self.bias[:, None] * without)[..., None, None]  # (c_out, poses, 1, 1)

        patch.setattr(layer, "_convolve", convolve)
        return {}

    return broken


def no_refusal(where: Any, name: str) -> Break:
    """A refusal that is switched off."""

    def broken(patch: pytest.MonkeyPatch) -> Names:
        patch.setattr(where, name, lambda *arguments, **named: None)
        return {}

    return broken


def without_the_inverse(patch: pytest.MonkeyPatch) -> Names:
    return {"symmetrize": lambda W, L, K: sum(K(g) @ W @ L(g) for g in L.group) / L.group.order}


FOURTH = "04_symmetrizer"
BROKEN: dict[str, tuple[str, str, Break]] = {
    "4: the projection has no inverse": (FOURTH, "projection", without_the_inverse),
    "4: a layer's bias in the wrong direction": (FOURTH, "parameter-counts", bias_in_the_wrong_direction),
    "4: the policy's last bias in the wrong direction": (FOURTH, "policy-check", bias_in_the_wrong_direction),
    "4: lifting's bias differs by pose": (FOURTH, "policy-check", bias_that_differs_by_pose(LiftingConv2d)),
    "4: the convolution's bias differs by pose": (FOURTH, "policy-check", bias_that_differs_by_pose(GroupConv2d)),
    "4: a ReLU on signs is accepted": (FOURTH, "refusals", no_refusal(sequential, "_require_pointwise")),
    "4: an even side is accepted": (FOURTH, "even-stride", no_refusal(group_convolution, "require_fit")),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No pictures, which take most of the seconds; torch's random numbers and threads stay as they were."""
    for room, shown in ((plots, "picture"), (plots, "curves"), (widgets, "flipbook"), (widgets, "explore")):
        monkeypatch.setattr(room, shown, lambda *arguments, **named: None)
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("chapter", "cell"), sorted({(chapter, cell) for chapter, cell, _ in BROKEN.values()}))
def test_the_cell_passes_as_it_is(chapter: str, cell: str) -> None:
    run_cell(chapter, cell)


@pytest.mark.parametrize(("chapter", "cell", "broken"), BROKEN.values(), ids=BROKEN)
def test_the_cell_notices(chapter: str, cell: str, broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    namespace(chapter, cell)  # with the whole package: what is broken is broken in this cell only
    instead = broken(monkeypatch)
    with pytest.raises(AssertionError):
        run_cell(chapter, cell, **instead)


def test_only_what_a_cell_needs_is_run() -> None:
    """Training is not repeated for a cell that asks nothing of it."""
    assert needed(FOURTH, "even-stride") == ["setup", "conv-widget"]
    assert not {"experiment-train", "experiment-show", "orbit-speed"} & set(needed(FOURTH, "policy-check"))
    assert "experiment-show" in needed(FOURTH, "experiment-words")


def test_the_names_of_a_cell() -> None:
    code = "import a.b\nfor i in c:\n    d = i + e\nd += 1\ndef f(x):\n    return x + g + d\nh = [k for k in f]\nm = m"
    assert names_in(compile(code, "cell", "exec")) == ({"c", "e", "g", "m"}, {"a", "i", "d", "f", "h", "m"})
