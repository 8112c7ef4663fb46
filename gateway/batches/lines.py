"""The lines of a file, read piece by piece; none but the longest line allowed is ever in memory.

Whoever goes through them lets others have the loop, however little there is to wait for and however much to do.
"""

import asyncio
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass

from gateway.batches.share import Share


@dataclass(frozen=True)
class Line:
    """A line that is not blank: its number from 1, where it begins, where the next one does, and its bytes.

    The bytes are None where it is longer than a line may be, or `is_lost` with the whole file.
    """

    number: int
    begins_bytes: int
    ends_bytes: int
    text: bytes | None
    is_lost: bool = False


async def lines(
    pieces: AsyncIterator[bytes],
    longest_bytes: int,
    *,
    number: int = 1,
    offset_bytes: int = 0,
    share: Share | None = None,
) -> AsyncGenerator[Line, None]:
    """The lines of a file from one on, whose number and place are given."""
    share = share or Share(asyncio.get_running_loop().time)
    rest, begins = b"", offset_bytes
    too_long = 0
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for each in whole:
            if share.is_used_up:
                await asyncio.sleep(0)
                share.begin()
            size = too_long + len(each)
            ends = begins + size + 1
            text = _without_mark(each, begins)
            if too_long or text.strip():
                yield Line(number, begins, ends, text if size <= longest_bytes else None)
            number, begins, too_long = number + 1, ends, 0
        if len(rest) > longest_bytes:
            too_long, rest = too_long + len(rest), b""
    size = too_long + len(rest)
    rest = _without_mark(rest, begins)
    if too_long or rest.strip():
        yield Line(number, begins, begins + size, rest if size <= longest_bytes else None)


def _without_mark(text: bytes, begins_bytes: int) -> bytes:
    """A file may begin with the mark of UTF-8, as some editors write it."""
    return text if begins_bytes else text.removeprefix(BOM_UTF8)


def lost(after: Line | None, begun_at: int, most: int) -> Iterator[Line]:
    """The lines, up to so many, of a file that is lost: those behind `after`, or from where it was begun."""
    begins = 0 if after is None else after.ends_bytes
    first = begun_at if after is None else after.number + 1
    return (Line(number, begins, begins, None, is_lost=True) for number in range(first, most + 1))


async def grouped(found: AsyncIterator[Line], size: int) -> AsyncGenerator[list[Line], None]:
    """These lines, so many at a time."""
    some: list[Line] = []
    async for line in found:
        some.append(line)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
