"""For authors of assignments: what the model answers, the blank and each listed answer give.

.venv/bin/python tools/grading/try_cases.py 01_groups             # a table
.venv/bin/python tools/grading/try_cases.py 01_groups --messages  # and what a student would read
.venv/bin/python tools/grading/try_cases.py 01_groups --only "forgets the inverse"
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tools.grading import cases, sandbox  # noqa: E402
from tools.grading.assignment import SOURCES, load  # noqa: E402
from tools.grading.notebook import SourceError, is_by_hand  # noqa: E402


def main() -> int:
    """Print the table; 1 where something is not as it should be."""
    parser = argparse.ArgumentParser(description="Try an assignment on its list of answers.")
    parser.add_argument("name", help="such as 01_groups")
    parser.add_argument("--messages", action="store_true", help="print what a student would read")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="the folder of the assignments")
    parser.add_argument("--cases", type=Path, default=cases.CASES, help="the folder of the lists of cases")
    given = parser.parse_args()
    sandboxed = sandbox.is_available()
    if not sandboxed:
        print("bubblewrap is not there: the answers run unprotected, which is fine for your own.")
    try:
        assignment = load(given.sources / f"{given.name}.ipynb")
        listed = [case for case in cases.load_cases(given.name, given.cases) if given.only in case["name"]]
        print(f"{assignment.title}\n{assignment.name}: {sum(assignment.points.values()):g} points: ", end="")
        print(", ".join(f"{name} {points:g}" for name, points in assignment.questions.items()))
        by_hand = [name for name, cell in assignment.cells.items() if is_by_hand(cell)]
        print(f"by hand: {', '.join(by_hand) or 'nothing'}; withheld: {', '.join(assignment.withheld) or 'nothing'}\n")
        print(f"{'':6}{'question':10}{'should':>7}{'is':>6}{'seconds':>9}  answer")

        def show(result: cases.Result) -> None:
            word = "WRONG" if result.problem else "ok"
            numbers = f"{result.expected:7g}{result.points:6g}{result.seconds:9.1f}"
            print(f"{word:6}{result.question:10}{numbers}  {result.name}", flush=True)
            if result.problem:
                print(f"{'':10}{result.problem}")
            if given.messages or result.problem:
                for line in result.messages.splitlines():
                    print(f"{'':10}| {line}")

        results = cases.try_all(assignment, listed, sandboxed, show)
    except (SourceError, sandbox.SandboxError, OSError) as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    wrong = [result for result in results if result.problem]
    print(f"\n{len(results) - len(wrong)} as they should be, {len(wrong)} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
