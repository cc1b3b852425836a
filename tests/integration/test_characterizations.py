"""The collector of characterizations, as a scraper and as IonQ see it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.scrape.characterization_cache import SIDE_BY_SIDE
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import (
    CHARACTERIZATION,
    FLEET,
    Held,
    Request,
    Script,
    Upstream,
    characterized,
    close,
    hang,
    ok,
    status,
)

BACKENDS = 10


@pytest.fixture
def exporter(upstream: Upstream) -> Iterator[ExporterProcess]:
    upstream.characterizes(record_of_its_name)
    with ExporterProcess(upstream.url, characterizations=True) as process:
        yield process


def identity(backend: str, version: int = 1) -> str:
    return f"{backend}/v{version}"


def fleet(versions: Mapping[str, int] | None = None, *, backends: int = BACKENDS) -> Script:
    """List machines whose characterizations have ids that tell the backend and a version."""
    names = [f"qpu.{number}" for number in range(backends)]
    return ok(
        json.dumps(
            [
                FLEET[0]
                | {"backend": name, "characterization_id": identity(name, (versions or {}).get(name, 1))}
                for name in names
            ]
        ).encode()
    )


def asked_for(request: Request) -> str:
    return request.target.split("/")[3]


def record(backend: str, version: int = 1, **fields: Any) -> dict[str, Any]:
    return CHARACTERIZATION | {"id": identity(backend, version), "backend": backend} | fields


def record_of_its_name(request: Request, version: int = 1) -> Script:
    return characterized(request, record(asked_for(request), version))


def asked(upstream: Upstream) -> Counter[str]:
    return Counter(map(asked_for, upstream.characterization_requests))


def test_each_record_is_read_once_and_again_only_when_its_id_changes(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    first = exporter.scrape()
    assert asked(upstream) == {f"qpu.{number}": 1 for number in range(BACKENDS)}
    assert {request.target.partition("?")[2] for request in upstream.characterization_requests} == {"limit=1"}
    assert first.requests == 1 + BACKENDS
    assert first.value("ionq_exporter_characterization_requests_total") == BACKENDS

    for _ in range(999):
        exporter.get("metrics")
    last = exporter.scrape()
    assert last.requests == 1 + BACKENDS + 1_000
    assert len(upstream.characterization_requests) == BACKENDS
    assert last.samples_of(CHARACTERIZATION_FAMILIES) == first.samples_of(CHARACTERIZATION_FAMILIES)

    upstream.characterizes(lambda request: record_of_its_name(request, version=2))
    upstream.answers(fleet({"qpu.7": 2}))
    changed = exporter.scrape()
    exporter.scrape()
    assert asked(upstream) == {f"qpu.{number}": 1 for number in range(BACKENDS)} | {"qpu.7": 2}
    assert changed.records == {
        **{f"qpu.{number}": f"qpu.{number}/v1" for number in range(BACKENDS)},
        "qpu.7": "qpu.7/v2",
    }


def test_a_record_is_shown_with_the_labels_of_its_backend(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    labels = {"backend": "qpu.0", "location": "College Park, MD, USA"}
    scrape = exporter.scrape()
    assert scrape.value("ionq_backend_fidelity_ratio", operation="spam", **labels) == 0.9962
    assert scrape.value("ionq_backend_fidelity_ratio", operation="2q", **labels) == 0.995
    assert scrape.value("ionq_backend_fidelity_standard_error_ratio", operation="2q", **labels) == 0.0001
    assert scrape.value("ionq_backend_operation_duration_seconds", operation="readout", **labels) == 0.00015
    assert scrape.value("ionq_backend_t1_seconds", **labels) == 100
    assert scrape.value("ionq_backend_connected_qubit_pairs", **labels) == 3
    assert scrape.value("ionq_backend_characterization_timestamp_seconds", **labels) == 1750032000
    assert scrape.value("ionq_backend_characterization_current", **labels) == 1


def test_a_hung_endpoint_costs_no_backend_and_no_deadline(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    without = exporter.scrape().backends
    upstream.reset()
    upstream.answers(fleet(dict.fromkeys(without, 2)))
    upstream.characterizes(lambda _: hang)
    before = exporter.scrape("2")
    assert before.up
    assert before.backends == without
    assert 0.2 <= before.value("ionq_scrape_duration_seconds") < 2, "what was granted"
    assert before.current == dict.fromkeys(without, 0.0)
    assert before.records == {name: identity(name) for name in without}, "the last known stay"
    assert before.characterization_failures == {"timeout": SIDE_BY_SIDE}

    after = exporter.scrape("2")
    assert after.failures_since(before) == {}
    assert after.characterization_failures == before.characterization_failures
    assert len(upstream.characterization_requests) == SIDE_BY_SIDE, "who hangs is left alone for a while"


def test_what_does_not_arrive_in_time_does_not_hold_up_the_others(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    upstream.characterizes(
        lambda request: hang if asked_for(request) == "qpu.3" else record_of_its_name(request)
    )
    others = {f"qpu.{number}" for number in range(BACKENDS)} - {"qpu.3"}
    first, second = exporter.scrape("4"), exporter.scrape("4")
    assert first.records.keys() == second.records.keys() == others
    assert first.characterization_failures == {}, "it may have been slow"
    assert second.characterization_failures == {"timeout": 1}
    assert asked(upstream)["qpu.3"] == 2


def test_what_was_not_read_in_time_comes_with_the_next_scrape(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    begun: list[str] = []

    def characterize(request: Request) -> Script:
        begun.append(asked_for(request))
        return record_of_its_name(request) if len(begun) == 1 or len(begun) > SIDE_BY_SIDE + 1 else hang

    upstream.characterizes(characterize)
    first = exporter.scrape("4")
    assert len(first.records) == 1
    second = exporter.scrape("4")
    assert len(second.records) == BACKENDS
    assert second.characterization_failures == {}


def test_scrapes_that_come_together_share_their_reads(exporter: ExporterProcess, upstream: Upstream) -> None:
    held = Held(characterized(Request("", "", {}, b""), record("qpu.0")))
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: held)
    finish = [exporter.begin_scrape("9") for _ in range(3)]
    upstream.await_characterization_requests(1)
    held.release()
    assert [scrape().records for scrape in finish] == [{"qpu.0": "qpu.0/v1"}] * 3
    assert len(upstream.characterization_requests) == 1


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (status(500), "http_status"),
        (status(404), "http_status"),
        (close, "protocol"),
        (ok(b"<html>"), "invalid_json"),
        (ok(b"[]"), "unexpected_shape"),
        (ok(b'{"pages": 1}'), "unexpected_shape"),
    ],
)
def test_an_endpoint_that_fails_is_asked_for_few_records_and_then_left_alone(
    exporter: ExporterProcess, upstream: Upstream, script: Script, reason: str
) -> None:
    upstream.answers(fleet())
    upstream.characterizes(lambda _: script)
    first, second = exporter.scrape(), exporter.scrape()
    assert first.up
    assert len(first.backends) == BACKENDS
    assert second.characterization_failures == first.characterization_failures
    assert first.characterization_failures.keys() == {reason}
    # Four at once fail; by then the first of them have gone on to their next.
    assert len(upstream.characterization_requests) < 2 * SIDE_BY_SIDE
    assert second.current == {f"qpu.{number}": 0.0 for number in range(BACKENDS)}
    exporter.await_log("event=characterization_read_failed", f"reason={reason}")


def test_a_pause_that_the_endpoint_asks_for_does_not_pause_the_backends(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: status(429, {"Retry-After": "60"}))
    assert exporter.scrape().characterization_failures == {"rate_limited": 1}
    assert exporter.scrape().up


def test_the_numbers_say_which_record_they_are_from_if_it_is_another(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet({"qpu.0": 2}, backends=1))
    scrape = exporter.scrape()
    assert scrape.value("ionq_backend_characterization_info", characterization_id="qpu.0/v2") == 1
    assert scrape.value("ionq_backend_characterization_record_info", characterization_id="qpu.0/v1") == 1
    assert scrape.current == {"qpu.0": 0.0}
    assert scrape.value("ionq_backend_fidelity_ratio", operation="2q") == 0.995
    assert scrape.characterization_failures == {}


def test_a_machine_without_characterizations_shows_none(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: ok(b'{"characterizations": null, "pages": 0}'))
    scrape = exporter.scrape()
    assert scrape.current == {"qpu.0": 0.0}
    assert scrape.records == {}
    assert scrape.characterization_failures == {}


def test_what_is_not_valid_in_a_record_is_left_out_counted_and_logged(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    bad = {"spam": {"median": 1.5}, "1q": {"median": 0.501, "stderr": 0}, "2q": {"median": 0.99}}
    upstream.characterizes(lambda request: characterized(request, record("qpu.0", fidelity=bad)))
    before = exporter.scrape()
    assert before.by_label("ionq_backend_fidelity_ratio", "operation") == {"2q": 0.99}
    assert before.value("ionq_exporter_rejected_values_total", field="record.fidelity") == 1
    exporter.await_log("event=ionq_values_rejected", "qpu.0: record.fidelity spam.median 1.5 is not between")


def test_while_the_backends_cannot_be_read_nothing_is_shown_of_them(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(), status(500), fleet())
    assert len(exporter.scrape().records) == BACKENDS
    assert exporter.scrape().records == {}
    assert len(exporter.scrape().records) == BACKENDS
    assert len(upstream.characterization_requests) == BACKENDS


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (("--no-collector.characterizations",), {}),
        ((), {"IONQ_EXPORTER_COLLECTOR_CHARACTERIZATIONS": "false"}),
    ],
    ids=["flag", "environment"],
)
def test_the_collector_can_be_switched_off(
    upstream: Upstream, flags: Sequence[str], environment: Mapping[str, str]
) -> None:
    with ExporterProcess(upstream.url, *flags, environment=environment, characterizations=True) as exporter:
        scrape = exporter.scrape()
    assert scrape.up
    assert scrape.samples_of(CHARACTERIZATION_FAMILIES) == {}
    assert upstream.characterization_requests == []
