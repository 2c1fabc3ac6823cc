"""Write the address of the course's repository everywhere it is needed, or take it out again.

    make links URL=https://github.com/ORGANISATION/REPOSITORY
    make links URL=                # no address: no button and no link to it
    make links                     # write the present address again, after adding a page or a chapter

The address is kept once, as `Repository` under [project.urls] of pyproject.toml, where packaging tools look
for it too. Everything else is made from it: the marked blocks of _config.yml, CITATION.cff, README.md and the
pages in book/, and the line of each notebook that installs the package in Colab. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.grading import handout  # noqa: E402

BRANCH = "main"
COLAB = "https://colab.research.google.com"
ADDRESS = re.compile(r"https://github\.com/[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
BLOCK = re.compile(
    r"^(?P<begin>(?:#|<!--) BEGIN repository address(?:: (?P<name>\w+))?.*\n)(?P<body>(?:.*\n)*?)"
    r"(?P<end>(?:#|<!--) END repository address)",
    re.MULTILINE,
)
BUTTON = re.compile(r"^(?P<key> +use_(?:repository|issues)_button: )(?:true|false)", re.MULTILINE)
# In the notebook's file the line stands inside a JSON string, so its quotes carry a backslash.
INSTALL = re.compile(
    r"(?P<pip>%pip install -q --no-deps )(?:symrl_lite-[\w.-]+\.whl|\\\"symrl_lite @ git\+[^\"\\]+\\\")"
)


def checked(url: str) -> str:
    """The address in its plain form, or empty.

    Raises:
        ValueError: it is no repository on GitHub, the one host that Colab opens notebooks from.
    """
    plain = url.strip().removesuffix("/").removesuffix(".git")
    if plain and not ADDRESS.fullmatch(plain):
        raise ValueError(f"{url!r} is not of the form https://github.com/ORGANISATION/REPOSITORY")
    return plain


def project(root: Path) -> dict[str, object]:
    """The table [project] of pyproject.toml."""
    with (root / "pyproject.toml").open("rb") as file:
        table: dict[str, object] = tomllib.load(file)["project"]
    return table


def address(root: Path = ROOT) -> str:
    """The address that is set now; empty where there is none."""
    urls = project(root).get("urls", {})
    assert isinstance(urls, dict)
    return str(urls.get("Repository", ""))


def notebooks(root: Path) -> list[Path]:
    """Every notebook of the course, assignments included: their sources, and the versions that students get."""
    found = [*(root / "notebooks").rglob("*.ipynb"), *(root / handout.VERSIONS).glob("*.ipynb")]
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def chapters(root: Path) -> list[tuple[str, str]]:
    """Each chapter's path from the root, and its number and title."""
    found = []
    for path in sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        heading = re.search(r"^# +(.+)$", text, re.MULTILINE)
        title = heading.group(1).strip() if heading else path.stem
        found.append((path.relative_to(root).as_posix(), f"{int(path.stem[:2])}. {title}"))
    return found


def wheel_name(root: Path) -> str:
    """The file that `make wheel` makes."""
    table = project(root)
    return f"{table['name']}-{table['version']}-py3-none-any.whl"


def settings_block(root: Path, url: str) -> str:
    """For _config.yml: what the buttons of the site need."""
    colab = COLAB if url else ""
    return f'repository:\n  url: "{url}"\n  branch: {BRANCH}\nlaunch_buttons:\n  colab_url: "{colab}"\n'


def clone_block(root: Path, url: str) -> str:
    """For a page: how to get the files."""
    if not url:
        return "In the folder of this repository, type:\n"
    commands = f"git clone {url}\ncd {url.rpartition('/')[2]}"
    return f"Get the files, and then type the two commands in their folder:\n\n```\n{commands}\n```\n"


