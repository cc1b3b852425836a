"""Clients of IonQ's API without an exporter around them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from exporter.ionq.client import IonQClient

SILENT: FilteringBoundLogger = structlog.wrap_logger(
    structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger("critical")
)
"""A logger for tests that look at no log."""


@asynccontextmanager
async def connected(
    api_url: str, *, max_response_bytes: int = 1 << 20, **options: Any
) -> AsyncIterator[IonQClient]:
    """Make a client, and close it at the end."""
    client = IonQClient(api_url, logger=SILENT, max_response_bytes=max_response_bytes, **options)
    try:
        yield client
    finally:
        await client.aclose()
