"""Which calls of the kernel the closed process may make: a filter that bubblewrap installs (`--seccomp`).

Namespaces take away what a process can see; the filter takes away what the kernel can be asked for in spite of them:
its keyrings, sockets of families that no namespace holds, memory that nobody counts, new namespaces, and the parts of
the kernel in which holes have been found most often.

The filter names what is refused, not what is needed. A list of what Python, NumPy and PyTorch need differs with the
version of the C library and with the processor, and a call that it lacks shows up as a wrong answer of one student.
What it would stop and this one would not is a call that nobody has thought of; so every number beyond the last one
that was looked at (`LAST`) is refused as well, as a kernel of that age would do. Refused calls fail, and end nothing:
libraries ask for such things and go on without.

The numbers are those of Linux on x86_64 and aarch64. On another processor there is no filter, and `make grade` says so.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

LAST = 462  # mseal; those up to here were looked at
NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW* flags of clone: user, mount, network, process and others
TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: typing into a terminal
AF_UNIX = 1  # asyncio and multiprocessing speak through such sockets; all others leave the process
X32 = 0x40000000  # a second set of numbers on x86_64

# Number on x86_64, on aarch64; None where there is no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "setns": (308, 268), "unshare": (272, 97), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "statmount": (457, 457), "listmount": (458, 458),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272), "process_mrelease": (448, 448),
    "shmget": (29, 194), "shmctl": (31, 195), "shmat": (30, 196), "shmdt": (67, 197),
    "semget": (64, 190), "semctl": (66, 191), "semtimedop": (220, 192), "semop": (65, 193),
    "msgget": (68, 186), "msgctl": (71, 187), "msgrcv": (70, 188), "msgsnd": (69, 189),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182), "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184), "mq_getsetattr": (245, 185), "vmsplice": (278, 75),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "lookup_dcookie": (212, 18),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "acct": (163, 89), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "uselib": (134, None),
    "ustat": (136, None), "sysfs": (139, None), "_sysctl": (156, None), "vhangup": (153, 58),
    "personality": (135, 92), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "create_module": (174, None), "get_kernel_syms": (177, None), "query_module": (178, None),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "nfsservctl": (180, 42),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "set_mempolicy_home_node": (450, 450),
    "sched_setaffinity": (203, 122),  # each submission has a processor of its own, and stays there
    "lsm_get_self_attr": (459, 459), "lsm_set_self_attr": (460, 460), "lsm_list_modules": (461, 461),
}  # fmt: skip
# Calls that libraries try first and do without where a kernel does not know them.
UNKNOWN: dict[str, tuple[int | None, int | None]] = {
    "clone3": (435, 435),  # its flags lie in memory, where no filter can look
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "io_setup": (206, 0), "io_destroy": (207, 1), "io_submit": (209, 2), "io_cancel": (210, 3),
    "io_getevents": (208, 4), "io_pgetevents": (333, 292),
    "inotify_init": (253, None), "inotify_init1": (294, 26),
    "landlock_create_ruleset": (444, 444), "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
    "cachestat": (451, 451),
}  # fmt: skip
MACHINES = {  # the kernel's name of the processor, the column above, and the calls whose arguments are looked at
    "x86_64": (0xC000003E, 0, {"clone": 56, "socket": 41, "socketpair": 53, "ioctl": 16}),
    "aarch64": (0xC00000B7, 1, {"clone": 220, "socket": 198, "socketpair": 199, "ioctl": 29}),
}
LOAD, EQUAL, GREATER, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
NUMBER, PROCESSOR, ARGUMENTS = 0, 4, 16  # where the kernel puts them
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def machine() -> str:
    """The processor's name."""
    return platform.machine().lower().replace("arm64", "aarch64").replace("amd64", "x86_64")


def number(name: str, processor: str | None = None) -> int | None:
    """A call's number on this processor."""
    known = MACHINES.get(processor or machine())
    return None if known is None else (REFUSED | UNKNOWN)[name][known[1]]


def program(processor: str | None = None) -> bytes | None:
    """The filter, as the kernel reads it; None for a processor whose numbers are not known."""
    known = MACHINES.get(processor or machine())
    if known is None:
        return None
    name, column, looked_at = known
    parts = [_step(LOAD, PROCESSOR), _step(EQUAL, name, 1, 0), _fail(errno.ENOSYS), _step(LOAD, NUMBER)]
    parts += [_when(GREATER, LAST, errno.ENOSYS)]  # also all of X32
    for calls, error in ((REFUSED, errno.EPERM), (UNKNOWN, errno.ENOSYS)):
        numbers = sorted(found for numbers in calls.values() if (found := numbers[column]) is not None)
        for first, last in _runs(numbers):
            if first == last:
                parts.append(_when(EQUAL, first, error))
            else:
                parts += [_step(AT_LEAST, first, 0, 2), _step(GREATER, last, 1, 0), _fail(error)]
    namespace = [_when(ANY_BIT, NEW_NAMESPACES, errno.EPERM)]
    family = [_step(EQUAL, AF_UNIX, 1, 0), _fail(errno.EAFNOSUPPORT)]
    terminal = [_when(EQUAL, request, errno.EPERM) for request in TERMINAL]
    for call, argument, tests in (
        ("clone", 0, namespace),
        ("socket", 0, family),
        ("socketpair", 0, family),
        ("ioctl", 1, terminal),
    ):
        inside = b"".join([_step(LOAD, ARGUMENTS + 8 * argument), *tests, _step(RETURN, ALLOW)])
        parts += [_step(EQUAL, looked_at[call], 0, len(inside) // 8), inside]
    return b"".join([*parts, _step(RETURN, ALLOW)])


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    """One instruction: what to do, with which value, how many to skip if it holds and if it does not."""
    return struct.pack("=HBBI", code, yes, no, value)


def _fail(error: int) -> bytes:
    return _step(RETURN, FAIL | error)


def _when(test: int, value: int, error: int) -> bytes:
    """Fail where a test holds."""
    return _step(test, value, 0, 1) + _fail(error)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Numbers in order as first and last of each run without a gap."""
    found: list[tuple[int, int]] = []
    for one in numbers:
        if found and found[-1][1] == one - 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return found


def leave_keyring() -> None:
    """Go on with a new, empty session keyring: what is started from here on does not have the instructor's."""
    call = number("keyctl")
    if call is not None:
        ctypes.CDLL(None).syscall(call, 1, None)  # where it is not allowed, there is a filter already
