"""Grade several submissions at a time, each in a process of its own that is stopped when it takes too long.

A worker is a fork: it already has the tests' names. It starts the student's closed process, runs the tests and writes
the result; if it dies, only its own submission is affected, and the closed process dies with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tools.grading import referee, results, sandbox
from tools.grading.assignment import Assignment
from tools.grading.precheck import Submission

MEMORY = 6 << 30  # bytes of a worker: what a hostile answer can make the tests use
SLACK = 60.0  # seconds beyond the session's own limit


@dataclass(frozen=True)
class Job:
    """One submission to be graded, and where its result goes."""

    submission: Submission
    assignment: Assignment
    base: dict[str, Any]
    course: Path
    key: str
    place: Path


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends, however that ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def work(job: Job, slot: int, sandboxed: bool) -> None:
    """Grade one submission and store what came of it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    begin = time.perf_counter()
    try:

        def start() -> sandbox.Process:
            return sandbox.Process(job.course, slot=slot, sandboxed=sandboxed)

        outcomes = referee.run(job.assignment, job.submission.notebook, job.base, start)
        seconds = time.perf_counter() - begin
        results.store(job.place, results.result_of(job.submission, job.assignment, outcomes, job.key, seconds))
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        results.store(job.place, failure(job, "graders-fault", detail))


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


def run(jobs: Sequence[Job], at_once: int, sandboxed: bool, stop: Callable[[], bool] = lambda: False) -> Iterator[Job]:
    """Grade all jobs; gives each when its result is stored."""
    context = multiprocessing.get_context("fork")
    waiting = list(reversed(jobs))
    free = list(range(at_once))
    running: dict[int, tuple[BaseProcess, Job, int, float]] = {}
    try:
        while waiting or running:
            while waiting and free:
                job, slot = waiting.pop(), free.pop()
                job.place.unlink(missing_ok=True)
                process: BaseProcess = context.Process(target=work, args=(job, slot, sandboxed))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # about forks of processes with threads
                    process.start()
                seconds = referee.START_SECONDS + referee.TOTAL_CALLS * job.assignment.seconds + SLACK
                running[process.sentinel] = (process, job, slot, time.monotonic() + seconds)
            ended = wait(list(running), timeout=1.0)
            for sentinel, (worker, job, slot, until) in list(running.items()):
                if sentinel not in ended and time.monotonic() < until:
                    continue
                too_long = sentinel not in ended
                if too_long:
                    worker.kill()
                worker.join()
                del running[sentinel]
                free.append(slot)
                if not job.place.exists():
                    detail = "" if too_long else f"its worker ended with {worker.exitcode}"
                    results.store(job.place, failure(job, "too-long" if too_long else "graders-fault", detail))
                yield job
    finally:
        for worker, *_ in running.values():
            worker.kill()
            worker.join()


def processors() -> int:
    """How many submissions to grade at a time."""
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
