"""Start a student's process in bubblewrap: what it may see, what it may use, and how it is ended.

It sees the Python that the course runs on, the course's packages, a copy of symrl_lite without what the assignment
withholds, an empty home that vanishes, and a few files of this folder: all at places of their own, which
tools/grading/places.py describes. It does not see other files, the network, other processes or the environment's
variables. Started by root, it gives root up first, so that the limit on processes counts; started by anybody else, it
lives in a user namespace of its own.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.grading import places, seccomp
from tools.grading.places import Installation, Mounts
from tools.grading.usage import Family
from tools.grading.wire import Ended, TooLate, Wire

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# All that the student's process gets of us.
SHARED = ("__init__.py", "encoding.py", "first.py", "kinds.py", "wire.py", "student_side.py")
HOME = "/student"
OTHERS_OWN = ("/usr/local", "/usr/src")  # a course may be installed there
FIRST_UID = 60_100
START_SECONDS = 180.0
# What a person set about the arithmetic holds in there too, so that both sides compute alike.
ARITHMETIC = ("ATEN_CPU_CAPABILITY", "NPY_DISABLE_CPU_FEATURES", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


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
    processes: int = 160  # threads count: PyTorch on a machine of 64 processors starts twice as many
    cpu: int = 600  # seconds

    def inside(self, uid: int | None) -> str:
        """As the program inside reads them."""
        values = {"DATA": self.memory, "AS": self.addresses, "FSIZE": self.file, "NOFILE": self.files}
        values |= {"CPU": self.cpu, "NPROC": self.processes}
        return json.dumps(values if uid is None else values | {"UID": uid})


@dataclass(frozen=True)
class Abilities:
    """What bubblewrap can do on this machine."""

    closes: bool  # it is there and may make namespaces
    filters: bool = False  # the kernel takes the filter of calls
    disables: bool = False  # it can forbid new user namespaces


@functools.cache
def abilities(program: str | None) -> Abilities:
    """Try it, with all that there is, and with less."""
    calls = seccomp.program()
    tries = [Abilities(True, filters, disables) for filters in (True, False) for disables in (True, False)]
    for one in tries if program is not None else ():
        if (one.filters and calls is None) or (one.disables and is_root()):
            continue
        number = file_with(calls or b"")
        filtered = ["--seccomp", str(number)] if one.filters else []
        command = [str(program), *namespaces(one), *filtered, "--ro-bind", "/", "/", "true"]
        done = subprocess.run(command, capture_output=True, pass_fds=[number])
        os.close(number)
        if done.returncode == 0:
            return one
    return Abilities(False)


def is_available() -> bool:
    """Whether bubblewrap is installed and may make namespaces here."""
    return abilities(shutil.which("bwrap")).closes


def shortcomings() -> str:
    """What the closed process lacks on this machine, for the instructor; empty where nothing is missing."""
    found = abilities(shutil.which("bwrap"))
    if not found.closes or found.filters:
        return ""
    why = "this processor's numbers are not known" if seccomp.program() is None else "the kernel takes no filter"
    spaces = "" if found.disables else ", nor from making namespaces of their own"
    return (
        f"the closed processes run without a filter of the kernel's calls ({why}): submissions are not kept from its "
        f"keyrings and from sockets of unusual families{spaces}. See the instructors' page, `Whom do you trust?`."
    )


def is_root() -> bool:
    """Whether this process is root, for whom the kernel does not count processes."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def namespaces(able: Abilities) -> list[str]:
    """The options that take everything away; root needs no user namespace to be allowed that."""
    if is_root():
        shared = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        return [*shared, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--die-with-parent", "--new-session"]
    disabled = ["--disable-userns"] if able.disables else []
    return ["--unshare-all", "--unshare-user", *disabled, "--die-with-parent", "--new-session"]


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
    } | {name: os.environ[name] for name in ARITHMETIC if name in os.environ}


