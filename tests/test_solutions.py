"""Every chapter with its folded solutions pasted in: all checks pass. Unsolved: all say so, and nothing else fails.

The unsolved run is the one that the site shows (tools/execute.py keeps it); only the solved one is executed here.
"""

import asyncio
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def with_solutions(path):
    """The notebook with each stub replaced by the solution folded below it."""
    notebook = nbformat.read(path, as_version=4)
    solutions = {
        block.splitlines()[0]: block
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for block in re.findall(r"<summary>Solution</summary>\n\n```python\n(.*?)```", cell.source, re.DOTALL)
    }
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            cell.source = solutions.pop(cell.source.splitlines()[0])
    assert not solutions, f"solutions without a stub: {list(solutions)}"
    return notebook


def check_results(notebook):
    """The printed result of every check cell, in order."""
    return [
        "".join(output.data.get("text/plain", "") for output in cell.outputs if "data" in output)
        for cell in notebook.cells
        if cell.cell_type == "code" and re.fullmatch(r"check\.\w+\(\w+\)", cell.source)
    ]


def executed(path):
    """The solved notebook after it has run, in a kernel of its own."""
    notebook = with_solutions(path)
    resources = {"metadata": {"path": str(path.parent)}}
    environment = os.environ | {"SYMRL_STATIC": "1"}
    client = NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources)
    asyncio.run(client.async_execute(env=environment))  # not `execute`, which leaves the thread's event loop open
    return notebook


@pytest.fixture(scope="module")
def solved():
    """All solved notebooks, executed two at a time, from the last to the first."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {path: pool.submit(executed, path) for path in reversed(CHAPTERS)}


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_solutions_pass_every_check(path, solved):
    results = check_results(solved[path].result())
    assert len(results) == 3
    for result in results:
        assert "✓" in result and "✗" not in result and "not solved" not in result, result


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_unsolved_exercises_say_so(path):
    from jupyter_cache import get_cache

    cache = get_cache(ROOT / "_build" / ".jupyter_cache")
    record = cache.match_cache_notebook(nbformat.read(path, as_version=4))  # KeyError: run tools/execute.py first
    results = check_results(cache.get_cache_bundle(record.pk).nb)
    assert len(results) == 3
    assert all("not solved yet" in result for result in results), results
