"""Log lines about IonQ's failures and bad values: at once when they begin, then at a falling rate."""

import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from exporter.common.durations import humanize_duration
from exporter.common.errors import IonQError
from exporter.common.falling_rate import MAX_KINDS, FallingRate
from exporter.records.json_values import Rejection

_SHOWN_REJECTIONS = 5


class FailureLog:
    """Remembers what was logged, so that a lasting fault fills no disk."""

    def __init__(
        self, logger: structlog.typing.FilteringBoundLogger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger
        self._clock = clock
        self._failures = FallingRate(clock)
        self._changes_of_rejections = FallingRate(clock)
        self._failing_since: float | None = None
        self._failed_scrapes = 0
        self._logged_failure = False
        self._logged_rejections: frozenset[tuple[str, str]] = frozenset()
        self._characterization_failures = FallingRate(clock)
        self._rejections_in_characterizations = FallingRate(clock)
        # Bounded, since a backend that is gone never recovers.
        self._logged_characterizations: deque[str] = deque(maxlen=MAX_KINDS)
        self._status_page_failures = FallingRate(clock)
        self._rejections_on_status_page = FallingRate(clock)
        self._logged_status_page = False

    def failed(self, error: IonQError) -> None:
        """Note a scrape that failed."""
        if self._failing_since is None:
            self._failing_since = self._clock()
        self._failed_scrapes += 1
        if not self._failures.should_log(type(error).__name__):
            return
        self._logged_failure = True
        self._logger.error(
            "ionq_read_failed",
            reason=error.reason,
            error=error.message,
            request_id=error.request_id,
            failed_scrapes=self._failed_scrapes,
            failing_for=humanize_duration(self._clock() - self._failing_since),
            trace=error.trace,
        )

    def succeeded(self) -> None:
        """Note a scrape that worked."""
        self._failures.rest()
        if self._failing_since is None:
            return
        if self._logged_failure:
            self._logger.info(
                "ionq_read_recovered",
                failed_scrapes=self._failed_scrapes,
                failed_for=humanize_duration(self._clock() - self._failing_since),
            )
        self._failing_since = None
        self._failed_scrapes = 0
        self._logged_failure = False

    def rejected(self, rejections: Sequence[Rejection]) -> None:
        """Note what was not valid in a response, even if that is nothing."""
        now_rejected = _places(rejections)
        # Compared with what was logged last, so that a change that came too soon is logged later.
        if now_rejected == self._logged_rejections:
            self._changes_of_rejections.rest()
            return
        if not self._changes_of_rejections.should_log(now_rejected):
            return
        self._logged_rejections = now_rejected
        if rejections:
            self._warn_of(rejections)
        else:
            self._logger.info("ionq_values_valid_again")

    def characterization_failed(self, backend: str, error: IonQError) -> None:
        """Note a read of a backend's characterization that failed."""
        if self._characterization_failures.should_log(type(error).__name__):
            if backend not in self._logged_characterizations:
                self._logged_characterizations.append(backend)
            self._logger.warning(
                "characterization_read_failed",
                backend=backend,
                reason=error.reason,
                error=error.message,
                request_id=error.request_id,
                trace=error.trace,
            )

    def characterization_read(self, backend: str, rejections: Sequence[Rejection]) -> None:
        """Note a read of a backend's characterization that worked, and what was not valid in it."""
        if backend in self._logged_characterizations:
            self._logged_characterizations.remove(backend)
            self._logger.info("characterization_read_recovered", backend=backend)
        if rejections and self._rejections_in_characterizations.should_log(backend):
            self._warn_of(rejections)

    def status_page_failed(self, error: IonQError) -> None:
        """Note a read of the status page that failed."""
        if self._status_page_failures.should_log(type(error).__name__):
            self._logged_status_page = True
            self._logger.warning(
                "status_page_read_failed",
                reason=error.reason,
                error=f"{error.message}; to do without the status page, set --no-collector.status-page",
                trace=error.trace,
            )

    def status_page_read(self, rejections: Sequence[Rejection]) -> None:
        """Note a read of the status page that worked, and what was not valid in it."""
        self._status_page_failures.rest()
        if self._logged_status_page:
            self._logged_status_page = False
            self._logger.info("status_page_read_recovered")
        if not rejections:
            self._rejections_on_status_page.rest()
        elif self._rejections_on_status_page.should_log(_places(rejections)):
            self._warn_of(rejections)

    def _warn_of(self, rejections: Sequence[Rejection]) -> None:
        self._logger.warning(
            "ionq_values_rejected",
            count=sum(rejection.count for rejection in rejections),
            examples="; ".join(
                f"{rejection.row}: {rejection.field} {rejection.problem}"
                for rejection in rejections[:_SHOWN_REJECTIONS]
            ),
        )


def _places(rejections: Sequence[Rejection]) -> frozenset[tuple[str, str]]:
    """Return where values were rejected. As long as that stays the same, it is not logged again."""
    return frozenset((rejection.row, rejection.field) for rejection in rejections)
