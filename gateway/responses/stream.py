"""A response as a stream of events: entries of its job's stream in, events out, resumed anywhere by their numbers."""

from collections.abc import Sequence
from contextlib import suppress

from gateway.http.problems import of_job
from gateway.readers.sent import Diverged
from gateway.readers.tale import Broken, Tale
from gateway.responses.events import ResponseEvents
from infra.errors import Unavailable
from producers.events import JobError, PromptSubmitted
from producers.jobs import record
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.state.scripts import Scripts

_STARTED_OVER = JobError(
    "The answer was started over and came out differently; ask for the response itself.", code="stream_diverged"
)


class ResponseTale(Tale):
    """A response: what follows its event of number `after`."""

    always_opens = True

    def __init__(self, scripts: Scripts, prompt: PromptSubmitted, after: int = -1) -> None:
        super().__init__(prompt)
        self._scripts = scripts
        self._after = after
        self._events = ResponseEvents(prompt, after)
        self._is_lost = False
        """Whether its events cannot be counted from the beginning, so that the end alone is told, with all of it."""

    def begin(self, entries: Sequence[Entry]) -> bytes:
        """What follows the reader's last event."""
        self._is_lost = self._after >= 0 and _lacks_beginning(entries)
        return b"" if self._is_lost else self._told(self._events.begin(), entries)

    def more(self, entries: Sequence[Entry]) -> bytes:
        """More of the response."""
        return b"" if self._is_lost else self._told(b"", entries)

    async def end(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """The rest of the response, and its last event."""
        told = self._events.closing(job) if self._is_lost else self._ended(self.more(entries), job)
        await self._note_last()
        return told

    async def whole(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """What is left of a response."""
        if self._after >= 0 and (_lacks_beginning(entries) or not entries):
            told = self._events.closing(job)
        else:
            told = self._ended(self.begin(() if _lacks_beginning(entries) else entries), job)
        if told:
            await self._note_last()
        return told

    def error(self, error: JobError, seq: int | None = None) -> bytes:
        """An error in mid-stream, which is none of its numbered events."""
        return self._events.error(error)

    def _told(self, told: bytes, entries: Sequence[Entry]) -> bytes:
        try:
            for entry in entries:
                told += self._events.take(entry)
        except Diverged:
            raise Broken(of_job(_STARTED_OVER, self.prompt), told) from None
        return told

    def _ended(self, told: bytes, job: JobRecord) -> bytes:
        try:
            return told + self._events.end(job)
        except Diverged:
            raise Broken(of_job(_STARTED_OVER, self.prompt), told) from None

    async def _note_last(self) -> None:
        """Before it is told: who has the last event is known by its number, also when the stream is gone."""
        if self._events.last is not None and self.prompt.response is not None and self.prompt.response.store:
            with suppress(Unavailable):
                await record.note_last_event(self._scripts, self.prompt.job_id, self._events.last)


def _lacks_beginning(entries: Sequence[Entry]) -> bool:
    return bool(entries) and entries[0].seq > 1
