"""Code for a cell that asks the kernel for what a submission must not have. It runs in the closed process, not here.

`loot` holds for each attempt how it ended: the name of an error of the system, or what it got.
"""

from __future__ import annotations

import ast
from typing import Any

from tools.grading import seccomp

SECRET = "symrl-secret-of-the-instructor"
HEAD = """
import ctypes, errno, os, socket, sys
loot = {}
kernel = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    ctypes.set_errno(0)
    got = kernel.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return got if got != -1 else errno.errorcode[ctypes.get_errno()]

def read(place):
    try:
        with open(place, "rb") as file:
            return file.read()
    except OSError as error:
        return errno.errorcode[error.errno]

def connects(family, kind=socket.SOCK_STREAM):
    try:
        socket.socket(family, kind).close()
        return "open"
    except OSError as error:
        return errno.errorcode[error.errno]
"""
# A message is cut after some hundred letters: one test shows the first half, the other the second.
TAIL = """
def mirrored(x):
    parts = list(loot.items())
    raise RuntimeError(repr(dict(parts[:20] if np.ndim(x) == 1 else parts[20:])))
"""
CALLS = {  # the call, its arguments
    "to add a key for the next submission": ("add_key", "b'user', b'message', b'hello', 5, -3"),
    "to look for a key of the instructor's": ("request_key", f"b'user', b'{SECRET}', None, 0"),
    "to read the session keyring": ("keyctl", "11, -3, ctypes.create_string_buffer(99), 99"),
    "to join another keyring": ("keyctl", "1, None"),
    "a user namespace": ("unshare", "0x10000000"),
    "a mount namespace": ("unshare", "0x20000"),
    "to enter a namespace": ("setns", "0, 0"),
    "to mount a file system": ("mount", "b'x', b'/student', b'tmpfs', 0, None"),
    "to trace a process": ("ptrace", "0, 0, 0, 0"),
    "to read the memory of the first process": ("process_vm_readv", "1, None, 0, None, 0, 0"),
    "a program in the kernel": ("bpf", "0, None, 0"),
    "to watch the machine's counters": ("perf_event_open", "ctypes.create_string_buffer(128), 0, -1, -1, 0"),
    "to stop the kernel at a page": ("userfaultfd", "0"),
    "another processor": ("sched_setaffinity", "0, 8, ctypes.byref(ctypes.c_ulong(-1))"),
    "shared memory that stays": ("shmget", "0, 1 << 20, 0o1600"),
    "a queue of messages": ("mq_open", "b'/x', 0o102, 0o600, None"),
    "pages in a pipe": ("vmsplice", "0, None, 0, 0"),
    "a handle of a file": ("open_by_handle_at", "0, None, 0"),
}
UNKNOWN = {
    "memory without a name": ("memfd_create", "b'x', 0"),
    "the kernel's own queue of work": ("io_uring_setup", "4, ctypes.create_string_buffer(256)"),
    "another queue of work": ("io_setup", "4, ctypes.byref(ctypes.c_ulong(0))"),
}
CLONE = {"x86_64": 56, "aarch64": 220}
FAMILIES = {"AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17, "AF_ALG": 38, "AF_VSOCK": 40, "AF_XDP": 44}


def code() -> str:
    """The cell."""
    lines = [HEAD]
    for what, (name, arguments) in {**CALLS, **UNKNOWN}.items():
        lines.append(f"loot[{what!r}] = call({seccomp.number(name)}, {arguments})")
    lines.append(f"loot['clone'] = call({CLONE.get(seccomp.machine())}, 0x10000011, 0, 0, 0, 0)")
    lines.append("if loot['clone'] == 0: os._exit(0)")
    lines.append("loot['a call of the future'] = call(500)")
    for name, number in FAMILIES.items():
        kind = {38: "socket.SOCK_SEQPACKET", 16: "socket.SOCK_RAW", 17: "socket.SOCK_RAW", 44: "socket.SOCK_RAW"}
        lines.append(f"loot[{name!r}] = connects({number}, {kind.get(number, 'socket.SOCK_STREAM')})")
    lines.append("loot['/proc/keys'] = read('/proc/keys')")
    lines.append("loot['the memory of the first process'] = read('/proc/1/mem')")
    lines.append("loot['the variables of the first process'] = read('/proc/1/environ')")
    lines.append("loot['what is installed'] = [name for p in ('local', 'src') for name in os.listdir('/usr/' + p)]")
    return "\n".join(lines) + "\n" + TAIL


def expected() -> dict[str, object]:
    """How each attempt must end."""
    ends: dict[str, object] = dict.fromkeys(CALLS, "EPERM") | dict.fromkeys(UNKNOWN, "ENOSYS")
    ends |= {"clone": "EPERM", "a call of the future": "ENOSYS"} | dict.fromkeys(FAMILIES, "EAFNOSUPPORT")
    ends |= {"/proc/keys": b"", "what is installed": []}
    return ends | {f"the {what} of the first process": "EACCES" for what in ("memory", "variables")}


def loot(said: str) -> dict[str, Any]:
    """What an answer that raised its loot has brought."""
    text = said.removeprefix("Your function raised RuntimeError: ")
    assert text.startswith("{"), said
    found: dict[str, Any] = ast.literal_eval(text)
    return found


def both_parts(found: dict[str, str]) -> dict[str, Any]:
    """The whole loot, from the messages of two tests."""
    assert found["q1_value"] == found["q3_calls"] == "", "the others keep their marks"
    return {**loot(found["q2_small"]), **loot(found["q2_general"])}
