"""The manifests, built as a user builds them: valid, admitted everywhere, and in step with the exporter."""

import os
import re
from pathlib import Path

import pytest
import yaml

from exporter import __version__
from exporter.common.durations import parse_duration
from exporter.server.app import HEALTH_PATHS
from exporter.settings import DEFAULT_PORT, DEFAULT_SIMULATOR_PORT
from tests.system.deploy import command_line
from tests.system.deploy.manifests import (
    COMPONENTS,
    KUBERNETES,
    KUBERNETES_VERSIONS,
    OVERLAYS,
    Manifest,
    build,
    build_text,
    container_port,
    containers,
    is_of_the_operator,
    of_kind,
    only,
    selects,
    validate,
    write_overlay,
)

IMAGE = f"ghcr.io/ionq-exporter/ionq-exporter:{__version__}"
OPERATOR_OVERLAY = KUBERNETES / "overlays" / "operator"
OPENSHIFT = KUBERNETES / "components" / "openshift"
DEPLOYMENT = KUBERNETES.parents[1] / "docs" / "deployment.md"

# What the Pod Security Standard "restricted" lets a pod mount.
ADMITTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base with all components at once, on any cluster but OpenShift."""
    components = [component for component in COMPONENTS if component != OPENSHIFT]
    return write_overlay(tmp_path_factory.mktemp("everything"), components)


@pytest.fixture(scope="session")
def everything_on_openshift(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_overlay(tmp_path_factory.mktemp("openshift"), COMPONENTS)


@pytest.fixture(params=[*(path.name for path in OVERLAYS), "everything", "everything_on_openshift"])
def overlay(request: pytest.FixtureRequest) -> Path:
    name: str = request.param
    path: Path = request.getfixturevalue(name) if name.startswith("every") else KUBERNETES / "overlays" / name
    return path


@pytest.fixture
def manifests(overlay: Path) -> list[Manifest]:
    return build(overlay)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda path: path.name)
def test_each_component_goes_with_the_base_alone(component: Path, tmp_path: Path) -> None:
    assert build(write_overlay(tmp_path, [component]))


def test_every_object_has_the_schema_of_kubernetes_and_no_field_besides(manifests: list[Manifest]) -> None:
    for version in KUBERNETES_VERSIONS:
        validate(manifests, version)


# As far as they are used here; the operator refuses what it does not know.
OPERATOR_FIELDS = {
    "AlertmanagerConfig": {"route", "inhibitRules", "receivers"},
    "PrometheusRule": {"groups"},
    "ServiceMonitor": {"jobLabel", "selector", "endpoints"},
}
RECEIVER_FIELDS = {
    "webhookConfigs": {"urlSecret", "sendResolved"},
    "slackConfigs": {"apiURL", "sendResolved", "color", "title", "titleLink", "text"},
    "pagerdutyConfigs": {"routingKey", "sendResolved", "severity", "description", "details"},
}
ROUTE_FIELDS = {"receiver", "groupBy", "groupWait", "groupInterval", "repeatInterval", "matchers", "routes"}
RULE_FIELDS = {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}


@pytest.mark.parametrize("receivers", ["", "slack", "pagerduty"])
def test_the_operator_knows_every_field_of_its_objects(receivers: str, tmp_path: Path) -> None:
    components = [KUBERNETES / "components" / name for name in ("prometheus-operator", receivers) if name]
    manifests = build(write_overlay(tmp_path, components))
    objects = {each["kind"]: each["spec"] for each in manifests if is_of_the_operator(each)}
    assert {kind: set(spec) for kind, spec in objects.items()} == OPERATOR_FIELDS
    for group in objects["PrometheusRule"]["groups"]:
        assert set(group) == {"name", "interval", "rules"}
        assert {field for rule in group["rules"] for field in rule} <= RULE_FIELDS
    for endpoint in objects["ServiceMonitor"]["endpoints"]:
        assert set(endpoint) == {"port", "interval", "scrapeTimeout"}
    root = objects["AlertmanagerConfig"]["route"]
    for route in (root, *root["routes"]):
        assert set(route) <= ROUTE_FIELDS
    for rule in objects["AlertmanagerConfig"]["inhibitRules"]:
        assert set(rule) == {"sourceMatch", "targetMatch", "equal"}
    for receiver in objects["AlertmanagerConfig"]["receivers"]:
        (kind,) = set(receiver) - {"name"}
        (settings,) = receiver[kind]
        assert set(settings) <= RECEIVER_FIELDS[kind]


def test_the_strictest_pod_security_standard_admits_every_pod(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"].get("runAsUser") != 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for volume in pod.get("volumes", []):
            assert set(volume) - {"name"} <= ADMITTED_VOLUMES
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert not any("hostPort" in port for port in container["ports"])


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_an_example_brings_a_namespace_of_its_own_that_enforces_it(overlay: Path) -> None:
    manifests = build(overlay)
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    name = namespace["metadata"]["name"]
    assert {each["metadata"].get("namespace", name) for each in manifests} == {name}


def test_no_pod_has_a_token_for_the_cluster(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        assert deployment["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_services_do_not_set_variables_among_those_of_the_exporter(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_all_run_the_image_of_this_version_within_the_limits_that_were_measured(
    manifests: list[Manifest],
) -> None:
    for container in containers(manifests):
        assert container["image"] == IMAGE
        assert container["resources"] == {
            "requests": {"cpu": "10m", "memory": "64Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        }


def test_every_flag_and_variable_exists(manifests: list[Manifest]) -> None:
    for container in containers(manifests):
        arguments = container.get("args", [])
        assert not command_line.unknown_flags(arguments)
        command = arguments[0] if arguments else "serve"
        known = command_line.variables(command) | {"HTTPS_PROXY"}
        assert {each["name"] for each in container.get("env", [])} <= known


def test_the_exporter_listens_on_its_own_default_port(manifests: list[Manifest]) -> None:
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert container_port(container, "metrics") == DEFAULT_PORT


def test_probes_ask_for_what_never_calls_ionq(manifests: list[Manifest]) -> None:
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        request = container[probe]["httpGet"]
        assert request["path"] in HEALTH_PATHS
        assert container_port(container, request["port"]) == DEFAULT_PORT


def test_a_scrape_under_way_may_finish(manifests: list[Manifest]) -> None:
    pod = only(manifests, "Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > command_line.seconds("--ionq.timeout") + 1


def test_whatever_selects_a_pod_finds_one_and_the_port_that_it_means(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        name = deployment["metadata"]["name"]
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        (container,) = template["spec"]["containers"]
        service = only(manifests, "Service", name)["spec"]
        policy = only(manifests, "NetworkPolicy", name)["spec"]
        assert selects(deployment["spec"]["selector"], labels)
        assert selects(service["selector"], labels)
        assert selects(policy["podSelector"], labels)
        (port,) = service["ports"]
        reached = container_port(container, port["targetPort"])
        assert port["port"] == reached
        assert [each["port"] for rule in policy["ingress"] for each in rule["ports"]] == [reached]
        for budget in of_kind(manifests, "PodDisruptionBudget"):
            assert selects(budget["spec"]["selector"], labels)
        for constraint in template["spec"].get("topologySpreadConstraints", []):
            assert selects(constraint["labelSelector"], labels)


def test_a_disruption_budget_comes_with_more_pods_than_it_lets_go(everything: Path) -> None:
    manifests = build(everything)
    budget = only(manifests, "PodDisruptionBudget")["spec"]
    assert only(manifests, "Deployment")["spec"]["replicas"] > budget["maxUnavailable"]


@pytest.mark.parametrize("name", ["minimal", "demo"])
def test_one_pod_has_no_disruption_budget_which_would_block_every_drain(name: str) -> None:
    manifests = build(KUBERNETES / "overlays" / name)
    assert only(manifests, "Deployment")["spec"]["replicas"] == 1
    assert not of_kind(manifests, "PodDisruptionBudget")


def test_the_network_policy_lets_in_monitoring_and_out_only_names_and_https() -> None:
    policy = only(build(KUBERNETES / "overlays" / "minimal"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]
    assert peer == {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    out = {(port["protocol"], port["port"]) for each in policy["egress"] for port in each["ports"]}
    assert out == {("UDP", 53), ("TCP", 53), ("TCP", 443)}


def egress_ports(manifests: list[Manifest]) -> list[set[tuple[str, int]]]:
    rules = only(manifests, "NetworkPolicy")["spec"]["egress"]
    return [{(port.get("protocol", "TCP"), port["port"]) for port in rule["ports"]} for rule in rules]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_on_openshift_no_pod_asks_for_a_user_or_group_and_names_are_found(
    overlay: Path, tmp_path: Path
) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": [os.path.relpath(overlay, tmp_path.resolve())],
                "components": [os.path.relpath(OPENSHIFT, tmp_path.resolve())],
            }
        )
    )
    before, after = build(overlay), build(tmp_path)
    assert len(before) == len(after)
    for deployment in of_kind(after, "Deployment"):
        context = deployment["spec"]["template"]["spec"]["securityContext"]
        assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    names, *others = egress_ports(after)
    assert names == {("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353)}
    assert others == egress_ports(before)[1:]


def test_two_pods_are_on_two_nodes_also_after_a_rollout(everything: Path) -> None:
    template = only(build(everything), "Deployment")["spec"]["template"]["spec"]
    (constraint,) = template["topologySpreadConstraints"]
    assert constraint["topologyKey"] == "kubernetes.io/hostname"
    assert (constraint["maxSkew"], constraint["whenUnsatisfiable"]) == (1, "DoNotSchedule")
    assert constraint["matchLabelKeys"] == ["pod-template-hash"]


def test_the_page_about_deployment_says_what_the_operator_s_users_have_to_do() -> None:
    page = DEPLOYMENT.read_text()
    config = only(build(OPERATOR_OVERLAY), "AlertmanagerConfig")
    for receiver in config["spec"]["receivers"]:
        (webhook,) = receiver["webhookConfigs"]
        assert f"create secret generic {webhook['urlSecret']['name']} " in page
        assert f"--from-literal={webhook['urlSecret']['key']}=URL" in page
    assert f"`release: {config['metadata']['labels']['release']}`" in page


def test_a_proxy_is_the_only_way_out_and_its_port_is_open(everything: Path) -> None:
    manifests = build(everything)
    (container,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    (_, out) = egress_ports(manifests)
    assert out == {("TCP", int(variables["HTTPS_PROXY"].rpartition(":")[2]))}


def test_the_page_about_deployment_lists_every_component() -> None:
    section = DEPLOYMENT.read_text().partition("\n## Kubernetes\n")[2]
    listed = re.findall(r"^\| `([a-z-]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    assert sorted(listed) == [component.name for component in COMPONENTS]


def test_annotations_lead_a_prometheus_to_the_metrics() -> None:
    deployment = only(build(KUBERNETES / "overlays" / "minimal"), "Deployment")
    assert deployment["spec"]["template"]["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(DEFAULT_PORT),
        "prometheus.io/path": command_line.default("--web.telemetry-path"),
    }


def test_the_key_is_read_from_where_the_secret_is_mounted(everything: Path) -> None:
    pod = only(build(everything), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = container["volumeMounts"]
    (volume,) = pod["volumes"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert volume["name"] == mount["name"]
    assert variables["IONQ_EXPORTER_IONQ_API_KEY_FILE"] == f"{mount['mountPath']}/api-key"
    # Nobody but the exporter reads it, by its group.
    assert volume["secret"]["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]


def test_the_service_monitor_finds_the_service_and_leaves_a_scrape_its_time() -> None:
    manifests = build(OPERATOR_OVERLAY)
    monitor = only(manifests, "ServiceMonitor")["spec"]
    service = only(manifests, "Service")
    (endpoint,) = monitor["endpoints"]
    assert selects(monitor["selector"], service["metadata"]["labels"])
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint.get("path", "/metrics") == command_line.default("--web.telemetry-path")
    assert service["metadata"]["labels"][monitor["jobLabel"]] == "ionq-exporter"
    needed = command_line.seconds("--ionq.timeout") + command_line.seconds("--web.timeout-offset")
    assert needed < parse_duration(endpoint["scrapeTimeout"]) <= parse_duration(endpoint["interval"])


def test_the_dashboards_come_from_grafana_s_folder() -> None:
    config_maps = of_kind(build(OPERATOR_OVERLAY), "ConfigMap")
    contents = {name: text for each in config_maps for name, text in each["data"].items()}
    dashboards = KUBERNETES.parents[1] / "grafana" / "dashboards"
    assert contents == {path.name: path.read_text() for path in dashboards.glob("*.json")}
    assert all(each["metadata"]["labels"]["grafana_dashboard"] == "1" for each in config_maps)


def test_the_demo_reads_its_own_simulator_and_nothing_outside() -> None:
    manifests = build(KUBERNETES / "overlays" / "demo")
    (exporter,) = only(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    simulator = only(manifests, "Deployment", "ionq-simulator")["spec"]["template"]
    (container,) = simulator["spec"]["containers"]
    assert {each["name"]: each["value"] for each in exporter["env"]} == {
        "IONQ_EXPORTER_IONQ_API_URL": f"http://ionq-simulator:{DEFAULT_SIMULATOR_PORT}/v0.4",
        "IONQ_EXPORTER_IONQ_STATUS_URL": f"http://ionq-simulator:{DEFAULT_SIMULATOR_PORT}",
    }
    assert container["args"] == ["simulate", f"--simulator.listen-address=:{DEFAULT_SIMULATOR_PORT}"]
    (_, out) = only(manifests, "NetworkPolicy")["spec"]["egress"]
    (peer,) = out["to"]
    assert selects(peer["podSelector"], simulator["metadata"]["labels"])
    assert [container_port(container, each["port"]) for each in out["ports"]] == [DEFAULT_SIMULATOR_PORT]
    policy = only(manifests, "NetworkPolicy", "ionq-simulator")["spec"]
    (peer,) = policy["ingress"][0]["from"]
    labels = only(manifests, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert selects(peer["podSelector"], labels)
    assert "egress" not in policy


def test_manifests_name_no_secret_value(overlay: Path) -> None:
    assert "kind: Secret" not in build_text(overlay)
