"""Run every notebook once, top to bottom, and keep its outputs for the site and for the tests.

    python tools/execute.py               # notebooks whose outputs are out of date
    python tools/execute.py --all         # every notebook
    python tools/execute.py --workers 1   # one after the other

As many notebooks run side by side as there are cores, each with one thread. After its last cell the same kernel gets
the folded solutions and their checks, in cells that are not shown. The outputs go into _build/.jupyter_cache, where
Jupyter Book looks for them, so that `make test` and `make book` share one execution. They count as long as nothing
has changed that the notebook used: its code and solutions, the files of the package that it really imported or
opened, the pinned versions, Python.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.notebooks import cache as kept  # noqa: E402
from tools.notebooks.kernel import Kernels, Outcome, run_notebook  # noqa: E402
from tools.notebooks.progress import Progress, say_now  # noqa: E402

RUN_TIMES = "_build/run_times.json"
DEFAULT_BUDGET = 180.0  # CPU seconds, where a notebook's metadata names no course.max_seconds
MEMORY_OF_ONE = 2.5e9  # bytes that a notebook may need
# A chapter that takes less is run a second time, from a fresh kernel, with its solutions (tests/test_solutions.py):
# the start of the kernel and the imports take about 8 of these seconds, what is left is under 10.
FRESH_BELOW = 18.0  # CPU seconds
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Run:
    """What became of one notebook."""

    path: str  # from the root, with forward slashes
    title: str
    seconds: float  # of the processor, also where the outputs come from the cache
    budget: float  # seconds of the processor
    cached: bool
    error: str | None = None  # for people: which cell, and the end of its traceback
    warnings: tuple[str, ...] = ()  # what the notebook wrote to stderr that reads like a warning


def title_of(notebook: Any, fallback: str) -> str:
    """The first heading of a notebook."""
    for cell in notebook.cells:
        found = re.search(r"^# +(.+)$", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return re.sub(r"[*_`]", "", found.group(1)).strip()
    return fallback


def stderr_warnings(notebook: Any) -> tuple[str, ...]:
    """The lines on stderr that read like a warning; the site does not show them, so the run does."""
    found = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                found += [f"cell {number}: {line.strip()}" for line in output.text.splitlines() if "Warning" in line]
    return tuple(found)


def drop_widget_views(notebook: Any) -> None:
    """Remove references to live widgets: on the site there is no kernel that could answer them."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET_VIEW, None)
            cell.outputs = [output for output in cell.outputs if output.get("data", True)]


def cores() -> int:
    """How many cores this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_here() -> int:
    """As many notebooks at a time as there are cores; two where memory is short."""
    import psutil

    short = psutil.virtual_memory().available < cores() * MEMORY_OF_ONE
    return min(cores(), 2) if short else cores()


def times_before(root: Path) -> dict[str, float]:
    """What each notebook took when it last ran here."""
    try:
        record = json.loads((root / RUN_TIMES).read_text(encoding="utf-8"))
        return {entry["path"]: float(entry["seconds"]) for entry in record["notebooks"]}
    except (OSError, ValueError, KeyError):
        return {}


def budget_of(notebook: Any) -> float:
    """The CPU seconds that a notebook's metadata allows it."""
    return float(notebook.metadata.get("course", {}).get("max_seconds", DEFAULT_BUDGET))


def longest_first(root: Path, notebooks: dict[Path, Any]) -> list[Path]:
    """The order to start in, so that no long one is left alone at the end: by the last run here, or by budget."""
    before = times_before(root)
    expected = {
        path: before.get(path.relative_to(root).as_posix(), budget_of(notebook)) for path, notebook in notebooks.items()
    }
    return sorted(notebooks, key=lambda path: (-expected[path], path))


