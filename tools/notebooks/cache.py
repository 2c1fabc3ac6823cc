"""What is kept of a run, and whether it still counts: a hash of the notebook, and of each file that it used.

The outputs lie in _build/.jupyter_cache, where Jupyter Book looks for them. Jupyter Book's own key knows only the
code of the cells; what else an output depends on stands in the entry's data.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.notebooks.solutions import solutions_of

CACHE = "_build/.jupyter_cache"
HERE = Path(__file__).resolve().parent
OWN = (HERE.parent / "execute.py", HERE / "kernel.py", HERE / "cache.py", HERE / "solutions.py")


def open_cache(root: Path) -> Any:
    """The cache of this copy of the course."""
    from jupyter_cache import get_cache

    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of this environment, not the user's
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    return get_cache(root / CACHE)


def common_fingerprint(root: Path) -> str:
    """A hash of what every notebook's outputs depend on: Python, the pinned versions, the programs that run them."""
    digest = hashlib.sha256(f"{platform.python_version()} {platform.machine()}".encode())
    for path in (root / "constraints.txt", *OWN):
        digest.update(path.name.encode() + (path.read_bytes() if path.is_file() else b"missing"))
    return digest.hexdigest()


def package_fingerprint(root: Path) -> str:
    """A hash of the whole package as well: what the site as a whole is made from."""
    digest = hashlib.sha256(common_fingerprint(root).encode())
    files = sorted(path for path in (root / "symrl_lite").rglob("*") if path.is_file())
    for path in files:
        if "__pycache__" not in path.parts:
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def notebook_fingerprint(notebook: Any, common: str) -> str:
    """A hash of a notebook's code cells, their tags, its solutions, its kernel, and what all have in common."""
    code = [[cell.source, cell.metadata] for cell in notebook.cells if cell.cell_type == "code"]
    kernel = notebook.metadata.get("kernelspec")
    text = json.dumps([common, kernel, code, sorted(solutions_of(notebook).values())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def hashes_of(root: Path, files: Iterable[str]) -> dict[str, str]:
    """The SHA-256 of each file, by its path from the root; "missing" where there is none."""
    found = {}
    for name in files:
        path = root / name
        found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
    return found


def entry_of(cache: Any, notebook: Any) -> Any:
    """The cache's record of a notebook whose outputs are there, or None."""
    try:
        record = cache.match_cache_notebook(notebook)
        cache.get_cache_bundle(record.pk)
    except (KeyError, OSError, ValueError):  # no record, or a build was interrupted while it wrote one
        return None
    return record


def counts(record: Any, fingerprint: str, root: Path) -> bool:
    """Whether the outputs of an entry are those that a run would give now: nothing that it used has changed."""
    data = record.data
    return bool(
        data.get("fingerprint") == fingerprint
        and not data.get("error")
        and data.get("files") == hashes_of(root, data.get("files", {}))
    )


def forget(cache: Any, key: int) -> None:
    """Take an entry out of the cache, also one whose files are gone."""
    from jupyter_cache.cache.db import NbCacheRecord

    folder = cache.path / "executed" / cache.get_cache_record(key).hashkey
    shutil.rmtree(folder, ignore_errors=True)
    NbCacheRecord.remove_records([key], cache.db)


def keep(cache: Any, path: Path, notebook: Any, data: dict[str, Any]) -> None:
    """Put the outputs of a run into the cache."""
    from jupyter_cache.base import CacheBundleIn

    bundle = CacheBundleIn(notebook, str(path), data=data)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
