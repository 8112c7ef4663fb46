"""A job's stream as types, and as pieces of text. Pure."""

from typing import Any

import msgspec

from gateway.client.errors import not_understood
from gateway.client.objects import Job, Status
from infra.sse import ServerSentEvent


class StatusTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="status"):
    """The job has come to another status."""

    id: str
    status: Status
    attempt: int | None = None
    started_at: int | None = None


class TokenTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="token"):
    """More of the answer; where several were asked for, `index` says of which: only the first is shown as it comes."""

    id: str
    text: str
    index: int = 0


class SnapshotTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="snapshot"):
    """All of the answer so far, in place of what was told before."""

    id: str
    text: str


class DoneTold(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="done"):
    """The job has ended, however it did."""

    id: str
    job: Job


JobEvent = StatusTold | TokenTold | SnapshotTold | DoneTold


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """More of an answer: `text` is to be added, and `whole` is all so far.

    Where `starts_over`, another attempt began anew: what was shown before is void, and `text` is the whole.
    """

    text: str
    whole: str
    starts_over: bool = False


def read(event: ServerSentEvent) -> JobEvent | None:
    """The event as a type, or None for one of a kind that this client does not know.

    Raises:
        Refused: its data are not what that kind of event tells.
    """
    try:
        return _read(event)
    except (msgspec.DecodeError, UnicodeError):
        raise not_understood() from None


def _read(event: ServerSentEvent) -> JobEvent | None:
    if event.event == "done":
        return DoneTold(id=event.id, job=msgspec.json.decode(event.data, type=Job))
    kinds: dict[str, Any] = {"status": StatusTold, "token": TokenTold, "snapshot": SnapshotTold}
    kind = kinds.get(event.event)
    if kind is None:
        return None
    data = msgspec.json.decode(event.data, type=dict[str, Any])
    told: StatusTold | TokenTold | SnapshotTold = msgspec.convert({**data, "event": event.event, "id": event.id}, kind)
    return told


class Shown:
    """What was shown of one answer so far: it cannot be taken back, only added to."""

    def __init__(self) -> None:
        self.whole = ""

    def take(self, event: JobEvent) -> Piece | None:
        """What to show next, when this event has come; None for nothing."""
        match event:
            case TokenTold(text=text, index=0):
                return self._become(self.whole + text)
            case SnapshotTold(text=text):
                return self._become(text)
            case DoneTold(job=job):
                return None if job.text is None else self._become(job.text)
            case TokenTold() | StatusTold():
                return None

    def _become(self, whole: str) -> Piece | None:
        before, self.whole = self.whole, whole
        if not whole.startswith(before):
            return Piece(text=whole, whole=whole, starts_over=True)
        return Piece(text=whole[len(before) :], whole=whole) if whole != before else None
