"""What a submission may ask the kernel for: the filter of calls, keyrings, memory that nobody sees, and what must work.

Run as whoever runs the tests, and once more as an ordinary user: root is made one in a user namespace.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.grading import kernel, sample
from tests.grading.conftest import SLOT, ordinary_user
from tools.grading import notebook as nb
from tools.grading import sandbox, seccomp
from tools.grading.assignment import ROOT, Assignment

RAISE = "\ndef mirrored(x):\n    raise RuntimeError(repr(loot))\n"


@pytest.fixture(scope="module")
def filtered(bubblewrap: None) -> None:
    if sandbox.shortcomings():
        pytest.skip(sandbox.shortcomings())


@pytest.fixture(scope="module")
def asked(filtered: None, grade: Any) -> dict[str, Any]:
    """How each attempt ended in one closed process; the instructor has a secret in the session keyring."""
    seccomp.leave_keyring()
    secret = b"s3cret"
    ctypes.CDLL(None).syscall(seccomp.number("add_key"), b"user", kernel.SECRET.encode(), secret, len(secret), -3)
    return kernel.both_parts(grade(q2=kernel.code()))


@pytest.mark.parametrize("what", list(kernel.expected()))
def test_the_kernel_refuses(asked: dict[str, Any], what: str) -> None:
    """Tries to get what is named; the filter of calls, masks over files and an empty folder stop it."""
    assert asked[what] == kernel.expected()[what]
    assert set(asked) == set(kernel.expected())


def test_a_closed_process_has_a_keyring_of_its_own(bubblewrap: None, course: Path) -> None:
    """Where no filter is to be had: the session keyring of whoever grades is not that of what is started."""
    system, call = ctypes.CDLL(None), seccomp.number("keyctl")
    if call is None or system.syscall(call, 1, None) < 0:
        pytest.skip("no keyrings here")
    before = system.syscall(call, 0, -3, 0)  # the session's
    process = sandbox.Process(course, slot=SLOT)
    process.stop()
    assert system.syscall(call, 0, -3, 0) != before


NEEDED = {
    "NumPy and its BLAS": "assert np.allclose(np.linalg.inv(2 * np.eye(50)), np.eye(50) / 2)",
    "PyTorch": """
import torch
w = torch.ones(3, 3, requires_grad=True)
(torch.eye(3) @ w).sum().backward()
assert w.grad is not None""",
    "threads": "import concurrent.futures as c\nassert list(c.ThreadPoolExecutor(2).map(abs, [-1])) == [1]",
    "processes": "import multiprocessing as m\nwith m.get_context('fork').Pool(2) as p: assert p.map(abs, [-1]) == [1]",
    "coroutines": """
import asyncio
async def f(): await asyncio.sleep(0)
asyncio.new_event_loop().run_until_complete(f())""",
    "programs": "import subprocess\nassert subprocess.run(['echo', 'a'], capture_output=True).stdout == b'a\\n'",
    "files": "import tempfile\nwith tempfile.TemporaryFile() as f: f.write(b'a')",
    "pictures": "import matplotlib.pyplot as p\np.plot([1, 2]); p.savefig('x.png'); p.close()",
    "time": "import os, secrets, time\ntime.sleep(0.01); secrets.token_hex(); os.sched_getaffinity(0)",
}


def test_what_answers_need_is_allowed(grade: Any) -> None:
    """The filter knows what Python, NumPy and PyTorch ask for."""
    lines = ["loot = {}"]
    for what, code in NEEDED.items():
        inside = "\n".join(f"    {line}" for line in code.splitlines())
        lines.append(f"try:\n{inside}\nexcept BaseException as error:\n    loot[{what!r}] = repr(error)[:80]")
    found = grade(seconds=20.0, q2="\n".join(lines) + RAISE)
    assert kernel.loot(found["q2_small"]) == {}


HOARDS = {
    "empty files": "for n in range(60_000): open(f'{n}', 'w').close()",
    "what waits in sockets": """
import socket
kept = []
for n in range(100):
    kept += socket.socketpair()
    kept[-1].setblocking(False)
    try:
        while True: kept[-1].send(b'x' * 4096)
    except BlockingIOError: pass""",
    "shared pages that were let go of": """
import mmap
kept = [mmap.mmap(-1, 30 << 20) for _ in range(4)]
for one in kept:
    one.write(b'x' * len(one))
    one.madvise(mmap.MADV_DONTNEED)""",
    "shared pages of /dev/zero": """
import mmap
file = open('/dev/zero', 'r+b', buffering=0)
kept = [mmap.mmap(file.fileno(), 30 << 20) for _ in range(4)]
for one in kept:
    one[:] = b'x' * len(one)
    one.madvise(mmap.MADV_DONTNEED)""",
}
ROOM = 70 << 20  # the process itself takes some 30 MiB


@pytest.mark.parametrize("what", HOARDS)
def test_memory_that_is_not_resident_is_counted(grade: Any, what: str) -> None:
    """Tries to hold memory where nobody looks; all of it is counted, and the process is ended."""
    code = f"{HOARDS[what]}\nimport time\ntime.sleep(2)\n"
    found = grade(limits=sandbox.Limits(together=ROOM), q2=code + sample.Q2)
    assert "too much memory" in found["q2_small"]
    assert found["q1_value"] == found["q3_calls"] == ""


PROGRAM = """
import json, sys
from pathlib import Path
from tools.grading import referee, sandbox
from tools.grading.assignment import load
from tools.grading.withheld import course_copy

