"""How fast the package is, and against what: one table, printed and written into the site's page about it.

    make bench                              # three minutes
    .venv/bin/python tools/bench.py --full  # larger and longer; nothing is written
    .venv/bin/python tools/bench.py --only layers mdp  # some of the benchmarks; nothing is written

Each line is a piece of work, what it is held against, the seconds of both in one process, one after the other on one
thread, and the share of our time that the bare arithmetic (or memory) would take. Ratios can be compared between
machines, seconds can't.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path("book/how_fast.md")
PARTS = {
    "layers": "Layers, forward and backward",
    "ppo": "Training a policy",
    "replay": "Learning from goals",
    "mdp": "Exact planning",
    "planner": "Plans in learned models",
    "structured": "World models",
}
LONG = {"ppo", "replay", "structured"}  # shortened, so that all takes some minutes
PACKAGES = ("torch", "numpy", "scipy", "gymnasium", "stable-baselines3")
GAP = "\u00a0"  # no new line between a number and its unit
HEAD = ("work", "against", "theirs", "ours", "ratio", "of the limit")
MARKS = re.compile(r"(<!-- BEGIN bench.*?-->\n)(.*?)(<!-- END bench -->)", re.DOTALL)

Row = tuple[str, str, float, float, float]


def seconds(value: float) -> str:
    """A time in the unit that suits it."""
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if value >= size:
            return f"{value / size:.3g}{GAP}{unit}"
    return f"{value * 1e6:.3g}{GAP}µs"


def cells(row: Row) -> tuple[str, ...]:
    """One line of the table."""
    work, peer, theirs, ours, share = row
    return work, peer, seconds(theirs), seconds(ours), f"{theirs / ours:.2f}{GAP}×", f"{100 * share:.3g}{GAP}%"


def table(rows: Iterable[Row]) -> str:
    """The rows in Markdown."""
    lines = [HEAD, ("---", "---", "---:", "---:", "---:", "---:"), *map(cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """The processor, and the versions that count."""
    name = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.is_file():
        found = re.search(r"^model name\s*:\s*(.+)$", about.read_text(encoding="utf-8"), re.MULTILINE)
        name = found.group(1) if found else name
    versions = [f"{package} {importlib.metadata.version(package)}" for package in PACKAGES]
    return f"{name}, one thread; Python {platform.python_version()}, {', '.join(versions)}"


def measured(names: Iterable[str], quick: bool) -> dict[str, list[Row]]:
    """The rows of each benchmark; what is there already is printed, in case that the next one takes long."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    found: dict[str, list[Row]] = {}
    for name in names:
        print(f"\n{PARTS[name]}\n", flush=True)
        found[name] = importlib.import_module(name).rows(quick and name in LONG)
        print(table(found[name]), flush=True)
    return found


def written(found: dict[str, list[Row]], page: str) -> str:
    """The page with these tables."""
    body = "".join(f"### {PARTS[name]}\n\n{table(rows)}\n\n" for name, rows in found.items())
    text, n = MARKS.subn(lambda marks: f"{marks[1]}\n{body}Measured on {machine()}.\n\n{marks[3]}", page)
    if n != 1:
        raise ValueError(f"{PAGE} has {n} places for the table, expected one, between BEGIN bench and END bench")
    return text


def main() -> int:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="larger and longer")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="some of the benchmarks")
    options = parser.parse_args()
    # One thread everywhere, set before NumPy and torch are loaded.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    found = measured(options.only, not options.full)
    print(f"\nMeasured on {machine()}.")
    if options.full or set(options.only) != set(PARTS):
        return 0
    page = ROOT / PAGE
    page.write_text(written(found, page.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{PAGE} holds this table now.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
