"""Run the chapters on other arithmetic, with other numbers of threads and with other seeds; list what changes.

    python tools/shake.py                                # every chapter, every variation
    python tools/shake.py --chapters 4 7 --variations default seeds

A chapter must hold on any processor and with any seeds. Here that is tried as far as one machine can: its own
arithmetic is the first run; each variation is one more. Listed are the cells that fail, and the lines of text whose
*words* differ from those of the first run: numbers may differ, what is said about them may not, unless it says what
it hangs on. The exercises' solutions are tried along. It takes about half an hour on two cores and is no part of
`make test`: CONTRIBUTING.md says when to run it.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.execute import longest_first, side_by_side, workers_here  # noqa: E402
from tools.notebooks.kernel import Kernels, Outcome, Setting, failures_in, run_notebook  # noqa: E402
from tools.notebooks.progress import Progress, say_now  # noqa: E402

FIRST = "own"  # what the others are compared with
SHIFT = 1000
NUMBER = re.compile(r"[-+−±]?\b\d[\d_,.]*(e[-+]?\d+)?(?<![,.])|\b(inf|nan|None)\b", re.IGNORECASE)

# Every seed of the chapter and of the package below it: numbers for NumPy, for torch and for Gymnasium.
OTHER_SEEDS = f"""
def _other_seeds(by={SHIFT}):
    import numpy, torch
    import gymnasium.utils.seeding as seeding
    def moved(seed):
        if isinstance(seed, (int, numpy.integer)) and not isinstance(seed, bool):
            return int(seed) + by
        return [moved(seed[0]), *seed[1:]] if isinstance(seed, (list, tuple)) and len(seed) else seed
    def shifted(call):
        return lambda seed=None, *more, **named: call(moved(seed), *more, **named)
    numpy.random.default_rng = shifted(numpy.random.default_rng)
    numpy.random.SeedSequence = shifted(numpy.random.SeedSequence)
    torch.manual_seed = shifted(torch.manual_seed)
    seeding.np_random = shifted(seeding.np_random)
_other_seeds()
del _other_seeds
"""
# The chapters ask for one thread; here they get as many as the variables say.
ANY_THREADS = """
def _any_threads():
    import torch
    torch.set_num_threads = lambda number: None
