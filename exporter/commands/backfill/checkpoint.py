"""The progress of a backfill, in a file, so that an interrupted run can resume."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from exporter.commands.backfill.plan import Page, Plan
from exporter.records.characterizations import Characterization

_FORMAT = 1
_FIRST_BYTES = f'{{"format": {_FORMAT}'.encode()


class Checkpoint:
    """A plan and the pages that were read for it, one line of JSON each."""

    def __init__(self, path: Path) -> None:
        """Load an existing file or create an empty one. Raises UsageError."""
        self.path = path
        self.plan: Plan | None = None
        """The plan of the run that wrote the file."""
        self.pages: list[Page] = []
        try:
            with path.open("ab+") as file:
                file.seek(0)
                self._load(file.read())
        except OSError as error:
            raise click.BadParameter(
                f"cannot write {path}: {error.strerror}", param_hint="--output"
            ) from error

    def check_same(self, wanted: Plan, *, end_is_given: bool) -> None:
        """Raise UsageError if the saved plan has other flags. An end that is not given may differ."""
        assert self.plan  # noqa: S101 -- there are pages of it
        if not end_is_given:
            wanted = replace(wanted, end=self.plan.end)
        others = [
            saved for saved, flag in zip(self.plan.flags(), wanted.flags(), strict=True) if saved != flag
        ]
        if others:
            raise click.UsageError(
                f"{self.path} is from a run with other flags, {' and '.join(others)}: repeat those, remove "
                "the file, or name another --output"
            )

    def begin(self, plan: Plan) -> None:
        """Save a plan, without any page. Raises OSError."""
        os.truncate(self.path, 0)
        self.plan, self.pages = plan, []
        self._append({"format": _FORMAT, **asdict(plan)})

    def add(self, page: Page) -> None:
        """Save a page. Raises OSError."""
        self.pages.append(page)
        self._append(asdict(page))

    def remove(self) -> None:
        """Delete the file. Raises OSError."""
        self.path.unlink(missing_ok=True)

    def _append(self, entry: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")

    def _load(self, content: bytes) -> None:
        # If the run ended while it wrote a line, the line is incomplete and is read again from IonQ.
        *lines, incomplete = content.split(b"\n")
        try:
            if lines:
                self.plan = _plan(**json.loads(lines[0]))
                self.pages = [_page(**json.loads(line)) for line in lines[1:]]
            else:
                _check_first_bytes(incomplete)
        except (ValueError, TypeError):
            raise click.UsageError(
                f"{self.path} is not a checkpoint of a backfill: remove it, or name another --output"
            ) from None
        if incomplete:
            os.truncate(self.path, len(content) - len(incomplete))


def _check_first_bytes(line: bytes) -> None:
    if line[: len(_FIRST_BYTES)] != _FIRST_BYTES[: len(line)]:
        raise ValueError(line)


def _plan(*, format: int, names: list[str], **fields: Any) -> Plan:  # noqa: A002 -- the name in the file
    if format != _FORMAT:
        raise ValueError(format)
    return Plan(names=tuple(names), **fields)


def _page(*, characterizations: list[dict[str, Any]], **fields: Any) -> Page:
    return Page(characterizations=tuple(Characterization(**one) for one in characterizations), **fields)
