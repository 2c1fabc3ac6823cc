"""Does f(L_g x) = K_g f(x) hold? Errors per group element, an assertion, and the K_g that fits best.

One implementation serves NumPy functions and torch modules: torch is looked at only where the data is a tensor, and
modules then run without gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symrl_lite.door import a_number
from symrl_lite.equivariance.acting import Action, apply_action
from symrl_lite.equivariance.arrays import (
    as_data,
    batch_of,
    call,
    copy_of,
    difference,
    epsilon,
    features,
    no_grad,
    to_numpy,
)
from symrl_lite.groups import FiniteGroup, Representation

__all__ = ["OutputActionFit", "assert_equivariant", "equivariance_error", "fit_output_action"]

_ROWS = 16  # of the table in an error message


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

    Source: the constraint is that of van der Pol et al. 2020, MDP Homomorphic Networks.
    """
    largest = None if atol is None else a_number(atol, "atol", 0)
    measured = _measure(f, x, act_in, act_out, group)
    allowed = measured.default_atol if largest is None else largest
    bad = ~(measured.errors <= allowed)  # errors are inf where a value is not finite, and allowed is finite
    if measured.random > allowed or bad.any():
        raise AssertionError(_message(measured, allowed, bad))


@dataclass(frozen=True, eq=False)
class OutputActionFit:
    """The K_g that fit best, and what they leave over.

    >>> from symrl_lite.groups import cyclic, regular
    >>> fit_output_action(lambda x: 2 * x, np.eye(3).repeat(2, axis=0), regular(cyclic(3))).residuals.max() < 1e-9
    np.True_
    """

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

    Source: after Lenc & Vedaldi 2015, Understanding Image Representations by Measuring Their Equivariance and
    Equivalence.
    """
    found = _find_group(group, act_in)
    data = batch_of(x)
    with no_grad():
        base = features(f, data, len(data))
        if len(data) <= base.shape[1]:
            raise ValueError(
                f"{len(data)} inputs for {base.shape[1]} features, expected more inputs than features: "
                "with fewer, some K_g fits any f"
            )
        _require_still(act_in, data, "act_in")
        matrices = np.empty((found.order, base.shape[1], base.shape[1]))
        residuals = np.empty(found.order)
        for g in found:
            moved = features(f, apply_action(act_in, g, copy_of(data)), len(data))
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
    data = batch_of(x)
    with no_grad():
        base = as_data(call(f, copy_of(data)), "f(x)")
        if 0 in base.shape:
            raise ValueError(f"f(x) has shape {tuple(base.shape)}, expected at least one value")
        again = to_numpy(as_data(call(f, copy_of(data)), "f(x)"))
        values = to_numpy(base)
        if again.shape != values.shape:
            raise ValueError(f"f gives shape {values.shape} and then {again.shape} for the same input")
        random = float(difference(values, again, equal_nan=True).max())
        _require_still(act_in, data, "act_in")
        _require_still(act_out, base, "act_out")
        errors = np.empty(found.order)
        inputs: list[int | None] = []
        for g in found:
            name = found.names[g]
            left = to_numpy(
                as_data(call(f, copy_of(apply_action(act_in, g, copy_of(data)))), f"f(L_g x) for g = {name}")
            )
            right = to_numpy(as_data(apply_action(act_out, g, copy_of(base)), f"K_g f(x) for g = {name}"))
            if left.shape != right.shape:
                raise ValueError(
                    f"g = {name!r}: f(L_g x) has shape {left.shape}, K_g f(x) has shape {right.shape}, expected equal"
                )
            gap = difference(left, right)
            errors[g] = gap.max()
            per_input = gap.ndim > 0 and len(gap) == len(data)
            inputs.append(int(np.unravel_index(gap.argmax(), gap.shape)[0]) if per_input else None)
    scale = float(np.abs(values).max())
    default = max(epsilon(base), epsilon(data)) ** (2 / 3) * max(1.0, scale if np.isfinite(scale) else 1.0)
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


def _require_still(action: Action, data: Any, what: str) -> None:
    """The identity element (index 0) must move nothing; ρ(e) = I was checked when ρ was made."""
    if isinstance(action, Representation):
        return
    before, after = to_numpy(data), to_numpy(as_data(apply_action(action, 0, copy_of(data)), f"{what}(0, x)"))
    if before.shape != after.shape:
        raise ValueError(f"{what}: the identity changes the shape {before.shape} to {after.shape}: no action")
    error = float(difference(before, after, equal_nan=True).max())
    scale = float(np.abs(before[np.isfinite(before)]).max(initial=1.0))
    if not error <= epsilon(data) ** (2 / 3) * scale:
        raise ValueError(f"{what}: the identity changes the data by {error:.3g}, expected no change: no action")
