"""Grade several submissions at a time, each in a process of its own that is stopped when it takes too long.

A worker is a fork: it already has the tests' names. It starts the student's closed process, runs the tests and writes
the result; if it dies, only its own submission is affected, and the closed process dies with it. Each worker's closed
process has a processor of its own, so that one submission cannot take the time of another. (A control group would do
the same; on most machines only the system may make one.)

What ran out of time, or ended its worker, is tried again at the end, with nothing beside it, before it counts. A
worker notes which test it is at. If it ends there a second time, the test has not been passed, and the others go on.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tools.grading import referee, results, sandbox
from tools.grading.assignment import Assignment
from tools.grading.precheck import Submission
from tools.grading.referee import Outcome
from tools.grading.session import WHOLE

MEMORY = 6 << 30  # bytes of a worker: what a hostile answer can make the tests use
SLACK = 60.0  # seconds beyond the session's own limit
TEST_SECONDS = 30  # of the worker's own processor's time for one test, beyond what a call may take
STOPPED = "What your answer gave kept the test itself busy without end, or ended it. It was stopped."


@dataclass(frozen=True)
class Job:
    """One submission to be graded, and where its result goes."""

    submission: Submission
    assignment: Assignment
    base: dict[str, Any]
    course: Path
    key: str
    place: Path
    known: tuple[Outcome, ...] = ()  # of an earlier try
    alone: bool = False  # the last try: what comes out counts

    @property
    def note(self) -> Path:
        """Where its worker writes down which test it is at."""
        return self.place.with_suffix(".part")


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def work(job: Job, slot: int, sandboxed: bool, processor: int | None) -> None:
    """Grade one submission and store what came of it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    begin = time.perf_counter()
    try:

        def start() -> sandbox.Process:
            return sandbox.Process(job.course, slot=slot, sandboxed=sandboxed, processor=processor)

        def note(outcomes: Sequence[Outcome], test: str) -> None:
            limit_this_test(job.assignment.seconds)
            said = [[one.test, one.passed, one.message] for one in outcomes]
            results.store(job.note, {"outcomes": said, "test": test})

        notebook = job.submission.notebook
        outcomes = referee.run(job.assignment, notebook, job.base, start, job.known, job.alone, note)
        seconds = time.perf_counter() - begin
        result = results.result_of(job.submission, job.assignment, outcomes, job.key, seconds)
        if any(one.ran_out for one in outcomes) and not job.alone:
            passed = [[one.test, True, ""] for one in outcomes if one.passed]
            result |= {"key": "", "again": passed}
        results.store(job.place, result)
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        results.store(job.place, failure(job, "graders-fault", detail))


def limit_this_test(seconds: float) -> None:
    """From here on the tests' side may use so much of a processor; the kernel ends it then, whatever it is doing."""
    used = time.process_time() + seconds + TEST_SECONDS
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    wanted = int(used) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def failure(job: Job, reason: str, detail: str) -> dict[str, Any]:
    """The result of a submission that could not be graded."""
    return {
        "key": job.key if reason == "too-long" else "",  # the grader's own fault is tried again
        "student": job.submission.student,
        "assignment": job.assignment.name,
        "file": job.submission.file,
        "problem": reason,
        "detail": detail[:500],
    }


def read(path: Path) -> dict[str, Any]:
    """A result or a note; empty where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def next_try(job: Job, too_long: bool, code: int | None) -> Job | None:
    """What is to be tried once more, now that a worker has ended; None where the result is there."""
    if job.place.exists():
        again = read(job.place).get("again")
        return None if again is None else replace(job, alone=True, known=tuple(Outcome(*one) for one in again))
    note = read(job.note)
    if note and not (too_long and job.alone):
        known = [Outcome(*one) for one in note["outcomes"]]
        if job.alone:  # it was this test, twice
            known.append(Outcome(note["test"], False, STOPPED))
        return replace(job, alone=True, known=tuple(known))
    detail = "" if too_long else f"its worker ended with {code}"
    results.store(job.place, failure(job, "too-long" if too_long else "graders-fault", detail))
    return None


def run(jobs: Sequence[Job], at_once: int, sandboxed: bool) -> Iterator[Job]:
    """Grade all jobs; gives each when its result is stored."""
    again: list[Job] = []
    yield from run_all(jobs, at_once, sandboxed, again)
    while again:
        jobs, again = again, []
        yield from run_all(jobs, 1, sandboxed, again)


def run_all(jobs: Sequence[Job], at_once: int, sandboxed: bool, again: list[Job]) -> Iterator[Job]:
    """Try each job once; those to be tried again come into a list."""
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(jobs))
    free = list(range(at_once))
    own = sorted(os.sched_getaffinity(0)) if at_once > 1 and hasattr(os, "sched_getaffinity") else [None]
    running: dict[int, tuple[BaseProcess, Job, int, float]] = {}
    try:
        while waiting or running:
            while waiting and free:
                job, slot = waiting.pop(), free.pop()
                for path in (job.place, job.note):
                    path.unlink(missing_ok=True)
                process: BaseProcess = context.Process(target=work, args=(job, slot, sandboxed, own[slot % len(own)]))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # about forks of processes with threads
                    process.start()
                seconds = WHOLE * referee.total_seconds(job.assignment) + SLACK
                running[process.sentinel] = (process, job, slot, time.monotonic() + seconds)
            ended = wait(list(running), timeout=1.0)
            for sentinel, (worker, job, slot, until) in list(running.items()):
                if sentinel not in ended and time.monotonic() < until:
                    continue
                if sentinel not in ended:
                    worker.kill()
                worker.join()
                del running[sentinel]
                free.append(slot)
                once_more = next_try(job, sentinel not in ended, worker.exitcode)
                job.note.unlink(missing_ok=True)
                if once_more is None:
                    yield job
                else:
                    again.append(once_more)
    finally:
        for worker, *_ in running.values():
            worker.kill()
            worker.join()


def processors() -> int:
    """How many submissions to grade at a time."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
