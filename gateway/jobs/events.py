"""GET /v1/jobs/{id}/events: a job's stream as server-sent events, resumable on any gateway."""

import asyncio
import logging

from aiohttp import web

from gateway.http import headers
from gateway.http.problems import Problem
from gateway.jobs import streaming
from gateway.jobs.finding import find
from gateway.keys import RETENTION, SCRIPTS, SETTINGS, STOPPING
from gateway.prompts.job_desk import JOB_DESK, JobDesk
from gateway.readers.event_stream import EventStream
from gateway.readers.leases import READER_LEASES
from gateway.readers.listeners import Reader
from gateway.readers.live import LIVE
from infra import sse
from infra.errors import Unavailable
from producers.jobs import live
from producers.state.retention import Retention
from producers.state.scripts import Scripts

log = logging.getLogger(__name__)

COME_BACK_MS = 500
"""By then this gateway should be out of its load balancer. Told early: one that is killed cannot."""


async def follow_job(request: web.Request) -> web.StreamResponse:
    """Everything after `Last-Event-ID`, then what comes, until `done`; 204 where nothing is left to tell.

    A reader whose last event is none of this stream's gets all text so far first, in place of what it has.
    """
    app, after = request.app, headers.last_event_id(request.headers)
    job = await find(request)
    is_lost = after is None or after > job.seq
    seen = 0 if after is None or is_lost else after
    if job.ended and seen == job.seq:
        return web.Response(status=204)
    stream = EventStream(request)
    if job.ended:
        entries = [] if is_lost else await live.entries_after(app[SCRIPTS], job.job_id, seen)
        return await stream.write(streaming.encode_rest(job, entries, -1 if is_lost else seen, app[RETENTION]))
    await app[READER_LEASES].asked_for(job)
    opening = sse.come_back(COME_BACK_MS)
    if is_lost:
        seen, snapshot = await _so_far(app[SCRIPTS], job.job_id)
        opening += snapshot
    async with app[LIVE].reading(job.job_id, seen) as reader:
        await stream.write(opening)
        ping_s, stopping = app[SETTINGS].ping_every_s, app[STOPPING]
        return await _follow(stream, reader, app[JOB_DESK], app[RETENTION], ping_s=ping_s, stopping=stopping)


async def _so_far(scripts: Scripts, job_id: str) -> tuple[int, bytes]:
    """All of a job that has been shown, as one event, and its number."""
    told = [entry for entry in await live.entries_after(scripts, job_id) if entry.kind != "done"]
    seq = told[-1].seq if told else 0
    return seq, streaming.encode_snapshot(seq, live.pieces_in(told))


async def _follow(
    stream: EventStream,
    reader: Reader,
    desk: JobDesk,
    retention: Retention,
    *,
    ping_s: float,
    stopping: asyncio.Event,
) -> web.StreamResponse:
    while not stopping.is_set():
        after = reader.last
        try:
            entries, ended = await desk.heard(reader, ping_s)
        except (Unavailable, Problem) as error:
            log.info("a reader is sent away: %s", error, extra={"job_id": reader.job_id})
            return await stream.write(b"")  # the client comes back with its Last-Event-ID
        if ended is not None:
            return await stream.write(streaming.encode_rest(ended, entries, after, retention))
        told = b"".join(streaming.encode_entry(entry) for entry in entries if entry.kind != "done")
        await stream.write(told or sse.PING)
    return await stream.write(sse.come_back(COME_BACK_MS))
