"""An upstream that costs little, answers well most of the time, and goes through all faults in turn."""

import asyncio
import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterator

_FAULT_EVERY = 5
_SCRAPES_PER_ANSWER = 50
_REQUESTS_PER_CHARACTERIZATION = 500
_CHARACTERIZATIONS = 40
"""So many ids come round, since the exporter lets no more than some through in an hour."""

_ROW = {
    "status": "available",
    "qubits": 36,
    "last_updated": "2026-11-01T00:00:00Z",
    "degraded": False,
    "kw": 4902.81,
    "location": "College Park, MD, USA",
}

_RECORD = {
    "date": "2026-11-01T00:00:00Z",
    "qubits": 36,
    "connectivity": list(itertools.combinations(range(36), 2)),
    "fidelity": {"spam": {"median": 0.9962}, "1q": {"median": 0.9998, "stderr": 0}, "2q": {"median": 0.995}},
    "timing": {"readout": 0.00015, "reset": 5e-05, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1},
}
_CHARACTERIZATIONS_OF = re.compile(rb"GET /v0\.4/backends/([^/]+)/characterizations\?")

Act = Callable[[asyncio.Transport, int], None]


def response(body: bytes, status: int = 200, extra: str = "") -> bytes:
    """Return a whole HTTP response."""
    head = (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _fleet(number: int, prefix: str = "qpu.") -> bytes:
    rows = [
        {
            "backend": f"{prefix}{machine}",
            "average_queue_time": number // _SCRAPES_PER_ANSWER,
            "characterization_id": _characterization_id(f"{prefix}{machine}", number),
            **_ROW,
        }
        for machine in range(10)
    ]
    return json.dumps(rows).encode()


def _characterization_id(machine: str, number: int) -> str:
    """Name the characterization in force: that of one machine after the other changes."""
    turn = int(machine[-1]) * _REQUESTS_PER_CHARACTERIZATION // 10
    return f"{machine}/{(number + turn) // _REQUESTS_PER_CHARACTERIZATION % _CHARACTERIZATIONS}"


def _well(transport: asyncio.Transport, number: int) -> None:
    transport.write(response(_fleet(number)))


def _characterized(machine: str) -> Act:
    def act(transport: asyncio.Transport, number: int) -> None:
        record = {"id": _characterization_id(machine, number), "backend": machine, **_RECORD}
        transport.write(response(json.dumps({"characterizations": [record], "pages": 285}).encode()))

    return act


def _badly_characterized(transport: asyncio.Transport, _number: int) -> None:
    record = {"id": "another", "qubits": "36", "fidelity": {"2q": {"median": 1.5}}, "connectivity": [[0]]}
    transport.write(response(json.dumps({"characterizations": [record, None]}).encode()))


def _sending(data: bytes, *, closing: bool = False) -> Act:
    def act(transport: asyncio.Transport, _number: int) -> None:
        transport.write(data)
        if closing:
            transport.close()

    return act


def _new_names(transport: asyncio.Transport, number: int) -> None:
    transport.write(response(_fleet(number, f"qpu.{number}-")))


def _new_request_id(transport: asyncio.Transport, number: int) -> None:
    message = json.dumps({"message": f"failure number {number}"}).encode()
    transport.write(response(message, 500, f"x-request-id: {number}\r\n"))


def _reset(transport: asyncio.Transport, _number: int) -> None:
    transport.abort()


_GOOD = response(_fleet(0))
_BOMB = gzip.compress(bytes(4 << 20))

FAULTS: dict[str, Act] = {
    "reset": _reset,
    "close": _sending(b"", closing=True),
    "half a body": _sending(_GOOD[:-200], closing=True),
    "half a head": _sending(_GOOD[:30], closing=True),
    "not JSON": _sending(response(b"<html>maintenance</html>")),
    "wrong shape": _sending(response(b'{"hello": "world"}')),
    "bad record": _badly_characterized,
    "bad values": _sending(response(b'[{"backend": "a", "qubits": "36"}, null, {"backend": "\\ud800"}]')),
    "new names": _new_names,
    "500": _new_request_id,
    "redirect": _sending(response(b"", 302, "Location: https://elsewhere.example/\r\n")),
    "bad chunk": _sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", closing=True),
    "gzip bomb": _sending(response(_BOMB, 200, "Content-Encoding: gzip\r\n")),
    "bad gzip": _sending(response(b"none", 200, "Content-Encoding: gzip\r\n")),
    "deep": _sending(response(b"[" * 20_000)),
    "not HTTP": _sending(b"220 mail ready\r\n", closing=True),
    "no answer": lambda _transport, _number: None,
}
_RARE = frozenset(("no answer",))  # each takes all of a scrape's time
_RARE_EVERY = 20


def _acts() -> Iterator[Act | None]:
    """Yield what to do with each request, for ever; None is to answer it well."""
    for number, fault in enumerate(itertools.cycle(FAULTS)):
        yield from itertools.repeat(None, _FAULT_EVERY - 1)
        is_due = fault not in _RARE or number // len(FAULTS) % _RARE_EVERY == 0
        yield FAULTS[fault] if is_due else None


class Upstream(asyncio.Protocol):
    """One connection; what happens to requests is decided across all connections."""

    _next_act = _acts()
    _next_act_on_characterizations = _acts()
    _number = itertools.count()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- for the type checker
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if machine := _CHARACTERIZATIONS_OF.match(head):
                act = next(self._next_act_on_characterizations) or _characterized(machine[1].decode())
            else:
                act = next(self._next_act) or _well
            act(self._transport, next(self._number))
