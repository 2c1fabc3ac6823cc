"""Results of a sweep in a folder: one readable file for each run, written whole or not at all."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from symrl_lite import __version__

__all__ = ["Kept", "decoded", "encoded"]


class Kept:
    """The results of function(case, seed) in `folder`: `CASE/SEED.json`.

    Raises:
        NotADirectoryError: `folder` is a file. TypeError: a function or a case that can't be told from others.
    """

    def __init__(self, folder: Path, function: Callable[..., Any], cases: Mapping[Any, Any]) -> None:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f"out={str(folder)!r} is a file, expected a folder for one file of each run")
        self.folder = folder
        self.function = identity(function)
        self.cases = {name: _told(case, f"case {name!r}") for name, case in cases.items()}

    def path(self, name: Any, seed: int) -> Path:
        """Where a result is: a readable name, and what makes it another one than all others."""
        readable = re.sub(r"[^A-Za-z0-9.+-]+", "_", str(name)).strip("._")[:50]
        return self.folder / f"{readable}-{_hash(repr(name))[:8]}" / f"{seed}.json"

    def _about(self, name: Any, seed: int) -> dict[str, Any]:
        return {"function": self.function, "name": repr(name), "case": self.cases[name], "seed": seed}

    def read(self, name: Any, seed: int) -> Any:
        """The result of this very run.

        Raises:
            KeyError: there is none, or it is damaged. ValueError: there is one of another function or case.
        """
        path = self.path(name, seed)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["sha256"] != _hash(_text(record["result"])):
                raise ValueError("changed after it was written")
            about = {key: record[key] for key in ("function", "name", "case", "seed")}
            result = decoded(record["result"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            raise KeyError(f"{path} holds no whole result") from None
        for key, wanted in self._about(name, seed).items():
            if _text(about[key]) != _text(wanted):
                raise ValueError(
                    f"{path} holds a result of another sweep: its {key} is {_short(about[key])}, here it is "
                    f"{_short(wanted)}. Choose another folder for out, or remove that file"
                )
        return result

    def write(self, name: Any, seed: int, result: Any, seconds: float) -> Any:
        """Keep a result; returns it as a file gives it back, so that fresh ones and kept ones are alike.

        Raises:
            TypeError: something in it is no number, string, list, tuple, dictionary or array of numbers.
        """
        tree = encoded(result)
        versions = {"python": platform.python_version(), "numpy": np.__version__, "symrl_lite": __version__}
        made = {"date": datetime.now().astimezone().isoformat("T", "seconds"), "seconds": round(seconds, 3)} | versions
        record = self._about(name, seed) | {"made": made, "sha256": _hash(_text(tree)), "result": tree}
        lines = ",\n".join(f"{json.dumps(key)}: {_text(value)}" for key, value in record.items())
        path = self.path(name, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, f"{{\n{lines}\n}}\n")
        return decoded(tree)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever reads it, whenever, finds all of the old text or all of the new one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def identity(function: Any) -> Any:
    """What tells a function from others: its module and name, and all that was bound to it.

    Raises:
        TypeError: a lambda, or something bound that can't be told from others.

    >>> identity(functools.partial(json.dumps, indent=1))
    {'function': 'json.dumps', 'bound': [[], {'indent': 1}]}
    """
    if isinstance(function, functools.partial):
        inner = identity(function.func)
        bound = [list(function.args), dict(function.keywords)]
    elif getattr(function, "__self__", None) is not None and hasattr(function, "__func__"):
        inner, bound = identity(function.__func__), [function.__self__]
    elif not hasattr(function, "__qualname__"):
        inner, bound = f"{type(function).__module__}.{type(function).__qualname__}", [function]
    else:
        if "<lambda>" in function.__qualname__:
            raise TypeError("a lambda can't be told from another one when a sweep goes on: give the function a name")
        module = function.__module__
        if module == "__main__":  # as a program it has the name of its file
            module = Path(getattr(sys.modules["__main__"], "__file__", None) or "__main__").stem
        inner = f"{module}.{function.__qualname__}"
        bound = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return {"function": inner, "bound": _told(bound, "what is bound to the function")} if bound else inner


def _told(value: Any, what: str) -> Any:
    """A value as JSON; where that is impossible or long, its beginning and a hash of all of it."""
    try:
        tree = encoded(value)
    except TypeError:
        try:
            begins = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))[:200]  # an address is another one each time
            return {"begins": begins, "hash": joblib.hash(value)}
        except Exception as error:
            raise TypeError(f"{what} can't be told from another one when the sweep goes on: {error}") from error
    text = json.dumps(tree, ensure_ascii=False, sort_keys=True)
    return json.loads(text) if len(text) <= 2000 else {"begins": text[:200], "hash": _hash(text)}


def encoded(value: Any, where: str = "result") -> Any:
    """A tree that JSON can hold and `decoded` turns back, types included.

    Raises:
        TypeError: what a file can't hold; the message says where it is.

    >>> encoded({"steps": np.array([1, 2], dtype=np.int32), "best": (0.5, None)})
    {'steps': {'__array__': [1, 2], 'dtype': 'int32', 'shape': [2]}, 'best': {'__tuple__': [0.5, None]}}
    """
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        items = [encoded(item, f"{where}[{i}]") for i, item in enumerate(value)]
        return items if kind is list else {"__tuple__": items}
    if kind is dict:
        if all(type(key) is str and not key.startswith("__") for key in value):
            return {key: encoded(item, f"{where}[{key!r}]") for key, item in value.items()}
        return {"__pairs__": [[encoded(key, where), encoded(v, f"{where}[{key!r}]")] for key, v in value.items()]}
    if kind is np.ndarray or isinstance(value, np.generic):
        dtype = value.dtype
        if dtype.kind in "biuU" or dtype in (np.float16, np.float32, np.float64):
            told = dtype.str if dtype.kind == "U" else dtype.name
            if kind is np.ndarray:
                return {"__array__": value.tolist(), "dtype": told, "shape": list(value.shape)}
            return {"__number__": value.item(), "dtype": told}
        kind = f"{kind.__name__} of {dtype}"  # type: ignore[assignment]
    raise TypeError(
        f"{where} is of type {getattr(kind, '__qualname__', kind)}, which a file can't hold; expected numbers, "
        "strings, None, lists, tuples, dictionaries or arrays of numbers (of a dataclass: dataclasses.asdict)"
    )


def decoded(tree: Any) -> Any:
    """What `encoded` was given."""
    if isinstance(tree, list):
        return [decoded(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "__tuple__" in tree:
        return tuple(decoded(item) for item in tree["__tuple__"])
    if "__pairs__" in tree:
        return {decoded(key): decoded(item) for key, item in tree["__pairs__"]}
    if "__array__" in tree:
        return np.array(tree["__array__"], dtype=tree["dtype"]).reshape(tree["shape"])
    if "__number__" in tree:
        return np.dtype(tree["dtype"]).type(tree["__number__"])
    return {key: decoded(item) for key, item in tree.items()}


def _text(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else _text(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
