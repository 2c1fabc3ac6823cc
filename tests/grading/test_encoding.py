"""What crosses between the processes: everything that may, unchanged; nothing else; and no bytes break the reader."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import threading
import time
from array import array
from collections import Counter, UserDict, UserList, UserString, deque
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from symrl_lite.groups import dihedral, regular
from symrl_lite.mdp import TabularMDP
from tools.grading.encoding import DEPTH, HEAD, EncodingError, Foreign, Reader, Writer
from tools.grading.wire import Ended, TooLate, Wire

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**200), 2**200)
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.builds(range, st.integers(-50, 50), st.integers(-50, 50), st.sampled_from([-3, 1, 2]))
)
KEYS = st.none() | st.integers() | st.text(max_size=5) | st.tuples(st.integers(), st.text(max_size=3))
DTYPES = st.sampled_from(["?", "i1", "<i4", ">i8", "u2", "f2", "<f4", ">f8", "c8", "c16", "U3"])
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.sets(KEYS, max_size=4)
        | st.frozensets(KEYS, max_size=4)
    ),
    max_leaves=12,
)


def crossed(value: Any, **options: Any) -> Any:
    content = Writer(course=options.get("course", False)).message(value)
    text, arrays = HEAD.unpack(content[: HEAD.size])
    assert HEAD.size + text + arrays == len(content)
    return Reader(**options).message(content[HEAD.size : HEAD.size + text], content[HEAD.size + text :])


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        equal_nan = one.dtype.kind in "fc"
        return (
            type(other) is np.ndarray
            and one.shape == other.shape
            and (
                one.dtype.kind == other.dtype.kind == "U"
                or one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
            )
            and np.array_equal(one, other, equal_nan=equal_nan)
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float | complex):
        return repr(one) == repr(other)
    return bool(one == other)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_data_crosses_unchanged(value: Any) -> None:
    assert same(value, crossed(value))


@given(hnp.arrays("f8", 3), st.sampled_from(["f4", "i8", "?", "c16"]))
def test_scalars_of_numpy_cross_with_their_type(values: Any, dtype: str) -> None:
    with np.errstate(all="ignore"):
        one = np.array([1.5, 0, -2]).astype(dtype)[0]
    other = crossed(one)
    assert type(other) is type(one) and other == one


def test_tensors_and_unusual_arrays_cross() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6.0, requires_grad=True).reshape(2, 3)
    assert torch.equal(crossed(tensor), tensor.detach()) and not crossed(tensor).requires_grad
    assert np.array_equal(crossed(np.arange(6).reshape(2, 3).T), np.arange(6).reshape(2, 3).T)
    assert crossed(np.float64(2.5)) == 2.5 and crossed(np.array(3.0)).shape == ()


def test_a_forged_truth_value_is_true_or_false() -> None:
    """Tries to send a boolean that is neither; every byte but 0 arrives as true."""
    there = Reader().message(*message(["a", "|b1", [3], 0], [b"\x00\x01\x07"]))
    assert there.dtype == bool and there.view("u1").tolist() == [0, 1, 1]


def test_the_course_objects_go_one_way_only() -> None:
    G = dihedral(4)
    there = crossed((G, regular(G)), course=True)
    assert np.array_equal(there[0].table, G.table) and there[0].names == G.names and there[1] == regular(G)
    mdp = TabularMDP([[[1, 0], [0, 1]], [[0, 1], [0, 1]]], [[0, 1], [0, 0]], discount=0.9)
    there = crossed(mdp, course=True)
    assert np.array_equal(there.transitions, mdp.transitions) and there.discount == 0.9
    assert isinstance(crossed(G), Foreign), "from a student's side a group is a name tag"
    content = Writer(course=True).message(G)
    text, _ = HEAD.unpack(content[: HEAD.size])
    with pytest.raises(EncodingError, match="unknown tag"):
        Reader().message(content[HEAD.size : HEAD.size + text], content[HEAD.size + text :])


class Evil:
    """Pretends to be whatever is asked for."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__

    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/pickled",)


@pytest.mark.parametrize(
    "value",
    [Evil(), object(), Evil, print, open, iter([1]), (1 + 1j == 1j and 0) or memoryview(b"x")],
)
def test_what_is_no_data_arrives_as_a_name_tag_that_equals_nothing(value: Any) -> None:
    there = crossed(value)
    assert isinstance(there, Foreign)
    assert there != there and there != 1 and there != value
    with pytest.raises(TypeError):
        hash(there)
    with pytest.raises(TypeError):
        np.allclose(there, 1.0)


