"""Each way for IonQ to fail: its reason and log line, how long a scrape takes, and that the next one works.

``docs/faults.md`` shows these tables and is compared with them.
"""

import contextlib
import gzip
import itertools
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.records.backends import MAX_BACKENDS
from exporter.records.scrape import Scrape
from exporter.simulator import FAULTS, Fleet, InjectFault, Simulator
from tests.support.bare_exporter import MEBIBYTE, BareExporter
from tests.support.certificates import Authority
from tests.support.exporter_process import ExporterProcess
from tests.support.repository import ROOT
from tests.support.upstream import (
    FLEET_BODY,
    Connection,
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

PAGE = (ROOT / "docs" / "faults.md").read_text("utf-8")

AT_ONCE, ALL_ITS_TIME = "no longer", "all its time"
SHORT_BUDGET = 0.5
LONG_BUDGET = 20.0
"""A scrape that takes so long waits for something that never comes."""

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Expected:
    """What comes of a fault; without a reason the scrape is good in spite of it."""

    reason: str = ""
    log: str = ""
    takes: str = AT_ONCE


def rejected(log: str) -> Expected:
    return Expected(log=log)


def before(connection_bytes: bytes, script: Script) -> Script:
    """Send something first."""

    def both(connection: Connection) -> None:
        connection.send(connection_bytes)
        script(connection)

    return both


def endless(head: bytes, piece: bytes) -> Script:
    def script(connection: Connection) -> None:
        connection.send(head)
        while True:
            connection.send(piece)

    return script


def new_names(connection: Connection, numbers: "itertools.count[int]" = itertools.count()) -> None:  # noqa: B008
    """List backends that no response listed before."""
    rows = [{"backend": f"qpu.{next(numbers)}", "status": "available"} for _ in range(MAX_BACKENDS)]
    ok(json.dumps(rows).encode())(connection)


def unavailable_and_then_silent(connection: Connection) -> None:
    """Answer 503 on a kept connection, and nothing on a new one."""
    script = status(503) if len(connection.requests) > 1 else hang
    script(connection)


HALF = response(FLEET_BODY)[:-100]
MANY = json.dumps([{"backend": f"qpu.{number}"} for number in range(10_000)]).encode()
NO_TIME = "no complete response within"
BROKEN = "broke off or is not HTTP"
NOT_JSON = "is not JSON"
TOO_LARGE = "raise --ionq.max-response-bytes"

SCRIPTS: dict[str, tuple[Script, Expected]] = {
    "no response": (hang, Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "a byte now and then": (drip(response(FLEET_BODY), 0.05), Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "half a body, then silence": (before(HALF, hang), Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "interim responses without end": (
        drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 0.01),
        Expected("timeout", NO_TIME, ALL_ITS_TIME),
    ),
    "503, then no response": (
        unavailable_and_then_silent,
        Expected("http_status", "IonQ answered 503", ALL_ITS_TIME),
    ),
    "503 with Retry-After": (
        status(503, {"Retry-After": "60"}),
        Expected("http_status", "it asks for a pause of 1m"),
    ),
    "closed without a response": (close, Expected("protocol", BROKEN)),
    "reset without a response": (reset, Expected("protocol", BROKEN)),
    "reset in the headers": (before(HEAD + b"Content-", reset), Expected("protocol", BROKEN)),
    "reset in the body": (before(HALF, reset), Expected("protocol", BROKEN)),
    "closed in the body": (send_and_close(HALF), Expected("protocol", BROKEN)),
    "a body longer than its Content-Length": (
        send_and_close(HEAD + b"Content-Length: 10\r\n\r\n" + FLEET_BODY),
        Expected("invalid_json", NOT_JSON),
    ),
    "a chunk without a size": (
        send_and_close(CHUNKED + b"nonsense\r\n"),
        Expected("protocol", BROKEN),
    ),
    "chunks without end": (
        endless(CHUNKED, b"400\r\n" + b" " * 1024 + b"\r\n"),
        Expected("too_large", TOO_LARGE),
    ),
    "headers without end": (endless(HEAD + b"X-A: ", b"x" * 1024), Expected("protocol", BROKEN)),
    "100 MB of JSON": (ok(b"[" + b" " * 100_000_000 + b"]"), Expected("too_large", TOO_LARGE)),
    "a gzip bomb": (
        ok(gzip.compress(bytes(64 * MEBIBYTE)), {"Content-Encoding": "gzip"}),
        Expected("too_large", TOO_LARGE),
    ),
    "a body that claims to be gzip": (
        ok(FLEET_BODY, {"Content-Encoding": "gzip"}),
        Expected("protocol", "claims to be gzip, but is not"),
    ),
    "another charset": (
        ok('[{"backend": "qpu.forte-1", "location": "Zürich"}]'.encode("latin-1")),
        rejected("location"),
    ),
    "a redirect to another host": (
        status(302, {"Location": "https://elsewhere.example/"}),
        Expected("redirect", "redirects to https://elsewhere.example/, which is not followed"),
    ),
    "10,000 backends": (ok(MANY), rejected("is one row more than --ionq.max-backends=500 allows")),
    "backends without a usable name": (
        ok(b'[{"name": "qpu.forte-1"}, {"name": "simulator"}]'),
        Expected("unexpected_shape", "its API may have changed"),
    ),
    "new names in each response": (new_names, rejected("is new more often than --ionq.max-backends allows")),
    "brackets, as deep as the limit allows": (ok(b"[" * MEBIBYTE), Expected("invalid_json", NOT_JSON)),
}

SIMULATED: dict[str, Expected] = {
    "hang": Expected("timeout", NO_TIME, ALL_ITS_TIME),
    "late": Expected("timeout", NO_TIME, ALL_ITS_TIME),
    "drip": Expected("timeout", NO_TIME, ALL_ITS_TIME),
    "http_500": Expected("http_status", "IonQ answered 500"),
    "http_502": Expected("http_status", "IonQ answered 502"),
    "http_503": Expected("http_status", "IonQ answered 503"),
    "http_504": Expected("http_status", "IonQ answered 504"),
    "http_520": Expected("http_status", "IonQ answered 520"),
    "unauthorized": Expected("http_status", "check the API key"),
    "forbidden": Expected("http_status", "whether a proxy is in between"),
    "not_found": Expected("http_status", "check --ionq.api-url"),
    "rate_limit": Expected("rate_limited", "it asks for a pause of 1m"),
    "redirect": Expected("redirect", "which is not followed"),
    "garbage": Expected("invalid_json", NOT_JSON),
    "empty": Expected("invalid_json", NOT_JSON),
    "no_backends": Expected(),
    "invalid_json": Expected("invalid_json", NOT_JSON),
    "deep_nesting": Expected("invalid_json", NOT_JSON),
    "not_utf8": Expected("unexpected_shape", "its API may have changed"),
    "wrong_shape": Expected("unexpected_shape", "which is no list of backends"),
    "bad_values": rejected("is not a number"),
    "truncate": Expected("protocol", BROKEN),
    "close": Expected("protocol", BROKEN),
    "reset": Expected("protocol", BROKEN),
    "reset_in_body": Expected("protocol", BROKEN),
    "bad_chunk": Expected("protocol", BROKEN),
    "bad_gzip": Expected("protocol", "claims to be gzip, but is not"),
    "not_http": Expected("protocol", BROKEN),
    "gzip_bomb": Expected("too_large", TOO_LARGE),
    "huge": Expected("too_large", TOO_LARGE),
    "endless": Expected("too_large", TOO_LARGE),
}

GREETINGS: dict[str, Expected] = {
    "an expired certificate": Expected("tls", "certificate has expired"),
    "a certificate for another host": Expected("tls", "Hostname mismatch"),
    "an unknown authority": Expected("tls", "set SSL_CERT_FILE"),
    "a TLS handshake that breaks off": Expected("tls", "TLS with localhost failed"),
    "a TLS handshake that never ends": Expected(
        "tls", "no TLS handshake with localhost within", ALL_ITS_TIME
    ),
}

UNREACHABLE: dict[str, Expected] = {
    "a name that does not resolve": Expected("connect", "check DNS, firewall and HTTPS_PROXY"),
    "a name server that does not respond": Expected(
        "connect", "no connection to ionq.test within", ALL_ITS_TIME
    ),
    "a refused connection": Expected("connect", "check DNS, firewall and HTTPS_PROXY"),
    "a firewall that drops packets": Expected("connect", "no connection to localhost within", ALL_ITS_TIME),
}

pytestmark = pytest.mark.anyio


class Observed(BareExporter):
    """An exporter that logs everything."""

    def __init__(self, api_url: str, budget: float) -> None:
        self._budget = budget
        super().__init__(
            api_url,
            timeout_seconds=budget,
            max_backends=MAX_BACKENDS,
            characterizations=False,
            level="debug",
        )

    async def scrape(self) -> Scrape:
        return await self.scraped(self._budget)

    async def assert_comes_to(self, expected: Expected) -> None:
        """Scrape, and compare result, log, metrics and time."""
        scrape = await self.scrape()
        reason = scrape.error.reason if scrape.error else ""
        assert reason == expected.reason, self.log.getvalue()
        assert expected.log in self.log.getvalue()
        shown = self.shown(scrape)
        assert shown.up == (not reason)
        assert len(shown.backends) <= MAX_BACKENDS
        if reason:
            assert shown.value("ionq_exporter_api_failures_total", reason=reason) == 1
            assert not shown.backends
        if expected.takes == ALL_ITS_TIME:
            assert scrape.duration_seconds >= self._budget
        assert scrape.duration_seconds < LONG_BUDGET

    async def assert_works(self) -> None:
        assert (await self.scrape()).up, self.log.getvalue()

    async def assert_next_works(self, expected: Expected) -> None:
        """Scrape once more, which works unless IonQ asked for a pause."""
        if "asks for a pause" in expected.log:
            error = (await self.scrape()).error
            assert error
            assert error.reason == expected.reason
        else:
            await self.assert_works()


@contextlib.asynccontextmanager
async def observed(api_url: str, expected: Expected) -> AsyncIterator[Observed]:
    budget = SHORT_BUDGET if expected.takes == ALL_ITS_TIME else LONG_BUDGET
    async with contextlib.aclosing(Observed(api_url, budget)) as exporter:
        yield exporter


@pytest.mark.parametrize(("script", "expected"), SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_a_fault_has_its_reason_and_log_line_and_the_next_scrape_works(
    upstream: Upstream, script: Script, expected: Expected
) -> None:
    async with observed(upstream.url, expected) as exporter:
        await exporter.assert_works()
        upstream.answers(script)
        if script is new_names:
            await exporter.scrape()
        await exporter.assert_comes_to(expected)
        upstream.answers(ok())
        await exporter.assert_next_works(expected)


@pytest.mark.parametrize(("fault", "expected"), SIMULATED.items(), ids=SIMULATED.keys())
async def test_a_fault_of_the_simulator_has_its_reason_and_log_line_and_the_next_scrape_works(
    fault: str, expected: Expected
) -> None:
    async with Simulator(Fleet(1)) as simulator, observed(simulator.url, expected) as exporter:
        await exporter.assert_works()
        simulator.drill.begin(InjectFault(fault))
        await exporter.assert_comes_to(expected)
        simulator.drill.end()
        await exporter.assert_next_works(expected)


def test_each_fault_of_the_simulator_is_a_case() -> None:
    assert list(SIMULATED) == list(FAULTS)


def break_off(connection: Connection) -> None:
    connection.receive()  # the client's greeting, so that it is connected for certain
    connection.reset()


def greeting_for(fault: str, authority: Authority, folder: Path) -> Script:
    if fault.endswith("breaks off"):
        return break_off
    if fault.endswith("never ends"):
        return hang
    stranger = folder / "stranger"
    stranger.mkdir()
    context = {
        "an expired certificate": lambda: authority.server_context(
            not_after=datetime.now(UTC) - timedelta(days=1)
        ),
        "a certificate for another host": lambda: authority.server_context("ionq.example"),
        "an unknown authority": lambda: Authority(stranger).server_context(),
    }[fault]()
    return lambda connection: connection.start_tls(context)


@pytest.mark.parametrize(("fault", "expected"), GREETINGS.items(), ids=GREETINGS.keys())
async def test_a_fault_of_tls_has_its_reason_and_log_line_and_the_next_scrape_works(
    fault: str, expected: Expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", authority.trusted["SSL_CERT_FILE"])
    greetings = [greeting_for(fault, authority, tmp_path)]

    def greeting(connection: Connection) -> None:
        if greetings:
            greetings.pop()(connection)

    with Upstream(tls=authority.server_context(), greeting=greeting) as upstream:
        async with observed(upstream.url, expected) as exporter:
            await exporter.assert_comes_to(expected)
            await exporter.assert_works()


@contextlib.contextmanager
def unreachable(fault: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of an upstream that cannot be reached in this way."""
    with contextlib.ExitStack() as until_the_end:
        match fault:
            case "a name that does not resolve":
                yield "http://ionq.invalid/v0.4"
            case "a name server that does not respond":
                mended = threading.Event()
                until_the_end.callback(mended.set)
                patch.setattr(socket, "getaddrinfo", lambda *_, **__: mended.wait() and [])
                yield "http://ionq.test/v0.4"
            case "a refused connection":
                with Upstream() as upstream:
                    url = upstream.url
                yield url
            case "a firewall that drops packets":
                listener = until_the_end.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
                # The kernel drops what asks to be let in once the queue is full.
                for _ in range(4):
                    waiting = until_the_end.enter_context(socket.socket())
                    waiting.settimeout(0)
                    waiting.connect_ex(listener.getsockname())
                yield f"http://localhost:{listener.getsockname()[1]}/v0.4"


@pytest.mark.parametrize(("fault", "expected"), UNREACHABLE.items(), ids=UNREACHABLE.keys())
async def test_an_upstream_that_cannot_be_reached_has_its_reason_and_log_line(
    fault: str, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unreachable(fault, monkeypatch) as url:
        async with observed(url, expected) as exporter:
            await exporter.assert_comes_to(expected)


def row(fault: str, expected: Expected) -> str:
    outcome = f"0, `{expected.reason}`" if expected.reason else "1"
    return f"| {fault} | {outcome} | {expected.log or 'nothing'} | {expected.takes} |"


def test_the_page_about_faults_lists_each_case_and_nothing_else() -> None:
    cases = {name: expected for name, (_, expected) in SCRIPTS.items()} | GREETINGS | UNREACHABLE
    expected = [row(fault, case) for fault, case in cases.items()]
    expected += [row(f"`{fault}`: {FAULTS[fault].description}", case) for fault, case in SIMULATED.items()]
    _, _, tables = PAGE.partition("## Every tested fault")
    shown = [line for line in tables.splitlines() if line.startswith("| ") and " `ionq_up`" not in line]
    assert shown == expected, "\n".join(expected)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MEBIBYTE,
        (b"[" + b"[]," * (MEBIBYTE // 3 - 2000) + b"[" * 3000 + b"]" * 3000 + b"]"),
        b"[" + b"1," * (MEBIBYTE // 2 - 2) + b"1]",
        b'[{"backend":"a"' + b',"x":[[]]' * (MEBIBYTE // 10) + b"}]",
        json.dumps([{"backend": '"' * 250 + str(number)} for number in range(MAX_BACKENDS)]).encode(),
    ],
    ids=["deep", "wide_and_deep", "numbers", "keys", "long_names"],
)
def test_the_largest_response_that_is_accepted_holds_up_nobody(
    exporter: ExporterProcess, upstream: Upstream, body: bytes
) -> None:
    upstream.answers(ok(body[:MEBIBYTE]))
    finish = exporter.begin_scrape()
    # Work that grows with the square of the size would take minutes, and these give up before.
    exporter.get("-/healthy")
    finish()
