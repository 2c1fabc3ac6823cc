"""The notebooks run once, the cache knows what they depend on, and a fault fails the build."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import book, chapters, execute, links
from tools.notebooks import cache as kept
from tools.notebooks import kernel
from tools.notebooks.progress import Progress

ROOT = Path(__file__).resolve().parents[2]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
# ipykernel and traitlets warn about themselves; these tests are about what the tools do.
pytestmark = pytest.mark.filterwarnings("default")


def write_notebook(path: Path, *code: str, tags: tuple[str, ...] = (), title: str = "A small chapter") -> None:
    cells = [new_markdown_cell(f"# {title}\n\nThere is $x^2$ in it.")]
    cells += [new_code_cell(source, metadata={"tags": list(tags)} if tags else {}) for source in code]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL, "course": {"max_seconds": 60}})
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A course of one notebook and one module."""
    (tmp_path / "symrl_lite").mkdir()
    (tmp_path / "symrl_lite" / "__init__.py").write_text("answer = 1\n")
    (tmp_path / "symrl_lite" / "used.py").write_text("from symrl_lite import below\n")
    (tmp_path / "symrl_lite" / "below.py").write_text("value = 2\n")
    (tmp_path / "symrl_lite" / "other.py").write_text("value = 3\n")
    (tmp_path / "symrl_lite" / "results").mkdir()
    for name in ("read", "not_read"):
        (tmp_path / "symrl_lite" / "results" / f"{name}.json").write_text("[1]")
    (tmp_path / "constraints.txt").write_text("numpy==2\n")
    write_notebook(tmp_path / "notebooks" / "01_first.ipynb", "1 + 1", "print('seen')")
    return tmp_path


def run(project: Path, **options: Any) -> list[execute.Run]:
    return execute.execute_all(project, **{"say": lambda line: None, **options})


def cache_of(project: Path) -> Any:
    return kept.open_cache(project)


def outputs_of(project: Path, name: str = "01_first") -> Any:
    """The notebook as its page shows it."""
    notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
    return cache_of(project).merge_match_into_notebook(notebook)[1]


def data_of(project: Path, name: str = "01_first") -> dict[str, Any]:
    """What else is kept of a notebook's run."""
    notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
    data: dict[str, Any] = cache_of(project).match_cache_notebook(notebook).data
    return data


# The execution


def test_an_unchanged_notebook_is_not_run_again(project: Path) -> None:
    first, second = run(project)[0], run(project)[0]
    assert not first.cached and second.cached
    assert second.seconds == first.seconds and second.title == "A small chapter"
    assert json.loads((project / execute.RUN_TIMES).read_text())["notebooks"][0]["path"] == "notebooks/01_first.ipynb"
    assert not run(project, again=True)[0].cached


@pytest.mark.parametrize("changed", ["pins", "code", "tags", "solution"])
def test_what_a_notebook_depends_on_makes_it_run_again(project: Path, changed: str) -> None:
    run(project)
    notebook = project / "notebooks" / "01_first.ipynb"
    if changed == "pins":
        (project / "constraints.txt").write_text("numpy==3\n")
    elif changed == "code":
        write_notebook(notebook, "1 + 2", "print('seen')")
    elif changed == "tags":
        write_notebook(notebook, "1 + 1", "print('seen')", tags=("hide-input",))
    else:
        write_notebook(notebook, "1 + 1", "print('seen')", title=f"A small chapter\n\n{FOLDED}")
    assert not run(project)[0].cached
    assert len(cache_of(project).list_cache_records()) == 1, "the stale entry is still there"
    assert run(project)[0].cached


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ("__init__.py", {"users", "reads"}),  # whoever imports anything of the package imports this
        ("used.py", {"users"}),
        ("below.py", {"users"}),  # through `used`
        ("results/read.json", {"reads"}),  # opened, not imported
        ("other.py", set()),
        ("results/not_read.json", set()),
    ],
)
def test_a_change_of_a_module_runs_the_chapters_that_import_it_again_and_no_other(
    project: Path, changed: str, again: set[str]
) -> None:
    write_notebook(project / "notebooks" / "02_users.ipynb", "from symrl_lite.used import below\nbelow.value")
    reads = "import symrl_lite\nopen(symrl_lite.__file__.replace('__init__.py', 'results/read.json')).read()"
    write_notebook(project / "notebooks" / "03_reads.ipynb", reads)
    assert [entry.error for entry in run(project)] == [None] * 3
    assert set(data_of(project)["files"]) == set()
    assert set(data_of(project, "02_users")["files"]) == {
        "symrl_lite/__init__.py",
        "symrl_lite/used.py",
        "symrl_lite/below.py",
    }
    path = project / "symrl_lite" / changed
    path.write_text(path.read_text() + "\n")
    assert {Path(entry.path).stem[3:] for entry in run(project) if not entry.cached} == again
    assert all(entry.cached for entry in run(project))


