"""Server-sent events, both ways (WHATWG HTML, section 9.2 "Server-sent events")."""

import codecs
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServerSentEvent:
    """One dispatched event; `id` is the last id seen so far."""

    data: str
    event: str = "message"
    id: str = ""


class Parser:
    """Takes bytes as they come, in any pieces, and gives the events that are complete.

    Lines end with LF, CR LF or CR; `data` lines join with LF; comments and unknown fields are passed over; an event
    that the stream's end cuts off is dropped, as the standard says.
    """

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._rest = ""
        self._after_cr = False
        self._data: list[str] = []
        self._event = ""
        self._id = ""

    def feed(self, piece: bytes) -> Iterator[ServerSentEvent]:
        """The events that this piece completes."""
        text = self._decode(piece)
        if self._after_cr and text:
            text = text.removeprefix("\n")
            self._after_cr = False
        if text.endswith("\r"):
            self._after_cr = True
        lines = (self._rest + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._rest = lines.pop()
        for line in lines:
            if (event := self._take(line)) is not None:
                yield event

    def _take(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, event = self._data, self._event
        self._data, self._event = [], ""
        return ServerSentEvent("\n".join(data), event or "message", self._id) if data else None


async def events(pieces: AsyncIterable[bytes]) -> AsyncIterator[ServerSentEvent]:
    """The events of a whole stream of bytes."""
    parser = Parser()
    async for piece in pieces:
        for event in parser.feed(piece):
            yield event


def encode(data: str, *, event: str | None = None, id: int | str | None = None) -> bytes:
    """One event as bytes; without `event`, the default type is meant."""
    head = (f"event: {event}\n" if event else "") + (f"id: {id}\n" if id is not None else "")
    body = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"{head}{body}\n".encode()


def come_back(after_ms: int) -> bytes:
    """Tells a reader, without an event, how long to wait before it connects again."""
    return f"retry: {after_ms}\n\n".encode()


PING = b": ping\n\n"
"""A comment that keeps a silent stream open; clients pass it over."""
PING_LINE = b": ping\n"
"""The same without a blank line, at which OpenAI's clients would read an empty event once they have seen an `id`."""
