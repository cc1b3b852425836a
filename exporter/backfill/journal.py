"""What a backfill has read so far, in a file, so that a run that was ended can be gone on with."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exporter.backfill.plan import Machine, Page, Plan
from exporter.characterizations import Characterization

_FORMAT = 1


class Journal:
    """A plan, and the pages that were read for it, each a line of JSON."""

    def __init__(self, path: Path) -> None:
        """Read what a run before left. Raises OSError, or ValueError where it is no journal."""
        self.path = path
        self.plan: Plan | None = None
        """The plan that was begun, if one was."""
        self.pages: list[Page] = []
        if path.exists():
            self._read(path.read_text("utf-8"))

    def begin(self, plan: Plan) -> None:
        """Write down what is to be read, and nothing read yet. Raises OSError."""
        self.path.write_text("", "utf-8")
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

    def _read(self, text: str) -> None:
        # What follows the last end of a line was being written when the run was ended.
        whole, end, torn = text.rpartition("\n")
        if torn:
            self.path.write_text(whole + end, "utf-8")
        if not whole:
            return
        header, *pages = whole.split("\n")
        try:
            self.plan = _plan(**json.loads(header))
            self.pages = [_page(**json.loads(page)) for page in pages]
        except (ValueError, TypeError):
            raise ValueError(
                f"{self.path} is not what a backfill leaves: remove it, or name another --output"
            ) from None


def _plan(*, format: int, machines: list[dict[str, Any]], **fields: Any) -> Plan:  # noqa: A002 -- as written
    if format != _FORMAT:
        raise ValueError(format)
    return Plan(machines=tuple(Machine(**machine) for machine in machines), **fields)


def _page(*, records: list[dict[str, Any]], **fields: Any) -> Page:
    return Page(records=tuple(Characterization(**record) for record in records), **fields)
