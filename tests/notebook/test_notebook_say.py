"""Sentences with numbers from the run."""

from __future__ import annotations

import pytest
from IPython.display import Markdown

from symrl_lite.notebook import say, sentence


def test_numbers_are_filled_in() -> None:
    assert sentence("error {e:.1e}, {n} of {n} elements", e=0.00123, n=8) == "error 1.2e-03, 8 of 8 elements"
    assert sentence("{shape[0]} rows, {{x}} stays, {value:{digits}}", shape=(3, 4), value=0.5, digits=".2f") == (
        "3 rows, {x} stays, 0.50"
    )
    assert sentence("no number at all") == "no number at all"


@pytest.mark.parametrize(
    ("template", "values", "message"),
    [
        ("the error is {error}", {}, "asks for 'error'"),
        ("the error is {eror}", {"error": 1}, "asks for 'eror'"),
        ("no field", {"error": 1}, "does not use 'error'"),
        ("{} and {}", {}, "without a name"),
        ("{0}", {}, "without a name"),
    ],
)
def test_a_template_and_its_values_must_fit(template: str, values: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sentence(template, **values)


def test_a_template_is_a_string() -> None:
    with pytest.raises(TypeError, match="expected a string"):
        sentence(7)  # type: ignore[arg-type]


def test_say_shows_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Markdown] = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    say("The error is **{error:.2f}**.", error=0.125)
    assert [type(what) for what in shown] == [Markdown]
    assert shown[0].data == "The error is **0.12**."
