"""Whether IonQ answers at all: what every dashboard shows beside what is known only while it does."""

from grafana_foundation_sdk.builders import stat

from grafana.generator.panels import big_number, now
from grafana.generator.promql import EXPORTERS
from grafana.generator.states import ANSWERS, SILENT

API_UP = f"max(ionq_up{{{EXPORTERS}}})"


def ionq_api(further: str = "") -> stat.Panel:
    """Say whether IonQ answers; a description may go on after the first sentence."""
    return big_number(
        "IonQ's API",
        "none",
        f"Whether any exporter's last scrape read IonQ's list of backends.{further and ' '}{further}",
        now(f"10 + {API_UP}", "IonQ's API"),
        states=(SILENT, ANSWERS),
        empty="no exporter",
    )
