from itertools import pairwise

import pytest

from tests.support.dashboards import BACKEND
from tests.system.grafana.prometheus import Prometheus, text_of
from tests.system.grafana.scenes import moment_of


def status(prometheus: Prometheus, scene: str, backend: str) -> list[str]:
    ((result,),) = (prometheus.panel(BACKEND, "Status now", moment_of(scene), backend=backend),)
    return [labels["status"] for labels, _ in result]


def tile(prometheus: Prometheus, title: str, scene: str, backend: str) -> list[float | str]:
    panel = BACKEND.panel(title)
    found = prometheus.stat(BACKEND, title, moment_of(scene), backend=backend)
    return [text_of(panel, "", value) for _, value in found]


def test_the_status_is_ionqs_word_and_says_what_is_degraded_or_only_last_known(scenes: Prometheus) -> None:
    assert status(scenes, "usual", "qpu.forte-1") == ["available"]
    assert status(scenes, "usual", "qpu.forte-enterprise-2") == ["available, degraded"]
    assert status(scenes, "odd", "qpu.forte-enterprise-2") == ["reserved until Friday"]
    assert status(scenes, "outage", "qpu.forte-1") == ["last known: available"]


def test_a_wait_that_nobody_has_does_not_apply_and_one_that_is_not_known_is_unknown(
    scenes: Prometheus,
) -> None:
    for backend in ("simulator", "qpu.harmony"):
        for title in (
            "Wait now",
            "Wait, compared with usual",
            "Two-qubit error",
            "Characterized",
            "Energy or power",
        ):
            assert tile(scenes, title, "odd", backend) == ["does not apply"]
    assert tile(scenes, "Wait now", "usual", "qpu.forte-1") == [1_000_000]
    assert tile(scenes, "Wait now", "odd", "qpu.forte-1") == []
    assert BACKEND.panel("Wait now")["fieldConfig"]["defaults"]["noValue"] == "unknown"


def test_an_empty_queue_of_what_is_not_available_is_no_short_wait(scenes: Prometheus) -> None:
    assert tile(scenes, "Wait now", "all QPUs down", "qpu.forte-1") == []
    assert tile(scenes, "Wait, compared with usual", "all QPUs down", "qpu.forte-1") == []
    assert tile(scenes, "Wait now", "no wait at all", "qpu.forte-1") == [0]
    moment = moment_of("all QPUs down")
    wait, _, usual = scenes.panel(BACKEND, "Wait against a week before", moment, backend="qpu.forte-1")
    assert wait == []
    assert [value for _, value in usual] == [pytest.approx(1000 / 86400)]
    _, high, low = scenes.panel(BACKEND, "Wait, and the band of its last day", moment, backend="qpu.forte-1")
    assert high == low == usual


def test_the_usual_wait_is_the_median_of_a_week(prometheus: Prometheus) -> None:
    backend = "qpu.forte-1"
    wait = f'max(ionq_backend_average_queue_time_seconds{{backend="{backend}"}} > 0)'
    ((_, now),) = prometheus.instant(wait)
    ((_, median),) = prometheus.instant(f"quantile_over_time(0.5, ({wait})[7d:10m])")
    ((_, share),) = prometheus.stat(BACKEND, "Wait, compared with usual", backend=backend)
    assert share == pytest.approx(now / median)


def test_availability_counts_the_known_time_before_a_retirement(prometheus: Prometheus) -> None:
    shares = dict(prometheus.stat(BACKEND, "Available", backend="qpu.forte-1"))
    assert set(shares) == {"1d", "7d", "30d", "known of 30d"}
    assert 0.9 < shares["7d"] < 1
    assert shares["known of 30d"] == pytest.approx(8 / 30, abs=0.01)
    retired = dict(prometheus.stat(BACKEND, "Available", backend="qpu.aria-1"))
    assert set(retired) == {"known of 30d"}


def test_the_characterizations_of_a_time_range_follow_one_another(prometheus: Prometheus) -> None:
    rows = prometheus.table(BACKEND, "Characterizations", backend="qpu.forte-enterprise-3")
    assert len({row["Characterization"] for row in rows}) == len(rows) > 1
    for newer, older in pairwise(rows):
        assert newer["Until"] > newer["From"] >= older["Until"] > older["From"]
