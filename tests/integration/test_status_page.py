"""The status page as an operator and as its host see it. Time is the tests' own, sockets are real."""

import contextlib
import gzip
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from exporter.ionq.api_key import ApiKey
from exporter.simulator import FAULTS as FAULTS_OF_THE_DRILL
from exporter.simulator import Fleet, Simulator
from exporter.simulator.drill.requests import STATUS_ENDPOINT, InjectFault
from tests.support.bare_exporter import MEBIBYTE, BareExporter
from tests.support.certificates import Authority
from tests.support.clock import Clock
from tests.support.exporter_process import ExporterProcess, run_exporter
from tests.support.exposition import Exposition, Series
from tests.support.golden import read_golden
from tests.support.simulator import NOW
from tests.support.status_page import MAINTENANCE, body
from tests.support.upstream import (
    PATIENCE_SECONDS,
    Connection,
    Held,
    Script,
    Upstream,
    close,
    drip,
    hang,
    ok,
    reset,
    response,
    send_and_close,
    status,
)

pytestmark = pytest.mark.anyio

KEY = "8fQ2-vT7.xW+Za/91"
NOT_COMPARED = (
    "ionq_status_",
    "ionq_exporter_status_page_",
    "ionq_exporter_api_requests_",
    "ionq_scrape_duration_",
)
FAILURES = "ionq_exporter_status_page_failures_total"


class Page(Upstream):
    """The host of the status page, which answers with the page of March 2026."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self.url = self.url.removesuffix("/v0.4")
        self.answers(ok(body()))


class Observed(BareExporter):
    """An exporter whose clock stands still."""

    def __init__(
        self, api: Upstream | Simulator, page_url: str, timeout_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.clock = Clock()
        super().__init__(
            api.url,
            timeout_seconds=timeout_seconds,
            characterizations=True,
            status_url=page_url,
            key=ApiKey(KEY),
            clock=self.clock,
        )

    async def scrape(self, *, wait: bool = True) -> Exposition:
        """Scrape, and with ``wait`` show the read of the status page that the scrape began."""
        scrape = await self.scraped(PATIENCE_SECONDS, wait_for_status_page=wait)
        return self.shown(scrape, with_process=False)


@pytest.fixture
def page() -> Iterator[Page]:
    with Page() as page:
        yield page


@pytest.fixture
async def observed(upstream: Upstream, page: Page) -> AsyncIterator[Observed]:
    async with contextlib.aclosing(Observed(upstream, page.url)) as observed:
        yield observed


def of_the_page(exposition: Exposition) -> str:
    """Return the lines of the page's families, without the moment at which it was read."""
    lines = exposition.text.splitlines(keepends=True)
    return "".join(line for line in lines if "ionq_status_" in line and "last_read" not in line)


