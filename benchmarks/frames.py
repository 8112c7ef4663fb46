"""Whether a stream of a job's events brought every frame: all, in order, and to the end. Pure."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from infra import sse
from infra.sse import ServerSentEvent


class _Told(msgspec.Struct):
    text: str = ""


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Result(msgspec.Struct):
    choices: list[_Choice]


class _Job(msgspec.Struct):
    status: str
    result: _Result | None = None


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """What chunked transfer coding carries (RFC 9112, section 7.1), and whether its end is there."""
    parts, at = list[bytes](), 0
    while (line := body.find(b"\r\n", at)) >= 0:
        size = int(body[at:line], 16)
        if not size:
            return b"".join(parts), True
        parts.append(body[line + 2 : line + 2 + size])
        at = line + 2 + size + 2
    return b"".join(parts), False


def check(body: bytes) -> tuple[int, str]:
    """How many frames the body of a stream holds, and what is wrong with them; empty where nothing is."""
    told, is_whole = unchunked(body)
    frames = list(sse.Parser().feed(told))
    return len(frames), _wrong(frames) if is_whole else "it broke off"


def _wrong(frames: Sequence[ServerSentEvent]) -> str:
    if not frames or frames[-1].event != "done":
        return "it does not end with done"
    try:
        ids = [int(each.id) for each in frames]
    except ValueError:
        return "a frame has no number"
    if frames[0].event != "snapshot" and ids[0] != 1:
        return f"it begins with number {ids[0]}"
    if any(after != before + 1 for before, after in pairwise(ids)):
        return f"the numbers are {ids}"
    job = msgspec.json.decode(frames[-1].data, type=_Job)
    if job.status != "completed" or job.result is None:
        return f"the job is {job.status}"
    shown = ""
    for each in frames:
        if each.event in ("token", "snapshot"):
            text = msgspec.json.decode(each.data, type=_Told).text
            shown = text if each.event == "snapshot" else shown + text
    return "" if shown == job.result.choices[0].message.content else "the text is not the answer's"
