"""Does f(L_g x) = K_g f(x) hold? Errors per group element, an assertion, and the K_g that fits best.

One implementation serves NumPy functions and torch modules: torch is looked at only where the data is a tensor, and
modules then run without gradients.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrl_lite._door import a_number, require_function
from symrl_lite.groups import Element, FiniteGroup, Representation

__all__ = [
    "Action",
    "OutputActionFit",
    "apply_action",
    "assert_equivariant",
    "equivariance_error",
    "fit_output_action",
]

Action = Representation | Callable[[Any, Any], Any]
_ROWS = 16  # of the table in an error message


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
        return _as_given(action(g, x), x)
    matrix = action(g)
    x = _as_data(x, "x")
    if x.ndim == 0 or x.shape[-1] != action.dimension:
        raise ValueError(f"data has shape {tuple(x.shape)}, expected a last axis of {action.dimension} for {action!r}")
    if _is_tensor(x):
        torch = sys.modules["torch"]
        if not (x.is_floating_point() or x.is_complex()):
            x = x.to(torch.get_default_dtype())
        # A copy, because tensors cannot share read-only memory.
        return x @ torch.from_numpy(matrix.T.copy()).to(dtype=x.dtype, device=x.device)
    with np.errstate(invalid="ignore"):  # 0 · inf is NaN, which the errors report
        return x @ matrix.T.astype(x.dtype if x.dtype.kind in "fc" else np.float64)


def _as_given(moved: Any, x: Any) -> Any:
    """What an action made of x, as a tensor if x is one and as an array if x is an array."""
    if _is_tensor(x) and isinstance(moved, np.ndarray | np.generic):
        return sys.modules["torch"].from_numpy(np.array(moved)).to(x.device)  # a copy: no negative strides in torch
    if isinstance(x, np.ndarray) and _is_tensor(moved):
        return moved.detach().cpu().numpy()
    return moved


def equivariance_error(
    f: Callable[[Any], Any], x: Any, act_in: Action, act_out: Action, group: FiniteGroup | None = None
) -> np.ndarray:
    """max |f(L_g x) − K_g f(x)| for each g, over the batch and all entries.

    Args:
        f: a function of a batch, or a torch module. It gets copies, so changes in place do no harm.
        x: inputs, (batch, ...), an array or a tensor.
        act_in: L, a Representation (acts on the last axis) or a function (g, x) -> x on batches, g an index.
        act_out: K, likewise.
        group: needed only where both actions are functions.

    Returns:
        Errors (|G|,), float64; inf where a value is NaN or infinite.

    Raises:
        ValueError: an empty batch; different groups, or none; an f whose output changes shape; an action whose
            identity element moves something. TypeError: values that are no arrays of numbers; an array for a torch
            module that takes tensors.

    Source: the constraint is that of van der Pol et al. 2020, MDP Homomorphic Networks.

    >>> from symrl_lite.groups import cyclic, regular
    >>> rho = regular(cyclic(3))
    >>> equivariance_error(lambda x: x**2, np.eye(3), rho, rho).tolist()
    [0.0, 0.0, 0.0]
    """
    return _measure(f, x, act_in, act_out, group).errors


def assert_equivariant(
    f: Callable[[Any], Any],
    x: Any,
    act_in: Action,
    act_out: Action,
    atol: float | None = None,
    group: FiniteGroup | None = None,
) -> None:
    """Raise AssertionError unless max |f(L_g x) − K_g f(x)| ≤ atol for every g.

    Args:
        f, x, act_in, act_out, group: as for `equivariance_error`.
        atol: largest error allowed, in units of f; by default eps^(2/3) · max(1, max |f(x)|), with eps the rounding
            unit of the coarser of the dtypes of x and f(x): L_g x is rounded as x is.

    Raises:
        AssertionError: f is not equivariant, random, or gives NaN or infinity. The message has a table with the
            error of each element, and names the worst one, its input and the tolerance.
        ValueError, TypeError: as `equivariance_error`; also an atol that is negative or not finite.

    >>> from symrl_lite.groups import cyclic, regular
    >>> assert_equivariant(lambda x: 2 * x, np.eye(3), regular(cyclic(3)), regular(cyclic(3)))
    """
    largest = None if atol is None else a_number(atol, "atol", 0)
    measured = _measure(f, x, act_in, act_out, group)
    allowed = measured.default_atol if largest is None else largest
    bad = ~(measured.errors <= allowed)  # errors are inf where a value is not finite, and allowed is finite
    if measured.random > allowed or bad.any():
        raise AssertionError(_message(measured, allowed, bad))


@dataclass(frozen=True, eq=False)
class OutputActionFit:
    """The K_g that fit best, and what they leave over."""

    matrices: np.ndarray  # (|G|, d, d)
    residuals: np.ndarray  # (|G|,), max |f(L_g x) − K_g f(x)| over the batch


def fit_output_action(
    f: Callable[[Any], Any], x: Any, act_in: Action, group: FiniteGroup | None = None
) -> OutputActionFit:
    """K_g = argmin_K Σ_x |f(L_g x) − K f(x)|², one least-squares problem for each g.

    Args:
        f: a function (batch, ...) -> (batch, d).
        x: inputs (batch, ...), with batch > d: fewer fit any f.
        act_in: L, a Representation or a function (g, x) -> x on batches.
        group: needed only where act_in is a function.

    Returns:
        matrices (|G|, d, d) and residuals (|G|,), max |f(L_g x) − K_g f(x)|. Where features depend linearly on each
        other K_g is not unique, and the smallest is given.

    Raises:
        ValueError: outputs that are not (batch, d), too few inputs, NaN or infinity in an output.

    >>> from symrl_lite.groups import cyclic, regular
    >>> x = np.random.default_rng(0).normal(size=(9, 3))
    >>> fit = fit_output_action(lambda x: 2 * x, x, regular(cyclic(3)))
    >>> np.allclose(fit.matrices, regular(cyclic(3)).matrices)
    True
    """
    found = _find_group(group, act_in)
    data = _batch(x)
    with _no_grad():
        base = _features(f, data, len(data))
        if len(data) <= base.shape[1]:
            raise ValueError(
                f"{len(data)} inputs for {base.shape[1]} features, expected more inputs than features: "
                "with fewer, some K_g fits any f"
            )
        _require_still(act_in, data, "act_in")
        matrices = np.empty((found.order, base.shape[1], base.shape[1]))
        residuals = np.empty(found.order)
        for g in found:
            moved = _features(f, apply_action(act_in, g, _copy(data)), len(data))
            if moved.shape != base.shape:
                raise ValueError(f"f gives shape {moved.shape} after {found.names[g]!r}, {base.shape} before")
            matrices[g] = np.linalg.lstsq(base, moved, rcond=None)[0].T
            residuals[g] = np.abs(moved - base @ matrices[g].T).max()
    return OutputActionFit(matrices, residuals)


@dataclass(frozen=True)
class _Measurement:
    group: FiniteGroup
    errors: np.ndarray  # (|G|,)
    inputs: list[int | None]  # (|G|,): index in the batch of the worst input
    default_atol: float
    random: float  # difference between two calls on the same input
    finite: bool


def _measure(f: Any, x: Any, act_in: Action, act_out: Action, group: FiniteGroup | None) -> _Measurement:
    found = _find_group(group, act_in, act_out)
    data = _batch(x)
    with _no_grad():
        base = _as_data(_call(f, _copy(data)), "f(x)")
        if 0 in base.shape:
            raise ValueError(f"f(x) has shape {tuple(base.shape)}, expected at least one value")
        again = _to_numpy(_as_data(_call(f, _copy(data)), "f(x)"))
        values = _to_numpy(base)
        if again.shape != values.shape:
            raise ValueError(f"f gives shape {values.shape} and then {again.shape} for the same input")
        random = float(_difference(values, again, equal_nan=True).max())
        _require_still(act_in, data, "act_in")
        _require_still(act_out, base, "act_out")
        errors = np.empty(found.order)
        inputs: list[int | None] = []
        for g in found:
            name = found.names[g]
            left = _to_numpy(
                _as_data(_call(f, _copy(apply_action(act_in, g, _copy(data)))), f"f(L_g x) for g = {name}")
            )
            right = _to_numpy(_as_data(apply_action(act_out, g, _copy(base)), f"K_g f(x) for g = {name}"))
            if left.shape != right.shape:
                raise ValueError(
                    f"g = {name!r}: f(L_g x) has shape {left.shape}, K_g f(x) has shape {right.shape}, expected equal"
                )
            gap = _difference(left, right)
            errors[g] = gap.max()
            per_input = gap.ndim > 0 and len(gap) == len(data)
            inputs.append(int(np.unravel_index(gap.argmax(), gap.shape)[0]) if per_input else None)
    scale = float(np.abs(values).max())
    default = max(_epsilon(base), _epsilon(data)) ** (2 / 3) * max(1.0, scale if np.isfinite(scale) else 1.0)
    return _Measurement(found, errors, inputs, default, random, bool(np.isfinite(values).all()))


def _message(measured: _Measurement, allowed: float, bad: np.ndarray) -> str:
    group, errors = measured.group, measured.errors
    worst = int(errors.argmax())
    where = "" if measured.inputs[worst] is None else f", input {measured.inputs[worst]} of the batch"
    if measured.random > allowed:
        lines = [
            f"f is random: two calls with the same input differ by {measured.random:.3g}. "
            "Switch dropout off (.eval()) or fix the seed inside f, then ask again."
        ]
    elif not np.isfinite(errors).all():
        what = "f(L_g x) or K_g f(x)" if measured.finite else "f(x)"
        lines = [f"{what} holds NaN or infinity: element {group.names[worst]!r}{where}; tolerance {allowed:.3g}"]
    else:
        lines = [
            f"f is not equivariant: max |f(L_g x) − K_g f(x)| = {errors[worst]:.3g} at element "
            f"{group.names[worst]!r}{where}; tolerance {allowed:.3g}"
        ]
    shown = sorted(np.argsort(-errors, kind="stable")[:_ROWS].tolist())
    width = max(7, *(len(group.names[g]) for g in shown))
    lines.append(f"  {'element':<{width}}  {'error':>9}  input")
    for g in shown:
        index = "-" if measured.inputs[g] is None else measured.inputs[g]
        mark = "  <- worst" if g == worst else "  too large" if bad[g] else ""
        lines.append(f"  {group.names[g]:<{width}}  {errors[g]:>9.3g}  {index!s:>5}{mark}")
    if group.order > len(shown):
        lines.append(f"  and {group.order - len(shown)} elements with errors no larger than these")
    return "\n".join(lines)


def _find_group(group: FiniteGroup | None, *actions: Action) -> FiniteGroup:
    if group is not None and not isinstance(group, FiniteGroup):
        raise TypeError(f"group is {group!r}, expected a FiniteGroup")
    found = group
    for action in actions:
        if isinstance(action, Representation):
            if found is not None and found != action.group:
                raise ValueError(f"actions of two groups, {found.name} and {action.group.name}, expected one")
            found = action.group if found is None else found
        elif not callable(action):
            raise TypeError(f"action is {action!r}, expected a Representation or a function (g, x) -> x")
    if found is None:
        raise ValueError("no action is a Representation: say which group acts, group=...")
    return found


def _batch(x: Any) -> Any:
    data = _as_data(x, "x")
    if data.ndim == 0 or 0 in data.shape:
        raise ValueError(f"x has shape {tuple(data.shape)}, expected (batch, ...) with at least one input")
    return data


def _require_still(action: Action, data: Any, what: str) -> None:
    """The identity element (index 0) must move nothing; ρ(e) = I was checked when ρ was made."""
    if isinstance(action, Representation):
        return
    before, after = _to_numpy(data), _to_numpy(_as_data(apply_action(action, 0, _copy(data)), f"{what}(0, x)"))
    if before.shape != after.shape:
        raise ValueError(f"{what}: the identity changes the shape {before.shape} to {after.shape}: no action")
    error = float(_difference(before, after, equal_nan=True).max())
    scale = float(np.abs(before[np.isfinite(before)]).max(initial=1.0))
    if not error <= _epsilon(data) ** (2 / 3) * scale:
        raise ValueError(f"{what}: the identity changes the data by {error:.3g}, expected no change: no action")


def _features(f: Any, data: Any, batch: int) -> np.ndarray:
    values = _to_numpy(_as_data(_call(f, _copy(data)), "f(x)"))
    if values.ndim != 2 or len(values) != batch or values.shape[1] == 0:
        raise ValueError(f"f gives shape {values.shape}, expected (batch, d) with batch = {batch}")
    if np.iscomplexobj(values):
        raise TypeError(f"f gives {values.dtype}, expected real numbers")
    if not np.isfinite(values).all():
        raise ValueError("f gives NaN or infinity, expected finite numbers")
    return values


def _call(f: Any, x: Any) -> Any:
    require_function(f, "f", "a function of a batch")
    torch = sys.modules.get("torch")
    try:
        return f(x)
    except TypeError as error:
        if torch is not None and hasattr(torch, "nn") and isinstance(f, torch.nn.Module) and not _is_tensor(x):
            raise TypeError(
                f"f is a torch module and was called with a NumPy array of {x.dtype}, which it does not take "
                f"({str(error).splitlines()[0]}): give x as a tensor, torch.as_tensor(x)"
            ) from error
        raise


def _difference(left: np.ndarray, right: np.ndarray, equal_nan: bool = False) -> np.ndarray:
    """|left − right|, inf where either is NaN or infinite (0 where both are so alike, with equal_nan)."""
    with np.errstate(all="ignore"):
        gap = np.abs(left - right)
    gap = np.where(np.isfinite(gap) & np.isfinite(left) & np.isfinite(right), gap, np.inf)
    if equal_nan:
        gap = np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, gap)
    return np.asarray(gap)


def _is_tensor(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _no_grad() -> Any:
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None or not hasattr(torch, "no_grad") else torch.no_grad()


def _as_data(x: Any, what: str) -> Any:
    """`x` itself if a tensor, else as an array of numbers."""
    if _is_tensor(x):
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


def _copy(x: Any) -> Any:
    return x.detach().clone() if _is_tensor(x) else np.array(x)


def _to_numpy(x: Any) -> np.ndarray:
    """As float64 or complex128: unsigned integers and booleans can then be subtracted."""
    if _is_tensor(x):
        wide = "complex128" if x.is_complex() else "float64"
        x = x.detach().cpu().to(getattr(sys.modules["torch"], wide)).numpy()
    return np.asarray(x, dtype=np.complex128 if np.iscomplexobj(x) else np.float64)


def _epsilon(x: Any) -> float:
    if _is_tensor(x):
        exact = not (x.is_floating_point() or x.is_complex())
        return float(np.finfo(np.float64).eps if exact else sys.modules["torch"].finfo(x.dtype).eps)
    return float(np.finfo(x.dtype if x.dtype.kind in "fc" else np.float64).eps)
