"""Code for a cell that looks round in the closed process for what should not be there. It runs there, not here.

`found` holds for each thing that is looked for what was found of it: nothing, if all is well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

CODE = """
import gc, importlib.util, numpy, os, sys, sysconfig, traceback, symrl_lite

def read(place):
    try:
        with open(place, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""

def finds(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False

def says():
    try:
        numpy.linalg.inv(numpy.zeros((2, 2)))
    except numpy.linalg.LinAlgError:
        return traceback.format_exc()

def without_sources(table):  # the fourth part of a line is the folder's name on its own disk: the kernel shows it
    return "\\n".join(" ".join(line.split()[:3] + line.split()[4:]) for line in table.splitlines())

def tops(folder):
    return {f"{folder}/{name}": read(f"{folder}/{name}") for name in os.listdir(folder)}

def all_texts():
    for thing in gc.get_objects():
        parts = [*thing, *thing.values()] if type(thing) is dict else thing if type(thing) in (list, tuple) else ()
        yield from (part for part in list(parts) if isinstance(part, str))

processes = [p for p in os.listdir("/proc") if p.isdigit()]
packages = os.path.dirname(os.path.dirname(numpy.__file__))
word = "secret_word_of" + "_the_hidden_tests"
texts = {
    "sys": [sys.path, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.executable, sys._base_executable, sys.argv],
    "modules": [str(getattr(module, "__file__", "")) for module in list(sys.modules.values())],
    "sysconfig": [sysconfig.get_paths(), sysconfig.get_config_vars()],
    "variables": dict(os.environ),
    "a traceback": says(),
    "folders": [os.listdir("/"), os.listdir("/etc"), os.getcwd()],
    "links": [os.path.realpath(place) for place in (sys.executable, "/tmp", "/proc/self/exe", "/proc/self/cwd")],
    "processes": [(read(f"/proc/{p}/cmdline"), read(f"/proc/{p}/environ")) for p in processes],
    "memory": [read(f"/proc/{p}/maps") for p in processes],
    "open files": [os.readlink(f"/proc/self/fd/{n}") for n in range(64) if os.path.islink(f"/proc/self/fd/{n}")],
    "mounts": [read(f"/proc/{p}/mounts") for p in processes],
    "mountinfo": [without_sources(read(f"/proc/{p}/mountinfo")) for p in processes],
    "packages": tops(packages),
    "direct": [read(f"{packages}/{x}/direct_url.json") for x in os.listdir(packages) if x.endswith(".dist-info")],
    "environment": [tops(sys.prefix), [os.readlink(sys.executable)], os.listdir(f"{sys.prefix}/bin")],
}
found = {
    "the answer version and the tests":
        [p for p in ("notebooks", "_build", "tests", "tools", "book", ".git") if os.path.exists(f"{ROOT}/{p}")],
    "other submissions, the marks and the instructor's files":
        [p for p in [*FOLDERS, "/home", "/root", "/mnt", "/var", "/run", "/srv", "/media", "/opt"] if os.path.exists(p)]
        + [p for p in ("/etc/passwd", "/etc/shadow") if os.path.exists(p)],
    "environment variables":
        [k for k in os.environ if "SECRET" in k] + [p for p in processes if "SECRET" in read(f"/proc/{p}/environ")],
    "other processes": [p for p in processes if "pytest" in read(f"/proc/{p}/cmdline")],
    "the grader's modules":
        [m for m in ("tools.grading.referee", "tools.grading.notebook", "tools.links", "nbgrader") if finds(m)],
    "hidden tests in the memory of the process":
        [text[:80] for text in all_texts() if text != word and word in text],
    "names of this machine's folders":
        [(place, name) for place, text in texts.items() for name in FOLDERS if name in str(text)],
}
"""
WHAT = (
    "the answer version and the tests",
    "other submissions, the marks and the instructor's files",
    "environment variables",
    "other processes",
    "the grader's modules",
    "hidden tests in the memory of the process",
    "names of this machine's folders",
)
SAY = """
def mirrored(x):
    raise RuntimeError(repr({what: str(thing)[:150] for what, thing in found.items() if thing}))
"""


def code(root: Path, folders: Iterable[Path | str]) -> str:
    """The cell: `root` is the course's folder, the other `folders` are not to be seen either."""
    names = [str(root), str(Path.home()), sys.base_prefix, sys.prefix, *map(str, folders)]
    hidden = [name for name in dict.fromkeys(names) if name != "/" and not name.startswith("/usr")]
    return f"ROOT, FOLDERS = {str(root)!r}, {hidden!r}\n{CODE}"
