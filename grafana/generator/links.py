"""Links between the dashboards, and to runbooks and IonQ's status page."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import DashboardLink, DashboardLinkType

REPOSITORY = "https://github.com/ionq-exporter/ionq-exporter"
RUNBOOKS = f"{REPOSITORY}/blob/main/deploy/runbooks"
STATUS_PAGE = "https://status.ionq.co"

_NAMES = {
    "ionq-fleet": "Fleet",
    "ionq-backend": "Backend",
    "ionq-fidelity": "Fidelity",
    "ionq-exporter": "Exporter",
}
_DATA_SOURCE = "var-datasource=${datasource}"
_SHOWS_A_YEAR = "ionq-fidelity"


def dashboard_links(uid: str) -> Iterator[builders.DashboardLink]:
    """Yield the links above a dashboard."""
    for other, name in _NAMES.items():
        if other != uid:
            yield (
                builders.DashboardLink(name)
                .type(DashboardLinkType.LINK)
                .icon("dashboard")
                .url(f"/d/{other}?{_DATA_SOURCE}")
                .keep_time(keep_time=_SHOWS_A_YEAR not in {uid, other})
            )
    for name, icon, url in (
        ("Runbooks", "doc", f"{RUNBOOKS}/README.md"),
        ("IonQ's status page", "external link", STATUS_PAGE),
    ):
        yield (
            builders.DashboardLink(name)
            .type(DashboardLinkType.LINK)
            .icon(icon)
            .url(url)
            .target_blank(target_blank=True)
        )


def backend_link(*, keep_time: bool = True) -> DashboardLink:
    """Link a backend's name to its dashboard. A year is too long a time range to keep."""
    url = f"/d/ionq-backend?var-backend=${{__value.raw:percentencode}}&{_DATA_SOURCE}"
    return link("Look at ${__value.text}", f"{url}&${{__url_time_range}}" if keep_time else url)


def fidelity_link(backend: str) -> DashboardLink:
    """Link to the fidelity of one backend over a year."""
    return link("Fidelity over a year", f"/d/ionq-fidelity?var-backend={backend}&{_DATA_SOURCE}")


def link(title: str, url: str) -> DashboardLink:
    """Link from a value."""
    return DashboardLink(title=title, url=url)
