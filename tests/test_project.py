"""The project's own files agree with each other, and its tools answer in plain words."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import symrl_lite
from tools import environment, links
from tools import test as runner
from tools.grading import handout

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
# What .venv holds; nbgrader has an environment of its own, and peers are installed by whoever compares with them.
LEARNERS = [extra for extra in EXTRAS if extra not in ("grading", "peers")]
REQUIREMENTS = [Requirement(line) for lines in (PROJECT["dependencies"], *EXTRAS.values()) for line in lines]
ADDRESS = "https://github.com/some-people/their.course"

# Another set of versions is tried by `make newest` and `make colab`; what the pins say is not about it.
about_the_pins = pytest.mark.skipif("SYMRL_VERSIONS" in os.environ, reason="other versions are tried on purpose")


def versions_in(path: Path) -> dict[str, str]:
    """The lines NAME==VERSION of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if "==" in line and not line.startswith("#"))


COLAB = versions_in(ROOT / "tools" / "colab.txt")


def pins() -> dict[str, Requirement]:
    """constraints.txt, by normalised name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({canonicalize_name(pin.name) for pin in found}) == len(found), "a package is pinned twice"
    return {canonicalize_name(pin.name): pin for pin in found}


def pinned_version(name: str) -> str:
    (specifier,) = pins()[canonicalize_name(name)].specifier
    assert specifier.operator == "=="
    return specifier.version


# --- pins and ranges ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_every_requirement_is_pinned_inside_its_range(requirement: Requirement) -> None:
    assert requirement.specifier.contains(pinned_version(requirement.name))


@pytest.mark.parametrize("name", COLAB)
def test_ranges_are_wide_enough_for_colab(name: str) -> None:
    required = [Requirement(line) for line in (*PROJECT["dependencies"], *EXTRAS["book"])]
    for requirement in required:
        assert requirement.name != name or requirement.specifier.contains(COLAB[name])


def test_the_widgets_are_tried_with_colabs_versions_too() -> None:
    live = versions_in(ROOT / "tests" / "live" / "colab.txt")
    assert {"anywidget", "ipywidgets", "numpy"} <= set(live) & set(COLAB)
    assert {name: live[name] for name in live if name in COLAB} == {n: v for n, v in COLAB.items() if n in live}
    assert {"torch", "scipy", "gymnasium", "networkx"} <= set(COLAB)


def test_ranges_that_other_places_rely_on() -> None:
    book = {Requirement(line).name: Requirement(line).specifier for line in EXTRAS["book"]}
    assert not book["jupyter-book"].contains("2.0.0"), "2.x exits 0 and builds no site"
    for version, right in (("3.10.13", False), ("3.11.0", True), ("3.12.1", True), ("3.13.5", True)):
        assert Requirement(f"x{PROJECT['requires-python']}").specifier.contains(version) is right


@about_the_pins
def test_everything_installed_is_pinned_and_has_the_pinned_version() -> None:
    """Follow the requirements of the course through what is installed."""
    todo = [("symrl_lite", frozenset(LEARNERS))]
    seen: set[tuple[str, frozenset[str]]] = set()
    wrong = []
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            wanted = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}
            )
            if not wanted:
                continue
            todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
            installed = Version(metadata.version(requirement.name)).public
            if canonicalize_name(requirement.name) not in pins():
                wrong.append(f"{requirement.name} {installed} is installed and not pinned")
            elif pinned_version(requirement.name) != installed:
                wrong.append(f"{requirement.name} is {installed}, pinned {pinned_version(requirement.name)}")
    assert len(seen) > 100
    if sys.platform == "linux" and sys.version_info[:2] == (3, 11):
        assert sorted(set(wrong)) == []
    else:  # other systems need a few packages more (builds of torch, terminals), and still no other version
        assert [line for line in wrong if "pinned " in line and "not pinned" not in line] == []


@about_the_pins
@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_what_is_pinned_runs_on_the_first_release_of_each_python(python: str) -> None:
    """Debian 12 has 3.11.2, and keeps it: a package that wants 3.11.5 cannot be installed there."""
    wanted = {p.metadata["Name"]: p.metadata.get("Requires-Python") or "" for p in metadata.distributions()}
    assert not [f"{name} needs {r}" for name, r in wanted.items() if not SpecifierSet(r).contains(python)]


def test_the_conda_environment_says_what_pyproject_says() -> None:
    recipe = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in recipe["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in recipe["dependencies"] if isinstance(entry, dict)]
    python = next(entry for entry in conda if entry.startswith("python="))
    assert Requirement(f"x{PROJECT['requires-python']}").specifier.contains(python.removeprefix("python="))
    assert recipe["name"] == "symrl"
    assert pip == ["-c constraints.txt", f"torch=={pinned_version('torch')}", f"-e .[{','.join(LEARNERS)}]"]


def test_citation_and_licences_agree_with_pyproject() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] == symrl_lite.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased, *releases = re.findall(r"^## \[(.+?)\](?: - ([\d-]+))?$", changes, re.MULTILINE)
    assert unreleased == ("Unreleased", "")
    assert releases[0] == (citation["version"], str(citation["date-released"]))
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation.get("repository-code", "") == links.address(ROOT)
    for name in PROJECT["license-files"]:
        assert f"]({name})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "BSD 3-Clause" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "CC BY 4.0" in (ROOT / "LICENSE-text").read_text(encoding="utf-8")


def test_the_readme_leads_to_files_that_exist_and_names_commands_that_do() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", readme):
        if not target.startswith("https://"):
            assert (ROOT / target).exists(), target
    for alternative in re.findall(r"!\[([^\]]*)\]", readme):
        assert len(alternative) > 20
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake (book|test|lab|assignments|grade|links|wheel)\b", readme)) <= targets


def test_the_wheel_is_named_as_pip_names_it() -> None:
    assert links.wheel_name(ROOT) == f"symrl_lite-{PROJECT['version']}-py3-none-any.whl"


# --- the environment ---------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment's tool, pointed at an empty folder with the project's own settings."""
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "STAMP", tmp_path / ".venv" / "complete.txt")
    monkeypatch.setattr(environment, "LOG", tmp_path / ".venv" / "install.log")
    return tmp_path


