"""Kubernetes objects as kustomize builds them."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.drill.shipped import DEPLOY
from tests.support.tools import require_tool

KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
COMPONENTS = sorted(path.parent for path in KUBERNETES.glob("components/*/kustomization.yaml"))
OVERLAYS = sorted(path.parent for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))

Manifest = dict[str, Any]

_OPERATOR = "monitoring.coreos.com/"


@cache
def build_text(folder: Path) -> str:
    kubectl = require_tool("kubectl", source="1.27 or newer, from https://kubernetes.io/docs/tasks/tools/")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "kustomize warns"
    return done.stdout


def build(folder: Path) -> list[Manifest]:
    """Return the objects of an overlay."""
    return list(yaml.safe_load_all(build_text(folder)))


def write_overlay(folder: Path, components: Iterable[Path]) -> Path:
    """Write an overlay of the base with these components."""
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": "somewhere",
        "resources": [os.path.relpath(BASE, folder.resolve())],
        "components": [os.path.relpath(component, folder.resolve()) for component in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return folder


def is_of_the_operator(manifest: Manifest) -> bool:
    return str(manifest["apiVersion"]).startswith(_OPERATOR)


def only(manifests: Iterable[Manifest], kind: str, name: str = "ionq-exporter") -> Manifest:
    """Return the one object of a kind and name."""
    (found,) = (each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return found


def of_kind(manifests: Iterable[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def containers(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    for deployment in of_kind(manifests, "Deployment"):
        yield from deployment["spec"]["template"]["spec"]["containers"]


def container_port(container: Manifest, port: str | int) -> int:
    """Return the number of a port that is given by name or number, as Kubernetes would."""
    (number,) = (
        each["containerPort"] for each in container["ports"] if port in {each["name"], each["containerPort"]}
    )
    return int(number)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Return whether a selector, which must name a label, finds what has these labels."""
    wanted = selector.get("matchLabels", selector)
    assert wanted
    return all(labels.get(name) == value for name, value in wanted.items())
