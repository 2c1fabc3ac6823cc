"""Grade a made-up class of 50 that mixes right, wrong, blank, late, damaged and hostile submissions: how long it takes.

    .venv-grading/bin/python benchmarks/grading.py [--students 50] [--at-once 2]

It also compares each mark with what it must be, and fails where one differs. Needs `make grading-environment`.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.grading import made_up_class  # noqa: E402
from tools import grade  # noqa: E402
from tools.grading import cases, notebook  # noqa: E402
from tools.grading.assignment import SOURCES, all_assignments  # noqa: E402

TARGET = 240.0  # seconds, on two cores


def table(path: Path) -> dict[str, dict[str, str]]:
    """The rows of a CSV file by student."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def wrong_marks(expected: list[made_up_class.Expected], out: Path) -> list[str]:
    """The students whose row is not what it must be."""
    marks, reasons = table(out / "marks.csv"), table(out / "report.csv")
    assignments = all_assignments()
    wrong = []
    for one in expected:
        row = marks[one.student]
        if one.reason:
            right = reasons[one.student]["reason"] == one.reason and row["total"] == ""
        else:
            cells = assignments[one.assignment].cells
            by_hand = {notebook.question_of(name) for name, cell in cells.items() if notebook.is_by_hand(cell)}
            tested = {name: points for name, points in one.points.items() if name not in by_hand}
            right = {name: float(row[name]) for name in tested} == tested and bool(row["late"]) == one.late
        if not right:
            wrong.append(f"{one.student} ({one.assignment}): {row}, expected {one.points or one.reason}")
    return wrong


def main() -> int:
    """Make the class, grade it, print the table."""
    parser = argparse.ArgumentParser(description="Time the grading of a made-up class.")
    parser.add_argument("--students", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=2)
    given = parser.parse_args()
    assignments = all_assignments()
    listed = {name: cases.load_cases(name) for name in assignments}
    with tempfile.TemporaryDirectory(prefix="class-") as place:
        folder, out = Path(place) / "class", Path(place) / "out"
        expected = made_up_class.make(folder, given.students, assignments, listed)
        print(", ".join(f"{number} {kind}" for kind, number in Counter(one.kind for one in expected).items()))
        begin = time.perf_counter()
        grade.grade(folder, out, SOURCES, given.at_once, sandboxed=True)
        first = time.perf_counter() - begin
        wrong = wrong_marks(expected, out)
        begin = time.perf_counter()
        grade.grade(folder, out, SOURCES, given.at_once, sandboxed=True, quiet=True)
        again = time.perf_counter() - begin
    print("\n".join(wrong))
    print(f"{'a class of ' + str(given.students) + ', ' + str(given.at_once) + ' at a time':60}{first:9.1f} s")
    print(f"{'again, with nothing changed':60}{again:9.1f} s")
    return 1 if wrong or (given.students <= 50 and first > TARGET) else 0


if __name__ == "__main__":
    sys.exit(main())
