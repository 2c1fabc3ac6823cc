"""The sample assignment, and a way to grade one notebook of it in a closed process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.grading import sample
from tools.grading import cases, referee, sandbox
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.withheld import course_copy

SLOT = 100 + os.getpid() % 1000  # its own user, so that two test processes do not count each other's processes


def ordinary_user() -> list[str]:
    """What to put before a command so that it runs as no root: nothing, or a user namespace without rights."""
    if not sandbox.is_root():
        return []
    found = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    if shutil.which("unshare") is None or subprocess.run([*found, "true"], capture_output=True).returncode != 0:
        pytest.skip("this root cannot become an ordinary user: no user namespaces")
    return found


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip, or fail where bubblewrap is required."""
    if not sandbox.is_available():
        if os.environ.get("SYMRL_REQUIRE_BUBBLEWRAP") == "1":
            pytest.fail(
                "bubblewrap is required here, and it is not installed or may not make namespaces", pytrace=False
            )
        pytest.skip("bubblewrap is not installed")


@pytest.fixture(scope="session")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return sample.write(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def base(assignment: Assignment) -> dict[str, Any]:
    return referee.base_namespace(assignment)


@pytest.fixture(scope="session")
def course(assignment: Assignment) -> Path:
    return course_copy(assignment.withheld)


Grade = Callable[..., dict[str, str]]


@pytest.fixture(scope="session")
def grade(bubblewrap: None, assignment: Assignment, base: dict[str, Any], course: Path) -> Grade:
    """Grade answers, in a closed process of their own; the message of each test, empty where it passed."""

    def graded(
        notebook: Any = None, limits: sandbox.Limits | None = None, seconds: float = 3.0, **answers: str
    ) -> dict[str, str]:
        if notebook is None:
            notebook = sample.answered(assignment, **answers)
        limited = replace(assignment, seconds=seconds)
        outcomes = referee.run(limited, notebook, base, lambda: sandbox.Process(course, limits, slot=SLOT))
        return {outcome.test: outcome.message if not outcome.passed else "" for outcome in outcomes}

    return graded


@pytest.fixture(scope="session")
def nursery(bubblewrap: None, assignment: Assignment) -> Iterator[cases.Nursery]:
    """A closed process that is copied for each answer, as the lists of cases use it."""
    nursery = cases.Nursery(assignment, slot=SLOT)
    yield nursery
    nursery.close()


@pytest.fixture
def grade_copy(nursery: cases.Nursery, assignment: Assignment, base: dict[str, Any]) -> Grade:
    """The same in a copy of one closed process: quicker, for answers that attack nothing and end nothing."""

    def graded(notebook: Any = None, **answers: str) -> dict[str, str]:
        if notebook is None:
            notebook = sample.answered(assignment, **answers)
        outcomes = referee.run(assignment, notebook, base, nursery.start)
        return {outcome.test: outcome.message if not outcome.passed else "" for outcome in outcomes}

    return graded


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    sample.write(tmp_path / "sources", seconds=2.0)
    other = sample.source(seconds=2.0)
    other["metadata"]["symrl"]["assignment"] = "91_other"
    (tmp_path / "sources" / "91_other.ipynb").write_text(nb.text_of(other), encoding="utf-8")
    return tmp_path / "sources"
