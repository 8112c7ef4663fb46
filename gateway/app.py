"""What the gateway is put together from; each resource is started and stopped in its own context."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import aiohttp
from aiohttp import web

from gateway import routes
from gateway.access.sign_ins import SignIns
from gateway.background import Background
from gateway.batches.asking import Rules
from gateway.batches.embedding import Bench
from gateway.batches.filling import Desks
from gateway.batches.holding import Holder, can_be_run
from gateway.batches.runner import BATCH_RUNNER, Runner
from gateway.batches.running import taken_up
from gateway.batches.settings import BatchSettings
from gateway.embeddings.embedding import EMBEDDINGS, Embeddings
from gateway.embeddings.server import EMBEDDING_SERVER, EmbeddingServer
from gateway.embeddings.settings import EmbeddingsSettings
from gateway.files import uploads
from gateway.files.settings import FilesSettings
from gateway.files.store import SETTINGS_OF_FILES, STORE, FileStore
from gateway.files.sweeping import Sweeper
from gateway.keys import (
    BACKGROUND,
    BATCHES,
    CLOCK,
    CONVERSATIONS,
    FEEDBACK,
    FILES,
    FUSE,
    INTAKE,
    LEAVING,
    LOG,
    METRICS,
    MODERATOR,
    ONCE,
    PROXIES,
    PUBLISHER,
    REGISTRY,
    REPORTS,
    RETENTION,
    SCRIPTS,
    SEAL,
    SETTINGS,
    STOPPING,
    WEBHOOKS,
)
from gateway.markdown.renderer import RENDERER, Renderer
from gateway.middlewares import cors, counting, errors, idempotency, inviting, naming, signing_in
from gateway.openapi import queries
from gateway.prompts.earlier_answers import EarlierAnswers
from gateway.prompts.job_desk import JOB_DESK, JobDesk
from gateway.prompts.submission import SUBMISSIONS, Submissions
from gateway.readers.following import FOLLOWING, Following
from gateway.readers.leases import READER_LEASES, ReaderLeases
from gateway.readers.live import LIVE, Live
from gateway.repeats import making
from gateway.settings import GatewaySettings
from infra import redis
from infra.clock import Clock, SystemClock
from infra.fuse import Fuse
from infra.ids import new_id
from infra.sealing import Seal
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.access.keys import has_expired
from producers.access.registry import RegistryReader
from producers.answers.feedback import Feedback
from producers.batches.store import Batch, Batches
from producers.conversations.store import Conversations
from producers.destinations import Policy
from producers.files.store import Files
from producers.idempotency.once import Once
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.settling import Settling
from producers.log.publisher import Publisher
from producers.moderation import Moderator
from producers.settings import ModerationSettings
from producers.state.retention import Retention
from producers.state.scripts import Scripts

CLIENT_ID = "gateway"
FINISH_S = 3.0
"""How long work that outlives its request may take when the app ends."""


@dataclass(frozen=True)
class Parts:
    """Addresses of the parts the gateway stands on, and policy."""

    kafka: KafkaSettings
    redis: RedisSettings
    retention: Retention = field(default_factory=Retention)
    webhooks: Policy = field(default_factory=Policy)
    files: FilesSettings = field(default_factory=FilesSettings)
    batches: BatchSettings = field(default_factory=BatchSettings)
    embeddings: EmbeddingsSettings = field(default_factory=EmbeddingsSettings)
    seal: Seal | None = None
    moderation: ModerationSettings = field(default_factory=ModerationSettings)


def create_app(
    settings: GatewaySettings, parts: Parts, *, clock: Clock | None = None, metrics: Metrics | None = None
) -> web.Application:
    """The gateway as an aiohttp application; it connects when it starts.

    Raises:
        Unavailable: an address is missing.
    """
    app = web.Application(
        middlewares=[
            naming.name_request,
            errors.answer_errors,
            cors.answer_preflight,
            signing_in.authenticate,
            counting.count,
            inviting.judge_head,
            idempotency.make_once,
        ],
        client_max_size=settings.body_limit_bytes,
    )
    app._router = routes.Router()  # the argument for it is deprecated, and nothing stands in its place
    app[SETTINGS], app[RETENTION], app[WEBHOOKS] = settings, parts.retention, parts.webhooks
    app[CLOCK], app[METRICS] = clock or SystemClock(), metrics or Metrics()
    app[LEAVING], app[STOPPING], app[BACKGROUND] = asyncio.Event(), asyncio.Event(), Background()
    app[PROXIES], app[signing_in.SIGN_INS] = settings.proxies, SignIns(settings.failed_sign_ins_per_minute)
    app[PUBLISHER] = publisher = Publisher(parts.kafka, CLIENT_ID)
    app[REGISTRY] = RegistryReader(parts.kafka, CLIENT_ID)
    app[SEAL], app[LOG] = parts.seal, parts.kafka
    app[MODERATOR] = Moderator(parts.moderation)
    app[SCRIPTS] = scripts = Scripts(redis.client(parts.redis), parts.redis)
    app[INTAKE] = intake = Intake(scripts, parts.retention, settings.conversation_bytes, settings.longest_wait_s)
    app[ONCE] = Once(scripts)
    app[CONVERSATIONS] = Conversations(scripts, parts.retention)
    app[FEEDBACK] = Feedback(scripts, parts.retention)
    earlier = EarlierAnswers(app[CLOCK])
    endings = Endings(publisher, Settling(scripts, parts.retention), app[METRICS])
    app[FUSE] = fuse = Fuse(settings.die_after)
    app[JOB_DESK] = desk = JobDesk(scripts, intake, endings, app[CLOCK], parts.retention, fuse)
    app[SUBMISSIONS] = Submissions(publisher, intake, app[MODERATOR], earlier, desk, scripts, app[METRICS], fuse)
    app[LIVE] = live = Live(parts.redis, scripts)
    app[FOLLOWING] = Following(scripts, live, app[STOPPING], settings.ping_every_s)
    app[READER_LEASES] = ReaderLeases(scripts, live, settings.reader_grace_s)
    app[EMBEDDING_SERVER] = EmbeddingServer(parts.embeddings)
    app[EMBEDDINGS] = Embeddings(app[EMBEDDING_SERVER], intake, app[MODERATOR], publisher)
    app[SETTINGS_OF_FILES], app[STORE] = parts.files, FileStore(parts.files)
    app[inviting.LONGEST_BYTES] = {"/v1/files": parts.files.max_bytes + uploads.AROUND_FILE_BYTES}
    app[inviting.ASKED] = queries.known()
    app[FILES] = Files(scripts, parts.retention)
    app[BATCHES] = Batches(scripts, parts.retention, int(parts.batches.lease_s * 1000))
    app[BATCH_RUNNER] = _batch_runner(app, parts.batches)
    app.router.add_routes(routes.table())
    app.on_response_prepare.extend([naming.show_name, making.show, cors.show])
    app.on_shutdown.append(_say_stopping)
    app.cleanup_ctx.extend(
        [_redis, _publisher, _registry, _live, _reports, _renderer, _moderator, _background, _embeddings, _batches]
    )
    return app


async def _say_stopping(app: web.Application) -> None:
    """Readers of job events end now: they come back to another gateway with their Last-Event-ID."""
    app[STOPPING].set()
    app[LIVE].nudge()


async def _redis(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[SCRIPTS].redis.aclose()


async def _publisher(app: web.Application) -> AsyncIterator[None]:
    app[PUBLISHER].start()
    yield
    await app[PUBLISHER].close()


async def _registry(app: web.Application) -> AsyncIterator[None]:
    app[REGISTRY].start()
    yield
    await app[REGISTRY].close()


async def _live(app: web.Application) -> AsyncIterator[None]:
    tasks = [
        asyncio.create_task(app[LIVE].run(), name="live"),
        asyncio.create_task(app[READER_LEASES].run(), name="reader leases"),
    ]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def _reports(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=app[SETTINGS].reports_timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        app[REPORTS] = session
        yield


async def _renderer(app: web.Application) -> AsyncIterator[None]:
    app[RENDERER] = Renderer()
    yield
    app[RENDERER].close()


async def _moderator(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[MODERATOR].close()


async def _background(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[BACKGROUND].finish(FINISH_S)


async def _embeddings(app: web.Application) -> AsyncIterator[None]:
    async with app[EMBEDDING_SERVER].connected():
        yield


async def _batches(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(app[BATCH_RUNNER].run(), name="batches")
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _batch_runner(app: web.Application, settings: BatchSettings) -> Runner:
    name, reader = new_id("runner", app[CLOCK]), app[REGISTRY]
    holder = Holder(name, app[BATCHES], app[SCRIPTS], app[PUBLISHER], app[CLOCK], settings.look_every_s)
    sweeper = Sweeper(app[STORE], app[FILES], app[SCRIPTS], app[CLOCK])
    desks = Desks(app[SUBMISSIONS], app[JOB_DESK], app[SCRIPTS], app[CLOCK])
    bench = Bench(app[EMBEDDINGS], app[INTAKE], app[STORE], app[FILES])

    def rules_of(batch: Batch) -> Rules | None:
        if not reader.ready or not app[STORE].is_given:
            return None
        registry, key_id, now_ms = reader.registry, batch.submitted.key_id, app[CLOCK].now_ms()
        key = None if key_id in registry.revoked else registry.keys.get(key_id)
        if key is not None and has_expired(key, now_ms):
            key = None
        rules = Rules(
            app[SETTINGS], app[WEBHOOKS], key, registry.limits_of(batch.submitted.tenant), app[EMBEDDINGS].models
        )
        return rules if can_be_run(batch, rules, now_ms) else None

    begin = partial(taken_up, desks=desks, bench=bench)
    return Runner(holder, begin, rules_of, sweeper, app[METRICS], settings.lines_in_flight)
