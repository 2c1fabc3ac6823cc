"""Messages over a pair of pipes: a length, the JSON part, the arrays. Both ends use it.

The reader at the grader's end trusts nothing: it looks at the length before it reads, it stops at a deadline, and
bytes that are no message end the conversation. A student who writes onto the pipe breaks or falsifies the replies to
his own calls, which is no more than his own functions could return.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import Any

from tools.grading.encoding import BLOB_BYTES, HEAD, TEXT_BYTES, EncodingError, Reader, Writer


class Ended(Exception):
    """The other side has gone, or sends what is no message."""


class TooLate(Exception):
    """The deadline came before the message."""


Deadline = float | Callable[[], float] | None  # a moment of time.monotonic, or what tells the seconds that are left


def seconds_left(deadline: float | Callable[[], float]) -> float:
    """How long to wait now, at most; at the deadline TooLate."""
    left = deadline() if callable(deadline) else deadline - time.monotonic()
    if left <= 0:
        raise TooLate
    return left


class Wire:
    """One end of the conversation."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self.waiting = bytearray()  # read, and not yet asked for

    def send(self, value: Any, writer: Writer | None = None, deadline: Deadline = None) -> None:
        """Write one message."""
        self.write((writer or Writer()).message(value), deadline)

    def write(self, content: bytes, deadline: Deadline) -> None:
        """Write bytes; with a deadline the pipe must not block, and a full one is waited for."""
        rest = memoryview(content)
        while rest:
            if deadline is not None and not select.select([], [self.outgoing], [], seconds_left(deadline))[1]:
                continue
            try:
                rest = rest[os.write(self.outgoing, rest[: 1 << 16]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Ended(str(error)) from None

    def receive(self, reader: Reader | None = None, deadline: Deadline = None) -> Any:
        """Read one message."""
        text_size, blob_size = HEAD.unpack(self.read(HEAD.size, deadline))
        if text_size > TEXT_BYTES or blob_size > BLOB_BYTES:
            raise Ended("a message announces more bytes than are allowed")
        text = self.read(text_size, deadline)
        arrays = self.read(blob_size, deadline)
        try:
            return (reader or Reader()).message(text, arrays)
        except EncodingError as error:
            raise Ended(str(error)) from None

    def read(self, size: int, deadline: Deadline) -> bytes:
        """Exactly so many bytes."""
        while len(self.waiting) < size:
            if deadline is not None and not select.select([self.incoming], [], [], seconds_left(deadline))[0]:
                continue
            try:
                piece = os.read(self.incoming, min(max(size - len(self.waiting), 1 << 16), 1 << 20))
            except OSError as error:
                raise Ended(str(error)) from None
            if not piece:
                raise Ended("the process has ended")
            self.waiting += piece
        found = bytes(self.waiting[:size])
        del self.waiting[:size]
        return found