def test_notebooks_run_side_by_side(project: Path) -> None:
    """Each waits for a file that the other writes: one after the other they would never end."""
    here = str(project)
    for own, other in (("01_first", "02_second"), ("02_second", "01_first")):
        write_notebook(
            project / "notebooks" / f"{own}.ipynb",
            f"import pathlib, time\nhere = pathlib.Path({here!r})\n(here / '{own}.seen').touch()\n"
            f"end = time.monotonic() + 60\nwhile not (here / '{other}.seen').exists():\n"
            "    assert time.monotonic() < end\n    time.sleep(0.05)",
        )
    lines: list[str] = []
    assert [entry.error for entry in run(project, workers=2, say=lines.append)] == [None, None]
    assert any("2 at a time" in line for line in lines)


def test_seconds_are_those_of_the_processor_and_of_its_children(project: Path) -> None:
    burn = "import time\nend = time.process_time() + 1.5\nwhile time.process_time() < end: pass"
    write_notebook(project / "notebooks" / "01_first.ipynb", burn)
    write_notebook(project / "notebooks" / "02_second.ipynb", "import time\ntime.sleep(3)")
    write_notebook(
        project / "notebooks" / "03_third.ipynb",
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])",
    )
    start, sleeping, child = (entry.seconds for entry in run(project))
    assert start > sleeping + 1 and child > sleeping + 1


def test_the_line_of_progress_says_what_runs_what_took_how_long_and_what_is_left() -> None:
    lines: list[str] = []
    progress = Progress(["notebooks/01_a.ipynb", "notebooks/02_b.ipynb", "notebooks/03_c.ipynb"], lines.append)
    progress.started("notebooks/01_a.ipynb")
    progress.started("notebooks/02_b.ipynb")
    progress.ended("notebooks/01_a.ipynb", "7 s")
    assert lines == ["notebooks/01_a.ipynb: 7 s"]
    assert re.fullmatch(r" +\d+ s  running: 02 \(\d+ s\) · done: 01 · left: 03", progress.line())
    progress.tick()
    assert len(lines) == 1, "not yet time for a line"
    progress.shown -= 60
    progress.tick()
    assert lines[1] == progress.line() or "running: 02" in lines[1]


# The solutions


STUB = "# Exercise A\ndef double(x):\n    raise NotImplementedError('Exercise A')"
FOLDED = (
    "<details><summary>Solution</summary>\n\n"
    "```python\n# Exercise A\ndef double(x):\n    return {} * x\n```\n\n</details>"
)
CHECKER = (
    "class check:\n    def double(f):\n        try:\n            return 'right' if f(2) == 4 else 'wrong'\n"
    "        except NotImplementedError:\n            return 'not solved yet'"
)


def write_chapter(path: Path, factor: int, *more: str) -> None:
    """A chapter of one exercise; the folded solution multiplies by `factor`."""
    write_notebook(path, "1", CHECKER, STUB, "check.double(double)", *more)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].metadata["tags"] = ["exercise"]
    notebook.cells.append(new_markdown_cell(FOLDED.format(factor)))
    nbformat.write(notebook, path)


