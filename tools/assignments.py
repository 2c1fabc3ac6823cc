"""Make the assignments from their sources: for each a student version, an answer version, and a zip of each.

    make assignments

The results are in _build/assignments/NN_topic/. nbgrader makes the student versions, through its API and in this one
process: stubs for answers, no hidden tests, locked cells, checksums. An assignment whose source has not changed is
left as it is. The versions in book/assignments/, for the site and Colab, are made anew as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools import links  # noqa: E402
from tools.grading import handout, notebook  # noqa: E402
from tools.grading.assignment import SOURCES, Assignment, all_assignments  # noqa: E402
from tools.grading.notebook import SourceError  # noqa: E402
from tools.grading.results import load_nbgrader  # noqa: E402

OUT = ROOT / "_build" / "assignments"
README = """{title}

Open {name}.ipynb in JupyterLab, VS Code or Colab. You need the course's environment and nothing else.
Write your answers into the cells that say so. The cells below a question test what you have written.

To hand in: save the notebook and hand in this one file. Keep its cells: do not delete, copy or move those
that were there, and do not change the kind of a cell. New cells of your own are fine.
"""


def stamp_of(assignment: Assignment) -> str:
    """Changes with the source and with these programs."""
    digest = hashlib.sha256(assignment.fingerprint.encode() + Path(__file__).read_bytes())
    digest.update(Path(notebook.__file__).read_bytes())
    return digest.hexdigest()


def is_current(assignment: Assignment, out: Path) -> bool:
    """Whether all files of this assignment are there and made from the present source."""
    folder, name = out / assignment.name, assignment.name
    files = (f"student/{name}.ipynb", f"answers/{name}.ipynb", f"{name}-student.zip", f"{name}-answers.zip")
    try:
        stamp = (folder / "made_from.txt").read_text(encoding="utf-8")
    except OSError:
        return False
    return stamp == stamp_of(assignment) and all((folder / file).is_file() for file in files)


def nbgrader_api(course: Path) -> Any:
    """nbgrader, on a course folder of its own, with this course's stubs."""
    load_nbgrader()
    from nbgrader import preprocessors
    from nbgrader.apps import NbGraderAPI
    from sqlalchemy import Engine, event
    from traitlets.config import Config

    @event.listens_for(Engine, "connect")
    def do_not_wait(connection: Any, _: Any) -> None:
        """nbgrader's database is thrown away at the end: nothing waits until the disk has it."""
        connection.execute("PRAGMA synchronous = OFF")

    class ClearSolutions(preprocessors.ClearSolutions):
        """A region at the top level becomes a comment, so that the cell runs; one in a function raises."""

        def _replace_solution_region(self, cell: Any, language: str) -> bool:
            marks, stub = notebook.SOLUTION, notebook.CODE_STUB if cell.cell_type == "code" else notebook.TEXT_STUB
            cell.source, found = notebook.without_regions(cell.source, marks, stub, cell.metadata.get("grade_id", ""))
            return found

    order = ["IncludeHeaderFooter", "InstantiateTests", "LockCells", "ClearSolutions", "ClearOutput"]
    order += ["CheckCellMetadata", "ComputeChecksums", "SaveCells", "ClearHiddenTests", "ClearMarkScheme"]
    order += ["ComputeChecksums", "CheckCellMetadata"]
    steps = [ClearSolutions if name == "ClearSolutions" else getattr(preprocessors, name) for name in order]
    settings = Config()
    settings.CourseDirectory.root = str(course)
    settings.CourseDirectory.course_id = "symrl"
    settings.GenerateAssignment.preprocessors = steps
    settings.ClearSolutions.code_stub = {"python": notebook.CODE_STUB}
    settings.ClearSolutions.text_stub = notebook.TEXT_STUB
    settings.NbGraderAPI.log_level = 40
    return NbGraderAPI(config=settings)


def release(assignments: Sequence[Assignment], course: Path) -> dict[str, Path]:
    """Have nbgrader make the student versions.

    Raises:
        SourceError: with what nbgrader says.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"  # it runs alembic
    for assignment in assignments:
        folder = course / "source" / assignment.name
        folder.mkdir(parents=True)
        (folder / f"{assignment.name}.ipynb").write_text(notebook.text_of(assignment.notebook), encoding="utf-8")
    api = nbgrader_api(course)
    made = {}
    for assignment in assignments:
        said = api.generate_assignment(assignment.name)
        path = course / "release" / assignment.name / f"{assignment.name}.ipynb"
        if not said["success"] or not path.is_file():
            last = str(said.get("error") or said.get("log") or "no message").strip().splitlines()[-1]
            raise SourceError(f"nbgrader could not make {assignment.name}: {last}")
        made[assignment.name] = path
    return made


def make_zip(path: Path, files: dict[str, str]) -> None:
    """A zip that is the same each time it is made from the same files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)


def put_in_place(assignment: Assignment, released: Path, out: Path) -> None:
    """Write an assignment's files."""
    name, folder = assignment.name, out / assignment.name
    shutil.rmtree(folder, ignore_errors=True)
    student = notebook.text_of(json.loads(released.read_text(encoding="utf-8")))
    answers = notebook.text_of(notebook.answer_version(assignment.notebook))
    for version, text in (("student", student), ("answers", answers)):
        (folder / version).mkdir(parents=True)
        (folder / version / f"{name}.ipynb").write_text(text, encoding="utf-8", newline="\n")
    readme = README.format(title=assignment.title, name=name)
    make_zip(folder / f"{name}-student.zip", {f"{name}/{name}.ipynb": student, f"{name}/README.txt": readme})
    make_zip(folder / f"{name}-answers.zip", {f"{name}/{name}-answers.ipynb": answers})
    (folder / "made_from.txt").write_text(stamp_of(assignment), encoding="utf-8")


def make(sources: Path = SOURCES, out: Path = OUT) -> tuple[list[str], list[str]]:
    """Make what has changed; the names of all assignments, and of those that were made."""
    assignments = all_assignments(sources)
    if not assignments:
        raise SourceError(f"{sources} holds no assignment")
    changed = [assignment for assignment in assignments.values() if not is_current(assignment, out)]
    if changed:
        with tempfile.TemporaryDirectory(prefix="symrl-") as course:
            made = release(changed, Path(course))
            for assignment in changed:
                put_in_place(assignment, made[assignment.name], out)
    if out.is_dir():
        for folder in out.iterdir():
            if folder.name not in assignments and (folder / "made_from.txt").exists():
                shutil.rmtree(folder)  # its source is gone
    return list(assignments), [assignment.name for assignment in changed]


def main() -> int:
    """Make the assignments and say where they are."""
    begin = time.perf_counter()
    try:
        names, made = make()
        written = handout.write(ROOT) + links.write(ROOT, links.address(ROOT))
    except SourceError as error:
        print(f"symrl: {error}", file=sys.stderr)
        return 1
    for name in names:
        print(f"{name:32}{'made' if name in made else 'unchanged'}")
    for path in written:
        print(f"written: {path.relative_to(ROOT)}")
    print(f"{len(names)} assignments are in {OUT.relative_to(ROOT)} ({time.perf_counter() - begin:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