def colab_block(root: Path, url: str) -> str:
    """For a page: how to run a chapter in Colab."""
    if url:
        lines = [f"- [{title}]({COLAB}/github/{url.removeprefix('https://github.com/')}/blob/{BRANCH}/{path})"
                 for path, title in chapters(root)]  # fmt: skip
        return "Open a chapter in Colab. Its first cell installs the package.\n\n" + "\n".join(lines) + "\n"
    return (
        f"1. Run `make wheel`. It makes `dist/{wheel_name(root)}`.\n"
        "2. In Colab, choose *File → Upload notebook* and give it a chapter from `notebooks/`.\n"
        "3. Open the *Files* panel and upload the wheel there.\n"
        "4. Choose *Runtime → Run all*. The first cell installs the wheel.\n"
    )


def assignments_block(root: Path, url: str) -> str:
    """For a page: where to get each assignment."""
    rows = ["* - Assignment", "  - Minutes", "  - Get it"]
    for name, title, minutes in handout.listed(root):
        get = f"{{download}}`{name}.ipynb <assignments/{name}.ipynb>`"
        if url:
            place = f"{url.removeprefix('https://github.com/')}/blob/{BRANCH}/{handout.VERSIONS}/{name}.ipynb"
            get += f" · [open in Colab]({COLAB}/github/{place})"
        rows += [f"* - {title}", f"  - {minutes}", f"  - {get}"]
    head = "```{list-table}\n:header-rows: 1\n:class: course-assignments\n:widths: 56 12 32\n\n"
    return head + "\n".join(rows) + "\n```\n"


def block(root: Path, path: Path, name: str | None, url: str) -> str:
    """What stands between the marks of one block."""
    if path.name == "_config.yml":
        return settings_block(root, url)
    if path.name == "pyproject.toml":
        return f'[project.urls]\nRepository = "{url}"\n' if url else ""
    if path.name == "CITATION.cff":
        return f'repository-code: "{url}"\n' if url else ""
    makers = {"clone": clone_block, "colab": colab_block, "assignments": assignments_block}
    if name not in makers:
        raise ValueError(f"{path.name}: no block is called {name!r}; there are {', '.join(makers)}")
    return makers[name](root, url)


def stamped(root: Path, url: str) -> dict[Path, str]:
    """Every file that carries the address, with the text it should have."""
    texts = {}
    pages = [root / name for name in ("pyproject.toml", "_config.yml", "CITATION.cff", "README.md")]
    for path in [*pages, *sorted((root / "book").rglob("*.md"))]:
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")

        def renewed(found: re.Match[str], path: Path = path) -> str:
            return found["begin"] + block(root, path, found["name"], url) + found["end"]

        new = BLOCK.sub(renewed, text)
        if path.name == "_config.yml":
            new = BUTTON.sub(lambda found: found["key"] + ("true" if url else "false"), new)
        if new != text or BLOCK.search(text):
            texts[path] = new
    source = f'\\"symrl_lite @ git+{url}\\"' if url else wheel_name(root)
    for path in notebooks(root):
        texts[path] = INSTALL.sub(lambda found: found["pip"] + source, path.read_text(encoding="utf-8"))
    return texts


def stale(root: Path, url: str) -> list[Path]:
    """The files that do not carry this address."""
    return [path for path, text in stamped(root, url).items() if path.read_text(encoding="utf-8") != text]


def write(root: Path, url: str) -> list[Path]:
    """Write the address into every file that lacks it, and name those files."""
    changed = stale(root, url)
    for path, text in stamped(root, url).items():
        if path in changed:
            path.write_text(text, encoding="utf-8", newline="\n")
    return changed


def main() -> int:
    """Read the address from the command line, write it, say where."""
    parser = argparse.ArgumentParser(description="Write the repository's address everywhere it is needed.")
    parser.add_argument("--url", help="https://github.com/ORGANISATION/REPOSITORY, or empty to take it out")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder of the repository")
    given = parser.parse_args()
    try:
        url = address(given.root) if given.url is None else checked(given.url)
        changed = write(given.root, url)
    except ValueError as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    for path in changed:
        print(f"written: {path.relative_to(given.root)}")
    print(f"The repository's address is {url or 'not set'}." + ("" if changed else " Nothing had to change."))
    return 0


if __name__ == "__main__":
    sys.exit(main())
