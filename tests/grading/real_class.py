"""A class of 31 as students leave it: each folder or file, and the mark that a fair person would give.

The assignment is the tests' own (sample.py): q1 has 2 points, q2 1 and 2, q3 4, and q4 is read by a person. It arrives
as a mixture: folders, files of Canvas, Blackboard and Moodle, zips.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.grading import sample
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment

Change = Callable[[Any], Any]
FILE = f"{sample.NAME}.ipynb"
FLIP = "def mirrored(x):\n    return np.flip(np.asarray(x), -1)"
STYLE = """\
def mirrored(x):
    # walk from the right end to the left one
    rows = np.asarray(x)
    width = rows.shape[-1]
    wanted = [width - 1 - place for place in range(width)]
    collected = [np.take(rows, index, axis=rows.ndim - 1) for index in wanted]
    return np.stack(collected, axis=-1)"""
COPIED = """\
def mirrored(x):
    matrix = np.asarray(x)      # my own idea
    n = matrix.shape[-1]

    order_of_columns = [n - 1 - k for k in range(n)]
    result = [np.take(matrix, c, axis=matrix.ndim - 1) for c in order_of_columns]
    return np.stack(result, axis=-1)"""
CLASSY = """\
class Orbit:
    def __init__(self, group, action):
        self.group, self.action, self.seen = group, action, []

    def follow(self, start):
        stack = [start]
        while stack:
            here = stack.pop()
            if here not in self.seen:
                self.seen.append(here)
                stack.extend(self.action(g, here) for g in range(self.group.order))
        return self.seen


orbit_size = lambda group, action, point: len(Orbit(group, action).follow(point))


def table_of(group):
    return tuple(tuple(int(entry) for entry in row) for row in group.table)"""
HALF = """\
def orbit_size(group, action, point):
    return len(set(action(g, point) for g in range(group.order)))


def table_of(group):
    raise NotImplementedError("not solved yet")"""


@dataclass(frozen=True)
class Left:
    """What one student left, and what it is worth."""

    student: str  # the name under which it is graded
    file: str  # below the folder of the class
    fair: dict[str, float] = field(default_factory=dict)  # q1, q2, q3: what is not full
    answers: dict[str, str] = field(default_factory=dict)
    change: Change | None = None  # of the notebook
    pack: Callable[[bytes], bytes] | None = None  # of the file
    reason: str = ""  # why nobody can grade it
    late: bool = False
    blank: bool = False

    @property
    def marks(self) -> dict[str, float]:
        """By question."""
        return {"q1": 2.0, "q2": 3.0, "q3": 4.0} | self.fair


def own(text: str, kind: str = "code") -> dict[str, Any]:
    """A cell of the student's own."""
    return {"cell_type": kind, "metadata": {}, "source": text}


def before(name: str, *texts: str) -> Change:
    """Own cells above a cell."""

    def change(notebook: Any) -> None:
        at = [nb.grade_id(cell) for cell in notebook["cells"]].index(name)
        notebook["cells"][at:at] = [own(text) for text in texts]

    return change


def split(notebook: Any) -> None:
    """JupyterLab's split cell, in the middle of a function."""
    at = [nb.grade_id(cell) for cell in notebook["cells"]].index("q2")
    cell = notebook["cells"][at]
    pieces = ("def mirrored(x):\n    x = np.asarray(x)\n", "    return x[..., ::-1]")
    notebook["cells"][at : at + 1] = [{**cell, "source": piece} for piece in pieces]


def copied(source: str | None) -> Change:
    """A copy of an answer at the end, equal or not."""

    def change(notebook: Any) -> None:
        (cell,) = [cell for cell in notebook["cells"] if nb.grade_id(cell) == "q1"]
        notebook["cells"].append({**cell, "source": cell["source"] if source is None else source})

    return change


def deleted(*names: str) -> Change:
    """Cells that are gone."""

    def change(notebook: Any) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if nb.grade_id(cell) not in names]

    return change


def reordered(notebook: Any) -> None:
    """The third question first, and a test above its answer."""
    cells = notebook["cells"]
    third = [cell for cell in cells if nb.question_of(nb.grade_id(cell)) == "q3"]
    rest = [cell for cell in cells if cell not in third]
    small = next(cell for cell in rest if nb.grade_id(cell) == "q2_small")
    rest.remove(small)
    notebook["cells"] = [*rest[:3], *third, small, *rest[3:]]


def from_colab(notebook: Any) -> None:
    """What Colab writes: no ids of cells, metadata of its own, outputs."""
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook["nbformat_minor"] = 0
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] |= {"id": f"aB{number}", "colab": {"base_uri": "https://localhost:8080/"}}
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["8\n"]}]


def from_vs_code(notebook: Any) -> None:
    """What VS Code writes: other ids, the language of each cell, its own kernel."""
    notebook["metadata"]["kernelspec"] = {"display_name": ".venv", "language": "python", "name": "python3"}
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.12.3", "pygments_lexer": "ipython3"}
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"{number:08x}"
        cell["metadata"]["vscode"] = {"languageId": "python"}


