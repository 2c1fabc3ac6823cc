"""Make or repair the course's own environment, .venv, or the instructor's, .venv-grading.

    python3 tools/environment.py
    python3 tools/environment.py --grading

A stamp is written into .venv when everything has been installed and checked, and never before. It is a hash
of what the installation depends on. Without the right stamp, or with files missing, .venv is repaired in
place if pip and every installed package are whole, and built anew if they are not. Standard library only.

.venv-grading holds nbgrader and the few packages that it adds; everything else it finds in .venv, through a file
that Python reads at its start. A learner never needs it and never gets it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "complete.txt"
LOG = VENV / "install.log"
OLDEST, NEWEST = (3, 11), (3, 13)
DISK = {"small": "2 GB", "large": "6 GB"}  # of .venv, without and with NVIDIA's libraries; README says the same
PINNED_FIRST = "torch"  # so that no other package brings another build of it
INSTALLED = ("-e", ".[atari,cluster,mujoco,sb3,book,test]")
IMPORTED = (
    "anywidget, distributed, gymnasium, hypothesis, ipywidgets, joblib, jupyter_cache, jupyterlab, matplotlib, mypy, "
    "nbclient, networkx, numpy, playwright.sync_api, pytest, scipy, sklearn, sphinx, symrl_lite, torch, tqdm, yaml"
)

GRADING = ROOT / ".venv-grading"
GRADING_IMPORTED = "nbgrader.apps, nbgrader.preprocessors, numpy, symrl_lite, tqdm"
BORROWED = "import site; site.addsitedir({folder!r})\n"  # a line of a .pth file: it also reads the .pth files there

# Run by the environment's own Python: its packages whose files are missing or of the wrong size.
# pip writes RECORD last, so a package without one was cut off.
DAMAGED_PACKAGES = """
import csv, importlib.metadata as metadata, json, os, sys
damaged = []
for package in metadata.distributions():
    record = package.read_text("RECORD")
    whole = bool(record)
    for path, _, size in csv.reader((record or "").splitlines()):
        try:
            found = os.stat(package.locate_file(path)).st_size
        except OSError:
            found = -1
        if found < 0 or (size and int(size) != found):
            whole = False
    if not whole:
        damaged.append(os.path.basename(package.locate_file(package._path)))
