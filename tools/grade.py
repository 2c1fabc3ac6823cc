"""Grade what students handed in.

    make grade SUBMISSIONS=folder [OUT=folder] [ROSTER=file.csv] [STUDENT=name]

`folder`, or a zip of it, is what a learning-management system exported: one folder a student, or one file a student
with the name in the file's name. OUT (by default
_build/grades) gets marks.csv, by_hand.csv, report.csv and a feedback page for each student. Run it again at any time:
what was graded stays, what changed is graded anew, marks filled into by_hand.csv are added. After an interruption of
any kind it goes on where it was.

A submission runs in bubblewrap. Where there is none, nothing is graded unless UNSANDBOXED=1 is given.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.grading import (  # noqa: E402
    arrivals,
    files,
    late,
    outputs,
    override,
    places,
    pool,
    precheck,
    referee,
    results,
    roster,
    sandbox,
    tables,
    unpack,
    watch,
)
from tools.grading.arrivals import Arrived  # noqa: E402
from tools.grading.assignment import SOURCES, Assignment, all_assignments  # noqa: E402
from tools.grading.names import shown  # noqa: E402
from tools.grading.notebook import SourceError  # noqa: E402
from tools.grading.precheck import Problem, Submission  # noqa: E402
from tools.grading.withheld import course_copy  # noqa: E402
from tools.grading.withheld import fingerprint as package_fingerprint  # noqa: E402

UNPROTECTED = (
    "UNSANDBOXED=1: the students' code runs without bubblewrap. It can read your files, the other submissions and the "
    "answers, and use the network. Do this only on a machine that holds nothing else."
)
NO_BUBBLEWRAP = (
    "bubblewrap is not installed or may not make namespaces here, and a submission is a stranger's code. Install it "
    "(Debian, Ubuntu: sudo apt-get install bubblewrap), or grade without protection: make grade ... UNSANDBOXED=1"
)


@contextlib.contextmanager
def only_one_run(out: Path) -> Iterator[None]:
    """One run at a time writes into a folder of results."""
    import fcntl

    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("w")
    except OSError as error:
        why = "it is a file" if out.is_file() else error.strerror or type(error).__name__
        raise precheck.Refused("no-out", f"{out} cannot hold the marks: {why}. Give another folder as OUT") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise precheck.Refused(
                "busy", f"another run is writing into {out}. Wait for it, or give another OUT"
            ) from None
        yield


@contextlib.contextmanager
def unpacked(submissions: Path) -> Iterator[tuple[Path, list[Problem]]]:
    """The folder of a class, also where a zip was given, and what of the zip was not unpacked."""
    if not submissions.is_file():
        yield arrivals.root_of(submissions), []
        return
    with tempfile.TemporaryDirectory(prefix="symrl-class-") as place:
        try:
            wrong = unpack.unpack(submissions, Path(place), files.LARGEST)
        except unpack.ZipError as error:
            raise precheck.Refused("no-zip", f"{submissions} cannot be unpacked: {error}") from None
        yield arrivals.root_of(Path(place), zipped=True), [Problem("", name, "", *why) for name, *why in wrong]


def collect(
    folder: Path, assignments: Mapping[str, Assignment]
) -> tuple[list[Submission], list[Problem], list[Arrived]]:
    """All submissions, all that cannot be graded, and the students."""
    submissions: list[Submission] = []
    students, problems = arrivals.arrived(folder)
    for one in students:
        try:
            ready: list[Submission] = []
            wrong = [Problem(one.student, "", "", "empty-folder")]
            together = [] if one.system or len(one.places) != 1 else arrivals.owners_inside(one.places[0])
            if not one.places:
                pass  # Blackboard's text alone
            elif len(together) > 1:
                wrong = [Problem(one.student, "", "", "several-students", ", ".join(together[:5]))]
            elif one.places == (folder / one.student,):
                ready, wrong = precheck.student_submissions(one.places[0], assignments)
            else:
                ready, wrong = precheck.student_submissions(folder, assignments, one.student, one.places)
        except Exception as error:  # whatever this folder holds, the others are graded
            reason = "unreadable" if isinstance(error, OSError) else "graders-fault"
            ready, wrong = [], [Problem(one.student, "", "", reason, f"{type(error).__name__}: {error}")]
        submissions += ready
        problems += wrong
    return submissions, problems, students


def prepare(
    submissions: Sequence[Submission],
    assignments: Mapping[str, Assignment],
    out: Path,
    sandboxed: bool,
    only: str | None = None,
) -> tuple[list[pool.Job], list[Submission]]:
    """The submissions whose result is not there yet; with `only`, those of one student, anew, and what others lack."""
    grader = f"{results.graders_fingerprint(places.course_python())} {'closed' if sandboxed else 'open'}"
    jobs, lacking = [], []
    needed: dict[str, tuple[str, dict[str, Any], Path]] = {}
    for submission in submissions:
        assignment = assignments[submission.assignment]
        if assignment.name not in needed:
            needed[assignment.name] = (package_fingerprint(assignment.withheld), {}, Path())
        package, base, course = needed[assignment.name]
        key = results.key_of(submission, assignment, package, grader)
        place = results.place(out, submission.student, assignment.name)
        if submission.student != only and results.stored(place, key) is not None:
            continue
        if only is not None and submission.student != only:
            lacking.append(submission)
            continue
        if not base:
            base, course = referee.base_namespace(assignment), course_copy(assignment.withheld)
            needed[assignment.name] = (package, base, course)
        jobs.append(pool.Job(submission, assignment, base, course, key, place))
    return jobs, lacking


def the_one(student: str, room: outputs.Class) -> str | None:
    """The student whom STUDENT names; None where it names nobody in particular."""
    if not student:
        return None
    found = room.who(student) or room.who(student.removeprefix("'"))  # as marks.csv shows a name that begins with =
    if len(found) != 1:
        near = difflib.get_close_matches(student, [shown(name) for name in room.students], 5, 0.4)
        what = "more than one student" if found else "nobody here"
        others = f". There is {', '.join(near)}" if near else ""
        raise precheck.Refused("no-student", f"STUDENT={student} is {what}{others}")
    return found[0]


def grade(
    submissions: Path,
    out: Path,
    sources: Path,
    at_once: int,
    sandboxed: bool,
    quiet: bool = False,
    listed: Path | None = None,
    student: str = "",
) -> int:
    """Grade a folder; how many things could not be graded."""
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # no thread of its own: workers are forks
    begin = time.perf_counter()
    if out.resolve().is_relative_to(submissions.resolve()):
        where = f"{out} lies in the folder of submissions, where folders are students"
        raise precheck.Refused("no-out", f"{where}. Give another OUT")
    assignments = all_assignments(sources)
    if not assignments:
        raise SourceError(f"{sources} holds no assignment")
    people = roster.read(listed) if listed else None
    bad = late.wrong_cells(people.people) if people else []
    if bad:
        raise tables.TableError(f"{listed} cannot be used: {'; '.join(bad[:5])}")
    with only_one_run(out):
        results.load_nbgrader()  # once, before the forks; it takes seconds
        if sandboxed:
            places.installation(places.course_python())  # asked once, too
        edited = watch.edits(out)
        filled_in, wrong = tables.read_marks(out / "by_hand.csv")
        with unpacked(submissions) as (folder, left_out):
            ready, problems, arrived = collect(folder, assignments)
        room = outputs.Class.of(arrived, assignments, people)
        given, wrong_rows = override.read(out / "override.csv", assignments, room.who)
        jobs, lacking = prepare(ready, assignments, out, sandboxed, the_one(student, room))
        problems += left_out + [Problem(one.student, one.file, one.assignment, "not-yet") for one in lacking]
        ready = [one for one in ready if one not in lacking]
        print(f"{len(arrived)} students, {len(ready)} submissions, {len(ready) - len(jobs)} of them graded before.")
        with tqdm(total=len(jobs), unit="submission", disable=quiet or not jobs) as bar:
            for job in pool.run(jobs, at_once, sandboxed):
                bar.set_postfix_str(shown(job.submission.student)[:24], refresh=False)
                bar.update()
        records = outputs.records_of(ready, problems, out, filled_in, given, room)
        said = outputs.write_all(records, ready, room, out)
    refused = [record for record in records if record.get("problem", outputs.NOTHING) not in outputs.ABSENT]
    for line in edited:
        print(f"look: {line}")
    for line in wrong:
        print(f"by_hand.csv, {line}: left open")
    for line in wrong_rows:
        print(f"override.csv, {line}: left out")
    for record in refused:
        who = " / ".join(shown(part) for part in (record["student"], record["file"]) if part)
        print(f"not graded: {who}: {record['problem']}{': ' if record['detail'] else ''}{record['detail']}")
    for remark in room.remarks:
        print(f"look: {shown(remark.student)}: {remark.reason}{': ' if remark.detail else ''}{remark.detail}")
    for line in said:
        print(f"look: {line}")
    graded = sum("problem" not in record for record in records)
    unread = sum(row[5] == "" for row in outputs.by_hand_rows(records))
    nothing = sum(record.get("problem") in outputs.ABSENT for record in records)
    absent = f"{nothing} of the roster not handed in, " if people else ""
    print(f"{graded} graded, {len(refused)} not (report.csv), {absent}{unread} answers wait in by_hand.csv.")
    print(f"The results are in {out} ({time.perf_counter() - begin:.0f} s).")
    return len(refused)


def main() -> int:
    """Read the command line, refuse what cannot be done safely, grade."""
    parser = argparse.ArgumentParser(description="Grade what students handed in.")
    parser.add_argument("--submissions", default="", help="the folder or zip of a class")
    parser.add_argument("--out", default=str(ROOT / "_build" / "grades"), help="where the marks go")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="the folder of the assignments' sources")
    parser.add_argument("--at-once", type=int, default=pool.processors(), help="submissions at a time")
    parser.add_argument("--roster", type=Path, help="a table of the class: id, name, and more")
    parser.add_argument("--student", default="", help="grade this one again, and nobody else")
    given = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # folders may have names that a terminal cannot show
    folder = Path(given.submissions)
    zipped = folder.is_file() and folder.suffix.lower() == ".zip" and os.access(folder, os.R_OK)
    if not given.submissions or not (zipped or (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK))):
        what = "may not be read" if folder.is_dir() else "is not a folder, and no zip of one"
        problem = f"{given.submissions!r} {what}" if given.submissions else "no folder was named"
        print(
            f"symrl: {problem}. Type: make grade SUBMISSIONS=folder, with one folder a student in it", file=sys.stderr
        )
        return 2
    unsandboxed = os.environ.get("UNSANDBOXED") == "1"
    if not unsandboxed and not sandbox.is_available():
        print(f"symrl: {NO_BUBBLEWRAP}", file=sys.stderr)
        return 2
    if unsandboxed or sandbox.shortcomings():
        print(f"symrl: {UNPROTECTED if unsandboxed else sandbox.shortcomings()}", file=sys.stderr)
    try:
        out, at_once = Path(given.out).resolve(), max(1, given.at_once)
        grade(folder, out, given.sources, at_once, not unsandboxed, listed=given.roster, student=given.student)
    except (SourceError, tables.TableError) as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    except precheck.Refused as refused:
        print(f"symrl: {refused.detail}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{shown(os.fsdecode(error.filename))}: " if error.filename is not None else ""
        print(f"symrl: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("symrl: stopped. The next run goes on where this one was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
