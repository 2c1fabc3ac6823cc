"""Whole runs of the grader, for the tests: in this process or as a program, and the tables that they leave."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools import grade as program
from tools.grading.assignment import ROOT


@dataclass(frozen=True)
class Said:
    """What a run printed."""

    returncode: int
    stdout: str
    stderr: str = ""


def run(submissions: Path, out: Path, sources: Path) -> Said:
    """Grade in this process, which has nbgrader loaded."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        program.grade(submissions, out, sources, 2, sandboxed=True, quiet=True)
    return Said(0, said.getvalue())


def run_alone(
    submissions: Path, out: Path, sources: Path, before: Sequence[str] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Grade as `make grade` does."""
    command = [*before, sys.executable, str(ROOT / "tools" / "grade.py"), "--submissions", str(submissions)]
    command += ["--out", str(out), "--sources", str(sources), "--at-once", "2"]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables}, timeout=300)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def stamps(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in (out / "results").glob("*/*.json")}
