"""Kinds of arguments, and what people give in their place: the list of DESIGN.md's *At the door*."""

import numpy as np
import torch

from tests.door.judge import Kind, Trial

RAGGED = [[1.0, 2.0], [3.0]]


def count(value, low=1, high=None, none=False, words=()):
    """A whole number from `low` to `high`: np.int64(3) is one; 1.5, '3', [3] and NaN are none; True is 1 or refused."""
    tries = [
        Trial("np.int64", np.int64(value), value, accepted=True),
        Trial("np.uint8", np.uint8(value), value, accepted=True),
        Trial("a whole float", float(value), value),
        Trial("an array without axes", np.array(value), value),
        Trial("a fraction", value + 0.5),
        Trial("a text", str(value)),
        Trial("NaN", float("nan")),
        Trial("infinity", float("inf")),
        Trial("a list", [value]),
        Trial("two numbers", np.array([value, value])),
        Trial("a complex number", complex(value)),
    ]
    if value == 1:
        tries.append(Trial("True", True, 1))
    if low > 1 or (high is not None and high < 1):
        tries.append(Trial("True", True))
    if not none:
        tries.append(Trial("None", None))
    if low is not None:
        tries.append(Trial("one below", low - 1))
        tries.append(Trial("a negative number", -1) if low > 0 else Trial("far below", -7))
    if high is not None:
        tries.append(Trial("one above", high + 1))
    return Kind(value, tries, words)


def index(value, n, words=()):
    """A whole number from 0 to n − 1: nothing wraps round."""
    return count(value, low=0, high=n - 1, words=words)


def seed(value=0, none=False, words=()):
    """A whole number from 0."""
    return count(value, low=0, none=none, words=("seed", *words))


def real(value, low=None, high=None, open_low=False, infinite=False, none=False, words=()):
    """A number in a range."""
    tries = [
        Trial("np.float64", np.float64(value), value, accepted=True),
        Trial("np.float32", np.float32(value), value, accepted=True, rounding=1e-5),
        Trial("an array without axes", np.array(value), value),
        Trial("a text", str(value)),
        Trial("NaN", float("nan")),
        Trial("a list", [value]),
        Trial("two numbers", np.array([value, value])),
        Trial("a complex number", 1j),
    ]
    if not none:
        tries.append(Trial("None", None))
    if not infinite:
        tries.append(Trial("infinity", float("inf")))
    if low is not None:
        tries.append(Trial("too small", low if open_low else low - 0.1))
        tries.append(Trial("minus infinity", float("-inf")))
    if high is not None:
        tries.append(Trial("too large", high + 0.1))
    return Kind(value, tries, words)


def word(value, none=False, words=()):
    """One of a few words."""
    tries = [
        Trial("another word", "no such word"),
        Trial("capitals", value.upper()),
        Trial("a number", 3),
        Trial("a list", [value]),
    ]
    return Kind(value, tries + ([] if none else [Trial("None", None)]), words)


def array(
    value,
    nan="refused",
    missing=True,
    extra=True,
    empty=True,
    whole=False,
    complex_too=False,
    tensors=True,
    half=1e-5,
    none=False,
    other_length=None,
    words=(),
):
    """Real numbers in an array, as they come from elsewhere.

    nan: "refused", "shown" (the result may hold NaN or infinity), or "any".
    missing, extra, empty: whether an axis less, an axis more, an array without rows must be refused.
    whole: the values are whole, so that integers are tried too.
    """
    x = np.array(value, dtype=np.float64)
    tries = [*ways_to_lie(x), Trial("a list", x.tolist(), value), Trial("float32", x.astype(np.float32), value, True)]
    tries[-1].rounding = half
    tries += [
        Trial("objects", x.astype(object), value),
        Trial("texts", x.astype(str)),
        Trial("a text", "three"),
        Trial("bytes", x.astype("S8")),
        Trial("dates", x.astype("datetime64[s]")),
        Trial("rows of different lengths", RAGGED),
        Trial("a mapping", {"values": x.tolist()}),
        Trial("a set", {1.0, 2.0}),
    ]
    if not none:
        tries.append(Trial("None", None))
    if tensors:
        tries += [
            Trial("a tensor", torch.tensor(x), value),
            Trial("a tensor with gradients", torch.tensor(x, requires_grad=True), value),
            Trial("a float32 tensor", torch.tensor(x, dtype=torch.float32), value, rounding=half),
        ]
    if whole:
        tries += [
            Trial("int64", x.astype(np.int64), value, accepted=True),
            Trial("int16", x.astype(np.int16), value, accepted=True),
        ]
        if x.min() >= 0:
            tries.append(Trial("uint8", x.astype(np.uint8), value, accepted=True))
    if not complex_too:
        tries.append(Trial("complex numbers", x + 1j))
    if missing:
        tries += [Trial("an axis less", x[0] if x.ndim > 1 else x.ravel()[0]), Trial("a number", 2.5)]
    if extra:
        tries.append(Trial("an axis more", x[None]))
    if empty:
        tries.append(Trial("nothing", x[:0]))
    if other_length is not None:
        tries.append(Trial("another length", np.concatenate([x, x.take([0], other_length)], axis=other_length)))
    if nan != "any":
        for label, number in (("NaN", np.nan), ("infinity", np.inf)):
            spoilt = x.copy()
            spoilt.flat[0] = number
            tries.append(Trial(label, spoilt, shown=nan == "shown"))
    return Kind(x, tries, words)


