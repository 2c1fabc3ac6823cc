"""Data between the tests and a student's process: JSON for the shape of it, raw bytes for arrays.

Never pickle: reading a pickle runs code, and what comes from the student's side is a stranger's. Reading what this
module wrote makes numbers, strings, containers and arrays, and nothing else. Depth, number of parts, digits and
bytes are limited, so that the worst message is refused and not the reader's end.

A group, a representation or an MDP goes only from the tests to the student. Anything else that a student returns
arrives as a `Foreign`: a name tag of what it was, equal to nothing.
"""

from __future__ import annotations

import json
import math
import re
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from tools.grading.kinds import array_of, is_plain, numbers_of, plain

DEPTH = 24  # containers in containers
PARTS = 400_000  # numbers, strings and containers of a message
TEXT_BYTES = 16_000_000  # the JSON part
BLOB_BYTES = 128_000_000  # the arrays
INTEGER_BITS = 4_096
RANGE_LENGTH = 1_000_000
KEYS = 5_000  # of a set or a dictionary: a stranger can choose them so that each collides with all others
DTYPE = re.compile(r"[<>|]?(?:b1|[iu][1248]|f[248]|c8|c16)")  # NumPy reads other texts of a stranger at its peril
COURSE_OBJECTS = ("FiniteGroup", "Representation", "TabularMDP")
DAMAGE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError, MemoryError)
HEAD = struct.Struct(">II")  # bytes of the JSON part, bytes of the arrays


class EncodingError(ValueError):
    """A value that cannot cross, or bytes that no encoder wrote."""


