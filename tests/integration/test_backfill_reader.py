"""How a history is read: page after page, slowly, and patiently, in time that the tests move."""

import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest

from exporter.backfill.command import progress
from exporter.backfill.history import LONGEST_PAUSE_SECONDS, PAUSES_SECONDS, HistoryReader
from exporter.backfill.plan import Machine, Page, Plan, format_time
from exporter.errors import DeadlineExceededError, HTTPStatusError, IonQError
from exporter.ionq_client import IonQClient
from exporter.logs import configure_logs
from tests.backfill.support import (
    ARIA,
    DAY,
    END,
    FORTE,
    START,
    Pages,
    asked,
    fleet,
    page,
    pages_asked,
    plan,
    wire_history,
    wire_record,
)
from tests.support.clock import Clock
from tests.support.upstream import (
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
        self.client = IonQClient(
            upstream.url,
            max_response_bytes=1 << 20,
            max_pause_seconds=LONGEST_PAUSE_SECONDS,
            clock=self.clock,
        )
        self.reader = HistoryReader(
            self.client,
            configure_logs("info", "logfmt", self.log),
            timeout_seconds=timeout_seconds,
            requests_per_second=per_second,
            clock=self.clock,
            sleep=self._sleep,
        )

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


async def test_a_server_that_counts_all_pages_on_each_is_read_to_the_end_as_well(
    reading: Reading, upstream: Upstream
) -> None:
    history = wire_history(count=4)

    def page_of_four(request: Request) -> Script:
        number = asked(request).page
        return page(*history[number - 1 : number], remaining=4)

    upstream.characterizes(page_of_four)
    assert len(ids(await reading.pages(plan()))) == 4
    assert len(upstream.characterization_requests) == 5, "the last of them is empty"


@pytest.mark.parametrize("code", [400, 404])
async def test_a_page_that_is_refused_after_others_is_the_end_of_the_history(
    reading: Reading, upstream: Upstream, code: int
) -> None:
    history = wire_history(count=4)

    def page_of_four(request: Request) -> Script:
        number = asked(request).page
        return page(*history[number - 1 : number], remaining=4) if number <= len(history) else status(code)

    upstream.characterizes(page_of_four)
    assert len(ids(await reading.pages(plan()))) == 4
    assert f"event=history_ended backend=qpu.forte-1 page=5 status={code}" in reading.log.getvalue()


@pytest.mark.parametrize("pages", [{}, {"pages": None}, {"pages": "4"}], ids=str)
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


async def test_a_server_that_sends_the_same_page_for_ever_is_asked_once_more_and_told_of(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.characterizes(lambda _: page(*FORTE_HISTORY, remaining=27))
    pages = await reading.pages(plan())
    assert [page.number for page in pages] == [1]
    assert len(upstream.characterization_requests) == 2
    assert "event=history_incomplete backend=qpu.forte-1" in reading.log.getvalue()


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


async def test_machines_that_are_named_are_taken_in_that_order_once_each_and_listed_or_not(
    reading: Reading, upstream: Upstream
) -> None:
    upstream.answers(fleet("qpu.a", "qpu.b"))
    assert await reading.reader.machines(["qpu.gone", "qpu.b", "simulator", "qpu.b"]) == (
        Machine("qpu.gone", ""),
        Machine("qpu.b", "College Park, MD, USA"),
        Machine("simulator", ""),
    )


FAILURES: dict[str, tuple[Script, str]] = {
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
    "404": (status(404, body=b'{"message": "No."}'), "IonQ knows no backend qpu.forte-1: check --backend"),
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
