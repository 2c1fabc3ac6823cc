"""The chapters and the tests with other versions of the packages than the pinned ones.

    make newest                      # the newest release of every package that pyproject.toml allows
    make colab                       # the versions that a Colab session has (tools/colab.txt)
    make report VERSIONS=newest      # on GitHub, after one of them has failed: an issue that says how

Each runs in a copy of the course with an environment of its own, both made anew below _build/versions, so that what
`make test` and `make book` keep stays as it is. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path("_build/versions")
LEFT_OUT = (".git", "_build", ".venv*", "build", "dist", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis")
SHOWN = 60  # lines of the log in an issue


@dataclass(frozen=True)
class Versions:
    """What is installed, and which steps of tools/test.py are run with it."""

    words: str
    install: tuple[str, ...]
    steps: tuple[str, ...]


KNOWN = {
    "newest": Versions(
        "the newest release of every package",
        ("--upgrade", "-e", ".[atari,cluster,mujoco,sb3,book,test]"),
        ("unit", "notebooks", "checks", "site", "links"),
    ),
    # What runs a chapter and its checks, and nothing that a session does not have.
    "colab": Versions(
        "the versions that Colab has",
        ("-c", "tools/colab.txt", "-e", ".", "ipykernel", "jupyter-cache", "nbclient", "psutil", "pytest-xdist"),
        ("notebooks", "checks"),
    ),
}


def copy_of_course(root: Path, name: str) -> Path:
    """A fresh copy of the course, without what was built."""
    folder = root / PLACE / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return folder


def logged(command: list[str], folder: Path, log: Path, variables: dict[str, str]) -> bool:
    """Run a command; what it says is shown and kept. Whether it ended well."""
    with (
        log.open("a", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            file.write(line)
    return process.returncode == 0


def try_versions(name: str, root: Path = ROOT) -> bool:
    """Install them, list them, and run the steps with them; whether all went well."""
    chosen = KNOWN[name]
    folder, log = copy_of_course(root, name), root / PLACE / f"{name}.log"
    log.unlink(missing_ok=True)
    python = str(folder / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    variables = {"SYMRL_VERSIONS": name, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    print(f"{chosen.words}, in {PLACE / name}", flush=True)
    return all(
        logged(command, folder, log, variables)
        for command in (
            [sys.executable, "-m", "venv", ".venv"],
            [python, "-m", "pip", "install", "--quiet", "--no-input", *chosen.install],
            [python, "-m", "pip", "freeze", "--exclude-editable"],
            [python, "tools/test.py", *chosen.steps],
        )
    )


def report(name: str, root: Path = ROOT) -> None:
    """Open an issue on GitHub with the end of the log, or add to the one that is open.

    Raises:
        FileNotFoundError: nothing was tried here. subprocess.CalledProcessError: gh did not do it.
    """
    title = f"The weekly run with {KNOWN[name].words} fails"
    lines = (root / PLACE / f"{name}.log").read_text(encoding="utf-8").splitlines()
    run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"
    variables = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    place = run.format_map({key: os.environ[key] for key in variables}) if variables[2] in os.environ else "this run"
    body = (
        f"`make {name}` failed: {place}. It does the same on your machine. The last lines of what it said; the whole "
        "log lies at that run.\n\n````\n" + "\n".join(lines[-SHOWN:]) + "\n````\n"
    )

    def gh(*arguments: str, given: str | None = None) -> str:
        found = subprocess.run(["gh", "issue", *arguments], input=given, capture_output=True, text=True, check=True)
        return found.stdout

    listed = gh(
        "list", "--state", "open", "--limit", "200", "--json", "number,title", "--jq", ".[] | [.number, .title] | @tsv"
    )
    known = [number for number, _, found in (line.partition("\t") for line in listed.splitlines()) if found == title]
    what = ("comment", known[0]) if known else ("create", "--title", title)
    print(gh(*what, "--body-file", "-", given=body).strip())


def main() -> int:
    """Try, or report."""
    parser = argparse.ArgumentParser(description="Run the chapters and the tests with other versions.")
    parser.add_argument("name", choices=KNOWN)
    parser.add_argument("--report", action="store_true", help="open an issue on GitHub about the run that failed")
    given = parser.parse_args()
    if not given.report:
        return 0 if try_versions(given.name) else 1
    try:
        report(given.name)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or error
        print(f"symrl: no issue was opened: {said}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
