"""What the site needs from Sphinx beyond its settings: formulas, run times, notes on failed chapters, a first page."""

from __future__ import annotations

import html
import json
import posixpath
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.ext.mathjax import MATHJAX_URL
from sphinx.util.docutils import SphinxDirective


def choose_mathjax(app: Sphinx, config: Config) -> None:
    """Use the site's own MathJax, or a public CDN where the build could not fetch one."""
    own = [Path(app.confdir, folder, config.mathjax_path) for folder in config.html_static_path]
    if not any(path.is_file() for path in own):
        config.mathjax_path = MATHJAX_URL


def measured(app: Sphinx) -> dict[str, Any] | None:
    """What tools/execute.py left of the last run, or None."""
    path = Path(app.outdir).parent / "run_times.json"
    record: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return record


def note_failure(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put a note below the title of a chapter that did not run to its end."""
    runs = (measured(app) or {"notebooks": []})["notebooks"]
    error = next((run.get("error") for run in runs if run["path"] == f"{docname}.ipynb"), None)
    if not error:
        return
    first = error.splitlines()[0].replace("`", "")
    text = (
        ":::{warning}\nThis chapter did not run to its end when this site was built. What stopped it is shown below: "
        f"{first}. What comes after that cell has no results here.\n:::"
    )
    notebook = json.loads(source[0])
    cell = {"cell_type": "markdown", "id": "did-not-run", "metadata": {}, "source": text}
    notebook["cells"].insert(1, cell)
    source[0] = json.dumps(notebook)


def number_chapters(app: Sphinx, env: Any) -> list[str]:
    """Give every chapter the number of its file, also where one before it is not written yet: Sphinx only counts."""
    changed = []
    for name, numbers in env.toc_secnumbers.items():
        number = posixpath.basename(name)[:2]
        counted = numbers.get("")
        if not number.isdigit() or not counted or counted[0] == int(number):
            continue
        for anchor, old in list(numbers.items()):
            numbers[anchor] = old and (int(number), *old[1:])  # a section has none
        for node in [env.titles[name], *env.tocs[name].findall(nodes.reference)]:
            if node.get("secnumber"):
                node["secnumber"] = (int(number), *node["secnumber"][1:])
        changed.append(name)
    return changed


def write_index(app: Sphinx, error: Exception | None) -> None:
    """Write index.html, which leads to the first page, unless the site has a page of that name.

    It names the site's icon: a browser that is told of none asks the top of the host for one, which is not the site's.
    """
    index = Path(app.outdir, "index.html")
    if error or index.exists() or app.builder.name != "html":
        return
    first = app.builder.get_target_uri(app.config.root_doc)
    icon = posixpath.join("_static", posixpath.basename(app.config.html_favicon or ""))
    title = html.escape(app.config.html_title or app.config.project)
    index.write_text(
        f"""<!DOCTYPE html>
<html lang="{app.config.language}">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="{icon}">
<meta http-equiv="refresh" content="0; url={first}">
</head>
<body><p><a href="{first}">{title}</a></p></body>
</html>
""",
        encoding="utf-8",
    )


def numbered(path: str, title: str) -> str:
    """A chapter's title with its number, as the sidebar has it."""
    number = posixpath.basename(path)[:2]
    return f"{int(number)}. {title}" if number.isdigit() else title


class RunTimes(SphinxDirective):
    """`{run-times}`: a table of the run times that tools/execute.py measured."""

    def run(self) -> list[nodes.Node]:
        """The table, or a sentence where nothing was measured."""
        record = measured(self.env.app)
        if record is None:
            return [nodes.paragraph(text="No run times were measured for this copy of the site.")]
        rows = [
            [
                self.link(notebook["path"], numbered(notebook["path"], notebook["title"])),
                f"{notebook['seconds']:.0f} s",
                f"{notebook['budget']:.0f} s",
            ]
            for notebook in record["notebooks"]
        ]
        machine = f"Python {record['python']} on {record['cores']} CPU cores, no GPU"
        caption = (
            f"Measured with {machine}, from the start of the kernel to the last cell: seconds that one core works. "
            "A machine that is busy with other things takes longer by the clock."
        )
        return [self.table(["Chapter", "CPU time", "At most"], rows), nodes.paragraph(text=caption)]

    def link(self, path: str, title: str) -> nodes.Node:
        """A link to a notebook's page, or its title where the site does not contain it."""
        name = path.removesuffix(".ipynb")
        if name not in self.env.found_docs:
            return nodes.inline(text=title)
        target = posixpath.relpath(name, posixpath.dirname(self.env.docname))
        link = addnodes.pending_xref(
            reftarget=target,
            reftype="doc",
            refdomain="std",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        link += nodes.inline(text=title)
        return link

    @staticmethod
    def table(header: list[str], rows: list[list[Any]]) -> nodes.table:
        """A table of one header row and any number of rows of text or nodes."""
        table, group, head, body = nodes.table(), nodes.tgroup(cols=len(header)), nodes.thead(), nodes.tbody()
        table["classes"] += ["run-times"]
        table += group
        group += [nodes.colspec(colwidth=1) for _ in header]
        group += [head, body]
        for part, row in [(head, header), *((body, row) for row in rows)]:
            line = nodes.row()
            part += line
            for cell in row:
                inner = cell if isinstance(cell, nodes.Node) else nodes.Text(cell)
                line += nodes.entry("", nodes.paragraph("", "", inner))
        return table


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the parts with Sphinx."""
    app.connect("config-inited", choose_mathjax)
    app.connect("source-read", note_failure)
    app.connect("env-get-updated", number_chapters, priority=900)  # after Sphinx has counted
    app.connect("build-finished", write_index, priority=400)  # before sphinx_external_toc writes a bare one at 500
    app.add_directive("run-times", RunTimes)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