@pytest.mark.parametrize(("factor", "said"), [(2, "'right'"), (3, "'wrong'")])
def test_the_kernel_goes_on_with_the_solutions_and_shows_none_of_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, factor: int, said: str
) -> None:
    monkeypatch.setattr(execute, "FRESH_BELOW", 0.0)
    write_chapter(project / "notebooks" / "01_first.ipynb", factor, "state = 1", "used = str(double)\nstate += 1")
    (entry,) = run(project)
    assert entry.error is None and data_of(project)["solved"] == [said]
    page = outputs_of(project)
    assert page.cells[4].outputs[0]["data"]["text/plain"] == "'not solved yet'"
    assert len(page.cells) == 8 and "return 2" not in page.cells[3].source
    assert "solved" not in str(page.cells[3].outputs)


def test_a_solution_that_fails_is_told_and_the_chapter_stands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execute, "FRESH_BELOW", 0.0)
    write_chapter(project / "notebooks" / "01_first.ipynb", 2, "assert not check.double(double) == 'right'")
    (entry,) = run(project)
    (said,) = data_of(project)["solved"]
    assert entry.error is None and said.startswith("failed: ") and "AssertionError" in said


def test_a_quick_chapter_is_solved_in_a_fresh_kernel(project: Path) -> None:
    path = project / "notebooks" / "01_first.ipynb"
    write_chapter(path, 2)
    (entry,) = run(project)
    assert entry.seconds < execute.FRESH_BELOW and data_of(project)["solved"] is None
    assert kernel.run_solved(path, nbformat.read(path, as_version=4), project) == ("'right'",)
    write_chapter(path, 2, "raise OSError('look')")
    assert "OSError: look" in kernel.run_solved(path, nbformat.read(path, as_version=4), project)[0]


# What goes wrong


def test_text_alone_does_not_make_a_notebook_run_again(project: Path) -> None:
    run(project)
    write_notebook(project / "notebooks" / "01_first.ipynb", "1 + 1", "print('seen')", title="Another title")
    again = run(project)[0]
    assert again.cached and again.title == "Another title"


def test_the_order_of_notebooks_does_not_matter(project: Path) -> None:
    write_notebook(project / "notebooks" / "02_second.ipynb", "one_of_its_own = 2")
    write_notebook(project / "notebooks" / "00_before.ipynb", "'one_of_its_own' in globals()")
    assert [entry.error for entry in run(project)] == [None] * 3
    (project / "notebooks" / "00_before.ipynb").unlink()
    assert all(entry.cached for entry in run(project))
    assert len(cache_of(project).list_cache_records()) == 2, "a notebook that is gone still has an entry"


def test_outputs_that_are_gone_or_cut_off_are_made_again(project: Path) -> None:
    for damage in (lambda path: path.unlink(), lambda path: path.write_text("{")):
        run(project)
        (stored,) = (project / kept.CACHE / "executed").rglob("base.ipynb")
        damage(stored)
        assert not run(project)[0].cached
        assert run(project)[0].cached


def test_the_book_finds_the_outputs_in_the_cache(project: Path) -> None:
    run(project)
    notebook, merged = nbformat.read(project / "notebooks" / "01_first.ipynb", as_version=4), outputs_of(project)
    assert merged.cells[1].outputs[0]["data"]["text/plain"] == "2"
    assert merged.cells[2].outputs[0]["text"] == "seen\n"
    assert [cell.id for cell in merged.cells] == [cell.id for cell in notebook.cells]


