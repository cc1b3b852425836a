"""How a history is read: page by page, slowly, with retries. The tests control the clock."""

import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exporter.commands.backfill.plan import Page, Plan, progress
from exporter.commands.backfill.reader import HistoryReader
from exporter.commands.backfill.retry import BACKOFF_SECONDS, MAX_PAUSE_SECONDS, RetryingReader
from exporter.common.errors import (
    DeadlineExceededError,
    HTTPStatusError,
    IonQError,
    TLSError,
    UnexpectedShapeError,
)
from exporter.common.logging import configure_logs
from exporter.common.times import format_time
from exporter.ionq.client import IonQClient
from tests.support.backfill import (
    ARIA,
    DAY,
    END,
    FORTE,
    LOCATIONS,
    START,
    Asked,
    Pages,
    asked,
    fleet,
    page,
    pages_asked,
    plan,
    wire_characterization,
    wire_history,
)
from tests.support.certificates import Authority
from tests.support.clock import Clock
from tests.support.upstream import (
    FLEET,
    Request,
    Script,
    Upstream,
    close,
    hang,
    ok,
    reset,
    response,
    send_and_close,
    status,
)

pytestmark = pytest.mark.anyio

ALL_BACKOFF = sum(BACKOFF_SECONDS)


class Reading:
    """A reader whose clock moves when it sleeps."""

    def __init__(self, upstream: Upstream, *, per_second: float = 10, timeout_seconds: float = 20) -> None:
        self.clock = Clock()
        self.began = self.clock.now
        self.naps: list[float] = []
        self.log = StringIO()
        logger = configure_logs("info", "logfmt", self.log)
        self.client = IonQClient(
            upstream.url,
            logger=logger,
            max_response_bytes=1 << 20,
            max_pause_seconds=MAX_PAUSE_SECONDS,
            clock=self.clock,
        )
        retrying = RetryingReader(
            self.client,
            logger,
            timeout_seconds=timeout_seconds,
            requests_per_second=per_second,
            clock=self.clock,
            sleep=self._sleep,
        )
        self.reader = HistoryReader(self.client, retrying, logger)

    @property
    def took(self) -> float:
        return self.clock.now - self.began

    async def pages(self, wanted: Plan, already_read: Iterable[Page] = ()) -> list[Page]:
        return [page async for page in self.reader.pages(wanted, already_read)]

    async def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.now += seconds


@pytest.fixture
async def reading(upstream: Upstream) -> AsyncIterator[Reading]:
    reading = Reading(upstream)
    yield reading
    await reading.client.aclose()


def ids(pages: Iterable[Page]) -> list[str]:
    return [one.id for page in pages for one in page.characterizations]


def first(*scripts: Script, then: Callable[[Request], Script]) -> Callable[[Request], Script]:
    """Respond to the first requests with these scripts."""
    left = list(scripts)
    return lambda request: left.pop(0) if left else then(request)


FORTE_HISTORY = wire_history(FORTE, 4)
ARIA_HISTORY = wire_history(ARIA, 3)
PAGES = Pages({FORTE: FORTE_HISTORY, ARIA: ARIA_HISTORY})