def others(exposition: Exposition) -> dict[Series, float]:
    """Return the samples that the status page has no part in."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for sample in exposition.samples
        if not sample.name.startswith(NOT_COMPARED)
        and not sample.labels.get("field", "").startswith("status_page.")
    }


# What is shown


def test_the_page_of_march_2026_gives_the_metrics_that_users_rely_on(upstream: Upstream, page: Page) -> None:
    result = run_exporter("once", f"--ionq.api-url={upstream.url}", f"--ionq.status-url={page.url}")
    assert result.returncode == 0, result.stderr
    shown = Exposition(result.stdout)
    assert of_the_page(shown) == of_the_page(Exposition(read_golden("status_page.prom")))
    assert shown.value("ionq_status_page_last_read_timestamp_seconds") > 1_700_000_000
    assert [(request.method, request.target) for request in page.requests] == [
        ("GET", "/api/v2/summary.json")
    ]


async def test_a_maintenance_is_shown_with_its_times(observed: Observed, page: Page) -> None:
    page.answers(ok(body(scheduled_maintenances=[MAINTENANCE])))
    shown = await observed.scrape()
    labels = {"maintenance": "k4z0lm8wq2dv", "backend": "qpu.forte-1"}
    assert shown.value("ionq_status_maintenance_start_timestamp_seconds", **labels) == 1_790_683_200
    assert shown.value("ionq_status_maintenance_end_timestamp_seconds", **labels) == 1_790_697_600


async def test_what_is_not_valid_on_the_page_is_counted_and_logged(observed: Observed, page: Page) -> None:
    page.answers(ok(body(components=[{"name": "API", "status": 7}])))
    shown = await observed.scrape()
    assert shown.value("ionq_exporter_rejected_values_total", field="status_page.component") == 1
    assert "API: status_page.component status 7 is not text" in observed.log.getvalue()
    assert shown.value("ionq_status_page_up") == 1


async def test_names_that_change_at_each_read_fill_no_prometheus(observed: Observed, page: Page) -> None:
    incidents: set[str] = set()
    for number in range(20):
        names = [f"incident-{number}-{position}" for position in range(50)]
        page.answers(ok(body(incidents=[{"id": name} for name in names])))
        shown = await observed.scrape()
        incidents |= shown.by_label("ionq_status_incident_info", "incident").keys()
        observed.clock.now += 60
    assert 250 < len(incidents) < 300
    assert shown.value("ionq_status_component", component="IonQ Forte", status="operational") == 1


# When it is read


async def test_a_thousand_scrapes_at_ten_a_second_ask_the_page_no_more_than_once_a_minute(
    observed: Observed, upstream: Upstream, page: Page
) -> None:
    for _ in range(1_000):
        await observed.scrape()
        observed.clock.now += 0.1
    assert len(page.requests) == 2
    shown = await observed.scrape()
    assert shown.value("ionq_exporter_status_page_requests_total") == 2
    assert shown.requests == len(upstream.requests) + len(upstream.characterization_requests)


async def test_a_page_that_fails_is_asked_no_more_often(observed: Observed, page: Page) -> None:
    page.answers(status(503))
    for _ in range(100):
        await observed.scrape()
        observed.clock.now += 1
    assert len(page.requests) == 2


async def test_a_page_that_asks_for_a_pause_is_left_alone_so_long(observed: Observed, page: Page) -> None:
    page.answers(status(429, {"Retry-After": "150"}))
    for _ in range(6):
        await observed.scrape()
        observed.clock.now += 60
    assert len(page.requests) == 2


async def test_the_api_is_not_paused_with_the_page(
    observed: Observed, upstream: Upstream, page: Page
) -> None:
    page.answers(status(429, {"Retry-After": "60"}))
    assert all([(await observed.scrape()).up for _ in range(3)])
    assert len(upstream.requests) == 3


async def test_while_the_page_hangs_it_is_asked_once(observed: Observed, page: Page) -> None:
    page.answers(hang)
    for _ in range(5):
        await observed.scrape(wait=False)
        observed.clock.now += 60
    page.await_requests(1)
    assert len(page.connections) == 1


async def test_no_scrape_waits_for_the_page(observed: Observed, page: Page) -> None:
    held = Held(ok(body()))
    page.answers(held)
    first = await observed.scrape(wait=False)
    page.await_requests(1)
    second = await observed.scrape(wait=False)
    for shown in (first, second):
        assert shown.up
        assert shown.value("ionq_status_page_up") == 0
        assert shown.counted(FAILURES, "reason") == {}
    held.release()
    assert (await observed.scrape()).value("ionq_status_page_up") == 1
    assert len(page.requests) == 1


# What a failure costs


def endless(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(b" " * 65536)


FAULTS: dict[str, tuple[Script, str]] = {
    "closed without a response": (close, "protocol"),
    "reset without a response": (reset, "protocol"),
    "closed in the body": (send_and_close(response(body())[:-100]), "protocol"),
    "not HTTP": (send_and_close(b"220 mail.example ESMTP\r\n"), "protocol"),
    "a body that claims to be gzip": (ok(body(), {"Content-Encoding": "gzip"}), "protocol"),
    "401": (status(401), "http_status"),
    "403 with a proxy's HTML": (status(403, body=b"<html>blocked</html>"), "http_status"),
    "404": (status(404), "http_status"),
    "500": (status(500), "http_status"),
    "503": (status(503), "http_status"),
    "429": (status(429), "rate_limited"),
    "a redirect": (status(302, {"Location": "https://elsewhere.example/"}), "redirect"),
    "a page for people": (ok(b"<!DOCTYPE html><title>IonQ Status</title>"), "invalid_json"),
    "nothing": (ok(b""), "invalid_json"),
    "half of the JSON": (ok(body()[: len(body()) // 2]), "invalid_json"),
    "brackets": (ok(b"[" * 1_000_000), "invalid_json"),
    "a list": (ok(b"[]"), "unexpected_shape"),
    "the API's health": (ok(b'{"status": "pass"}'), "unexpected_shape"),
    "a body without end": (endless, "too_large"),
    "a gzip bomb": (
        ok(gzip.compress(bytes(64 * MEBIBYTE), 1), {"Content-Encoding": "gzip"}),
        "too_large",
    ),
}


@pytest.mark.parametrize(("script", "reason"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_fault_of_the_page_costs_no_other_sample_and_keeps_what_is_known_for_five_minutes(
    observed: Observed, page: Page, script: Script, reason: str
) -> None:
    good = await observed.scrape()
    page.answers(script)
    observed.clock.now += 60
    faulty = await observed.scrape()
    assert others(faulty) == others(good)
    assert faulty.counted(FAILURES, "reason") == {reason: 1}
    assert of_the_page(faulty) == of_the_page(good)

    observed.clock.now += 239
    assert of_the_page(await observed.scrape()) == of_the_page(good)
    observed.clock.now += 1
    gone = await observed.scrape()
    assert gone.up
    assert [sample.name for sample in gone.samples if sample.name.startswith("ionq_status_")] == [
        "ionq_status_page_up",
        "ionq_status_page_last_read_timestamp_seconds",
    ]
    assert gone.value("ionq_status_page_up") == 0

    page.answers(ok(body()))
    observed.clock.now += 300
    assert of_the_page(await observed.scrape()) == of_the_page(good)
    assert observed.log.getvalue().count("event=status_page_read_failed") >= 1
    assert observed.log.getvalue().count("event=status_page_read_recovered") == 1


LASTING = ("hang", "late", "drip")


@pytest.mark.parametrize("fault", FAULTS_OF_THE_DRILL)
async def test_a_fault_of_the_drill_on_the_page_alone_changes_no_other_sample(fault: str) -> None:
    async with (
        Simulator(Fleet(1), clock=lambda: NOW) as simulator,
        contextlib.aclosing(Observed(simulator, simulator.status_url)) as observed,
    ):
        good = await observed.scrape()
        assert good.value("ionq_status_page_up") == 1
        assert {*good.by_label("ionq_status_component", "backend")} - {""} <= good.backends
        simulator.drill.begin(InjectFault(fault, STATUS_ENDPOINT))
        observed.clock.now += 60
        faulty = await observed.scrape(wait=fault not in LASTING)
    assert others(faulty) == others(good)
    if faulty.counted(FAILURES, "reason"):
        assert of_the_page(faulty) == of_the_page(good)


@pytest.mark.parametrize(
    "script", [hang, drip(response(body()), 0.05)], ids=["silence", "a byte now and then"]
)
async def test_a_read_ends_with_its_timeout(upstream: Upstream, page: Page, script: Script) -> None:
    page.answers(script)
    async with contextlib.aclosing(Observed(upstream, page.url, timeout_seconds=0.2)) as observed:
        assert (await observed.scrape()).counted(FAILURES, "reason") == {"timeout": 1}
        assert "no complete response within 0.2s" in observed.log.getvalue()
        page.await_open_connections(0)


async def test_a_read_under_way_ends_with_the_exporter(upstream: Upstream, page: Page) -> None:
    page.answers(hang)
    async with contextlib.aclosing(Observed(upstream, page.url)) as observed:
        await observed.scrape(wait=False)
        page.await_requests(1)
    page.await_open_connections(0)


async def test_a_page_that_answers_keeps_no_connection(observed: Observed, page: Page) -> None:
    await observed.scrape()
    page.await_open_connections(0)


async def test_an_api_that_fails_costs_nothing_of_the_page(observed: Observed, upstream: Upstream) -> None:
    upstream.answers(status(500))
    shown = await observed.scrape()
    assert not shown.up
    assert shown.value("ionq_status_indicator", indicator="major") == 1


async def test_a_host_that_is_blocked_is_one_line_that_names_the_flag_and_few_more_in_an_hour(
    upstream: Upstream,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    async with contextlib.aclosing(Observed(upstream, f"http://localhost:{port}")) as observed:
        assert (await observed.scrape()).counted(FAILURES, "reason") == {"connect": 1}
        [line] = observed.log.getvalue().splitlines()
        assert "event=status_page_read_failed" in line
        assert "no connection to localhost" in line
        assert "to do without the status page, set --no-collector.status-page" in line
        for _ in range(60):
            observed.clock.now += 60
            await observed.scrape()
        assert len(observed.log.getvalue().splitlines()) == 6


# What the host sees


@pytest.mark.parametrize("command", ["once", "serve"])
def test_the_api_key_is_never_sent_to_the_page(upstream: Upstream, page: Page, command: str) -> None:
    environment = {"IONQ_API_KEY": KEY}
    flags = [f"--ionq.api-url={upstream.url}", f"--ionq.status-url={page.url}"]
    if command == "once":
        assert run_exporter("once", *flags, environment=environment).returncode == 0
    else:
        with ExporterProcess(None, *flags, environment=environment) as exporter:
            exporter.scrape()
            page.await_requests(1)
    assert upstream.requests[0].headers["authorization"] == f"apiKey {KEY}"
    [request] = page.requests
    assert request.headers.keys() == {"host", "user-agent", "accept", "accept-encoding"}
    assert KEY.encode() not in request.raw


@pytest.mark.parametrize("authority_is", ["known", "unknown"])
def test_the_certificate_of_the_page_is_checked(
    upstream: Upstream, tmp_path: Path, authority_is: str
) -> None:
    authority = Authority(tmp_path)
    with Page(tls=authority.server_context()) as page:
        result = run_exporter(
            "once",
            f"--ionq.api-url={upstream.url}",
            f"--ionq.status-url={page.url}",
            environment=authority.trusted if authority_is == "known" else {},
        )
    shown = Exposition(result.stdout)
    assert shown.up
    assert shown.counted(FAILURES, "reason") == ({} if authority_is == "known" else {"tls": 1})
    assert ("set SSL_CERT_FILE" in result.stderr) == (authority_is == "unknown")


def test_a_proxy_is_used_for_the_page_alone_if_the_environment_says_so(
    upstream: Upstream, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    def tunnel(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.start_tls(authority.server_context("status.test"))

    with Upstream() as proxy:
        proxy.answers(tunnel, ok(body()))
        result = run_exporter(
            "once",
            f"--ionq.api-url={upstream.url}",
            "--ionq.status-url=https://status.test",
            environment={**authority.trusted, "HTTPS_PROXY": f"http://{proxy.authority}"},
        )
        assert [(request.method, request.target) for request in proxy.requests] == [
            ("CONNECT", "status.test:443"),
            ("GET", "/api/v2/summary.json"),
        ]
    assert Exposition(result.stdout).value("ionq_status_page_up") == 1


# Flags


def test_once_waits_for_the_page_within_its_time_and_no_longer(upstream: Upstream, page: Page) -> None:
    page.answers(hang)
    result = run_exporter(
        "once", f"--ionq.api-url={upstream.url}", f"--ionq.status-url={page.url}", "--ionq.timeout=2s"
    )
    assert result.returncode == 0, result.stderr
    assert Exposition(result.stdout).value("ionq_status_page_up") == 0


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (("--no-collector.status-page",), {}),
        ((), {"IONQ_EXPORTER_COLLECTOR_STATUS_PAGE": "false"}),
    ],
    ids=["flag", "environment"],
)
def test_the_collector_can_be_switched_off(
    upstream: Upstream, page: Page, flags: Sequence[str], environment: Mapping[str, str]
) -> None:
    with ExporterProcess(
        upstream.url, f"--ionq.status-url={page.url}", *flags, environment=environment
    ) as exporter:
        shown = exporter.scrape()
    assert shown.up
    assert "ionq_status_" not in shown.text
    assert page.connections == []


def test_with_another_api_than_ionqs_no_page_is_read_unless_it_is_named(upstream: Upstream) -> None:
    with ExporterProcess(upstream.url) as exporter:
        shown = exporter.scrape()
    assert "ionq_status_" not in shown.text
    assert shown.value("ionq_exporter_status_page_requests_total") == 0


@pytest.mark.parametrize(
    ("flags", "environment"),
    [
        (("--ionq.status-component=API=qpu.a", "--ionq.status-component=ionq forte = qpu.b"), {}),
        ((), {"IONQ_EXPORTER_IONQ_STATUS_COMPONENT": "API=qpu.a,IonQ Forte=qpu.b"}),
    ],
    ids=["flags", "environment"],
)
def test_the_user_can_say_which_component_is_which_backend(
    upstream: Upstream, page: Page, flags: Sequence[str], environment: Mapping[str, str]
) -> None:
    result = run_exporter(
        "once",
        f"--ionq.api-url={upstream.url}",
        f"--ionq.status-url={page.url}",
        *flags,
        environment=environment,
    )
    shown = Exposition(result.stdout)
    backends = {
        sample.labels["component"]: sample.labels["backend"]
        for sample in shown.samples
        if sample.name == "ionq_status_component"
    }
    assert backends == {
        "API": "qpu.a",
        "Quantum Simulator": "simulator",
        "IonQ Forte": "qpu.b",
        "IonQ Forte Enterprise 1": "qpu.forte-enterprise-1",
    }


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--ionq.status-url=status.ionq.co", "write https://host/path, like https://status.ionq.co"),
        ("--ionq.status-url=https://status.ionq.co/api/v2/summary.json", "write the base URL"),
        ("--ionq.status-component=IonQ Tempo", "write it like IonQ Tempo=qpu.tempo-1"),
    ],
)
def test_a_flag_that_cannot_be_used_is_refused(flag: str, message: str) -> None:
    result = run_exporter("once", flag)
    assert result.returncode == 2
    assert message in result.stderr
