"""A closed loop of HTTP/1.1 calls over bare sockets: as many callers as asked for, each with one call at a time.

An ordinary client library would take more processor than what it measures; this one writes bytes that were made before
and reads no more of an answer than where it begins and ends.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

LONGEST_CALL_S = 60.0
Make = Callable[[], bytes]
"""The bytes of the next request."""


@dataclass
class Loaded:
    """What a load measured; times are seconds."""

    seconds: float = 0.0
    whole_s: list[float] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    """Until the first text of a streamed answer."""
    refused: int = 0
    kept: list[bytes] = field(default_factory=list)
    """The heads of what was answered 2xx, in small letters, where they were asked for."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.whole_s) / self.seconds if self.seconds else 0.0

    def whole_ms(self, share: float) -> float:
        """The latency below which that share of the answers came."""
        return _percentile(self.whole_s, share) * 1000

    def first_ms(self, share: float) -> float:
        """The same for the first text."""
        return _percentile(self.first_s, share) * 1000


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def post(path: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
    """A request as it goes over the wire."""
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()] + [f"Content-Length: {len(content)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


async def closed_loop(port: int, make: Make, callers: int, seconds: float, *, keep: bool = False) -> Loaded:
    """Call for so long; whoever is under way then is waited for, and counted. `keep` keeps the heads of answers."""
    loop, found = asyncio.get_running_loop(), Loaded()
    began = time.perf_counter()
    connections = [
        (await loop.create_connection(lambda: _Caller(make, began + seconds, found, keep=keep), "127.0.0.1", port))[1]
        for _ in range(callers)
    ]
    async with asyncio.timeout(seconds + LONGEST_CALL_S):
        await asyncio.gather(*(each.done for each in connections))
    found.seconds = time.perf_counter() - began
    return found


class _Caller(asyncio.Protocol):
    """One connection: a call, its answer, the next call."""

    def __init__(self, make: Make, until: float, found: Loaded, *, keep: bool) -> None:
        self._make = make
        self._until = until
        self._found = found
        self._keep = keep
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(
            asyncio.Transport, transport
        )  # a TCP connection's is, though uvloop's does not inherit it
        self._call()

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if self._head is None and (at := self._buffer.find(b"\r\n\r\n")) >= 0:
            self._head = bytes(self._buffer[:at]).lower()
            del self._buffer[: at + 4]
        if self._head is None:
            return
        if self._first is None and (b'"content":"' in self._buffer.replace(b'"content":""', b"")):
            self._first = now
        if self._is_whole(self._head):
            self._answered(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server hung up"))

    def _call(self) -> None:
        assert self._transport is not None  # it is there from the start
        self._buffer, self._head, self._first = bytearray(), None, None
        self._began = time.perf_counter()
        self._transport.write(self._make())

    def _is_whole(self, head: bytes) -> bool:
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return len(self._buffer) >= int(line.partition(b":")[2])
        return self._buffer.endswith(b"0\r\n\r\n")

    def _answered(self, now: float) -> None:
        assert self._head is not None  # asked for after the head only
        if self._head.split(b" ", 2)[1][:1] == b"2":
            self._found.whole_s.append(now - self._began)
            if self._first is not None:
                self._found.first_s.append(self._first - self._began)
            if self._keep:
                self._found.kept.append(self._head)
        else:
            self._found.refused += 1
        if now < self._until:
            self._call()
            return
        self.done.set_result(None)
        if self._transport is not None:
            self._transport.close()

    _buffer: bytearray
    _head: bytes | None
    _first: float | None
    _began: float
