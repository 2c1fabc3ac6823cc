"""A small assignment of the tests' own, with one question of each kind, and helpers to answer it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.grading import cases
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment, load

NAME = "90_sample"

SETUP = """\
import sys

if 'google.colab' in sys.modules:
    %pip install -q nothing
import numpy as np
from symrl_lite import groups"""
GIVEN = "DATA = np.arange(6.0).reshape(2, 3)\n\ndef double(x):\n    return 2 * np.asarray(x)"

Q1 = "order = None\n### BEGIN SOLUTION\norder = 8\n### END SOLUTION"
Q1_TEST = "assert order == 8, f'you say {order}: how many moves does a square have?'"
Q2 = """def mirrored(x):
    ### BEGIN SOLUTION
    return np.asarray(x)[..., ::-1]
    ### END SOLUTION"""
Q2_SMALL = """given = [1, 2, 3]
got = mirrored(given)
assert np.shape(got) == (3,), f"for {given} the shape is {np.shape(got)}, expected (3,)"
assert np.allclose(got, [3, 2, 1]), f"for {given} you return {got}, expected [3, 2, 1]\""""
Q2_GENERAL = """# 2 points: other arrays.
### BEGIN HIDDEN TESTS
for shape in [(2, 3), (4, 1), (3, 5)]:
    given = np.random.default_rng(len(shape)).normal(size=shape)
    got = mirrored(given)
    secret_word_of_the_hidden_tests = given[..., ::-1]
    assert np.shape(got) == shape, f"for an array {shape} the shape is {np.shape(got)}"
    assert np.allclose(got, secret_word_of_the_hidden_tests), f"an array {shape} is mirrored along the wrong axis"
### END HIDDEN TESTS"""
Q3 = """def orbit_size(group, action, point):
    ### BEGIN SOLUTION
    return len({action(g, point) for g in range(group.order)})
    ### END SOLUTION


def table_of(group):
    ### BEGIN SOLUTION
    return np.array(group.table)
    ### END SOLUTION"""
Q3_CALLS = """G = groups.dihedral(4)
got = orbit_size(G, lambda g, x: (x + g) % 4, 1)
assert got == 4, f"the orbit has {got} points, expected 4"
### BEGIN HIDDEN TESTS
got = table_of(groups.cyclic(5))
assert np.shape(got) == (5, 5) and np.array_equal(got, groups.cyclic(5).table), f"the table of C5: {got}"
### END HIDDEN TESTS"""
Q4 = "### BEGIN SOLUTION\nBecause the move can be undone.\n\nRubric: 1 point for undone.\n### END SOLUTION"


def cell(kind: str, name: str, text: str, **marks: Any) -> dict[str, Any]:
    """A cell in nbgrader's format; without marks, a plain one."""
    new: dict[str, Any] = {
        "cell_type": kind,
        "id": name.replace("_", "-"),
        "metadata": {},
        "source": text.splitlines(True),
    }
    if kind == "code":
        new |= {"outputs": [], "execution_count": None}
    if marks:
        plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        new["metadata"]["nbgrader"] = plain | {"grade_id": name} | marks
    return new


def source(seconds: float = 3.0) -> dict[str, Any]:
    """The assignment's source."""
    test = {"grade": True, "locked": True}
    cells = [
        cell("markdown", "title", "# A sample"),
        cell("code", "setup", SETUP),
        cell("code", "q1_given", GIVEN, locked=True),
        cell("markdown", "q1_text", "How many?", locked=True),
        cell("code", "q1", Q1, solution=True),
        cell("code", "q1_value", Q1_TEST, points=2, **test),
        cell("code", "q2", Q2, solution=True),
        cell("code", "q2_small", Q2_SMALL, points=1, **test),
        cell("code", "q2_general", Q2_GENERAL, points=2, **test),
        cell("code", "q3", Q3, solution=True),
        cell("code", "q3_calls", Q3_CALLS, points=4, **test),
        cell("markdown", "q4", Q4, solution=True, grade=True, points=1),
    ]
    withheld = ["symrl_lite.groups.orbits", "symrl_lite.groups.FiniteGroup.conjugacy_classes"]
    about = {"assignment": NAME, "minutes": 30, "seconds": seconds, "withhold": withheld}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel, "symrl": about}, "nbformat": 4, "nbformat_minor": 5}


def write(folder: Path, seconds: float = 3.0) -> Assignment:
    """Put the source into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}.ipynb"
    path.write_text(nb.text_of(source(seconds)), encoding="utf-8")
    return load(path)


def answered(assignment: Assignment, **answers: str) -> dict[str, Any]:
    """The student's version with the model answers, some replaced; q4 is answered in words of its own."""
    notebook = cases.answered(assignment, answers)
    for one in notebook["cells"]:
        if nb.grade_id(one) == "q4":
            one["source"] = answers.get("q4", "One can go back.")
    return notebook


def hand_in(folder: Path, student: str, notebook: Any, name: str = f"{NAME}.ipynb") -> Path:
    """Put a file into a student's folder."""
    place = folder / student
    place.mkdir(parents=True, exist_ok=True)
    content = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
    (place / name).write_bytes(content)
    return place / name
