"""The folded solutions of a chapter: found in its text, put in place of the stubs, and what the checks then say."""

from __future__ import annotations

import copy
import re
from typing import Any

SOLUTION = re.compile(r"<summary>Solution</summary>\n\n```python\n(.*?)```", re.DOTALL)
CHECK = re.compile(r"check\.\w+\(\w+\)")


def solutions_of(notebook: Any) -> dict[str, str]:
    """The code of each folded solution, by its first line, which is also the first line of its stub."""
    return {
        block.splitlines()[0]: block
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for block in SOLUTION.findall(cell.source)
    }


def is_exercise(cell: Any) -> bool:
    """Whether a cell is the stub of an exercise."""
    return "exercise" in cell.metadata.get("tags", [])


def with_solutions(notebook: Any) -> Any:
    """A copy of the notebook in which the folded solutions stand in place of the stubs.

    Raises:
        KeyError: a stub without a solution.
        ValueError: a solution without a stub.
    """
    solved = copy.deepcopy(notebook)
    solutions = solutions_of(notebook)
    for cell in solved.cells:
        if is_exercise(cell):
            cell.source = solutions.pop(cell.source.splitlines()[0])
    if solutions:
        raise ValueError(f"solutions without a stub: {list(solutions)}")
    return solved


def continuation(notebook: Any) -> list[Any]:
    """The code cells that are run after a chapter's last one, to try its solutions in the same kernel.

    These are the stubs with the solutions in them, their checks, and every cell that uses what an exercise defines,
    in the chapter's order. All others would only repeat what the kernel has done.
    """
    names: set[str] = set()
    cells = []
    for cell in with_solutions(notebook).cells:
        if cell.cell_type != "code":
            continue
        if is_exercise(cell):
            names |= set(re.findall(r"^(?:def|class) (\w+)", cell.source, re.MULTILINE))
            cells.append(cell)
        elif any(re.search(rf"\b{name}\b", cell.source) for name in names):
            cells.append(cell)
    return cells


def check_results(cells: list[Any]) -> list[str]:
    """What every check cell printed, in order."""
    return [
        "".join(output.data.get("text/plain", "") for output in cell.outputs if "data" in output)
        for cell in cells
        if cell.cell_type == "code" and CHECK.fullmatch(cell.source)
    ]
