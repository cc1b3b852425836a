"""The one place where the drill waits."""

from queue import Empty, SimpleQueue

from deploy.drill.notifications import Notification


class Interrupted(Exception):  # noqa: N818 -- no error: somebody pressed Ctrl+C
    """A signal asks for the end."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class Inbox:
    """Takes notifications and signals, and hands them out in turn.

    A signal is raised here and nowhere else. So it never finds a program half started or half ended.
    """

    def __init__(self) -> None:
        # Its put may be called by a signal's handler while its get is under way.
        self._arrived: SimpleQueue[Notification | Interrupted] = SimpleQueue()

    def put(self, arrived: Notification | Interrupted) -> None:
        """Add what has arrived."""
        self._arrived.put(arrived)

    def next(self, seconds: float) -> Notification | None:
        """Wait for the next notification. Raises Interrupted when that comes first."""
        try:
            arrived = self._arrived.get(timeout=max(0.0, seconds))
        except Empty:
            return None
        if isinstance(arrived, Interrupted):
            raise arrived
        return arrived
