"""How long a scrape may take."""

import math


def scrape_budget_seconds(header: str | None, *, offset_seconds: float, timeout_seconds: float) -> float:
    """Return the time that a scrape has, so that it ends before Prometheus gives up.

    ``header`` is X-Prometheus-Scrape-Timeout-Seconds; a missing or senseless one means the timeout.
    The offset is what the way back to Prometheus may take. A scrape with no more time than that keeps half
    of it, since an answer without time to read IonQ would always be a failure.
    """
    try:
        given = float(header or "nan")
    except ValueError:
        given = math.nan
    half = given / 2
    if not math.isfinite(half) or half <= 0:
        return timeout_seconds
    return min(given - offset_seconds if given > offset_seconds else half, timeout_seconds)