class Foreign:
    """What stands for a returned object that is no data. It does nothing and is equal to nothing."""

    __slots__ = ("kind",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __eq__(self, other: object) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<an object of type {self.kind}, not data>"


class Writer:
    """Turns one message into bytes. `keep` takes a function and returns the number that the other side calls it by."""

    def __init__(self, keep: Callable[[Any], int] | None = None, course: bool = False) -> None:
        self.keep, self.course = keep, course
        self.blobs: list[bytes] = []
        self.parts = self.size = 0

    def message(self, value: Any) -> bytes:
        """The bytes of a whole message."""
        text = json.dumps(self.tree(value, 0), separators=(",", ":")).encode("ascii")
        sizes = json.dumps([len(blob) for blob in self.blobs]).encode("ascii")
        text = sizes + b"\n" + text
        if len(text) > TEXT_BYTES:
            raise EncodingError(f"the value needs more than {TEXT_BYTES} bytes of text")
        return HEAD.pack(len(text), self.size) + text + b"".join(self.blobs)

    def blob(self, content: bytes) -> int:
        """Keep raw bytes; their number."""
        self.size += len(content)
        if self.size > BLOB_BYTES:
            raise EncodingError(f"the value holds more than {BLOB_BYTES} bytes of arrays")
        self.blobs.append(content)
        return len(self.blobs) - 1

    def array(self, tag: str, value: Any) -> list[Any]:
        """An array of numbers as its type, shape and bytes."""
        numbers = np.ascontiguousarray(value)
        numbers = numbers.astype(numbers.dtype.newbyteorder("<"), copy=False)
        return [tag, numbers.dtype.str, list(np.shape(value)), self.blob(numbers.tobytes())]

    def tree(self, value: Any, depth: int) -> Any:
        """A value as JSON; everything but None, booleans, small integers and strings becomes [tag, ...]."""
        self.parts += 1
        if depth > DEPTH or self.parts > PARTS:
            raise EncodingError(f"the value is nested deeper than {DEPTH} or has more than {PARTS} parts")
        below = depth + 1
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) and not isinstance(value, np.generic):
            if value.bit_length() > INTEGER_BITS:
                raise EncodingError(f"an integer has more than {INTEGER_BITS} bits")
            return int(value) if value.bit_length() < 63 else ["i", hex(value)]
        if isinstance(value, np.ndarray | np.generic):
            return self.numpy(value, below)
        if isinstance(value, float):
            return ["f", float.hex(float(value))]
        if isinstance(value, complex):
            return ["c", float.hex(value.real), float.hex(value.imag)]
        if isinstance(value, bytes | bytearray):
            return ["b", self.blob(bytes(value))]
        if isinstance(value, list | tuple):
            return ["l" if isinstance(value, list) else "t", [self.tree(part, below) for part in value]]
        if isinstance(value, dict | set | frozenset) and len(value) > KEYS:
            raise EncodingError(f"a set or a dictionary has more than {KEYS} entries")
        if isinstance(value, dict):
            return ["d", [[self.tree(key, below), self.tree(part, below)] for key, part in value.items()]]
        if isinstance(value, set | frozenset):
            return ["s", [self.tree(part, below) for part in value], isinstance(value, frozenset)]
        if isinstance(value, range):
            if len(value[: RANGE_LENGTH + 1]) > RANGE_LENGTH:
                raise EncodingError(f"a range is longer than {RANGE_LENGTH}")
            return ["r", value.start, value.stop, value.step]
        return self.other(value, below)

    def numpy(self, value: Any, depth: int) -> Any:
        """An array or a scalar of NumPy: numbers as bytes, strings one by one."""
        if value.dtype.kind in "fc":
            value = value if is_plain(value.dtype) else plain(value)
        if is_plain(value.dtype):
            return self.array("a" if isinstance(value, np.ndarray) else "n", value)
        if value.dtype.kind == "U":
            texts = value.ravel().tolist() if isinstance(value, np.ndarray) else [str(value)]
            self.parts += len(texts)
            if self.parts > PARTS:
                raise EncodingError(f"the value has more than {PARTS} parts")
            return ["u", texts, list(value.shape), isinstance(value, np.ndarray)]
        if value.dtype.kind == "O" and isinstance(value, np.ndarray):
            found = array_of(value)
            return self.tree(value.tolist(), depth) if found is None else self.array("a", found)
        return ["x", f"numpy array of {value.dtype}"]

    def other(self, value: Any, depth: int) -> Any:
        """Tensors, functions where they may cross, the course's objects where they may, and name tags."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return self.array("T", numbers_of(value, torch))
        data = plain(value)
        if data is not value:
            return self.tree(data, depth)
        name = type(value).__name__
        if self.course and name in COURSE_OBJECTS and type(value).__module__.startswith("symrl_lite."):
            return ["o", name, self.tree(_fields(name, value), depth)]
        if self.keep is not None and callable(value) and not isinstance(value, type):
            return ["p", self.keep(value), str(getattr(value, "__name__", "function"))[:80]]
        return ["x", name[:80]]


def check_shape(shape: Any) -> None:
    """Refuse what is no array's shape, and one whose other lengths are absurd beside a length of 0."""
    possible = type(shape) is list and len(shape) <= 32
    if not possible or not all(type(length) is int and 0 <= length <= BLOB_BYTES for length in shape):
        raise EncodingError("an array has no possible shape")
    if math.prod(length or 1 for length in shape) > BLOB_BYTES:
        raise EncodingError("an array has no possible shape")


def _fields(name: str, value: Any) -> tuple[Any, ...]:
    """What the constructor of one of the course's objects takes."""
    if name == "FiniteGroup":
        return np.asarray(value.table), tuple(value.names), value.name
    if name == "Representation":
        return value.group, np.asarray(value.matrices), value.name
    rows = value.rows if not value.is_sparse else value.rows.toarray()
    transitions = np.asarray(rows).reshape(value.n_states, value.n_actions, value.n_states)
    return transitions, np.asarray(value.rewards), value.discount, np.asarray(value.available)


def _course_object(name: str, fields: tuple[Any, ...]) -> Any:
    """One of the course's objects, made by the package as it is on this side."""
    if name == "TabularMDP":
        from symrl_lite.mdp import TabularMDP

        return TabularMDP(*fields)
    from symrl_lite import groups

    return getattr(groups, name)(*fields)


