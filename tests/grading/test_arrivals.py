"""A class as it arrives: exports of Canvas, Blackboard, Moodle and Gradescope, and zips that do no harm."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.grading import sample
from tools import grade as program
from tools.grading import arrivals, files, unpack
from tools.grading import notebook as nb
from tools.grading.assignment import Assignment
from tools.grading.precheck import REASONS, Refused, student_submissions

STAMP = "attempt_2026-11-20-14-03-22"
METADATA = """---
submission_101:
  :submitters:
  - :name: Jane Doe
    :sid: '4711'
    :email: jane@example.org
  :created_at: 2026-11-20 14:03:22.123456000 +01:00
  :results: !ruby/object:Something {a: 1}
submission_102:
  :submitters:
  - :name: Bob
    :email: bob@example.org
  - :name: Eve
    :sid: '5'
"""


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(98, 110)
)
BOMB += b"submission_101: {':submitters': [{':name': *m, ':sid': *m}]}\n"


def put(folder: Path, names: dict[str, Any]) -> Path:
    for name, content in names.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def zip_of(names: dict[str, Any]) -> bytes:
    """A zip; a value of None makes a link."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            if content is None:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            text = b"/etc/passwd" if content is None else content
            archive.writestr(info, text if isinstance(text, bytes) else json.dumps(text).encode())
    return whole.getvalue()


def collected(folder: Path, assignment: Assignment) -> tuple[dict[str, Any], dict[str, str]]:
    """What is graded, by student; and what is not, by student or file."""
    with program.unpacked(folder) as (place, left_out):
        ready, problems, _ = program.collect(place, {assignment.name: assignment})
    assert all(problem.reason in REASONS for problem in problems)
    return (
        {one.student: one for one in ready},
        {problem.student or problem.file: problem.reason for problem in [*problems, *left_out]},
    )


def exports(right: Any, blank: Any) -> dict[str, dict[str, Any]]:
    """One class in the shape of each system: Jane has handed in twice, Bob once, late where names tell."""
    return {
        "Canvas": {
            "doejane_12345_678901_90_sample.ipynb": blank,
            "doejane_12345_678905_90_sample-1.ipynb": right,
            "bob_LATE_22_700000_90_sample.ipynb": right,
            "bob_LATE_22_700001_notes.txt": b"I was ill.",
        },
        "Blackboard": {
            f"Assignment 1_jane_doe_{STAMP}_90_sample.ipynb": blank,
            f"Assignment 1_jane_doe_{STAMP.replace('20-14', '21-09')}_90_sample.ipynb": right,
            f"Assignment 1_jane_doe_{STAMP}.txt": b"Name: Jane Doe (jane_doe)\nAssignment: 1\n",
            f"Assignment 1_bob_{STAMP}_90_sample.ipynb": right,
            f"Assignment 1_bob_{STAMP}.txt": b"Name: Bob (bob)\n\nName: Eve (1_bob)\n",
            f"Assignment 1_zoe_{STAMP}.txt": b"Name: Zoe (zoe)\nAssignment: 1\n",
        },
        "Moodle": {
            "Jane Doe_501_assignsubmission_file_/90_sample.ipynb": right,
            "Jane Doe_501_assignsubmission_onlinetext_/onlinetext.html": b"<p>See my file.</p>",
            "Bob_502_assignsubmission_file_90_sample.ipynb": right,
        },
        "Gradescope": {
            "submission_metadata.yml": METADATA.encode(),
            "submission_101/90_sample.ipynb": right,
            "submission_102/90_sample.ipynb": right,
        },
    }


WHO = {
    "Canvas": {"doejane_12345", "bob_22"},
    "Blackboard": {"jane_doe", "bob"},
    "Moodle": {"Jane Doe_501", "Bob_502"},
    "Gradescope": {"Jane Doe_4711", "Bob_bob@example.org", "Eve_5"},
}


@pytest.mark.parametrize("system", WHO)
@pytest.mark.parametrize("how", ["a folder", "in one more folder", "a zip"])
def test_an_export_is_read_as_it_is(tmp_path: Path, assignment: Assignment, system: str, how: str) -> None:
    right, blank = sample.answered(assignment), nb.student_version(assignment.notebook)
    names = exports(right, blank)[system]
    folder = put(tmp_path / "class" / ("assignment_1_export" if how == "in one more folder" else ""), names)
    if how == "a zip":
        folder = tmp_path / "class.zip"
        folder.write_bytes(zip_of({f"export/{name}": content for name, content in names.items()}))
    else:
        folder = tmp_path / "class"
    ready, problems = collected(folder, assignment)
    assert set(ready) == WHO[system]
    assert all(nb.source(one.notebook["cells"][4]) == sample.Q1 for one in ready.values()), "the newest counts"
    assert problems == ({"zoe": "empty-folder"} if system == "Blackboard" else {})
    late = {name for name, one in ready.items() if one.late}
    assert late == ({"bob_22"} if system == "Canvas" else set())


