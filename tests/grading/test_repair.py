"""Cells that were split, copied, deleted or moved: put in order where it is clear what was meant, refused where not."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.grading import sample
from tests.grading.conftest import Grade
from tools.grading import advice, feedback, precheck, repair
from tools.grading import notebook as nb
from tools.grading.assignment import SOURCES, Assignment, load
from tools.grading.precheck import REASONS, Refused, in_order
from tools.grading.referee import steps_of


def place(notebook: Any, name: str) -> int:
    return next(number for number, cell in enumerate(notebook["cells"]) if nb.grade_id(cell) == name)


def split(notebook: Any, name: str, *pieces: str, between: tuple[str, ...] = ()) -> Any:
    """As JupyterLab's split cell does it: every piece has the metadata."""
    number = place(notebook, name)
    cell = notebook["cells"][number]
    new: list[Any] = [{**cell, "source": piece, "id": f"{name}{count}"} for count, piece in enumerate(pieces)]
    for text in between:
        new.insert(1, own(text))
    notebook["cells"][number : number + 1] = new
    return notebook


def own(text: str, kind: str = "code") -> dict[str, Any]:
    return {"cell_type": kind, "metadata": {}, "source": text}


def add(notebook: Any, name: str, **changed: Any) -> Any:
    """A copy of a cell at the end."""
    notebook["cells"].append({**notebook["cells"][place(notebook, name)], **changed})
    return notebook


def without(notebook: Any, *names: str) -> Any:
    notebook["cells"] = [cell for cell in notebook["cells"] if nb.grade_id(cell) not in names]
    return notebook


def move(notebook: Any, name: str, to: int) -> Any:
    notebook["cells"].insert(to, notebook["cells"].pop(place(notebook, name)))
    return notebook


