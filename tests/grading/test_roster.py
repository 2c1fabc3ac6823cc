"""The list of the class, its late rule, edits that are noticed, pairs that are alike: what each of them decides."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.grading import real_class, sample
from tools.grading import alike, late, roster, summary, tables, watch
from tools.grading.arrivals import Arrived
from tools.grading.assignment import Assignment
from tools.grading.precheck import Submission, in_order


def listed(tmp_path: Path, text: str) -> roster.Roster:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8-sig")
    return roster.read(path)


CLASS = (
    "id;name;email\n4711;Jane Doe;jd@example.org\n4712;Jörg Müller-Weiß;jm@example.org\n4713;Li Wei;lw@example.org\n"
)


@pytest.mark.parametrize(
    ("one", "id"),
    [
        (Arrived("4711", ()), "4711"),
        (Arrived("4711 Somebody", ()), "4711"),
        (Arrived("Doe, Jane (4713)", ()), "4713"),
        (Arrived("jd@example.org", ()), "4711"),
        (Arrived("Jane Doe", ()), "4711"),
        (Arrived("doe_jane", ()), "4711"),
        (Arrived("doejane_9", (), "Canvas", ("9",), "doejane"), "4711"),
        (Arrived("janedoe_4713", (), "Canvas", ("4713",), "janedoe"), "4713"),
        (Arrived("müllerweißjörg_9", (), "Canvas", ("9",), "müllerweißjörg"), "4712"),
        (Arrived("JM@example.org", (), "Gradescope", ("JM@example.org",), "?"), "4712"),
        (Arrived("Wei Li_7", (), "Moodle", ("7",), "Wei Li"), "4713"),
        (Arrived("Nobody", ()), "roster-none"),
        (Arrived("47", ()), "roster-none"),
    ],
)
def test_a_folder_finds_its_owner(tmp_path: Path, one: Arrived, id: str) -> None:
    people, problems = roster.match(listed(tmp_path, CLASS), [one])
    assert [person.id for person in people.values()] + [problem.reason for problem in problems] == [id]


def test_two_who_fit_and_two_for_one_are_named(tmp_path: Path) -> None:
    found = listed(tmp_path, CLASS + "4714;Doe Jane;x@example.org\n")
    people, problems = roster.match(found, [Arrived("Jane Doe", ()), Arrived("4713", ()), Arrived("Li Wei", ())])
    assert people == {}
    assert {(problem.student, problem.reason) for problem in problems} == {
        ("Jane Doe", "roster-two"),
        ("4713", "roster-shared"),
        ("Li Wei", "roster-shared"),
    }
    assert all(problem.reason in roster.REMARKS and problem.detail for problem in problems)


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "id,name\n"])
def test_what_is_no_roster_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(tables.TableError, match="is no roster"):
        listed(tmp_path, text)
    with pytest.raises(tables.TableError, match="cannot be read as a roster"):
        roster.read(tmp_path / "none.csv")


def test_moodles_worksheet_comes_back(tmp_path: Path) -> None:
    text = "Identifier,Full name,Email address,Status,Grade,Maximum Grade\n"
    text += (
        "Participant 7,Wei Li,lw@example.org,Submitted,,10.00\nParticipant 8,=Ann,a@example.org,No submission,,10.00\n"
    )
    found = listed(tmp_path, text)
    people, _ = roster.match(found, [Arrived("Wei Li_7", (), "Moodle", ("7", "Participant 7"), "Wei Li")])
    assert people["Wei Li_7"].id == "Participant 7"
    marks = {(people["Wei Li_7"].row, "90_sample"): 8.5}
    assert roster.write_lms(tmp_path / "a.csv", found, marks, {"90_sample": 10.0}) == (1, [])
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[1:] == ["Participant 7,Wei Li,lw@example.org,Submitted,8.5,10.00",
                         "Participant 8,=Ann,a@example.org,No submission,,10.00"]  # fmt: skip
    _, look = roster.write_lms(tmp_path / "a.csv", found, marks, {"90_sample": 20.0})
    assert look == ["Grade: the system's maximum is 10.00, the assignment's 20"]
    roster.write_lms(tmp_path / "a.csv", found, marks, {"90_sample": 10.0, "91_other": 5.0})
    head = (tmp_path / "a.csv").read_text().splitlines()[0]
    assert head.endswith("Grade,Maximum Grade,90_sample,91_other"), "two assignments: each its own column"


RULE = {"due": "2026-11-20 12:00", "late_percent_per_day": "10", "late_percent_most": "25 %"}


@pytest.mark.parametrize(
    ("columns", "when", "days", "percent"),
    [
        ({}, "2026-11-20 11:59", 0, 0),
        ({}, "2026-11-20 12:00", 0, 0),
        ({}, "2026-11-20 12:01", 1, 10),
        ({}, "2026-11-21 12:01", 2, 20),
        ({}, "2026-11-29", 9, 25),
        ({"extension_days": "1,5"}, "2026-11-21 23:00", 0, 0),
        ({"extension_days": "1,5"}, "2026-11-22 00:01", 1, 10),
        ({"due": "20.11.2026"}, "2026-11-20 23:59", 0, 0),
        ({"due": "20.11.2026"}, "2026-11-21 00:01", 1, 10),
        ({"due 90_sample": "2026-11-25"}, "2026-11-24", 0, 0),
        ({"due 91_other": "2026-11-25"}, "2026-11-21", 1, 10),
        ({"late_percent_per_day": "", "late_percent_most": ""}, "2026-11-29", 9, 0),
        ({"late_percent_per_day": "60", "late_percent_most": ""}, "2026-11-29", 9, 100),
    ],
)
def test_the_late_rule(columns: dict[str, str], when: str, days: int, percent: float) -> None:
    person = roster.Person(0, "1", "", frozenset(), frozenset(), RULE | columns)
    found = late.lateness(person, "90_sample", False, when)
    assert (found.days, found.percent) == (days, percent)
    assert bool(found.words) == (days > 0 or "extension_days" in columns), "what is applied is said"


def test_where_the_time_comes_from(tmp_path: Path) -> None:
    """The roster, the export's list, the name that Blackboard gave: not a name that a student gave."""
    person = roster.Person(0, "1", "", frozenset(), frozenset(), {})
    named = "Assignment 1_ek12_attempt_2026-11-20-14-03-22_90_sample.ipynb"
    assert late.handed_in(person, "90_sample", named, "") == "2026-11-20-14-03-22"
    assert late.handed_in(person, "90_sample", named, "2026-11-21") == "2026-11-21"
    assert late.handed_in(person, "90_sample", "90_sample_2026-01-01.ipynb", "") == ""
    found = late.lateness(roster.Person(0, "1", "", frozenset(), frozenset(), RULE), "90_sample", True, "")
    assert found.unknown and found.percent == 0 and "nothing says when it was handed in" in found.words


