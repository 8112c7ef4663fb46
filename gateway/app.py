"""What the gateway is put together from; each resource is started and stopped in its own context."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from gateway import middlewares, routes
from gateway.background import Background
from gateway.earlier_answers import EarlierAnswers
from gateway.job_desk import JobDesk
from gateway.keys import (
    BACKGROUND,
    CLOCK,
    CONVERSATIONS,
    FEEDBACK,
    INTAKE,
    JOB_DESK,
    LEAVING,
    LIVE,
    METRICS,
    PROXIES,
    PUBLISHER,
    REGISTRY,
    RENDERER,
    REPORTS,
    RETENTION,
    SCRIPTS,
    SETTINGS,
    SIGN_INS,
    STOPPING,
    SUBMISSIONS,
    WEBHOOKS,
)
from gateway.live import Live
from gateway.renderer import Renderer
from gateway.settings import GatewaySettings
from gateway.sign_ins import SignIns
from gateway.submission import Submissions
from infra import redis
from infra.clock import Clock, SystemClock
from infra.settings import KafkaSettings, RedisSettings
from infra.telemetry.metrics import Metrics
from producers.answer_cache import AnswerCache
from producers.conversations import Conversations
from producers.destinations import Policy
from producers.feedback import Feedback
from producers.jobs.endings import Endings
from producers.jobs.intake import Intake
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts
from producers.jobs.settling import Settling
from producers.publisher import Publisher
from producers.registry import RegistryReader

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


def create_app(
    settings: GatewaySettings, parts: Parts, *, clock: Clock | None = None, metrics: Metrics | None = None
) -> web.Application:
    """The gateway as an aiohttp application; it connects when it starts.

    Raises:
        Unavailable: an address is missing.
    """
    app = web.Application(
        middlewares=[middlewares.name_request, middlewares.answer_errors, middlewares.authenticate, middlewares.count],
        client_max_size=settings.body_limit_bytes,
    )
    app[SETTINGS], app[RETENTION], app[WEBHOOKS] = settings, parts.retention, parts.webhooks
    app[CLOCK], app[METRICS] = clock or SystemClock(), metrics or Metrics()
    app[LEAVING], app[STOPPING], app[BACKGROUND] = asyncio.Event(), asyncio.Event(), Background()
    app[PROXIES], app[SIGN_INS] = settings.proxies, SignIns(settings.failed_sign_ins_per_minute)
    app[PUBLISHER] = publisher = Publisher(parts.kafka, CLIENT_ID)
    app[REGISTRY] = RegistryReader(parts.kafka, CLIENT_ID)
    app[SCRIPTS] = scripts = Scripts(redis.client(parts.redis), parts.redis)
    app[INTAKE] = intake = Intake(scripts, parts.retention)
    app[CONVERSATIONS] = Conversations(scripts, parts.retention)
    app[FEEDBACK] = Feedback(scripts, parts.retention)
    earlier = EarlierAnswers(AnswerCache(scripts), app[CLOCK])
    endings = Endings(publisher, Settling(scripts, parts.retention), app[METRICS])
    app[SUBMISSIONS] = Submissions(publisher, intake, earlier, scripts, app[METRICS])
    app[JOB_DESK] = JobDesk(scripts, intake, endings, app[CLOCK])
    app[LIVE] = Live(parts.redis, scripts)
    app.router.add_routes(routes.table())
    app.on_response_prepare.append(middlewares.show_name)
    app.on_shutdown.append(_say_stopping)
    app.cleanup_ctx.extend([_redis, _publisher, _registry, _live, _reports, _renderer, _background])
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
    task = asyncio.create_task(app[LIVE].run(), name="live")
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _reports(app: web.Application) -> AsyncIterator[None]:
    timeout = aiohttp.ClientTimeout(total=app[SETTINGS].reports_timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        app[REPORTS] = session
        yield


async def _renderer(app: web.Application) -> AsyncIterator[None]:
    app[RENDERER] = Renderer()
    yield
    app[RENDERER].close()


async def _background(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[BACKGROUND].finish(FINISH_S)
