"""Each way for IonQ to fail: what is said of it, how long a scrape takes, and that the next one works.

``docs/faults.md`` shows this table, and is held to it.
"""

import contextlib
import gzip
import itertools
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from exporter.commands.assembly import Exporter
from exporter.common.errors import IonQError
from exporter.common.logging import configure_logs
from exporter.metrics.encoding import Format, render_scrape
from exporter.records.backends import MAX_ROWS
from exporter.records.scrape import Scrape
from exporter.settings import IonQSettings
from exporter.simulator import FAULTS, Fleet, Simulator
from exporter.simulator.drill import Break
from tests.support.certificates import Authority
from tests.support.exporter_process import ExporterProcess
from tests.support.exposition import Exposition
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
SHORT_BUDGET, LONG_BUDGET = 0.5, 5.0
MOMENT = 1.5
"""What a busy machine may add."""

MEBIBYTE = 1 << 20
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
    """List backends that no answer listed before."""
    rows = [{"backend": f"qpu.{next(numbers)}", "status": "available"} for _ in range(MAX_ROWS)]
    ok(json.dumps(rows).encode())(connection)


def unavailable_and_then_silent(connection: Connection) -> None:
    """Answer 503 to the first request after one that worked, and nothing to the next."""
    script = status(503) if len(connection.requests) <= 2 else hang
    script(connection)


HALF = response(FLEET_BODY)[:-100]
MANY = json.dumps([{"backend": f"qpu.{number}"} for number in range(10_000)]).encode()
NO_TIME = "no complete answer within"
BROKEN = "broke off or is no HTTP"
NOT_JSON = "is not JSON"
TOO_LARGE = "raise --ionq.max-response-bytes"