def zipped(content: bytes) -> bytes:
    """The notebook in a zip, as macOS makes it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("homework/90_sample.ipynb", content)
        archive.writestr("__MACOSX/homework/._90_sample.ipynb", b"\0\5\26\7")
    return whole.getvalue()


STAMP = "attempt_2026-11-20-14-03-22"
LEFT = [
    # right, in odd styles
    Left("Ada Adler", f"Ada Adler/{FILE}"),
    Left("Ben Berg", f"Ben Berg/{FILE}", answers={"q2": STYLE, "q3": CLASSY}),
    Left("Cem Copy", f"Cem Copy/{FILE}", answers={"q2": COPIED, "q4": "It can be undone."}),
    Left("Dora Decimal", f"Dora Decimal/{FILE}", answers={
        "q1": "from decimal import Decimal\norder = Decimal(2) ** 3",
        "q2": "def mirrored(x):\n    return np.asarray(x)[..., ::-1].tolist()"}),
    Left("Eve Lambda", "Eve Lambda/my 90_sample (1).ipynb", answers={
        "q1": "order = len(groups.dihedral(4).names)",
        "q2": "mirrored = lambda x, *, step=-1: np.array(x)[..., ::step]"}),
    Left("Fay Helper", f"Fay Helper/{FILE}", answers={"q2": "def mirrored(x):\n    return turned(np.array(x))"},
         change=before("q2", "def turned(x):\n    return np.fliplr(x) if x.ndim > 1 else x[::-1]", "turned(DATA)")),
    # partly right
    Left("Gil Axis", f"Gil Axis/{FILE}", {"q2": 1}, {"q2": "def mirrored(x):\n    return np.asarray(x)[::-1]"}),
    Left("Hal Half", f"Hal Half/{FILE}", {"q3": 0}, {"q3": HALF}),
    Left("Ida Four", f"Ida Four/{FILE}", {"q1": 0}, {"q1": "order = 4"}),
    Left("Jon Crash", f"Jon Crash/{FILE}", {"q2": 0}, {"q2": "def mirrored(x):\n    return np.asarray(x)[5]"}),
    # misunderstood
    Left("Kai Print", f"Kai Print/{FILE}", {"q2": 0}, {"q2": "def mirrored(x):\n    print(np.asarray(x)[..., ::-1])"}),
    Left("Lea Words", f"Lea Words/{FILE}", {"q1": 0}, {"q1": "order = 'eight'"}),
    # blank, late
    Left("Max Blank", f"Max Blank/{FILE}", {"q1": 0, "q2": 0, "q3": 0}, blank=True),
    Left("Nia", "Nia/4711_late_8150_90_sample-1.ipynb", late=True),
    Left("olsenole_31", "olsenole_LATE_31_700_90_sample.ipynb", late=True),
    # split, duplicated, deleted, reordered
    Left("Pia Split", f"Pia Split/{FILE}", change=split),
    Left("Quy Copies", f"Quy Copies/{FILE}", change=copied(None)),
    Left("Rex Two", f"Rex Two/{FILE}", change=copied("order = 4"), reason="duplicate-grade-ids"),
    Left("Sam Gone", f"Sam Gone/{FILE}", change=deleted("q1_value", "q2_general", "q1_given")),
    Left("Tea Gone", f"Tea Gone/{FILE}", change=deleted("q3"), reason="missing-grade-ids"),
    Left("Uli Order", f"Uli Order/{FILE}", change=reordered),
    # other programs, magics, prints, plots, input()
    Left("Val Colab", f"Val Colab/Copy of {FILE}", change=from_colab),
    Left("Wim Code", f"Wim Code/{FILE}", change=from_vs_code),
    Left("Xia Magic", f"Xia Magic/{FILE}", answers={"q2": f"%%time\n{FLIP}"},
         change=before("q1", "%matplotlib inline\n!ls\n%timeit -n1 -r1 1 + 1", "%load_ext nothing_of_this_name")),
    Left("Yan Loud", f"Yan Loud/{FILE}", answers={
        "q2": f"{FLIP}\nfor _ in range(2000):\n    print('mirrored', mirrored([1, 2]))"}),
    Left("Zoe Plot", f"Zoe Plot/{FILE}",
         change=before("q2", "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\ndisplay(DATA)")),
    Left("Ann Input", f"Ann Input/{FILE}", answers={"q2": f"{FLIP}\nmirrored(eval(input('numbers? ')))"},
         change=before("q1", "name = input('Your name: ')")),
    # files
    Left("Bob BOM", f"Bob BOM/{FILE}", pack=lambda content: b"\xef\xbb\xbf" + content),
    Left("Cleo Wide", f"Cleo Wide/{FILE}.txt", pack=lambda content: content.decode().encode("utf-16")),
    Left("Dan Zip_77", "Dan Zip_77_assignsubmission_file_/homework.zip", pack=zipped),
    Left("ek12", f"Assignment 1_ek12_{STAMP}_{FILE}"),
]  # fmt: skip


def make(folder: Path, assignment: Assignment) -> None:
    """Write the class."""
    for left in LEFT:
        notebook = sample.answered(assignment, **left.answers)
        if left.blank:
            notebook = nb.student_version(assignment.notebook)
        if left.change is not None:
            left.change(notebook)
        content = json.dumps(notebook).encode()
        path = folder / left.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(left.pack(content) if left.pack else content)
    (folder / f"Assignment 1_ek12_{STAMP}.txt").write_text("Name: Eli Kern (ek12)\nAssignment: Assignment 1\n")
