"""The files that are deployed."""

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[1]
RECORDING = DEPLOY / "prometheus" / "recording.yml"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
TEMPLATE = DEPLOY / "alertmanager" / "ionq.tmpl"

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C is eight times as fast. A PyYAML that was built without libyaml lacks it."""


def load(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.load(path.read_text(), LOADER)  # noqa: S506 -- one of the safe ones