HEAD, REST = "def mirrored(x):", "    return np.asarray(x)[..., ::-1]"
RIGHT: dict[str, Any] = {
    "a function split in its middle": (lambda n: split(n, "q2", HEAD, REST), [("joined", "q2")]),
    "three pieces": (lambda n: split(n, "q1", "order = 4", "order *= 2", "order"), [("joined", "q1")]),
    "a helper split off": (lambda n: split(n, "q2", "def helper(x):\n    return x", sample.Q2), [("joined", "q2")]),
    "a cell of one's own between": (lambda n: split(n, "q2", HEAD, REST, between=("1 + 1",)), [("joined", "q2")]),
    "an empty piece": (lambda n: split(n, "q2", sample.Q2, ""), [("copies", "q2")]),
    "one piece is no Python": (lambda n: split(n, "q2", sample.Q2, "oops ="), [("joined", "q2")]),
    "a piece that became a text": (
        lambda n: n["cells"].insert(place(n, "q2") + 1, {**n["cells"][place(n, "q2")], "cell_type": "markdown"}) or n,
        [],
    ),
    "an equal copy at the end": (lambda n: add(n, "q2"), [("copies", "q2")]),
    "an untouched copy at the end": (
        lambda n: add(n, "q1", source="order = None\n# your answer here"),
        [("copies", "q1")],
    ),
    "a test split": (
        lambda n: split(n, "q2_small", "given = [1, 2, 3]", "got = mirrored(given)"),
        [("restored", "q2_small")],
    ),
    "a test copied": (lambda n: add(n, "q2_general"), [("restored", "q2_general")]),
    "a visible test deleted": (lambda n: without(n, "q1_value"), [("restored", "q1_value")]),
    "all tests and given cells deleted": (
        lambda n: without(n, "q1_value", "q2_small", "q2_general", "q3_calls", "q1_given"),
        [("restored", name) for name in ("q1_given", "q1_value", "q2_small", "q2_general", "q3_calls")],
    ),
    "a test turned into text": (
        lambda n: n["cells"][place(n, "q1_value")].update(cell_type="markdown") or n,
        [("restored", "q1_value")],
    ),
    "a test moved above its answer": (lambda n: move(n, "q2_small", 0), [("moved", "q2_small")]),
    "an answer moved below its tests": (
        lambda n: move(n, "q2", 11),
        [("moved", "q2_small"), ("moved", "q2_general")],
    ),
    "an answer in a cell of one's own": (
        lambda n: without(split(n, "q1", "x", "x"), "q1")["cells"].insert(3, own("order = 8")) or n,
        [("elsewhere", "q1")],
    ),
    "the whole notebook pasted below a blank one": (
        lambda n: n.update(cells=[*map(nb.student_cell, sample.source()["cells"]), *n["cells"]]) or n,
        None,
    ),
    "all metadata gone, the ids are there": (
        lambda n: [cell.update(metadata={}) for cell in n["cells"]] and n,
        [],
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_clear_is_put_in_order_and_earns_its_marks(
    assignment: Assignment, grade_copy: Grade, name: str
) -> None:
    change, notes = RIGHT[name]
    notebook, found = in_order(change(sample.answered(assignment)), assignment)
    assert notes is None or found == notes
    assert set(grade_copy(notebook).values()) == {""}
    present = [nb.grade_id(cell) for cell in notebook["cells"] if nb.grade_id(cell)]
    assert len(present) == len(set(present))


def test_an_ordinary_notebook_is_left_as_it_is(assignment: Assignment) -> None:
    for notebook in (sample.answered(assignment), nb.student_version(assignment.notebook)):
        notebook["cells"].append(own("print(1)"))
        found, notes = in_order(notebook, assignment)
        assert notes == [] and [nb.source(cell) for cell in found["cells"]] == [nb.source(c) for c in notebook["cells"]]
    for path in SOURCES.glob("0[12]_*.ipynb"):
        whole = load(path)
        assert in_order(nb.student_version(whole.notebook), whole)[1] == []


def test_a_wrong_answer_stays_wrong(assignment: Assignment, grade_copy: Grade) -> None:
    """Nothing that is put in order gives a mark: a deleted or moved test is run all the same."""
    notebook = sample.answered(assignment, q1="order = 4", q2="def mirrored(x):\n    return x")
    notebook = move(without(notebook, "q1_value", "q2_general"), "q2_small", 0)
    found, notes = in_order(notebook, assignment)
    assert len(notes) == 3
    assert {test for test, message in grade_copy(found).items() if message} == {"q1_value", "q2_small", "q2_general"}


def test_own_text_in_a_copy_of_a_test_is_not_lost(assignment: Assignment, grade_copy: Grade) -> None:
    notebook = sample.answered(assignment, q2="def mirrored(x):\n    return helper(x)")
    cell = {**notebook["cells"][place(notebook, "q1_value")], "source": "def helper(x):\n    return np.flip(x, -1)"}
    notebook["cells"].insert(place(notebook, "q2"), cell)
    assert set(grade_copy(in_order(notebook, assignment)[0]).values()) == {""}


def test_texts_for_a_person_are_read_together(assignment: Assignment) -> None:
    notebook = split(sample.answered(assignment), "q4", "One can", "go back.")
    notebook = add(notebook, "q4", source="Always.", cell_type="raw")
    found, notes = in_order(notebook, assignment)
    (text,) = [nb.source(cell) for cell in found["cells"] if nb.grade_id(cell) == "q4"]
    assert text == "One can\n\ngo back.\n\nAlways." and notes == [("joined", "q4")]
    elsewhere = without(sample.answered(assignment), "q4")
    elsewhere["cells"].append(own("Undo.", "markdown"))
    _, notes = in_order(elsewhere, assignment)
    assert notes == [("elsewhere", "q4")]


OPEN: dict[str, Any] = {
    "two versions of a function": (
        "duplicate-grade-ids",
        lambda n: split(n, "q2", sample.Q2, "def mirrored(x):\n    return x"),
    ),
    "another answer at the end": ("duplicate-grade-ids", lambda n: add(n, "q1", source="order = 4")),
    "an answer is gone": ("missing-grade-ids", lambda n: without(n, "q2")),
    "a text for a person is gone": ("missing-grade-ids", lambda n: without(n, "q4")),
    "an answer became a text": (
        "changed-cell-type",
        lambda n: n["cells"][place(n, "q2")].update(cell_type="markdown") or n,
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_only_what_nobody_can_decide_is_refused(assignment: Assignment, name: str) -> None:
    reason, change = OPEN[name]
    with pytest.raises(Refused) as refused:
        in_order(change(sample.answered(assignment)), assignment)
    assert refused.value.reason == reason and refused.value.detail in ("q1", "q2", "q4")


def test_every_reason_tells_the_student_what_to_do() -> None:
    assert set(advice.DO) == set(REASONS) and not set(advice.DO) & set(advice.DONE)
    for text in [*advice.DO.values(), *advice.DONE.values()]:
        assert text.endswith(".") and ("you" in text.lower() or "assignment" in text)
        for word in ("metadata", "grade id", "JSON", "nbgrader"):
            assert word not in text, "words that a student need not know"


def test_a_title_is_never_taken_from_an_answer(assignment: Assignment) -> None:
    assert assignment.titles == {name: name for name in ("q1", "q2", "q3", "q4")}


def test_a_students_page_names_the_question_by_its_title() -> None:
    whole = load(SOURCES / "01_groups.ipynb")
    assert whole.titles["q2"] == "Q2 · Left, right, both or none" and set(whole.titles) == set(whole.questions)
    for path in SOURCES.glob("*.ipynb"):
        assert all(title.startswith("Q") and "SOLUTION" not in title for title in load(path).titles.values()), path.name
    record = {"student": "ada", "assignment": whole.name, "file": "a.ipynb", "problem": "duplicate-grade-ids"}
    record |= {"detail": "q2, q3"}
    page = feedback.page("ada", [record | {"titles": whole.titles, "title": whole.title}])
    assert "<pre>It is about: Q2 · Left, right, both or none, Q3 · A group too large to list</pre>" in page
    assert "Delete the one that you do not mean" in page and "Assignment 1: groups: not graded yet" in page
    assert advice.notes({"notes": [["joined", "q2"]]}, whole.titles) == [
        f"Q2 · Left, right, both or none: {advice.DONE[repair.JOINED]}"
    ]
    assert precheck.REASONS["duplicate-grade-ids"] not in page


ODD: list[Any] = [None, 7, [], {}, "", "q2", {"grade_id": 3}, {"grade_id": ["q1"]}, {"grade_id": "q2", "grade": True}]
TEXTS = ["", "def mirrored(x):", "oops =", "%%bash\nls", "\0", "order = 8"]


def mangled(notebook: Any, pick: random.Random) -> Any:
    """What a careless or hostile hand does to cells, some steps of it."""
    cells = notebook["cells"]
    for _ in range(pick.randint(1, 8)):
        number, other = pick.randrange(len(cells)), pick.randrange(len(cells))
        cell = dict(cells[number])
        step = pick.randrange(7)
        if step == 0:
            del cells[number]
        elif step == 1:
            cells.insert(other, cell)
        elif step == 2:
            cells.insert(other, cells.pop(number))
        elif step == 3:
            cells[number] = cell | {"cell_type": pick.choice(["code", "markdown", "raw", None, 3])}
        elif step == 4:
            cells[number] = cell | {"metadata": {"nbgrader": pick.choice(ODD)}}
        elif step == 5:
            cells[number] = cell | {"source": pick.choice(TEXTS)}
        else:
            cell.pop(pick.choice(["id", "metadata"]), None)
            cells[number] = cell
    return notebook


def test_whatever_was_done_to_cells_it_is_put_in_order_or_refused(assignment: Assignment) -> None:
    """700 notebooks: each has every cell of the assignment once, each test below its answer; or a reason."""
    ways: dict[str, int] = {}
    for seed in range(700):
        notebook = mangled(sample.answered(assignment), random.Random(seed))
        try:
            found, _ = in_order(notebook, assignment)
        except Refused as refused:
            ways[refused.reason] = ways.get(refused.reason, 0) + 1
            continue
        ways["graded"] = ways.get("graded", 0) + 1
        names = [nb.grade_id(cell) for cell in found["cells"]]
        tests = [name for name in assignment.cells if nb.is_test(assignment.cells[name])]
        assert all(names.count(name) == 1 for name in tests) and names.count("q2") <= 1
        for test in tests:
            question = nb.question_of(test)
            assert question not in names or names.index(question) < names.index(test), seed
            assert found["cells"][names.index(test)]["cell_type"] == "code"
        assert steps_of(assignment, found)
    assert set(ways) <= {"graded", *REASONS} and len(ways) >= 4 and ways["graded"] > 100, ways