_any_threads()
del _any_threads
"""


def numpy_features() -> str:
    """The instruction sets beyond its baseline that NumPy has code for and this processor has."""
    import numpy

    return " ".join(numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", []))


def variations() -> dict[str, Setting]:
    """What is tried, by name; the first is the machine as it is."""
    # Threads that have nothing to do sleep, so that more of them than there are cores do not stand in each other's way.
    calm = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
    threads = {str(n): Setting({"OMP_NUM_THREADS": str(n), **calm}, ANY_THREADS, True) for n in (2, 4)}
    plain_numpy = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": numpy_features()}
    return {
        FIRST: Setting(keep_going=True),
        "default": Setting({"ATEN_CPU_CAPABILITY": "default"}, keep_going=True),
        "avx2": Setting({"ATEN_CPU_CAPABILITY": "avx2"}, keep_going=True),
        "numpy": Setting(plain_numpy, keep_going=True),
        "threads2": threads["2"],
        "threads4": threads["4"],
        "seeds": Setting(prelude=OTHER_SEEDS, keep_going=True),
    }


def texts_of(outcome: Outcome) -> list[tuple[int, str]]:
    """Every line of text that the cells put out, with the number of its cell; pictures and widgets are left out."""
    lines: list[tuple[int, str]] = []
    for number, cell in enumerate(outcome.notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stdout":
                text = output.text
            else:
                data = output.get("data", {})
                picture = "image/png" in data or "symrl-widget" in data.get("text/html", "")
                text = data.get("text/markdown") or ("" if picture else data.get("text/plain", ""))
            lines += [(number, line) for line in text.splitlines() if line.strip()]
    return lines + [(-1, line) for result in outcome.solved or () for line in result.splitlines() if line.strip()]


def words(line: str) -> str:
    """A line without its numbers and its spaces, which follow the numbers in a table."""
    masked = re.sub(r"0x[0-9a-f]+", "#", line)
    text = re.sub(r"\s+", " ", NUMBER.sub("#", masked)).strip()
    return re.sub(r" ?([\[\]]) ?", r"\1", text)  # NumPy pads its rows


def changed(first: Outcome, other: Outcome) -> list[str]:
    """The lines whose words differ, as they stood and as they stand now."""
    before, after = texts_of(first), texts_of(other)
    pairs = difflib.SequenceMatcher(
        a=[(n, words(line)) for n, line in before], b=[(n, words(line)) for n, line in after], autojunk=False
    )
    found = []
    for kind, i, j, k, m in pairs.get_opcodes():
        if kind != "equal":
            found += [f"cell {number}: - {line}" for number, line in before[i:j]]
            found += [f"cell {number}: + {line}" for number, line in after[k:m]]
    return found


@dataclass(frozen=True)
class Finding:
    """What one run of one chapter showed."""

    failures: tuple[str, ...]
    changes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        parts = [f"{len(self.failures)} failed"] if self.failures else []
        parts += [f"{len(self.changes)} lines changed"] if self.changes else []
        return ", ".join(parts) or f"ok {self.seconds:.0f} s"


def finding(outcome: Outcome, first: Outcome | None) -> Finding:
    """The failures of a run, and what it says differently from the first."""
    failures = failures_in(outcome.notebook.cells)
    if outcome.error:
        failures = list(dict.fromkeys([*failures, outcome.error]))
    solved = outcome.solved or ()
    failures += [f"a solution: {text}" for text in solved if "✗" in text or text.startswith("failed")]
    return Finding(tuple(failures), tuple(changed(first, outcome)) if first else (), outcome.cpu_seconds)


def shake(
    root: Path,
    numbers: list[int],
    chosen: dict[str, Setting],
    workers: int | None = None,
    say: Callable[[str], None] = say_now,
) -> dict[tuple[str, str], Finding]:
    """Run chapters under variations.

    Args:
        root: the folder of the course.
        numbers: of the chapters; all if there are none.
        chosen: the variations by name; the first is what the others are compared with.
        workers: how many notebooks at a time.
        say: takes a line of progress.

    Returns:
        What each (chapter, variation) showed.
    """
    import nbformat

    paths = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    paths = [path for path in paths if not numbers or int(path.stem[:2]) in numbers]
    kernels = Kernels()
    jobs: dict[Any, Callable[[], Outcome]] = {}
    notebooks = {path: nbformat.read(path, as_version=4) for path in paths}
    for path in longest_first(root, notebooks):
        notebook = notebooks[path]
        for name, setting in chosen.items():
            jobs[path.stem, name] = partial(
                run_notebook, path, notebook, root, lambda seconds: True, kernels, setting=setting
            )
    names = {key: " ".join(key) for key in jobs}
    progress = Progress(list(names.values()), say)
    outcomes: dict[tuple[str, str], Outcome] = {}
    found: dict[tuple[str, str], Finding] = {}
    first = next(iter(chosen))
    for key, outcome in side_by_side(jobs, workers or workers_here(), progress, names, kernels):
        outcomes[key] = outcome
        progress.ended(names[key], f"{outcome.cpu_seconds:.0f} s of the processor")
        for (stem, name), seen in outcomes.items():  # those that now have something to be compared with
            if (stem, name) not in found and (stem, first) in outcomes:
                found[stem, name] = finding(seen, outcomes[stem, first] if name != first else None)
                for text in (*found[stem, name].failures, *found[stem, name].changes):
                    say(f"{stem}, {name}: {text}")
    return {(path.stem, name): found[path.stem, name] for path in paths for name in chosen}


def table_of(found: dict[tuple[str, str], Finding]) -> str:
    """Chapters in rows, variations in columns."""
    stems, names = (list(dict.fromkeys(key[i] for key in found)) for i in (0, 1))
    wide = max(len(stem) for stem in stems)
    widths = {name: max(len(name), *(len(str(found[stem, name])) for stem in stems)) for name in names}
    lines = [" " * wide + "  " + "  ".join(f"{name:{widths[name]}}" for name in names)]
    lines += [
        f"{stem:{wide}}  " + "  ".join(f"{found[stem, name]!s:{widths[name]}}" for name in names) for stem in stems
    ]
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Run what was asked for, print the table and every finding."""
    parser = argparse.ArgumentParser(description="Run the chapters on other arithmetic and with other seeds.")
    parser.add_argument("--chapters", nargs="*", type=int, default=[], help="their numbers (default: all)")
    parser.add_argument("--variations", nargs="*", default=[], help=f"default: all of {', '.join(variations())}")
    parser.add_argument("--workers", type=int, help="how many at a time (default: as many as there are cores)")
    given = parser.parse_args()
    known = variations()
    unknown = [name for name in given.variations if name not in known]
    if unknown:
        parser.error(f"no variation is called {unknown[0]!r}; there are {', '.join(known)}")
    chosen = {name: known[name] for name in known if name == FIRST or not given.variations or name in given.variations}
    variables = {name: value for name, value in os.environ.items() if name.startswith(("ATEN_", "OMP_", "OPENBLAS_"))}
    print(f"numpy dispatches to {numpy_features() or 'nothing'}; variables: {variables or 'none'}", flush=True)
    found = shake(ROOT, given.chapters, chosen, given.workers)
    print("\n" + table_of(found))
    listed = sum(len(seen.failures) + len(seen.changes) for seen in found.values())
    print(f"\n{listed} findings in {len(found)} runs")
    return 1 if listed else 0


if __name__ == "__main__":
    sys.exit(main())
