"""The streamed form of a chat completion: entries of the job's stream in, chunks out."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from gateway.chat import chunks
from gateway.chat.chunks import Chunks
from gateway.http import problems
from gateway.http.problems import Problem, of_job
from gateway.jobs.objects import error_of
from gateway.keys import SETTINGS
from gateway.prompts.job_desk import JobDesk
from gateway.readers.event_stream import EventStream
from gateway.readers.listeners import Reader
from gateway.readers.sent import Diverged, Sent
from infra import sse
from infra.errors import Unavailable
from producers.events import AnswerCompleted, JobError, PromptSubmitted
from producers.jobs import live
from producers.jobs.live import Entry, pieces_of
from producers.jobs.record import JobRecord
from producers.prompts.reading import Wish

_NO_ANSWER = JobError("The job ended without an answer.")
_STARTED_OVER = JobError(
    "The answer was started over and came out differently; read it from its beginning.", code="stream_diverged"
)


class ChatStream:
    """One streamed response.

    Its head is sent with the first text, so that an earlier failure has a status of its own; but where that takes long,
    with the roles alone: whoever has them can take the stream up elsewhere when this gateway dies.

    A stream that begins with the roles is all there is of the answer; one without them goes on where its reader stood.
    """

    def __init__(self, request: web.Request, prompt: PromptSubmitted, wish: Wish) -> None:
        self._stream = EventStream(request, {"x-job-id": prompt.job_id})
        self._opening_s = request.app[SETTINGS].opening_s
        self._prompt = prompt
        self._chunks = Chunks(prompt, include_usage=wish.include_usage)
        self._sent = Sent()
        self._opening = self._chunks.roles()

    @property
    def begun(self) -> bool:
        """Whether the client was told anything: whoever was not, knows no id to come back with."""
        return self._stream.begun

    async def follow(self, reader: Reader, desk: JobDesk, ping_s: float) -> web.StreamResponse:
        """Tell the answer as it comes.

        Raises:
            Problem: the job ended without an answer, or was deleted, before anything was sent.
            Unavailable: Redis does not answer, and nothing was sent.
            ConnectionError: the client is gone, or takes nothing.
        """
        loop = asyncio.get_running_loop()
        begins_at_s = loop.time() + self._opening_s
        while True:
            patience_s = ping_s if self.begun else max(0.0, begins_at_s - loop.time())
            try:
                entries, ended = await desk.heard(reader, patience_s, ending_only=True)
            except Unavailable as error:
                hidden = problems.once_held(error, self._prompt)
                return await self._break(problems.of(hidden).error, hidden)
            except Problem as problem:
                return await self._break(problem.error, problem)
            try:
                # Whoever was told nothing yet need not hear of an attempt that was started over meanwhile.
                told = self._told(entries if self.begun else live.since_snapshot(entries))
                if ended is not None:
                    return await self._end(told, ended)
            except Diverged:
                return await self._break(_STARTED_OVER, of_job(_STARTED_OVER, self._prompt))
            if told or not entries or (not self.begun and loop.time() >= begins_at_s):
                # Not a whole comment with its blank line: the client has seen ids.
                await self._say(told or (sse.PING_LINE if self.begun else b""))

    async def tell(self, answer: AnswerCompleted, seq: int | None = None) -> web.StreamResponse:
        """Tell an answer that is there already; `seq` is the number of its stream's end, where that is known."""
        told = b"".join(self._chunks.piece(each) for each in pieces_of(answer))
        return await self._say(told + self._chunks.end(answer, seq))

    async def take_up(self, entries: Sequence[Entry], after: int) -> None:
        """Tell what the job's stream holds (`entries`, from its beginning) to a reader who has all up to `after`.

        Raises:
            ConnectionError: the client is gone, or takes nothing.
        """
        told = self._rest_of(entries, after)
        if told or not self._opening:
            await self._say(told)

    async def conclude(self, job: JobRecord, entries: Sequence[Entry], after: int) -> web.StreamResponse:
        """The same of a job that has ended, and its end.

        Raises:
            Problem: the job ended without an answer, and there is nothing else to tell.
            ConnectionError: the client is gone, or takes nothing.
        """
        try:
            return await self._end(self._rest_of(entries, after), job)
        except Diverged:
            self._begin_anew()
            return await self._end(b"", job)

    def _rest_of(self, entries: Sequence[Entry], after: int) -> bytes:
        if after and entries and entries[0].seq <= after <= entries[-1].seq:
            had = [entry for entry in entries if entry.seq <= after]
            try:
                for entry in had:
                    self._sent.take(entry)
                told = self._told(entries[len(had) :])
            except Diverged:
                self._begin_anew()
            else:
                self._opening = b""
                return told
        return self._told(live.since_snapshot(entries))

    def _begin_anew(self) -> None:
        self._sent, self._opening = Sent(), self._chunks.roles()

    def _told(self, entries: Sequence[Entry]) -> bytes:
        told = ((self._sent.take(entry), entry.seq) for entry in entries)
        return b"".join(self._chunks.piece(fresh, seq) for fresh, seq in told if fresh is not None)

    async def _end(self, told: bytes, job: JobRecord) -> web.StreamResponse:
        ending = job.ending
        if isinstance(ending, AnswerCompleted):
            rest = b"".join(self._chunks.piece(each) for each in self._sent.rest(ending))
            return await self._say(told + rest + self._chunks.end(ending, job.seq))
        if ending is not None and not self._sent.anything:
            told = b"".join(self._chunks.piece(each) for each in pieces_of(ending))
        error = error_of(ending) or _NO_ANSWER
        return await self._break(error, of_job(error, self._prompt), told, job.seq)

    async def _break(
        self, error: JobError, instead: Exception, told: bytes = b"", seq: int | None = None
    ) -> web.StreamResponse:
        """Tell an error: as an event where the stream has begun, with a status of its own where it has not."""
        if not self._stream.begun and not told:
            raise instead
        return await self._say(told + chunks.broken(error, seq))

    async def _say(self, told: bytes) -> web.StreamResponse:
        opening, self._opening = self._opening, b""
        return await self._stream.write(opening + told)
