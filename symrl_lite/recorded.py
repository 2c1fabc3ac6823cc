"""Curves and tables that take too long for a chapter: kept in files, each with the command that makes it again."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

from symrl_lite.door import a_number

__all__ = ["Curve", "Recording", "load", "save"]

FOLDER = Path(__file__).parent / "results"
_WIDTH = 76  # characters of a line
_ELSEWHERE = (
    "On another processor it gives the same up to rounding, which training amplifies: single seeds may differ, so "
    "compare medians."
)


@dataclass(frozen=True, eq=False)
class Curve:
    """Returns of one method: steps (T,), returns (seeds, T), and what it was.

    >>> load("cartpole")["equivariant"].returns.shape
    (20, 85)
    """

    steps: np.ndarray
    returns: np.ndarray
    parameters: int
    settings: dict[str, Any]
    seeds: list[int]
    seconds: float

    @classmethod
    def of(cls, run: Any, seeds: Any, settings: Any, **extra: Any) -> Curve:
        """From a TrainingRun, with its settings (a dataclass) and whatever else tells it from the others."""
        parameters = sum(p.numel() for p in run.networks[0].parameters())
        return cls(run.steps, run.returns, parameters, asdict(settings) | extra, list(seeds), round(run.seconds, 1))


@dataclass(frozen=True, eq=False)
class Recording:
    """Curves by name, and how they were made.

    The command makes them again: the same seeds with the same versions give the same numbers up to rounding. Another
    processor rounds otherwise, and training amplifies that, as another seed would: a return that differs by 1 early
    may differ by hundreds later. So single seeds may end elsewhere, and what is said of a recording is said of
    medians and intervals over seeds.

    >>> load("cartpole").median("equivariant").shape
    (85,)
    """

    curves: dict[str, Curve]
    command: str
    date: str
    versions: dict[str, str]

    def __getitem__(self, name: str) -> Curve:
        return self.curves[name]

    def median(self, name: str) -> np.ndarray:
        """The median over seeds at each step, (T,)."""
        return np.median(self.curves[name].returns, axis=0)

    def steps_to(self, name: str, threshold: float) -> float:
        """The first step at which the median over seeds is at or above `threshold`; infinite where it never is."""
        threshold = a_number(threshold, "threshold")
        above = self.median(name) >= threshold
        return float(self.curves[name].steps[above.argmax()]) if above.any() else float("inf")

    def table(
        self, names: Sequence[str], suffix: str = "", published: Mapping[str, Sequence[float]] | None = None
    ) -> str:
        """One line for each curve: median over seeds at each step, worst seed at the end, seeds, weights, published.

        Args:
            names: of the curves, as they are shown.
            suffix: what is added to a name to find its curve.
            published: values to print beside a curve, by name; none where there are none.

        Raises:
            ValueError: no names. KeyError: a name without a curve.

        >>> print(load("objects_shapes").table(["one slot"], ", H@1", {"one slot": (54.5, 34.4, 24.1)}))
        after 1, 5, 10            median worst  n size published
        one slot       ...  5  23k  54.5  34.4  24.1
        """

        def spell(values: Any) -> str:
            return " ".join(f"{v:5.1f}" for v in values)

        if not names:
            raise ValueError("names is empty, expected the name of at least one curve")
        curves = [self.curves[name + suffix] for name in names]
        steps = f"after {', '.join(str(s) for s in curves[0].steps)}"
        left, wide = max(len(text) for text in (*names, steps)), len(spell(curves[0].steps))
        lines = [f"{steps:{left}} {'median':>{wide}} worst  n size" + (" published" if published else "")]
        for name, curve in zip(names, curves, strict=True):
            line = f"{name:{left}} {spell(np.median(curve.returns, axis=0))} {curve.returns[:, -1].min():5.1f}"
            size = f"{curve.parameters / 1000:.0f}k"
            lines.append(f"{line} {len(curve.seeds):2} {size:>4} {spell((published or {}).get(name, ()))}".rstrip())
        return "\n".join(lines)

    def __str__(self) -> str:
        """In lines that fit a page: when, with what, by which command, and what that command gives elsewhere."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        made = fill(f"Recorded on {self.date} with {versions} by", _WIDTH)
        return f"{made}\n    {self.command}\n{fill(_ELSEWHERE, _WIDTH)}"


def save(name: str, curves: Mapping[str, Curve], command: str, digits: int = 3) -> Path:
    """Write curves to symrl_lite/results/`name`.json, returns rounded to so many digits after the point."""
    made = {
        "command": command,
        "date": date.today().isoformat(),
        "versions": {"Python": platform.python_version()}
        | {package: metadata.version(package).split("+")[0] for package in ("torch", "numpy", "gymnasium")},
    }
    data = {
        label: {
            "parameters": curve.parameters,
            "seconds": curve.seconds,
            "settings": curve.settings,
            "seeds": curve.seeds,
            "steps": [int(s) for s in curve.steps],
            "returns": np.round(curve.returns, digits).tolist(),
        }
        for label, curve in curves.items()
    }
    from symrl_lite.sweeps.kept import write_whole  # only programs that record need it

    rows = ",\n".join(f"{json.dumps(label)}: {json.dumps(entry)}" for label, entry in data.items())
    path = FOLDER / f"{name}.json"
    write_whole(path, f'{{"made": {json.dumps(made)},\n"curves": {{\n{rows}\n}}}}\n')
    return path


def load(name: str) -> Recording:
    """Read symrl_lite/results/`name`.json.

    Raises:
        FileNotFoundError: no such recording; the message names those that there are.

    >>> load("cartpole")["equivariant"].returns.shape[0] >= 10
    True
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(file.stem for file in FOLDER.glob("*.json"))) or "none"
        raise FileNotFoundError(f"there is no recording {name!r}; there are: {names}")
    data = json.loads(path.read_text(encoding="utf-8"))
    curves = {
        label: Curve(
            np.array(entry["steps"]),
            np.array(entry["returns"]),
            entry["parameters"],
            entry["settings"],
            entry["seeds"],
            entry["seconds"],
        )
        for label, entry in data["curves"].items()
    }
    return Recording(curves, **data["made"])
