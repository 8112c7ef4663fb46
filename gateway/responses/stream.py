"""A response as a stream of events: entries of its job's stream in, events out, resumed anywhere by their numbers."""

from collections.abc import Sequence
from contextlib import suppress

from aiohttp import web

from gateway.http import problems
from gateway.http.problems import Problem
from gateway.keys import SCRIPTS
from gateway.prompts.job_desk import JobDesk
from gateway.readers.event_stream import EventStream
from gateway.readers.listeners import Reader
from gateway.readers.sent import Diverged
from gateway.responses.events import ResponseEvents
from infra import sse
from infra.errors import Unavailable
from producers.events import JobError, PromptSubmitted
from producers.jobs import record
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord

_STARTED_OVER = JobError(
    "The answer was started over and came out differently; ask for the response itself.", code="stream_diverged"
)


class ResponseStream:
    """One streamed response: what follows the event of number `after`."""

    def __init__(self, request: web.Request, prompt: PromptSubmitted, after: int = -1) -> None:
        self._scripts = request.app[SCRIPTS]
        self._stream = EventStream(request, {"x-job-id": prompt.job_id})
        self._prompt = prompt
        self._events = ResponseEvents(prompt, after)
        self._after = after

    @property
    def begun(self) -> bool:
        """Whether anything was sent."""
        return self._stream.begun

    async def follow(
        self, reader: Reader, desk: JobDesk, ping_s: float, earlier: Sequence[Entry] = ()
    ) -> web.StreamResponse:
        """Tell the response as it comes, behind the `earlier` entries of its stream."""
        is_lost = self._after >= 0 and self._is_lost(earlier)
        if not is_lost:
            begun = self._events.begin()
            told, is_over = self._told(earlier, None)
            await self._say(begun + told)
            if is_over:
                return await self._say(b"")
        while True:
            try:
                entries, ended = await desk.heard(reader, ping_s)
            except Unavailable as error:
                hidden = problems.once_held(error, self._prompt)
                return await self._say(self._events.error(problems.of(hidden).error))
            except Problem as problem:
                return await self._say(self._events.error(problem.error))
            if is_lost:
                told, is_over = (b"", False) if ended is None else (self._events.closing(ended), True)
            else:
                told, is_over = self._told(entries, ended)
            if is_over:
                await self._note_last()
                return await self._say(told)
            if told or not entries:
                # Not a whole comment with its blank line: the client has seen ids.
                await self._say(told or sse.PING_LINE)

    async def tell(self, job: JobRecord, entries: Sequence[Entry] = ()) -> web.StreamResponse:
        """Tell a response that has ended, from what is left of its stream; 204 where nothing follows."""
        if self._after >= 0 and (self._is_lost(entries) or not entries):
            rest = self._events.closing(job)
        else:
            begun = self._events.begin()
            rest = begun + self._told(() if self._is_lost(entries) else entries, job)[0]
        if not rest:
            return web.Response(status=204)
        await self._note_last()
        return await self._say(rest)

    def _is_lost(self, entries: Sequence[Entry]) -> bool:
        """Whether events cannot be counted by these entries, for the stream's beginning is gone."""
        return bool(entries) and entries[0].seq > 1

    def _told(self, entries: Sequence[Entry], ended: JobRecord | None) -> tuple[bytes, bool]:
        """What these entries tell, and whether that is the last that can be told."""
        told = b""
        try:
            for entry in entries:
                told += self._events.take(entry)
            return (told, False) if ended is None else (told + self._events.end(ended), True)
        except Diverged:
            return told + self._events.error(_STARTED_OVER), True

    async def _note_last(self) -> None:
        """Before it is told: who has the last event is known by its number, also when the stream is gone."""
        if self._events.last is not None and self._prompt.response is not None and self._prompt.response.store:
            with suppress(Unavailable):
                await record.note_last_event(self._scripts, self._prompt.job_id, self._events.last)

    async def _say(self, told: bytes) -> web.StreamResponse:
        return await self._stream.write(told)
