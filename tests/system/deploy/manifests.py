"""Kubernetes objects as kustomize and Helm build them."""

import json
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from deploy.drill.shipped import DEPLOY, LOADER
from tests.support.tools import require_tool

KUBERNETES = DEPLOY / "kubernetes"
BASE = KUBERNETES / "base"
COMPONENTS = sorted(path.parent for path in KUBERNETES.glob("components/*/kustomization.yaml"))
OVERLAYS = sorted(path.parent for path in KUBERNETES.glob("overlays/*/kustomization.yaml"))
CHART = DEPLOY / "helm" / "ionq-exporter"
NAMESPACE = "somewhere"

Manifest = dict[str, Any]

# From the oldest that the manifests are for to the newest that is known.
KUBERNETES_VERSIONS = [
    f"1.{minor}" for minor in range(30, int(kubernetes_validate.latest_version().split(".")[1]) + 1)
]

_OPERATOR = "monitoring.coreos.com/"


@cache
def build_text(folder: Path) -> str:
    kubectl = require_tool("kubectl", source="make helm")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "kustomize warns"
    return done.stdout


def build(folder: Path) -> list[Manifest]:
    """Return the objects of an overlay."""
    return _parse(build_text(folder))


def write_overlay(folder: Path, components: Iterable[Path]) -> Path:
    """Write an overlay of the base with these components."""
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": NAMESPACE,
        "resources": [os.path.relpath(BASE, folder.resolve())],
        "components": [os.path.relpath(component, folder.resolve()) for component in components],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    return folder


def helm(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [require_tool("helm", source="make helm"), *arguments]
    no_cluster = os.environ | {"KUBECONFIG": os.devnull}
    return subprocess.run(command, input=stdin, env=no_cluster, capture_output=True, text=True, check=False)


def chart_text(values: Manifest, release: str = "ionq-exporter", namespace: str = NAMESPACE) -> str:
    arguments = ("template", release, CHART, f"--namespace={namespace}", "--values=-")
    done = helm(*arguments, stdin=json.dumps(values))
    assert done.returncode == 0, done.stderr
    assert not done.stderr, "helm warns"
    return done.stdout


def chart(values: Manifest, release: str = "ionq-exporter", namespace: str = NAMESPACE) -> list[Manifest]:
    """Return the objects of the chart with these values."""
    return _parse(chart_text(values, release, namespace))


def _parse(text: str) -> list[Manifest]:
    return [manifest for manifest in yaml.load_all(text, LOADER) if manifest]


def is_of_the_operator(manifest: Manifest) -> bool:
    return str(manifest["apiVersion"]).startswith(_OPERATOR)


def validate(manifests: Iterable[Manifest], version: str) -> None:
    """Raise an error if an object, other than the operator's, has not the strict schema of a Kubernetes."""
    own = [manifest for manifest in manifests if not is_of_the_operator(manifest)]
    assert own
    for manifest in own:
        assert kubernetes_validate.validate(manifest, version, strict=True) == version


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