SCRIPTS: dict[str, tuple[Script, Expected]] = {
    "no answer": (hang, Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "a byte now and then": (drip(response(FLEET_BODY), 0.05), Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "half a body, and silence": (before(HALF, hang), Expected("timeout", NO_TIME, ALL_ITS_TIME)),
    "interim answers for ever": (
        drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100, 0.01),
        Expected("timeout", NO_TIME, ALL_ITS_TIME),
    ),
    "503, and then no answer": (
        unavailable_and_then_silent,
        Expected("http_status", "IonQ answered 503", ALL_ITS_TIME),
    ),
    "closed without an answer": (close, Expected("protocol", BROKEN)),
    "reset without an answer": (reset, Expected("protocol", BROKEN)),
    "reset in the head": (before(HEAD + b"Content-", reset), Expected("protocol", BROKEN)),
    "reset in the body": (before(HALF, reset), Expected("protocol", BROKEN)),
    "closed in the body": (send_and_close(HALF), Expected("protocol", BROKEN)),
    "a body longer than it says": (
        send_and_close(HEAD + b"Content-Length: 10\r\n\r\n" + FLEET_BODY),
        Expected("invalid_json", NOT_JSON),
    ),
    "a chunk without a size": (
        send_and_close(CHUNKED + b"nonsense\r\n"),
        Expected("protocol", BROKEN),
    ),
    "chunks for ever": (
        endless(CHUNKED, b"400\r\n" + b" " * 1024 + b"\r\n"),
        Expected("too_large", TOO_LARGE),
    ),
    "a head for ever": (endless(HEAD + b"X-A: ", b"x" * 1024), Expected("protocol", BROKEN)),
    "100 MB of JSON": (ok(b"[" + b" " * 100_000_000 + b"]"), Expected("too_large", TOO_LARGE)),
    "a gzip bomb": (
        ok(gzip.compress(bytes(64 * MEBIBYTE)), {"Content-Encoding": "gzip"}),
        Expected("too_large", TOO_LARGE),
    ),
    "gzip that is none": (
        ok(FLEET_BODY, {"Content-Encoding": "gzip"}),
        Expected("protocol", "says that it is gzip, but is not"),
    ),
    "another charset": (
        ok('[{"backend": "qpu.forte-1", "location": "Zürich"}]'.encode("latin-1")),
        rejected("location"),
    ),
    "a redirect to another host": (
        status(302, {"Location": "https://elsewhere.example/"}),
        Expected("redirect", "redirects to https://elsewhere.example/, which is not followed"),
    ),
    "10,000 backends": (ok(MANY), rejected("lets be read")),
    "new names at each call": (new_names, rejected("is new more often than --ionq.max-backends allows")),
    "brackets, nested as deep as fits": (ok(b"[" * MEBIBYTE), Expected("invalid_json", NOT_JSON)),
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
    "forbidden": Expected("http_status", "whether a proxy stands between"),
    "not_found": Expected("http_status", "check --ionq.api-url"),
    "rate_limit": Expected("rate_limited", "IonQ asked for a pause of 1m"),
    "redirect": Expected("redirect", "which is not followed"),
    "garbage": Expected("invalid_json", NOT_JSON),
    "empty": Expected("invalid_json", NOT_JSON),
    "no_backends": Expected(),
    "invalid_json": Expected("invalid_json", NOT_JSON),
    "deep_nesting": rejected("is not an object"),
    "not_utf8": rejected("cannot be printed"),
    "wrong_shape": Expected("unexpected_shape", "which is no list of backends"),
    "bad_values": rejected("is not a number"),
    "truncate": Expected("protocol", BROKEN),
    "close": Expected("protocol", BROKEN),
    "reset": Expected("protocol", BROKEN),
    "reset_in_body": Expected("protocol", BROKEN),
    "bad_chunk": Expected("protocol", BROKEN),
    "bad_gzip": Expected("protocol", "says that it is gzip, but is not"),
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
    "a name server that does not answer": Expected(
        "connect", "no connection to ionq.test within", ALL_ITS_TIME
    ),
    "a refused connection": Expected("connect", "check DNS, firewall and HTTPS_PROXY"),
    "a firewall that answers nothing": Expected("connect", "no connection to localhost within", ALL_ITS_TIME),
}

pytestmark = pytest.mark.anyio


class Observed:
    """An exporter without its server, its log, and how long its scrapes take."""

    def __init__(self, api_url: str, budget: float) -> None:
        self.log = StringIO()
        self._budget = budget
        settings = IonQSettings(
            api_url=api_url,
            timeout_seconds=budget,
            max_response_bytes=MEBIBYTE,
            max_backends=MAX_ROWS,
            characterizations=False,
        )
        self._exporter = Exporter(settings, lambda: None, configure_logs("debug", "logfmt", self.log))

    async def scrape(self) -> tuple[Scrape, float]:
        started = time.monotonic()
        scrape = await self._exporter.scraper.scrape(self._budget)
        return scrape, time.monotonic() - started

    async def assert_comes_to(self, expected: Expected) -> None:
        """Scrape, and compare outcome, log, metrics and time."""
        scrape, took = await self.scrape()
        reason = scrape.outcome.reason if isinstance(scrape.outcome, IonQError) else ""
        assert reason == expected.reason, self.log.getvalue()
        assert expected.log in self.log.getvalue()
        shown = Exposition(render_scrape(scrape, self._exporter.telemetry, Format.TEXT).plain.decode())
        assert shown.up == (not reason)
        assert len(shown.backends) <= MAX_ROWS
        if reason:
            assert shown.value("ionq_exporter_api_failures_total", reason=reason) == 1
            assert not shown.backends
        if expected.takes == ALL_ITS_TIME:
            assert self._budget <= took < self._budget + MOMENT
        else:
            assert took < MOMENT

    async def assert_works(self) -> None:
        scrape, _ = await self.scrape()
        assert scrape.up, self.log.getvalue()

    async def aclose(self) -> None:
        await self._exporter.aclose()


@contextlib.asynccontextmanager
async def observed(api_url: str, expected: Expected) -> AsyncIterator[Observed]:
    budget = SHORT_BUDGET if expected.takes == ALL_ITS_TIME else LONG_BUDGET
    async with contextlib.aclosing(Observed(api_url, budget)) as exporter:
        yield exporter


@pytest.mark.parametrize(("script", "expected"), SCRIPTS.values(), ids=SCRIPTS.keys())
async def test_a_fault_is_told_and_timed_and_the_next_scrape_works(
    upstream: Upstream, script: Script, expected: Expected
) -> None:
    async with observed(upstream.url, expected) as exporter:
        await exporter.assert_works()
        upstream.answers(script)
        if script is new_names:
            await exporter.scrape()
        await exporter.assert_comes_to(expected)
        upstream.answers(ok())
        await exporter.assert_works()


@pytest.mark.parametrize(("fault", "expected"), SIMULATED.items(), ids=SIMULATED.keys())
async def test_a_fault_of_the_fire_drill_is_told_and_timed_and_the_next_scrape_works(
    fault: str, expected: Expected
) -> None:
    async with Simulator(Fleet(1)) as simulator, observed(simulator.url, expected) as exporter:
        await exporter.assert_works()
        simulator.drill.begin(Break(fault))
        await exporter.assert_comes_to(expected)
        simulator.drill.end()
        if fault == "rate_limit":
            assert (await exporter.scrape())[0].outcome.reason == "rate_limited"  # type: ignore[union-attr]
        else:
            await exporter.assert_works()


def test_each_fault_of_the_fire_drill_is_a_case() -> None:
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
async def test_a_fault_of_tls_is_told_and_timed_and_the_next_scrape_works(
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
            case "a name server that does not answer":
                mended = threading.Event()
                until_the_end.callback(mended.set)
                patch.setattr(socket, "getaddrinfo", lambda *_, **__: mended.wait() and [])
                yield "http://ionq.test/v0.4"
            case "a refused connection":
                with Upstream() as upstream:
                    url = upstream.url
                yield url
            case "a firewall that answers nothing":
                listener = until_the_end.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
                # The kernel drops what asks to be let in once the queue is full.
                for _ in range(4):
                    waiting = until_the_end.enter_context(socket.socket())
                    waiting.settimeout(0)
                    waiting.connect_ex(listener.getsockname())
                yield f"http://localhost:{listener.getsockname()[1]}/v0.4"


@pytest.mark.parametrize(("fault", "expected"), UNREACHABLE.items(), ids=UNREACHABLE.keys())
async def test_an_upstream_that_cannot_be_reached_is_told_and_timed(
    fault: str, expected: Expected, monkeypatch: pytest.MonkeyPatch
) -> None:
    with unreachable(fault, monkeypatch) as url:
        async with observed(url, expected) as exporter:
            await exporter.assert_comes_to(expected)


def row(fault: str, expected: Expected) -> str:
    outcome = f"0, `{expected.reason}`" if expected.reason else "1"
    return f"| {fault} | {outcome} | {expected.log or 'nothing'} | {expected.takes} |"


def test_the_page_about_faults_tells_each_case_and_nothing_else() -> None:
    cases = {name: expected for name, (_, expected) in SCRIPTS.items()} | GREETINGS | UNREACHABLE
    expected = [row(fault, case) for fault, case in cases.items()]
    expected += [row(f"`{fault}`: {FAULTS[fault].description}", case) for fault, case in SIMULATED.items()]
    shown = [line for line in PAGE.splitlines() if line.startswith("| ") and " `ionq_up`" not in line]
    assert shown == expected, "\n".join(expected)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MEBIBYTE,
        (b"[" + b"[]," * (MEBIBYTE // 3 - 2000) + b"[" * 3000 + b"]" * 3000 + b"]"),
        b"[" + b"1," * (MEBIBYTE // 2 - 2) + b"1]",
        b'[{"backend":"a"' + b',"x":[[]]' * (MEBIBYTE // 10) + b"}]",
        json.dumps([{"backend": '"' * 250 + str(number)} for number in range(MAX_ROWS)]).encode(),
    ],
    ids=["deep", "wide_and_deep", "numbers", "keys", "long_names"],
)
def test_the_largest_answer_that_is_accepted_delays_nobody_for_long(
    exporter: ExporterProcess, upstream: Upstream, body: bytes
) -> None:
    upstream.answers(ok(body[:MEBIBYTE]))
    started = time.monotonic()
    finish = exporter.begin_scrape("2")
    exporter.get("-/healthy")
    assert time.monotonic() - started < MOMENT
    finish()
    assert time.monotonic() - started < 2
