"""Whether IonQ answers at all: what every dashboard shows beside what is known only while it does."""

from grafana_foundation_sdk.builders import prometheus, stat

from grafana.generator.panels import big_number, now, over_time
from grafana.generator.promql import EXPORTERS, over
from grafana.generator.states import ANSWERS, SILENT

API_UP = f"max(ionq_up{{{EXPORTERS}}})"


def ionq_api(further: str = "") -> stat.Panel:
    """Say whether IonQ answers; a description may go on after the first sentence."""
    return big_number(
        "IonQ's API",
        "none",
        f"Whether any exporter's last scrape read IonQ's list of backends.{further and ' '}{further}",
        now(f"{SILENT.number} + {API_UP}", "IonQ's API"),
        states=(SILENT, ANSWERS),
        empty="no exporter",
    )


def ionq_api_over_time() -> prometheus.Dataquery:
    """Ask whether IonQ answered, for a timeline: the worst of each step, so that minutes show among weeks."""
    worst = f"min_over_time({over(API_UP, '$__rate_interval', step='1m')})"
    return over_time(f"{SILENT.number} + {worst}", "IonQ's API")
