"""The streamed form of a chat completion: entries of the job's stream in, chunks out."""

from collections.abc import Mapping

from aiohttp import web

from gateway import chat_chunks, problems
from gateway.chat_chunks import Chunks, Sent
from gateway.job_desk import JobDesk
from gateway.job_object import error_of
from gateway.live import Reader
from gateway.problems import of_job
from gateway.streaming import HEADERS
from infra import sse
from infra.errors import Unavailable
from producers.events import AnswerCompleted, JobError, PromptSubmitted
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.prompts.reading import Wish

_NO_ANSWER = JobError("The job ended without an answer.")
_STARTED_OVER = JobError(
    "The answer was started over and came out differently; send the request again.", code="stream_diverged"
)


class ChatStream:
    """One streamed response. Its head is sent with the first text, so that an earlier failure has its own status."""

    def __init__(
        self, request: web.Request, prompt: PromptSubmitted, wish: Wish, more: Mapping[str, str] | None = None
    ) -> None:
        self._request = request
        self._response = web.StreamResponse(headers={**(more or {}), **HEADERS, "x-job-id": prompt.job_id})
        self._chunks = Chunks(prompt, include_usage=wish.include_usage)
        self._sent = Sent()

    async def follow(self, reader: Reader, desk: JobDesk, ping_s: float) -> web.StreamResponse:
        """Tell the answer as it comes.

        Raises:
            Problem: the job ended without an answer before anything was sent.
            Unavailable: Redis does not answer, and nothing was sent.
        """
        while True:
            try:
                entries, ended = await desk.heard(reader, ping_s)
            except Unavailable as error:
                return await self._break(problems.of(error).error, error)
            told = self._texts(entries)
            if told is None:
                return await self._break(_STARTED_OVER, of_job(_STARTED_OVER))
            if ended is not None:
                return await self._end(told, ended, reader.last)
            if told or not entries:
                await self._say(told or sse.PING)

    async def tell(self, answer: AnswerCompleted) -> web.StreamResponse:
        """Tell an answer that is there already."""
        text = self._chunks.text(answer.text, 1) if answer.text else b""
        return await self._say(text + self._chunks.end(answer.finish_reason, answer.usage, 2))

    def _texts(self, entries: list[Entry]) -> bytes | None:
        parts = []
        for entry in entries:
            fresh = self._sent.take(entry)
            if fresh is None:
                return None
            if fresh:
                parts.append(self._chunks.text(fresh, entry.seq))
        return b"".join(parts)

    async def _end(self, told: bytes, job: JobRecord, seq: int) -> web.StreamResponse:
        if not isinstance(job.ending, AnswerCompleted):
            error = error_of(job.ending) or _NO_ANSWER
            return await self._break(error, of_job(error), told)
        rest = self._sent.rest(job.ending.text)
        if rest is None:
            return await self._break(_STARTED_OVER, of_job(_STARTED_OVER), told)
        told += self._chunks.text(rest, seq) if rest else b""
        return await self._say(told + self._chunks.end(job.ending.finish_reason, job.ending.usage, seq))

    async def _break(self, error: JobError, instead: Exception, told: bytes = b"") -> web.StreamResponse:
        """Tell an error: as an event where the stream has begun, with a status of its own where it has not."""
        if not self._response.prepared and not told:
            raise instead
        return await self._say(told + chat_chunks.broken(error))

    async def _say(self, told: bytes) -> web.StreamResponse:
        if not self._response.prepared:
            await self._response.prepare(self._request)
            told = self._chunks.role() + told
        await self._response.write(told)
        return self._response
