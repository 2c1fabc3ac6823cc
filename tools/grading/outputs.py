"""All that a run writes: marks.csv, by_hand.csv, report.csv, the list for the system, and each student's page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.grading import alike, feedback, late, override, repair, results, roster, summary, tables, watch
from tools.grading import notebook as nb
from tools.grading.arrivals import Arrived
from tools.grading.assignment import Assignment
from tools.grading.names import shown
from tools.grading.precheck import REASONS, Problem, Submission
from tools.grading.roster import Person, Roster

NOTHING, UNCLEAR = "nothing", "unclear"  # of a student of the roster: nothing arrived; something, perhaps his
ABSENT = (NOTHING, UNCLEAR)
NOTES = {
    repair.JOINED: "pieces joined",
    repair.COPIES: "copies left out",
    repair.RESTORED: "restored",
    repair.MOVED: "moved below its answer",
    repair.ELSEWHERE: "found in another cell",
}
Record = dict[str, Any]


@dataclass
class Class:
    """Who is in it, and what came."""

    arrived: list[Arrived]
    assignments: Mapping[str, Assignment]
    roster: Roster | None = None
    people: dict[str, Person] = field(default_factory=dict)  # by student
    remarks: list[Problem] = field(default_factory=list)  # things to look at that stop no mark
    unclear: set[str] = field(default_factory=set)  # students for whom something may have come

    @classmethod
    def of(cls, arrived: list[Arrived], assignments: Mapping[str, Assignment], listed: Roster | None) -> Class:
        """The class, with each folder's owner and those who handed in nothing."""
        if listed is None:
            return cls(arrived, assignments)
        people, remarks = roster.match(listed, arrived)
        taken = {one.student for one in arrived}
        known = {person.row for person in people.values()}
        unclear: set[str] = set()
        shared = {person.row for one in arrived for person in roster.candidates(listed, one)}
        for person in listed.people:
            if person.row not in known:
                name = person.id or person.name
                while name in taken:
                    name = f"{name} (roster)"
                taken.add(name)
                people[name] = person
                unclear |= {name} if person.row in shared else set()
        return cls(arrived, assignments, listed, people, remarks, unclear)

    @property
    def students(self) -> list[str]:
        """Everybody: those who handed in, then those of the roster who did not."""
        return list(dict.fromkeys([*(one.student for one in self.arrived), *self.people]))

    def who(self, text: str) -> list[str]:
        """The students whom a name or an id means."""
        text = text.strip()
        found = [student for student in self.students if text in (student, shown(student))]
        if not found and text and self.roster is not None:
            rows = {person.row for person in self.roster.resolve(text)}
            found = [student for student, person in self.people.items() if person.row in rows]
        return found

    def absent(self, records: Sequence[Record]) -> list[Record]:
        """A record for each student of the roster and each assignment of this run that he did not hand in."""
        seen = {(record["student"], record["assignment"]) for record in records}
        unknown = {record["student"] for record in records if not record["assignment"]}
        wanted = sorted({record["assignment"] for record in records if record["assignment"]})
        return [
            {"student": student, "assignment": name, "file": "", "detail": ""}
            | {"problem": UNCLEAR if student in self.unclear else NOTHING}
            for student in self.people
            for name in wanted
            if (student, name) not in seen and student not in unknown
        ]


def records_of(
    submissions: Sequence[Submission],
    problems: Sequence[Problem],
    out: Path,
    filled_in: dict[str, tuple[float, str]],
    given: override.Given,
    room: Class,
) -> list[Record]:
    """One record for each submission and each thing that could not be graded, with marks by hand and the late rule."""
    found: list[Record] = []
    for submission in submissions:
        result = json.loads(results.place(out, submission.student, submission.assignment).read_text(encoding="utf-8"))
        found.append(result if "problem" in result else results.with_marks(result, filled_in))
    found += [
        {"student": one.student, "assignment": one.assignment, "file": one.file}
        | {"problem": one.reason, "detail": one.detail}
        for one in problems
    ]
    found += room.absent(found)
    for record in found:
        own = room.assignments.get(record["assignment"])
        record |= {"title": own.title, "titles": own.titles} if own else {}
    found = override.apply(found, given, room.assignments)
    when = {one.student: one.when for one in room.arrived}
    for record in found:
        person = room.people.get(record["student"])
        if "problem" not in record:
            count(record, person, when.get(record["student"], ""))
            if record["lateness"].unknown:
                words = record["lateness"].words
                room.remarks.append(
                    Problem(record["student"], record["file"], record["assignment"], "late-unknown", words)
                )
    return found


def count(record: Record, person: Person | None, when: str) -> None:
    """Add what counts: the total, and what the late rule makes of it."""
    record["total"] = sum(earned for earned, _ in record["marks"].values() if earned is not None)
    record["out_of"] = sum(points for _, points in record["marks"].values())
    record["lateness"] = late.Lateness()
    if person is not None and record["file"]:
        moment = late.handed_in(person, record["assignment"], record["file"], when)
        record["lateness"] = late.lateness(person, record["assignment"], record["late"], moment)
    record["deducted"] = round(record["total"] * record["lateness"].percent / 100, 4)
    record["counts"] = record["total"] - record["deducted"]
    days = record["lateness"].days
    record["late"] = record["late"] if days is None else days > 0


def waiting(record: Record) -> list[str]:
    """The questions that have no mark yet."""
    return [name for name, (earned, _) in record["marks"].items() if earned is None]


