"""The chart: what kustomize offers, as Helm's values."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from tests.system.deploy import command_line
from tests.system.deploy.manifests import (
    CHART,
    COMPONENTS,
    KUBERNETES,
    KUBERNETES_VERSIONS,
    Manifest,
    build,
    chart,
    chart_text,
    containers,
    helm,
    is_of_the_operator,
    of_kind,
    only,
    validate,
    write_overlay,
)

OPERATOR: Manifest = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "alertmanagerConfig": {"enabled": True},
    "operatorLabels": {"release": None},
}

# Components of kustomize, and the values that do the same. For the component "namespace" there are no values:
# "helm install --create-namespace" creates it.
OPTIONS: dict[tuple[str, ...], Manifest] = {
    (): {},
    ("api-key",): {"apiKeySecret": "ionq-api-key"},
    ("grafana-dashboards",): {"dashboards": {"enabled": True}},
    ("high-availability",): {"replicas": 2},
    ("openshift",): {"openshift": True},
    ("prometheus-operator",): OPERATOR,
    ("prometheus-operator", "slack"): OPERATOR
    | {"alertmanagerConfig": {"enabled": True, "page": "slack", "team": "slack", "quiet": "slack"}},
    ("prometheus-operator", "pagerduty"): OPERATOR
    | {"alertmanagerConfig": {"enabled": True, "page": "pagerduty"}},
    ("proxy",): {"proxy": "http://proxy.example.org:3128"},
    ("scrape-annotations",): {"scrapeAnnotations": True},
}
EVERYTHING: Manifest = {
    **{name: value for values in OPTIONS.values() for name, value in values.items()},
    "alertmanagerConfig": {"enabled": True, "page": "pagerduty", "team": "slack", "quiet": "slack"},
}

# A value for each setting, none of which is the default.
EVERY_VALUE: Manifest = {
    "image": {"repository": "registry.example/ionq", "tag": "9.9.9", "pullSecrets": [{"name": "registry"}]},
    "serviceMonitor": {"enabled": True, "endpoint": {"interval": "1m", "scheme": "https"}},
    "scrapeAnnotations": True,
    "prometheusRule": {"enabled": True},
    "alertmanagerConfig": {
        "enabled": True,
        "secret": "alerts",
        "page": "pagerduty",
        "team": "slack",
        "quiet": "slack",
        "grafanaUrl": "https://grafana.example.org",
    },
    "operatorLabels": {"release": "monitoring"},
    "dashboards": {"enabled": True, "labels": {"dashboards": "all"}, "annotations": {"folder": "Quantum"}},
    "networkPolicy": {"scrapersNamespace": "observability"},
    "proxy": "http://proxy.example.org:3128",
    "apiKeySecret": "ionq-api-key",
    "webConfigSecret": "ionq-web-config",
    "replicas": 3,
    "openshift": True,
    "env": {"IONQ_EXPORTER_LOG_FORMAT": "json"},
    "resources": {"limits": {"memory": "256Mi"}},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "quantum", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
}

_OF_HELM = {"helm.sh/chart"} | {f"app.kubernetes.io/{name}" for name in ("instance", "version", "managed-by")}


def comparable(manifests: Iterable[Manifest]) -> dict[tuple[str, str], Any]:
    """Return objects by kind and name, without the labels that only Helm sets, in an order of their own."""
    found = {(each["kind"], each["metadata"]["name"]): _plain(each) for each in manifests}
    for monitor in (each for (kind, _), each in found.items() if kind == "ServiceMonitor"):
        # The name of the release, or else of the exporter. Here they are the same.
        del monitor["spec"]["jobLabel"]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _plain(each) for name, each in value.items() if name not in _OF_HELM}
        return {name: each for name, each in kept.items() if (name, each) != ("labels", {})}
    if isinstance(value, list):
        plain = [_plain(each) for each in value]
        by_name = all(isinstance(each, dict) and "name" in each for each in plain)
        return sorted(plain, key=lambda each: str(each["name"])) if by_name else plain
    return value


def components(names: Iterable[str]) -> list[Path]:
    return [KUBERNETES / "components" / name for name in names]


@pytest.mark.parametrize("names", OPTIONS, ids=" ".join)
def test_values_render_what_components_of_kustomize_do(names: tuple[str, ...], tmp_path: Path) -> None:
    expected = build(write_overlay(tmp_path, components(names)))
    assert comparable(chart(OPTIONS[names])) == comparable(expected)


def test_all_values_at_once_render_what_all_components_do(tmp_path: Path) -> None:
    names = dict.fromkeys(name for option in OPTIONS for name in option)
    assert set(names) == {component.name for component in COMPONENTS} - {"namespace"}
    expected = build(write_overlay(tmp_path, components(names)))
    assert comparable(chart(EVERYTHING)) == comparable(expected)


def test_the_demo_is_the_overlay_of_that_name() -> None:
    expected = build(KUBERNETES / "overlays" / "demo")
    values = {"demo": True, "scrapeAnnotations": True}
    found = comparable(chart(values, namespace="ionq-demo"))
    assert found == comparable(each for each in expected if each["kind"] != "Namespace")


@pytest.mark.parametrize("overlay", ["minimal", "operator"])
def test_the_namespace_of_prometheus_can_be_another_one(overlay: str, tmp_path: Path) -> None:
    (patch,) = yaml.safe_load((KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text())[
        "patches"
    ]
    patch["patch"] = patch["patch"].replace("value: monitoring", "value: observability")
    kustomization = write_overlay(tmp_path, []) / "kustomization.yaml"
    kustomization.write_text(yaml.safe_dump(yaml.safe_load(kustomization.read_text()) | {"patches": [patch]}))
    policy = only(chart({"networkPolicy": {"scrapersNamespace": "observability"}}), "NetworkPolicy")
    assert _plain(policy) == _plain(only(build(tmp_path), "NetworkPolicy"))
    assert "observability" in str(policy["spec"]["ingress"])


def test_kube_prometheus_stack_selects_the_operator_s_objects_in_both() -> None:
    values = {name: value for name, value in OPERATOR.items() if name != "operatorLabels"}
    for manifests in (chart(values), build(KUBERNETES / "overlays" / "operator")):
        operators = [each for each in manifests if is_of_the_operator(each)]
        assert len(operators) == 3
        assert {each["metadata"]["labels"]["release"] for each in operators} == {"kube-prometheus-stack"}


def test_helm_finds_nothing_to_complain_of() -> None:
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "values",
    [{}, EVERYTHING, EVERY_VALUE, {"demo": True}],
    ids=["defaults", "everything", "every value", "demo"],
)
def test_every_object_has_the_schema_of_kubernetes_and_no_field_besides(values: Manifest) -> None:
    objects = chart(values)
    for version in KUBERNETES_VERSIONS:
        validate(objects, version)


def leaves(values: Manifest, schema: Manifest, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return each value with its path. Values whose fields the schema does not list are one value."""
    for name, value in values.items():
        fields = schema["properties"][name]
        if "properties" in fields:
            yield from leaves(value, fields, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def schema() -> Manifest:
    found: Manifest = yaml.safe_load((CHART / "values.schema.json").read_text())
    return found


def defaults() -> dict[str, Any]:
    return dict(leaves(yaml.safe_load((CHART / "values.yaml").read_text()), schema()))


def without(values: Manifest, path: str) -> Manifest:
    name, _, rest = path.partition(".")
    kept = {each: value for each, value in values.items() if each != name}
    return kept | {name: without(values[name], rest)} if rest else kept


@pytest.mark.parametrize("path", dict(leaves(EVERY_VALUE, schema())))
def test_each_value_changes_what_is_rendered(path: str) -> None:
    assert chart_text(without(EVERY_VALUE, path)) != chart_text(EVERY_VALUE)


def test_the_network_policy_can_be_left_out() -> None:
    assert not of_kind(chart({"networkPolicy": {"enabled": False}}), "NetworkPolicy")


def test_every_value_is_tried_and_has_another_default() -> None:
    tried = dict(leaves(EVERY_VALUE, schema())) | {"demo": True, "networkPolicy.enabled": False}
    assert set(tried) == set(defaults())
    assert not [path for path, value in defaults().items() if tried[path] == value]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"replica": 2}, "replica"),
        ({"serviceMonitor": {"enable": True}}, "enable"),
        ({"replicas": 0}, "replicas"),
        ({"openshift": "yes"}, "openshift"),
        ({"proxy": "http://proxy.example.org"}, "proxy"),
        ({"env": {"IONQ_EXPORTER_IONQ_MAX_BACKENDS": 1000000}}, "MAX_BACKENDS"),
        ({"alertmanagerConfig": {"team": "pagerduty"}}, "team"),
        ({"networkPolicy": {"scrapersNamespace": ""}}, "scrapersNamespace"),
    ],
    ids=str,
)
def test_a_value_that_is_not_understood_is_refused_by_its_name(values: Manifest, named: str) -> None:
    with pytest.raises(AssertionError, match=named):
        chart(values)


