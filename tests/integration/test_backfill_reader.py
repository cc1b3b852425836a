"""How a history is read: page after page, slowly, and patiently, in time that the tests move."""

import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exporter.commands.backfill.history import HistoryReader
from exporter.commands.backfill.plan import Machine, Page, Plan
from exporter.commands.backfill.reading import progress
from exporter.commands.backfill.retry import LONGEST_PAUSE_SECONDS, PAUSES_SECONDS, RetryingReader
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
    START,
    Asked,
    Pages,
    asked,
    fleet,
    page,
    pages_asked,
    plan,
    wire_history,
    wire_record,
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

ALL_PAUSES = sum(PAUSES_SECONDS)


class Reading:
    """A reader whose clock moves when it sleeps, and by as long as an answer is told to take."""

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
            max_pause_seconds=LONGEST_PAUSE_SECONDS,
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

    async def pages(self, wanted: Plan, read_before: Iterable[Page] = ()) -> list[Page]:
        return [page async for page in self.reader.pages(wanted, read_before)]

    async def _sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.clock.now += seconds


@pytest.fixture
async def reading(upstream: Upstream) -> AsyncIterator[Reading]:
    reading = Reading(upstream)
    yield reading
    await reading.client.aclose()


def ids(pages: Iterable[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def first(*scripts: Script, then: Callable[[Request], Script]) -> Callable[[Request], Script]:
    """Answer the first requests with these scripts."""
    left = list(scripts)
    return lambda request: left.pop(0) if left else then(request)


FORTE_HISTORY = wire_history(FORTE.name, 4)
ARIA_HISTORY = wire_history(ARIA.name, 3)
PAGES = Pages({FORTE.name: FORTE_HISTORY, ARIA.name: ARIA_HISTORY})


async def test_first_pages_are_read_first_and_then_each_machines_to_its_end(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(PAGES)
    pages = await reading.pages(plan(FORTE, ARIA))
    assert [(page.backend, page.number, page.remaining_pages) for page in pages] == [
        (FORTE.name, 1, 3),
        (ARIA.name, 1, 2),
        (FORTE.name, 2, 2),
        (FORTE.name, 3, 1),
        (FORTE.name, 4, 0),
        (ARIA.name, 2, 1),
        (ARIA.name, 3, 0),
    ]
    assert sorted(ids(pages)) == sorted(record["id"] for record in (*FORTE_HISTORY, *ARIA_HISTORY))
    assert pages_asked(upstream.characterization_requests) == [(page.backend, page.number) for page in pages]
    assert {tuple(asked(request).query.items()) for request in upstream.characterization_requests} == {
        (("limit", "10"), ("page", str(number)), ("end", "2025-03-01T00:00:00Z")) for number in (1, 2, 3, 4)
    }


async def test_what_was_read_before_is_not_asked_for_again(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    wanted = plan(FORTE, ARIA)
    all_pages = await reading.pages(wanted)
    for count in range(len(all_pages) + 1):
        upstream.characterization_requests.clear()
        assert await reading.pages(wanted, all_pages[:count]) == all_pages[count:]
        assert len(upstream.characterization_requests) == len(all_pages) - count


async def test_progress_counts_pages_as_they_become_known(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    wanted = plan(FORTE, ARIA)
    pages = await reading.pages(wanted)
    told = [progress(wanted, pages[:count]) for count in range(len(pages) + 1)]
    assert told == [(0, 2), (1, 5), (2, 7), (3, 7), (4, 7), (5, 7), (6, 7), (7, 7)]


async def test_reading_ends_with_the_page_that_reaches_the_start(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(Pages({FORTE.name: wire_history(count=9)}))
    wanted = plan(start=START + 5 * 7 * DAY + 1)
    pages = await reading.pages(wanted)
    # The last one was in force at the start.
    assert ids(pages) == ["qpu.forte-1/8", "qpu.forte-1/7", "qpu.forte-1/6", "qpu.forte-1/5"]
    assert progress(wanted, pages) == (4, 4)


async def test_a_record_of_the_starts_very_moment_ends_reading(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(Pages({FORTE.name: wire_history(count=9)}))
    pages = await reading.pages(plan(start=START + 7 * 7 * DAY))
    assert ids(pages) == ["qpu.forte-1/8", "qpu.forte-1/7"]


async def test_records_without_a_date_do_not_end_reading(reading: Reading, upstream: Upstream) -> None:
    undated = [record | {"date": None} for record in wire_history(count=3)]
    upstream.characterizes(Pages({FORTE.name: undated}))
    assert len(await reading.pages(plan(start=END - 1))) == 3


@pytest.mark.parametrize("remaining", [0, 1])
async def test_a_machine_without_characterizations_is_an_empty_page(
    reading: Reading, upstream: Upstream, remaining: int
) -> None:
    upstream.characterizes(lambda _: page(remaining=remaining))
    assert await reading.pages(plan()) == [Page(FORTE.name, 1, 0, ())]
    assert len(upstream.characterization_requests) == 1


async def test_a_page_of_which_every_record_is_rejected_does_not_end_the_history(
    reading: Reading, upstream: Upstream
) -> None:
    history: list[Any] = wire_history(count=4)
    history[1] = history[1] | {"id": None}
    upstream.characterizes(Pages({FORTE.name: history}))
    pages = await reading.pages(plan())
    assert [len(page.records) for page in pages] == [1, 0, 1, 1]
    assert "event=ionq_values_rejected" in reading.log.getvalue()
    assert "record.id is missing or empty" in reading.log.getvalue()


ENDS: dict[str, tuple[Script, str]] = {
    "400": (status(400), "IonQ answers 400"),
    "404": (status(404), "IonQ answers 404"),
    "empty": (page(remaining=4), "it is empty"),
    "empty_and_uncounted": (ok(b'{"characterizations": []}'), "it is empty"),
    "the_same_again": (page(FORTE_HISTORY[-1], remaining=4), "it is the same as the one before"),
}


@pytest.mark.parametrize(("end", "sign"), ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("counts", [{"pages": 4}, {}], ids=["all_pages_are_counted", "no_page_is_counted"])
async def test_what_follows_the_last_page_that_may_be_is_the_end_of_the_history(
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
    assert f'event=history_ended backend=qpu.forte-1 page=5 because="{sign}"' in reading.log.getvalue()


@pytest.mark.parametrize(("end", "sign"), ENDS.values(), ids=ENDS.keys())
@pytest.mark.parametrize("announced", [2, 20])
async def test_the_same_where_ionq_announced_more_is_a_failure_after_some_patience(
    reading: Reading, upstream: Upstream, announced: int, end: Script, sign: str
) -> None:
    before = wire_record("newer", "2025-02-27")
    first_two = [page(before, remaining=announced + 1), page(FORTE_HISTORY[-1], remaining=announced)]
    upstream.characterizes(first(*first_two, then=lambda _: end))
    with pytest.raises(UnexpectedShapeError) as caught:
        await reading.pages(plan())
    assert caught.value.message == (
        f"IonQ announced {announced} more pages of qpu.forte-1 after page 2, but of page 3 {sign}"
    )
    assert pages_asked(upstream.characterization_requests)[2:] == [(FORTE.name, 3)] * (
        len(PAUSES_SECONDS) + 1
    )
    assert [nap for nap in reading.naps if nap >= 1] == list(PAUSES_SECONDS)


@pytest.mark.parametrize(("end", "_sign"), ENDS.values(), ids=ENDS.keys())
async def test_a_page_that_comes_late_is_no_end(
    reading: Reading, upstream: Upstream, end: Script, _sign: str
) -> None:
    history = wire_history(FORTE.name, 5)
    newest = page(history[0], remaining=4)
    answers = Pages({FORTE.name: history})
    # The same page again is the one with the newest record.
    faulty = newest if end is ENDS["the_same_again"][0] else end
    upstream.characterizes(first(newest, faulty, faulty, then=answers))
    assert ids(await reading.pages(plan())) == [record["id"] for record in history]


@pytest.mark.parametrize("pages", [{"pages": None}, {"pages": "4"}], ids=str)
async def test_a_server_that_does_not_count_pages_is_read_until_one_is_empty(
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
    "ever_new_records": lambda number: page(wire_record(f"{number}", "2025-06-16"), remaining=5),
    "ever_rejected_records": lambda _: page(None, remaining=5),
    "two_pages_in_turn": lambda number: page(wire_record(f"{number % 2}", "2025-06-16"), remaining=5),
    "ever_more_pages": lambda number: page(wire_record(f"{number}", "2025-06-16"), remaining=4 + number),
}


@pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS.keys())
async def test_a_server_without_an_end_is_asked_for_no_more_pages_than_the_first_one_announced(
    reading: Reading, upstream: Upstream, endless: Callable[[int], Script]
) -> None:
    upstream.characterizes(lambda request: endless(asked(request).page))
    assert len(await reading.pages(plan())) == 6
    assert len(upstream.characterization_requests) == 6


async def test_machines_are_those_that_ionq_lists_with_a_characterization(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet("qpu.a", "qpu.b"))
    assert await reading.reader.machines(()) == (
        Machine("qpu.a", "College Park, MD, USA"),
        Machine("qpu.b", "College Park, MD, USA"),
    )


async def test_of_two_rows_with_one_name_the_location_of_the_first_counts_as_it_does_in_a_scrape(
    reading: Reading, upstream: Upstream
) -> None:
    rows = [FLEET[0] | {"location": place} for place in ("here", "there")]
    upstream.answers(ok(json.dumps(rows).encode()))
    assert await reading.reader.machines(()) == (Machine(FORTE.name, "here"),)
    assert await reading.reader.machines([FORTE.name]) == (Machine(FORTE.name, "here"),)


async def test_machines_that_are_named_are_taken_in_that_order_once_each_and_listed_or_not(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet("qpu.a", "qpu.b"))
    upstream.characterizes(lambda _: page())
    assert await reading.reader.machines(["qpu.gone", "qpu.b", "simulator", "qpu.b"]) == (
        Machine("qpu.gone", ""),
        Machine("qpu.b", "College Park, MD, USA"),
        Machine("simulator", ""),
    )
    (request,) = upstream.characterization_requests
    assert asked(request) == Asked("qpu.gone", {"limit": "1"})


async def test_a_name_that_is_not_listed_needs_a_key_where_ionq_says_so(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: status(403))
    with pytest.raises(HTTPStatusError, match="check the API key"):
        await reading.reader.machines(["qpu.reserved"])


async def test_a_name_that_nobody_knows_is_told_with_some_that_ionq_lists(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet(*(f"qpu.{number}" for number in range(400))))
    upstream.characterizes(lambda _: status(404))
    with pytest.raises(HTTPStatusError) as caught:
        await reading.reader.machines(["qpu.typo"])
    assert "(it lists qpu.0, qpu.1, qpu.2, qpu.3, qpu.4, qpu.5, qpu.6, qpu.7, qpu.8, qpu.9, ...;" in (
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
async def test_a_page_that_fails_is_asked_for_again_after_ever_longer_pauses(
    reading: Reading, upstream: Upstream, failure: Script, reason: str, before: list[Script]
) -> None:
    upstream.characterizes(first(*before, *[failure] * len(PAUSES_SECONDS), then=PAGES))
    pages = await reading.pages(plan())
    assert ids(pages) == [record["id"] for record in FORTE_HISTORY]
    assert [nap for nap in reading.naps if nap >= 1] == list(PAUSES_SECONDS)
    assert reading.log.getvalue().count(f"event=backfill_waits reason={reason}") == len(PAUSES_SECONDS)


@pytest.mark.parametrize(("failure", "reason"), FAILURES.values(), ids=FAILURES.keys())
async def test_a_page_that_fails_each_time_is_given_up(
    reading: Reading, upstream: Upstream, failure: Script, reason: str
) -> None:
    upstream.characterizes(lambda _: failure)
    with pytest.raises(IonQError) as caught:
        await reading.pages(plan())
    assert caught.value.reason == reason
    assert len(upstream.characterization_requests) == len(PAUSES_SECONDS) + 1
    assert reading.took == pytest.approx(ALL_PAUSES)


async def test_an_upstream_that_is_not_there_is_given_up_as_well() -> None:
    with Upstream() as gone:
        reading = Reading(gone)
    with pytest.raises(IonQError) as caught:
        await reading.reader.machines(())
    assert caught.value.reason == "connect"
    assert reading.naps == list(PAUSES_SECONDS)


async def test_an_answer_that_takes_too_long_is_asked_for_again_and_then_given_up(upstream: Upstream) -> None:
    upstream.characterizes(lambda _: hang)
    reading = Reading(upstream, timeout_seconds=0.05)
    with pytest.raises(DeadlineExceededError, match=r"within 0\.05s: raise --ionq.timeout"):
        await reading.pages(plan())
    assert len(upstream.characterization_requests) == len(PAUSES_SECONDS) + 1
    assert reading.naps == list(PAUSES_SECONDS)
    await reading.client.aclose()


async def test_the_list_of_machines_is_asked_for_again_too(reading: Reading, upstream: Upstream) -> None:
    upstream.answers(status(500), ok(b"{"), fleet(FORTE.name))
    assert await reading.reader.machines(()) == (FORTE,)
    assert reading.naps == [1, 2]


REFUSALS = {
    "401": (status(401), "IonQ answered 401: check the API key"),
    "403": (status(403), "IonQ answered 403: check the API key"),
    "404": (
        status(404, body=b'{"message": "No."}'),
        "404 for the history of qpu.forte-1: check --ionq.api-url, or name others with --backend",
    ),
    "redirect": (status(302, {"Location": "https://elsewhere.test"}), "redirects to"),
    "too_large": (ok(b" " * (1 << 21)), "over 1048576 bytes"),
}


@pytest.mark.parametrize(("refusal", "message"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_what_would_be_asked_for_in_vain_is_given_up_at_once(
    reading: Reading, upstream: Upstream, refusal: Script, message: str
) -> None:
    upstream.characterizes(lambda _: refusal)
    with pytest.raises(IonQError, match=message):
        await reading.pages(plan())
    assert len(upstream.characterization_requests) == 1
    assert reading.took == 0


async def test_a_certificate_that_is_not_trusted_is_shown_once_and_no_more(tmp_path: Path) -> None:
    with Upstream(tls=Authority(tmp_path).server_context()) as upstream:
        reading = Reading(upstream)
        with pytest.raises(TLSError):
            await reading.pages(plan())
        assert len(upstream.connections) == 1
        assert reading.took == 0
        await reading.client.aclose()


async def test_a_wrong_url_is_not_taken_for_a_wrong_name(reading: Reading, upstream: Upstream) -> None:
    upstream.answers(status(404))
    with pytest.raises(HTTPStatusError, match=r"check --ionq\.api-url"):
        await reading.reader.machines(())


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
    # Even where IonQ wants no pause there is one; and where it does not say how long, it is half a minute.
    assert times[:4] == pytest.approx([0, 77, 79, 109])


async def test_a_pause_of_an_hour_is_kept_too(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(first(status(429, {"Retry-After": "3600"}), then=PAGES))
    await reading.pages(plan())
    assert len(upstream.characterization_requests) == 1 + len(FORTE_HISTORY)
    assert 3600 <= reading.took < 3600 + len(FORTE_HISTORY)


async def test_a_pause_of_more_than_a_day_is_cut_to_a_day(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(first(status(429, {"Retry-After": "90000"}), then=PAGES))
    await reading.pages(plan())
    assert reading.naps[0] == 86400


@pytest.mark.parametrize("code", [408, 500, 503, 529])
async def test_a_pause_that_any_failure_asks_for_is_kept_if_it_is_longer_than_that_of_patience(
    reading: Reading, upstream: Upstream, code: int
) -> None:
    pauses = ["120", "1", "3", "90000", "soon"]
    failures = [status(code, {"Retry-After": pause}) for pause in pauses]
    upstream.characterizes(first(*failures, then=PAGES))
    await reading.pages(plan())
    assert [nap for nap in reading.naps if nap >= 1] == [120, 2, 4, 86400, 30]


async def test_pauses_without_end_are_given_up(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(lambda _: status(429, {"Retry-After": "60"}))
    with pytest.raises(IonQError) as caught:
        await reading.pages(plan())
    assert caught.value.reason == "rate_limited"
    assert len(upstream.characterization_requests) == len(PAUSES_SECONDS) + 1


@pytest.mark.parametrize("per_second", [0.01, 0.5, 2, 10])
async def test_no_request_comes_sooner_after_another_than_was_asked_whatever_ionq_does(
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
    upstream.answers(status(503), fleet(FORTE.name, ARIA.name))
    upstream.characterizes(note)
    machines = await reading.reader.machines(())
    await reading.pages(plan(*machines))
    await reading.client.aclose()
    assert len(times) == len(faults) + 7
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= 1 / per_second - 1e-6


async def test_the_pace_is_kept_while_ionq_answers_at_once(upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    reading = Reading(upstream, per_second=2)
    pages = await reading.pages(plan(FORTE, ARIA))
    await reading.client.aclose()
    assert len(pages) == 7
    assert reading.took == 3


async def test_the_end_is_asked_for_as_ionq_writes_times(reading: Reading, upstream: Upstream) -> None:
    upstream.characterizes(PAGES)
    await reading.pages(plan(end=1_750_031_999.0))
    assert (
        {asked(request).query["end"] for request in upstream.characterization_requests}
        == {format_time(1_750_031_999.0)}
        == {"2025-06-15T23:59:59Z"}
    )
