"""IonQ's status page as JSON."""

import json
from datetime import UTC, datetime
from typing import Any

READ_AT = datetime(2026, 3, 23, 12, tzinfo=UTC).timestamp()

STATUS_PAGE: dict[str, Any] = {
    "page": {
        "id": "4h5xnz3sr8y1",
        "name": "IonQ",
        "url": "https://status.ionq.co",
        "time_zone": "Etc/UTC",
        "updated_at": "2026-03-06T09:31:02.110Z",
    },
    "status": {"indicator": "major", "description": "Partial System Outage"},
    "components": [
        {
            "id": identity,
            "name": name,
            "status": status,
            "created_at": "2024-01-09T15:00:00.000Z",
            "updated_at": updated_at,
            "position": position,
            "description": None,
            "showcase": False,
            "start_date": None,
            "group_id": None,
            "page_id": "4h5xnz3sr8y1",
            "group": False,
            "only_show_if_degraded": False,
        }
        for position, (identity, name, status, updated_at) in enumerate(
            [
                ("c1", "API", "operational", "2026-02-11T20:04:11.000Z"),
                ("c2", "Quantum Simulator", "operational", "2026-02-11T20:04:11.000Z"),
                ("c3", "IonQ Forte", "operational", "2026-03-01T12:40:30.000Z"),
                ("c4", "IonQ Forte Enterprise 1", "major_outage", "2026-03-06T09:28:47.000Z"),
            ],
            start=1,
        )
    ],
    "incidents": [
        {
            "id": "p31zjtct2jer",
            "name": "Forte Enterprise 1 is unavailable",
            "status": "investigating",
            "impact": "critical",
            "created_at": "2026-03-06T09:28:47.000Z",
            "started_at": "2026-03-06T09:28:47.000Z",
            "updated_at": "2026-03-06T09:28:47.000Z",
            "monitoring_at": None,
            "resolved_at": None,
            "shortlink": "https://stspg.io/p31zjtct2jer",
            "page_id": "4h5xnz3sr8y1",
            "incident_updates": [{"id": "u1", "status": "investigating", "body": "We are investigating."}],
            "components": [{"id": "c4", "name": "IonQ Forte Enterprise 1", "status": "major_outage"}],
        }
    ],
    "scheduled_maintenances": [],
}
"""What the page said on 23 March 2026, with fields that the exporter ignores."""

MAINTENANCE: dict[str, Any] = {
    "id": "k4z0lm8wq2dv",
    "name": "Calibration of Forte",
    "status": "scheduled",
    "impact": "maintenance",
    "shortlink": "https://stspg.io/k4z0lm8wq2dv",
    "scheduled_for": "2026-09-29T08:00:00-04:00",
    "scheduled_until": "2026-09-29T16:00:00Z",
    "components": [{"name": "IonQ Forte", "status": "operational"}],
}


def body(**parts: Any) -> bytes:
    """Write the page of March 2026 with other parts."""
    return json.dumps(STATUS_PAGE | parts).encode()
