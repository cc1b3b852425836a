"""From one dashboard to another, and from a machine's name to the dashboard that tells more about it."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

from grafana.generator.panels import link

NAMES = {
    "ionq-fleet": "Fleet",
    "ionq-backend": "Backend",
    "ionq-fidelity": "Fidelity",
    "ionq-exporter": "Exporter",
}

# No backend or location: one dashboard shows one of them, and another would show nothing but it.
_SAME_CHOICE = "var-datasource=${datasource}&${job:queryparam}&${instance:queryparam}"
_OF_YEARS = "ionq-fidelity"


def to_others(uid: str) -> Iterable[builders.DashboardLink]:
    """Lead from a dashboard to each other one, in the same time range where both are of days."""
    for other, name in NAMES.items():
        if other != uid:
            yield (
                builders.DashboardLink(name)
                .type(DashboardLinkType.LINK)
                .icon("dashboard")
                .url(f"/d/{other}?{_SAME_CHOICE}")
                .keep_time(keep_time=_OF_YEARS not in {uid, other})
            )


def to_backend(*, keep_time: bool = True) -> DashboardLink:
    """Lead from a backend's name to its dashboard, in the same time range unless that would be too long."""
    url = "/d/ionq-backend?var-backend=${__value.raw:percentencode}&" + _SAME_CHOICE
    return link("Look at ${__value.text}", f"{url}&${{__url_time_range}}" if keep_time else url)


def to_fidelity(backend: str) -> DashboardLink:
    """Lead to the fidelity of one backend, over the year that is usual there."""
    return link("Its fidelity over the years", f"/d/ionq-fidelity?var-backend={backend}&{_SAME_CHOICE}")
