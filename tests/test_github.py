"""What runs on GitHub cannot run here: workflows and forms are held against GitHub's schemas, and call `make` alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import environment, versions

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[0-9]_*.yml"))
TARGETS = " ".join(re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)).split()
ACTIONS = {"checkout", "setup-python", "upload-artifact", "upload-pages-artifact", "deploy-pages"}

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # `on` is a name here, no truth value


def against_the_schema(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("check_jsonschema", reason="make environment installs check-jsonschema")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True)


# The schemas lie in the package: nothing is fetched.
@pytest.mark.parametrize(
    ("path", "schema"),
    [
        *[(path, "workflows") for path in WORKFLOWS],
        *[(path, "issue-forms") for path in FORMS],
        (GITHUB / "ISSUE_TEMPLATE" / "config.yml", "issue-config"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_github_can_read_it(path: Path, schema: str) -> None:
    result = against_the_schema(path, schema)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("old", "new"),
    [("runs-on:", "run-on:"), ("timeout-minutes: 90", "timeout-minutes: long"), ("- uses:", "- use:")],
)
def test_the_schema_refuses_what_is_misspelled(tmp_path: Path, old: str, new: str) -> None:
    text = (GITHUB / "workflows" / "checks.yml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "wrong.yml").write_text(text.replace(old, new), encoding="utf-8")
    assert against_the_schema(tmp_path / "wrong.yml", "workflows").returncode == 1


def test_there_are_three_workflows_and_three_forms() -> None:
    assert [path.stem for path in WORKFLOWS] == ["checks", "site", "weekly"] and len(FORMS) == 3
    triggers = {path.stem: read(path)["on"] for path in WORKFLOWS}
    assert set(triggers["checks"]) == {"push", "pull_request"} and not triggers["checks"]["push"], "every push"
    assert triggers["site"]["push"] == {"branches": ["main"]}
    assert len(triggers["weekly"]["schedule"]) == 1
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", triggers["weekly"]["schedule"][0]["cron"])


@every_workflow
def test_steps_call_make_or_a_pinned_action(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {"contents": "read"}, "a job that needs more says so itself"
    for job in workflow["jobs"].values():
        assert 0 < int(job["timeout-minutes"]) <= 120
        for step in job["steps"]:
            if "uses" in step:
                name, version = re.fullmatch(r"actions/([\w-]+)@v(\d+)", step["uses"]).groups()
                assert name in ACTIONS and int(version) >= 5, "older ones run on a Node that nobody mends any more"
                continue
            # What an event brings (titles, branches) never reaches a shell.
            called = re.fullmatch(
                r"make (\S+|\$\{\{ matrix\.versions \}\})((?: [A-Z]+=\S+| \S+=\$\{\{ matrix\.versions \}\})*)",
                step["run"],
            )
            assert called, step["run"]
            assert "PYTHON=python" in called[2], "the Python that setup-python has put there"
            assert "github.event" not in step["run"]
            assert called[1] in TARGETS or "matrix" in called[1]


def test_the_matrix_names_what_make_knows_and_supported_pythons() -> None:
    weekly = read(GITHUB / "workflows" / "weekly.yml")["jobs"]["versions"]
    rows = weekly["strategy"]["matrix"]["include"]
    assert {row["versions"] for row in rows} == set(versions.KNOWN) <= set(TARGETS)
    pythons = [row["python"] for row in rows]
    for path in WORKFLOWS:
        for job in read(path)["jobs"].values():
            given = [step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", "")]
            pythons += [python for python in given if "matrix" not in python]
    assert all(environment.OLDEST <= tuple(map(int, python.split("."))) <= environment.NEWEST for python in pythons)


def test_an_issue_is_opened_only_after_a_failure_and_with_the_right_to() -> None:
    job = read(GITHUB / "workflows" / "weekly.yml")["jobs"]["versions"]
    (step,) = [step for step in job["steps"] if "report" in step.get("run", "")]
    assert step["if"] == "failure()" and step["env"] == {"GH_TOKEN": "${{ github.token }}"}
    assert job["permissions"] == {"contents": "read", "issues": "write"}


def test_what_is_uploaded_is_what_make_writes() -> None:
    site = read(GITHUB / "workflows" / "site.yml")["jobs"]
    (upload,) = [step for step in site["build"]["steps"] if "upload-pages" in step.get("uses", "")]
    from tools import book

    assert upload["with"]["path"] == book.SITE
    weekly = read(GITHUB / "workflows" / "weekly.yml")["jobs"]["versions"]["steps"][-1]
    assert weekly["with"]["path"] == f"{versions.PLACE.as_posix()}/*.log"


def test_the_forms_ask_in_fields_of_their_own() -> None:
    for path in FORMS:
        form = read(path)
        ids = [field["id"] for field in form["body"]]
        assert len(set(ids)) == len(ids) > 2
        assert any(field.get("validations", {}).get("required") == "true" for field in form["body"])
