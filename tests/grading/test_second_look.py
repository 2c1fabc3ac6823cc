"""What a second look at the grader found: small things that ended a run, or left somebody out without a word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import grade
from tools.grading import arrivals, names, outputs, override, precheck, results, roster, sandbox, tables
from tools.grading.encoding import Writer
from tools.grading.student_side import Side


def test_a_short_row_of_by_hand_is_named_and_does_not_end_the_run(tmp_path: Path) -> None:
    path = tmp_path / "by_hand.csv"
    tables.write_table(path, tables.BY_HAND, [["ada", "a", "q1", "text", 2, 1, "good", "a1"]])
    path.write_text(path.read_text(encoding="utf-8") + "total\nbob,a,q1,text,2,1\n", encoding="utf-8")
    found, wrong = tables.read_marks(path)
    assert found == {"a1": (1.0, "good")}
    assert wrong == ["row 4: marks without an answer_id belong into override.csv"]
    new = ["ada", "a", "q1", "text", 2, "", "", "a1"]
    assert tables.with_filled_in(path, [new]) == [["ada", "a", "q1", "text", 2, "1", "good", "a1"]]


def test_a_short_first_row_of_override_has_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "override.csv"
    path.write_text("student,assignment,question,marks,remark\nbob\n", encoding="utf-8")
    given, wrong = override.read(path, {}, lambda name: [name])
    assert given == {} and len(wrong) == 1 and wrong[0].startswith("row 2: ")


def test_a_short_first_row_of_a_roster_costs_nobody_a_column(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("id,name,due\n4711\n4712,Jane Doe,2026-11-20\n", encoding="utf-8")
    found = roster.read(path)
    assert found.columns == ("id", "name", "due")
    people, problems = roster.match(found, [arrivals.Arrived("Jane Doe", ())])
    assert [person.id for person in people.values()] == ["4712"] and problems == []


def test_an_empty_line_of_a_roster_gets_no_points(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("id,name\n,    Points Possible\n4711,Jane Doe\n,\n", encoding="utf-8")
    roster.write_lms(tmp_path / "lms.csv", roster.read(path), {(1, "a"): 3.0}, {"a": 10.0})
    assert [row["a"] for row in tables.read_table(tmp_path / "lms.csv")] == ["10", "3", ""]


def test_a_hidden_folder_with_a_notebook_is_named(tmp_path: Path) -> None:
    for name in (".jane", "...", ".ipynb_checkpoints", ".git", "ada"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("config" if name == ".git" else "a.ipynb")).write_text("{}", encoding="utf-8")
    (tmp_path / ".link").symlink_to("ada")
    students, problems = arrivals.arrived(tmp_path)
    assert [one.student for one in students] == ["ada"]
    assert [(one.file, one.reason) for one in problems] == [("...", "hidden-folder"), (".jane", "hidden-folder")]


def test_a_cell_without_a_text_is_no_silent_zero() -> None:
    notebook = {"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code", "metadata": {}}]}
    with pytest.raises(precheck.Refused, match="not-a-notebook"):
        precheck.parse(json.dumps(notebook).encode())


@pytest.mark.parametrize("error", [RecursionError("deep"), SystemExit("0"), KeyboardInterrupt("now")])
def test_a_cell_at_which_the_shell_itself_fails_is_one_cell(error: BaseException) -> None:
    class Shell:
        def run_cell(self, code: str, **options: object) -> None:
            raise error

    said = Side(None, Shell()).do_cell("x = " + "1+" * 100_000 + "1")  # type: ignore[arg-type]
    assert said == Writer().message(("done", (type(error).__name__, str(error))))


@pytest.mark.parametrize("name", ["ada\u200b", "\u202eada", "a\u2066da", "\ufeffada", "ada\u2060"])
def test_two_names_that_look_the_same_are_told_apart(name: str) -> None:
    assert names.shown(name) != name and names.tag(name) in names.shown(name)


def test_pages_that_are_not_the_graders_stay(tmp_path: Path) -> None:
    (tmp_path / "feedback").mkdir()
    for name in ("my own.html", f"{results.slug('gone')}.html"):
        (tmp_path / "feedback" / name).touch()
    outputs.write_all([], [], outputs.Class.of([], {}, None), tmp_path)
    assert [path.name for path in (tmp_path / "feedback").iterdir()] == ["my own.html"]


@pytest.mark.parametrize(
    "inside",
    [
        ("doejane_12345_678901_a.ipynb", "roeann_12346_678902_a.ipynb"),
        ("Homework_jd_attempt_2026-11-20-14-03-22_a.ipynb", "Homework_ar_attempt_2026-11-20-14-03-22_a.ipynb"),
        ("Jane Doe_1_assignsubmission_file_/a.ipynb", "Ann Roe_2_assignsubmission_file_/a.ipynb"),
    ],
)
def test_an_export_in_a_folder_of_the_class_is_no_student(tmp_path: Path, inside: tuple[str, ...]) -> None:
    for name in ("ada/a.ipynb", "bob/roeann_12346_678902_a.ipynb", *(f"section/{name}" for name in inside)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}", encoding="utf-8")
    _, problems, students = grade.collect(tmp_path, {})
    assert [one.student for one in students] == ["ada", "bob", "section"]
    assert {one.student for one in problems if one.reason == "several-students"} == {"section"}


def test_as_many_threads_as_a_large_machine_has_processors_are_allowed() -> None:
    assert sandbox.Limits().processes >= 2 * 64  # torch.set_num_threads(os.cpu_count()) starts twice as many


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_roster_in_any_encoding_of_a_spreadsheet(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "roster.txt"
    path.write_text("id\tname\n4711\tJörg Müller\n", encoding=encoding)
    assert [one.name for one in roster.read(path).people] == ["Jörg Müller"]


def test_too_many_cells_are_called_that() -> None:
    cells = [{"cell_type": "code", "metadata": {}, "source": ""}] * (precheck.MOST_CELLS + 1)
    with pytest.raises(precheck.Refused, match="too-many-cells"):
        precheck.parse(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}).encode())
