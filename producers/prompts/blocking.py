"""Prompts straight to the log for programs without an event loop: the same calls, each of which waits."""

from types import TracebackType
from typing import Self, Unpack

from infra.errors import Unavailable
from infra.loop_thread import LoopThread
from producers.prompts.publishing import PromptPublisher, PublisherSettings, Receipt
from producers.prompts.saying import Saying


class SyncPromptPublisher:
    """`PromptPublisher` over a loop in a thread of its own; may be called from any thread, and from notebooks."""

    def __init__(self, settings: PublisherSettings, *, service: str = "service") -> None:
        self._settings = settings
        self._service = service
        self._loop: LoopThread | None = None
        self._publisher: PromptPublisher | None = None

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            Unavailable: no broker answers.
        """
        self._loop = LoopThread(f"prompts-{self._service}")
        try:
            self._publisher = self._loop.run(self._entered())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is under way be acknowledged, and disconnect."""
        self.close()

    def close(self) -> None:
        """The same without `with`; twice is once."""
        if self._loop is not None and self._publisher is not None:
            publisher, self._publisher = self._publisher, None
            try:
                self._loop.run(publisher.close())
            finally:
                self._loop.close()

    def submit(
        self,
        input: str | None = None,
        *,
        tenant: str,
        model: str,
        key_id: str | None = None,
        idempotency_key: str | None = None,
        traceparent: str | None = None,
        **said: Unpack[Saying],
    ) -> Receipt:
        """Publish a prompt; the log holds it when this returns. See `PromptPublisher.submit`.

        Raises:
            WrongField: something is missing or wrong.
            TooLarge: the prompt is larger than the gateway would take.
            Unavailable: no acknowledgement in time, or the publisher is closed.
        """
        if self._loop is None or self._publisher is None:
            raise Unavailable("kafka", "the publisher is not open: use it in a `with` block")
        return self._loop.run(
            self._publisher.submit(
                input,
                tenant=tenant,
                model=model,
                key_id=key_id,
                idempotency_key=idempotency_key,
                traceparent=traceparent,
                **said,
            )
        )

    async def _entered(self) -> PromptPublisher:
        return await PromptPublisher(self._settings, service=self._service).__aenter__()
