"""What the grader needs to know of an assignment, read from its source."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tools.grading import notebook as nb
from tools.grading.notebook import Cell, Notebook, SourceError

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "notebooks" / "assignments"
SECONDS = 20.0


@dataclass(frozen=True)
class Assignment:
    """One assignment's source.

    Attributes:
        name: such as "01_groups".
        notebook: the source, with answers and hidden tests.
        withheld: the names of symrl_lite that students have to do without.
        seconds: what one cell, or one call of a student's function, may take.
        fingerprint: changes with the source.
    """

    name: str
    notebook: Notebook = field(repr=False)
    withheld: tuple[str, ...] = ()
    seconds: float = SECONDS
    fingerprint: str = ""

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """The source's cells that have a grade id, in order."""
        return {nb.grade_id(cell): cell for cell in self.notebook["cells"] if nb.grade_id(cell)}

    @cached_property
    def student_cells(self) -> dict[str, Cell]:
        """The same cells as students get them."""
        return {name: nb.student_cell(cell) for name, cell in self.cells.items()}

    @cached_property
    def points(self) -> dict[str, float]:
        """The points of each cell that gives some."""
        given = {name: nb.marks_of(cell) for name, cell in self.cells.items()}
        return {name: float(marks.get("points", 0)) for name, marks in given.items() if marks.get("grade")}

    @cached_property
    def questions(self) -> dict[str, float]:
        """The points of each question, in order."""
        found: dict[str, float] = {}
        for name, points in self.points.items():
            question = nb.question_of(name)
            found[question] = found.get(question, 0.0) + points
        return found

    @cached_property
    def title(self) -> str:
        """The first heading."""
        for cell in self.notebook["cells"]:
            for line in nb.source(cell).splitlines():
                if cell["cell_type"] == "markdown" and line.startswith("# "):
                    return line[2:].strip()
        return self.name

    @cached_property
    def titles(self) -> dict[str, str]:
        """The title of each question, as its text says it; the question's name where it says none."""
        found = {name: name for name in self.questions}
        for name, cell in self.cells.items():
            first, question = nb.source(cell).partition("\n")[0], nb.question_of(name)
            given = cell["cell_type"] == "markdown" and not nb.is_solution(cell)
            if given and found.get(question) == question and first.startswith("#"):
                found[question] = first.lstrip("# ").strip()
        return found

    def names_before(self, test: str) -> list[str]:
        """What the answers above a test cell define, in the source."""
        found: dict[str, None] = {}
        for name, cell in self.cells.items():
            if name == test:
                break
            if nb.is_solution(cell) and cell["cell_type"] == "code":
                found |= dict.fromkeys(defined_names(nb.source(cell)))
        return list(found)

    def solution_cells(self) -> dict[str, Cell]:
        """The cells that students write in."""
        return {name: cell for name, cell in self.cells.items() if nb.is_solution(cell)}


@cache
def defined_names(code: str) -> tuple[str, ...]:
    """The names that a cell defines at its top level, without imports."""
    found: dict[str, None] = {}
    for node in ast.walk(_top_level(ast.parse(code))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found[node.name] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
    return tuple(found)


def _top_level(tree: ast.Module) -> ast.Module:
    """The module without what is inside functions, classes and comprehensions."""

    class Shallow(ast.NodeTransformer):
        def hollow(self, node: Any) -> Any:
            node.body = []
            node.decorator_list = []
            node.args = None
            return node

        visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = hollow

        def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
            return ast.Constant(None)

        visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = visit_Lambda  # type: ignore[assignment]

    return Shallow().visit(tree)


def load(path: Path) -> Assignment:
    """Read an assignment, and refuse one that could not be graded.

    Raises:
        SourceError: naming the file and the cell.
    """
    content = path.read_bytes()
    notebook = nb.read(path)
    about = notebook["metadata"].get("symrl", {})
    found = Assignment(
        name=path.stem,
        notebook=notebook,
        withheld=tuple(about.get("withhold", ())),
        seconds=float(about.get("seconds", SECONDS)),
        fingerprint=hashlib.sha256(content).hexdigest(),
    )
    if about.get("assignment") != path.stem:
        raise SourceError(f"{path.name}: metadata.symrl.assignment is {about.get('assignment')!r}, not {path.stem!r}")
    named = [nb.grade_id(cell) for cell in notebook["cells"] if nb.grade_id(cell)]
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SourceError(f"{path.name}: the grade ids {', '.join(twice)} are there twice")
    for name, cell in found.cells.items():
        try:
            nb.student_cell(cell)
            if nb.is_solution(cell) and cell["cell_type"] == "code":
                defined_names(nb.source(cell))
        except (SourceError, SyntaxError) as error:
            raise SourceError(f"{path.name}, {name}: {error}") from None
    if not found.points:
        raise SourceError(f"{path.name}: no cell gives points")
    return found


def all_assignments(folder: Path = SOURCES) -> dict[str, Assignment]:
    """Every assignment, by name."""
    return {path.stem: load(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}
