"""Build the site: fetch MathJax, run the notebooks, build the pages, check them, print the address.

    python tools/book.py

The site is in _build/html and needs nothing but its own files: it works from any folder of a file server
and from the disk. Everything but the run notebooks is built anew each time, so that no stale page or style
survives; a warning fails the build. Where a chapter fails, all pages are built all the same: its page shows the cell
and its traceback below a note at the top, and the program ends with what to do and an exit status of 1.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.execute import Run, execute_all, report  # noqa: E402
from tools.grading import handout  # noqa: E402
from tools.notebooks.cache import package_fingerprint  # noqa: E402
from tools.notebooks.kernel import ANSI  # noqa: E402

SITE = "_build/html"
STAMP = "_build/site.json"
LOG = "_build/build.log"
MATHJAX_FOLDER = "book/_static/vendor/mathjax"
MATHJAX_VERSION = "3.2.2"
MATHJAX_PACKAGE = "Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="  # sha512
MATHJAX_FILES = re.compile(r"package/(LICENSE|es5/tex-mml-chtml\.js|es5/output/chtml/fonts/woff-v2/[^/]+\.woff)")
NPM_SECONDS = 120
PAGE_LIMIT = 3_000_000  # bytes


class BuildError(Exception):
    """The site was not built; the message says why, for people."""


class FailedChapters(BuildError):
    """The site was built, and some of its chapters did not run to their end."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mathjax_is_there(folder: Path) -> bool:
    """Whether the folder holds the pinned MathJax, unchanged."""
    try:
        record = json.loads((folder / "version.json").read_text(encoding="utf-8"))
        return record["version"] == MATHJAX_VERSION and all(
            sha256(folder / name) == digest for name, digest in record["files"].items()
        )
    except (OSError, ValueError, KeyError):
        return False


def fetch_mathjax(root: Path = ROOT, npm: str = "npm") -> str | None:
    """Put the pinned MathJax among the site's static files.

    Args:
        root: the folder of the repository.
        npm: the program to fetch the package with.

    Returns:
        None, or the reason why there is no MathJax of the site's own.
    """
    folder = root / MATHJAX_FOLDER
    if mathjax_is_there(folder):
        return None
    shutil.rmtree(folder, ignore_errors=True)
    program = shutil.which(npm)
    if program is None:
        return "npm was not found"
    with tempfile.TemporaryDirectory() as temporary:
        command = [program, "pack", f"mathjax@{MATHJAX_VERSION}", "--silent", "--fetch-retries=1"]
        try:
            subprocess.run(command, cwd=temporary, capture_output=True, check=True, timeout=NPM_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            return f"npm could not fetch mathjax@{MATHJAX_VERSION} ({type(error).__name__})"
        packages = list(Path(temporary).glob("*.tgz"))
        if not packages or not has_checksum(packages[0], MATHJAX_PACKAGE):
            return f"what npm fetched is not the expected mathjax@{MATHJAX_VERSION}"
        files: dict[str, str] = {}
        with tarfile.open(packages[0]) as archive:
            for member in archive.getmembers():
                content = archive.extractfile(member) if MATHJAX_FILES.fullmatch(member.name) else None
                if content is not None:
                    name = member.name.removeprefix("package/")
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content.read())
                    files[name] = sha256(folder / name)
    (folder / "version.json").write_text(
        json.dumps({"version": MATHJAX_VERSION, "files": files}, indent=1), encoding="utf-8"
    )
    return None


def has_checksum(path: Path, expected: str) -> bool:
    """Whether a file has this SHA-512 (base64, as npm writes it)."""
    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode() == expected


