"""`make newest`, `make colab`, `make report`: a copy of its own, the right commands, one issue and not one a week."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import test as runner
from tools import versions

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    root = tmp_path / "course"
    for name in (
        "pyproject.toml",
        ".gitignore",
        ".git/HEAD",
        ".venv/x",
        "_build/html/x",
        "tools/test.py",
        "a/__pycache__/x",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")
    return root


def test_what_is_tried_is_a_copy_without_what_was_built(course: Path) -> None:
    stale = course / "_build/versions/newest/left"
    stale.parent.mkdir(parents=True)
    stale.touch()
    copied = versions.copy_of_course(course, "newest")
    found = sorted(path.relative_to(copied).as_posix() for path in copied.rglob("*") if path.is_file())
    assert found == [".gitignore", "pyproject.toml", "tools/test.py"]
    assert (course / "_build/html/x").exists() and (course / ".venv/x").exists()


@pytest.mark.parametrize("name", versions.KNOWN)
def test_versions_are_installed_before_the_steps_are_run_and_a_failure_ends_it(
    name: str, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    stops = ["nowhere"]

    def logged(command: list[str], folder: Path, log: Path, variables: dict[str, str]) -> bool:
        assert folder == course / "_build/versions" / name and variables["SYMRL_VERSIONS"] == name
        asked.append(command)
        return stops[0] not in command

    monkeypatch.setattr(versions, "logged", logged)
    assert versions.try_versions(name, course)
    assert [command[-1] for command in asked[:1]] == [".venv"] and len(asked) == 4
    assert asked[1][1:4] == ["-m", "pip", "install"] and asked[3][1] == "tools/test.py"
    assert all(command[0].startswith(str(course / "_build/versions" / name)) for command in asked[1:])
    assert ("--upgrade" in asked[1]) == (name == "newest") and ("tools/colab.txt" in asked[1]) == (name == "colab")
    assert "constraints.txt" not in asked[1]
    assert set(asked[3][2:]) <= {step.__name__ for step in runner.STEPS}
    asked.clear()
    stops[0] = "install"
    assert not versions.try_versions(name, course)
    assert len(asked) == 2


def test_the_newest_versions_serve_every_extra_but_the_graders() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    extras = set(
        re.findall(
            r"^(\w+) = \[", project.partition("[project.optional-dependencies]")[2].partition("\n[tool")[0], re.M
        )
    )
    (chosen,) = [line for line in versions.KNOWN["newest"].install if line.startswith(".[")]
    assert set(chosen[2:-1].split(",")) == extras - {"grading", "peers"}


def test_what_a_command_says_is_shown_and_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"
    say = [sys.executable, "-c", "import os, sys; print(os.environ['SYMRL_VERSIONS']); print('bad', file=sys.stderr)"]
    assert versions.logged(say, tmp_path, log, {"SYMRL_VERSIONS": "newest"})
    assert not versions.logged([sys.executable, "-c", "print('more'); exit(3)"], tmp_path, log, {})
    assert sorted(log.read_text().split()) == ["bad", "more", "newest"]
    assert "more" in capfd.readouterr().out


GH = """#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
if words[1] == "list":
    print(os.environ["LISTED"].replace("|", chr(9)))
else:
    json.dump([words, sys.stdin.read()], open(os.environ["ASKED"], "w"))
    print("https://somewhere/1")
"""


@pytest.mark.parametrize(
    ("listed", "wanted"),
    [
        ("", ["create", "--title", "The weekly run with the newest release of every package fails"]),
        ("3|Another one\\n", ["create"]),
        ("3|Another\n12|The weekly run with the newest release of every package fails", ["comment", "12"]),
    ],
)
def test_a_failure_opens_one_issue(course: Path, tmp_path: Path, listed: str, wanted: list[str]) -> None:
    asked, programs = tmp_path / "asked", tmp_path / "programs"
    programs.mkdir()
    (programs / "gh").write_text(GH)
    (programs / "gh").chmod(0o755)
    log = course / versions.PLACE / "newest.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {k}\n" for k in range(200)))
    environment: dict[str, Any] = {**os.environ, "LISTED": listed, "ASKED": str(asked)}
    environment |= {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"}
    command = f"from tools import versions; versions.report('newest', versions.Path({str(course)!r}))"
    result = subprocess.run([sys.executable, "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "https://somewhere/1\n"
    words, body = json.loads(asked.read_text())
    assert words[0] == "issue" and words[1 : 1 + len(wanted)] == wanted and words[-2:] == ["--body-file", "-"]
    assert "https://github.com/a/b/actions/runs/7" in body and "line 199\n" in body and "line 100\n" not in body


def test_without_a_log_or_a_login_the_reason_is_said(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "tools/versions.py"), "newest", "--report"]
    environment = {**os.environ, "PATH": str(tmp_path)}
    result = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith("symrl: no issue was opened: ")
