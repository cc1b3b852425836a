"""Whether IonQ's API responds. Each dashboard shows it beside what is known only while it does."""

from grafana_foundation_sdk.builders import prometheus, stat

from grafana.generator.panels import instant_query, range_query, stat_panel
from grafana.generator.states import API_DOWN, API_UP


def api_status(matchers: str = "") -> stat.Panel:
    """Say whether IonQ's API responds now."""
    return stat_panel(
        "IonQ's API",
        "none",
        "Whether any exporter's last scrape read IonQ's list of backends.",
        instant_query(f"{API_DOWN.number} + max(ionq_up{{{matchers}}})", "IonQ's API"),
        states=(API_DOWN, API_UP),
        empty="no exporter",
    )


def api_status_over_time() -> prometheus.Dataquery:
    """Query the same for a timeline: the worst of each step, so that a weeks-long timeline shows minutes."""
    return range_query(f"{API_DOWN.number} + min_over_time(max(ionq_up)[$__rate_interval:1m])", "IonQ's API")
