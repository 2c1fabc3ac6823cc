"""`make grade` from the folder to the tables and pages: a small class, marks by hand, an interruption, what it says."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="grading has an environment of its own: make grading-environment")

from tests.grading import made_up_class, sample
from tests.grading.runs import rows, run, run_alone, stamps
from tools import grade as program
from tools.grading import cases, results, tables
from tools.grading import notebook as nb
from tools.grading.assignment import ROOT, Assignment, load
from tools.grading.precheck import REASONS

CASES = [
    {
        "question": "q2",
        "name": "the wrong axis",
        "code": "def mirrored(x):\n    return np.asarray(x)[::-1]",
        "points": 1,
    },
    {"question": "q2", "name": "a loop", "code": "def mirrored(x):\n    return np.flip(x, -1)", "points": 3},
    {"question": "q1", "name": "four", "code": "order = 4", "points": 0},
]


pytestmark = pytest.mark.usefixtures("bubblewrap")


def test_a_small_class(tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.grading.session.IMPORT_SECONDS", 2.0)  # one of them loops for ever
    assignments = {name: load(sources / f"{name}.ipynb") for name in ("90_sample", "91_other")}
    folder, out = tmp_path / "class", tmp_path / "out"
    expected = made_up_class.make(folder, 18, assignments, dict.fromkeys(assignments, CASES))
    result = run(folder, out, sources)
    marks = {row["student"]: row for row in rows(out / "marks.csv")}
    reasons = {row["student"]: row["reason"] for row in rows(out / "report.csv")}
    assert len(marks) == len(expected) == 18
    for one in expected:
        row = marks[one.student]
        if one.reason:
            assert reasons[one.student] == one.reason, one
            assert row["total"] == "" and row["status"] == f"not graded: {one.reason}", "never a silent zero"
        else:
            tested = {name: points for name, points in one.points.items() if name != "q4"}
            assert {name: float(row[name]) for name in tested} == tested, one
            assert row["late"] == ("late" if one.late else "")
            assert row["waiting"] == ("" if one.kind == "blank" else "q4")
        assert one.student in result.stdout or not one.reason
    assert len(list((out / "feedback").glob("*.html"))) == 18
    assert {one.kind for one in expected} == {"right", "wrong", "blank", "late", "hostile", "damaged", "unusual"}


def test_marks_by_hand_are_merged_and_kept(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    for name in ("ada", "bob", "eve"):
        sample.hand_in(folder, name, sample.answered(assignment, q4=f"{name} says: undo"))
    sample.hand_in(folder, "zoe", sample.answered(assignment, q4=nb.TEXT_STUB))
    assert run(folder, out, sources).returncode == 0
    table = rows(out / "by_hand.csv")
    assert [(row["student"], row["question"], row["answer"], row["maximum"], row["marks"]) for row in table] == [
        (name, "q4", f"{name} says: undo", "1", "") for name in ("ada", "bob", "eve")
    ], "an untouched answer needs no reading"
    assert {row["student"]: row["total"] for row in rows(out / "marks.csv")}["zoe"] == "9"

    table[0]["marks"], table[0]["remark"] = "0,5", "and why <b>?"
    table[1]["marks"] = "7"
    with (out / "by_hand.csv").open("w", encoding="utf-8", newline="") as file:  # as a German spreadsheet saves it
        writer = csv.DictWriter(file, list(table[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(table)
    said = run(folder, out, sources).stdout
    assert "4 of them graded before" in said and "row 3: 7 is not between 0 and 1: left open" in said
    marks = {row["student"]: row for row in rows(out / "marks.csv")}
    assert (marks["ada"]["total"], marks["ada"]["q4"], marks["ada"]["status"]) == ("9.5", "0.5", "complete")
    assert (marks["bob"]["total"], marks["bob"]["waiting"]) == ("9", "q4")
    page = (out / "feedback" / f"{results.slug('ada')}.html").read_text(encoding="utf-8")
    assert "and why &lt;b&gt;?" in page and "0.5 of 1" in page

    assert run(folder, out, sources).returncode == 0
    assert {row["student"]: row["marks"] for row in rows(out / "by_hand.csv")} == {"ada": "0.5", "bob": "7", "eve": ""}
    sample.hand_in(folder, "ada", sample.answered(assignment, q4="Another answer."))
    assert run(folder, out, sources).returncode == 0
    assert rows(out / "by_hand.csv")[0]["marks"] == "", "a changed answer is read anew"


def test_nothing_that_a_person_wrote_is_lost(tmp_path: Path, sources: Path) -> None:
    """A very long answer, a file that is damaged for a day, a remark without a mark; and sentences in another cell."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    good = sample.answered(assignment, q4="word " * 30_000)
    sample.hand_in(folder, "ada", good)
    below = sample.answered(assignment, q4=nb.TEXT_STUB)
    below["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "It can be undone."})
    sample.hand_in(folder, "bob", below)
    assert run(folder, out, sources).returncode == 0
    table = rows(out / "by_hand.csv")
    assert [row["student"] for row in table] == ["ada", "bob"] and "It can be undone." in table[1]["answer"]
    assert all(row["answer_id"].startswith("a") for row in table)
    table[0]["marks"], table[1]["remark"] = "1", "half of it?"
    with (out / "by_hand.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    sample.hand_in(folder, "ada", b"damaged")
    run(folder, out, sources)
    sample.hand_in(folder, "ada", good)
    assert run(folder, out, sources).returncode == 0
    assert [(row["marks"], row["remark"]) for row in rows(out / "by_hand.csv")] == [("1", ""), ("", "half of it?")]
    assert {row["student"]: row["total"] for row in rows(out / "marks.csv")}["ada"] == "10"


def test_nobody_is_graded_twice_and_a_changed_submission_is_graded_anew(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    for name in ("ada", "bob"):
        sample.hand_in(folder, name, sample.answered(assignment))
    assert run(folder, out, sources).returncode == 0
    first = stamps(out)
    sample.hand_in(folder, "bob", sample.answered(assignment, q1="order = 4"))
    assert "1 of them graded before" in run(folder, out, sources).stdout
    second = stamps(out)
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {results.slug("bob")}
    assert {row["student"]: row["q1"] for row in rows(out / "marks.csv")} == {"ada": "2", "bob": "0"}
    sample.write(sources, seconds=2.5)
    assert "0 of them graded before" in run(folder, out, sources).stdout, "the assignment has changed"
    shutil.rmtree(folder / "bob")
    assert run(folder, out, sources).returncode == 0
    assert [row["student"] for row in rows(out / "marks.csv")] == ["ada"]
    assert len(list((out / "feedback").iterdir())) == 1


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    for number in range(6):
        sample.hand_in(folder, f"student {number}", sample.answered(assignment, q4=f"answer {number}"))
    command = [sys.executable, str(ROOT / "tools" / "grade.py"), "--submissions", str(folder), "--out", str(out)]
    command += ["--sources", str(sources), "--at-once", "2"]
    killed = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while len(stamps(out)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    time.sleep(1.0)  # its workers end with it
    first = stamps(out)
    assert 2 <= len(first) < 6
    assert not [path for path in (out / "results").rglob("*.json") if json.loads(path.read_text())["assignment"] == ""]
    assert not left_behind(out), "a worker or a closed process outlived the run"
    result = run_alone(folder, out, sources)
    assert result.returncode == 0, result.stderr
    assert f"{len(first)} of them graded before" in result.stdout, result.stdout + result.stderr
    second = stamps(out)
    assert {name: second[name] for name in first} == first and len(second) == 6
    assert {row["total"] for row in rows(out / "marks.csv")} == {"9"}


def left_behind(out: Path) -> list[str]:
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(out) in words:
            found.append(" ".join(words))
    return found


def test_half_a_result_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text('{"key": "a", "student"')
    assert results.stored(path, "a") is None
    results.store(path, {"key": "a"})
    assert results.stored(path, "a") == {"key": "a"} and results.stored(path, "b") is None


class Page(HTMLParser):
    """Collects tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_feedback_page_runs_nothing_and_a_table_has_no_formula(tmp_path: Path, sources: Path) -> None:
    """Tries script and formulas in names, answers and errors; escaping and an apostrophe stop them."""
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    student = "=HYPERLINK(1) <b onclick=x>"
    code = f"def mirrored(x):\n    raise ValueError({evil!r} + chr(0xd800) + chr(0) + 'x' * 5000)"
    sample.hand_in(folder, student, sample.answered(assignment, q2=code, q4="=cmd|' /C calc'!A0" + evil))
    sample.hand_in(folder, "@sum", b"{", "<script>.ipynb")
    sample.hand_in(folder, "+1\u202e", sample.answered(assignment, q4="\t=1+1"))
    assert run(folder, out, sources).returncode == 0
    for path in (out / "feedback").iterdir():
        page = Page()
        text = path.read_text(encoding="utf-8")
        page.feed(text)
        assert set(page.tags) <= {
            "html",
            "head",
            "meta",
            "title",
            "style",
            "body",
            "main",
            "h1",
            "h2",
            "h3",
            "p",
            "pre",
            "strong",
            "section",
            "span",
            "ul",
            "li",
            "footer",
        }
        assert (
            "default-src 'none'" in html.unescape(text) and 'name="viewport"' in text and "prefers-color-scheme" in text
        )
    for name in ("marks.csv", "by_hand.csv", "report.csv"):
        for row in rows(out / name):
            for value in row.values():
                assert not re.match(r"\s*[=+@]|\s*-\D", value), value
    table = rows(out / "by_hand.csv")
    for row in table:
        row["marks"] = "1"
    with (out / "by_hand.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    assert run(folder, out, sources).returncode == 0
    assert {row["q4"] for row in rows(out / "marks.csv")} == {"1", ""}, "such names find their marks again"


def test_feedback_shows_messages_and_no_hidden_test(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment, q2=CASES[0]["code"], q3="oops ="))
    assert run(folder, out, sources).returncode == 0
    (path,) = (out / "feedback").iterdir()
    text = path.read_text(encoding="utf-8")
    assert "is mirrored along the wrong axis" in text and "SyntaxError" in text
    assert "secret_word" not in text and "HIDDEN" not in text and "default_rng" not in text
    assert not re.search(r"https?://", text), "the page needs nothing else"


def test_without_bubblewrap_nothing_is_graded_unless_asked_for(tmp_path: Path, sources: Path) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    path = tmp_path / "bin"
    path.mkdir()
    refused = run_alone(folder, out, sources, PATH=str(path))
    assert refused.returncode == 2 and not out.exists()
    assert re.fullmatch(r"symrl: bubblewrap is not installed .*UNSANDBOXED=1\n", refused.stderr)
    done = run_alone(folder, out, sources, PATH=str(path), UNSANDBOXED="1")
    assert done.returncode == 0 and done.stderr.startswith("symrl: UNSANDBOXED=1: the students' code runs without")
    assert rows(out / "marks.csv")[0]["total"] == "9"


@pytest.mark.parametrize(("given", "said"), [("", "no folder was named"), ("/does/not/exist", "is not a folder")])
def test_a_wrong_call_gets_one_line(tmp_path: Path, sources: Path, given: str, said: str) -> None:
    command = [sys.executable, str(ROOT / "tools" / "grade.py"), "--submissions", given]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2 and said in result.stderr and result.stderr.count("\n") == 1
    assert "make grade SUBMISSIONS=folder" in result.stderr


def test_a_second_run_into_the_same_folder_is_refused(tmp_path: Path, sources: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    with program.only_one_run(out):
        result = run_alone(folder, out, sources)
    assert result.returncode == 1 and "another run is writing into" in result.stderr


def test_a_worker_that_dies_is_reported_and_tried_again(
    tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    with monkeypatch.context() as patched:
        patched.setattr("tools.grading.referee.run", lambda *arguments: os._exit(3))
        assert program.grade(folder, out, sources, 1, True, quiet=True) == 1
        patched.setattr("tools.grading.referee.run", lambda *arguments: 1 / 0)
        assert program.grade(folder, out, sources, 1, True, quiet=True) == 1
    assert "its worker ended with 3" in capsys.readouterr().out
    assert rows(out / "report.csv")[0]["reason"] == "graders-fault"
    assert program.grade(folder, out, sources, 1, True, quiet=True) == 0


def test_a_worker_that_takes_too_long_is_stopped_and_has_a_name(
    tmp_path: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assignment = load(sources / "90_sample.ipynb")
    folder, out = tmp_path / "class", tmp_path / "out"
    sample.hand_in(folder, "ada", sample.answered(assignment))
    monkeypatch.setattr("tools.grading.pool.SLACK", -251.0)
    monkeypatch.setattr("tools.grading.referee.run", lambda *arguments: time.sleep(60))
    assert program.grade(folder, out, sources, 1, True, quiet=True) == 1
    assert rows(out / "report.csv")[0]["reason"] == "too-long"


def test_every_reason_says_what_it_means() -> None:
    for reason, text in REASONS.items():
        assert re.fullmatch(r"[a-z-]+", reason) and text.endswith(".") and len(text) > 20


def test_text_for_tables_and_files() -> None:
    assert (
        tables.safe("=1") == "'=1"
        and tables.safe("  -x") == "'  -x"
        and tables.safe(3) == 3
        and tables.safe("a") == "a"
    )
    assert tables.clean("a\udc80\x00b\r\n") == "a?\ufffdb\n"
    names = ["ada", "Ada", "a/../b", "é", "", "x" * 300]
    assert len({results.slug(name) for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_]+-[0-9a-f]{16}", results.slug(name)) for name in names)


def test_nbgraders_rule_gives_the_marks(assignment: Assignment) -> None:
    from tools.grading.referee import Outcome

    test, essay = assignment.cells["q2_general"], assignment.cells["q4"]
    assert results.nbgrader_mark(test, None, Outcome("q2_general", True, "")) == (2.0, 2.0)
    assert results.nbgrader_mark(test, None, Outcome("q2_general", False, "no")) == (0.0, 2.0)
    assert results.nbgrader_mark(essay, "An answer.", None) == (None, 1.0)
    for untouched in (nb.TEXT_STUB, f"{nb.TEXT_STUB}\n", "", "  \n"):
        assert results.nbgrader_mark(essay, untouched, None) == (0.0, 1.0)
    assert cases.by_tests(assignment) == {"q1": 2.0, "q2": 3.0, "q3": 4.0, "q4": 0.0}


def test_this_environment_has_the_pinned_versions() -> None:
    """What nbgrader brings is pinned as everything else is."""
    from importlib import metadata

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = {canonicalize_name(Requirement(line).name): line for line in lines if line and not line.startswith("#")}
    todo, seen = ["nbgrader"], set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name in seen:
            continue
        seen.add(name)
        assert f"=={metadata.version(name)}" in pins[name], name
        for line in metadata.requires(name) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    assert {"alembic", "notebook", "rapidfuzz"} <= seen
    assert shutil.which("alembic", path=str(Path(sys.executable).parent)), "nbgrader runs it"
