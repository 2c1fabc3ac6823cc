"""What the processes of one closed place use: processor's time, time of waiting for one, memory of every kind.

Read from /proc, from outside. Memory is more than what is resident: pages that several processes share or that one
has let go of without giving them back, tables of pages, what waits in sockets and pipes, and files without content.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
QUEUE = 1 << 18  # bytes that may wait in an open socket or pipe
ENTRY = 1_500  # bytes that the kernel keeps for a file, be it empty
# Of one process, in KiB. Processes that were forked share their pages until one of them writes; each counts its part.
PART = ("Pss_Anon:", "SwapPss:")
WHOLE = ("RssAnon:", "VmSwap:")  # where the kernel does not tell parts: too much rather than too little
TABLES = ("VmPTE:",)


def children(pid: int) -> list[int]:
    """A process's children, their children, and so on."""
    try:
        found: list[int] = []
        waiting = [pid]
        while waiting:
            parent = waiting.pop()
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{parent}/task"):
                    below = [int(word) for word in Path(f"/proc/{parent}/task/{task}/children").read_text().split()]
                    found += below
                    waiting += below
        return found if found else [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


class Family:
    """A process and all that it has started."""

    def __init__(self, pid: int, places: Sequence[str] = ()) -> None:
        """`places` are folders, as they are named in there, whose files lie in memory."""
        self.pid, self.places = pid, places
        self.members: list[int] = []
        self.delays: dict[int, float] = {}  # by process; also those that have ended

    def look(self) -> list[int]:
        """See who is there now: the process itself, which may be bubblewrap, and all below it."""
        self.members = [self.pid, *children(self.pid)]
        return self.members

    def cpu_seconds(self) -> float:
        """The processor's time that they have used so far, with what they have started and seen end."""
        used = 0
        for member in self.members or self.look():
            with contextlib.suppress(OSError, ValueError, IndexError):
                words = Path(f"/proc/{member}/stat").read_bytes().rpartition(b")")[2].split()
                used += sum(int(word) for word in words[11:15])
        return used / TICKS

    def waited(self) -> float:
        """How long they have been ready to run and had no processor, so far; only differences mean something."""
        for member in self.members or self.look():
            with contextlib.suppress(OSError, ValueError, IndexError):
                self.delays[member] = int(Path(f"/proc/{member}/schedstat").read_bytes().split()[1]) / 1e9
        return sum(self.delays.values())

    def memory(self) -> int:
        """Bytes of all kinds that they hold."""
        used = 0
        shared: dict[str, int] = {}
        for member in self.members:
            with contextlib.suppress(OSError, ValueError, IndexError):
                used += own_memory(member)
                used += QUEUE * len(os.listdir(f"/proc/{member}/fd"))
                for inode, size in shared_mappings(member):
                    shared[inode] = max(size, shared.get(inode, 0))
        return used + sum(shared.values()) + self.files()

    def files(self) -> int:
        """Bytes of the files that lie in memory, their names included."""
        for member in self.members if self.places else ():
            if member == self.pid:  # bubblewrap, which is outside
                continue
            with contextlib.suppress(OSError):
                found = [os.statvfs(f"/proc/{member}/root{place}") for place in self.places]
                return sum(
                    (one.f_blocks - one.f_bfree) * one.f_frsize + (one.f_files - one.f_ffree) * ENTRY for one in found
                )
        return 0


def own_memory(pid: int) -> int:
    """Bytes of a process's own pages and of the tables that find them."""
    status = lines_of(f"/proc/{pid}/status", (*WHOLE, *TABLES))
    parts: dict[str, int] = {}
    with contextlib.suppress(OSError, ValueError, IndexError):  # of a process that lets nobody look, or an old kernel
        parts = lines_of(f"/proc/{pid}/smaps_rollup", PART)
    pages = parts if len(parts) == len(PART) else {name: status.get(name, 0) for name in WHOLE}
    return sum(pages.values()) + sum(status.get(name, 0) for name in TABLES)


def lines_of(path: str, names: tuple[str, ...]) -> dict[str, int]:
    """The lines that begin with these names, which give KiB, in bytes."""
    lines = (line.split() for line in Path(path).read_text().splitlines() if line.startswith(names))
    return {words[0]: int(words[1]) << 10 for words in lines}


def shared_mappings(pid: int) -> Iterator[tuple[str, int]]:
    """Memory that a process can write and others may see, by its inode: it stays when it is no longer resident."""
    for line in Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines():
        addresses, rights, _, device, inode, *_ = line.split(maxsplit=5)
        if rights[1] == "w" and rights[3] == "s":
            first, last = (int(end, 16) for end in addresses.split("-"))
            yield f"{device} {inode}", last - first
