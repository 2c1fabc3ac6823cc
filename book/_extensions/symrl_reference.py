"""The reference of the package: docstrings as pages, and links to them from the code of the chapters."""

from __future__ import annotations

import ast
import json
import posixpath
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

from symrl_formulas import letters_of, pieces

REFERENCE = "book/reference/"  # the pages that are made of docstrings
AS_IT_IS = (nodes.Inline, nodes.literal_block, nodes.doctest_block, nodes.raw, nodes.title, addnodes.desc_signature)
STOPS = (*AS_IT_IS, addnodes.desc_content, nodes.section, nodes.document)
EXAMPLE = re.compile(r"^\s*(>>>|\.\.\. |\.\. )")
RAISED = re.compile(r"(?:^|(?<=\. ))(?=(?:[A-Z]\w*(?:Error|Warning)|gymnasium\.error\.\w+): )")
MARKED = re.compile(r"(`[^`]+`|(?<![\w*])(?:\*[A-Za-z ]*[a-z]\*|\*\*[A-Za-z ]*[a-z]\*\*)(?![\w*]))")
NO_TYPE = "\\"  # a line of its own: nothing on the page, but what stands before the next line's colon is then no type


def one_a_line(lines: list[str]) -> list[str]:
    """Under "Raises:", start a line for each exception, where a docstring has several in one; and know no types."""
    found: list[str] = []
    section, indent = "", None
    for line in lines:
        width = len(line) - len(line.lstrip())
        if line.strip() in ("Raises:", "Returns:"):
            section, indent = line.strip(), None
        elif section and not line.strip():
            section = ""
        elif section:
            if indent is None:
                indent = width
                found += [" " * indent + NO_TYPE] if section == "Returns:" else []
            if section == "Raises:":
                first, *more = RAISED.split(line.strip())
                found += [" " * width + first.rstrip()] if first else []
                found += [" " * indent + part.rstrip() for part in more]
                continue
        found.append(line)
    return found


def as_written(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: what reStructuredText would read into |G|, x_ or one backtick is escaped."""
    plain: list[str] = []
    example = False
    for line in lines:
        example = bool(EXAMPLE.match(line)) or (example and bool(line.strip()))  # up to the next empty line
        if not example:
            parts = MARKED.split(line)  # code and *stress*, which stay as they are, at the odd places
            parts[1::2] = [f"`{part}`" if part[0] == "`" else part for part in parts[1::2]]
            parts[::2] = [re.sub(r"([|*_\\])", r"\\\1", part) for part in parts[::2]]
            parts[::2] = [re.sub(r"\b(\w+://)", r"\\\1", part) for part in parts[::2]]  # an address is no link
            line = "".join(parts)
        plain.append(line)
    plain = one_a_line(plain)
    if what in ("attribute", "property", "data"):
        plain.insert(0, NO_TYPE)
    lines[:] = plain


def straight_quotes(app: Sphinx, domain: str, kind: str, content: Any) -> None:
    """In docstrings "max" and s' are code and formulas, whose marks are not to be curled."""
    content["support_smartquotes"] = False


def dashes(app: Sphinx, doctree: Any) -> None:
    """Between a name and what is said of it Sphinx writes two hyphens, and leaves the rest to the curling of quotes."""
    for content in doctree.findall(addnodes.desc_content):
        for text in list(content.findall(nodes.Text)):
            if text.startswith(" -- "):
                text.parent.replace(text, nodes.Text(text.replace(" -- ", " – ", 1)))


def set_formulas(app: Sphinx, doctree: Any) -> None:
    """Set the formulas of docstrings: variables, subscripts and superscripts, outside of code, links and *stress*."""
    if not app.env.docname.startswith(REFERENCE):
        return
    groups: dict[int, list[nodes.Text]] = {}  # by docstring, in which a letter means one thing
    for text in doctree.findall(nodes.Text):
        parent = text.parent
        while (isinstance(parent, nodes.inline) and not parent["classes"]) or not isinstance(parent, STOPS):
            parent = parent.parent  # Sphinx puts what is returned or raised into an inline node without a class
        if isinstance(parent, addnodes.desc_content | nodes.section):
            groups.setdefault(id(parent), []).append(text)
    for texts in groups.values():
        letters = frozenset[str]().union(*(letters_of(text.astext()) for text in texts))
        for text in texts:
            found = as_nodes(pieces(text.astext(), letters))
            if len(found) > 1 or not isinstance(found[0], nodes.Text):
                text.parent.replace(text, found)


def as_nodes(parts: Any) -> list[nodes.Node]:
    """Pieces of a formula as nodes of docutils."""
    found: list[nodes.Node] = []
    for kind, content in parts:
        if kind == "text":
            found.append(nodes.Text(content))
        elif kind == "variable":
            found.append(nodes.inline(content, content, classes=["formula-variable"]))
        else:
            found.append((nodes.subscript if kind == "sub" else nodes.superscript)("", "", *as_nodes(content)))
    return found


def imported(path: Path) -> dict[str, str]:
    """What a notebook imports from the package: its name there, and its full name."""
    found: dict[str, str] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        code = re.sub(r"^(\s*)[%!].*$", r"\1pass", "".join(cell["source"]), flags=re.MULTILINE)  # lines for IPython
        try:
            tree = ast.parse(code)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "symrl_lite":
                found.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    return found


def link_names(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Link the first use of each of the package's names in a chapter's code to its place in the reference."""
    notebook = Path(app.srcdir, f"{page}.ipynb")
    if "body" not in context or not page.startswith("notebooks/") or not notebook.is_file():
        return
    objects = app.env.get_domain("py").data["objects"]
    body: str = context["body"]

    def link(before: str, name: str, full: str) -> None:
        nonlocal body
        if full not in objects:
            return
        entry = objects[full]
        target = posixpath.relpath(app.builder.get_target_uri(entry.docname), posixpath.dirname(page) or ".")
        span = f'<span class="n">{re.escape(name)}</span>'
        body = re.sub(
            rf'({before})({span})(?=<span class="[op]">[.(])',
            rf'\1<a class="to-reference" href="{target}#{entry.node_id}">\2</a>',
            body,
            count=1,
        )

    for name, full in imported(notebook).items():
        link("", name, full)
        for attribute in (known.rpartition(".")[2] for known in objects if known.rpartition(".")[0] == full):
            link(
                f'<span class="n">{re.escape(name)}</span><span class="o">\\.</span>', attribute, f"{full}.{attribute}"
            )
    context["body"] = body


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the parts with Sphinx."""
    app.connect("autodoc-process-docstring", as_written, priority=400)  # before napoleon, at 500
    app.connect("object-description-transform", straight_quotes)
    app.connect("doctree-read", dashes)
    app.connect("doctree-read", set_formulas, priority=600)  # after the dashes
    app.connect("html-page-context", link_names)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