def test_what_an_export_tells_of_a_student_is_kept_for_the_roster(tmp_path: Path) -> None:
    shapes = exports({}, {})
    found = {}
    for system, names in shapes.items():
        students, problems = arrivals.arrived(put(tmp_path / system, names))
        assert not problems
        found |= {(system, one.student): (one.ids, one.name, one.when[:16]) for one in students}
    assert found["Canvas", "doejane_12345"] == (("12345",), "doejane", "")
    assert found["Blackboard", "jane_doe"] == (("jane_doe",), "Jane Doe", "")
    assert found["Moodle", "Jane Doe_501"] == (("501", "Participant 501"), "Jane Doe", "")
    assert found["Gradescope", "Jane Doe_4711"] == (("4711", "jane@example.org"), "Jane Doe", "2026-11-20 14:03")


def test_folders_and_files_of_several_systems_may_lie_together(tmp_path: Path, assignment: Assignment) -> None:
    right = sample.answered(assignment)
    names = {"ada/90_sample.ipynb": right, "bob_22_7_90_sample.ipynb": right, "bob_22/90_sample.ipynb": right}
    ready, problems = collected(put(tmp_path, names | {"90_sample.ipynb": right, "notes.zip": b"PK"}), assignment)
    assert set(ready) == {"ada", "bob_22", "bob_22 (Canvas)"}, "no two students under one name"
    assert problems == {"90_sample.ipynb": "not-a-folder", "notes.zip": "not-a-folder"}


@pytest.mark.parametrize(
    ("name", "student"),
    [
        (f"eve_1_2_HW_victim_{STAMP}_90_sample.ipynb", "eve_1"),
        ("eve_1_2_Victim_7_assignsubmission_file_90_sample.ipynb", "eve_1"),
        ("Eve_7_assignsubmission_file_victim_12_34_90_sample.ipynb", "Eve_7"),
        ("Eve_7_assignsubmission_file_Victim_8_assignsubmission_file_90_sample.ipynb", "Eve_7"),
        (f"HW_eve_{STAMP}_HW_victim_{STAMP}_90_sample.ipynb", "eve"),
    ],
)
def test_nobody_hands_in_under_anothers_name(tmp_path: Path, assignment: Assignment, name: str, student: str) -> None:
    """What a student calls his file stands behind what the system writes in front."""
    ready, problems = collected(put(tmp_path, {name: sample.answered(assignment)}), assignment)
    assert set(ready) == {student} and not problems


@pytest.mark.parametrize("text", [b"", b"[", b"a: !!python/object:os.system x", b"- 1", b"submission_101: 3", BOMB])
def test_a_damaged_list_of_gradescope_stops_nothing(tmp_path: Path, assignment: Assignment, text: bytes) -> None:
    right = sample.answered(assignment)
    names = {"submission_metadata.yml": text, "submission_101/90_sample.ipynb": right}
    ready, problems = collected(put(tmp_path, names), assignment)
    assert set(ready) == {"submission_101"} and not problems


def test_a_zip_of_a_class_writes_nothing_outside_and_follows_nothing(tmp_path: Path, assignment: Assignment) -> None:
    """Tries paths that lead out, links to other files and folders, one name twice, a name that is too long."""
    right = sample.answered(assignment)
    long = f"{'x' * 300}/90_sample.ipynb"
    whole = zip_of(
        {
            "../outside.ipynb": right,
            "/root.ipynb": right,
            "C:\\windows.ipynb": right,
            "d/" * 40 + "90_sample.ipynb": right,
            "eve/../../up.ipynb": right,
            "eve/90_sample.ipynb": right,
            "eve/passwords.ipynb": None,
            "eve/deep": None,
            "eve/deep/90_sample.ipynb": right,
            "ada\\90_sample.ipynb": right,
            long: right,
        }
    )
    path = tmp_path / "inner" / "class.zip"
    path.parent.mkdir()
    path.write_bytes(whole)
    before = set(tmp_path.rglob("*"))
    ready, problems = collected(path, assignment)
    assert set(tmp_path.rglob("*")) == before
    assert len(ready) == 2 and "ada" in ready, "the name that is too long is cut, and graded"
    assert problems["eve"] in ("symlink", "undecided"), "beside a link nobody gets a silent mark"
    assert sorted(name for name, reason in problems.items() if reason == "leads-out") == [
        "../outside.ipynb",
        "/root.ipynb",
        "C:\\windows.ipynb",
        "d/" * 40 + "90_sample.ipynb",
        "eve/../../up.ipynb",
    ]
    assert problems["eve/deep/90_sample.ipynb"] == "zip-member"


