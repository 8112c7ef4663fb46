"""A running gateway for tests, a client for it, and a worker played by the test through the same log and scripts."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from kafka import TopicPartition

from gateway.app import Parts, create_app
from gateway.keys import PUBLISHER, REGISTRY, SCRIPTS
from gateway.serving import Runner
from gateway.settings import GatewaySettings
from infra import kafka
from infra.sealing import Seal
from infra.settings import KafkaSettings, RedisSettings
from infra.sse import Parser, ServerSentEvent
from producers.access.keys import DEFAULT_LIMITS, Minted, mint
from producers.events import LANES, Limits, PromptSubmitted, Terminal
from producers.jobs import live
from producers.jobs.lease import Finishing, Lease, Leases
from producers.jobs.live import Piece
from producers.jobs.settling import Settling
from producers.log import codec
from producers.log.publisher import Publisher
from producers.log.topics import ANSWERS, Topic, prompts
from producers.log.topics import REGISTRY as REGISTRY_TOPIC
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from producers.state.view import TOPICS
from stream_workers.fanout.state_view import StateView
from tests.support.builders import CLOCK, a_completed
from tests.support.eventually import eventually
from tests.support.stack import a_prefix

MODEL = "a-model"
GENEROUS = Limits(requests_per_minute=10_000, jobs_in_flight=1_000)
SEAL = Seal("a secret key of the tests, long enough")


class Log:
    """What is said on some topics from now on, read by a thread."""

    def __init__(self, settings: KafkaSettings, topics: Sequence[Topic]) -> None:
        self._settings = settings
        self._topics = {f"{settings.topic_prefix}{topic.name}": topic for topic in topics}
        self._said: asyncio.Queue[tuple[Any, int]] = asyncio.Queue()
        self._stopping = threading.Event()
        self._at_end = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self) -> None:
        """Begin at the end of every topic."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        assert await asyncio.to_thread(self._at_end.wait, 45.0), "the end of the log was not found"

    async def next(self, tenant: str, within_s: float = 45.0) -> tuple[Any, int]:
        """The next event of that tenant, and its offset."""
        async with asyncio.timeout(within_s):
            while True:
                event, offset = await self._said.get()
                if getattr(event, "tenant", None) == tenant or getattr(event, "prompt", event).tenant == tenant:
                    return event, offset

    def nothing_waits(self) -> bool:
        """Whether all that was read was also taken."""
        return self._said.empty()

    async def close(self) -> None:
        """End the thread."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _read(self) -> None:
        consumer = kafka.consumer(self._settings, "test", fetch_max_wait_ms=20)
        partitions = [TopicPartition(n, p) for n, t in self._topics.items() for p in range(t.partitions)]
        consumer.assign(partitions)
        for partition, end in consumer.end_offsets(partitions).items():
            consumer.seek(partition, end)
        self._at_end.set()
        while not self._stopping.is_set():
            for partition, records in consumer.poll(timeout_ms=50).items():
                for each in records:
                    event = codec.decode(self._topics[partition.topic], each.value)
                    assert self._loop is not None
                    self._loop.call_soon_threadsafe(self._said.put_nowait, (event, each.offset))
        consumer.close()


@dataclass
class PlayedWorker:
    """The worker's part, by the contract: log in, leases and scripts, log out."""

    tenant: str
    log: Log
    leases: Leases
    settling: Settling
    publisher: Publisher
    held: list[Lease] = field(default_factory=list)

    async def next_prompt(self) -> tuple[PromptSubmitted, int]:
        """The next prompt of the tenant that the log holds, and its place."""
        prompt, place = await self.log.next(self.tenant)
        assert isinstance(prompt, PromptSubmitted)
        return prompt, place

    async def claim(self) -> tuple[PromptSubmitted, Lease]:
        """Take the next prompt under a lease."""
        prompt, place = await self.next_prompt()
        return prompt, await self.lease_of(prompt, place)

    async def lease_of(self, prompt: PromptSubmitted, place: int) -> Lease:
        """Take that prompt under a lease."""
        lease = await self.leases.claim(prompt, place)
        assert isinstance(lease, Lease), lease
        return lease

    async def answer(self, *pieces: str, **fields: Any) -> PromptSubmitted:
        """Answer the next prompt, piece by piece."""
        prompt, lease = await self.claim()
        for piece in pieces:
            assert (await self.leases.show(lease, [Piece(piece)])).kept == "kept"
        await self.end(lease, a_completed(prompt, "".join(pieces), **fields))
        return prompt

    async def end(self, lease: Lease, ending: Terminal) -> None:
        """Steps 6, 7 and 7b."""
        assert isinstance(await self.leases.finish(lease, ending), Finishing)
        written = await self.publisher.publish(ANSWERS, ending.job_id, ending)
        await self.settling.settle(ending, written.partition, written.offset, written.timestamp_ms)


