"""The client for programs without an event loop: the same calls, each of which waits; for any thread, and notebooks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self, Unpack

from gateway.client.conversations import AsyncConversations, AsyncReports, Order
from gateway.client.headrace import AsyncHeadrace
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import (
    Conversation,
    ConversationItem,
    Feedback,
    Job,
    Kind,
    Model,
    Page,
    Report,
    ReportName,
    Timeline,
)
from gateway.client.settings import ClientSettings
from gateway.client.told import JobEvent, Piece
from infra.clock import Clock
from infra.loop_thread import LoopThread
from infra.sse import ServerSentEvent
from producers.prompts.saying import Saying


class Headrace:
    """A client of one gateway: `with Headrace() as headrace`. See `AsyncHeadrace`; one may serve many threads."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        settings: ClientSettings | None = None,
        connections: int = 100,
        retry: bool = True,
        clock: Clock | None = None,
    ) -> None:
        behind = AsyncHeadrace(url, api_key, settings=settings, connections=connections, retry=retry, clock=clock)
        # Who forgets to close it leaves no session open all the same: the loop ends with the last who holds it.
        self._loop = LoopThread("headrace-client", behind.close)
        self.jobs = Jobs(self._loop, behind.jobs)
        self.conversations = Conversations(self._loop, behind.conversations)
        self.reports = Reports(self._loop, behind.reports)

    def __enter__(self) -> Self:
        """Connections are made by the first call."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        self.close()

    def close(self) -> None:
        """Close every connection; twice is once."""
        self._loop.close()


class Jobs:
    """`AsyncJobs`, call by call."""

    def __init__(self, loop: LoopThread, behind: AsyncJobs) -> None:
        self._loop = loop
        self._behind = behind

    def submit(
        self,
        input: str | None = None,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        **said: Unpack[Saying],
    ) -> Job:
        """Hand in a prompt; the log holds it when this returns."""
        return self._loop.run(self._behind.submit(input, model=model, idempotency_key=idempotency_key, **said))

    def submit_body(self, body: bytes, idempotency_key: str | None = None) -> Job:
        """The same with a body of `POST /v1/jobs` that somebody else has written."""
        return self._loop.run(self._behind.submit_body(body, idempotency_key))

    def get(self, job_id: str) -> Job:
        """The job as it stands."""
        return self._loop.run(self._behind.get(job_id))

    def events(self, job_id: str, *, after: str = "", appears_s: float = 0.0) -> Iterator[JobEvent]:
        """Everything that is told of a job after that event's id, up to `DoneTold`."""
        return self._loop.iterate(self._behind.events(job_id, after=after, appears_s=appears_s))

    def follow(self, job_id: str, *, after: str = "", appears_s: float = 0.0) -> Iterator[ServerSentEvent]:
        """The same as it came over the wire."""
        return self._loop.iterate(self._behind.follow(job_id, after=after, appears_s=appears_s))

    def stream(self, job_id: str, *, appears_s: float = 0.0) -> Iterator[Piece]:
        """The answer piece by piece, as it comes; nothing twice, nothing left out."""
        return self._loop.iterate(self._behind.stream(job_id, appears_s=appears_s))

    def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        appears_s: float = 0.0,
        show: Callable[[str], None] = lambda _: None,
    ) -> Job:
        """The job once it has ended, however it ends; `show` is called from the client's own thread."""
        return self._loop.run(self._behind.wait(job_id, timeout_s=timeout_s, appears_s=appears_s, show=show))

    def answer(
        self,
        input: str | None = None,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
        **said: Unpack[Saying],
    ) -> Job:
        """Submit a prompt and wait for its answer, which is the job's `text`."""
        return self._loop.run(
            self._behind.answer(input, model=model, idempotency_key=idempotency_key, timeout_s=timeout_s, **said)
        )

    def cancel(self, job_id: str) -> Job:
        """Want the answer no longer."""
        return self._loop.run(self._behind.cancel(job_id))

    def feedback(
        self,
        job_id: str,
        kind: Kind,
        value: str | float,
        *,
        comment: str | None = None,
        tags: Sequence[str] = (),
        author: str | None = None,
    ) -> Feedback:
        """Judge an answer; the same author and kind again replaces what was said before."""
        return self._loop.run(self._behind.feedback(job_id, kind, value, comment=comment, tags=tags, author=author))

    def timeline(self, job_id: str) -> Timeline:
        """When each step of the job's life happened."""
        return self._loop.run(self._behind.timeline(job_id))

    def models(self) -> tuple[Model, ...]:
        """The models that the key may use."""
        return self._loop.run(self._behind.models())

    def first_model(self) -> str:
        """The first of them; asked for once."""
        return self._loop.run(self._behind.first_model())


class Conversations:
    """`AsyncConversations`, call by call."""

    def __init__(self, loop: LoopThread, behind: AsyncConversations) -> None:
        self._loop = loop
        self._behind = behind

    def create(self, title: str | None = None, *, metadata: Mapping[str, str] | None = None) -> Conversation:
        """Open one."""
        return self._loop.run(self._behind.create(title, metadata=metadata))

    def get(self, conversation_id: str) -> Conversation:
        """One of them."""
        return self._loop.run(self._behind.get(conversation_id))

    def list(self, *, after: str | None = None, limit: int = 20, order: Order = "desc") -> Page[Conversation]:
        """Some of them, newest first unless said otherwise."""
        return self._loop.run(self._behind.list(after=after, limit=limit, order=order))

    def items(
        self, conversation_id: str, *, after: str | None = None, limit: int = 100, order: Order = "asc"
    ) -> Page[ConversationItem]:
        """The messages of its finished turns, in their order unless said otherwise."""
        return self._loop.run(self._behind.items(conversation_id, after=after, limit=limit, order=order))

    def update(
        self, conversation_id: str, *, title: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Conversation:
        """Give it another title, or other metadata in place of all it had."""
        return self._loop.run(self._behind.update(conversation_id, title=title, metadata=metadata))

    def delete(self, conversation_id: str) -> None:
        """Forget it and its history."""
        self._loop.run(self._behind.delete(conversation_id))


class Reports:
    """`AsyncReports`, call by call."""

    def __init__(self, loop: LoopThread, behind: AsyncReports) -> None:
        self._loop = loop
        self._behind = behind

    def list(self) -> tuple[ReportName, ...]:
        """The reports there are."""
        return self._loop.run(self._behind.list())

    def get(self, name: str, **parameters: str | float) -> Report:
        """One of them."""
        return self._loop.run(self._behind.get(name, **parameters))