def make_venv(folder: Path, *options: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", *options, str(folder / ".venv")], check=True)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_stamp_changes_with_what_is_installed_and_with_nothing_else(elsewhere: Path) -> None:
    stamp = environment.wanted_stamp()
    assert stamp == environment.wanted_stamp()
    replace(elsewhere / "pyproject.toml", 'target-version = "py311"', 'target-version = "py312"')
    links.write(elsewhere, ADDRESS)
    assert stamp == environment.wanted_stamp()
    replace(elsewhere / "pyproject.toml", "numpy>=1.26", "numpy>=1.27")
    changed = environment.wanted_stamp()
    assert changed != stamp
    replace(elsewhere / "constraints.txt", "torch==2", "torch==3")
    assert environment.wanted_stamp() not in (stamp, changed)


def test_an_environment_without_the_stamp_is_not_trusted(elsewhere: Path) -> None:
    assert environment.problem() == "there is none yet"
    make_venv(elsewhere)
    stamp = environment.wanted_stamp()
    assert environment.problem() == ""
    assert not environment.is_complete(stamp), "an install that was cut off has left no stamp"
    environment.STAMP.write_text(stamp, encoding="utf-8")
    assert environment.is_complete(stamp)
    assert not environment.is_complete("another stamp")

    package = next((elsewhere / ".venv").rglob("pip/__init__.py"))
    content = package.read_text(encoding="utf-8")
    package.write_text(content[:-9], encoding="utf-8")
    assert environment.problem().startswith("files are missing from pip-")
    assert not environment.is_complete(stamp)
    package.write_text(content, encoding="utf-8")
    assert environment.is_complete(stamp)

    next((elsewhere / ".venv").rglob("pip-*.dist-info/RECORD")).unlink()
    assert environment.problem().startswith("files are missing from pip-"), "pip writes RECORD last"
    environment.venv_python().unlink()
    assert environment.problem() == "its Python or its pip does not run"


def test_an_environment_without_pip_or_of_another_python_is_not_trusted(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_venv(elsewhere, "--without-pip")
    assert environment.problem() == "its Python or its pip does not run"
    shutil.rmtree(elsewhere / ".venv")
    make_venv(elsewhere)
    made_with = "{}.{}".format(*sys.version_info)
    monkeypatch.setattr(sys, "version_info", (3, 99, 0, "final", 0))
    assert environment.problem() == f"it was made with Python {made_with}"


@pytest.mark.parametrize("version", [(3, 10, 13), (3, 14, 0), (2, 7, 18)])
def test_another_python_gets_one_line_that_says_what_to_do(
    version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as stopped:
        environment.check_python()
    message = str(stopped.value)
    assert "\n" not in message
    assert f"is Python {version[0]}.{version[1]}" in message
    assert "3.11, 3.12 or 3.13" in message
    assert "PYTHON=" in message


def test_a_python_without_venv_gets_one_line_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"^symrl: .*sudo apt-get install python3\.\d+-venv$"):
        environment.check_python()


@pytest.mark.parametrize(
    ("changed", "offered"),
    [
        ({}, True),
        ({"smi": "echo 'GPU 0: a card'"}, False),
        ({"smi": "echo 'No devices found'; exit 6"}, True),
        ({"PIP_EXTRA_INDEX_URL": "somewhere"}, False),
        ({"PIP_FIND_LINKS": "/wheels"}, False),
        ({"platform": "darwin"}, False),
    ],
)
def test_where_there_is_no_card_the_smaller_build_is_offered_in_a_line_to_paste(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changed: dict[str, str], offered: bool
) -> None:
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", changed.pop("platform", "linux"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    if "smi" in changed:
        script(tmp_path / "nvidia-smi", changed.pop("smi"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    words = environment.smaller_build()
    assert ("PIP_EXTRA_INDEX_URL=ADDRESS make book" in words) == offered and bool(words) == offered


def test_the_readme_says_how_much_disk_the_environment_takes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(size in readme for size in environment.DISK.values())


def test_the_grading_environment_is_one_of_its_own_on_top_of_the_courses(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_venv(elsewhere)
    course, stamp = environment.venv_python(), environment.wanted_stamp()
    monkeypatch.setattr(environment, "GRADING", elsewhere / ".venv-grading")
    for name in ("INSTALLED", "IMPORTED"):
        monkeypatch.setattr(environment, name, getattr(environment, name))
    environment.aim_at_grading()
    assert elsewhere / ".venv-grading" == environment.VENV
    assert tuple(EXTRAS["grading"]) == environment.INSTALLED
    assert environment.wanted_stamp() != stamp
    assert environment.problem() == "there is none yet"
    subprocess.run([sys.executable, "-m", "venv", str(environment.VENV)], check=True)
    (package,) = (elsewhere / ".venv").rglob("site-packages")
    (package / "of_the_course.py").write_text("here = True")
    assert environment.run_inside("-I", "-c", "import of_the_course").returncode != 0
    environment.borrow_packages(course)
    assert environment.run_inside("-I", "-c", "import of_the_course").returncode == 0
    assert environment.problem() == ""


def test_learners_never_build_the_grading_environment() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    needs = dict(re.findall(r"^([\w-]+):(.*)$", makefile, re.MULTILINE))
    assert {target for target, wanted in needs.items() if "grading-environment" in wanted} == {"assignments", "grade"}
    assert "nbgrader" not in (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_a_second_run_waits_for_the_first(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    holds = (
        "import sys, time; from pathlib import Path; from tools import environment\n"
        f"environment.ROOT = Path({str(elsewhere)!r})\n"
        "with environment.only_one_run(): print('held', flush=True); time.sleep(1); "
        "(environment.ROOT / 'first').touch()"
    )
    with subprocess.Popen([sys.executable, "-c", holds], cwd=ROOT, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with environment.only_one_run():
            assert (elsewhere / "first").exists()
    assert "waiting for it" in capsys.readouterr().out


# --- make --------------------------------------------------------------------------------------------------


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "Makefile", folder)
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    if path is not None:
        variables["PATH"] = path
    program = shutil.which("make")
    assert program is not None, "make is needed"
    return subprocess.run([program, *arguments], cwd=folder, env=variables, capture_output=True, text=True)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_make_alone_lists_every_command(tmp_path: Path) -> None:
    result = make(tmp_path)
    assert result.returncode == 0
    commands = ("book", "test", "lab", "assignments", "grade SUBMISSIONS=", "chapters", "chapter NUMBER=8 SLUG=")
    for command in (*commands, "links URL=", "wheel", "newest", "colab", "clean"):
        assert f"make {command}" in result.stdout


def test_make_takes_the_first_python_that_runs_and_is_right(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "environment.py").write_text("print('the environment was asked for')")
    script(tmp_path / "bin" / "python3.11", "echo 'the command exists in other versions' >&2; exit 127")
    script(tmp_path / "bin" / "python3.12", "exit 1  # of a wrong version")
    script(tmp_path / "bin" / "python3.13", f'echo found; exec "{sys.executable}" "$@"')
    result = make(tmp_path, "environment", path=f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("found\nthe environment was asked for\n")


def test_make_without_a_right_python_says_what_to_do(tmp_path: Path) -> None:
    tools = [script(tmp_path / "bin" / name, f'exec "{shutil.which(name)}" "$@"') for name in ("sh", "true")]
    result = make(tmp_path, "book", path=str(tools[0].parent))
    assert result.returncode != 0
    first, *rest = result.stderr.splitlines()
    assert first.startswith("symrl: no Python 3.11, 3.12 or 3.13 was found.")
    assert "PYTHON=" in first
    assert all(line.startswith("make") for line in rest)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 127", "does not run"),
        ('case "$*" in *version_info*) exit 1;; -V) echo Python 3.10.13;; esac', "is Python 3.10.13"),
    ],
)
def test_make_with_a_wrong_python_says_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    wrong = script(tmp_path / "wrong" / "python", text)
    for target in ("book", "test", "lab", "links", "wheel"):
        result = make(tmp_path, target, f"PYTHON={wrong}")
        assert result.returncode != 0
        first, *rest = result.stderr.splitlines()
        assert first.startswith(f"symrl: {wrong} {said}")
        assert "make book PYTHON=" in first
        assert all(line.startswith("make") for line in rest)


def test_make_clean_leaves_the_environment(tmp_path: Path) -> None:
    for name in (".venv/bin", "_build/html", "symrl_lite/__pycache__", "symrl_lite/checks/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
    assert make(tmp_path, "clean").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "Makefile", "symrl_lite"]
    assert [path.name for path in (tmp_path / "symrl_lite").iterdir()] == ["checks"]


# --- the repository's address ------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that may carry the address, without one."""
    for name in ("pyproject.toml", "_config.yml", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("vendor"))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    links.write(tmp_path, "")
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_every_file_carries_the_address_that_is_set() -> None:
    assert links.stale(ROOT, links.address(ROOT)) == [], "run `make links`"


def test_without_an_address_no_button_and_no_link_leads_nowhere(copy: Path) -> None:
    assert links.address(copy) == ""
    settings = yaml.safe_load((copy / "_config.yml").read_text(encoding="utf-8"))
    assert settings["repository"]["url"] == ""
    assert not any(settings["launch_buttons"].values())
    assert not any(value for key, value in settings["html"].items() if key.startswith("use_") and "button" in key)
    assert "repository-code" not in yaml.safe_load((copy / "CITATION.cff").read_text(encoding="utf-8"))
    for name, content in contents(copy).items():
        assert b"colab.research.google.com/github" not in content, name
        assert b"git+https" not in content, name


def test_an_address_is_written_everywhere_and_taken_out_without_a_trace(copy: Path) -> None:
    before = contents(copy)
    changed = {path.relative_to(copy).as_posix() for path in links.write(copy, ADDRESS)}
    assert {"pyproject.toml", "_config.yml", "CITATION.cff", "README.md"} <= changed
    assert {path.relative_to(copy).as_posix() for path in links.notebooks(copy)} <= changed
    stamped = contents(copy)
    assert links.address(copy) == ADDRESS
    assert links.write(copy, ADDRESS) == []
    assert contents(copy) == stamped

    settings = yaml.safe_load(stamped["_config.yml"])
    assert settings["repository"] == {"url": ADDRESS, "branch": "main"}
    assert settings["launch_buttons"]["colab_url"] == "https://colab.research.google.com"
    assert settings["html"]["use_repository_button"] is True
    assert yaml.safe_load(stamped["CITATION.cff"])["repository-code"] == ADDRESS
    readme = stamped["README.md"].decode()
    assert f"git clone {ADDRESS}\ncd their.course\n" in readme
    colab = "https://colab.research.google.com/github/some-people/their.course/blob/main/notebooks/"
    assert readme.count(colab) == len(links.chapters(copy)) > 0
    page = stamped["book/assignments.md"].decode()
    assert page.count("/blob/main/book/assignments/") == len(handout.sources(copy)) > 0

    links.write(copy, "")
    assert contents(copy) == before


def test_one_line_of_a_notebook_carries_the_address_and_nothing_else_changes(copy: Path) -> None:
    before = {path: path.read_text(encoding="utf-8") for path in links.notebooks(copy)}
    links.write(copy, ADDRESS)
    for path, text in before.items():
        new = path.read_text(encoding="utf-8")
        different = [pair for pair in zip(text.splitlines(), new.splitlines(), strict=True) if pair[0] != pair[1]]
        assert len(different) == 1, path
        cells = ["".join(cell["source"]) for cell in json.loads(new)["cells"] if cell["cell_type"] == "code"]
        code = [cell for cell in cells if "%pip install" in cell]
        assert len(code) == 1, path
        assert f'    %pip install -q --no-deps "symrl_lite @ git+{ADDRESS}"' in code[0].splitlines()


def test_a_public_copy_without_the_assignments_sources_keeps_the_student_versions(copy: Path) -> None:
    before = contents(copy / "book")
    shutil.rmtree(copy / handout.SOURCES)
    assert handout.write(copy) == [] and links.stale(copy, "") == [] and contents(copy / "book") == before


@pytest.mark.parametrize("given", [ADDRESS, ADDRESS + "/", ADDRESS + ".git", f" {ADDRESS}.git/ "])
def test_an_address_is_brought_to_one_form(given: str) -> None:
    assert links.checked(given) == ADDRESS


@pytest.mark.parametrize(
    "given",
    [
        "github.com/a/b",
        "http://github.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/tree/main",
        "https://gitlab.com/a/b",
        'https://github.com/a/b"',
        "https://github.com/a/b c",
        "git@github.com:a/b.git",
    ],
)
def test_what_is_no_address_is_refused_and_nothing_is_written(copy: Path, given: str) -> None:
    before = contents(copy)
    command = [sys.executable, str(ROOT / "tools" / "links.py"), "--root", str(copy), "--url", given]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr == f"symrl: {given!r} is not of the form https://github.com/ORGANISATION/REPOSITORY\n"
    assert contents(copy) == before


def test_a_block_with_an_unknown_name_is_refused(copy: Path) -> None:
    page = copy / "book" / "extra.md"
    page.write_text("<!-- BEGIN repository address: x -->\n<!-- END repository address -->\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"extra\.md: no block is called 'x'; there are clone, colab, assignments"):
        links.stale(copy, "")


# --- what CI calls -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["", "avx2"])
def test_ci_works_in_a_fresh_clone_below_the_home_folder_with_arithmetic_that_the_commit_decides(
    tmp_path: Path, given: str
) -> None:
    home, repository, programs = tmp_path / "home", tmp_path / "repository", tmp_path / "programs"
    for folder in (home, repository / ".ci", programs):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", repository / ".ci")
    (repository / "kept.txt").write_text("committed")
    for name in ("chromium", "bwrap", "npm"):
        script(programs / name, "exit 0")
    seen = tmp_path / "seen.txt"
    line = "$1|$PWD|${ATEN_CPU_CAPABILITY:-own}|$(cat kept.txt)|$SYMRL_REQUIRE_BROWSER"
    said = "7 passed, 0 failed, 1 skipped"
    script(programs / "make", f'echo "{line}" >> {shlex.quote(str(seen))}\necho {said!r}')
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    (repository / "kept.txt").write_text("not committed")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ATEN_", "SYMRL_", "GIT_"))}
    environment |= {"HOME": str(home), "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment |= {"ATEN_CPU_CAPABILITY": given} if given else {}
    result = subprocess.run(["bash", str(repository / ".ci/run")], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "8 passed, 0 failed, 1 skipped"
    assert "what is not committed is not checked" in result.stdout
    wanted = given or ["own", "avx2", "default"][int(commit[:6], 16) % 3]
    for call, line in zip(("test", "book"), seen.read_text().splitlines(), strict=True):
        what, where, arithmetic, contents, browser = line.split("|")
        assert (what, arithmetic, contents, browser) == (call, wanted, "committed", "1")
        assert Path(where).is_relative_to(home) and " " in where and where in result.stdout
    assert not list(home.iterdir()), "the clone is gone"


# --- the runner of the tests -------------------------------------------------------------------------------


def test_the_runner_counts_what_pytest_counts_and_fails_where_nothing_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    monkeypatch.setattr(runner, "REPORTS", tmp_path / "reports")
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_good.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): pass\ndef test_c(): pytest.skip('none here')\n"
    )
    (folder / "test_bad.py").write_text(
        "import pytest\ndef test_a(): assert 0\n@pytest.fixture\ndef broken(): raise OSError\n"
        "def test_b(broken): pass\ndef test_c(): pass\n"
    )
    (folder / "test_empty.py").write_text("")
    (folder / "test_broken.py").write_text("import a_module_that_is_not_there\n")
    good = runner.pytest("good", "tests/test_good.py")
    assert good == runner.Count(2, 0, 1)
    assert str(good) == "2 passed, 0 failed, 1 skipped"
    assert runner.pytest("bad", "tests/test_bad.py") == runner.Count(1, 2, 0)
    assert runner.pytest("empty", "tests/test_empty.py").failed == 1
    assert runner.pytest("broken", "tests/test_broken.py").failed == 1
    assert runner.pytest("missing", "tests/test_missing.py").failed == 1
    assert "missing: tests/test_missing.py" in capfd.readouterr().out


def test_the_runner_stops_at_the_first_step_that_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def first() -> runner.Count:
        """Passes."""
        return runner.Count(3, 0, 1)

    def second() -> runner.Count:
        """Fails."""
        return runner.Count(1, 2)

    def third() -> runner.Count:
        """Never runs."""
        raise AssertionError

    monkeypatch.setattr(runner, "STEPS", (first, second, third))
    monkeypatch.setattr(sys, "argv", ["test.py"])
    assert runner.main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "4 passed, 2 failed, 1 skipped"
    assert any(re.fullmatch(r"second +FAILED +1 +2 +0 +[\d.]+", line) for line in lines)
    assert "third       not run" in lines
    monkeypatch.setattr(sys, "argv", ["test.py", "first"])
    assert runner.main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"


def test_each_test_file_belongs_to_a_step() -> None:
    """No test is forgotten: a file is of the unit step, in the folder of a room, or in one that another step runs."""
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    rooms = {path.name.removesuffix(".py") for path in (ROOT / "symrl_lite").iterdir()}
    assert folders - {"checks", "grading", "live", "peers", "site", "."} <= rooms - {"__init__", "checks"}