def test_subclasses_arrive_as_the_plain_type() -> None:
    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = int.__hash__

    class Text(str):
        pass

    class Numbers(np.ndarray):
        def __eq__(self, other: object) -> Any:
            return True

    assert type(crossed(Liar(7))) is int and crossed(Liar(7)) != 8
    assert type(crossed(Text("a"))) is str
    assert type(crossed(np.arange(3).view(Numbers))) is np.ndarray


def test_limits_on_the_way_out() -> None:
    deep: Any = 1
    for _ in range(DEPTH + 2):
        deep = [deep]
    for value in (deep, [0] * 500_000, 1 << 5000, range(10**15), range(10**30), dict.fromkeys(range(6000))):
        with pytest.raises(EncodingError):
            Writer().message(value)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(EncodingError):
        Writer().message(endless)


def message(tree: Any, blobs: list[bytes] = []) -> tuple[bytes, bytes]:  # noqa: B006
    return json.dumps([len(blob) for blob in blobs]).encode() + b"\n" + json.dumps(tree).encode(), b"".join(blobs)


@pytest.mark.parametrize(
    ("tree", "blobs"),
    [
        (["a", "O", [1], 0], [b"x" * 8]),
        (["a", "<f8", [2], 0], [b"x" * 8]),
        (["a", "<f8", [-1], 0], [b"x" * 8]),
        (["a", "<f8", [1] * 40, 0], [b"x" * 8]),
        (["a", "<f8,<i4", [1], 0], [b"x" * 12]),
        (["a", "M8[s]", [1], 0], [b"x" * 8]),
        (["a", "M8[D/0]", [1], 0], [b"x" * 8]),
        (["n", "M8[D/0]", [], 0], [b"x" * 8]),
        (["a", "m8[0D]", [1], 0], [b"x" * 8]),
        (["a", "<f16", [1], 0], [b"x" * 16]),
        (["a", "f8,f8", [1], 0], [b"x" * 16]),
        (["a", "(9999999,)f8", [1], 0], [b"x" * 8]),
        (["a", ["f8"], [1], 0], [b"x" * 8]),
        (["a", "<f8", [0, 10**12], 0], [b""]),
        (["a", "<f8", [0, 10**5, 10**5], 0], [b""]),
        (["u", [["x"]], [1], True], []),
        (["u", ["l", ["x"]], [1], True], []),
        (["u", [["a", "<f8", [1], 0]], [1], True], [b"x" * 8]),
        (["u", ["x", "y"], [3], True], []),
        (["u", ["x"], [0, 10**12], True], []),
        (["a", "V8", [1], 0], [b"x" * 8]),
        (["a", "<f8", [1], 5], []),
        (["b", 3], []),
        (["d", [[["l", []], 1]]], []),
        (["s", [["l", []]], False], []),
        (["i", "0x" + "f" * 5000], []),
        (["r", 0, 10**15, 1], []),
        (["f", "nothing"], []),
        (["p", 0, "f"], []),
        (["o", "FiniteGroup", ["t", []]], []),
        (["z"], []),
        ({"a": 1}, []),
        ([], []),
        ([["l"]], []),
        (1.5, []),
    ],
    ids=lambda value: str(value)[:30],
)
def test_forged_messages_are_refused(tree: Any, blobs: list[bytes]) -> None:
    with pytest.raises(EncodingError):
        Reader().message(*message(tree, blobs))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"[]\n",
        b"[1]\n1",
        b"[]\n" + b"[" * 200_000,
        b"[]\n" + b"9" * 10_000,
        b"\xff\xfe",
        b"[-5]\n1",
        b'["1"]\n1',
    ],
    ids=lambda value: repr(value[:12]),
)
def test_bytes_that_no_encoder_wrote_are_refused(content: bytes) -> None:
    with pytest.raises(EncodingError):
        Reader().message(content, b"")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.binary(max_size=40))
def test_no_bytes_break_the_reader(text: bytes, arrays: bytes) -> None:
    with contextlib.suppress(EncodingError):
        Reader().message(text, arrays)


def test_a_pickle_is_bytes_like_any_other() -> None:
    with pytest.raises(EncodingError):
        Reader().message(pickle.dumps(Evil()), b"")


def pipe() -> tuple[Wire, int]:
    incoming, outgoing = os.pipe()
    return Wire(incoming, -1), outgoing


def test_a_giant_announcement_is_refused_before_it_is_read() -> None:
    wire, outgoing = pipe()
    os.write(outgoing, HEAD.pack(2**32 - 1, 2**32 - 1))
    with pytest.raises(Ended, match="more bytes"):
        wire.receive(deadline=time.monotonic() + 5)


