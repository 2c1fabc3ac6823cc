"""Every chapter with its folded solutions pasted in: all checks pass. Unsolved: all say so, and nothing else fails.

The unsolved run is the one that the site shows. A chapter is executed once for both: after its last cell the same
kernel gets the folded solutions, their checks and the cells that use them (tools/notebooks), in a copy that no page
shows. This is the same check as a run of the whole chapter with the solutions in it, because a stub defines nothing
but its function, which raises: the cells below it do without that function, so all that a second run would repeat is
what the kernel holds already. What differs is the order: a name that a later cell defines anew has its later meaning
when the solution is run. Chapters that take seconds are therefore solved in a fresh kernel from the start.
"""

from pathlib import Path

import nbformat
import pytest

from tools import chapters
from tools.notebooks import cache as kept
from tools.notebooks.kernel import run_solved
from tools.notebooks.solutions import check_results

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = chapters.paths(ROOT)


def run_of(path):
    """The chapter, and the record of its run; a KeyError says: run tools/execute.py first."""
    notebook = nbformat.read(path, as_version=4)
    cache = kept.open_cache(ROOT)
    record = cache.match_cache_notebook(notebook)
    assert kept.counts(record, kept.notebook_fingerprint(notebook, kept.common_fingerprint(ROOT)), ROOT), (
        f"{path.name} or what it uses has changed since it ran: run tools/execute.py first"
    )
    return notebook, record.data, cache.get_cache_bundle(record.pk).nb


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_solutions_pass_every_check(path):
    notebook, data, _ = run_of(path)
    results = data["solved"] or run_solved(path, notebook, ROOT)
    assert len(results) == 3, results
    for result in results:
        assert "✓" in result and "✗" not in result and "not solved" not in result, result


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_unsolved_exercises_say_so(path):
    _, _, executed = run_of(path)
    results = check_results(executed.cells)
    assert len(results) == 3
    assert all("not solved yet" in result for result in results), results