async def test_the_first_pages_of_all_backends_are_read_before_the_others(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(PAGES)
    pages = await reading.pages(plan(FORTE, ARIA))
    assert [(page.backend, page.number, page.remaining_pages) for page in pages] == [
        (FORTE, 1, 3),
        (ARIA, 1, 2),
        (FORTE, 2, 2),
        (FORTE, 3, 1),
        (FORTE, 4, 0),
        (ARIA, 2, 1),
        (ARIA, 3, 0),
    ]
    assert sorted(ids(pages)) == sorted(record["id"] for record in (*FORTE_HISTORY, *ARIA_HISTORY))
    assert pages_asked(upstream.characterization_requests) == [(page.backend, page.number) for page in pages]
    assert {tuple(asked(request).query.items()) for request in upstream.characterization_requests} == {
        (("limit", "10"), ("page", str(number)), ("end", "2025-03-01T00:00:00Z")) for number in (1, 2, 3, 4)
    }


async def test_pages_that_were_read_before_are_not_read_again(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    wanted = plan(FORTE, ARIA)
    all_pages = await reading.pages(wanted)
    for count in range(len(all_pages) + 1):
        upstream.characterization_requests.clear()
        assert await reading.pages(wanted, all_pages[:count]) == all_pages[count:]
        assert len(upstream.characterization_requests) == len(all_pages) - count


async def test_progress_counts_the_pages_that_are_known(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    wanted = plan(FORTE, ARIA)
    pages = await reading.pages(wanted)
    told = [progress(wanted, pages[:count]) for count in range(len(pages) + 1)]
    assert told == [(0, 2), (1, 5), (2, 7), (3, 7), (4, 7), (5, 7), (6, 7), (7, 7)]


async def test_reading_ends_with_the_page_that_reaches_the_start(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(Pages({FORTE: wire_history(count=9)}))
    wanted = plan(start=START + 5 * 7 * DAY + 1)
    pages = await reading.pages(wanted)
    # The last one was in force at the start.
    assert ids(pages) == ["qpu.forte-1/8", "qpu.forte-1/7", "qpu.forte-1/6", "qpu.forte-1/5"]
    assert progress(wanted, pages) == (4, 4)


async def test_a_characterization_dated_at_the_start_ends_reading(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(Pages({FORTE: wire_history(count=9)}))
    pages = await reading.pages(plan(start=START + 7 * 7 * DAY))
    assert ids(pages) == ["qpu.forte-1/8", "qpu.forte-1/7"]


async def test_characterizations_without_a_date_do_not_end_reading(
    reading: Reading, upstream: Upstream
) -> None:
    undated = [record | {"date": None} for record in wire_history(count=3)]
    upstream.characterizes(Pages({FORTE: undated}))
    assert len(await reading.pages(plan(start=END - 1))) == 3


@pytest.mark.parametrize("remaining", [0, 1])
async def test_a_backend_without_characterizations_is_an_empty_page(
    reading: Reading, upstream: Upstream, remaining: int
) -> None:
    upstream.characterizes(lambda _: page(remaining=remaining))
    assert await reading.pages(plan()) == [Page(FORTE, 1, 0, ())]
    assert len(upstream.characterization_requests) == 1


async def test_a_page_without_a_valid_characterization_does_not_end_the_history(
    reading: Reading, upstream: Upstream
) -> None:
    history: list[Any] = wire_history(count=4)
    history[1] = history[1] | {"id": None}
    upstream.characterizes(Pages({FORTE: history}))
    pages = await reading.pages(plan())
    assert [len(page.characterizations) for page in pages] == [1, 0, 1, 1]
    assert "event=ionq_values_rejected" in reading.log.getvalue()
    assert "record.id is missing or empty" in reading.log.getvalue()


ENDS: dict[str, tuple[Script, str]] = {
    "400": (status(400), "failed with status 400"),
    "404": (status(404), "failed with status 404"),
    "empty": (page(remaining=4), "is empty"),
    "empty_and_uncounted": (ok(b'{"characterizations": []}'), "is empty"),
    "repeated": (page(FORTE_HISTORY[-1], remaining=4), "repeats the page before"),
}


@pytest.mark.parametrize(("end", "sign"), ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("counts", [{"pages": 4}, {}], ids=["all_pages_are_counted", "no_page_is_counted"])
async def test_one_unusable_page_after_the_last_one_is_the_end_of_the_history(
    reading: Reading, upstream: Upstream, counts: Mapping[str, Any], end: Script, sign: str
) -> None:
    def page_of_four(request: Request) -> Script:
        number = asked(request).page
        records = FORTE_HISTORY[number - 1 : number]
        return ok(json.dumps({"characterizations": records, **counts}).encode()) if records else end

    upstream.characterizes(page_of_four)
    pages = await reading.pages(plan())
    assert ids(pages) == [record["id"] for record in FORTE_HISTORY]
    assert progress(plan(), pages) == (5, 5)
    assert len(upstream.characterization_requests) == 5
    assert f'event=history_ended backend=qpu.forte-1 because="page 5 {sign}"' in reading.log.getvalue()


@pytest.mark.parametrize(("end", "sign"), ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("announced", [2, 20])
async def test_an_unusable_page_before_the_last_one_is_a_failure_after_retries(
    reading: Reading, upstream: Upstream, announced: int, end: Script, sign: str
) -> None:
    before = wire_characterization("newer", "2025-02-27")
    first_two = [page(before, remaining=announced + 1), page(FORTE_HISTORY[-1], remaining=announced)]
    upstream.characterizes(first(*first_two, then=lambda _: end))
    with pytest.raises(UnexpectedShapeError) as caught:
        await reading.pages(plan())
    assert caught.value.message == (
        f"IonQ announced {announced} more pages of qpu.forte-1 after page 2, but page 3 {sign}"
    )
    assert pages_asked(upstream.characterization_requests)[2:] == [(FORTE, 3)] * (len(BACKOFF_SECONDS) + 1)
    assert [nap for nap in reading.naps if nap >= 1] == list(BACKOFF_SECONDS)


@pytest.mark.parametrize(("end", "_sign"), ENDS.values(), ids=ENDS.keys())
async def test_a_page_that_a_retry_finds_is_not_the_end(
    reading: Reading, upstream: Upstream, end: Script, _sign: str
) -> None:
    history = wire_history(FORTE, 5)
    newest = page(history[0], remaining=4)
    answers = Pages({FORTE: history})
    # A repeated second page is the first one.
    faulty = newest if end is ENDS["repeated"][0] else end
    upstream.characterizes(first(newest, faulty, faulty, then=answers))
    assert ids(await reading.pages(plan())) == [record["id"] for record in history]


@pytest.mark.parametrize("pages", [{"pages": None}, {"pages": "4"}], ids=str)
async def test_without_a_count_of_pages_reading_ends_with_an_empty_page(
    reading: Reading, upstream: Upstream, pages: Mapping[str, Any]
) -> None:
    history = wire_history(count=4)

    def uncounted(request: Request) -> Script:
        number = asked(request).page
        return ok(json.dumps({"characterizations": history[number - 1 : number], **pages}).encode())

    upstream.characterizes(uncounted)
    assert len(ids(await reading.pages(plan()))) == 4
    assert len(upstream.characterization_requests) == 5


ENDLESS: dict[str, Callable[[int], Script]] = {
    "always_new": lambda number: page(wire_characterization(f"{number}", "2025-06-16"), remaining=5),
    "always_rejected": lambda _: page(None, remaining=5),
    "two_pages_in_turn": lambda number: page(
        wire_characterization(f"{number % 2}", "2025-06-16"), remaining=5
    ),
    "more_and_more_pages": lambda number: page(
        wire_characterization(f"{number}", "2025-06-16"), remaining=4 + number
    ),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_endless_server_is_asked_only_for_the_pages_that_the_first_one_announced(
    reading: Reading, upstream: Upstream, endless: Callable[[int], Script]
) -> None:
    upstream.characterizes(lambda request: endless(asked(request).page))
    assert len(await reading.pages(plan())) == 6
    assert len(upstream.characterization_requests) == 6


async def test_without_names_all_listed_backends_with_a_characterization_are_read(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet("qpu.a", "qpu.b"))
    assert await reading.reader.locations(()) == {
        "qpu.a": "College Park, MD, USA",
        "qpu.b": "College Park, MD, USA",
    }


async def test_of_two_rows_with_the_same_name_the_first_location_is_used_as_in_a_scrape(
    reading: Reading, upstream: Upstream
) -> None:
    rows = [FLEET[0] | {"location": place} for place in ("here", "there")]
    upstream.answers(ok(json.dumps(rows).encode()))
    assert await reading.reader.locations(()) == {FORTE: "here"}
    assert await reading.reader.locations([FORTE]) == {FORTE: "here"}


async def test_named_backends_are_read_in_that_order_once_each_even_if_not_listed(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet("qpu.a", "qpu.b"))
    upstream.characterizes(lambda _: page())
    locations = await reading.reader.locations(["qpu.gone", "qpu.b", "simulator", "qpu.b"])
    assert list(locations.items()) == [
        ("qpu.gone", ""),
        ("qpu.b", "College Park, MD, USA"),
        ("simulator", ""),
    ]
    (request,) = upstream.characterization_requests
    assert asked(request) == Asked("qpu.gone", {"limit": "1"})


async def test_an_unlisted_backend_may_need_a_key(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: status(403))
    with pytest.raises(HTTPStatusError, match="check the API key"):
        await reading.reader.locations(["qpu.reserved"])


async def test_the_error_for_an_unknown_backend_has_some_that_ionq_lists(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet(*(f"qpu.{number}" for number in range(400))))
    upstream.characterizes(lambda _: status(404))
    with pytest.raises(HTTPStatusError) as caught:
        await reading.reader.locations(["qpu.typo"])
    assert "(IonQ lists qpu.0, qpu.1, qpu.2, qpu.3, qpu.4, qpu.5, qpu.6, qpu.7, qpu.8, qpu.9, ...;" in (
        caught.value.message
    )


FAILURES: dict[str, tuple[Script, str]] = {
    "408": (status(408), "http_status"),
    "425": (status(425), "http_status"),
    "500": (status(500), "http_status"),
    "502": (status(502), "http_status"),
    "529": (status(529), "http_status"),
    "closed": (close, "protocol"),
    "reset": (reset, "protocol"),
    "cut": (send_and_close(response(b"{}")[:-1]), "protocol"),
    "no_json": (ok(b"<html>"), "invalid_json"),
    "no_list": (ok(b"[]"), "unexpected_shape"),
}


@pytest.mark.parametrize("before", [[], [page(FORTE_HISTORY[0], remaining=3)]], ids=["at_first", "later"])
@pytest.mark.parametrize(("failure", "reason"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_page_that_fails_is_retried_with_back_off(
    reading: Reading, upstream: Upstream, failure: Script, reason: str, before: list[Script]
) -> None:
    upstream.characterizes(first(*before, *[failure] * len(BACKOFF_SECONDS), then=PAGES))
    pages = await reading.pages(plan())
    assert ids(pages) == [record["id"] for record in FORTE_HISTORY]
    assert [nap for nap in reading.naps if nap >= 1] == list(BACKOFF_SECONDS)
    assert reading.log.getvalue().count(f"event=backfill_waits reason={reason}") == len(BACKOFF_SECONDS)


@pytest.mark.parametrize(("failure", "reason"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_page_that_always_fails_is_given_up(
    reading: Reading, upstream: Upstream, failure: Script, reason: str
) -> None:
    upstream.characterizes(lambda _: failure)
    with pytest.raises(IonQError) as caught:
        await reading.pages(plan())
    assert caught.value.reason == reason
    assert len(upstream.characterization_requests) == len(BACKOFF_SECONDS) + 1
    assert reading.took == pytest.approx(ALL_BACKOFF)


async def test_an_unreachable_upstream_is_given_up() -> None:
    with Upstream() as gone:
        reading = Reading(gone)
    with pytest.raises(IonQError) as caught:
        await reading.reader.locations(())
    assert caught.value.reason == "connect"
    assert reading.naps == list(BACKOFF_SECONDS)


async def test_a_response_that_takes_too_long_is_retried_and_then_given_up(upstream: Upstream) -> None:
    upstream.characterizes(lambda _: hang)
    reading = Reading(upstream, timeout_seconds=0.05)
    with pytest.raises(DeadlineExceededError, match=r"within 0\.05s: raise --ionq.timeout"):
        await reading.pages(plan())
    assert reading.naps == list(BACKOFF_SECONDS)
    await reading.client.aclose()


async def test_the_list_of_backends_is_retried_too(reading: Reading, upstream: Upstream) -> None:
    upstream.answers(status(500), ok(b"{"), fleet(FORTE))
    assert await reading.reader.locations(()) == {FORTE: LOCATIONS[FORTE]}
    assert reading.naps == [1, 2]


REFUSALS = {
    "401": (status(401), "IonQ answered 401: check the API key"),
    "403": (status(403), "IonQ answered 403: check the API key"),
    "404": (
        status(404, body=b'{"message": "No."}'),
        "404 for the characterizations of qpu.forte-1: check --ionq.api-url, or choose others with --backend",
    ),
    "redirect": (status(302, {"Location": "https://elsewhere.test"}), "redirects to"),
    "too_large": (ok(b" " * (1 << 21)), "over 1048576 bytes"),
}


@pytest.mark.parametrize(("refusal", "message"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_permanent_failure_is_not_retried(
    reading: Reading, upstream: Upstream, refusal: Script, message: str
) -> None:
    upstream.characterizes(lambda _: refusal)
    with pytest.raises(IonQError, match=message):
        await reading.pages(plan())
    assert len(upstream.characterization_requests) == 1
    assert reading.took == 0


async def test_an_untrusted_certificate_is_not_retried(tmp_path: Path) -> None:
    with Upstream(tls=Authority(tmp_path).server_context()) as upstream:
        reading = Reading(upstream)
        with pytest.raises(TLSError):
            await reading.pages(plan())
        assert len(upstream.connections) == 1
        assert reading.took == 0
        await reading.client.aclose()


async def test_a_wrong_url_is_not_mistaken_for_a_wrong_name(reading: Reading, upstream: Upstream) -> None:
    upstream.answers(status(404))
    with pytest.raises(HTTPStatusError, match=r"check --ionq\.api-url"):
        await reading.reader.locations(())


async def test_no_request_is_sent_until_retry_after_has_passed(reading: Reading, upstream: Upstream) -> None:
    times = []

    def note(request: Request) -> Script:
        times.append(reading.took)
        return limited(request)

    limited = first(
        status(429, {"Retry-After": "77"}), status(429, {"Retry-After": "0"}), status(429), then=PAGES
    )
    upstream.characterizes(note)
    assert len(ids(await reading.pages(plan()))) == len(FORTE_HISTORY)
    # There is a pause even if IonQ asks for none. If IonQ does not say how long, it is 30 seconds.
    assert times[:4] == pytest.approx([0, 77, 79, 109])


async def test_a_pause_of_an_hour_is_kept(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(first(status(429, {"Retry-After": "3600"}), then=PAGES))
    await reading.pages(plan())
    assert len(upstream.characterization_requests) == 1 + len(FORTE_HISTORY)
    assert 3600 <= reading.took < 3600 + len(FORTE_HISTORY)


async def test_a_pause_of_more_than_a_day_is_limited_to_a_day(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(first(status(429, {"Retry-After": "90000"}), then=PAGES))
    await reading.pages(plan())
    assert reading.naps[0] == 86400


@pytest.mark.parametrize("code", [408, 500, 503, 529])
async def test_retry_after_of_any_failure_is_kept_if_it_is_longer_than_the_back_off(
    reading: Reading, upstream: Upstream, code: int
) -> None:
    pauses = ["120", "1", "3", "90000", "soon"]
    failures = [status(code, {"Retry-After": pause}) for pause in pauses]
    upstream.characterizes(first(*failures, then=PAGES))
    await reading.pages(plan())
    assert [nap for nap in reading.naps if nap >= 1] == [120, 2, 4, 86400, 30]


async def test_endless_pauses_are_given_up(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: status(429, {"Retry-After": "60"}))
    with pytest.raises(IonQError) as caught:
        await reading.pages(plan())
    assert caught.value.reason == "rate_limited"
    assert len(upstream.characterization_requests) == len(BACKOFF_SECONDS) + 1


@pytest.mark.parametrize("per_second", [0.01, 0.5, 2, 10])
async def test_the_rate_of_requests_is_kept_whatever_ionq_responds(
    upstream: Upstream, per_second: float
) -> None:
    reading = Reading(upstream, per_second=per_second)
    chance = random.Random(1)  # noqa: S311 -- the same each time
    times: list[float] = []
    faults = [
        status(500),
        status(502),
        status(503),
        close,
        reset,
        ok(b"{"),
        status(429, {"Retry-After": "0"}),
    ]

    def note(request: Request) -> Script:
        times.append(reading.clock.now)
        reading.clock.now += chance.choice([0, 0.05, 0.3, 3])
        return answer(request)

    answer = first(*faults[:4], *[page(FORTE_HISTORY[0], remaining=9)], *faults[4:], then=PAGES)
    upstream.answers(status(503), fleet(FORTE, ARIA))
    upstream.characterizes(note)
    locations = await reading.reader.locations(())
    await reading.pages(plan(*locations))
    await reading.client.aclose()
    assert len(times) == len(faults) + 7
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 1 / per_second - 1e-6


async def test_the_rate_of_requests_is_reached_if_ionq_responds_at_once(upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    reading = Reading(upstream, per_second=2)
    pages = await reading.pages(plan(FORTE, ARIA))
    await reading.client.aclose()
    assert len(pages) == 7
    assert reading.took == 3


async def test_the_end_is_sent_in_the_format_of_ionq(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    await reading.pages(plan(end=1_750_031_999.0))
    assert (
        {asked(request).query["end"] for request in upstream.characterization_requests}
        == {format_time(1_750_031_999.0)}
        == {"2025-06-15T23:59:59Z"}
    )


async def test_each_page_can_have_one_characterization(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    pages = await reading.pages(plan(page_size=1))
    assert [len(page.characterizations) for page in pages] == [1] * len(FORTE_HISTORY)
    assert {asked(request).query["limit"] for request in upstream.characterization_requests} == {"1"}
