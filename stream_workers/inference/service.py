"""The worker process: everything put together, started, drained and stopped."""

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from infra import redis
from infra.clock import SystemClock
from infra.errors import Unavailable
from infra.fuse import Fuse
from infra.service import Service
from infra.settings import KafkaSettings, RedisSettings, TgiSettings
from infra.telemetry.metrics import Metrics
from producers.answers.answer_cache import AnswerCache
from producers.conversations.store import Conversations
from producers.jobs.endings import Endings
from producers.jobs.lease import Leases
from producers.jobs.settling import Settling
from producers.moderation import Moderator
from producers.settings import ModerationSettings, PromptSettings
from producers.state.retention import Retention
from producers.state.scripts import Scripts
from stream_workers import app as faust_app
from stream_workers.inference.agent import TOPICS, Inference
from stream_workers.inference.answering import Answering
from stream_workers.inference.attempting import Attempting
from stream_workers.inference.counts import Counts
from stream_workers.inference.fleet import STATES, Fleet, Server, name_of
from stream_workers.inference.life import Life
from stream_workers.inference.renewals import Renewals
from stream_workers.inference.slots import Slots
from stream_workers.inference.tgi import Tgi
from stream_workers.pen import FaustPen
from stream_workers.settings import WorkerSettings

log = logging.getLogger(__name__)

GROUP = "worker"
RENEW_AT = 0.3
"""A lease is renewed when so much of it has passed (3 s of 10)."""
_STOP_S = 3.0
_DRAIN_SHARE = 0.6


async def serve(
    service: Service,
    settings: WorkerSettings,
    kafka: KafkaSettings,
    redis_: RedisSettings,
    tgi: TgiSettings,
    moderation: ModerationSettings,
    prompts: PromptSettings,
) -> None:
    """Work until told to stop.

    Raises:
        Unavailable: a part is not there at the start.
        WrongSetting: there is no such hook.
        OurFault: Faust gave up.
    """
    if not tgi.url:
        raise Unavailable("tgi", f"{tgi.variable('url')} is empty: no model server is known")
    app = faust_app.create_app(
        kafka,
        GROUP,
        instance=f"{kafka.topic_prefix}{GROUP}-{settings.name}" if settings.name else "",
        session_timeout_s=settings.session_timeout_s,
        safe=settings.transport == "safe",
    )
    async with AsyncExitStack() as stack:
        client, listener = redis.client(redis_), redis.listener(redis_)
        stack.push_async_callback(client.aclose)
        stack.push_async_callback(listener.aclose)
        moderator = Moderator(moderation)
        stack.push_async_callback(moderator.close)
        fleet = Fleet([Server(name_of(each), Tgi(replace(tgi, url=each))) for each in tgi.urls], settings.slots)
        stack.push_async_callback(fleet.close)
        most, held_by = prompts.max_answer_tokens, prompts.grammars
        answering = Answering(
            fleet, settings.retry_delays_s(), moderator, most, held_by, server_continues=tgi.continues
        )
        pen = FaustPen(app, kafka, service.metrics)
        scripts = Scripts(client, redis_)
        worker = settings.name or f"{socket.gethostname()}-{os.getpid()}"
        leases = Leases(scripts, Retention(), worker, int(settings.lease_s * 1000))
        counts = Counts(service.metrics)
        renewals = Renewals(leases, scripts, counts, settings.lease_s * RENEW_AT)
        endings = Endings(pen, Settling(scripts, Retention()), service.metrics)
        life = _life(settings, scripts, leases, renewals, answering, pen, counts, endings)
        fleet.tell(life.slots.resize)
        inference = Inference(life, pen, SystemClock(), kafka.topic_prefix)
        _show(service.metrics, life.slots, app, kafka)
        for server in fleet.servers:
            _show_server(service.metrics, server)
        app.agent(faust_app.subscription(app, kafka, TOPICS), name="inference")(inference.read)
        app.on_partitions_revoked.connect(_revoked(inference), weak=False)
        app.on_partitions_assigned.connect(_assigned(service), weak=False)
        await stack.enter_async_context(faust_app.running(app, _STOP_S))
        stack.push_async_callback(pen.close)
        background = [
            asyncio.create_task(renewals.run(), name="renewals"),
            asyncio.create_task(renewals.listen(listener), name="cancels"),
            asyncio.create_task(faust_app.crashed(app), name="faust"),
            asyncio.create_task(service.stopping.wait(), name="stopping"),
        ]
        stack.push_async_callback(_cancel, background)
        await asyncio.wait(background, return_when=asyncio.FIRST_COMPLETED)
        await inference.close(service.settings.drain_s * _DRAIN_SHARE)
        _raise_what_ended(background)


def _life(
    settings: WorkerSettings,
    scripts: Scripts,
    leases: Leases,
    renewals: Renewals,
    answering: Answering,
    pen: FaustPen,
    counts: Counts,
    endings: Endings,
) -> Life:
    attempting = Attempting(
        clock=SystemClock(),
        scripts=scripts,
        leases=leases,
        answering=answering,
        conversations=Conversations(scripts, Retention()),
        cache=AnswerCache(scripts),
        pen=pen,
        counts=counts,
        flush_s=settings.flush_s,
    )
    return Life(
        slots=Slots(settings.slots, settings.most_for_batch),
        leases=leases,
        renewals=renewals,
        attempting=attempting,
        endings=endings,
        counts=counts,
        fuse=Fuse(settings.die_after),
    )


def _show(metrics: Metrics, slots: Slots, app: faust_app.WorkerApp, kafka: KafkaSettings) -> None:
    """Have looked up at each scrape what nobody needs to count."""
    metrics.slots.set_function(lambda: slots.size)
    metrics.slots_busy.set_function(lambda: slots.busy)

    async def look() -> None:
        for topic, records in faust_app.behind(app).items():
            metrics.consumer_lag.labels(GROUP, topic.removeprefix(kafka.topic_prefix)).set(records)

    metrics.look_up(metrics.consumer_lag, look)


def _show_server(metrics: Metrics, server: Server) -> None:
    metrics.server_seats.labels(server.name).set_function(lambda: server.seats)
    metrics.server_busy.labels(server.name).set_function(lambda: server.under_way)
    for state in STATES:
        metrics.server_state.labels(server.name, state).set_function(functools.partial(_is_in, server, state))
    server.told = lambda outcome: metrics.server_outcomes.labels(server.name, outcome).inc()


def _is_in(server: Server, state: str) -> float:
    return float(server.state == state)


def _revoked(inference: Inference) -> Callable[..., Awaitable[None]]:
    async def let_go(_: Any, revoked: Any, **__: Any) -> None:
        inference.let_go(revoked)

    return let_go


def _assigned(service: Service) -> Callable[..., Awaitable[None]]:
    async def tell(_: Any, assigned: Any, **__: Any) -> None:
        log.info("partitions assigned", extra={"partitions": len(assigned)})
        service.ready()

    return tell


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def _raise_what_ended(tasks: list[asyncio.Task[Any]]) -> None:
    """A background task that ended by an error takes the process with it: the supervisor starts a fresh one."""
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error
