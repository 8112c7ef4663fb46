"""The jobs of one gateway, as one key sees them: submit, follow, wait, cancel, judge."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypedDict, Unpack

from gateway.client.errors import JobFailed, NotFound, Refused, TimedOut, Told
from gateway.client.following import follow, path_of
from gateway.client.objects import Feedback, Job, JobError, Kind, Model, Order, Page, Timeline
from gateway.client.told import DoneTold, JobEvent, Piece, Shown, StatusTold, read
from gateway.client.wire import Wire
from infra.clock import Clock
from infra.ids import new_id
from infra.sse import ServerSentEvent
from producers.prompts import saying
from producers.prompts.reading import MODEL_NOT_FOUND
from producers.prompts.saying import Saying


class WantedJobs(TypedDict, total=False):
    """What jobs are listed by; times are unix seconds: from the one on, and before the other."""

    status: str | None
    lane: str | None
    model: str | None
    conversation: str | None
    metadata: Mapping[str, str] | None
    created_after: int | None
    created_before: int | None


class AsyncJobs:
    """What can be done with jobs. Every call may raise `Refused`, `Limited` or `Unavailable` (see `errors`)."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self._model = ""

    async def submit(
        self,
        input: str | None = None,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        **said: Unpack[Saying],
    ) -> Job:
        """Hand in a prompt; the log holds it when this returns.

        A try that is repeated bears the same Idempotency-Key, so that it makes no second job: give one of your own to
        be safe over a restart of your program, too. Without a model, the first that the key may use is asked.

        Raises:
            WrongField: a value cannot be written as JSON.
            WrongRequest: the gateway refuses a value; `param` names it.
        """
        asked = model or await self.first_model()
        try:
            return await self.submit_body(saying.body_of({"model": asked, "input": input, **said}), idempotency_key)
        except NotFound as error:
            if model is not None or error.code != MODEL_NOT_FOUND:
                raise
        # Others are served by now than when we asked.
        if self._model == asked:
            self._model = ""
        body = saying.body_of({"model": await self.first_model(), "input": input, **said})
        return await self.submit_body(body, idempotency_key)

    async def submit_body(self, body: bytes, idempotency_key: str | None = None) -> Job:
        """The same with a body of `POST /v1/jobs` that somebody else has written."""
        key = idempotency_key or new_id("try", self._clock)
        quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return await self._wire.ask(Job, "POST", "v1/jobs", body=body, headers={"Idempotency-Key": quoted})

    async def get(self, job_id: str) -> Job:
        """The job as it stands."""
        return await self._wire.ask(Job, "GET", path_of(job_id))

    async def list(
        self, *, after: str | None = None, limit: int = 20, order: Order = "desc", **wanted: Unpack[WantedJobs]
    ) -> Page[Job]:
        """Some of them, newest first unless said otherwise."""
        metadata = {f"metadata[{name}]": value for name, value in (wanted.pop("metadata", None) or {}).items()}
        asked = {"limit": limit, "order": order, "after": after, **wanted, **metadata}
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return await self._wire.ask(Page[Job], "GET", "v1/jobs", params=params)

    async def events(self, job_id: str, *, after: str = "", appears_s: float = 0.0) -> AsyncGenerator[JobEvent, None]:
        """Everything that is told of a job after that event's id, up to `DoneTold`, over any number of connections.

        `appears_s`: see `wait`.
        """
        async with aclosing(self.follow(job_id, after=after, appears_s=appears_s)) as events:
            async for event in events:
                if (told := read(event)) is not None:
                    yield told

    def follow(self, job_id: str, *, after: str = "", appears_s: float = 0.0) -> AsyncGenerator[ServerSentEvent, None]:
        """The same as it came over the wire."""
        return follow(self._wire, job_id, after, appears_s)

    async def stream(self, job_id: str, *, appears_s: float = 0.0) -> AsyncGenerator[Piece, None]:
        """The answer piece by piece, as it comes; nothing twice, nothing left out, however often the connection breaks.

        Raises:
            JobFailed: it ended without an answer.
        """
        shown = Shown()
        async with aclosing(self.events(job_id, appears_s=appears_s)) as events:
            async for event in events:
                if (piece := shown.take(event)) is not None:
                    yield piece
                if isinstance(event, DoneTold) and event.job.text is None:
                    raise JobFailed(event.job)

    async def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        appears_s: float = 0.0,
        show: Callable[[str], None] = lambda _: None,
    ) -> Job:
        """The job once it has ended, however it ends; `show` is told each status it comes to.

        `appears_s` is how long the job may be unknown at first: for prompts that were published straight to the log.

        Raises:
            TimedOut: it has not ended within `timeout_s`; it goes on.
        """
        try:
            async with asyncio.timeout(timeout_s), aclosing(self.events(job_id, appears_s=appears_s)) as events:
                async for event in events:
                    if isinstance(event, StatusTold):
                        show(event.status)
                    if isinstance(event, DoneTold):
                        return event.job
        except TimeoutError:
            raise TimedOut(job_id, timeout_s or 0.0) from None
        raise AssertionError("a stream ends with `done`, or with an error")

    async def answer(
        self,
        input: str | None = None,
        *,
        model: str | None = None,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
        **said: Unpack[Saying],
    ) -> Job:
        """Submit a prompt and wait for its answer, which is the job's `text`.

        Raises:
            JobFailed: it ended without an answer.
            TimedOut: it has not ended within `timeout_s`; it goes on.
        """
        job = await self.submit(input, model=model, idempotency_key=idempotency_key, **said)
        ended = await self.wait(job.id, timeout_s=timeout_s)
        if ended.text is None:
            raise JobFailed(ended)
        return ended

    async def cancel(self, job_id: str) -> Job:
        """Want the answer no longer: a job that waits never runs, one that runs is stopped. Twice is once."""
        return await self._wire.ask(Job, "POST", path_of(job_id, "cancel"))

    async def feedback(
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
        said: Mapping[str, Any] = {
            "kind": kind,
            "value": value,
            "comment": comment,
            "tags": list(tags) or None,
            "author": author,
        }
        return await self._wire.ask(Feedback, "POST", path_of(job_id, "feedback"), body=saying.body_of(said))

    async def timeline(self, job_id: str) -> Timeline:
        """When each step of the job's life happened."""
        return await self._wire.ask(Timeline, "GET", path_of(job_id, "timeline"))

    async def models(self) -> tuple[Model, ...]:
        """The models that the key may use."""
        return (await self._wire.ask(Page[Model], "GET", "v1/models")).data

    async def first_model(self) -> str:
        """The first of them; asked for once, and again when it is served no more."""
        if not self._model:
            found = await self.models()
            if not found:
                raise Refused(Told(status=200, error=JobError(message="it serves no model")))
            self._model = found[0].id
        return self._model
