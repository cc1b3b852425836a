"""What the Dockerfile says, as far as it can be held against the rest without an engine."""

import re
from fnmatch import fnmatch

import pytest

from exporter.settings import DEFAULT_PORT
from tests.support.repository import ROOT
from tests.system.deploy.manifests import BASE, build, only

INSTRUCTIONS = [
    instruction.split(maxsplit=1)
    for instruction in re.sub(
        r"\\\n", " ", re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    ).splitlines()
    if instruction
]
FINAL = dict(INSTRUCTIONS[[words[0] for words in INSTRUCTIONS].index("FROM", 2) :])
COPIED = [
    source
    for name, arguments in INSTRUCTIONS
    if name == "COPY" and not arguments.startswith("--from")
    for source in arguments.split()[:-1]
]


def test_it_runs_as_the_user_that_the_manifests_name() -> None:
    context = only(build(BASE), "Deployment")["spec"]["template"]["spec"]["securityContext"]
    assert FINAL["USER"] == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_it_exposes_the_default_port() -> None:
    assert FINAL["EXPOSE"] == str(DEFAULT_PORT)


@pytest.mark.parametrize("instruction", ["ENTRYPOINT", "HEALTHCHECK"])
def test_it_starts_programs_without_a_shell(instruction: str) -> None:
    assert re.search(r'\["/opt/ionq-exporter/bin/[^\]]+"\]$', FINAL[instruction])


@pytest.mark.parametrize("source", COPIED)
def test_what_is_copied_exists_and_is_not_ignored(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_nothing_else_gets_into_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


def test_all_that_is_installed_is_locked_by_hash() -> None:
    installs = [
        command
        for name, arguments in INSTRUCTIONS
        if name == "RUN"
        for command in arguments.split("&&")
        if fnmatch(command, "* install *")
    ]
    assert len(installs) == 3
    for command in installs:
        assert "--require-hashes" in command or "--no-deps dist/" in command


def test_what_the_build_compiles_is_where_the_exporter_looks_for_it() -> None:
    (folder,) = re.findall(r"PYTHONPYCACHEPREFIX=(\S+)", FINAL["ENV"])
    filled = [
        each
        for name, arguments in INSTRUCTIONS
        if name == "RUN"
        for each in re.findall(r"-X pycache_prefix=(\S+)", arguments)
    ]
    # The installed packages, and what they import of the standard library.
    assert filled == [folder, folder]
    _, copied, target = FINAL["COPY"].split()
    assert copied == target
    assert folder.startswith(f"{target}/")


def test_the_base_is_pinned_by_version_once() -> None:
    (image,) = (
        arguments
        for name, arguments in INSTRUCTIONS
        if name == "ARG" and arguments.startswith("PYTHON_IMAGE=")
    )
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+-slim-\w+", image)
    bases = [arguments for name, arguments in INSTRUCTIONS if name == "FROM"]
    assert bases == ["${PYTHON_IMAGE} AS build", "${PYTHON_IMAGE}"]
