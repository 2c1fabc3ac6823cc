"""The two processes: data and functions go back and forth, and one bad question leaves the others alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.grading import sample
from tools.grading import notebook as nb
from tools.grading import referee, sandbox
from tools.grading.assignment import Assignment, defined_names
from tools.grading.withheld import course_copy, find, withhold

PASSED = {"q1_value": "", "q2_small": "", "q2_general": "", "q3_calls": ""}
Q2 = "def mirrored(x):\n    "


def test_model_answers_pass_and_the_blank_fails(grade: Any, assignment: Assignment) -> None:
    assert grade() == PASSED
    blank = grade(nb.student_version(assignment.notebook))
    assert all(blank.values())
    assert blank["q1_value"] == "you say None: how many moves does a square have?"
    assert blank["q2_small"].startswith("Not solved yet")


def test_a_wrong_answer_gets_the_tests_message_and_the_others_stay(grade_copy: Any) -> None:
    found = grade_copy(q2=Q2 + "return np.asarray(x)[::-1]")
    assert found["q2_small"] == "" and found["q2_general"].endswith("mirrored along the wrong axis")
    assert found["q1_value"] == found["q3_calls"] == ""


ENDS = [
    ("def mirrored(x):\n    while True: pass", "longer than 1 seconds"),
    ("def mirrored(x):\n    import os; os._exit(0)", "ended Python itself"),
    ("def mirrored(x):\n    import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended Python itself"),
    ("import os; os._exit(0)", "ended Python itself"),
    ("everything = [np.ones(10**7)]\neverything.append(np.ones(10**9))", "too much memory"),
    ("kept = []\ndef mirrored(x):\n    for n in (7, 9): kept.append(np.ones(10**n))", "MemoryError"),
]
FAILS = [
    ("def mirrored(x):\n    raise SystemExit", "SystemExit"),
    ("def mirrored(x):\n    return mirrored(x)", "RecursionError"),
    ("def mirrored(x):\n    return np.asarray(x)[7]", "IndexError"),
    ("def mirrored(x)\n    return x", "SyntaxError"),
    ("import sys; sys.exit(1)", "SystemExit"),
    ("raise KeyboardInterrupt", "not define"),
    ("mirrored = 3", "TypeError"),
    ("class mirrored: pass", "TypeError"),
    ("class L(list):\n    def __iter__(self): raise OSError\nmirrored = L([1])", "TypeError"),
]


def costs_its_own_points_only(found: dict[str, str], said: str) -> None:
    assert found["q1_value"] == found["q3_calls"] == ""
    assert found["q2_general"] and said in found["q2_small"] + found["q2_general"]


@pytest.mark.parametrize(("code", "said"), ENDS)
def test_a_question_that_ends_its_process_costs_its_own_points_only(grade: Any, code: str, said: str) -> None:
    costs_its_own_points_only(grade(q2=code, seconds=1.0), said)


@pytest.mark.parametrize(("code", "said"), FAILS)
def test_a_question_that_fails_in_whatever_way_costs_its_own_points_only(grade_copy: Any, code: str, said: str) -> None:
    costs_its_own_points_only(grade_copy(q2=code), said)


def test_a_cell_that_never_ends_is_left_out(grade: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.grading.session.IMPORT_SECONDS", -1.0)
    begin = time.monotonic()
    found = grade(q2="while True: pass")
    assert time.monotonic() - begin < 20
    assert found["q1_value"] == found["q3_calls"] == "" and "was stopped" in found["q2_general"]


def test_two_stops_end_a_question(grade: Any) -> None:
    begin = time.monotonic()
    found = grade(
        q3="""\
def orbit_size(group, action, point):
    while True: action(0, 1)

def table_of(group):
    return group.table""",
        seconds=1.0,
    )
    assert "longer than 1 seconds" in found["q3_calls"]
    assert time.monotonic() - begin < 30


def test_magics_prints_and_own_cells_do_no_harm(grade: Any, assignment: Assignment) -> None:
    notebook = sample.answered(
        assignment, q2="%matplotlib inline\n%pip install nothing\n!echo hello\nprint('x' * 10**6)\n" + sample.Q2
    )
    extra = {"cell_type": "code", "metadata": {}, "source": ["1 / 0"], "outputs": [], "execution_count": None}
    widget = extra | {"source": ["input()\nimport matplotlib.pyplot as plt; plt.plot([1]); plt.show()"]}
    notebook["cells"][3:3] = [extra, widget]
    assert grade(notebook) == PASSED


def test_answers_may_be_of_many_kinds(grade_copy: Any) -> None:
    assert (
        grade_copy(
            q1="order = np.float64(8)", q2=Q2 + "return list(reversed(x)) if isinstance(x, list) else np.flip(x, -1)"
        )
        == PASSED
    )
    assert grade_copy(q1="order = [8][0]", q2="mirrored = lambda x: np.array(x)[..., ::-1]") == PASSED
    torch = "import torch\ndef mirrored(x):\n    return torch.tensor(np.array(x)).flip(-1)"
    assert grade_copy(q2=torch) == PASSED


def test_what_passes_the_visible_tests_passes_the_hidden_ones(grade_copy: Any) -> None:
    """Right answers of types that nobody thought of first: Decimal, deque, array.array, long double, dict views."""
    head = "from array import array\nfrom collections import deque\nfrom decimal import Decimal\n"
    flat = "np.flip(np.array(x, dtype=float), -1)"
    arrays = f"array('d', {flat}) if np.ndim(x) == 1 else [array('d', row) for row in {flat}]"
    kinds = {
        "Decimal(8)": f"deque({flat}.tolist())",
        "np.longdouble(8)": f"{flat}.astype(np.longdouble)",
        "array('d', [8])[0]": arrays,
        "deque([8])[0]": f"np.vectorize(Decimal, otypes='O')({flat})",
    }
    for order, value in kinds.items():
        found = grade_copy(q1=f"{head}order = {order}", q2=f"{head}def mirrored(x):\n    return {value}")
        assert found == PASSED, (order, value)


def test_exceptions_of_tests_functions_reach_the_student(grade_copy: Any) -> None:
    tolerant = """
