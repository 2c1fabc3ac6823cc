"""The checks of chapter 8 reject plausible wrong answers, for the right reason, and accept unusual right ones."""

import pytest

from symrl_lite.checks import chapter08 as check

# TODO: right answers, unusual ones too (lists, other formulas, single precision)
RIGHT = {"exercise_a": [], "exercise_b": [], "exercise_c": []}
# TODO: plausible wrong answers, each with a piece of what the check says to it
WRONG = {"exercise_a": [], "exercise_b": [], "exercise_c": []}


@pytest.mark.parametrize("name", check.__all__)
def test_right_answers_are_accepted(name):
    assert len(RIGHT[name]) >= 1, f"{name}: no right answer is listed"
    for answer in RIGHT[name]:
        result = getattr(check, name)(answer)
        assert result.passed, result


@pytest.mark.parametrize("name", check.__all__)
def test_wrong_answers_are_rejected_for_the_right_reason(name):
    assert len(WRONG[name]) >= 2, f"{name}: {len(WRONG[name])} wrong answers are listed, expected 2 or more"
    for answer, reason in WRONG[name]:
        result = getattr(check, name)(answer)
        assert result.solved and not result.passed and reason in repr(result), result
