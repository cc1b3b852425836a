"""What the user asked for, and whether it is what a run before was asked for."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.commands.backfill.plan import Machine, Plan, check_span
from exporter.common.times import format_time


@dataclass(frozen=True, slots=True)
class Request:
    """The flags; times in Unix seconds, the step in seconds.

    Raises ValueError, with a message for the user, where they make no span of time.
    """

    output: Path
    api_url: str
    backends: tuple[str, ...]
    start: float | None
    end: float | None
    made_at: float
    step: int
    labels: Mapping[str, str]

    def __post_init__(self) -> None:
        check_span(self.start, self.end, self.made_at)

    def plan(self, machines: tuple[Machine, ...]) -> Plan:
        """Return what to read of these machines."""
        end = check_span(self.start, self.end, self.made_at)
        return Plan(self.api_url, self.backends, machines, self.start, end)

    def check_same(self, plan: Plan, path: Path) -> None:
        """Raise ValueError, with a message for the user, if the plan in a file is of another request."""
        if others := tuple(self._others_of(plan)):
            raise ValueError(
                f"{path} is left of a run with other flags, {' and '.join(others)}: repeat those, remove it, "
                "or name another --output"
            )

    def _others_of(self, plan: Plan) -> Iterator[str]:
        """Name the flags of a plan that were others, as they were."""
        asked = self.plan(plan.machines)
        if asked.api_url != plan.api_url:
            yield f"--ionq.api-url={shlex.quote(plan.api_url)}"
        if set(asked.backends) != set(plan.backends):
            yield " ".join(f"--backend={shlex.quote(name)}" for name in plan.backends) or "no --backend"
        if asked.start != plan.start:
            yield "no --start" if plan.start is None else f"--start={format_time(plan.start)}"
        # Without one, the end is that of the run before.
        if self.end is not None and asked.end != plan.end:
            yield f"--end={format_time(plan.end)}"