def notes(record: Record) -> str:
    """What was done to a submission, for the one who marks."""
    said = [f"{name}: {NOTES[what]}" for what, name in record.get("notes", ()) if what in NOTES]
    said += [f"{name}: by override.csv" for name in record.get("override", ())]
    if record.get("refused") and record["refused"] not in ABSENT:
        said.append(f"could not be graded: {record['refused']}")
    return "; ".join(said)


def status(record: Record) -> str:
    """Where a record stands, in words."""
    if "problem" in record:
        nothing = {NOTHING: "nothing handed in", UNCLEAR: "unclear: see report.csv"}
        return nothing.get(record["problem"], f"not graded: {record['problem']}")
    return "waits for marking by hand" if waiting(record) else "complete"


def marks_table(records: Sequence[Record], room: Class) -> tuple[list[str], list[list[object]]]:
    """marks.csv: one row for each student and assignment."""
    questions = sorted({name for record in records for name in record.get("marks", ())})
    columns = ["student", "assignment", "total", "out_of", "late", "waiting", "status", "notes"]
    if room.roster is not None:
        columns += ["id", "name", "days_late", "deducted", "counts", "late_rule"]
    rows = []
    for record in records:
        if not record["student"]:
            continue
        cells = {"student": shown(record["student"]), "assignment": record["assignment"], "status": status(record)}
        person = room.people.get(record["student"])
        cells |= {"id": person.id, "name": person.name} if person else {}
        if "problem" not in record:
            cells |= {name: tables.number(record[name]) for name in ("total", "out_of", "deducted", "counts")}
            cells |= {"late": "late" if record["late"] else "", "waiting": " ".join(waiting(record))}
            cells |= {"notes": notes(record), "days_late": record["lateness"].days}
            cells |= {"late_rule": record["lateness"].words}
            cells |= {name: tables.number(mark[0]) for name, mark in record["marks"].items() if mark[0] is not None}
        rows.append([cells.get(column, "") for column in [*columns, *questions]])
    return [*columns, *questions], rows


def by_hand_rows(records: Sequence[Record]) -> list[list[object]]:
    """The answers that a person reads or has read."""
    return [
        [
            shown(record["student"]),
            record["assignment"],
            part["cell"],
            part["answer"],
            tables.number(part["points"]),
            "" if part["earned"] is None else tables.number(part["earned"]),
            part.get("remark", ""),
            part["answer_id"],
        ]
        for record in records
        for part in record.get("by_hand", ())
        if part.get("marked")
        or (part["earned"] is None and nb.question_of(part["cell"]) not in record.get("override", ()))
    ]


def report_rows(records: Sequence[Record], remarks: Sequence[Problem]) -> list[list[object]]:
    """What could not be graded, also where a person has marked it, and what is to be looked at."""
    found = []
    for record in records:
        reason = record.get("problem") or record.get("refused")
        if reason and reason not in ABSENT:
            meaning = REASONS.get(reason, "")
            found.append([shown(record["student"]), record["assignment"], shown(record["file"]), reason, meaning])
            found[-1].append(record["detail"])
    for one in remarks:
        meaning = roster.REMARKS[one.reason]
        found.append([shown(one.student), one.assignment, shown(one.file), one.reason, meaning, one.detail])
    return found


def write_all(records: Sequence[Record], submissions: Sequence[Submission], room: Class, out: Path) -> list[str]:
    """The tables and the pages; what is to be said about them."""
    tables.write_table(out / "marks.csv", *marks_table(records, room))
    tables.write_table(out / "report.csv", tables.REPORT, report_rows(records, room.remarks))
    kept = tables.with_filled_in(out / "by_hand.csv", by_hand_rows(records))
    tables.write_table(out / "by_hand.csv", tables.BY_HAND, kept)
    said = write_lms(records, room, out) if room.roster is not None else []
    together = {one.student: one.places for one in room.arrived}
    pairs = alike.all_pairs(submissions, room.assignments, together)
    summary.write(records, room.assignments, pairs, out)
    if pairs:
        said.append(f"answers that are alike beyond chance, pairs: {len(pairs)} (class.html, alike.csv).")
    if room.roster is None and (out / "marks_lms.csv").exists():
        said.append("marks_lms.csv is of an earlier run. Give ROSTER again to write it anew.")
    wanted = set()
    for student in room.students:
        own = [record for record in records if record["student"] == student]
        path = out / "feedback" / f"{results.slug(student)}.html"
        wanted.add(path)
        tables.write_atomically(path, feedback.page(student, own))
    for path in set((out / "feedback").glob(f"*-{'[0-9a-f]' * 16}.html")) - wanted:
        path.unlink()  # of a student who is no longer there; other pages are not the grader's
    watch.remember(out)
    return said


def write_lms(records: Sequence[Record], room: Class, out: Path) -> list[str]:
    """The roster with marks, as the system takes it back."""
    assert room.roster is not None
    marks = {}
    for record in records:
        person = room.people.get(record["student"])
        if person is not None and "problem" not in record and not waiting(record):
            marks[person.row, record["assignment"]] = record["counts"]
    names = sorted({record["assignment"] for record in records if record["assignment"]})
    out_of = {name: sum(room.assignments[name].questions.values()) for name in names}
    empty, look = roster.write_lms(out / "marks_lms.csv", room.roster, marks, out_of)
    said = (
        [f"marks_lms.csv: {empty} marks are empty: nothing handed in, not graded, or waiting to be read."]
        if empty
        else []
    )
    return said + [f"marks_lms.csv, {line}" for line in look]