def ways_to_lie(x):
    """The same numbers in other places of the memory: all of it must be read as what it is."""
    locked = x.copy()
    locked.setflags(write=False)
    wide = np.zeros((*x.shape, 2), dtype=x.dtype)
    wide[..., 0] = x
    tries = [
        Trial("read-only", locked, x, accepted=True),
        Trial("every second number of another array", wide[..., 0], x, accepted=True),
        Trial("columns first", np.asfortranarray(x), x, accepted=True),
        Trial("big-endian", x.astype(x.dtype.newbyteorder(">")), x),
    ]
    if x.ndim:
        tries.append(Trial("backwards in memory", x[::-1].copy()[::-1], x, accepted=True))
        tries.append(Trial("a transpose", np.ascontiguousarray(x.T).T, x, accepted=True))
    return tries


def whole_array(value, low=0, high=None, missing=True, extra=True, empty=True, bools=True, none=False, words=()):
    """Whole numbers in an array, in a range; nothing is cut off and nothing wraps round."""
    x = np.array(value, dtype=np.int64)
    tries = [
        *ways_to_lie(x),
        Trial("a list", x.tolist(), value, accepted=True),
        Trial("int32", x.astype(np.int32), value, accepted=True),
        Trial("whole floats", x.astype(np.float32), value),
        Trial("objects", x.astype(object), value),
        Trial("a tensor", torch.tensor(x), value),
        Trial("fractions", x + 0.5),
        Trial("texts", x.astype(str)),
        Trial("a text", "three"),
        Trial("complex numbers", x + 1j),
        *([] if none else [Trial("None", None)]),
        Trial("NaN", np.where(np.arange(x.size).reshape(x.shape) == 0, np.nan, x)),
        Trial("infinity", np.where(np.arange(x.size).reshape(x.shape) == 0, np.inf, x)),
        Trial("rows of different lengths", [[0, 1], [0]]),
    ]
    if x.min() >= 0:
        tries.append(Trial("uint8", x.astype(np.uint8), value, accepted=True))
    if low is not None:
        tries.append(Trial("one below", spoilt_by(x, low - 1)))
    if high is not None:
        tries.append(Trial("one above", spoilt_by(x, high + 1)))
    if missing:
        tries.append(Trial("an axis less", x[0] if x.ndim > 1 else x.ravel()[0]))
    if extra:
        tries.append(Trial("an axis more", x[None]))
    if empty:
        tries.append(Trial("nothing", x[:0]))
    if bools and set(x.ravel().tolist()) <= {0, 1}:
        tries.append(Trial("booleans", x.astype(bool), value))
    return Kind(x, tries, words)


def spoilt_by(x, number):
    wrong = x.copy()
    wrong.flat[0] = number
    return wrong


def tensor(value, nan="shown", missing=True, extra=True, empty=True, whole_too=False, narrow=1e-4, words=()):
    """Floating-point numbers as a tensor: other types are converted or refused, arrays are taken or refused."""
    x = torch.as_tensor(value, dtype=torch.float32)
    apart = torch.zeros(*x.shape, 2)
    apart[..., 0] = x
    tries = [
        Trial("not contiguous", apart[..., 0], x, accepted=True, rounding=1e-5),
        Trial("with gradients", x.clone().requires_grad_(), x, accepted=True),
        Trial("columns first", x.movedim(0, -1).contiguous().movedim(-1, 0), x, accepted=True, rounding=1e-5),
        Trial("float64", x.double(), x, rounding=narrow),
        Trial("an array", x.numpy().copy(), x, rounding=narrow),
        Trial("a list", x.tolist(), x, rounding=narrow),
        Trial("complex numbers", x.to(torch.complex64)),
        Trial("booleans", x > 0, (x > 0).float()),
        Trial("None", None),
        Trial("a text", "three"),
    ]
    if missing:
        tries.append(Trial("an axis less", x[0]))
    if extra:
        tries.append(Trial("an axis more", x[None]))
    if empty:
        tries.append(Trial("nothing", x[:0]))
    if not whole_too:
        tries.append(Trial("whole numbers", torch.ones_like(x, dtype=torch.int64), torch.ones_like(x)))
    if nan != "any":
        spoilt = x.clone()
        spoilt.view(-1)[0] = float("nan")
        tries.append(Trial("NaN", spoilt, shown=nan == "shown"))
    return Kind(x, tries, words)


def thing(value, *others, none=False, words=()):
    """An object of a class: numbers, texts, None and its like are none."""
    tries = [Trial("a number", 3), Trial("a text", "three"), Trial("an array", np.eye(2)), Trial("an object", object())]
    tries += [] if none else [Trial("None", None)]
    return Kind(value, tries + [Trial(f"another, {k}", other) for k, other in enumerate(others)], words)


def function(value, none=False, words=()):
    """A callable."""
    tries = [Trial("a number", 3), Trial("a text", "three")] + ([] if none else [Trial("None", None)])
    return Kind(value, tries, words)


def given(value, *trials, words=()):
    """A valid value, and trials written by hand: (label, value) is to be refused, (label, value, plain) is not."""
    made = [Trial(*t[:2], *t[2:3]) if isinstance(t, tuple) else t for t in trials]
    return Kind(value, made, words)
