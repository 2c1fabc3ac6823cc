"""What a public function may do with other people's data: compute what it computes for the plain form, or refuse.

An `Entry` is a function with a valid call; each of its arguments is a `Kind`, which knows what else people put there.
`complaints` tries all of it, one argument at a time, and lists every third outcome: another number, an exception of
NumPy, torch or Python instead of a sentence, a sentence that names nothing, an argument that was written into.
"""

import linecache
import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from scipy import sparse

import symrl_lite
from symrl_lite.groups import FiniteGroup, Representation
from symrl_lite.mdp import TabularMDP

PACKAGE = str(Path(symrl_lite.__file__).parent)


@dataclass
class Trial:
    """A value to try.

    `plain` is the ordinary value that means the same; without one the value must be refused. `accepted`: refusing is
    wrong too. `shown`: the result may hold NaN or infinity instead of a refusal.
    """

    label: str
    value: object
    plain: object = None
    accepted: bool = False
    shown: bool = False
    rounding: float = 1e-9


@dataclass
class Kind:
    """An argument: its value in the valid call, what else is tried, and the words by which a refusal may name it."""

    value: object
    trials: list[Trial]
    words: tuple[str, ...] = ()


@dataclass
class Entry:
    """A public name, a call of it by keywords, and a `Kind` for each of them."""

    name: str
    call: object
    kinds: dict = field(default_factory=dict)
    view: object = None  # what of a result is compared
    errors: tuple = ()  # exceptions that the docstring names, besides ValueError and TypeError
    random: bool = False  # made from torch's random numbers: differs where these have another type
    fine: dict = field(default_factory=dict)  # "argument: label" -> why an answer is right there


def entry(name, call, /, view=None, errors=(), random=False, fine=None, **kinds):
    return Entry(name, call, kinds, view, errors, random, fine or {})


def complaints(tried):
    """All that is wrong with one entry, a line each."""
    said = []
    plain = {name: kind.value for name, kind in tried.kinds.items()}
    expected, error, changed = outcome(tried, plain)
    if error is not None:
        return [f"{tried.name}: the valid call gives {error!r}"]
    said += [f"{tried.name}: the valid call changes {name}" for name in changed]
    for name, kind in tried.kinds.items():
        for trial in kind.trials:
            where = f"{tried.name}({name} = {trial.label})"
            found, error, changed = outcome(tried, plain | {name: trial.value})
            said += [f"{where} changes {other}" for other in changed]
            if error is not None:
                wrong = faults(error, tried, name, kind, trial)
                if trial.accepted:
                    wrong = f"refuses: {error}"
                said += [f"{where} {wrong}"] if wrong else []
            elif f"{name}: {trial.label}" in tried.fine or (trial.shown and not finite(view(found, tried))):
                continue
            elif trial.plain is None:
                said.append(f"{where} gives {short(found)}, expected a refusal")
            else:
                wanted = expected
                if trial.plain is not kind.value:
                    wanted, error, _ = outcome(tried, plain | {name: trial.plain})
                    if error is not None:
                        said.append(f"{where} gives {short(found)}; its plain form is refused: {error!r}")
                        continue
                if not alike(view(found, tried), view(wanted, tried), trial.rounding):
                    said.append(f"{where} gives {short(found)}, expected {short(wanted)}")
    return said


def outcome(tried, arguments):
    """(result, error, names of the arguments that were written into)."""
    before = {name: snapshot(value) for name, value in arguments.items()}
    result = error = None
    torch.manual_seed(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = tried.call(**arguments)
    except Exception as caught:
        error = caught
    changed = [name for name, value in arguments.items() if not alike(snapshot(value), before[name], 0.0)]
    return result, error, changed


def faults(error, tried, name, kind, trial):
    """What is wrong with a refusal, or ""."""
    if not isinstance(error, (ValueError, TypeError, *tried.errors)):
        return f"raises {error!r}"
    if isinstance(error, tried.errors):
        return ""
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    file = last.tb_frame.f_code.co_filename
    if not file.startswith(PACKAGE) or not linecache.getline(file, last.tb_lineno).strip().startswith("raise"):
        return f"is refused by others: {type(error).__name__}: {str(error)[:150]}"
    shape, dtype = getattr(trial.value, "shape", None), getattr(trial.value, "dtype", None)
    told = [name, *kind.words, repr(trial.value)[:60], str(trial.value)[:40]]
    told += [] if shape is None else [str(tuple(shape)), str(dtype)]
    if not any(word and word in str(error) for word in told):
        return f"is refused without a name: {error}"
    return ""


def snapshot(value):
    """A copy to compare with: numbers as arrays, other things by themselves."""
    if isinstance(value, np.ndarray):
        return value.copy() if value.dtype != object else deepcopy(value)
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, list | tuple):
        return [snapshot(v) for v in value]
    if isinstance(value, Mapping):
        return {k: snapshot(v) for k, v in value.items()}
    return None


def view(result, tried):
    return plain_form(result if tried.view is None else tried.view(result))


def plain_form(value):
    """Arrays, numbers, texts, and lists and dictionaries of them."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return (value.double() if value.is_floating_point() else value).numpy()
    if sparse.issparse(value):
        return value.toarray()
    if isinstance(value, FiniteGroup):
        return [value.table, list(value.names)]
    if isinstance(value, Representation):
        return value.matrices
    if isinstance(value, TabularMDP):
        return [value.dense(), value.rewards, value.available, value.discount]
    if isinstance(value, torch.nn.Module):
        return {name: plain_form(p) for name, p in value.state_dict().items()} | {"is": repr(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_form(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, SimpleNamespace):
        return plain_form(vars(value))
    if isinstance(value, Mapping):
        return {str(k): plain_form(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain_form(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, np.ndarray | int | float | complex | str | bytes | bool):
        return value
    raise AssertionError(f"nothing says how to compare {type(value)}: give the entry a view")


def alike(one, other, rounding):
    """Equal, numbers up to `rounding` relative to the largest."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k], rounding) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(alike(a, b, rounding) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict | list | str | bytes | None) or isinstance(other, dict | list | str | bytes | None):
        return type(one) is type(other) and one == other
    left, right = np.asarray(one), np.asarray(other)
    if left.shape != right.shape:
        return False
    if left.dtype.kind not in "biufc" or right.dtype.kind not in "biufc":
        return left.tolist() == right.tolist()
    wide = np.complex128 if "c" in (left.dtype.kind, right.dtype.kind) else np.float64
    left, right = left.astype(wide), right.astype(wide)
    size = np.abs(right[np.isfinite(right)]).max(initial=1.0)
    return bool(np.allclose(left, right, rtol=0, atol=rounding * size, equal_nan=True))


def finite(value):
    """Whether all numbers are finite (True is shown as False: a verdict that something is wrong)."""
    if isinstance(value, dict):
        return all(finite(v) for v in value.values())
    if isinstance(value, list):
        return all(finite(v) for v in value)
    if value is None or isinstance(value, str | bytes):
        return True
    array = np.asarray(value)
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


def short(value):
    return " ".join(repr(value).split())[:100]
