"""Every assignment on its own list of answers: each gives the marks and the feedback that the list says."""

from __future__ import annotations

from collections import Counter

import pytest

from tools.grading import cases
from tools.grading import notebook as nb
from tools.grading.assignment import SOURCES, load

NAMES = [path.stem for path in sorted(SOURCES.glob("[0-9][0-9]_*.ipynb"))]


@pytest.mark.parametrize("name", NAMES)
def test_each_answer_gives_what_it_should(bubblewrap: None, name: str) -> None:
    """The model answers get full marks, the blank 0, and each case its points, with all others kept."""
    results = cases.try_all(load(SOURCES / f"{name}.ipynb"), cases.load_cases(name))
    assert len(results) > 2
    wrong = [f"{one.question}, {one.name}: {one.problem}\n{one.messages}" for one in results if one.problem]
    assert not wrong, "\n\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_each_question_has_enough_answers(name: str) -> None:
    """At least three plausible wrong answers with feedback that is looked for, and one right and unusual answer."""
    assignment = load(SOURCES / f"{name}.ipynb")
    full = cases.by_tests(assignment)
    wrong, right = Counter[str](), Counter[str]()
    for case in cases.load_cases(name):
        if case["points"] == full[case["question"]]:
            right[case["question"]] += 1
        else:
            assert case["says"], case["name"]
            wrong[case["question"]] += 1
    for question, points in full.items():
        if points:
            assert wrong[question] >= 3 and right[question] >= 1, question
    names = [(case["question"], case["name"]) for case in cases.load_cases(name)]
    assert len(names) == len(set(names))
    assert nb.student_version(assignment.notebook)["cells"]
