"""What an exporter in simulated time has read of characterizations: its own reader, without a network."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import structlog

from exporter.ionq.client import IonQClient
from exporter.metrics.exporter import ExporterMetrics
from exporter.records.backends import Backend
from exporter.records.characterizations import CharacterizedBackend
from exporter.scrape.characterization_cache import CharacterizationCache
from exporter.scrape.failure_log import FailureLog
from exporter.simulator import Characterizations, Span

_TIMEOUT_SECONDS = 10.0
_MAX_RESPONSE_BYTES = 1 << 20


class CharacterizationReads:
    """What one exporter knows of characterizations, and counts about them."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, history: Characterizations, telemetry: ExporterMetrics
    ) -> None:
        self._loop = loop
        self._history = history
        self._moment = 0
        self._are_served = True
        logger = structlog.wrap_logger(structlog.ReturnLogger())
        client = IonQClient(
            "https://ionq.invalid/v0.4",
            logger=logger,
            max_response_bytes=_MAX_RESPONSE_BYTES,
            on_request=telemetry.count_characterization_request,
            new_transport=lambda: httpx.MockTransport(self._respond),
            delay_retry=_skip,
        )
        self._reader = CharacterizationCache(
            client,
            telemetry,
            FailureLog(logger),
            timeout_seconds=_TIMEOUT_SECONDS,
            clock=lambda: self._moment,
        )

    def at(
        self, moment: int, listed: Sequence[Backend], *, are_served: bool
    ) -> tuple[CharacterizedBackend, ...]:
        """Return what is known at a Unix time, after reading what is new and, if IonQ serves it, readable."""
        self._moment = moment
        self._are_served = are_served
        return self._loop.run_until_complete(self._reader.characterize(listed, _TIMEOUT_SECONDS))

    def _respond(self, request: httpx.Request) -> httpx.Response:
        if not self._are_served:
            return httpx.Response(503)
        backend = request.url.path.split("/")[-2]
        page = self._history.page(backend, datetime.fromtimestamp(self._moment, UTC), Span(limit=1))
        return httpx.Response(200, content=json.dumps(page))


async def _skip() -> None:
    pass