def test_a_cell_of_the_rule_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = "id,due,extension_days\n1,11-12-2026,\n2,soon,-1\n3,2026-11-20 9:05,2\n"
    wrong = late.wrong_cells(listed(tmp_path, text).people)
    assert len(wrong) == 3 and wrong[0].startswith("row 2, due: '11-12-2026' is no date that can be read")
    assert wrong[2] == "row 3, extension_days: '-1' is not a number from 0 on"


def test_what_a_spreadsheet_does_to_a_table_is_no_edit(tmp_path: Path) -> None:
    tables.write_table(tmp_path / "marks.csv", ("student", "assignment", "q1"), [("=ada", "90", 0.5), ("bob", "90", 2)])
    watch.remember(tmp_path)
    (tmp_path / "marks.csv").write_text("student;assignment;q1\nbob;90;2,0\n=ada;90;0,5\n", encoding="cp1252")
    assert watch.edits(tmp_path) == []
    (tmp_path / "marks.csv").write_text("student;assignment;q1\nbob;90;2,0\n", encoding="cp1252")
    assert watch.edits(tmp_path)[0].startswith("marks.csv was changed by hand (1 rows are gone)")
    (tmp_path / "marks.csv").write_text("student;assignment;q1\nbob;90;1,0\n=ada;90;0,5\n", encoding="cp1252")
    assert "(bob 90, q1: '2' is now '1')" in watch.edits(tmp_path)[0]
    assert len(list(tmp_path.glob("marks-changed-by-hand*.csv"))) == 2


