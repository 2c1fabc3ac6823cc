"""What comes from elsewhere, looked at before it is used: whole numbers, spaces, arrays that may be rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from operator import index
from typing import Any

import numpy as np

__all__ = [
    "a_cell",
    "a_number",
    "a_seed",
    "check_settings",
    "count_actions",
    "own_copy",
    "plain_array",
    "real_numbers",
    "require_array_space",
    "require_function",
    "require_text",
    "seed_list",
    "sizes",
    "whole_number",
    "whole_numbers",
]


def whole_number(value: Any, what: str, low: int = 1, high: int | None = None) -> int:
    """A count or an index as an int; NumPy's integers are welcome, True and 3.0 are not.

    Raises:
        TypeError: no number. ValueError: a number that is not whole, or not in the range.

    >>> whole_number(np.uint8(3), "size")
    3
    >>> whole_number(1.5, "size", high=6)
    Traceback (most recent call last):
    ValueError: size is 1.5, expected a whole number from 1 to 6
    """
    expected = f"expected a whole number from {low}" + ("" if high is None else f" to {high}")
    try:
        if isinstance(value, bool):
            raise TypeError
        number = index(value)
    except TypeError:
        kind: type[Exception] = ValueError if isinstance(value, bool | float | np.generic) else TypeError
        raise kind(f"{what} is {_short(value)}, {expected}") from None
    if number < low or (high is not None and number > high):
        raise ValueError(f"{what} is {number}, {expected}")
    return number


def a_number(
    value: Any, what: str, low: float | None = None, high: float | None = None, *, above: float | None = None
) -> float:
    """A finite number as a float, at least `low`, at most `high`, larger than `above`.

    Raises:
        TypeError: no number. ValueError: NaN, infinity, or a number outside of the range.

    >>> a_number(np.float32(0.5), "discount", 0, 1)
    0.5
    >>> a_number(-1, "atol", 0)
    Traceback (most recent call last):
    ValueError: atol is -1, expected a number that is finite and not negative
    """
    if low is not None and high is not None:
        expected = f"expected a number from {low:g} to {high:g}"
    elif above is not None:
        expected = "expected a positive number" if above == 0 else f"expected a number above {above:g}"
    elif low is not None:
        expected = f"expected a number that is finite and {'not negative' if low == 0 else f'at least {low:g}'}"
    else:
        expected = "expected a finite number"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        array = value if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iuf" else None
        if array is None:
            raise TypeError(f"{what} is {_short(value)}, {expected}")
    number = float(value)
    fits = np.isfinite(number) and (low is None or number >= low) and (high is None or number <= high)
    if not fits or (above is not None and number <= above):
        raise ValueError(f"{what} is {_short(value)}, {expected}")
    return number


def a_seed(value: Any, what: str = "seed") -> int:
    """A seed as an int.

    Raises:
        TypeError: no number. ValueError: one that is not whole, or below 0.

    >>> a_seed(np.int64(3))
    3
    """
    return whole_number(value, what, 0)


def seed_list(values: Any, what: str = "seeds") -> list[int]:
    """Seeds as a list of ints.

    Raises:
        TypeError: no list. ValueError: no seed, one twice, one that is not whole or below 0.

    >>> seed_list(range(3))
    [0, 1, 2]
    """
    try:
        listed = list(values)
    except TypeError:
        raise TypeError(f"{what} is {_short(values)}, expected a list of whole numbers, such as range(10)") from None
    found = [a_seed(value, f"{what}[{k}]") for k, value in enumerate(listed)]
    if not found or len(set(found)) < len(found):
        raise ValueError(f"{what} are {found}, expected at least one, and each once")
    return found


def sizes(values: Any, what: str, length: int | None = None) -> tuple[int, ...]:
    """Whole numbers from 1, such as the units of layers or the shape of an image, as a tuple of ints.

    Raises:
        TypeError: no list. ValueError: another length, or a number that is not whole or below 1.

    >>> sizes(np.array([3, 8, 8]), "shape")
    (3, 8, 8)
    """
    expected = "a list of whole numbers from 1" if length is None else f"{length} whole numbers from 1"
    try:
        listed = list(values)
    except TypeError:
        raise TypeError(f"{what} is {_short(values)}, expected {expected}") from None
    if isinstance(values, str) or (length is not None and len(listed) != length):
        raise ValueError(f"{what} is {_short(values)}, expected {expected}")
    return tuple(whole_number(value, f"{what}[{k}]") for k, value in enumerate(listed))


def a_cell(value: Any, what: str) -> tuple[int, int]:
    """(row, column) as two ints, of a tuple, a list or an array.

    Raises:
        TypeError: no pair. ValueError: not two whole numbers from 0.

    >>> a_cell(np.array([0, 2]), "goal")
    (0, 2)
    """
    expected = "expected (row, column), two whole numbers from 0"
    try:
        row, column = value
    except (TypeError, ValueError):
        raise TypeError(f"{what} is {_short(value)}, {expected}") from None
    return whole_number(row, f"the row of {what}", 0), whole_number(column, f"the column of {what}", 0)


def check_settings(settings: Any, counts: Mapping[str, int], numbers: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse fields of a dataclass that are out of range; NumPy's numbers become Python's.

    Args:
        settings: the dataclass, frozen or not.
        counts: the smallest whole number of each field that is one.
        numbers: the limits of each field that is a number, as for `a_number`.

    Raises:
        TypeError: no number. ValueError: one out of range; the field is named.

    >>> from symrl_lite.offline_q import QSettings
    >>> check_settings(QSettings(), {"batch_size": 512}, {})
    Traceback (most recent call last):
    ValueError: batch_size is 256, expected ...
    """
    found: dict[str, Any] = {name: whole_number(getattr(settings, name), name, low) for name, low in counts.items()}
    found |= {name: a_number(getattr(settings, name), name, **limits) for name, limits in numbers.items()}
    for name, value in found.items():
        if isinstance(getattr(settings, name), np.generic | np.ndarray):  # files hold Python's
            object.__setattr__(settings, name, value)