import pip
json.dump({"version": sys.version_info[:2], "damaged": sorted(damaged)}, sys.stdout)
"""


def stop(message: str) -> NoReturn:
    """End with one line that says what is wrong and what to do."""
    sys.exit(f"symrl: {message}")


def check_python() -> None:
    """Refuse a Python that the course does not support, or that cannot make environments."""
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        stop(
            f"{sys.executable} is Python {version[0]}.{version[1]}, and the course needs 3.11, 3.12 or 3.13. "
            "Install one of them, or name it: make book PYTHON=/path/to/python3.11"
        )
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        stop(
            f"{sys.executable} cannot make environments: its module venv or ensurepip is missing. "
            f"On Debian and Ubuntu: sudo apt-get install python{version[0]}.{version[1]}-venv"
        )


def wanted_stamp() -> str:
    """Hash of everything the installed packages depend on: settings, pins, Python's version, the place."""
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings["project"].pop("urls", None)  # an address changes nothing that is installed
    parts = {
        "build": [settings["build-system"], settings["project"], settings["tool"]["setuptools"]],
        "pins": (ROOT / "constraints.txt").read_text(encoding="utf-8"),
        "python": [sys.implementation.name, *sys.version_info[:2]],
        "place": str(VENV),  # an environment that was moved does not work
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def pinned(package: str) -> str:
    """The requirement `package==version` that constraints.txt holds."""
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{package}=="):
            return line.split(";")[0].strip()
    stop(f"constraints.txt does not pin {package}. Add a line {package}==VERSION")


def venv_python() -> Path:
    """Where the environment keeps its interpreter."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def aim_at_grading() -> None:
    """Let every function below speak of .venv-grading instead of .venv."""
    global VENV, STAMP, LOG, INSTALLED, IMPORTED
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    VENV, STAMP, LOG = GRADING, GRADING / STAMP.name, GRADING / LOG.name
    INSTALLED = tuple(settings["project"]["optional-dependencies"]["grading"])
    IMPORTED = GRADING_IMPORTED


def finds_card() -> bool:
    """Whether NVIDIA's own program sees a card in this machine."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout


def smaller_build() -> str:
    """How to get PyTorch without NVIDIA's libraries, where pip would bring them and there is no card; else nothing."""
    own_source = any(os.environ.get(f"PIP_{name}") for name in ("EXTRA_INDEX_URL", "INDEX_URL", "FIND_LINKS"))
    if sys.platform != "linux" or platform.machine() != "x86_64" or own_source or finds_card():
        return ""
    return (
        "      There is no NVIDIA card here, and pip may bring PyTorch with NVIDIA's libraries: {large} of disk in\n"
        "      all instead of {small}. To get it without them, stop this (Ctrl-C), put the address for Linux, pip\n"
        "      and CPU from pytorch.org/get-started in place of ADDRESS, and type:\n\n"
        "          PIP_EXTRA_INDEX_URL=ADDRESS make book\n"
    ).format(**DISK)


def borrow_packages(lender: Path) -> None:
    """Let .venv-grading see the packages that the course's environment holds."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    with_packages = subprocess.run([str(lender), "-I", "-c", ask], capture_output=True, text=True, check=True)
    place = Path(run_inside("-I", "-c", ask).stdout.strip()) / "course.pth"
    place.write_text(BORROWED.format(folder=with_packages.stdout.strip()), encoding="utf-8")


def clean_variables() -> dict[str, str]:
    """The environment variables without those that would lead Python or pip out of .venv."""
    out_of_place = {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}
    return {name: value for name, value in os.environ.items() if name not in out_of_place}


def run_inside(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the environment's Python; one that is missing or broken counts as a failed run."""
    command = [str(venv_python()), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, env=clean_variables(), cwd=ROOT)
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", str(error))


def problem() -> str:
    """What is wrong with the packages that .venv holds now; empty when nothing is."""
    if not VENV.exists():
        return "there is none yet"
    result = run_inside("-I", "-c", DAMAGED_PACKAGES)
    try:
        report = json.loads(result.stdout)
    except ValueError:
        return "its Python or its pip does not run"
    if tuple(report["version"]) != sys.version_info[:2]:
        return "it was made with Python {}.{}".format(*report["version"])
    if report["damaged"]:
        return f"files are missing from {report['damaged'][0]}"
    return ""


def is_complete(stamp: str) -> bool:
    """Whether .venv carries this stamp and has lost nothing since."""
    try:
        return STAMP.read_text(encoding="utf-8").strip() == stamp and not problem()
    except OSError:
        return False


@contextlib.contextmanager
def only_one_run() -> Iterator[int]:
    """Hold the lock; a second run waits. pip inherits it, so it also outlives a killed parent."""
    with (ROOT / f"{VENV.name}.lock").open("w") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                print(f"Another run is setting up {VENV.name}: waiting for it.", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def follow(process: subprocess.Popen[str]) -> None:
    """Keep what pip says in the log and show where it is: a line that moves, or one every 20 seconds."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    moves = sys.stdout.isatty()
    started = shown = time.monotonic()
    count, at = 0, "starting"
    with LOG.open("a", encoding="utf-8") as log:
        while True:
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=1.0)
                if line is None:
                    break
                log.write(line)
                if line.startswith(("Collecting ", "Processing ")):
                    count, at = count + 1, line.split()[1].rpartition("/")[2]
                elif line.startswith(("Installing collected", "Building wheels")):
                    at = "putting the files in place" if line.startswith("Inst") else "building wheels"
            now = time.monotonic()
            if now - shown >= (0.2 if moves else 20):
                shown = now
                words = f"      {now - started:4.0f} s, {count} packages: {at}"
                print(f"\r{words:<79.79}" if moves else words, end="" if moves else "\n", flush=True)
    if moves:
        print("\r" + " " * 79 + "\r", end="", flush=True)


def install(lock: int, *arguments: str) -> None:
    """Run pip inside .venv under the constraints, keeping its words in the log."""
    command = [str(venv_python()), "-m", "pip", "install", "-c", "constraints.txt", "--no-input", *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean_variables() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        cwd=ROOT,
        pass_fds=(lock,) if fcntl is not None else (),
    )
    try:
        follow(process)
    except KeyboardInterrupt:
        process.wait()  # it got the same signal
        raise
    if process.wait() != 0:
        said = LOG.read_text(encoding="utf-8").splitlines()
        print("\n".join(f"      {line}" for line in said if line.startswith("ERROR"))[-2000:])
        stop(f"pip could not install {arguments[-1]}. Is there a network? All it said is in {VENV.name}/{LOG.name}")


def verify() -> None:
    """Stop unless every package is whole, the requirements agree, and what the course uses is importable."""
    found = problem()
    if found:
        stop(f"the new environment is not right: {found}. Remove {VENV.name} and try again")
    agreed = run_inside("-m", "pip", "check")
    if agreed.returncode != 0:
        stop(f"packages in {VENV.name} disagree: {agreed.stdout.strip()}")
    imported = run_inside("-I", "-c", f"import {IMPORTED}")
    if imported.returncode != 0:
        last = (imported.stderr.strip().splitlines() or ["no message"])[-1]
        stop(f"a package in {VENV.name} cannot be imported: {last}. Remove {VENV.name} and try again")


def build(stamp: str, lock: int) -> None:
    """Repair .venv if it can be repaired, else make it anew; write the stamp at the very end."""
    started = time.monotonic()
    lender = None if VENV != GRADING else Path(f"{ROOT}/.venv") / venv_python().relative_to(VENV)
    STAMP.unlink(missing_ok=True)
    found = problem()
    version = "{}.{}.{}".format(*sys.version_info)
    long = "a few minutes" if lender is None else "half a minute"
    print(f"Setting up {VENV.name} with Python {version}. This takes {long} the first time.", flush=True)
    if found:
        if VENV.exists():
            print(f"[1/4] building it anew: {found}", flush=True)
            shutil.rmtree(VENV)
        else:
            print("[1/4] making it", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)],
            capture_output=True,
            text=True,
            env=clean_variables(),
        )
        if made.returncode != 0:
            said = (made.stderr.strip() or made.stdout.strip() or "no message").splitlines()[-1]
            stop(f"{sys.executable} could not make {VENV.name}: {said}")
    else:
        print("[1/4] repairing the one that is there", flush=True)
    LOG.unlink(missing_ok=True)
    if lender is None:
        print(f"[2/4] installing {pinned(PINNED_FIRST)}", flush=True)
        if words := smaller_build():
            print(words, flush=True)
        install(lock, pinned(PINNED_FIRST))
        print("[3/4] installing the course and its tools", flush=True)
    else:
        print("[2/4] taking the course's packages from .venv", flush=True)
        borrow_packages(lender)
        print("[3/4] installing what grading needs", flush=True)
    install(lock, *INSTALLED)
    print("[4/4] checking that everything is there and can be imported", flush=True)
    verify()
    part = STAMP.with_suffix(".part")
    part.write_text(stamp + "\n", encoding="utf-8")
    os.replace(part, STAMP)
    print(f"The environment is ready ({time.monotonic() - started:.0f} s).", flush=True)


def main() -> None:
    """Leave a complete environment, whatever there was before."""
    parser = argparse.ArgumentParser(description="Make or repair the course's environment.")
    parser.add_argument("--grading", action="store_true", help="the instructor's, .venv-grading, on top of .venv")
    check_python()
    if parser.parse_args().grading:
        aim_at_grading()
    base = getattr(sys, "_base_executable", sys.executable)
    if sys.prefix != sys.base_prefix and os.path.realpath(sys.prefix) == str(VENV) and base != sys.executable:
        os.execv(base, [base, *sys.argv])  # .venv's own Python cannot take .venv away
    if VENV.is_file() or VENV.is_symlink():
        stop(f"{VENV} is not a folder. Move it away and try again")
    stamp = wanted_stamp()
    if is_complete(stamp):
        return
    with only_one_run() as lock:
        if not is_complete(stamp):  # another run may have finished it meanwhile
            build(stamp, lock)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop(f"stopped. The next run repairs {VENV.name}")
