"""Every assignment on its own list of answers: each gives the marks and the feedback that the list says."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.grading import sample
from tools.grading import cases
from tools.grading import notebook as nb
from tools.grading.assignment import SOURCES, Assignment, load

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


def test_a_case_is_tested_where_it_can_do_harm(bubblewrap: None, assignment: Assignment) -> None:
    """Tests above a changed answer count as they did for the model answers, those at it and below run each time."""
    harm = {"question": "q2", "points": 3, "code": "def mirrored(x):\n    return x[..., ::-1]"}
    listed = [
        {"name": "harms itself", **harm, "code": "def mirrored(x):\n    return x"},
        {"name": "harms what stands below", **harm, "code": "np.array = None\n" + sample.Q2},
        {"name": "wants more than it gets", "question": "q3", "points": 4, "code": "table_of = None"},
    ]
    model, blank, *found = cases.try_all(assignment, listed)
    assert (model.problem, blank.problem) == ("", "") and model.points == 9 and blank.points == 0
    assert [one.problem for one in found] == [
        "q2 has 0 points, not 3",
        "q3 has 0 points, not 4",
        "q3 has 0 points, not 4",
    ]
    assert cases.tests_above(assignment, "q3") == ["q1_value", "q2_small", "q2_general"]
    assert cases.tests_above(assignment, "q1") == cases.tests_above(assignment, "all") == []
