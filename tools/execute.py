"""Run every notebook once, top to bottom, and keep its outputs for the site.

    python tools/execute.py             # notebooks that changed since they last ran
    python tools/execute.py --all       # every notebook

The outputs go into _build/.jupyter_cache, where Jupyter Book looks for them, so that `make test` and
`make book` share one execution. An entry counts as long as nothing it depends on has changed: the
notebook's code, the package, the pinned versions, Python. Jupyter Book's own key knows only the code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHE = "_build/.jupyter_cache"
RUN_TIMES = "_build/run_times.json"
DEFAULT_BUDGET = 180.0  # seconds, where a notebook's metadata names no course.max_seconds
CELL_TIMEOUT = 600  # seconds that one cell may take before the notebook counts as stuck
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Run:
    """What became of one notebook."""

    path: str  # from the root, with forward slashes
    title: str
    seconds: float  # of the execution, also where the outputs come from the cache
    budget: float  # seconds
    cached: bool
    error: str | None = None  # for people: which cell, and the end of its traceback
    warnings: tuple[str, ...] = ()  # what the notebook wrote to stderr that reads like a warning


def package_fingerprint(root: Path) -> str:
    """A hash of all that a notebook's outputs depend on besides the notebook."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    files = [path for path in (root / "symrl_lite").rglob("*") if path.is_file()]
    files = sorted(path for path in files if "__pycache__" not in path.parts)
    for path in [*files, root / "constraints.txt", Path(__file__)]:
        digest.update(path.name.encode() if path == Path(__file__) else path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes() if path.is_file() else b"missing")
    return digest.hexdigest()


def notebook_fingerprint(notebook: Any, package: str) -> str:
    """A hash of a notebook's code cells, their tags, its kernel, and the package's fingerprint."""
    code = [[cell.source, cell.metadata] for cell in notebook.cells if cell.cell_type == "code"]
    text = json.dumps([package, notebook.metadata.get("kernelspec"), code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def title_of(notebook: Any, fallback: str) -> str:
    """The first heading of a notebook."""
    for cell in notebook.cells:
        found = re.search(r"^# +(.+)$", cell.source, flags=re.MULTILINE) if cell.cell_type == "markdown" else None
        if found:
            return re.sub(r"[*_`]", "", found.group(1)).strip()
    return fallback


def summary_of_failure(notebook: Any, error: Exception) -> str:
    """Which cell failed, its first line, and the last lines of its traceback."""
    lines: list[str] = []
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first = next((line for line in cell.source.splitlines() if line.strip()), "")
                lines = [f"cell {number} (the cell that begins `{first.strip()}`)"]
                trace = ANSI.sub("", "\n".join(output.traceback)).splitlines()
                lines += ["    " + line for line in trace[-12:] if line.strip()]
    return "\n".join(lines) or ANSI.sub("", f"{type(error).__name__}: {error}")


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


def execute(path: Path, notebook: Any, root: Path) -> tuple[float, Exception | None]:
    """Run the notebook's cells in place in a new kernel; the seconds that took, and what went wrong."""
    from nbclient import NotebookClient

    environment = {
        **os.environ,
        "SYMRL_STATIC": "1",  # widgets show only what works without a kernel
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(root / "_build" / "ipython"),  # no settings of the person who builds
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
    )
    begin = time.perf_counter()
    try:
        client.execute(env=environment, stderr=subprocess.DEVNULL)  # the kernel's own log; cells' stderr is kept
    except Exception as error:  # whatever stops a notebook becomes one readable summary
        return time.perf_counter() - begin, error
    return time.perf_counter() - begin, None


def entry_of(cache: Any, notebook: Any) -> Any:
    """The cache's record of a notebook whose outputs are there, or None."""
    try:
        record = cache.match_cache_notebook(notebook)
        cache.get_cache_bundle(record.pk)
    except (KeyError, OSError, ValueError):  # no record, or a build was interrupted while it wrote one
        return None
    return record


def forget(cache: Any, key: int) -> None:
    """Take an entry out of the cache, also one whose files are gone."""
    from jupyter_cache.cache.db import NbCacheRecord

    folder = cache.path / "executed" / cache.get_cache_record(key).hashkey
    shutil.rmtree(folder, ignore_errors=True)
    NbCacheRecord.remove_records([key], cache.db)


def execute_all(root: Path = ROOT, again: bool = False, say: Any = print) -> list[Run]:
    """Bring the outputs of every notebook up to date.

    Args:
        root: the folder that holds notebooks/, symrl_lite/ and constraints.txt.
        again: execute also those whose outputs are up to date.
        say: takes a line of progress.

    Returns:
        One `Run` a notebook, in the order of their names. A failed one carries its `error`.
    """
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, not the user's
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    cache = get_cache(root / CACHE)
    package = package_fingerprint(root)
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    current: set[str] = set()
    runs: list[Run] = []
    for number, path in enumerate(paths, start=1):
        notebook = nbformat.read(path, as_version=4)
        key = notebook_fingerprint(notebook, package)
        name = path.relative_to(root).as_posix()
        label = f"[{number}/{len(paths)}] {name}"
        title = title_of(notebook, path.stem)
        budget = float(notebook.metadata.get("course", {}).get("max_seconds", DEFAULT_BUDGET))
        _, hashkey = cache.create_hashed_notebook(notebook)
        current.add(hashkey)
        record = entry_of(cache, notebook)
        if record is None:  # nothing, or what an interrupted run left
            shutil.rmtree(cache.path / "executed" / hashkey, ignore_errors=True)
        if record is not None and record.data.get("fingerprint") == key and not again:
            say(f"{label}: unchanged")
            runs.append(
                Run(
                    name,
                    title,
                    record.data["execution_seconds"],
                    budget,
                    True,
                    None,
                    tuple(record.data["warnings"]),
                )
            )
            continue
        if record is not None:
            forget(cache, record.pk)
        say(f"{label}: running ({sum(cell.cell_type == 'code' for cell in notebook.cells)} code cells)")
        seconds, error = execute(path, notebook, root)
        if error is not None:
            runs.append(Run(name, title, seconds, budget, False, summary_of_failure(notebook, error)))
            say(f"{label}: FAILED after {seconds:.1f} s")
            continue
        drop_widget_views(notebook)
        warnings = stderr_warnings(notebook)
        data = {"execution_seconds": seconds, "fingerprint": key, "warnings": list(warnings)}
        cache.cache_notebook_bundle(CacheBundleIn(notebook, str(path), data=data), check_validity=False, overwrite=True)
        say(f"{label}: {seconds:.1f} s")
        runs.append(Run(name, title, seconds, budget, False, None, warnings))
    for record in cache.list_cache_records():
        if record.hashkey not in current:
            forget(cache, record.pk)
    write_run_times(root, runs)
    return runs


def write_run_times(root: Path, runs: list[Run]) -> None:
    """Leave the measured times where the site's table reads them."""
    record = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "notebooks": [{k: v for k, v in asdict(run).items() if k not in ("error", "warnings")} for run in runs],
    }
    path = root / RUN_TIMES
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def table_of(runs: list[Run]) -> str:
    """The measured run times beside their budgets, as text."""
    width = max([len(run.path) for run in runs], default=8)
    lines = [f"{'notebook':{width}}  run time  budget"]
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
    return 0 if report(execute_all(again=parser.parse_args().all)) else 1


if __name__ == "__main__":
    sys.exit(main())
