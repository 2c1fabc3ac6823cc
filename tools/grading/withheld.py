"""A copy of symrl_lite in which what an assignment asks for is missing.

The names are replaced where they are defined, so no other way of importing them leads around it; the copy is made
from the text of the files, and nothing is imported for it.
"""

from __future__ import annotations

import ast
import compileall
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from importlib.util import cache_from_source
from pathlib import Path

from tools.grading.notebook import SourceError

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = "{name} is withheld in this assignment: it is what you build here"


def module_file(root: Path, parts: list[str]) -> Path | None:
    """The file of a module."""
    for path in (root.joinpath(*parts).with_suffix(".py"), root.joinpath(*parts, "__init__.py")):
        if path.is_file():
            return path
    return None


def find(root: Path, name: str) -> tuple[Path, list[str]]:
    """The file in which a name is defined, and its path inside that file.

    Raises:
        SourceError: there is no such name.
    """
    parts = name.split(".")
    for size in range(len(parts) - 1, 0, -1):
        path = module_file(root, parts[:size])
        if path is not None:
            break
    else:
        raise SourceError(f"{name} is to be withheld, and no module holds it")
    wanted = parts[size:]
    for _ in range(10):  # a name may be handed on from module to module
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if definition(tree, wanted) is not None:
            return path, wanted
        handed_on = _import_of(tree, wanted[0])
        further = module_file(root, handed_on[0].split(".")) if handed_on else None
        if handed_on is None or further is None:
            break
        path, wanted = further, [handed_on[1], *wanted[1:]]
    raise SourceError(f"{name} is to be withheld, and {path.name} defines no {'.'.join(wanted)}")


def _import_of(tree: ast.Module, name: str) -> tuple[str, str] | None:
    """The module and the name there from which a module imports a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def definition(tree: ast.AST, path: list[str]) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None:
    """The node that defines a function, a class or a method."""
    found: ast.AST = tree
    for name in path:
        for node in getattr(found, "body", []):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == name:
                found = node
                break
        else:
            return None
    return found if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None


def withhold(root: Path, name: str) -> None:
    """Replace one function, method, property or class in the files below a folder."""
    path, inside = find(root, name)
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    node = definition(ast.parse(text), inside)
    assert node is not None
    message = f"raise NotImplementedError({MESSAGE.format(name=name.removeprefix('symrl_lite.'))!r})"
    indent = " " * (node.col_offset + 4)
    first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
    if isinstance(node, ast.ClassDef):
        body = [
            f"{' ' * node.col_offset}class {node.name}:",
            f"{indent}def __new__(cls, *arguments, **options):",
            f"{indent}    {message}",
        ]
        lines[first - 1 : node.end_lineno] = body
    else:
        begin = node.body[0].lineno
        if begin == node.lineno:  # all on one line
            head = lines[begin - 1][: node.body[0].col_offset]
            lines[begin - 1 : node.end_lineno] = [head + message]
        else:
            lines[begin - 1 : node.end_lineno] = [indent + message]
    path.write_text("\n".join(lines), encoding="utf-8")
    Path(cache_from_source(str(path))).unlink(missing_ok=True)  # what was compiled before holds the answer


def fingerprint(names: Iterable[str], package: Path = ROOT / "symrl_lite") -> str:
    """A hash of the package and of what is withheld."""
    digest = hashlib.sha256("\n".join(sorted(names)).encode() + Path(__file__).read_bytes())
    for path in sorted(package.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def course_copy(
    names: Iterable[str], into: Path = ROOT / "_build" / "grading" / "packages", package: Path = ROOT / "symrl_lite"
) -> Path:
    """The folder to put first on the student's path: it holds symrl_lite without these names."""
    names = sorted(names)
    place = into / fingerprint(names, package)[:16]
    if place.is_dir():
        return place
    into.mkdir(parents=True, exist_ok=True)
    whole = course_copy((), into, package) if names else None  # already compiled
    made = Path(tempfile.mkdtemp(dir=into))
    try:
        if whole is not None:
            shutil.copytree(whole / package.name, made / package.name)
        else:
            shutil.copytree(package, made / package.name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in names:
            withhold(made, name)
        compileall.compile_dir(made, quiet=2, optimize=0, stripdir=str(made), prependdir="/course")
        made.chmod(0o755)
        os.replace(made, place)
    except OSError:
        if not place.is_dir():  # another run may have made it meanwhile
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return place