class Reader:
    """Turns bytes into one message. `call` makes a callable of a number; without it functions are refused."""

    def __init__(self, call: Callable[[int, str], Any] | None = None, course: bool = False) -> None:
        self.call, self.course = call, course
        self.blobs: list[bytes] = []
        self.parts = self.read = 0

    def message(self, text: bytes, arrays: bytes) -> Any:
        """The value, or EncodingError: no other exception, whatever the bytes are."""
        try:
            sizes_text, _, tree_text = text.partition(b"\n")
            sizes = json.loads(sizes_text)
            if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != len(arrays):
                raise EncodingError("the arrays do not have the sizes that the message names")
            start = 0
            for size in sizes:
                self.blobs.append(arrays[start : start + size])
                start += size
            return self.value(json.loads(tree_text), 0)
        except EncodingError:
            raise
        except DAMAGE as error:
            raise EncodingError(f"the message is damaged: {type(error).__name__}: {error}"[:300]) from None

    def value(self, tree: Any, depth: int) -> Any:
        """The value of a piece of JSON."""
        self.parts += 1
        if depth > DEPTH or self.parts > PARTS:
            raise EncodingError("the message is nested too deeply or has too many parts")
        if tree is None or type(tree) in (bool, int, str):
            return tree
        if type(tree) is not list or not tree or type(tree[0]) is not str:
            raise EncodingError("the message holds something without a tag")
        tag, *rest = tree
        below = depth + 1
        if tag in ("a", "n", "T"):
            return self.array(tag, *rest)
        if tag == "l":
            return [self.value(part, below) for part in rest[0]]
        if tag == "t":
            return tuple([self.value(part, below) for part in rest[0]])
        if tag in ("d", "s") and len(rest[0]) > KEYS:
            raise EncodingError(f"a set or a dictionary has more than {KEYS} entries")
        if tag == "d":
            return {self.value(key, below): self.value(part, below) for key, part in rest[0]}
        if tag == "s":
            parts = [self.value(part, below) for part in rest[0]]
            return frozenset(parts) if rest[1] else set(parts)
        if tag == "f":
            return float.fromhex(rest[0])
        if tag == "c":
            return complex(float.fromhex(rest[0]), float.fromhex(rest[1]))
        return self.rare(tag, rest, below)

    def rare(self, tag: str, rest: list[Any], depth: int) -> Any:
        """The tags that few messages hold."""
        if tag == "i":
            if len(rest[0]) > INTEGER_BITS // 4 + 4:
                raise EncodingError("an integer is too long")
            return int(rest[0], 16)
        if tag == "b":
            return self.bytes_of(rest[0])
        if tag == "r":
            found = range(*(int(part) for part in rest))
            if len(found) > RANGE_LENGTH:
                raise EncodingError(f"a range is longer than {RANGE_LENGTH}")
            return found
        if tag == "u":
            return self.strings(*rest)
        if tag == "x":
            return Foreign(str(rest[0])[:120])
        if tag == "p" and self.call is not None:
            return self.call(int(rest[0]), str(rest[1]))
        if tag == "o" and self.course and rest[0] in COURSE_OBJECTS:
            return _course_object(rest[0], self.value(rest[1], depth))
        raise EncodingError(f"the message holds the unknown tag {tag[:20]!r}")

    def strings(self, texts: Any, shape: list[int], whole: bool) -> Any:
        """An array of strings, each of which takes the room of the longest."""
        if type(texts) is not list or not all(type(text) is str for text in texts):
            raise EncodingError("an array of strings holds something else")
        check_shape(shape)
        self.parts += len(texts)
        self.read += 4 * len(texts) * max(map(len, texts), default=1)
        if self.parts > PARTS or self.read > BLOB_BYTES:
            raise EncodingError("the message has too many or too long strings")
        found = np.array(texts, dtype=str).reshape(shape)
        return found if whole else found[()]

    def bytes_of(self, number: int) -> bytes:
        """Raw bytes, which a message may name more than once, but not for ever."""
        self.read += len(self.blobs[number])
        if self.read > BLOB_BYTES:
            raise EncodingError(f"the message holds more than {BLOB_BYTES} bytes of arrays")
        return self.blobs[number]

    def array(self, tag: str, kind: str, shape: list[int], number: int) -> Any:
        """An array, a scalar or a tensor from its bytes."""
        if type(kind) is not str or not DTYPE.fullmatch(kind):
            raise EncodingError(f"arrays of {str(kind)[:20]!r} do not cross")
        dtype = np.dtype(kind)
        check_shape(shape)
        values = np.frombuffer(bytearray(self.bytes_of(number)), dtype=dtype).reshape(shape)
        if dtype.kind == "b":
            values = np.asarray(values.view("u1") != 0)  # a byte of 7 would be neither true nor false
        if tag == "n":
            return values.reshape(())[()]
        if tag == "T":
            import torch

            return torch.from_numpy(values)
        return values
