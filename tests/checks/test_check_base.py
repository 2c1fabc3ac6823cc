"""The machinery under every check: it reports, it never raises for a wrong answer, and it can fail."""

import numpy as np
import pytest

from symrl_lite.checks import CheckResult, Wrong, as_array, as_integer, run_steps


def fail(message):
    def step():
        raise Wrong(message)

    return step


def unsolved():
    raise NotImplementedError("Exercise A: write it")


def test_all_steps_hold():
    result = run_steps("Exercise A", [("shape", lambda: None), ("values", lambda: None)])
    assert result.passed and repr(result) == "Exercise A: shape ✓ · values ✓"


def test_stops_at_first_failure():
    reached = []
    result = run_steps("Exercise A", [("shape", fail("is (2,), expected (3,)")), ("values", lambda: reached.append(1))])
    assert not result.passed and result.solved and not reached
    assert "shape ✗ — is (2,), expected (3,)" in repr(result)


def test_unsolved_is_not_passed():
    result = run_steps("Exercise A", [("shape", unsolved)])
    assert not result.passed and not result.solved
    assert repr(result) == "Exercise A: not solved yet — write it"


def test_any_exception_is_reported():
    result = run_steps("Exercise A", [("shape", lambda: {}["x"])])
    assert not result.passed and "KeyError: 'x'" in repr(result)


def test_no_steps_is_not_a_pass():
    assert not CheckResult("Exercise A", (), "", solved=True).passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "return"),
        ([[1, 2], [3]], "different lengths"),
        ([1, 2], r"shape \(2,\), expected \(2, 2\)"),
        ([["a", "b"], ["c", "d"]], "expected numbers"),
        ([[1, np.nan], [0, 0]], "NaN"),
        ([[1j, 0], [0, 0]], "expected numbers"),
    ],
)
def test_as_array_refuses(answer, message):
    with pytest.raises(Wrong, match=message):
        as_array(answer, (2, 2), "the table")


def test_as_array_accepts_torch():
    torch = pytest.importorskip("torch")
    assert as_array(torch.ones(2, requires_grad=True), (2,), "x").tolist() == [1, 1]


def test_as_integer():
    assert as_integer(np.int8(3), "n") == 3 and as_integer(4.0, "n") == 4
    with pytest.raises(Wrong, match="whole number"):
        as_integer(2.5, "n")