def require_function(value: Any, what: str, expected: str) -> None:
    """Refuse what can't be called.

    Raises:
        TypeError: anything else; `expected` says what it is a function of.

    >>> require_function(3, "f", "a function of a batch")
    Traceback (most recent call last):
    TypeError: f is 3, expected a function of a batch
    """
    if not callable(value):
        raise TypeError(f"{what} is {_short(value)}, expected {expected}")


def require_text(value: Any, what: str, known: Sequence[str] | None = None) -> None:
    """Refuse what is no string, or none of some.

    Raises:
        TypeError: no string. ValueError: another one.

    >>> require_text("most", "reduce", ("max", "mean"))
    Traceback (most recent call last):
    ValueError: reduce is 'most', expected one of 'max', 'mean'
    """
    listed = "a string" if known is None else "one of " + ", ".join(map(repr, known))
    if not isinstance(value, str):
        raise TypeError(f"{what} is {_short(value)}, expected {listed}")
    if known is not None and value not in known:
        raise ValueError(f"{what} is {value!r}, expected {listed}")


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def plain_array(values: Any) -> np.ndarray:
    """np.asarray, of any shape, for tensors with gradients too; their numbers are read, the gradients are not.

    Raises:
        ValueError: rows of different lengths.

    >>> plain_array([1, 2]).shape
    (2,)
    """
    if hasattr(values, "detach") and hasattr(values, "cpu"):  # a torch tensor, without importing torch
        values = values.detach().cpu()
    return np.asarray(values)


def real_numbers(values: Any, what: str, kinds: str = "biuf", verb: str = "have") -> np.ndarray:
    """An array of numbers, of any shape, with the dtype that it came in; no copy.

    Args:
        values: an array, a tensor, numbers in lists.
        what: a plural, for the message; or a singular, with `verb` "has".
        kinds: of NumPy's dtypes; "biufc" with complex numbers.
        verb: see `what`.

    Raises:
        TypeError: no numbers, or rows of different lengths.

    >>> real_numbers(["a"], "values")
    Traceback (most recent call last):
    TypeError: values have dtype <U1, expected real numbers
    """
    try:
        array = plain_array(values)
    except ValueError:
        raise TypeError(f"{what} {verb} rows of different lengths, expected one array of numbers") from None
    if array.dtype.kind not in kinds:
        raise TypeError(f"{what} {verb} dtype {array.dtype}, expected {'numbers' if 'c' in kinds else 'real numbers'}")
    return array


