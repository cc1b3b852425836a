from grafana.demo_data.history import DAY_SECONDS
from grafana.demo_data.story import FIRST, RESTART, SECOND
from grafana.generator.states import API_UP, EXPORTER_DOWN
from tests.support.dashboards import EXPORTER
from tests.system.grafana.prometheus import DAYS, END, Prometheus

RESTART_TIME = END - round(RESTART.hours_before_end * 3600)
TOTALS = "Totals of the time range"


def test_an_exporter_that_is_down_is_told_from_ionq_being_down_also_in_a_timeline_of_weeks(
    prometheus: Prometheus,
) -> None:
    for minutes in (4, 12, 20):  # A step of the range that is filled in is 20 minutes.
        (states,) = prometheus.panel(EXPORTER, "State of each exporter", RESTART_TIME + minutes * 60)
        assert {labels["instance"]: value for labels, value in states} == {
            FIRST: EXPORTER_DOWN.number,
            SECOND: API_UP.number,
        }


def test_totals_are_of_the_whole_range(prometheus: Prometheus) -> None:
    rows = prometheus.table(EXPORTER, TOTALS)
    assert {(row["What"], row.get("Reason") or row.get("Field")) for row in rows} == {
        *(("failed scrapes", reason) for reason in ("http_status", "timeout", "rate_limited")),
        *(("rejected values", field) for field in ("kw", "qubits")),
        ("failed reads of characterizations", "http_status"),
    }
    assert [row["Times"] for row in rows] == sorted((row["Times"] for row in rows), reverse=True)
    for row in rows:
        if row["What"] == "failed scrapes":
            counter = f'ionq_exporter_api_failures_total{{reason="{row["Reason"]}"}}'
            ((_, increase),) = prometheus.instant(f"sum(increase({counter}[{DAYS}d]))")
            assert row["Times"] == round(increase) > 1


def test_a_quiet_hour_has_no_totals(prometheus: Prometheus) -> None:
    assert prometheus.table(EXPORTER, TOTALS, __range="3600s") == []
    assert prometheus.table(EXPORTER, TOTALS, END - 20 * DAY_SECONDS) == []
