"""The collector of characterizations, as a scraper and as IonQ see it."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from exporter.metrics.characterizations import CHARACTERIZATION_FAMILIES
from exporter.scrape.characterization_cache import PARALLEL_READS
from tests.support.exporter_process import ExporterProcess
from tests.support.upstream import (
    CHARACTERIZATION,
    FLEET,
    PATIENCE_SECONDS,
    Connection,
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
    # Reads of a hung endpoint last as long as the tests.
    with ExporterProcess(upstream.url, "--ionq.timeout=1m", characterizations=True) as process:
        yield process


def identity(backend: str, version: int = 1) -> str:
    return f"{backend}/v{version}"


def fleet(versions: Mapping[str, int] | None = None, *, backends: int = BACKENDS) -> Script:
    """List backends whose characterizations have ids made of the backend's name and a version."""
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


def test_each_characterization_is_read_once_and_a_new_one_when_its_id_changes(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    first = exporter.scrape()
    assert asked(upstream) == {f"qpu.{number}": 1 for number in range(BACKENDS)}
    assert {request.target.partition("?")[2] for request in upstream.characterization_requests} == {"limit=1"}
    assert first.requests == 1 + BACKENDS
    assert first.value("ionq_exporter_characterization_requests_total") == BACKENDS

    for _ in range(99):
        exporter.get("metrics")
    last = exporter.scrape()
    assert last.requests == 1 + BACKENDS + 100
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


def test_a_characterization_has_the_labels_of_its_backend(
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


def test_a_hung_endpoint_costs_no_backend_and_a_deadline_is_no_failure(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    upstream.characterizes(lambda _: hang)
    for _ in range(2):
        scrape = exporter.scrape("2")
        assert scrape.up
        assert len(scrape.backends) == BACKENDS
        assert scrape.value("ionq_scrape_duration_seconds") >= 0.2
        assert scrape.current == {f"qpu.{number}": 0.0 for number in range(BACKENDS)}
        assert scrape.characterization_failures == {}
    assert len(upstream.characterization_requests) == PARALLEL_READS


def test_an_impatient_scraper_keeps_nobody_from_a_characterization(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    held = Held(characterized(Request("", "", {}, b""), record("qpu.0")))
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: held)
    assert exporter.scrape("2").records == {}
    for _ in range(5):
        exporter.scrape("0.3")
    finish = exporter.begin_scrape("20")
    held.release()
    patient = finish()
    assert patient.records == {"qpu.0": "qpu.0/v1"}
    assert patient.characterization_failures == {}
    assert len(upstream.characterization_requests) == 1


def test_one_slow_characterization_does_not_hold_up_the_others(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet())
    upstream.characterizes(
        lambda request: hang if asked_for(request) == "qpu.3" else record_of_its_name(request)
    )
    exporter.scrape("4")
    assert exporter.scrape("4").records.keys() == {f"qpu.{number}" for number in range(BACKENDS)} - {"qpu.3"}
    assert asked(upstream) == {f"qpu.{number}": 1 for number in range(BACKENDS)}


def test_what_was_not_read_in_time_comes_with_the_next_scrape(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    released = threading.Event()

    def characterize(request: Request) -> Script:
        def script(connection: Connection) -> None:
            if asked_for(request) != "qpu.0":
                released.wait(PATIENCE_SECONDS)
            record_of_its_name(request)(connection)

        return script

    upstream.answers(fleet())
    upstream.characterizes(characterize)
    assert exporter.scrape("4").records == {"qpu.0": "qpu.0/v1"}
    released.set()
    second = exporter.scrape()
    assert len(second.records) == BACKENDS
    assert second.characterization_failures == {}
    assert len(upstream.characterization_requests) == BACKENDS


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
def test_an_endpoint_that_fails_is_asked_few_times_and_then_left_alone(
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
    assert len(upstream.characterization_requests) < 2 * PARALLEL_READS
    assert second.current == {f"qpu.{number}": 0.0 for number in range(BACKENDS)}
    exporter.await_log("event=characterization_read_failed", f"reason={reason}")


def test_a_pause_that_the_endpoint_asks_for_does_not_pause_the_backends(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: status(429, {"Retry-After": "60"}))
    assert exporter.scrape().characterization_failures == {"rate_limited": 1}
    assert exporter.scrape().up


def test_when_backends_names_another_characterization_than_the_newest_it_is_counted_and_logged(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet({"qpu.0": 2}, backends=1))
    scrape = exporter.scrape()
    assert scrape.value("ionq_backend_characterization_info", characterization_id="qpu.0/v2") == 1
    assert scrape.value("ionq_backend_characterization_record_info", characterization_id="qpu.0/v1") == 1
    assert scrape.current == {"qpu.0": 0.0}
    assert scrape.value("ionq_backend_fidelity_ratio", operation="2q") == 0.995
    assert scrape.characterization_failures == {"unexpected_shape": 1}
    exporter.await_log(
        "event=characterization_read_failed",
        "backend=qpu.0",
        "reason=unexpected_shape",
        "/backends names the characterization qpu.0/v2, but IonQ's newest is qpu.0/v1",
    )


def test_when_a_backend_has_no_characterization_that_is_counted_and_logged_too(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1))
    upstream.characterizes(lambda _: ok(b'{"characterizations": null, "pages": 0}', {"x-request-id": "4711"}))
    scrape = exporter.scrape()
    assert scrape.current == {"qpu.0": 0.0}
    assert scrape.records == {}
    assert scrape.characterization_failures == {"unexpected_shape": 1}
    exporter.await_log("event=characterization_read_failed", "IonQ's newest is none", "request_id=4711")


def test_the_last_known_characterization_stays_while_a_new_one_cannot_be_read(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(fleet(backends=1), fleet({"qpu.0": 2}, backends=1))
    assert exporter.scrape().current == {"qpu.0": 1.0}
    upstream.characterizes(lambda _: status(500))
    scrape = exporter.scrape()
    assert scrape.current == {"qpu.0": 0.0}
    assert scrape.records == {"qpu.0": "qpu.0/v1"}
    assert scrape.value("ionq_backend_fidelity_ratio", operation="2q") == 0.995
    assert scrape.characterization_failures == {"http_status": 1}


def test_a_fidelity_that_was_not_measured_or_is_not_valid_is_left_out_counted_and_logged(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    bad = {f"qpu.{number}": median for number, median in enumerate([1.5, 0.501, 0.5, 0.4745, 0, "0.99"])}

    def characterize(request: Request) -> Script:
        backend = asked_for(request)
        fidelity = {
            "spam": {"median": None},
            "1q": {"median": bad[backend], "stderr": 0},
            "2q": {"median": 0.7913},
        }
        return characterized(request, record(backend, fidelity=fidelity))

    upstream.answers(fleet(backends=len(bad)))
    upstream.characterizes(characterize)
    scrape = exporter.scrape()
    assert scrape.by_label("ionq_backend_fidelity_ratio", "backend") == dict.fromkeys(bad, 0.7913)
    assert scrape.by_label("ionq_backend_fidelity_ratio", "operation") == {"2q": 0.7913}
    assert scrape.by_label("ionq_backend_fidelity_standard_error_ratio", "operation") == {}
    assert scrape.value("ionq_exporter_rejected_values_total", field="record.fidelity") == len(bad)
    for backend, median in bad.items():
        exporter.await_log(
            "event=ionq_values_rejected", f"{backend}: record.fidelity 1q.median {median!r} is "
        )


def test_a_backend_named_like_a_parent_folder_cannot_change_the_path(
    exporter: ExporterProcess, upstream: Upstream
) -> None:
    rows = [FLEET[0] | {"backend": name, "characterization_id": "a"} for name in ("..", ".", "a/../../b")]
    upstream.answers(ok(json.dumps(rows).encode()))
    assert exporter.scrape().backends == {"a/../../b"}, "dots alone are no name"
    assert [request.target for request in upstream.characterization_requests] == [
        "/v0.4/backends/a%2F..%2F..%2Fb/characterizations?limit=1"
    ]


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
