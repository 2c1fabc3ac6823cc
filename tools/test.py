"""Every check of the course, in order, up to the first step that fails.

    python tools/test.py                # all steps
    python tools/test.py style unit     # only these
    python tools/test.py --from site    # this one and those after it

It ends with a table of the steps and a line `N passed, N failed`. One notebook run, one style check and one
build of the site count as one each; everything else counts as pytest counts it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "_build" / "tests"
TWO = ("-n", "2")  # processes of pytest-xdist: what a test machine has at least
NOT_UNIT = {"test_notebook_structure.py", "test_solutions.py"}  # they have steps of their own
OTHER_STEPS = {"checks", "grading", "live", "site"}  # folders that another step runs; all others are rooms


@dataclass(frozen=True)
class Count:
    """How many checks passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def program(*arguments: str) -> list[str]:
    """The command that runs a module or a file with this Python."""
    return [sys.executable, *arguments]


def one(command: list[str]) -> Count:
    """Run a command that either passes or fails."""
    failed = subprocess.run(command, cwd=ROOT).returncode != 0
    return Count(failed=1) if failed else Count(passed=1)


def pytest(name: str, *arguments: str, python: str = sys.executable) -> Count:
    """Run pytest and count from its own report; a run without a test has failed."""
    missing = [path for path in arguments if path.startswith("tests/") and not (ROOT / path).exists()]
    if missing or not arguments:
        print(f"missing: {', '.join(missing) or 'the tests'}")
        return Count(failed=1)
    report = REPORTS / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [python, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
    status = subprocess.run(command, cwd=ROOT).returncode
    try:
        count = from_report(report)
    except (OSError, ElementTree.ParseError):
        count = Count()  # pytest itself broke off
    ran = count.passed + count.skipped > 0
    return count if count.failed or (status == 0 and ran) else count + Count(failed=1)


def from_report(report: Path) -> Count:
    """The counts in a JUnit report; an error counts as a failure."""
    count = Count()
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        total, failures, errors, skipped = (
            int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")
        )
        failed = min(total, failures + errors)
        count += Count(total - failed - skipped, failed, skipped)
    return count


def style() -> Count:
    """ruff (lint and format, notebooks too) and the type checker."""
    commands = [
        program("-m", "ruff", "check", "."),
        program("-m", "ruff", "format", "--check", "."),
        program("-m", "mypy"),
    ]
    return sum((one(command) for command in commands), Count())


def unit() -> Count:
    """Unit and property tests, comparisons with other packages, and the examples in the docstrings."""
    tests = ROOT / "tests"
    files = [path for path in sorted(tests.glob("test_*.py")) if path.name not in NOT_UNIT]
    rooms = {path.parent for path in tests.glob("*/test_*.py") if path.parent.name not in OTHER_STEPS}
    names = [path.relative_to(ROOT).as_posix() for path in [*files, *sorted(rooms)]]
    return pytest("unit", *TWO, "--doctest-modules", "symrl_lite", *names)


def grading() -> Count:
    """Assignments and the grader: the two processes, attacks, a small class, every listed answer."""
    base = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([base, "tools/environment.py", "--grading"], cwd=ROOT)
    if made.returncode != 0:
        return Count(failed=1)
    python = ROOT / ".venv-grading" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return pytest("grading", *TWO, "tests/grading", python=str(python))


def notebooks() -> Count:
    """Each notebook runs from top to bottom; one that is unchanged since it ran counts by that run."""
    run = subprocess.Popen(program("tools/execute.py"), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    found = None
    for line in run.stdout:
        print(line, end="", flush=True)
        found = re.fullmatch(r"(\d+) notebooks? ran, (\d+) failed", line.strip()) or found
    status = run.wait()
    if found is None:
        return Count(failed=1)
    count = Count(int(found[1]), int(found[2]))
    right = count.passed and (status == 0) == (count.failed == 0)
    return count if right else count + Count(failed=1)


def structure() -> Count:
    """The rules of structure that every notebook keeps."""
    return pytest("structure", "tests/test_notebook_structure.py")


def checks() -> Count:
    """The checks of the exercises, each with right and wrong answers, and the folded solutions."""
    return pytest("checks", *TWO, "tests/checks", "tests/test_solutions.py")


def site() -> Count:
    """The site is built, its widgets move in a browser, and the same widgets run live."""
    built = one(program("tools/book.py"))
    if built.failed:
        return built
    pages = pytest("site", *TWO, "tests/site", "--ignore=tests/site/test_links.py")
    return built + pages + pytest("live", "tests/live")  # one process: its tests share an environment of their own


def links() -> Count:
    """Every link on the site leads somewhere."""
    return pytest("links", "tests/site/test_links.py")


STEPS: tuple[Callable[[], Count], ...] = (style, unit, grading, notebooks, structure, checks, site, links)


def chosen(names: list[str], first: str | None) -> list[Callable[[], Count]]:
    """The steps that were asked for, in their order."""
    known = [step.__name__ for step in STEPS]
    unknown = [name for name in [*names, *([first] if first else [])] if name not in known]
    if unknown:
        sys.exit(f"symrl: no step is called {unknown[0]!r}; the steps are {', '.join(known)}")
    if first:
        return list(STEPS[known.index(first) :])
    return [step for step in STEPS if step.__name__ in names or not names]


def main() -> int:
    """Run the steps, stop at the first that fails, print the table."""
    parser = argparse.ArgumentParser(description="Run every check of the course, in order.")
    parser.add_argument("steps", nargs="*", help="only these: " + ", ".join(step.__name__ for step in STEPS))
    parser.add_argument("--from", dest="first", metavar="STEP", help="this step and those after it")
    given = parser.parse_args()
    steps = chosen(given.steps, given.first)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes of one thread get further than two of two
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    rows = []
    total = Count()
    begin = time.perf_counter()
    for number, step in enumerate(steps, start=1):
        print(f"\n=== {number}/{len(steps)} {step.__name__}: {step.__doc__}\n", flush=True)
        started = time.perf_counter()
        count = step()
        total += count
        rows.append((step.__name__, "FAILED" if count.failed else "ok", count, time.perf_counter() - started))
        if count.failed:
            break
    print(f"\n{'step':<12}{'result':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, result, count, seconds in rows:
        print(f"{name:<12}{result:<10}{count.passed:>8}{count.failed:>8}{count.skipped:>9}{seconds:>9.1f}")
    for step in steps[len(rows) :]:
        print(f"{step.__name__:<12}not run")
    print(f"{'together':<38}{'':>9}{time.perf_counter() - begin:>9.1f}\n")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
