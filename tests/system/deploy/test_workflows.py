"""The public CI: valid, pinned, and with no more rights than it needs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from deploy.drill.shipped import load
from exporter import __version__
from tests.support.repository import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def jobs(workflow: Path) -> dict[str, Any]:
    found: dict[str, Any] = load(workflow)["jobs"]
    return found


def test_they_have_the_schema_of_workflows() -> None:
    schema = "vendor.github-workflows"
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *WORKFLOWS)


def test_dependabot_understands_its_file() -> None:
    file = ROOT / ".github" / "dependabot.yml"
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.dependabot", file)


@pytest.mark.parametrize(("file", "schema"), [("bug.yml", "issue-forms"), ("config.yml", "issue-config")])
def test_an_issue_form_has_the_schema_of_its_kind(file: str, schema: str) -> None:
    path = ROOT / ".github" / "ISSUE_TEMPLATE" / file
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.github-{schema}", path)


def test_zizmor_finds_nothing() -> None:
    run(Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", ROOT / ".github")


@each_workflow
def test_every_action_is_pinned_by_digest_and_says_its_version(workflow: Path) -> None:
    for action in re.findall(r"uses: (.+)", workflow.read_text()):
        assert action.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_one_action_has_one_version() -> None:
    used = {action for path in WORKFLOWS for action in re.findall(r"uses: (\w.+)", path.read_text())}
    names = [action.partition("@")[0] for action in used]
    assert len(set(names)) == len(names)


@each_workflow
def test_a_job_has_the_rights_that_it_names_and_a_limit(workflow: Path) -> None:
    assert load(workflow)["permissions"] == {}
    for job in jobs(workflow).values():
        assert job["permissions"]
        assert "uses" in job or job["timeout-minutes"] <= 60


def test_nothing_but_a_release_may_write() -> None:
    writes = {
        (workflow.stem, name, scope)
        for workflow in WORKFLOWS
        for name, job in jobs(workflow).items()
        for scope, right in job["permissions"].items()
        if right == "write"
    }
    assert writes == {
        ("release", "package-index", "id-token"),
        ("release", "container-registry", "packages"),
        ("release", "container-registry", "id-token"),
        ("release", "container-registry", "attestations"),
        ("release", "announcement", "contents"),
    }


CHANGELOG = """\
# Changelog

## [Unreleased]

- Not yet.

## [0.1.10] - 2026-12-24

### Added

- The tenth.

## [0.1.1] - 2026-12-02

- The first.

## [0.1.0] - 2026-12-01
"""


def release_notes(version: str, changelog: Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / ".ci" / "release-notes"), version, str(changelog)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("version", "notes"), [("0.1.10", "### Added\n\n- The tenth."), ("0.1.1", "- The first.")]
)
def test_a_release_takes_its_notes_from_the_changelog(tmp_path: Path, version: str, notes: str) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG)
    done = release_notes(version, changelog)
    assert done.returncode == 0
    assert done.stdout.strip() == notes


@pytest.mark.parametrize("version", ["0.1.0", "0.1", "0.2.0"])
def test_a_version_without_notes_is_not_released(tmp_path: Path, version: str) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG)
    assert release_notes(version, changelog).returncode == 1


def test_the_changelog_has_notes_for_this_version() -> None:
    done = release_notes(__version__, ROOT / "CHANGELOG.md")
    assert done.returncode == 0
    assert done.stdout.lstrip().startswith("### ")


def test_what_is_released_is_signed() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    steps = {
        step["uses"].partition("@")[0]: step
        for job in release.values()
        for step in job.get("steps", ())
        if "uses" in step
    }
    assert steps["pypa/gh-action-pypi-publish"]["with"]["attestations"] is True
    pushed = steps["docker/build-push-action"]
    assert pushed["with"]["push"] is True
    assert (
        steps["actions/attest"]["with"]["subject-digest"] == f"${{{{ steps.{pushed['id']}.outputs.digest }}}}"
    )


def test_every_python_that_the_package_names_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [
        match[1]
        for match in (re.search(r"Python :: (3\.\d+)$", each) for each in project["classifiers"])
        if match
    ]
    tests = jobs(ROOT / ".github" / "workflows" / "ci.yml")["test"]
    assert tests["strategy"]["matrix"]["python"] == named


def test_the_versions_of_prometheus_that_are_promised_and_shipped_are_tested() -> None:
    steps = jobs(ROOT / ".github" / "workflows" / "ci.yml")["versions"]["strategy"]["matrix"]["include"]
    images = [service["image"] for service in load(ROOT / "deploy/compose/compose.yaml")["services"].values()]
    oldest, newest = steps
    for name in ("prometheus", "alertmanager"):
        assert f"prom/{name}:v{newest[name]}" in images
        file = (
            ROOT / "deploy" / name / {"prometheus": "recording.yml", "alertmanager": "alertmanager.yml"}[name]
        )
        promised = re.search(rf"{name.capitalize()} (\d+\.\d+) or newer", file.read_text())
        assert promised
        assert oldest[name] == f"{promised[1]}.0"


def test_nothing_is_released_untested() -> None:
    release = jobs(ROOT / ".github" / "workflows" / "release.yml")
    for name in ("package-index", "container-registry"):
        assert set(release[name]["needs"]) == {"test", "distributions"}
