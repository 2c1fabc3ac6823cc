"""CONTRIBUTING.md: its examples run, its paths and commands exist."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^### (.+?)\n.*?^```python\n(.*?)^```", TEXT.partition("### A chapter")[0], re.M | re.S))


@pytest.mark.parametrize("name", ["A group", "A layer", "An environment"])
def test_the_example_works_as_it_stands(name: str) -> None:
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name], {}, name, str(PAGE), 0)
    assert len(test.examples) >= 6
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert result.failed == 0, "".join(said)


def test_an_example_that_is_wrong_is_found() -> None:
    wrong = EXAMPLES["A group"].replace("(12, False, 4)", "(12, True, 4)")
    assert wrong != EXAMPLES["A group"]
    test = doctest.DocTestParser().get_doctest(wrong, {}, "wrong", None, 0)
    assert doctest.DocTestRunner().run(test, out=lambda text: None).failed == 1


def test_links_and_commands_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"`?make ([a-z]+)\b", "\n".join(re.findall(r"```\n.*?```|`make [^`]*`", TEXT, re.S))))
    targets = " ".join(re.findall(r"^([a-z][a-z -]*):(?!=)", makefile, re.MULTILINE)).split()
    assert commands and commands <= set(targets)
    for path in re.findall(r"(?:tools|benchmarks|notebooks/assignments|book)/[\w/]+\.(?:py|ipynb|json)", TEXT):
        assert "NN" in path or (ROOT / path).is_file(), path


def test_every_program_and_folder_of_tools_is_told_apart():
    paragraph = next(part for part in TEXT.split("\n\n") if part.startswith("In `tools/`"))
    named = set(re.findall(r"`(\w+)`", paragraph))
    assert {path.stem for path in (ROOT / "tools").glob("*.py")} == named - {"make"}
    folders = set(re.findall(r"`(\w+)/`", paragraph)) - {"tools"}
    assert {path.parent.name for path in (ROOT / "tools").glob("*/*.*") if path.suffix != ".pyc"} == folders
