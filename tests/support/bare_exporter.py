"""An exporter without its server, for tests that scrape it without HTTP."""

import time
from collections.abc import Callable
from io import StringIO
from typing import Any

from exporter.commands.assembly import Exporter
from exporter.common.logging import configure_logs
from exporter.ionq.api_key import ApiKey
from exporter.metrics.encoding import Format
from exporter.metrics.exposition import encode_scrape
from exporter.records.scrape import Scrape
from exporter.scrape.deadline import Deadline
from exporter.settings import IonQSettings
from tests.support.exposition import Exposition

MEBIBYTE = 1 << 20


class BareExporter:
    """Scrapes as the server does. ``settings`` are further ones of IonQSettings."""

    def __init__(
        self,
        api_url: str,
        *,
        timeout_seconds: float,
        max_backends: int = 100,
        key: ApiKey | None = None,
        level: str = "info",
        clock: Callable[[], float] = time.monotonic,
        **settings: Any,
    ) -> None:
        self.log = StringIO()
        self._exporter = Exporter(
            IonQSettings(
                api_url=api_url,
                timeout_seconds=timeout_seconds,
                max_response_bytes=MEBIBYTE,
                max_backends=max_backends,
                **settings,
            ),
            lambda: key,
            configure_logs(level, "logfmt", self.log),
            clock=clock,
        )

    async def scraped(self, seconds: float, *, wait_for_status_page: bool = False) -> Scrape:
        """Scrape with so much time."""
        return await self._exporter.scraper.scrape(
            Deadline(seconds), wait_for_status_page=wait_for_status_page
        )

    def shown(self, scrape: Scrape, *, with_process: bool = True) -> Exposition:
        """Return what a response shows of a scrape."""
        text = encode_scrape(scrape, self._exporter.metrics, Format.TEXT, with_process=with_process)
        return Exposition(text.decode())

    async def aclose(self) -> None:
        await self._exporter.aclose()
