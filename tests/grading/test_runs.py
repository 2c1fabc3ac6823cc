"""What a run keeps apart and what stops none: keys, names that are bytes, folders that cannot be read, a wrong OUT."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="grading has an environment of its own: make grading-environment")

from tests.grading import sample
from tests.grading.conftest import ordinary_user
from tests.grading.runs import rows, run, run_alone, stamps
from tools import grade as program
from tools.grading import notebook as nb
from tools.grading import results
from tools.grading.assignment import Assignment, load
from tools.grading.precheck import Submission

pytestmark = pytest.mark.usefixtures("bubblewrap")


def test_asserts_count_also_where_python_leaves_them_away(tmp_path: Path, sources: Path) -> None:
    """PYTHONOPTIMIZE=1 compiles asserts away: not those of the tests."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(
        folder,
        "ada",
        sample.answered(assignment, q1="order = 4", q2="def mirrored(x):\n    return np.asarray(x)[::-1]"),
    )
    sample.hand_in(folder, "blank", nb.student_version(assignment.notebook))
    done = run_alone(folder, out, sources, PYTHONOPTIMIZE="1")
    assert done.returncode == 0, done.stderr
    assert {row["student"]: row["total"] for row in rows(out / "marks.csv")} == {"ada": "5", "blank": "0"}


def test_a_results_key_holds_all_that_it_depends_on(assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Submission("ada", assignment.name, "a.ipynb", False, "f", {})
    others = [replace(one, student="ad\udcfc"), replace(one, file="b.ipynb"), replace(one, late=True)]
    others += [replace(one, fingerprint="g")]
    keys = [results.key_of(other, assignment, "package", "grader") for other in [one, *others]]
    keys += [results.key_of(one, replace(assignment, fingerprint="x"), "package", "grader")]
    keys += [results.key_of(one, assignment, "p", "grader"), results.key_of(one, assignment, "package", "open")]
    assert len(set(keys)) == len(keys)
    grader = results.graders_fingerprint.__wrapped__
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    first = grader(sys.executable)
    assert grader(sys.executable) == first
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    assert grader(sys.executable) != first, "what is set about the arithmetic"


def test_what_ran_unprotected_is_graded_anew_in_the_closed_process(tmp_path: Path, sources: Path) -> None:
    """A submission that ran unprotected could have written its own result."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    with contextlib.redirect_stdout(io.StringIO()):
        program.grade(folder, out, sources, 1, sandboxed=False, quiet=True)
    assert "0 of them graded before" in run(folder, out, sources).stdout


def test_names_are_bytes(tmp_path: Path, sources: Path) -> None:
    """Müller and Möller in Latin-1, and names that differ in a control character: each has a result and a page."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    raw = [b"M\xfcller", b"M\xf6ller", b"ada\x01", b"ada\x02"]
    for number, name in enumerate(raw):
        answers = {} if number % 2 else {"q1": "order = 4"}
        sample.hand_in(folder, os.fsdecode(name), sample.answered(assignment, **answers, q4=f"answer {number}"))
    assert run(folder, out, sources).returncode == 0
    table = rows(out / "marks.csv")
    marks = {row["student"].partition(" [")[0]: row["total"] for row in table}
    assert (marks["Müller"], marks["Möller"]) == ("7", "9")
    assert sorted(row["total"] for row in table) == ["7", "7", "9", "9"]
    assert len({row["student"] for row in table}) == 4
    assert len(list((out / "feedback").iterdir())) == len(stamps(out)) == 4
    assert len({row["answer_id"] for row in rows(out / "by_hand.csv")}) == 4
    assert "4 of them graded before" in run(folder, out, sources).stdout


def test_whatever_a_folder_holds_the_others_are_graded(
    tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newlines in names, a folder that cannot be read, one that fails in a way nobody thought of."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    sample.hand_in(folder, "b\nob", sample.answered(assignment), "a\n90_sample-2\n.ipynb")
    for student in ("carl", "dora"):
        sample.hand_in(folder, student, sample.answered(assignment))
    usual = program.precheck.student_submissions

    def looked_at(entry: Path, known: Any) -> Any:
        if entry.name == "carl":
            raise PermissionError(13, "Permission denied")
        return 1 / 0 if entry.name == "dora" else usual(entry, known)

    monkeypatch.setattr(program.precheck, "student_submissions", looked_at)
    assert run(folder, out, sources).returncode == 0
    assert [(row["total"], row["status"]) for row in rows(out / "marks.csv")] == [
        ("9", "waits for marking by hand"),
        ("9", "waits for marking by hand"),
        ("", "not graded: unreadable"),
        ("", "not graded: graders-fault"),
    ]
    assert {row["student"] for row in rows(out / "report.csv")} == {"carl", "dora"}
    assert len(list((out / "feedback").iterdir())) == 4


def test_half_a_character_in_a_text_is_no_fault_of_the_graders(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment, q2="x = '\ud800'\n" + sample.Q2, q4="undone \ud800"))
    assert run(folder, out, sources).returncode == 0
    (row,) = rows(out / "marks.csv")
    assert (row["q1"], row["q3"], row["waiting"]) == ("2", "4", "q4")


@pytest.mark.parametrize("unsandboxed", ["0", "1"], ids=["closed in", "unprotected"])
def test_a_run_as_an_ordinary_user(tmp_path: Path, sources: Path, unsandboxed: str) -> None:
    """Folders and files that this user may not read, a newline in a name: they are named, and the others are graded."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    for student in ("ada", "bob", "carl", "d\nora"):
        sample.hand_in(folder, student, sample.answered(assignment))
    closed = [folder / "bob", folder / "carl" / "90_sample.ipynb"]
    for path in closed:
        path.chmod(0)
    try:
        done = run_alone(folder, out, sources, ordinary_user(), UNSANDBOXED=unsandboxed)
    finally:
        for path in closed:
            path.chmod(0o755)
    assert done.returncode == 0 and done.stderr.startswith("symrl: UNSANDBOXED=1") == (unsandboxed == "1"), done.stderr
    found = {row["student"].partition(" [")[0]: row["total"] or row["status"] for row in rows(out / "marks.csv")}
    unreadable = "not graded: unreadable"
    assert found == {"ada": "9", "bob": unreadable, "carl": unreadable, "d\N{REPLACEMENT CHARACTER}ora": "9"}
    assert [row["file"] for row in rows(out / "report.csv")] == [".", "90_sample.ipynb"]
    assert "bob" in done.stdout and len(list((out / "feedback").iterdir())) == 4


def test_an_out_that_is_no_folder_gets_one_line(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "marks.csv"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    out.write_text("mine")
    for place in (out, out / "below"):
        result = run_alone(folder, place, sources)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result.stderr
        assert "cannot hold the marks" in result.stderr and "Give another folder as OUT" in result.stderr
    assert out.read_text() == "mine"
    inside = run_alone(folder, folder / "marks", sources)
    assert inside.returncode == 1 and "lies in the folder of submissions" in inside.stderr
    assert not (folder / "marks").exists()
    (tmp_path / "out" / "marks.csv").mkdir(parents=True)
    taken = run_alone(folder, tmp_path / "out", sources)
    assert taken.returncode == 1 and "Traceback" not in taken.stderr
    assert re.fullmatch(r"symrl: .*marks\.csv.*: Is a directory", taken.stderr.splitlines()[-1])
