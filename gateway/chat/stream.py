"""The streamed form of a chat completion: entries of the job's stream in, chunks out. Pure."""

from collections.abc import Sequence

from gateway.chat import chunks
from gateway.chat.chunks import Chunks
from gateway.http.problems import of_job
from gateway.jobs.objects import error_of
from gateway.readers.sent import Diverged, Sent
from gateway.readers.tale import Broken, Tale
from producers.events import AnswerCompleted, JobError, PromptSubmitted
from producers.jobs import live
from producers.jobs.live import Entry, pieces_of
from producers.jobs.record import JobRecord
from producers.prompts.reading import Wish

_NO_ANSWER = JobError("The job ended without an answer.")
_STARTED_OVER = JobError(
    "The answer was started over and came out differently; read it from its beginning.", code="stream_diverged"
)


class ChatTale(Tale):
    """A chat completion, told to a reader who has all up to the entry of number `after`.

    Its head is sent with the first text, so that an earlier failure has a status of its own; but where that takes long,
    with the roles alone: whoever has them can take the stream up elsewhere when this gateway dies.

    A stream that begins with the roles is all there is of the answer; one without them goes on where its reader stood.
    """

    ending_only = True

    def __init__(self, prompt: PromptSubmitted, wish: Wish, opens_within_s: float = 0.0, after: int = 0) -> None:
        super().__init__(prompt)
        self.opens_within_s = opens_within_s
        self._after = after
        self._chunks = Chunks(prompt, include_usage=wish.include_usage)
        self._sent = Sent()
        self.opening = self._chunks.roles()

    def begin(self, entries: Sequence[Entry]) -> bytes:
        """What follows the reader's last entry; all of it, if that is none that we can go on from."""
        if self._after and entries and entries[0].seq <= self._after <= entries[-1].seq:
            had = [entry for entry in entries if entry.seq <= self._after]
            try:
                for entry in had:
                    self._sent.take(entry)
                told = self._told(entries[len(had) :])
            except Diverged:
                self._sent = Sent()
            else:
                self.opening, self.opens_within_s = b"", 0.0
                return told
        return self._told(live.since_snapshot(entries))

    def more(self, entries: Sequence[Entry]) -> bytes:
        """More of the answer; who has nothing of it yet need not hear of an attempt that was started over meanwhile."""
        try:
            return self._told(entries if self._sent.anything else live.since_snapshot(entries))
        except Diverged:
            raise Broken(of_job(_STARTED_OVER, self.prompt)) from None

    async def end(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """The rest of the answer, why it ends, and [DONE]."""
        told = self.more(entries)
        try:
            return self._ended(told, job)
        except Diverged:
            raise Broken(of_job(_STARTED_OVER, self.prompt)) from None

    async def whole(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """What is left of an answer; all of it anew, where the reader has another one."""
        try:
            return self._ended(self.begin(entries), job)
        except Diverged:
            self._sent, self.opening = Sent(), self._chunks.roles()
            return self._ended(b"", job)

    def error(self, error: JobError, seq: int | None = None) -> bytes:
        """An error in mid-stream."""
        return chunks.broken(error, seq)

    def _told(self, entries: Sequence[Entry]) -> bytes:
        told = ((self._sent.take(entry), entry.seq) for entry in entries)
        return b"".join(self._chunks.piece(fresh, seq) for fresh, seq in told if fresh is not None)

    def _ended(self, told: bytes, job: JobRecord) -> bytes:
        ending, seq = job.ending, job.seq or None
        if isinstance(ending, AnswerCompleted):
            rest = b"".join(self._chunks.piece(each) for each in self._sent.rest(ending))
            return told + rest + self._chunks.end(ending, seq)
        if ending is not None and not self._sent.anything:
            told = b"".join(self._chunks.piece(each) for each in pieces_of(ending))
        raise Broken(of_job(error_of(ending) or _NO_ANSWER, self.prompt), told, seq)