def build_pages(root: Path = ROOT) -> None:
    """Run Jupyter Book on fresh folders, with every warning an error.

    Raises:
        BuildError: naming the warnings.
    """
    for folder in ("html", ".doctrees", "jupyter_execute"):
        shutil.rmtree(root / "_build" / folder, ignore_errors=True)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    command += ["build", str(root), "-W", "-n", "--keep-going"]
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", "PYTHONIOENCODING": "utf-8"}
    environment.pop("SPHINXOPTS", None)
    result = subprocess.run(
        command,
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    log = ANSI.sub("", result.stdout)
    (root / LOG).parent.mkdir(parents=True, exist_ok=True)
    (root / LOG).write_text(log, encoding="utf-8")
    if result.returncode or not (root / SITE / "index.html").is_file():
        wrong = [line for line in log.splitlines() if re.search(r"\b(WARNING|ERROR|CRITICAL|Error)\b", line)]
        shown = [line.replace(f"{root}{os.sep}", "") for line in dict.fromkeys(wrong)] or log.splitlines()[-15:]
        raise BuildError(
            "\n".join(["the pages were not built without a warning:", *shown[:25], f"The whole log is in {LOG}."])
        )


def check_pages(root: Path = ROOT) -> None:
    """Look at what was built: each page small enough, no second copy of a widget in it.

    Raises:
        BuildError: naming the pages.
    """
    wrong = []
    for page in sorted((root / SITE).rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root / SITE).as_posix()
        if len(text.encode()) > PAGE_LIMIT:
            wrong.append(f"{name} has {len(text.encode()) / 1e6:.1f} MB, more than {PAGE_LIMIT / 1e6:.0f} MB")
        if "application/vnd.jupyter.widget" in text:
            wrong.append(f"{name} holds the state of a live widget, which needs a kernel")
    if wrong:
        raise BuildError("\n".join(["the site was built, but", *wrong]))


def sources_fingerprint(root: Path = ROOT) -> str:
    """A hash of everything the site is made from."""
    digest = hashlib.sha256(package_fingerprint(root).encode())
    files = [root / "_config.yml", root / "_toc.yml", Path(__file__)]
    files += [*sorted((root / "notebooks").glob("*.ipynb")), *handout.sources(root)]
    files += sorted(path for path in (root / "book").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in files:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def is_current(root: Path = ROOT) -> bool:
    """Whether _build/html is the site of the present sources."""
    try:
        record = json.loads((root / STAMP).read_text(encoding="utf-8"))
        return bool(record["sources"] == sources_fingerprint(root)) and (root / SITE / "index.html").is_file()
    except (OSError, ValueError, KeyError):
        return False


def words_for(failed: list[Run], page: Path) -> str:
    """Which chapters failed, in which cell, and what to do."""
    many = "chapters" if len(failed) > 1 else "chapter"
    lines = [f"the site was built, but {len(failed)} {many} did not run to the end:", ""]
    lines += [f"{run.path}, {run.error}" for run in failed]
    lines += [
        "",
        "The page of such a chapter shows the cell with its traceback, and no results after it:",
        *(f"    {page.parent.joinpath(run.path).with_suffix('.html').as_uri()}" for run in failed),
        "Open it with `make lab` and run it up to that cell. If you changed nothing in the course, please report",
        "the lines above, with your system and your processor.",
    ]
    return "\n".join(lines)


def build(root: Path = ROOT) -> Path:
    """Build the whole site.

    Args:
        root: the folder of the repository.

    Returns:
        The site's first page.

    Raises:
        FailedChapters: a notebook failed; all pages are there.
        BuildError: the pages gave a warning.
    """
    (root / STAMP).unlink(missing_ok=True)
    handout.write(root)
    reason = fetch_mathjax(root)
    if reason:
        print(
            f"Formulas will load from a public CDN (cdn.jsdelivr.net) when a page is read: {reason}.",
            flush=True,
        )
    runs = execute_all(root)
    report(runs)
    print("\nbuilding the pages ...", flush=True)
    build_pages(root)
    check_pages(root)
    page = root / SITE / "index.html"
    failed = [run for run in runs if run.error]
    if failed:
        raise FailedChapters(words_for(failed, page))
    (root / STAMP).write_text(json.dumps({"sources": sources_fingerprint(root)}), encoding="utf-8")
    return page


def main() -> int:
    """Build the site and print where it is."""
    argparse.ArgumentParser(description="Build the course's site into _build/html.").parse_args()
    begin = time.perf_counter()
    try:
        page = build()
    except BuildError as error:
        print(f"\nbook: {error}", file=sys.stderr)
        return 1
    print(f"built in {time.perf_counter() - begin:.0f} s. Open it from the disk:\n\n    {page.as_uri()}\n")
    print(f"or serve it: {Path(sys.executable).name} -m http.server --directory {SITE} 8000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
