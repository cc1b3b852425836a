import json
import subprocess

import yaml

from tests.support.dashboards import FILES, GRAFANA
from tests.support.tools import require_tool


def test_the_config_maps_hold_the_same_for_the_sidecar_to_find() -> None:
    kubectl = require_tool("kubectl", source="1.21 or newer, from https://kubernetes.io/docs/tasks/tools/")
    done = subprocess.run([kubectl, "kustomize", GRAFANA], capture_output=True, text=True, check=True)
    contents: dict[str, str] = {}
    for config_map in yaml.safe_load_all(done.stdout):
        assert config_map["kind"] == "ConfigMap"
        assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
        contents |= config_map["data"]
    assert contents == {path.name: path.read_text("utf-8") for path in FILES}


def test_a_config_map_can_be_applied() -> None:
    # kubectl keeps a copy of what it applied in an annotation, which holds 256 KiB at most.
    for path in FILES:
        assert len(json.dumps(path.read_text("utf-8"))) < 200 * 1024


def test_the_config_maps_are_all_of_the_dashboards() -> None:
    kustomization = yaml.safe_load((GRAFANA / "kustomization.yaml").read_text("utf-8"))
    named = {file for one in kustomization["configMapGenerator"] for file in one["files"]}
    assert named == {f"dashboards/{path.name}" for path in FILES}


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    provisioning = GRAFANA / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "ionq.yml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"]