def test_the_chart_is_for_this_version() -> None:
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert about["appVersion"] == __version__


def test_two_releases_in_a_namespace_do_not_meet() -> None:
    first, second = (
        comparable(chart({"serviceMonitor": {"enabled": True}}, name)) for name in ("one", "two")
    )
    assert not set(first) & set(second)
    assert ("Deployment", "one-ionq-exporter") in first
    selectors = [
        only(chart({}, name), "Service", f"{name}-ionq-exporter")["spec"]["selector"]
        for name in ("one", "two")
    ]
    assert selectors[0] != selectors[1]


def test_the_job_is_the_release() -> None:
    objects = chart({"serviceMonitor": {"enabled": True}}, release="ionq-exporter")
    label = only(objects, "ServiceMonitor")["spec"]["jobLabel"]
    assert only(objects, "Service")["metadata"]["labels"][label] == "ionq-exporter"


def test_every_variable_exists() -> None:
    (container,) = containers(chart(without(EVERY_VALUE, "proxy")))
    assert {each["name"] for each in container["env"]} <= command_line.variables()


def test_with_a_web_configuration_the_image_s_own_health_check_probes() -> None:
    objects = chart({"webConfigSecret": "ionq-web-config"})
    (container,) = containers(objects)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        program = container[probe]["exec"]["command"]
        dockerfile = (CHART.parents[2] / "Dockerfile").read_text()
        assert f"CMD {program}".replace("'", '"') in dockerfile
    (mount,) = container["volumeMounts"]
    (variable,) = container["env"]
    assert variable == {"name": "IONQ_EXPORTER_WEB_CONFIG_FILE", "value": f"{mount['mountPath']}/web.yml"}


