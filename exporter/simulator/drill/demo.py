"""The drill that the demo begins with, so that there is something to see within minutes."""

from exporter.simulator.drill.requests import DrillRequest, OverrideBackend, ScheduleMaintenance
from exporter.simulator.fleet.incidents import Maintenance
from exporter.simulator.fleet.random_draws import token

_HOUR = 3600


def demo_requests(now: float) -> tuple[DrillRequest, ...]:
    """Return requests for a degraded backend, and for a maintenance within a day of `now`."""
    start = now + 6 * _HOUR
    end = start + 2 * _HOUR
    return (
        OverrideBackend("qpu.forte-enterprise-2", {"degraded": True}),
        ScheduleMaintenance(
            Maintenance(
                id=token("demo"),
                name="Maintenance of the demo",
                announced=now,
                start=start,
                planned_end=end,
                end=end,
                backends=("qpu.forte-1",),
            )
        ),
    )