def closed_place(course: Path, limits: Limits, found: Installation) -> tuple[Mounts, str]:
    """bubblewrap's options, and the interpreter as it is called in there."""
    mounts = Mounts()
    able = abilities(shutil.which("bwrap"))
    mounts.add(*namespaces(able), "--as-pid-1", "--clearenv", "--hostname", "student")
    if able.filters:
        mounts.open(seccomp.program() or b"", "--seccomp")
    mounts.show("/usr", "/usr")
    for name in OTHERS_OWN:
        if Path(name).is_dir() and not Path(name).is_symlink():
            mounts.hide(name)
    for name in ("bin", "lib", "lib32", "lib64", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            mounts.add("--symlink", os.readlink(path), path)
        elif path.is_dir():
            mounts.show(path, str(path))
    shown = any(Path("/", name) in ROOT.parents for name in ("usr", "bin", "lib", "sbin"))
    if shown and not any(Path(name) in ROOT.parents for name in OTHERS_OWN):
        mounts.hide(str(ROOT))  # an unusual place for a course
    for folder in ("/etc", "/grader", "/grader/tools", "/grader/tools/grading"):
        mounts.add("--perms", "0755", "--dir", folder)  # bubblewrap alone would close them for all but root
    for library in ("/etc/ld.so.cache", "/etc/alternatives"):
        mounts.add("--ro-bind-try", library, library)
    python = places.show_packages(mounts, found, places.show_python(mounts, found))
    mounts.show(course, "/course")
    for name in SHARED:
        mounts.show(HERE / name, f"/grader/tools/grading/{name}")
    mounts.add("--proc", "/proc")
    for name in ("/proc/keys", "/proc/key-users"):
        if Path(name).exists():
            mounts.write("", name)
    mounts.add("--dev", "/dev", "--size", str(16 << 20), "--perms", "1777", "--tmpfs", "/dev/shm")
    mounts.add("--size", str(limits.scratch), "--perms", "0777", "--tmpfs", HOME)
    mounts.add("--perms", "0777", "--dir", f"{HOME}/tmp", "--chdir", HOME, "--symlink", f"{HOME}/tmp", "/tmp")
    mounts.add("--remount-ro", "/dev", "--remount-ro", "/")
    own = variables("/course", "/grader", HOME)
    if found.shared and not found.is_systems:
        own["LD_LIBRARY_PATH"] = f"{places.PYTHON}/shared"
    for name, value in own.items():
        mounts.add("--setenv", name, value)
    return mounts, python


def file_with(content: bytes) -> int:
    """An open file in memory, to be read from its beginning."""
    number = os.memfd_create("mounts")
    with open(number, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


@contextlib.contextmanager
def closed_command(
    course: Path, limits: Limits, uid: int | None, found: Installation
) -> Iterator[tuple[list[str], list[int]]]:
    """bubblewrap's command line, and the open files that it needs.

    The options are in such a file: the command line of the namespace's first process can be read in there.
    """
    mounts, python = closed_place(course, limits, found)
    numbers: list[int] = []
    try:
        for place, content in mounts.contents:
            numbers.append(file_with(content))
            mounts.options[place] = str(numbers[-1])
        numbers.append(file_with(b"".join(os.fsencode(option) + b"\0" for option in mounts.options)))
        student = [python, "-s", "-P", "-m", "tools.grading.first", limits.inside(uid)]
        yield ["bwrap", "--args", str(numbers[-1]), "--", *student], numbers
    finally:
        for number in numbers:
            os.close(number)


@contextlib.contextmanager
def kept_to(processor: int | None) -> Iterator[None]:
    """What is started meanwhile runs on one processor, and so does all that it starts; the filter keeps it there."""
    if processor is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):  # of a container that does not allow it
        os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A student's process, closed in or (`sandboxed=False`) merely separate."""

    def __init__(
        self,
        course: Path,
        limits: Limits | None = None,
        slot: int = 0,
        sandboxed: bool = True,
        found: Installation | None = None,
        processor: int | None = None,
    ) -> None:
        """`slot` gives it a user of its own where root starts it, `processor` the one that it has to keep to."""
        self.processor = processor
        limits = limits or Limits()
        self.limits = limits
        self.scratch: str | None = None
        seccomp.leave_keyring()
        python = places.course_python()
        if sandboxed:
            uid = FIRST_UID + slot if is_root() else None
            found = found or places.installation(python)
            with closed_command(course, limits, uid, found) as (command, files):
                self.process = self.started(command, {}, "/", files, shutil.which("bwrap"))
        else:
            self.scratch = tempfile.mkdtemp(prefix="student-")
            command = [python, "-s", "-P", "-m", "tools.grading.student_side", limits.inside(None)]
            self.process = self.started(command, variables(course, ROOT, self.scratch), self.scratch)
        assert self.process.stdin is not None and self.process.stdout is not None
        os.set_blocking(self.process.stdin.fileno(), False)
        self.family = Family(self.process.pid, (HOME, "/dev/shm") if sandboxed else ())
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

    def started(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: str,
        files: Sequence[int] = (),
        program: str | None = None,
    ) -> subprocess.Popen[bytes]:
        """A process with pipes, in a session of its own."""
        with kept_to(self.processor):
            return subprocess.Popen(
                command,
                executable=program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=folder,
                start_new_session=True,
                pass_fds=files,
            )

    def last_words(self) -> str:
        """The end of what a process that failed to start wrote to stderr."""
        assert self.process.stderr is not None
        said = self.process.stderr.read(20_000).decode(errors="replace").strip().splitlines()
        return said[-1] if said else "it said nothing"

    def guard(self) -> None:
        """End the process when all that it started together takes too much memory."""
        while self.process.poll() is None:
            self.family.look()
            if self.family.memory() > self.limits.together:
                self.too_much_memory = True
                self.kill()
            time.sleep(0.2)

    def cpu_seconds(self) -> float:
        """The processor's time that it has used so far, with all that it had started a moment ago."""
        return self.family.cpu_seconds()

    def waited(self) -> float:
        """How long it has been ready to run and had no processor."""
        return self.family.waited()

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