@dataclass
class RunningGateway:
    """A gateway that serves, and what a test does to it."""

    app: web.Application
    url: str
    http: aiohttp.ClientSession
    key: Minted
    kafka: KafkaSettings
    redis: RedisSettings

    @property
    def scripts(self) -> Scripts:
        """The gateway's own way to Redis."""
        return self.app[SCRIPTS]

    @property
    def tenant(self) -> str:
        """Whose key `http` carries."""
        return self.key.event.tenant

    async def post(self, path: str, body: Any, **headers: str) -> "Answer":
        """POST JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.post(f"{self.url}{path}", json=body, headers=named) as response:
            return await Answer.of(response)

    async def get(self, path: str, **headers: str) -> "Answer":
        """GET."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(f"{self.url}{path}", headers=named) as response:
            return await Answer.of(response)

    async def has_readers(self, job_id: str) -> bool:
        """Whether the gateway listens to one of a job's channels, as Redis knows it."""
        prefix = self.scripts.prefix
        channels = live.channel(prefix, job_id), live.channel_of_end(prefix, job_id)
        return sum(count for _, count in await self.scripts.redis.pubsub_numsub(*channels)) == 1

    async def has_no_readers(self, job_id: str) -> bool:
        """Whether it listens no more."""
        return not await self.has_readers(job_id)

    async def mark_whole(self, *, is_whole: bool = True) -> None:
        """Say that the state view has read the log, as its process would."""
        view = StateView(self.scripts, Retention())
        for topic in TOPICS:
            for partition in range(topic.partitions):
                await view.positions.mark_whole(topic.name, partition, is_whole=is_whole)

    async def issue(self, tenant: str, terms: Mapping[str, Any] | None = None, **limits: int | None) -> Minted:
        """A key of that tenant, known to the gateway when this returns; `terms` are scopes, models, expiry."""
        given = msgspec.structs.replace(DEFAULT_LIMITS, **limits)
        minted = mint(CLOCK, SEAL, tenant=tenant, name="test", limits=given, **(terms or {}))
        async with a_publisher(self.kafka) as publisher:
            await publisher.publish(REGISTRY_TOPIC, minted.event.id, minted.event)
        registry = self.app[REGISTRY].registry
        await eventually(lambda: registry.key_for(minted.api_key, 0.0) is not None, what="the key in the registry")
        return minted


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: Any
    content: bytes
    json: Any

    @classmethod
    async def of(cls, response: aiohttp.ClientResponse) -> "Answer":
        """Read it."""
        content = await response.read()
        is_json = response.content_type == "application/json" and content
        return cls(response.status, response.headers, content, codec.decode_as(Any, content) if is_json else None)


def events_of(content: bytes) -> list[ServerSentEvent]:
    """The events of a whole stream."""
    return list(Parser().feed(content))


@asynccontextmanager
async def a_publisher(settings: KafkaSettings) -> AsyncIterator[Publisher]:
    """A publisher that is connected."""
    publisher = Publisher(settings, "test")
    publisher.start()
    await publisher.wait_connected(45.0)
    yield publisher
    await publisher.close()


@asynccontextmanager
async def a_gateway(
    kafka_settings: KafkaSettings,
    redis_settings: RedisSettings,
    *,
    whole: bool = True,
    wait: bool = True,
    look: Any = None,
    parts: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[RunningGateway]:
    """A gateway on a free port; its client's key is of a tenant no other test uses. `look` sees every response."""
    chosen = replace(GatewaySettings(models=(MODEL, "other/model"), port=0, opening_s=10.0), **settings)
    app = create_app(chosen, Parts(kafka_settings, redis_settings, **{"seal": SEAL, **(parts or {})}))
    if look is not None:
        app.on_response_prepare.append(look)
    runner = Runner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    minted = mint(CLOCK, SEAL, tenant=a_prefix(), name="test", limits=GENEROUS)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {minted.api_key}"}) as http:
        gateway = RunningGateway(app, url, http, minted, kafka_settings, redis_settings)
        app[REGISTRY].registry.apply(minted.event)
        if wait:
            await app[REGISTRY].wait_ready(45.0)
            await app[PUBLISHER].wait_connected(45.0)
        if whole:
            await gateway.mark_whole()
        try:
            yield gateway
        finally:
            await runner.cleanup()


@asynccontextmanager
async def a_played_worker(gateway: RunningGateway) -> AsyncIterator[PlayedWorker]:
    """A worker that sees what is submitted from now on."""
    log = Log(gateway.kafka, [prompts(lane) for lane in LANES])
    await log.start()
    leases = Leases(gateway.scripts, Retention(), "played")
    async with a_publisher(gateway.kafka) as publisher:
        yield PlayedWorker(gateway.tenant, log, leases, Settling(gateway.scripts, Retention()), publisher)
    await log.close()