assert not sandbox.is_root() and sandbox.shortcomings() == ""
assignment = load(Path(sys.argv[1]))
course = course_copy(assignment.withheld)
base = referee.base_namespace(assignment)
limits = {"hoard.json": sandbox.Limits(together=int(sys.argv[2]))}
said = []
for name in sys.argv[3:]:
    def start():
        return sandbox.Process(course, limits.get(name), sandboxed=name != "open.json")
    notebook = json.loads(Path(name).read_text(encoding="utf-8"))
    said.append({one.test: "" if one.passed else one.message for one in referee.run(assignment, notebook, base, start)})
print(json.dumps(said))
"""


def test_as_an_ordinary_user(filtered: None, tmp_path: Path, assignment: Assignment) -> None:
    """With bubblewrap: right answers pass, every attempt on the kernel fails, memory counts. Without: answers pass."""
    sample.write(tmp_path)
    hoard = HOARDS["empty files"] + "\nimport time\ntime.sleep(2)\n"
    handed_in = {
        "right": sample.answered(assignment),
        "kernel": sample.answered(assignment, q2=kernel.code()),
        "hoard": sample.answered(assignment, q2=hoard + sample.Q2),
        "open": sample.answered(assignment),
    }
    for name, notebook in handed_in.items():
        (tmp_path / f"{name}.json").write_text(nb.text_of(notebook), encoding="utf-8")
    command = [*ordinary_user(), sys.executable, "-c", PROGRAM, f"{sample.NAME}.ipynb", str(ROOM)]
    done = subprocess.run(
        [*command, *(f"{name}.json" for name in handed_in)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    right, attacked, hoarded, unprotected = json.loads(done.stdout)
    assert set(right.values()) == set(unprotected.values()) == {""}
    assert kernel.both_parts(attacked) == kernel.expected()
    assert "too much memory" in hoarded["q2_small"] and hoarded["q3_calls"] == ""


def outcome(program: bytes, number: int, arguments: tuple[int, ...] = (), processor: int = 0xC000003E) -> int:
    """What the filter says of a call: 0 if it is allowed, or its error. Written from the kernel's description."""
    data = struct.pack("=II8x6Q", number, processor, *[*arguments, 0, 0, 0, 0, 0, 0][:6])
    steps = list(struct.iter_unpack("=HBBI", program))
    place = held = 0
    while True:
        code, yes, no, value = steps[place]
        place += 1
        if code == 0x20:
            held = struct.unpack_from("=I", data, value)[0]
        elif code == 0x06:
            assert value == 0x7FFF0000 or value >> 16 == 5
            return 0 if value == 0x7FFF0000 else value & 0xFFFF
        else:
            holds = {0x15: held == value, 0x25: held > value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            place += yes if holds else no


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_the_filter_says_what_the_list_says(machine: str) -> None:
    processor, column, looked_at = seccomp.MACHINES[machine]
    program = seccomp.program(machine)
    assert program is not None
    refused = {numbers[column]: errno.EPERM for numbers in seccomp.REFUSED.values()}
    refused |= {numbers[column]: errno.ENOSYS for numbers in seccomp.UNKNOWN.values()}
    refused |= {looked_at["socket"]: errno.EAFNOSUPPORT, looked_at["socketpair"]: errno.EAFNOSUPPORT}
    for number in range(1000):
        wanted = errno.ENOSYS if number > seccomp.LAST else refused.get(number, 0)
        assert outcome(program, number, processor=processor) == wanted, number
    for other in (0x40000003, 0, 0xC00000F3, 0xC000003E ^ 0xC00000B7 ^ processor):  # i386, none, RISC-V, the other one
        assert outcome(program, 39, processor=other) == errno.ENOSYS
    assert outcome(program, 0x40000000 | 39, processor=processor) == errno.ENOSYS, "the second set of numbers"
    for family in range(50):
        for name in ("socket", "socketpair"):
            wanted = 0 if family == socket.AF_UNIX else errno.EAFNOSUPPORT
            assert outcome(program, looked_at[name], (family,), processor) == wanted
    for bit in range(32):
        wanted = errno.EPERM if bit in (17, *range(25, 31)) else 0
        assert outcome(program, looked_at["clone"], (1 << bit,), processor) == wanted, bit
    assert outcome(program, looked_at["ioctl"], (0, 0x5412), processor) == errno.EPERM
    assert outcome(program, looked_at["ioctl"], (0, 0x5401), processor) == 0


def test_a_processor_without_a_list_has_no_filter_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seccomp.program("riscv64") is None and seccomp.number("keyctl", "riscv64") is None
    monkeypatch.setattr(seccomp, "program", lambda processor=None: None)
    monkeypatch.setattr(sandbox, "abilities", lambda program: sandbox.Abilities(True, False, False))
    assert "without a filter" in sandbox.shortcomings() and "numbers are not known" in sandbox.shortcomings()
    monkeypatch.setattr(sandbox, "abilities", lambda program: sandbox.Abilities(True, True, False))
    assert sandbox.shortcomings() == ""
