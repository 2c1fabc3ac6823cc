"""What every check of every chapter does: it says that a stub is not solved, and it blames a broken answer, not itself.

A chapter's own file adds the answers to its exercises, right and wrong ones.
"""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "symrl_lite" / "checks").glob("chapter[0-9][0-9].py"))
CHECKS = [
    pytest.param(getattr(module, name), id=f"{module.__name__.rpartition('.')[2]}.{name}")
    for module in (importlib.import_module(f"symrl_lite.checks.{stem}") for stem in MODULES)
    for name in module.__all__
]
BROKEN = {
    "is a `return` missing?": lambda *_: None,
    "ZeroDivisionError": lambda *_: 1 / 0,
    "TypeError": lambda a, b, c, d, e, f, g, h, i: 0,  # more arguments than any exercise has
}


def stub(*_):
    raise NotImplementedError("Exercise: write it")


@pytest.mark.parametrize("check_of", CHECKS)
def test_a_stub_is_not_solved(check_of):
    result = check_of(stub)
    assert not result.solved and not result.passed and "not solved yet" in repr(result)


@pytest.mark.parametrize("reason", BROKEN)
@pytest.mark.parametrize("check_of", CHECKS)
def test_a_broken_answer_is_no_right_one_and_stops_nothing(check_of, reason):
    result = check_of(BROKEN[reason])
    assert result.solved and not result.passed and reason in repr(result), result


@pytest.mark.parametrize("stem", MODULES)
def test_a_chapter_has_one_check_for_each_exercise(stem):
    module = importlib.import_module(f"symrl_lite.checks.{stem}")
    said = sorted(repr(getattr(module, name)(stub)) for name in module.__all__)
    assert [words[:11] for words in said] == ["Exercise A:", "Exercise B:", "Exercise C:"]
