"""Arrays and tensors alike: what comes in goes out."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import Any

import numpy as np

from symrl_lite.door import require_function

__all__ = [
    "as_data",
    "batch_of",
    "call",
    "copy_of",
    "difference",
    "epsilon",
    "features",
    "is_tensor",
    "no_grad",
    "to_numpy",
]


def batch_of(x: Any) -> Any:
    """Data with an axis of its own for the batch: one input becomes a batch of one.

    Raises:
        TypeError: no numbers. ValueError: no axis, or an axis of length 0.
    """
    data = as_data(x, "x")
    if data.ndim == 0 or 0 in data.shape:
        raise ValueError(f"x has shape {tuple(data.shape)}, expected (batch, ...) with at least one input")
    return data


def features(f: Any, data: Any, batch: int) -> np.ndarray:
    """f(data) as an array (batch, ...) of numbers.

    Raises:
        TypeError: values that are no real numbers. ValueError: another shape, NaN or infinity.
    """
    values = to_numpy(as_data(call(f, copy_of(data)), "f(x)"))
    if values.ndim != 2 or len(values) != batch or values.shape[1] == 0:
        raise ValueError(f"f gives shape {values.shape}, expected (batch, d) with batch = {batch}")
    if np.iscomplexobj(values):
        raise TypeError(f"f gives {values.dtype}, expected real numbers")
    if not np.isfinite(values).all():
        raise ValueError("f gives NaN or infinity, expected finite numbers")
    return values


def call(f: Any, x: Any) -> Any:
    """f(x), without gradients, with an error that says which f it was.

    Raises:
        TypeError: what is no function, or a torch module that is given a NumPy array it does not take.
    """
    require_function(f, "f", "a function of a batch")
    torch = sys.modules.get("torch")
    try:
        return f(x)
    except TypeError as error:
        if torch is not None and hasattr(torch, "nn") and isinstance(f, torch.nn.Module) and not is_tensor(x):
            raise TypeError(
                f"f is a torch module and was called with a NumPy array of {x.dtype}, which it does not take "
                f"({str(error).splitlines()[0]}): give x as a tensor, torch.as_tensor(x)"
            ) from error
        raise


def difference(left: np.ndarray, right: np.ndarray, equal_nan: bool = False) -> np.ndarray:
    """|left − right|, inf where either is NaN or infinite (0 where both are so alike, with equal_nan).

    Of any shape, the same for both and for the result.
    """
    with np.errstate(all="ignore"):
        gap = np.abs(left - right)
    gap = np.where(np.isfinite(gap) & np.isfinite(left) & np.isfinite(right), gap, np.inf)
    if equal_nan:
        gap = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, gap)
    return np.asarray(gap)


def is_tensor(x: Any) -> bool:
    """Whether x is a tensor of PyTorch; PyTorch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def no_grad() -> Any:
    """torch.no_grad() where PyTorch is loaded, and nothing elsewhere."""
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None or not hasattr(torch, "no_grad") else torch.no_grad()


def as_data(x: Any, what: str) -> Any:
    """`x` itself if a tensor, else as an array of numbers.

    Raises:
        TypeError: None, rows of different shapes, or what are no numbers.
    """
    if is_tensor(x):
        return x
    if x is None:
        raise TypeError(f"{what} is None, expected an array: does the function return its result?")
    try:
        array = np.asarray(x)
    except ValueError:
        raise TypeError(f"{what} is a {type(x).__name__} of different shapes, expected one array") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{what} has dtype {array.dtype}, expected numbers")
    return array


def copy_of(x: Any) -> Any:
    """A copy that f may write into."""
    return x.detach().clone() if is_tensor(x) else np.array(x)


def to_numpy(x: Any) -> np.ndarray:
    """As float64 or complex128, the same shape: unsigned integers and booleans can then be subtracted."""
    if is_tensor(x):
        wide = "complex128" if x.is_complex() else "float64"
        x = x.detach().cpu().to(getattr(sys.modules["torch"], wide)).numpy()
    return np.asarray(x, dtype=np.complex128 if np.iscomplexobj(x) else np.float64)


def epsilon(x: Any) -> float:
    """The distance from 1 to the next number of x's dtype."""
    if is_tensor(x):
        exact = not (x.is_floating_point() or x.is_complex())
        return float(np.finfo(np.float64).eps if exact else sys.modules["torch"].finfo(x.dtype).eps)
    return float(np.finfo(x.dtype if x.dtype.kind in "fc" else np.float64).eps)
