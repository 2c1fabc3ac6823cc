"""Start a student's process in bubblewrap: what it may see, what it may use, and how it is ended.

It sees the Python that the course runs on, the course's packages, a copy of symrl_lite without what the assignment
withholds, an empty home that vanishes, and three files of this folder. It does not see other files, the network, other
processes or the environment's variables. Started by root, it gives root up first, so that the limit on processes
counts; started by anybody else, it lives in a user namespace of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tools.grading.wire import Ended, TooLate, Wire

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SHARED = ("__init__.py", "encoding.py", "wire.py", "student_side.py")  # all that the student's process gets of us
HOME = "/student"
FIRST_UID = 60_100
START_SECONDS = 60.0


class SandboxError(Exception):
    """A closed process could not be had; the message says why, for people."""


@dataclass(frozen=True)
class Limits:
    """What one student's process may use."""

    memory: int = 2 << 30  # bytes of its own, each process; PyTorch needs about 0.5 GiB
    together: int = 3 << 30  # bytes of all its processes
    addresses: int = 16 << 30  # bytes mapped, each process; libraries count here
    file: int = 32 << 20  # bytes of a file
    files: int = 256  # open at a time
    scratch: int = 64 << 20  # bytes of the home
    processes: int = 48  # threads count
    cpu: int = 600  # seconds

    def inside(self, uid: int | None) -> str:
        """As the program inside reads them."""
        values = {"DATA": self.memory, "AS": self.addresses, "FSIZE": self.file, "NOFILE": self.files}
        values |= {"CPU": self.cpu, "NPROC": self.processes}
        return json.dumps(values if uid is None else values | {"UID": uid})


def is_available() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    command = [program, *namespaces(), "--ro-bind", "/", "/", "true"]
    return subprocess.run(command, capture_output=True).returncode == 0


def is_root() -> bool:
    """Whether this process is root, for whom the kernel does not count processes."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def namespaces() -> list[str]:
    """The options that take everything away; root needs no user namespace to be allowed that."""
    if is_root():
        shared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        return [*shared, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--die-with-parent", "--new-session"]
    return ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]


def variables(course: Path | str, tools: Path | str, home: str) -> dict[str, str]:
    """The whole environment of the student's process."""
    return {
        "HOME": home,
        "IPYTHONDIR": f"{home}/.ipython",
        "LANG": "C.UTF-8",
        "LOGNAME": "student",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{home}/.matplotlib",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{course}{os.pathsep}{tools}",
        "TMPDIR": f"{home}/tmp" if home == HOME else home,
        "USER": "student",
    } | {name: os.environ[name] for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if name in os.environ}


def python_paths() -> tuple[str, list[str]]:
    """The interpreter of the course's environment, and the folders that it needs."""
    course = ROOT / ".venv"
    own = course if (course / "bin" / "python").exists() else Path(sys.prefix)
    return str(own / "bin" / "python"), list(dict.fromkeys([sys.base_prefix, str(own)]))


def closed_command(course: Path, limits: Limits, uid: int | None) -> list[str]:
    """bubblewrap's command line."""
    python, folders = python_paths()
    command = [shutil.which("bwrap") or "bwrap", *namespaces(), "--clearenv", "--hostname", "student"]
    command += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib32", "lib64", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    bound = [folder for folder in folders if folder not in ("/usr", "/")]
    parents = {
        str(parent) for place in (*bound, "/etc/x", "/grader/tools/grading/x", HOME) for parent in Path(place).parents
    }
    for parent in sorted(parents, key=len)[1:]:  # bubblewrap alone would close them for all but root
        if not parent.startswith("/usr"):
            command += ["--perms", "0755", "--dir", parent]
    for library in ("/etc/ld.so.cache", "/etc/alternatives"):
        command += ["--ro-bind-try", library, library]
    for folder in bound:
        command += ["--ro-bind", folder, folder]
    command += ["--ro-bind", str(course), "/course"]
    for name in SHARED:
        command += ["--ro-bind", str(HERE / name), f"/grader/tools/grading/{name}"]
    command += ["--proc", "/proc", "--dev", "/dev", "--size", str(16 << 20), "--perms", "1777", "--tmpfs", "/dev/shm"]
    command += ["--size", str(limits.scratch), "--perms", "0777", "--tmpfs", HOME]
    command += ["--perms", "0777", "--dir", f"{HOME}/tmp", "--chdir", HOME]
    if "/tmp" not in parents:  # the course itself may lie in there; TMPDIR names the other one in any case
        command += ["--symlink", f"{HOME}/tmp", "/tmp"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in variables("/course", "/grader", HOME).items():
        command += ["--setenv", name, value]
    return [*command, python, "-s", "-P", "-m", "tools.grading.student_side", limits.inside(uid)]


class Process:
    """A student's process, closed in or (`sandboxed=False`) merely separate."""

    def __init__(self, course: Path, limits: Limits | None = None, slot: int = 0, sandboxed: bool = True) -> None:
        limits = limits or Limits()
        self.limits = limits
        self.scratch: str | None = None
        uid = FIRST_UID + slot if is_root() and sandboxed else None
        if sandboxed:
            command, environment, folder = closed_command(course, limits, uid), {}, "/"
        else:
            self.scratch = folder = tempfile.mkdtemp(prefix="student-")
            environment = variables(course, ROOT, folder)
            command = [python_paths()[0], "-s", "-P", "-m", "tools.grading.student_side", limits.inside(None)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self.wire = Wire(self.process.stdout.fileno(), self.process.stdin.fileno())
        self.too_much_memory = False
        try:
            first = self.wire.receive(deadline=time.monotonic() + START_SECONDS)
        except (Ended, TooLate):
            first = None
        if first != ("ready",):
            self.kill()
            words = self.last_words()
            self.stop()
            raise SandboxError(f"the closed process did not start: {words}")
        threading.Thread(target=self.guard, daemon=True).start()

    def last_words(self) -> str:
        """The end of what a process that failed to start wrote to stderr."""
        assert self.process.stderr is not None
        said = self.process.stderr.read(20_000).decode(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def guard(self) -> None:
        """End the process when all that it started together takes too much memory."""
        while self.process.poll() is None:
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(self.process.pid).children(recursive=True)
                used = 0
                for member in family:
                    with contextlib.suppress(psutil.Error):
                        used += member.memory_info().rss
                if used > self.limits.together:
                    self.too_much_memory = True
                    self.kill()
            time.sleep(0.5)

    def cpu_seconds(self) -> float:
        """The processor's time that it and all that it started have used so far."""
        used = 0.0
        with contextlib.suppress(psutil.Error):
            for member in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    times = member.cpu_times()
                    used += times.user + times.system + times.children_user + times.children_system
        return used

    def kill(self) -> None:
        """End everything that runs in there: the namespace's first process takes all others with it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it and remove its traces."""
        self.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