def orbit_size(group, action, point):
    try:
        action("no number", None)
    except TypeError:
        return len({action(g, point) for g in range(group.order)})

def table_of(group):
    return [[group.multiply(a, b) for b in range(group.order)] for a in range(group.order)]"""
    assert grade_copy(q3=tolerant) == PASSED


def test_what_is_withheld_is_not_there_and_says_so(grade_copy: Any) -> None:
    uses = """\
def orbit_size(group, action, point):
    return len({how}(group, action, [point])[0])

def table_of(group):
    return group.table"""
    for how in ("groups.orbits", "__import__('symrl_lite.groups.named').groups.named.orbits"):
        assert "groups.orbits is withheld in this assignment" in grade_copy(q3=uses.format(how=how))["q3_calls"]
    assert "cannot be" not in grade_copy(q3=uses.format(how="len"))["q1_value"]


def test_names_are_found_where_they_are_defined(tmp_path: Path) -> None:
    package = tmp_path / "symrl_lite"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "front.py").write_text("from symrl_lite.back import f, C as D\n")
    text = """\
@property
def f(a,
      b):
    '''Doc.'''
    return a

def g(x): return x

class C:
    def m(self):
        return 1

    @property
    def p(self): return 2
"""
    (package / "back.py").write_text(text)
    assert find(tmp_path, "symrl_lite.front.D.m") == (package / "back.py", ["C", "m"])
    for name in ("symrl_lite.front.f", "symrl_lite.back.g", "symrl_lite.front.D.m", "symrl_lite.back.C.p"):
        withhold(tmp_path, name)
    names: dict[str, Any] = {}
    exec((package / "back.py").read_text(), names)
    for call in (
        lambda: names["g"](1),
        lambda: names["C"]().m(),
        lambda: names["C"]().p,
        lambda: names["f"].fget(1, 2),
    ):
        with pytest.raises(NotImplementedError, match="is withheld in this assignment"):
            call()
    withhold(tmp_path, "symrl_lite.back.C")
    exec((package / "back.py").read_text(), names)
    with pytest.raises(NotImplementedError, match=r"back\.C is withheld"):
        names["C"]()
    with pytest.raises(nb.SourceError, match="defines no nothing"):
        withhold(tmp_path, "symrl_lite.back.nothing")


def test_the_package_itself_is_not_changed(assignment: Assignment) -> None:
    from symrl_lite.groups import cyclic, orbits

    course_copy(assignment.withheld)
    assert orbits(cyclic(2), lambda g, x: x, [1])


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("a = 1\nb, (c, *d) = x\ne: int = 2\nf += 1", {"a", "b", "c", "d", "e", "f"}),
        ("def f(a=1):\n    g = 2\n    return g\nclass C:\n    h = 1", {"f", "C"}),
        ("for i in x:\n    k = i\nwith a as w:\n    pass\nif (z := 1): pass", {"i", "k", "w", "z"}),
        ("import numpy as n\nq = [r for r in range(3)]\ns = lambda t: (u := t)", {"q", "s"}),
    ],
)
def test_names_that_a_cell_defines(code: str, names: set[str]) -> None:
    assert set(defined_names(code)) == names


def test_a_numpy_assignment_does_not_load_torch(bubblewrap: None, course: Path) -> None:
    process = sandbox.Process(course, slot=51)
    try:
        for code in (sample.SETUP, "import sys; assert 'torch' not in sys.modules"):
            process.wire.send(("cell", code))
            assert process.wire.receive(deadline=time.monotonic() + 20) == ("done", None)
    finally:
        process.stop()


def test_given_cells_must_run(assignment: Assignment) -> None:
    names = referee.base_namespace(assignment)
    assert np.array_equal(names["double"]([1]), [2])
    broken = Assignment("x", {"cells": [sample.cell("code", "q1_given", "1 / 0", locked=True)]})
    with pytest.raises(nb.SourceError, match="x, q1_given: ZeroDivisionError"):
        referee.base_namespace(broken)