def test_notifications_link_to_grafana_once_it_has_an_address() -> None:
    config = only(chart(EVERY_VALUE), "AlertmanagerConfig")["spec"]
    (slack,) = config["receivers"][1]["slackConfigs"]
    assert '{{ $grafana := "https://grafana.example.org" }}' in slack["text"]
    assert slack["apiURL"] == {"name": "alerts", "key": "team"}


def test_notes_say_what_is_missing() -> None:
    def notes(*settings: str) -> str:
        arguments = [f"--set={each}" for each in settings]
        done = helm("install", "ionq-exporter", CHART, "--dry-run=client", "--namespace=ionq", *arguments)
        if "cluster unreachable" in done.stderr:
            pytest.skip("Helm 3 renders notes for a cluster only: make helm")
        assert done.returncode == 0, done.stderr
        return done.stdout.partition("\nNOTES:\n")[2]

    assert "Nothing leads a Prometheus to it yet" in notes()
    assert "Nothing leads" not in notes("scrapeAnnotations=true")
    assert "create secret" not in notes("serviceMonitor.enabled=true")
    assert "create secret generic ionq-alert-receivers" in notes("alertmanagerConfig.enabled=true")
    assert "--from-literal=page=PAGERDUTY" in notes(
        "alertmanagerConfig.enabled=true", "alertmanagerConfig.page=pagerduty"
    )


def test_the_readme_lists_every_value_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) ?\| ", (CHART / "README.md").read_text(), re.MULTILINE)
    listed = {path: yaml.safe_load(default.strip("`")) for path, default in rows}
    assert listed == {path: None if value == "" else value for path, value in defaults().items()}
    assert [path for path, _ in rows] == list(defaults())
