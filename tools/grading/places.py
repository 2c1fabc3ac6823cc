"""What the closed process gets of this machine's Python, and where it finds it: places of its own.

    /python        the Python that the environment was made from: its program and its library (not where it is in /usr)
    /environment   the course's packages, as an environment of their own
    /course        symrl_lite without what is withheld
    /grader        files of this folder
    /student       an empty home that vanishes

So neither sys.path nor a traceback names a folder of this machine, and it does not matter where the course lies.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON, ENVIRONMENT = "/python", "/environment"
ASK = """
import json, os, sys, sysconfig
base = getattr(sys, "_base_executable", "") or sys.executable
shared = sysconfig.get_config_var("INSTSONAME") if sysconfig.get_config_var("Py_ENABLE_SHARED") else None
print(json.dumps({
    "version": "%d.%d" % sys.version_info[:2],
    "program": os.path.realpath(base),
    "base": os.path.realpath(sys.base_prefix),
    "library": os.path.realpath(sysconfig.get_path("stdlib")),
    "packages": sysconfig.get_path("purelib"),
    "environment": sys.prefix != sys.base_prefix,
    "shared": shared or "",
}))
"""


@dataclass(frozen=True)
class Installation:
    """A Python with the course's packages, where it lies on this machine.

    Attributes:
        python: the environment's interpreter.
        version: such as "3.11".
        program: the interpreter that the environment was made from, links followed.
        base: the folder of that one's installation.
        library: the folder of Python's own modules.
        packages: the folder that holds the course's packages.
        environment: whether that is an environment's, apart from the interpreter's own.
        shared: the name of the library that the interpreter consists of; empty where it is one file.
    """

    python: str
    version: str
    program: str
    base: str
    library: str
    packages: str
    environment: bool = True
    shared: str = ""

    @property
    def is_systems(self) -> bool:
        """Whether the interpreter is a part of the system, which is shown under its own name."""
        above = (Path(self.base), *Path(self.base).parents)
        return Path("/usr") in above and Path("/usr/local") not in above


def course_python(root: Path = ROOT) -> str:
    """The interpreter of the course's environment, or this one where there is none."""
    own = root / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable


@functools.cache
def installation(python: str) -> Installation:
    """Ask an interpreter where its parts are."""
    said = subprocess.run([python, "-I", "-c", ASK], capture_output=True, text=True, check=True, cwd="/")
    return Installation(python, **json.loads(said.stdout))


class Mounts:
    """Options of bubblewrap, and the contents that it reads from open files."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self.contents: list[tuple[int, bytes]] = []  # the place of a file's number among the options, what it holds

    def add(self, *options: str | Path) -> None:
        """Append options."""
        self.options += map(str, options)

    def show(self, source: Path | str, place: str) -> None:
        """Let a file or folder be read."""
        self.add("--ro-bind", source, place)

    def write(self, text: str, place: str, new: bool = False) -> None:
        """Put a file there, or in place of one that is shown."""
        self.add("--perms", "0644", "--file" if new else "--ro-bind-data")
        self.contents.append((len(self.options), text.encode()))
        self.add("", place)

    def open(self, content: bytes, option: str) -> None:
        """Hand over something that is read from an open file."""
        self.add(option)
        self.contents.append((len(self.options), content))
        self.add("")

    def hide(self, place: str) -> None:
        """Put an empty folder in place of one that is shown."""
        self.add("--perms", "0755", "--tmpfs", place, "--remount-ro", place)


def show_python(mounts: Mounts, found: Installation) -> str:
    """Show the interpreter, unless it is the system's, and say in which folder it is then."""
    if found.is_systems:
        return str(Path(found.program).parent)
    library, name = Path(found.library), f"python{found.version}"
    place = f"{PYTHON}/{library.parent.name}/{name}"  # lib, on some systems lib64
    for folder in (PYTHON, f"{PYTHON}/bin", f"{PYTHON}/{library.parent.name}", f"{PYTHON}/shared"):
        mounts.add("--perms", "0755", "--dir", folder)
    mounts.show(found.program, f"{PYTHON}/bin/{name}")
    mounts.add("--symlink", name, f"{PYTHON}/bin/python")
    mounts.show(found.library, place)
    for path in sorted(library.parent.glob("lib*.so*")):
        if path.is_file():
            mounts.show(path, f"{PYTHON}/{library.parent.name}/{path.name}")
    if found.shared:  # the linker would look for it where it was built
        mounts.add("--symlink", f"../{library.parent.name}/{found.shared}", f"{PYTHON}/shared/{found.shared}")
    for path in (library / "site-packages", *library.glob("config-*")):  # other people's packages, and how it was built
        if path.is_dir():
            mounts.hide(f"{place}/{path.name}")
    for path in library.glob("_sysconfigdata_*.py"):
        text = path.read_text(encoding="utf-8", errors="replace")
        mounts.write(text.replace(found.base, PYTHON), f"{place}/{path.name}")
    return f"{PYTHON}/bin"


def show_packages(mounts: Mounts, found: Installation, home: str) -> str:
    """Show the course's packages as an environment, and say which interpreter finds them."""
    if found.is_systems and not found.environment:
        return found.program
    place = f"{ENVIRONMENT}/lib/python{found.version}/site-packages"
    program = Path(found.program).name if found.is_systems else f"python{found.version}"
    for folder in ("", "/bin", "/lib", f"/lib/python{found.version}"):
        mounts.add("--perms", "0755", "--dir", f"{ENVIRONMENT}{folder}")
    mounts.add("--symlink", "lib", f"{ENVIRONMENT}/lib64")
    mounts.add("--symlink", f"{home}/{program}", f"{ENVIRONMENT}/bin/python")
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {found.version}\n"
    mounts.write(settings, f"{ENVIRONMENT}/pyvenv.cfg", new=True)
    mounts.show(found.packages, place)
    packages = Path(found.packages)
    for pattern in ("__editable__*", "__pycache__/__editable__*", "*.dist-info/direct_url.json", "*.egg-link"):
        for path in sorted(packages.glob(pattern)):  # these say where the course itself lies
            if path.is_file():
                mounts.write("", f"{place}/{path.relative_to(packages).as_posix()}")
    return f"{ENVIRONMENT}/bin/python"
