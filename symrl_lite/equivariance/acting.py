"""What g does with x: by a matrix, or by a function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from symrl_lite.door import require_function
from symrl_lite.equivariance.arrays import as_data, is_tensor
from symrl_lite.groups import Element, Representation

__all__ = ["Action", "apply_action", "as_given"]

Action = Representation | Callable[[Any, Any], Any]


def apply_action(action: Action, g: Element, x: Any) -> Any:
    """g·x: `x @ rho(g).T` on the last axis for a representation, `action(g, x)` for a function.

    A tensor gives a tensor on the same device, an array an array, also where the function is written for the other.

    Args:
        action: a Representation, or a function (g, x) -> x, which gets g as it is given here.
        g: index or name of an element.
        x: array or tensor, for a representation (..., dimension); floating-point numbers keep dtype and device.

    Raises:
        ValueError: a last axis that is not the representation's dimension. TypeError: x is no array.

    >>> from symrl_lite.groups import cyclic, regular
    >>> apply_action(regular(cyclic(3)), "r", np.array([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 1.0, 2.0]]
    """
    if not isinstance(action, Representation):
        require_function(action, "action", "a Representation or a function (g, x) -> x")
        return as_given(action(g, x), x)
    matrix = action(g)
    x = as_data(x, "x")
    if x.ndim == 0 or x.shape[-1] != action.dimension:
        raise ValueError(f"data has shape {tuple(x.shape)}, expected a last axis of {action.dimension} for {action!r}")
    if is_tensor(x):
        torch = sys.modules["torch"]
        if not (x.is_floating_point() or x.is_complex()):
            x = x.to(torch.get_default_dtype())
        # A copy, because tensors cannot share read-only memory.
        return x @ torch.from_numpy(matrix.T.copy()).to(dtype=x.dtype, device=x.device)
    with np.errstate(invalid="ignore"):  # 0 · inf is NaN, which the errors report
        return x @ matrix.T.astype(x.dtype if x.dtype.kind in "fc" else np.float64)


def as_given(moved: Any, x: Any) -> Any:
    """What an action made of x, as a tensor if x is one and as an array if x is an array."""
    if is_tensor(x) and isinstance(moved, np.ndarray | np.generic):
        return sys.modules["torch"].from_numpy(np.array(moved)).to(x.device)  # a copy: no negative strides in torch
    if isinstance(x, np.ndarray) and is_tensor(moved):
        return moved.detach().cpu().numpy()
    return moved
