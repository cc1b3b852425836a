"""What a backfill has read so far, in a file, so that a run that was ended can be gone on with."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporter.commands.backfill.plan import Machine, Page, Plan
from exporter.records.characterizations import Characterization

_FORMAT = 1
_BEGINNING = f'{{"format": {_FORMAT}'.encode()


class Checkpoint:
    """A plan, and the pages that were read for it, each a line of JSON."""

    def __init__(self, path: Path) -> None:
        """Read what a run before left, or begin an empty file.

        Raises OSError where it cannot be written, or ValueError where it is no checkpoint.
        """
        self.path = path
        self.plan: Plan | None = None
        """The plan that was begun, if one was."""
        self.pages: list[Page] = []
        with path.open("ab+") as file:
            file.seek(0)
            self._read(file.read())

    def begin(self, plan: Plan) -> None:
        """Write down what is to be read, and nothing read yet. Raises OSError."""
        os.truncate(self.path, 0)
        self.plan, self.pages = plan, []
        self._append({"format": _FORMAT, **asdict(plan)})

    def add(self, page: Page) -> None:
        """Write down a page. Raises OSError."""
        self.pages.append(page)
        self._append(asdict(page))

    def remove(self) -> None:
        """Forget everything: it is finished."""
        self.path.unlink(missing_ok=True)

    def _append(self, entry: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(entry)}\n")

    def _read(self, content: bytes) -> None:
        # What follows the last end of a line was being written when the run was ended.
        *whole, torn = content.split(b"\n")
        try:
            if whole:
                self.plan = _plan(**json.loads(whole[0]))
                self.pages = [_page(**json.loads(page)) for page in whole[1:]]
            else:
                _check_beginning(torn)
        except (ValueError, TypeError):
            raise ValueError(
                f"{self.path} is not what a backfill leaves: remove it, or name another --output"
            ) from None
        if torn:
            os.truncate(self.path, len(content) - len(torn))


def _check_beginning(torn: bytes) -> None:
    if torn[: len(_BEGINNING)] != _BEGINNING[: len(torn)]:
        raise ValueError(torn)


def _plan(
    *,
    format: int,  # noqa: A002 -- as written
    backends: list[str],
    machines: list[dict[str, Any]],
    **fields: Any,
) -> Plan:
    if format != _FORMAT:
        raise ValueError(format)
    return Plan(
        backends=tuple(backends), machines=tuple(Machine(**machine) for machine in machines), **fields
    )


def _page(*, records: list[dict[str, Any]], **fields: Any) -> Page:
    return Page(records=tuple(Characterization(**record) for record in records), **fields)
