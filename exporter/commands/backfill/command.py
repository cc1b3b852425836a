"""``ionq-exporter backfill``: reads a history from IonQ, writes it to a file, and ends in order."""

import os
import time
from collections.abc import Mapping
from typing import Any

import click

from exporter.commands.assembly import client_factory
from exporter.commands.backfill.checkpoint import Checkpoint
from exporter.commands.backfill.history import HistoryReader
from exporter.commands.backfill.output import write_file
from exporter.commands.backfill.plan import Plan
from exporter.commands.backfill.reading import read_history
from exporter.commands.backfill.request import Request
from exporter.commands.backfill.retry import LONGEST_PAUSE_SECONDS, RetryingReader
from exporter.commands.backfill.stop_signals import EndedError, Ending
from exporter.common import event_loop
from exporter.common.errors import IonQError
from exporter.common.logging import configure_logs
from exporter.records.backends import MAX_BACKENDS
from exporter.settings import IonQSettings


def backfill(values: Mapping[str, Any]) -> int:
    """Run the command with the values of its flags, and return an exit status.

    Raises OSError or ValueError, with a message for the user.
    """
    ending = Ending()
    ending.listen()
    request = Request(
        output=values["output"],
        api_url=values["ionq_api_url"],
        backends=values["backends"],
        start=values["start"],
        end=values["end"],
        made_at=time.time(),
        step=values["step"],
        labels=dict(values["labels"]),
    )
    logger = configure_logs(values["log_level"], values["log_format"])
    new_client = client_factory(_ionq_settings(values), os.environ.get("IONQ_API_KEY"), logger)
    checkpoint = Checkpoint(request.output.with_name(f"{request.output.name}.part"))

    async def read() -> Plan:
        client = new_client(max_pause_seconds=LONGEST_PAUSE_SECONDS)
        retrying = RetryingReader(
            client,
            logger,
            timeout_seconds=values["ionq_timeout"],
            requests_per_second=values["requests_per_second"],
        )
        try:
            with ending.cancelling():
                return await read_history(request, checkpoint, HistoryReader(client, retrying, logger))
        finally:
            await client.aclose()

    try:
        plan = event_loop.run(read())
        return write_file(request, plan, checkpoint, ending.check)
    except IonQError as error:
        click.echo(f"ionq-exporter: {error.message}{_leave(checkpoint)}", err=True)
        return 1
    except EndedError as ended:
        click.echo(f"ionq-exporter: ended{_leave(checkpoint)}", err=True)
        return ended.status


def _ionq_settings(values: Mapping[str, Any]) -> IonQSettings:
    return IonQSettings(
        api_url=values["ionq_api_url"],
        api_key_file=values["ionq_api_key_file"],
        timeout_seconds=values["ionq_timeout"],
        max_response_bytes=values["ionq_max_response_bytes"],
        max_backends=MAX_BACKENDS,
        characterizations=True,
    )


def _leave(checkpoint: Checkpoint) -> str:
    """Keep what was read, and return how to go on."""
    kept = len(checkpoint.pages)
    if not kept:
        checkpoint.remove()
        return ""
    return (
        f"; {'1 page is' if kept == 1 else f'{kept} pages are'} kept, and the same command goes on from there"
    )
