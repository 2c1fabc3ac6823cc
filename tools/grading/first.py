"""The first process of the closed place: it waits for all others, and the place ends with it.

    python -m tools.grading.first LIMITS

bubblewrap would put a process of its own here, whose memory holds the names of this machine's folders. This one has
the same user as bubblewrap outside, so that it ends when that one ends; the student's process gives root up.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

SET_DEATH_SIGNAL, SET_DUMPABLE = 1, 4


def limit(limits: dict[str, int]) -> None:
    """Give up what the student's code must not have: privileges, memory, processes, large files."""
    for name in ("DATA", "AS", "FSIZE", "NOFILE", "CPU", "NPROC"):
        if name in limits:
            wanted = limits[name]
            _, hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
            wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (wanted, wanted))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "UID" in limits:  # started by root: from here on nobody
        os.setgroups([])
        os.setresgid(limits["UID"], limits["UID"], limits["UID"])
        os.setresuid(limits["UID"], limits["UID"], limits["UID"])


def wait_for(child: int) -> int:
    """Wait for every process that ends here, until it is this one; its exit status."""
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def main() -> None:
    """Close the doors, start the student's process, wait for it."""
    control = ctypes.CDLL(None).prctl
    control(SET_DEATH_SIGNAL, signal.SIGKILL)
    child = os.fork()
    if child == 0:
        limit(json.loads(sys.argv[1]))
        from tools.grading import student_side

        student_side.main(limited=True)
    control(SET_DUMPABLE, 0)  # nobody looks into this process or changes it; started by root, it has stayed root
    for number in (0, 1, 2):
        os.close(number)
    code = wait_for(child)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