def side_by_side(
    work: dict[Path, Callable[[], Outcome]], workers: int, progress: Progress, names: dict[Path, str], kernels: Kernels
) -> Any:
    """Run the work in threads, each of which waits for a kernel; yields (path, outcome) as they end."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        waiting = list(work)
        running: dict[Future[Outcome], Path] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    path = waiting.pop(0)
                    progress.started(names[path])
                    running[pool.submit(work[path])] = path
                done, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                progress.tick()
                for future in done:
                    yield running.pop(future), future.result()
        except BaseException:  # Ctrl-C: no kernel outlives this program
            kernels.stop()
            raise


def execute_all(
    root: Path = ROOT, again: bool = False, say: Callable[[str], None] = say_now, workers: int | None = None
) -> list[Run]:
    """Bring the outputs of every notebook up to date.

    Args:
        root: the folder that holds notebooks/, symrl_lite/ and constraints.txt.
        again: execute also those whose outputs are up to date.
        say: takes a line of progress.
        workers: how many at a time; as many as there are cores unless given.

    Returns:
        One `Run` a notebook, in the order of their names. A failed one carries its `error`, and what it gave up to
        there is kept for its page.
    """
    import nbformat

    begin = time.perf_counter()
    cache = kept.open_cache(root)
    common = kept.common_fingerprint(root)
    notebooks = {path: nbformat.read(path, as_version=4) for path in sorted((root / "notebooks").glob("*.ipynb"))}
    names = {path: path.relative_to(root).as_posix() for path in notebooks}
    prints = {path: kept.notebook_fingerprint(notebook, common) for path, notebook in notebooks.items()}
    current = {path: cache.create_hashed_notebook(notebook)[1] for path, notebook in notebooks.items()}
    runs: dict[Path, Run] = {}

    def run_of(path: Path, seconds: float, cached: bool, error: str | None, warnings: tuple[str, ...]) -> Run:
        notebook = notebooks[path]
        title = title_of(notebook, path.stem)
        return Run(names[path], title, seconds, budget_of(notebook), cached, error, warnings)

    for path, notebook in notebooks.items():
        record = kept.entry_of(cache, notebook)
        if record is not None and kept.counts(record, prints[path], root) and not again:
            say(f"{names[path]}: unchanged")
            runs[path] = run_of(path, record.data["execution_seconds"], True, None, tuple(record.data["warnings"]))
        elif record is not None:
            kept.forget(cache, record.pk)
        else:  # nothing, or what an interrupted run left
            shutil.rmtree(cache.path / "executed" / current[path], ignore_errors=True)
    due = longest_first(root, {path: notebook for path, notebook in notebooks.items() if path not in runs})
    progress = Progress([names[path] for path in due], say)
    kernels = Kernels()

    def job(path: Path) -> Callable[[], Outcome]:
        return lambda: run_notebook(path, notebooks[path], root, lambda used: used >= FRESH_BELOW, kernels)

    workers = workers or workers_here()
    if due:
        how = f", {min(workers, len(due))} at a time" if workers > 1 and len(due) > 1 else ""
        say(f"running {len(due)} of {len(notebooks)} notebooks{how}")
    for path, outcome in side_by_side({path: job(path) for path in due}, workers, progress, names, kernels):
        drop_widget_views(outcome.notebook)
        warnings = stderr_warnings(outcome.notebook)
        data = {
            "execution_seconds": outcome.cpu_seconds,
            "fingerprint": prints[path],
            "files": kept.hashes_of(root, outcome.files),
            "warnings": list(warnings),
            "solved": outcome.solved and list(outcome.solved),
            "error": outcome.error,
        }
        kept.keep(cache, path, outcome.notebook, data)
        runs[path] = run_of(path, outcome.cpu_seconds, False, outcome.error, warnings)
        words = f"{outcome.cpu_seconds:.0f} s of the processor, {outcome.wall_seconds:.0f} s"
        progress.ended(names[path], f"FAILED after {words}" if outcome.error else words)
    for record in cache.list_cache_records():
        if record.hashkey not in current.values():
            kept.forget(cache, record.pk)
    in_order = [runs[path] for path in notebooks]
    write_run_times(root, in_order)
    if due:
        say(f"all of them: {time.perf_counter() - begin:.0f} s")
    return in_order


def write_run_times(root: Path, runs: list[Run]) -> None:
    """Leave the measured times, and what failed, where the site's pages read them."""
    record = {
        "python": platform.python_version(),
        "cores": cores(),
        "notebooks": [{k: v for k, v in asdict(run).items() if k != "warnings"} for run in runs],
    }
    path = root / RUN_TIMES
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def table_of(runs: list[Run]) -> str:
    """The measured run times, in seconds of the processor, beside their budgets, as text."""
    width = max([len(run.path) for run in runs], default=8)
    lines = [f"{'notebook':{width}}  CPU time  budget"]
    for run in runs:
        note = (
            "failed"
            if run.error
            else "over budget"
            if run.seconds > run.budget
            else "earlier run"
            if run.cached
            else ""
        )
        lines.append(f"{run.path:{width}}  {run.seconds:6.1f} s  {run.budget:4.0f} s  {note}".rstrip())
    return "\n".join(lines)


def report(runs: list[Run]) -> bool:
    """Print the table of run times and every failure; True where all notebooks ran."""
    print("\n" + table_of(runs))
    for run in runs:
        for warning in run.warnings:
            print(f"note: {run.path}, {warning}")
    failed = [run for run in runs if run.error]
    for run in failed:
        print(f"\n{run.path}: {run.error}")
    print(f"\n{len(runs) - len(failed)} notebooks ran, {len(failed)} failed")
    return not failed


def main() -> int:
    """Execute what is out of date and say how it went."""
    parser = argparse.ArgumentParser(description="Run every notebook once and keep its outputs for the site.")
    parser.add_argument("--all", action="store_true", help="also those whose outputs are up to date")
    parser.add_argument("--workers", type=int, help="how many at a time (default: as many as there are cores)")
    given = parser.parse_args()
    if given.workers is not None and given.workers < 1:
        parser.error(f"--workers is {given.workers}, expected 1 or more")
    return 0 if report(execute_all(again=given.all, workers=given.workers)) else 1


if __name__ == "__main__":
    sys.exit(main())
