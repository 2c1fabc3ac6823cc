"""Run one notebook in a kernel of its own, and see what it used: processor's time, files of the package.

Before its first cell the kernel gets a watcher, after its last one it is asked what it saw. Both are cells of a copy;
the notebook that comes back has its own cells only.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tools.notebooks.solutions import check_results, continuation, with_solutions

CELL_TIMEOUT = 1800  # seconds that one cell may take before the notebook counts as stuck
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

# Modules are found in sys.modules, whatever else of the package was opened (results, scripts) by an audit hook.
WATCH = """
def _watch(folder):
    import sys
    seen = sys.__dict__.setdefault("_files_of_the_course", set())
    def hook(event, arguments):
        if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(folder):
            seen.add(arguments[0])
    sys.addaudithook(hook)
_watch({folder!r})
del _watch
"""
REPORT = """
import json as _json, sys as _sys
_modules = [_m for _n, _m in list(_sys.modules.items()) if _n.split(".")[0] == {name!r}]
_modules = [getattr(_m, "__file__", None) or "" for _m in _modules]
print(_json.dumps(sorted({{*_modules, *_sys._files_of_the_course}})))
"""


@dataclass(frozen=True)
class Setting:
    """How a run differs from the ordinary one (tools/shake.py)."""

    variables: Mapping[str, str] = field(default_factory=dict)  # of the kernel's environment
    prelude: str = ""  # code that runs before the first cell
    keep_going: bool = False  # run the cells below one that failed, too


ORDINARY = Setting()


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    notebook: Any  # its own cells, with their outputs
    wall_seconds: float
    cpu_seconds: float  # of the kernel and of all that it started, from its start to the last cell
    error: str | None = None  # for people: which cell, and the end of its traceback
    solved: tuple[str, ...] | None = None  # what the checks say of the solutions; None where they were not tried
    files: tuple[str, ...] = ()  # of the package, relative to the root


class Kernels:
    """The kernels that run now: their processes are asked for their time, and ended with this program."""

    def __init__(self) -> None:
        self.running: dict[Any, int] = {}

    def stop(self) -> None:
        """End all of them."""
        for number in list(self.running.values()):
            with contextlib.suppress(psutil.Error):
                psutil.Process(number).kill()


def environment_of(root: Path) -> dict[str, str]:
    """The variables of a kernel: one thread, this copy of the package, widgets that need no kernel."""
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    defaults = {"OMP_NUM_THREADS": "1"}  # as many notebooks run as there are cores
    return {
        **defaults,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "SYMRL_STATIC": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(root / "_build" / "ipython"),  # no settings of the person who builds
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def cpu_seconds(process: int) -> float:
    """The processor's time of a process and of all that it started, as far as they can be asked."""
    used = 0.0
    with contextlib.suppress(psutil.Error):
        family = psutil.Process(process)
        for member in [family, *family.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                times = member.cpu_times()
                used += times.user + times.system
        own = family.cpu_times()
        used += getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
    return used


def failures_in(cells: list[Any]) -> list[str]:
    """For each cell that failed: its number, its first line, and the last lines of its traceback."""
    found = []
    for number, cell in enumerate(cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                first = next((line for line in cell.source.splitlines() if line.strip()), "")
                lines = [f"cell {number} (the cell that begins `{first.strip()}`)"]
                trace = ANSI.sub("", "\n".join(output.traceback)).splitlines()
                found.append("\n".join([*lines, *("    " + line for line in trace[-12:] if line.strip())]))
    return found


def summary_of_failure(cells: list[Any], error: BaseException) -> str:
    """The cell that stopped the run, or the error itself where no cell shows one."""
    return (failures_in(cells) or [ANSI.sub("", f"{type(error).__name__}: {error}")])[-1]


def show_in_cell(cell: Any, error: BaseException) -> None:
    """Let the cell that was running show why it has no result: a kernel that died, or one that was stuck."""
    from nbformat.v4 import new_output

    if not any(output.output_type == "error" for output in cell.get("outputs", [])):
        reason = ANSI.sub("", f"{type(error).__name__}: {error}").strip()
        cell.outputs = [
            *cell.get("outputs", []),
            new_output("error", ename=type(error).__name__, evalue=reason, traceback=reason.splitlines()),
        ]


async def _run(
    path: Path,
    notebook: Any,
    root: Path,
    solve: Callable[[float], bool],
    kernels: Kernels,
    package: str,
    setting: Setting,
) -> Outcome:
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell

    used, at = 0.0, 0
    error: str | None = None
    solved: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()
    work = copy.deepcopy(notebook)
    own = work.cells
    watch = new_code_cell(WATCH.format(folder=str(root / package) + os.sep) + setting.prelude)
    report = new_code_cell(REPORT.format(name=package))
    try:
        later = continuation(notebook)
    except (KeyError, ValueError) as failure:  # the text of the exercises is what is wrong, not the chapter's code
        later, solved = [], (f"failed: {type(failure).__name__}: {failure}",)
    work.cells = [watch, *own, *later, report]
    client = NotebookClient(
        work,
        timeout=CELL_TIMEOUT,
        kernel_name=notebook.metadata.get("kernelspec", {}).get("name", "python3"),
        resources={"metadata": {"path": str(path.parent)}},
        store_widget_state=False,
        record_timing=False,
        allow_errors=setting.keep_going,
    )
    client.reset_execution_trackers()
    begin = time.perf_counter()

    async def execute(numbers: range) -> None:
        nonlocal at
        for at in numbers:
            await client.async_execute_cell(work.cells[at], at, execution_count=client.code_cells_executed + 1)

    try:
        # The kernel's own log is dropped; what cells write to stderr is kept.
        async with client.async_setup_kernel(
            env=environment_of(root) | dict(setting.variables), stderr=subprocess.DEVNULL
        ):
            process = int(client.km.provisioner.pid)  # type: ignore[union-attr]
            kernels.running[client] = process
            try:
                await client.async_execute_cell(watch, 0, store_history=False)
                client.reset_execution_trackers()
                await execute(range(1, 1 + len(own)))
                used, wall = cpu_seconds(process), time.perf_counter() - begin
                if later and solve(used):
                    try:
                        await execute(range(1 + len(own), 1 + len(own) + len(later)))
                        solved = tuple(check_results(later))
                    except Exception as failure:  # whatever stops the solutions is what their test shows
                        solved = (f"failed: {summary_of_failure(later, failure)}",)
                await client.async_execute_cell(report, len(work.cells) - 1, store_history=False)
                files = tuple(
                    sorted(
                        Path(name).relative_to(root).as_posix()
                        for name in json.loads("".join(output.text for output in report.outputs))
                        if name.startswith(str(root) + os.sep) and "__pycache__" not in name
                    )
                )
            finally:
                used = used or cpu_seconds(process)
                kernels.running.pop(client, None)
    except Exception as failure:  # whatever stops a notebook becomes one readable summary
        wall = time.perf_counter() - begin
        number = max(at, 1)
        if number <= len(own) and own[number - 1].cell_type == "code":
            show_in_cell(own[number - 1], failure)
        error = summary_of_failure(own, failure)
    work.cells = own
    return Outcome(work, wall, used, error, solved, files)


def run_notebook(
    path: Path,
    notebook: Any,
    root: Path,
    solve: Callable[[float], bool] = lambda seconds: False,
    kernels: Kernels | None = None,
    package: str = "symrl_lite",
    setting: Setting = ORDINARY,
) -> Outcome:
    """Run the notebook's cells in a new kernel, in the folder of the notebook.

    Args:
        path: where the notebook lies.
        notebook: its contents; they stay as they are.
        root: the folder that holds the package.
        solve: told the CPU seconds of the chapter; whether its solutions are then tried in the same kernel.
        kernels: keeps the process while it runs.
        package: the folder whose files are watched.
        setting: what is different in this run.
    """
    return asyncio.run(_run(path, notebook, root.resolve(), solve, kernels or Kernels(), package, setting))


def run_solved(path: Path, notebook: Any, root: Path) -> tuple[str, ...]:
    """What the checks say in a fresh kernel in which the solutions stand in place of the stubs from the start."""
    outcome = run_notebook(path, with_solutions(notebook), root)
    return (f"failed: {outcome.error}",) if outcome.error else tuple(check_results(outcome.notebook.cells))
