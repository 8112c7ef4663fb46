"""Prompts straight to the log, for services that we trust as we trust our gateway: no HTTP, no limits of a key.

The checks are the gateway's own. What is published is a job like any other as soon as the state view has read it.
"""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, Unpack

import msgspec

from infra import redis, stack_file
from infra.clock import Clock, SystemClock
from infra.errors import TooLarge, Unavailable, WrongField
from infra.ids import derived_id, new_id
from infra.settings import KafkaSettings, LocalSettings, RedisSettings
from infra.telemetry import trace
from producers.access.keys import is_tenant
from producers.conversations.store import Conversations
from producers.events import PromptSubmitted
from producers.log import topics
from producers.log.publisher import Publisher
from producers.prompts import bounds, reading, saying
from producers.prompts.reading import Envelope
from producers.prompts.saying import Saying
from producers.settings import PromptSettings, WebhookSettings
from producers.state import view
from producers.state.retention import Retention
from producers.state.scripts import Scripts

CONNECT_S: Final = 10.0
AT_ONCE: Final = 1000
"""Prompts of one publisher that may wait for their acknowledgement; the next one waits for room."""


@dataclass(frozen=True)
class PublisherSettings:
    """What a publisher of prompts is told; Redis is needed for turns of conversations only."""

    kafka: KafkaSettings
    prompts: PromptSettings = field(default_factory=PromptSettings)
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)
    redis: RedisSettings | None = None

    @classmethod
    def from_env(cls) -> Self:
        """As the gateway would read them: from the environment, and from the stack that runs in this folder.

        Raises:
            WrongSetting: a variable is wrong.
            Unavailable: the stack of this folder was killed.
        """
        kafka = KafkaSettings.from_env()
        stack = stack_file.read(LocalSettings.from_env())
        its_log = None if stack_file.address_of(kafka) else stack
        redis_settings = stack_file.addressed(RedisSettings.from_env(), stack)
        return cls(
            stack_file.addressed(kafka, stack),
            stack_file.shared(PromptSettings, its_log),
            stack_file.shared(WebhookSettings, its_log),
            redis_settings if redis_settings.url else None,
        )


@dataclass(frozen=True)
class Receipt:
    """The log holds the prompt, on all in-sync replicas, at this place; its answer will be the job's."""

    job_id: str
    topic: str
    partition: int
    offset: int
    at_ms: float


class PromptPublisher:
    """Publishes prompts for any tenant: `async with PromptPublisher(settings) as prompts`."""

    def __init__(self, settings: PublisherSettings, *, service: str = "service", clock: Clock | None = None) -> None:
        self._settings = settings
        self._service = service
        self._clock = clock or SystemClock()
        self._publisher = Publisher(settings.kafka, f"prompts-{service}")
        self._room = asyncio.Semaphore(AT_ONCE)
        self._redis = None if settings.redis is None else redis.client(settings.redis)
        self._scripts = None if self._redis is None or settings.redis is None else Scripts(self._redis, settings.redis)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Unavailable: no broker answers.
        """
        self._publisher.start()
        try:
            await self._publisher.wait_connected(CONNECT_S)
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what is under way be acknowledged, and disconnect."""
        await self.close()

    async def close(self) -> None:
        """The same without `async with`; twice is once."""
        await self._publisher.close()
        if self._redis is not None:
            await self._redis.aclose()

    async def submit(
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
        """Publish a prompt; the log holds it when this returns.

        The same tenant and `idempotency_key` are the same job, however often and by whichever process it is published:
        of records that differ the first one that a worker claims counts. `key_id` names the API key whose secret signs
        the webhook.

        Raises:
            WrongField: something is missing or wrong; `field` says what. Nothing was published.
            TooLarge: the prompt is larger than the gateway would take. Nothing was published.
            Unavailable: no acknowledgement in time; try again after `after_s`, under an `idempotency_key`, because the
                record may still appear.
        """
        prompt = self._read({"input": input, "model": model, **said}, tenant, key_id, idempotency_key, traceparent)
        if prompt.conversation is not None:
            prompt = await self._at_home(prompt, prompt.conversation)
        await self._take_room()
        try:
            written = await self._publisher.submit(prompt)
        finally:
            self._room.release()
        topic = f"{self._settings.kafka.topic_prefix}{topics.prompts(prompt.lane).name}"
        return Receipt(prompt.job_id, topic, written.partition, written.offset, written.timestamp_ms)

    def _read(
        self, said: dict[str, Any], tenant: str, key_id: str | None, key: str | None, traceparent: str | None
    ) -> PromptSubmitted:
        if not is_tenant(tenant):
            raise WrongField("tenant must have 1 to 64 letters, digits, '.', '_' or '-'.", "tenant")
        if key is not None and not bounds.is_idempotency_key(key):
            raise WrongField(f"idempotency_key must have {bounds.IDEMPOTENCY_KEY}.", "idempotency_key")
        if said.get("webhook") is not None and key_id is None:
            raise WrongField("webhook: give the key_id of the API key whose secret is to sign it.", "webhook")
        if said.get("cache") == "only":
            raise WrongField("cache: only the gateway can answer from the cache alone.", "cache")
        if said.get("replaces") is not None:
            raise WrongField("replaces: only the gateway can tell which turn is the last.", "replaces")
        body, limit = saying.body_of(said), self._settings.prompts.body_limit_bytes
        if len(body) > limit:
            raise TooLarge(f"the prompt has {len(body)} bytes; {limit} is the most")
        envelope = Envelope(
            route=reading.JOBS,
            job_id=new_id("job", self._clock) if key is None else derived_id("job", f"{tenant}\n{key}"),
            tenant=tenant,
            key_id=bounds.short("key_id", key_id) or f"service:{self._service}",
            received_ms=self._clock.now_ms(),
            traceparent=trace.child_of(traceparent),
            idempotency_key=key,
        )
        return reading.read_prompt(body, envelope, self._settings.prompts, self._settings.webhooks.policy)[0]

    async def _at_home(self, prompt: PromptSubmitted, conversation: str) -> PromptSubmitted:
        """A turn goes to the lane of its conversation, which must be the tenant's: what no worker asks again."""
        if self._scripts is None:
            raise WrongField("conversation: whose it is, only Redis knows; give its settings.", "conversation")
        conversations = Conversations(self._scripts, Retention())
        found = await conversations.read(conversation)
        if found is None:
            await view.must_be_whole(self._scripts)
        if found is None or found.tenant != prompt.tenant:
            raise WrongField("There is no such conversation.", "conversation", code="not_found")
        return msgspec.structs.replace(prompt, lane=await conversations.pinned(conversation, prompt.lane))

    async def _take_room(self) -> None:
        patience_s = self._settings.kafka.ack_timeout_s
        try:
            async with asyncio.timeout(patience_s):
                await self._room.acquire()
        except TimeoutError:
            raise Unavailable("kafka", f"{AT_ONCE} prompts wait for their acknowledgement already") from None
