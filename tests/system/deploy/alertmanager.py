"""A real Alertmanager on a free loopback port, with the shipped configuration."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.drill import programs
from deploy.drill.shipped import ALERTMANAGER
from deploy.manifests import every_receiver


@dataclass(frozen=True)
class Alertmanager:
    """Its version 2 API, as far as the tests need it."""

    url: str

    def post(self, *alerts: dict[str, Any]) -> None:
        httpx.post(f"{self.url}/api/v2/alerts", json=list(alerts)).raise_for_status()

    def alerts(self) -> list[Any]:
        found: list[Any] = httpx.get(f"{self.url}/api/v2/alerts").raise_for_status().json()
        return found


def choices_uncommented() -> Any:
    """Return the shipped configuration with all receivers that it offers."""
    return every_receiver(ALERTMANAGER.read_text())


@contextmanager
def running(program: str, config: Any, directory: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager until the end of the block."""
    with programs.alertmanager(program, config, directory) as url:
        yield Alertmanager(url)
