"""From a machine's name to the dashboard that tells more about it."""

from grafana_foundation_sdk.models.dashboard import DashboardLink

from grafana.generator.panels import link

_SAME_CHOICE = "var-datasource=${datasource}&${job:queryparam}&${instance:queryparam}"


def to_backend(*, keep_time: bool = True) -> DashboardLink:
    """Lead from a backend's name to its dashboard, in the same time range unless that would be too long."""
    url = "/d/ionq-backend?var-backend=${__value.raw:percentencode}&" + _SAME_CHOICE
    return link("Look at ${__value.text}", f"{url}&${{__url_time_range}}" if keep_time else url)


def to_fidelity(backend: str) -> DashboardLink:
    """Lead to the fidelity of one backend, over the year that is usual there."""
    return link("Its fidelity over the years", f"/d/ionq-fidelity?var-backend={backend}&{_SAME_CHOICE}")
