"""GET /v1/jobs/{id}/events: a job's stream as server-sent events, resumable on any gateway."""

import asyncio

from aiohttp import web

from gateway import headers, streaming
from gateway.job_desk import JobDesk
from gateway.keys import CALLER, JOB_DESK, LIVE, RETENTION, SCRIPTS, SETTINGS, STOPPING
from gateway.live import Reader
from infra import sse
from infra.errors import Unavailable
from producers.jobs import live
from producers.jobs.live import Entry
from producers.jobs.record import Retention
from producers.jobs.scripts import Scripts

COME_BACK_MS = 500
"""What is left of this gateway should be out of its load balancer by then."""


async def follow_job(request: web.Request) -> web.StreamResponse:
    """Everything after `Last-Event-ID`, then what comes, until `done`; 204 where nothing is left to tell.

    A reader whose last event is none of this stream's gets all text so far first, in place of what it has.
    """
    app, after = request.app, headers.last_event_id(request.headers)
    job = await app[JOB_DESK].find(request.match_info["job_id"], request[CALLER].tenant)
    is_lost = after is None or after > job.seq
    seen = 0 if after is None or is_lost else after
    if job.ended and seen == job.seq:
        return web.Response(status=204)
    response = web.StreamResponse(headers=streaming.HEADERS)
    if job.ended:
        entries = [] if is_lost else await live.entries_after(app[SCRIPTS], job.job_id, seen)
        await response.prepare(request)
        await response.write(streaming.encode_rest(job, entries, -1 if is_lost else seen, app[RETENTION]))
        return response
    snapshot = await _so_far(app[SCRIPTS], job.job_id) if is_lost else None
    async with app[LIVE].reading(job.job_id, snapshot.seq if snapshot else seen) as reader:
        await response.prepare(request)
        if snapshot:
            await response.write(streaming.encode_entry(snapshot))
        ping_s, stopping = app[SETTINGS].ping_every_s, app[STOPPING]
        await _follow(response, reader, app[JOB_DESK], app[RETENTION], ping_s=ping_s, stopping=stopping)
    return response


async def _so_far(scripts: Scripts, job_id: str) -> Entry:
    """All text of a job that has been shown, as one entry."""
    told = [entry for entry in await live.entries_after(scripts, job_id) if entry.kind != "done"]
    return Entry(told[-1].seq if told else 0, "snapshot", live.text_of(told))


async def _follow(
    response: web.StreamResponse,
    reader: Reader,
    desk: JobDesk,
    retention: Retention,
    *,
    ping_s: float,
    stopping: asyncio.Event,
) -> None:
    while not stopping.is_set():
        after = reader.last
        try:
            entries, ended = await desk.heard(reader, ping_s)
        except Unavailable:
            return  # the client comes back with its Last-Event-ID
        if ended is not None:
            await response.write(streaming.encode_rest(ended, entries, after, retention))
            return
        told = b"".join(streaming.encode_entry(entry) for entry in entries if entry.kind != "done")
        await response.write(told or sse.PING)
    await response.write(sse.come_back(COME_BACK_MS))
