"""The course lies where a person puts it: below the home folder, below the temporary one, in a name with a space.

Each place gets a small course of its own: the programs, the package, and an environment with the packages that a
NumPy assignment needs. It grades the sample, an answer of which looks round for the names of this machine's folders.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from tests.grading import look, sample
from tests.grading.conftest import SLOT
from tools.grading import feedback, places
from tools.grading.assignment import ROOT
from tools.grading.withheld import course_copy

NEEDED = ("ipython", "numpy")
PROGRAM = """
import json, sys
from pathlib import Path
from tools.grading import referee, sandbox
from tools.grading.assignment import ROOT, load
from tools.grading.withheld import course_copy

assignment = load(Path("90_sample.ipynb").resolve())
notebook = json.loads(Path("handed in.ipynb").read_text(encoding="utf-8"))
course = course_copy(assignment.withheld)
outcomes = referee.run(
    assignment, notebook, referee.base_namespace(assignment), lambda: sandbox.Process(course, slot=int(sys.argv[1]))
)
said = {one.test: "" if one.passed else one.message for one in outcomes}
print(json.dumps({"root": str(ROOT), "course": str(course), "said": said}))
"""


def link(source: str, target: str) -> None:
    """The same file under another name, or a copy of it where the system allows no link."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def needed() -> set[str]:
    """The names in site-packages that belong to what the closed process imports."""
    todo, seen, names = list(NEEDED), {"jedi"}, set()  # IPython does without that one, and it has many files
    while todo:
        name = todo.pop()
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another system
            continue
        if found.metadata["Name"] in seen:
            continue
        seen.add(found.metadata["Name"])
        names |= {str(path).split("/")[0] for path in found.files or ()}
        todo += [re.split(r"[^\w.-]", line)[0] for line in found.requires or () if "extra ==" not in line]
    return {name for name in names if name not in ("..", "__pycache__")}


def small_course(place: Path) -> Path:
    """The course in a folder, with its own environment, which a package names as `pip install -e` does."""
    place.mkdir(parents=True)
    for name in ("tools/grading", "symrl_lite"):
        shutil.copytree(ROOT / name, place / name)
    found = places.installation(places.course_python())
    subprocess.run([found.program, "-m", "venv", "--without-pip", str(place / ".venv")], check=True)
    packages = place / ".venv" / "lib" / f"python{found.version}" / "site-packages"
    for name in needed():
        source = Path(found.packages) / name
        if source.is_dir():
            shutil.copytree(source, packages / name, copy_function=link, ignore=shutil.ignore_patterns("tests"))
        elif source.is_file():
            link(str(source), str(packages / name))
    (packages / "__editable__.symrl_lite-0.1.0.pth").write_text(str(place), encoding="utf-8")
    (packages / "symrl_lite-0.1.0.dist-info").mkdir()
    (packages / "symrl_lite-0.1.0.dist-info" / "direct_url.json").write_text(json.dumps({"url": place.as_uri()}))
    return place


@pytest.fixture(params=["home, a space and an umlaut", "temporary"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder for a course."""
    if request.param == "temporary":
        yield tmp_path / "symrl"
        return
    if not os.access(Path.home(), os.W_OK):
        pytest.skip("the home folder cannot be written to")
    with tempfile.TemporaryDirectory(prefix=".symrl test ", dir=Path.home()) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "Übung von Müller" / "SymRL course"


def test_a_course_anywhere_grades_and_shows_no_name(bubblewrap: None, place: Path, tmp_path: Path) -> None:
    small_course(place)
    assignment = sample.write(place)
    made = course_copy(assignment.withheld)  # the same as would be made there, and it takes seconds
    shutil.copytree(made, place / made.relative_to(ROOT))
    notebook = sample.answered(assignment, q2=look.code(place, [place.parent, tmp_path]) + look.SAY)
    (place / "handed in.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (place / "notebooks").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(SLOT)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place), "A_SECRET": "of the instructor's"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["root"] == str(place) and result["course"].startswith(str(place)), "the programs that lie there"
    said = result["said"]
    assert said["q1_value"] == said["q3_calls"] == ""
    kind, _, found = said["q2_small"].partition(": ")
    assert kind == "Your function raised RuntimeError" and ast.literal_eval(found) == {}


def test_a_python_of_the_systems_is_shown_as_it_is_and_any_other_at_a_place_of_its_own(tmp_path: Path) -> None:
    library = tmp_path / "my python" / "lib64" / "python3.11"
    (library / "site-packages" / "private").mkdir(parents=True)
    (library / "_sysconfigdata_x.py").write_text(f"prefix = {str(tmp_path / 'my python')!r}")
    (library.parent / "libpython3.11.so.1.0").touch()
    common = {"python": "x", "version": "3.11", "packages": str(tmp_path / "packages")}
    base = str(tmp_path / "my python")
    own = places.Installation(program=f"{base}/bin/python3.11", base=base, library=str(library), **common)
    mounts = places.Mounts()
    assert places.show_python(mounts, own) == "/python/bin" and not own.is_systems
    assert mounts.options[mounts.options.index(str(library)) + 1] == "/python/lib64/python3.11"
    assert "/python/lib64/libpython3.11.so.1.0" in mounts.options
    hidden = mounts.options.index("/python/lib64/python3.11/site-packages")
    assert mounts.options[hidden - 1] == "--tmpfs"
    assert [text for _, text in mounts.contents] == [b"prefix = '/python'"]
    systems = places.Installation(program="/usr/bin/python3.11", base="/usr", library="x", **common)
    mounts = places.Mounts()
    assert places.show_python(mounts, systems) == "/usr/bin" and mounts.options == []
    assert places.show_packages(mounts, systems, "/usr/bin") == "/environment/bin/python"
    assert "/usr/bin/python3.11" in mounts.options
    local = places.Installation(program="/usr/local/bin/python3.11", base="/usr/local", library="x", **common)
    assert not local.is_systems, "nobody knows what else lies in /usr/local: it is not shown"


def test_a_students_page_does_not_say_where_the_grader_lies() -> None:
    """What the grader's own failure says is for the instructor, in report.csv."""
    record = {"assignment": "90_sample", "file": "a.ipynb", "problem": "graders-fault", "detail": f"in {ROOT}"}
    page = feedback.page("ada", [record])
    assert "the grading itself failed" in page and str(ROOT) not in page
    assert "cells 3" in feedback.page("ada", [record | {"problem": "missing-grade-ids", "detail": "cells 3"}])
