"""What one reader is told of one job: entries of its stream in, bytes of one kind of stream out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from infra import sse
from infra.errors import NeverTryAgain
from producers.events import JobError, PromptSubmitted
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord


class Broken(NeverTryAgain):
    """A tale that has no good end: what is told behind what else there is to tell, or `instead` of all."""

    def __init__(self, instead: Exception, told: bytes = b"", seq: int | None = None) -> None:
        super().__init__(str(instead))
        self.instead = instead
        self.told = told
        self.seq = seq


class Tale(ABC):
    """One kind of stream. It is told by `begin`, `more` and `end` as a job goes on, or `whole` once it has ended."""

    opening = b""
    """What stands before all that is told."""
    opens_within_s = 0.0
    """How long the stream may wait for something to tell: a failure until then has a status of its own."""
    always_opens = False
    """Whether it begins whatever happens, so that no failure has a status of its own."""
    ending_only = False
    """Whether nothing matters of an ended job but its ending."""
    ping = sse.PING_LINE
    """A sign of life. No whole comment: OpenAI's SDK takes its blank line behind an `id` for an empty event."""
    parting = b""
    """What a reader is told who is sent to another gateway when this one stops; b'' where it may stay while it can."""

    def __init__(self, prompt: PromptSubmitted) -> None:
        self.prompt = prompt

    @abstractmethod
    def begin(self, entries: Sequence[Entry]) -> bytes:
        """What its reader is told of the entries that are there already.

        Raises:
            Broken: it cannot go on.
        """

    @abstractmethod
    def more(self, entries: Sequence[Entry]) -> bytes:
        """What entries tell that follow.

        Raises:
            Broken: it cannot go on.
        """

    @abstractmethod
    async def end(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """The last entries, and how the job ended.

        Raises:
            Broken: without an answer.
        """

    @abstractmethod
    async def whole(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """What a job tells that has ended, of whose stream these entries are kept; b'' where its reader has it all.

        Raises:
            Broken: it ended without an answer.
        """

    @abstractmethod
    def error(self, error: JobError, seq: int | None = None) -> bytes:
        """How an error is told; `seq` is there where the job has ended with it."""