def test_a_message_that_never_ends_runs_into_the_deadline() -> None:
    wire, outgoing = pipe()
    os.write(outgoing, HEAD.pack(100, 0))
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.05):
            os.write(outgoing, b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    begin = time.monotonic()
    with pytest.raises(TooLate):
        wire.receive(deadline=begin + 0.4)
    assert time.monotonic() - begin < 2
    stop.set()
    thread.join()


def test_the_end_of_the_other_side_is_noticed() -> None:
    wire, outgoing = pipe()
    os.close(outgoing)
    with pytest.raises(Ended):
        wire.receive(deadline=time.monotonic() + 5)


UNUSUAL = [
    (Fraction(21, 2), 10.5),
    (Decimal("10.5"), 10.5),
    (Decimal("1e400"), float("inf")),
    (deque([1, Decimal(2)]), [1, 2.0]),
    (UserList([1, 2]), [1, 2]),
    ({"a": 1}.keys(), {"a"}),
    ({"a": 1}.items(), {("a", 1)}),
    ({"a": 1}.values(), [1]),
    (MappingProxyType({"a": 1}), {"a": 1}),
    (UserDict({"a": 1}), {"a": 1}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (UserString("abc"), "abc"),
    (array("u", "ab"), ["a", "b"]),
    (np.longdouble(0.5), 0.5),
    (np.clongdouble(0.5 + 1j), 0.5 + 1j),
]


@pytest.mark.parametrize(("value", "expected"), UNUSUAL, ids=lambda value: type(value).__name__)
def test_values_of_unusual_types_are_the_data_that_they_are(value: Any, expected: Any) -> None:
    """What passes a visible test by its == passes a hidden one."""
    there = crossed(value)
    assert there == expected and not isinstance(there, Foreign)


def test_arrays_and_tensors_of_unusual_types_are_numbers() -> None:
    torch = pytest.importorskip("torch")
    assert np.isnan(crossed(Decimal("nan"))) and np.isnan(crossed(Decimal("sNaN")))
    assert np.array_equal(crossed(array("d", [1, 2.5])), [1, 2.5]) and crossed(array("i", [1])).dtype == np.int32
    long = np.array([[0.5, 1 / 3]], dtype=np.longdouble)
    assert np.allclose(crossed(long), [[0.5, 1 / 3]], rtol=0, atol=1e-15) and crossed(long).dtype == np.float64
    assert np.array_equal(crossed(long.astype(np.clongdouble)), long.astype(complex))
    third = torch.tensor([0.5, 0.25], dtype=torch.bfloat16)
    assert torch.equal(crossed(third), third.float())
    assert torch.equal(crossed(torch.eye(3).to_sparse()), torch.eye(3))
    assert crossed(torch.tensor([1 + 2j]).conj())[0] == 1 - 2j


def test_many_or_long_strings_are_refused_before_they_take_room() -> None:
    """Tries to keep the reader busy with strings, each of which would take the room of the longest."""
    begin = time.monotonic()
    long = ["x" * 1_000_000] + ["y"] * 300_000
    with pytest.raises(EncodingError, match="too long strings"):
        Reader().message(*message(["u", long, [len(long)], True]))
    with pytest.raises(EncodingError, match="too many"):
        Reader().message(*message(["u", ["x"] * 400_001, [400_001], True]))
    with pytest.raises(EncodingError, match="parts"):
        Writer().message(np.array(["x"] * 400_001))
    assert time.monotonic() - begin < 10


def test_fractions_and_arrays_of_objects_are_numbers_and_lists() -> None:
    assert np.array_equal(crossed(np.array([[1, 2]], dtype=object)), [[1, 2]])
    decimals = crossed(np.array([[Decimal("0.5"), Fraction(1, 4)]], dtype=object))
    assert decimals.dtype == np.float64 and np.array_equal(decimals, [[0.5, 0.25]])
    assert crossed(np.array([True, False], dtype=object)).dtype == bool
    assert crossed(np.array([1 + 1j, 2], dtype=object)).dtype == np.complex128
    nothing = crossed(np.zeros((0, 2, 1), dtype=object))
    assert nothing.shape == (0, 2, 1) and nothing.dtype == np.float64
    assert crossed(np.array([1 << 70, 1], dtype=object)) == [1 << 70, 1]
    assert crossed(np.array(["a", None], dtype=object)) == ["a", None]
    (one,) = crossed(np.array([Evil()]))
    assert isinstance(one, Foreign)


def test_many_keys_and_bytes_that_are_named_again_and_again_are_refused() -> None:
    with pytest.raises(EncodingError, match="more than 5000 entries"):
        crossed(set(range(6000)))
    with pytest.raises(EncodingError, match="more than 5000 entries"):
        Reader().message(*message(["s", [*range(6000)], False]))
    with pytest.raises(EncodingError, match="bytes of arrays"):
        Reader().message(b"[100000000]\n" + b'["l",[["b",0],["b",0]]]', b"x" * 100_000_000)