def submissions(assignment: Assignment, answers: list[str]) -> list[Submission]:
    return [
        Submission(f"s{number:02}", assignment.name, "a", False, "", sample.answered(assignment, q2=answer))
        for number, answer in enumerate(answers)
    ]


def independent(seed: int) -> str:
    """A way to mirror that one person might find: the pieces are common, their choice and order are not."""
    pick = random.Random(seed)
    lines = [
        pick.choice(
            ["x = np.asarray(x)", "x = np.array(x, dtype=float)", "rows = np.atleast_1d(x)", "a = np.array(x)"]
        ),
        pick.choice(
            ["n = len(x)", "shape = np.shape(x)", "assert np.ndim(x) > 0", "out = np.zeros_like(x)", "n, k = 0, 1"]
        ),
        pick.choice(["for i in range(n):", "while n > 0:", "for k, v in enumerate(x):", "if np.ndim(x) == 1:"]),
        "    " + pick.choice(["out[i] = x[n - i]", "n = n - 1", "out.append(v)", "return x[::-1]", "print(n, x)"]),
        pick.choice(
            ["return np.flip(x, axis=-1)", "return x[..., ::-1]", "return np.take(x, range(n - 1, -1, -1), -1)"]
        ),
    ]
    return "def mirrored(x):\n" + "\n".join(f"    {line}" for line in lines)


def test_independent_answers_are_no_pairs_and_a_copy_is_one(assignment: Assignment) -> None:
    for first in range(0, 200, 40):
        own = [independent(seed) for seed in range(first, first + 38)]
        listed = submissions(assignment, [*own, real_class.STYLE, real_class.COPIED])
        pairs = alike.pairs(listed, assignment, {})
        assert [(one.one, one.other) for one in pairs] == [("s38", "s39")]
        assert pairs[0].share > 0.5
    together = {"s38": ("group",), "s39": ("group",)}
    assert alike.pairs(listed, assignment, together) == [], "two of one group handed in one file"


def test_what_most_share_and_what_was_given_is_no_hint(assignment: Assignment) -> None:
    assert alike.pairs(submissions(assignment, [real_class.STYLE] * 30), assignment, {}) == []
    assert (
        alike.pairs(submissions(assignment, [sample.Q2] * 2 + [independent(n) for n in range(28)]), assignment, {})
        == []
    )
    assert alike.pairs(submissions(assignment, ["oops = ("] * 2 + ["%%time\n'"] * 3), assignment, {}) == []


def test_messages_of_one_kind_are_one_mistake() -> None:
    code = sample.Q1_TEST
    kinds = {summary.kind_of(f"you say {what}: how many moves does a square have?", code) for what in (4, "x", [1])}
    assert kinds == {"you say …: how many moves does a square have?"}
    other: Any = {summary.kind_of(f"Your function raised IndexError: index {n} of 'a{n}'", code) for n in (1, 22)}
    assert other == {"Your function raised IndexError: index # of '…'"}


HOSTILE = {
    "empty lines": "\n" * 4_000_000,
    "a text without end": "'''" + "\n" * 2_000_000,
    "brackets": "(" * 2_000_000,
    "minus": "-" * 200_000 + "1",
    "escapes": "'\\d'\n" * 1000,
    "zeros": "\0",
    "half characters": "\ud800 = 1",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_of_a_student_holds_the_run(assignment: Assignment, name: str) -> None:
    """Outside the closed process a student's code is parsed, too: for split cells and for pairs. It ends at once."""
    notebook = sample.answered(assignment, q2=HOSTILE[name])
    place = next(number for number, cell in enumerate(notebook["cells"]) if cell["id"] == "q2")
    notebook["cells"].insert(place + 1, {**notebook["cells"][place], "source": "1"})
    begin = time.process_time()  # whatever else the machine does
    found, _ = in_order(notebook, assignment)
    listed = [Submission(f"s{number}", assignment.name, "a", False, "", found) for number in range(2)]
    assert alike.pairs(listed, assignment, {}) is not None
    assert time.process_time() - begin < 10