def test_a_failing_cell_is_named_kept_for_its_page_and_run_again(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_notebook(project / "notebooks" / "01_first.ipynb", "1", "def f():\n    return 1 / 0", "f()")
    for _ in range(2):  # a failure is not remembered as a success
        (failed,) = run(project)
        assert failed.error is not None and not failed.cached
        assert "cell 3" in failed.error and "f()" in failed.error and "ZeroDivisionError" in failed.error
    page = outputs_of(project)
    assert (
        page.cells[1].outputs[0]["data"]["text/plain"] == "1"
        and page.cells[3].outputs[0]["ename"] == "ZeroDivisionError"
    )
    assert not execute.report([failed])
    assert "0 notebooks ran, 1 failed" in capsys.readouterr().out


def test_a_dead_kernel_is_a_failure_with_a_reason(project: Path) -> None:
    write_notebook(project / "notebooks" / "01_first.ipynb", "import os; os._exit(3)")
    (failed,) = run(project)
    assert failed.error is not None and "DeadKernelError" in failed.error and "cell 1" in failed.error
    assert outputs_of(project).cells[1].outputs[-1]["ename"] == "DeadKernelError"


def test_notebooks_run_in_their_folder_with_widgets_that_need_no_kernel(project: Path) -> None:
    write_notebook(
        project / "notebooks" / "01_first.ipynb",
        "import os, pathlib, matplotlib\nos.environ['SYMRL_STATIC'], pathlib.Path.cwd().name",
        "matplotlib.get_backend().lower()",
        "from IPython.display import publish_display_data\n"
        "view = 'application/vnd.jupyter.widget-view+json'\n"
        "publish_display_data({view: {'model_id': 'x'}, 'text/html': 'twin'})",
        "import warnings; warnings.warn('look here')",
    )
    (entry,) = run(project)
    assert entry.error is None
    outputs = [cell.outputs[0] for cell in outputs_of(project).cells[1:]]
    assert outputs[0]["data"]["text/plain"] == "('1', 'notebooks')"
    assert "inline" in outputs[1]["data"]["text/plain"]
    assert list(outputs[2]["data"]) == ["text/html"]
    assert len(entry.warnings) == 1 and "look here" in entry.warnings[0]


def test_the_table_says_what_took_too_long() -> None:
    runs = [
        execute.Run("notebooks/a.ipynb", "A", 200.0, 180.0, False),
        execute.Run("notebooks/b.ipynb", "B", 1.0, 180.0, True),
    ]
    lines = execute.table_of(runs).splitlines()
    assert lines[1].endswith("over budget") and lines[2].endswith("earlier run")


# MathJax


def test_a_missing_npm_is_said_in_one_line(tmp_path: Path) -> None:
    reason = book.fetch_mathjax(tmp_path, npm="no-such-program")
    assert reason == "npm was not found"
    assert not (tmp_path / book.MATHJAX_FOLDER).exists()


def test_a_changed_or_other_mathjax_is_not_taken_for_ours(tmp_path: Path) -> None:
    folder = tmp_path / book.MATHJAX_FOLDER
    folder.mkdir(parents=True)
    (folder / "file.js").write_text("1")
    record = {"version": book.MATHJAX_VERSION, "files": {"file.js": book.sha256(folder / "file.js")}}
    (folder / "version.json").write_text(json.dumps(record))
    assert book.mathjax_is_there(folder)
    (folder / "file.js").write_text("2")
    assert not book.mathjax_is_there(folder)
    (folder / "file.js").write_text("1")
    (folder / "version.json").write_text(json.dumps({**record, "version": "3.0.0"}))
    assert not book.mathjax_is_there(folder)


def test_a_wrong_package_from_npm_is_refused(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho not-mathjax > mathjax-3.2.2.tgz\n")
    npm.chmod(0o755)
    reason = book.fetch_mathjax(tmp_path / "project", npm=str(npm))
    assert reason is not None and "not the expected" in reason
    assert not (tmp_path / "project" / book.MATHJAX_FOLDER).exists()


# The pages


@pytest.fixture
def small_book(project: Path) -> Path:
    """The real settings and extension around one page and one notebook, without a MathJax of its own."""
    shutil.copytree(ROOT / "book" / "_extensions", project / "book" / "_extensions")
    shutil.copytree(ROOT / "book" / "_static", project / "book" / "_static", ignore=shutil.ignore_patterns("vendor"))
    shutil.copy(ROOT / "_config.yml", project)
    (project / "book" / "references.bib").write_text("")
    (project / "book" / "welcome.md").write_text("# Welcome\n\nA formula: $x^2$\n\n```{run-times}\n```\n")
    (project / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\nchapters:\n  - file: notebooks/01_first\n")
    return project


def test_pages_come_from_the_cache_and_formulas_from_a_cdn_where_npm_is_missing(small_book: Path) -> None:
    marker = small_book / "runs.txt"
    write_notebook(
        small_book / "notebooks" / "01_first.ipynb", f"print('run', file=open({str(marker)!r}, 'a'))", "6 * 7"
    )
    (entry,) = run(small_book)
    book.build_pages(small_book)
    book.check_pages(small_book)
    assert marker.read_text() == "run\n", "the build ran the notebook a second time"
    page = (small_book / book.SITE / "notebooks" / "01_first.html").read_text()
    assert ">42<" in page.replace("\n", "") or "42\n" in page
    welcome = (small_book / book.SITE / "book" / "welcome.html").read_text()
    assert "cdn.jsdelivr.net/npm/mathjax@3" in welcome
    assert "A small chapter" in welcome and f"{entry.seconds:.0f} s" in welcome
    # Whatever lies in the static files is on the site after the next build, though no page changed.
    (small_book / "book" / "_static" / "course.css").write_text("/* new */")
    book.build_pages(small_book)
    assert (small_book / book.SITE / "_static" / "course.css").read_text() == "/* new */"


def test_buttons_come_with_the_repositorys_address(small_book: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", small_book)
    links.write(small_book, "https://github.com/people/course")
    run(small_book)
    book.build_pages(small_book)
    page = (small_book / book.SITE / "notebooks" / "01_first.html").read_text()
    target = "https://colab.research.google.com/github/people/course/blob/main/notebooks/01_first.ipynb"
    assert target in page and "https://github.com/people/course" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[gone](no_such_page.md)", "no_such_page"),
        ("{cite:t}`nobody1999`", "nobody1999"),
        ("{term}`no such word`", "no such word"),
    ],
)
def test_a_warning_fails_the_build_and_is_shown(small_book: Path, text: str, expected: str) -> None:
    run(small_book)
    page = small_book / "book" / "welcome.md"
    page.write_text(page.read_text() + f"\n{text}\n")
    with pytest.raises(book.BuildError, match=re.escape(expected)):
        book.build_pages(small_book)


def test_a_chapter_that_fails_has_a_page_and_the_build_fails(
    small_book: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "fetch_mathjax", lambda root: "npm was not found")
    write_notebook(
        small_book / "notebooks" / "01_first.ipynb",
        "'shown ' + 'before'",
        "raise ValueError('this one')",
        "'never ' * 2",
    )
    with pytest.raises(book.FailedChapters, match=r"(?s)01_first\.ipynb, cell 2.*this one.*01_first\.html.*make lab"):
        book.build(small_book)
    said = capsys.readouterr().out
    assert "public CDN" in said and "0 notebooks ran, 1 failed" in said
    page = (small_book / book.SITE / "notebooks" / "01_first.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "This chapter did not run to its end" in text and "cell 2 (the cell that begins raise ValueError" in text
    assert "shown before" in text and "ValueError: this one" in text and "never never" not in text
    assert text.index("A small chapter") < text.index("did not run to its end") < text.index("shown before")
    assert (small_book / book.SITE / "index.html").is_file() and not book.is_current(small_book)
    # Mended, it is an ordinary page again.
    write_notebook(small_book / "notebooks" / "01_first.ipynb", "'mended'")
    book.build(small_book)
    assert "did not run" not in (small_book / book.SITE / "notebooks" / "01_first.html").read_text()
    assert book.is_current(small_book)


def test_a_page_that_is_too_large_or_holds_a_live_widget_fails(tmp_path: Path) -> None:
    folder = tmp_path / book.SITE
    folder.mkdir(parents=True)
    (folder / "small.html").write_text("x")
    book.check_pages(tmp_path)
    (folder / "large.html").write_text("x" * (book.PAGE_LIMIT + 1))
    (folder / "state.html").write_text('<script type="application/vnd.jupyter.widget-state+json">{}</script>')
    with pytest.raises(book.BuildError, match=r"(?s)large\.html has 3\.0 MB.*state\.html holds"):
        book.check_pages(tmp_path)


# The real site


def test_no_page_holds_a_live_widget_or_is_too_large(site: Path) -> None:
    book.check_pages(ROOT)


def test_the_frames_of_a_widget_are_in_the_page_once(site: Path) -> None:
    for page in (site / "notebooks").glob("*.html"):
        blobs = re.findall(r"[A-Za-z0-9+/=]{4000,}", page.read_text(encoding="utf-8"))
        assert len(blobs) == len(set(blobs)), f"{page.name} holds a large blob twice"


def test_pages_use_the_sites_own_mathjax_where_there_is_one(site: Path) -> None:
    if not book.mathjax_is_there(ROOT / book.MATHJAX_FOLDER):
        pytest.skip("npm could not fetch MathJax here, and the build said so")
    page = (site / "book" / "conventions.html").read_text(encoding="utf-8")
    assert "vendor/mathjax/es5/tex-mml-chtml.js" in page and "cdn.jsdelivr.net" not in page
    assert (site / "_static" / "vendor" / "mathjax" / "es5" / "tex-mml-chtml.js").is_file()


def test_chapters_can_be_downloaded_without_outputs(site: Path) -> None:
    for page in (site / "notebooks").glob("*.html"):
        source = site / "_sources" / "notebooks" / f"{page.stem}.ipynb"
        assert f"_sources/notebooks/{page.stem}.ipynb" in page.read_text(encoding="utf-8")
        notebook = nbformat.read(source, as_version=4)
        assert all(not cell.outputs for cell in notebook.cells if cell.cell_type == "code")


def test_buttons_that_need_an_address_are_there_only_with_one(site: Path) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    url = settings["repository"]["url"]
    for page in (site / "notebooks").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        if url:
            assert f"colab.research.google.com/github/{url.removeprefix('https://github.com/')}" in text
        else:
            assert "colab.research.google.com" not in text and "dropdown-launch-buttons" not in text
            assert "dropdown-source-buttons" not in text


def test_every_chapter_is_on_the_map_and_in_the_contents(site: Path) -> None:
    welcome = (ROOT / "book" / "welcome.md").read_text(encoding="utf-8")
    contents = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        assert f"notebooks/{notebook.name}" in welcome and f"notebooks/{notebook.stem}" in contents
        assert (site / "notebooks" / f"{notebook.stem}.html").is_file()


def test_a_chapter_has_its_number_in_its_titles_and_in_the_sidebar(site: Path) -> None:
    sidebar = (site / "book" / "how_to_use.html").read_text(encoding="utf-8")
    for chapter in chapters.read(ROOT):
        name = chapter.path.replace(".ipynb", ".html")
        page = (site / name).read_text(encoding="utf-8")
        title = f"{chapter.number}. {chapter.title}"
        assert f"<title>{title}" in page
        assert f'<h1><span class="section-number">{chapter.number}. </span>{chapter.title}' in page
        assert page.count('<h2><span class="section-number">') == 0, "sections have no numbers"
        assert f'href="../{name}">{title}' in sidebar


def test_the_number_is_that_of_the_file_also_where_a_chapter_is_missing_before_it(small_book: Path) -> None:
    for number in (2, 5):
        write_notebook(small_book / "notebooks" / f"{number:02d}_more.ipynb", "1 + 1", title=f"Chapter of {number}")
    toc = "format: jb-book\nroot: book/welcome\nparts:\n  - numbered: 1\n    chapters:\n"
    files = ("01_first", "02_more", "05_more")
    (small_book / "_toc.yml").write_text(toc + "".join(f"      - file: notebooks/{name}\n" for name in files))
    run(small_book)
    book.build_pages(small_book)
    for number, name in ((1, "01_first"), (2, "02_more"), (5, "05_more")):
        page = (small_book / book.SITE / "notebooks" / f"{name}.html").read_text()
        assert f'<h1><span class="section-number">{number}. </span>' in page
    assert ">5. Chapter of 5</a>" in (small_book / book.SITE / "book" / "welcome.html").read_text()


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "book").glob("*.md")))
def test_the_code_on_a_page_is_true(page: str, tmp_path: Path) -> None:
    """The Python blocks of a page run in order, in a process and a folder of their own: an example may keep files."""
    text = (ROOT / "book" / page).read_text(encoding="utf-8")
    code = "\n\n".join(re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
