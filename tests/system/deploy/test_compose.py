"""The compose stack: its schema, and that its parts mean each other."""

import re
import subprocess
import sys
from typing import Any

import httpx
import pytest
import yaml

from deploy.drill.shipped import DEPLOY, load
from exporter import __version__
from exporter.settings import DEFAULT_API_URL, DEFAULT_PORT, DEFAULT_SIMULATOR_PORT
from tests.system.deploy import command_line

COMPOSE = DEPLOY / "compose"
FILE = COMPOSE / "compose.yaml"
STACK = load(FILE)
SERVICES: dict[str, Any] = STACK["services"]
OURS = {name: service for name, service in SERVICES.items() if "ionq-exporter" in service["image"]}
DATASOURCES = DEPLOY.parent / "grafana" / "provisioning" / "datasources" / "prometheus.yml"


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what is mounted from this repository, and where."""
    volumes = [volume.split(":") for volume in service.get("volumes", [])]
    return [(source, target) for source, target, *_ in volumes if source.startswith(".")]


def container_ports(service: dict[str, Any]) -> set[int]:
    return {int(port.rpartition(":")[2]) for port in service["ports"]}


def test_it_has_the_schema_of_compose_and_no_field_besides() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FILE],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert SERVICES[name]["ports"]
    for port in SERVICES[name]["ports"]:
        assert re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_by_version(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_whatever_is_mounted_is_there_and_stays_as_it_is(name: str) -> None:
    for source, _ in mounts(SERVICES[name]):
        assert (COMPOSE / source).exists()
    for volume in SERVICES[name].get("volumes", []):
        assert volume.endswith(":ro") == volume.startswith(".")


@pytest.mark.parametrize("name", OURS)
def test_the_exporter_and_the_simulator_run_with_nothing_that_they_do_not_need(name: str) -> None:
    service = OURS[name]
    assert service["image"].endswith(f":{__version__}")
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] == "128m"
    assert not command_line.unknown_flags(service.get("command", []))
    assert set(service.get("environment", {})) <= command_line.variables()


def test_the_image_is_built_once_and_all_others_wait_for_that() -> None:
    assert len({service["image"] for service in OURS.values()}) == 1
    (builder,) = (name for name, service in OURS.items() if "build" in service)
    assert (COMPOSE / OURS[builder]["build"] / "Dockerfile").exists()
    for name in OURS.keys() - {builder}:
        assert OURS[name]["depends_on"] == [builder]
        assert OURS[name]["pull_policy"] == "never"


def test_one_variable_leads_from_the_simulator_to_ionq() -> None:
    name = "IONQ_EXPORTER_IONQ_API_URL"
    simulated = f"http://simulator:{DEFAULT_SIMULATOR_PORT}/v0.4"
    assert SERVICES["ionq-exporter"]["environment"][name] == f"${{{name}:-{simulated}}}"
    assert f"{name}={DEFAULT_API_URL} docker compose up" in FILE.read_text()
    assert container_ports(SERVICES["simulator"]) == {DEFAULT_SIMULATOR_PORT}
    assert f"--simulator.listen-address=:{DEFAULT_SIMULATOR_PORT}" in SERVICES["simulator"]["command"]


def test_a_scrape_under_way_may_finish() -> None:
    grace = float(SERVICES["ionq-exporter"]["stop_grace_period"].rstrip("s"))
    assert grace > command_line.seconds("--ionq.timeout") + 1


def test_prometheus_reads_what_is_mounted_beside_its_configuration() -> None:
    config = load(COMPOSE / "prometheus.yml")
    targets = {target for _, target in mounts(SERVICES["prometheus"])}
    assert targets == {f"/etc/prometheus/{name}" for name in ("prometheus.yml", *config["rule_files"])}


def test_prometheus_finds_the_others_by_name_and_port() -> None:
    text = (COMPOSE / "prometheus.yml").read_text()
    found = set(re.findall(r"targets: \[(.+):(\d+)\]", text))
    assert found == {("alertmanager", "9093"), ("ionq-exporter", str(DEFAULT_PORT))}
    for name, port in found:
        assert container_ports(SERVICES[name]) == {int(port)}


def test_it_is_the_example_configuration_but_for_the_addresses() -> None:
    example = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    here = example.replace("localhost:9093", "alertmanager:9093").replace(
        f"localhost:{DEFAULT_PORT}", f"ionq-exporter:{DEFAULT_PORT}"
    )
    assert yaml.safe_load(here) == load(COMPOSE / "prometheus.yml")


def test_grafana_asks_this_prometheus() -> None:
    (source,) = load(DATASOURCES)["datasources"]
    url = httpx.URL(source["url"])
    assert container_ports(SERVICES[url.host]) == {url.port}
    assert source["jsonData"]["timeInterval"] == load(COMPOSE / "prometheus.yml")["global"]["scrape_interval"]


def test_grafana_finds_its_dashboards_where_they_are_mounted() -> None:
    (provider,) = load(DATASOURCES.parents[1] / "dashboards" / "ionq.yml")["providers"]
    folders = {target: source for source, target in mounts(SERVICES["grafana"])}
    dashboards = COMPOSE / folders[provider["options"]["path"]]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.rpartition("/")[0] == provider["options"]["path"]
    assert (dashboards / home.rpartition("/")[2]).exists()