def whole_numbers(values: Any, what: str, low: int | None = 0, high: int | None = None) -> np.ndarray:
    """A copy as int64, of the same shape; nothing is cut off, and no index wraps round.

    Args:
        values: whole numbers of any dtype, booleans too.
        what: a plural, for the message.
        low, high: the smallest and the largest that is allowed.

    Raises:
        TypeError: no numbers. ValueError: a number that is not whole, or not in the range.

    >>> whole_numbers([1.0, 2.0], "actions").tolist()
    [1, 2]
    >>> whole_numbers([0.7, 1.9], "actions")
    Traceback (most recent call last):
    ValueError: actions hold 0.7, expected whole numbers
    """
    try:
        array = plain_array(values)
    except ValueError:
        raise TypeError(f"{what} have rows of different lengths, expected one array of whole numbers") from None
    if array.size == 0 and array.dtype.kind == "f":  # what NumPy makes of an empty list
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{what} have dtype {array.dtype}, expected whole numbers")
    if array.dtype.kind == "f":
        cut = array[~(np.isfinite(array) & (array == np.round(array)))]
        if cut.size:
            raise ValueError(f"{what} hold {cut.flat[0]:g}, expected whole numbers")
    elif array.dtype.kind == "b":
        array = array.astype(np.int64)
    bad = np.zeros(array.shape, dtype=bool)
    if low is not None:
        bad |= array < low
    if high is not None:
        bad |= array > high
    if bad.any():
        if high is None:
            least = "that are not negative" if low == 0 else f"from {low}"
        else:
            least = f"from {low} to {high}" if low is not None else f"up to {high}"
        raise ValueError(f"{what} hold {array[bad].flat[0]:g}, expected whole numbers {least}")
    return array.astype(np.int64)


def count_actions(space: Any) -> int:
    """n of a Discrete(n) that starts at 0.

    Raises:
        ValueError: another space, or another start.

    >>> from gymnasium.spaces import Discrete
    >>> count_actions(Discrete(2))
    2
    """
    from gymnasium.spaces import Discrete

    if not isinstance(space, Discrete):
        raise ValueError(f"the actions are {space}, expected Discrete(n), from 0")
    if space.start != 0:
        raise ValueError(
            f"the actions are {space}, expected Discrete(n), from 0: wrap the environment in "
            f"gymnasium.wrappers.TransformAction with lambda a: a + {space.start} and Discrete({space.n})"
        )
    return int(space.n)


def require_array_space(space: Any, advice: str = "") -> None:
    """Refuse observations that are no arrays: the parts of a Tuple or a Dict would be mixed.

    Raises:
        ValueError: a space that is no Box, Discrete, MultiDiscrete or MultiBinary.

    >>> from gymnasium.spaces import Discrete, Tuple
    >>> require_array_space(Tuple([Discrete(2)]))
    Traceback (most recent call last):
    ValueError: the observations are Tuple(Discrete(2)), expected arrays ...
    """
    from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

    if not isinstance(space, Box | Discrete | MultiBinary | MultiDiscrete):
        raise ValueError(
            f"the observations are {space}, expected arrays (Box, Discrete, MultiDiscrete, MultiBinary): "
            + (advice or "wrap the environment in gymnasium.wrappers.FlattenObservation")
        )


def own_copy(value: Any) -> Any:
    """A copy that stays as it is, whatever the environment does with its own.

    >>> numbers = np.zeros(2)
    >>> own_copy(numbers) is numbers
    False
    """
    return np.array(value) if isinstance(value, np.ndarray) else deepcopy(value)