def test_a_zip_has_limits(tmp_path: Path, assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros that pack well, many members, sizes that lie: what is read is limited, whatever the zip says."""
    path = tmp_path / "class.zip"
    path.write_bytes(zip_of({"ada/90_sample.ipynb": b"\0" * 60_000_000}))
    ready, problems = collected(path, assignment)
    assert (ready, problems) == ({}, {"ada": "too-large"})
    monkeypatch.setattr(unpack, "MOST_MEMBERS", 3)
    path.write_bytes(zip_of({f"ada/{number}": b"" for number in range(4)}))
    with pytest.raises(Refused) as many:
        collected(path, assignment)
    assert "it holds 4 files; at most 3 are unpacked" in many.value.detail
    monkeypatch.setattr(unpack, "MOST_BYTES", 1000)
    path.write_bytes(zip_of({"ada/a": b"x" * 600, "bob/b": b"x" * 600}))
    with pytest.raises(Refused):
        collected(path, assignment)
    path.write_bytes(b"PK\3\4 no zip")
    with pytest.raises(Refused) as none:
        collected(path, assignment)
    assert "class.zip cannot be unpacked: it is no zip" in none.value.detail


def test_a_member_that_cannot_be_read_is_named_and_nobody_gets_a_silent_mark(
    tmp_path: Path, assignment: Assignment
) -> None:
    right = sample.answered(assignment)
    whole = bytearray(zip_of({"ada/90_sample.ipynb": right, "bob/90_sample.ipynb": right}))
    place = whole.index(b"90_sample.ipynb") + 40
    whole[place : place + 8] = b"\xff" * 8
    path = tmp_path / "class.zip"
    path.write_bytes(bytes(whole))
    ready, problems = collected(path, assignment)
    assert set(ready) == {"bob"} and problems == {"ada": "not-json", "ada/90_sample.ipynb": "zip-member"}


def hand_in(folder: Path, assignment: Assignment, **names: Any) -> tuple[list[Any], set[str]]:
    put(folder, {name.replace("__", "."): content for name, content in names.items()})
    found, problems = student_submissions(folder, {assignment.name: assignment})
    return found, {problem.reason for problem in problems}


def test_a_students_zip_is_looked_into(tmp_path: Path, assignment: Assignment) -> None:
    right, blank = sample.answered(assignment), nb.student_version(assignment.notebook)
    inside = {"work/90_sample.ipynb": right, "__MACOSX/work/._90_sample.ipynb": b"x", "work/notes.txt": b"x"}
    (one,), problems = hand_in(tmp_path / "ada", assignment, homework__zip=zip_of(inside))
    assert one.file == "homework.zip/work/90_sample.ipynb" and not problems
    found, problems = hand_in(tmp_path / "ada", assignment, **{"90_sample__ipynb": blank})
    assert not found and problems == {"several-different-files"}, "a draft beside it: nothing says which is newer"
    (one,), problems = hand_in(
        tmp_path / "bob", assignment, **{"90_sample-2__zip": zip_of(inside)}, **{"90_sample__ipynb": blank}
    )
    assert one.file.startswith("90_sample-2.zip/") and not problems, "the zip's name says that it is the second"
    found, problems = hand_in(tmp_path / "eve", assignment, pictures__zip=zip_of({"a.png": b"x"}))
    assert not found and problems == {"no-notebook"}


@pytest.mark.parametrize("name", ["a link", "a way out", "a zip inside", "too many", "no zip", "too much"])
def test_a_students_zip_that_is_odd_stays_closed(
    tmp_path: Path, assignment: Assignment, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "STUDENTS_BYTES", 2 * files.LARGEST)
    odd: dict[str, bytes] = {
        "a link": zip_of({"90_sample.ipynb": None}),
        "a way out": zip_of({"../90_sample.ipynb": {}}),
        "a zip inside": zip_of({"more.zip": b"PK"}),
        "too many": zip_of({f"{number}.txt": b"" for number in range(401)}),
        "no zip": b"PK",
        "too much": zip_of({f"{number}.ipynb": b"\0" * 9_000_000 for number in range(3)}),
    }
    found, problems = hand_in(tmp_path / "ada", assignment, homework__zip=odd[name])
    assert not found and problems == {"archive"}
    found, problems = hand_in(tmp_path / "ada", assignment, **{"90_sample__ipynb": sample.answered(assignment)})
    assert not found and problems == {"archive", "undecided"}


def test_a_notebook_in_utf_16_is_read(tmp_path: Path, assignment: Assignment) -> None:
    text = json.dumps(sample.answered(assignment)).encode("utf-16")
    (one,), problems = hand_in(tmp_path / "ada", assignment, **{"90_sample__ipynb": text})
    assert one.assignment == sample.NAME and not problems
    (one,), problems = hand_in(tmp_path / "bob", assignment, homework__txt=text)
    assert one.assignment == sample.NAME and not problems
