"""GET /v1/jobs/{id}/events: a job's stream as server-sent events, resumable on any gateway."""

import msgspec
from aiohttp import web

from gateway import headers, streaming
from gateway.job_object import job_object
from gateway.jobs import find_job
from gateway.keys import LIVE, RETENTION, SCRIPTS, SETTINGS, STOPPING
from gateway.live import Reader
from infra import sse
from infra.errors import Unavailable
from producers.jobs import live, record
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord

HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def follow_job(request: web.Request) -> web.StreamResponse:
    """Everything after `Last-Event-ID`, then what comes, until `done`; 204 where nothing is left to tell.

    A reader whose last event is none of this stream's gets all text so far first, in place of what it has.
    """
    app, job, after = request.app, await find_job(request), headers.last_event_id(request.headers)
    is_lost = after is None or after > job.seq
    seen = 0 if after is None or is_lost else after
    if job.ended and seen == job.seq:
        return web.Response(status=204)
    response = web.StreamResponse(headers=HEADERS)
    if job.ended:
        entries = [] if is_lost else await live.entries_after(app[SCRIPTS], job.job_id, seen)
        await response.prepare(request)
        await response.write(_told(app, job, entries, -1 if is_lost else seen))
        return response
    snapshot = await _so_far(app, job.job_id) if is_lost else None
    async with app[LIVE].reading(job.job_id, snapshot.seq if snapshot else seen) as reader:
        await response.prepare(request)
        if snapshot:
            await response.write(streaming.encode_entry(snapshot))
        await _follow(request, response, reader)
    return response


async def _so_far(app: web.Application, job_id: str) -> Entry:
    """All text of a job that has been shown, as one entry."""
    told = [entry for entry in await live.entries_after(app[SCRIPTS], job_id) if entry.kind != "done"]
    return Entry(told[-1].seq if told else 0, "snapshot", live.text_of(told))


async def _follow(request: web.Request, response: web.StreamResponse, reader: Reader) -> None:
    app, ping_s = request.app, request.app[SETTINGS].ping_every_s
    while not app[STOPPING].is_set():
        after = reader.last
        try:
            entries = await reader.more(ping_s)
            done = bool(entries) and entries[-1].kind == "done"
            # A stream that says nothing may have lost its end (Redis was emptied): the job itself knows.
            job = await record.read(app[SCRIPTS], reader.job_id) if done or not entries else None
        except Unavailable:
            return  # the client comes back with its Last-Event-ID
        if job is not None and job.ended:
            await response.write(_told(app, job, entries, after))
            return
        told = b"".join(streaming.encode_entry(entry) for entry in entries if entry.kind != "done")
        await response.write(told or sse.PING)


def _told(app: web.Application, job: JobRecord, entries: list[Entry], after: int) -> bytes:
    """The rest of the stream of an ended job; where its beginning is no longer kept, all its text at once."""
    tokens = [entry for entry in entries if entry.kind != "done"]
    lost = not tokens or tokens[0].seq > after + 1
    parts = [streaming.encode_entry(entry) for entry in tokens]
    if lost and job.ending is not None and after < job.seq - 1:
        parts = [streaming.encode_entry(Entry(job.seq - 1, "snapshot", job.ending.text))]
    body = msgspec.json.encode(job_object(job, app[RETENTION]))
    return b"".join([*parts, streaming.encode_done(job.seq, body)])
