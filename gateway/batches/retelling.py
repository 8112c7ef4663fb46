"""What was told of lines, read from the store again: as the parts, the output and the error file say it."""

from collections.abc import AsyncGenerator, AsyncIterator

import msgspec

from gateway.batches.lines import lines
from gateway.batches.outputs import Told
from producers.events import Usage

_NO_LONGER_BYTES = 1 << 40


class _Counted(msgspec.Struct, frozen=True):
    """The tokens of an answer, by the names of each endpoint."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def usage(self) -> Usage:
        return Usage(self.prompt_tokens + self.input_tokens, self.completion_tokens + self.output_tokens)


class _Body(msgspec.Struct, frozen=True):
    usage: _Counted | None = None


class _Response(msgspec.Struct, frozen=True):
    status_code: int
    body: _Body


class _Line(msgspec.Struct, frozen=True):
    id: str
    response: _Response | None


_lines = msgspec.json.Decoder(_Line)


async def told_in(pieces: AsyncIterator[bytes]) -> AsyncGenerator[Told, None]:
    """What the lines of these bytes tell, as it was told.

    Raises:
        NotStored: there are none.
        Unavailable: the store does not answer.
    """
    async for each in lines(pieces, _NO_LONGER_BYTES):
        yield _told((each.text or b"") + b"\n")


def id_of(told: Told) -> str:
    """Under which id a line is told of."""
    return _lines.decode(told.text).id


def _told(text: bytes) -> Told:
    response = _lines.decode(text).response
    if response is None:
        return Told("left", text)
    used = response.body.usage
    return Told("answer" if response.status_code == 200 else "error", text, used.usage if used else None)
