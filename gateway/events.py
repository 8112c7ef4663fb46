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
    """Everything after `Last-Event-ID`, then what comes, until `done`; 204 where nothing is left to tell."""
    job, after = await find_job(request), headers.last_event_id(request.headers)
    if after > job.seq:
        after = 0  # no number of this stream: tell all of it
    if job.ended and after == job.seq:
        return web.Response(status=204)
    response = web.StreamResponse(headers=HEADERS)
    if job.ended:
        entries = await live.entries_after(request.app[SCRIPTS], job.job_id, after)
        await response.prepare(request)
        await response.write(_told(request.app, job, entries, after))
        return response
    async with request.app[LIVE].reading(job.job_id, after) as reader:
        await response.prepare(request)
        await _follow(request, response, reader)
    return response


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
        parts = [streaming.catching_up(job.ending.text, job.seq - 1)]
    body = msgspec.json.encode(job_object(job, app[RETENTION]))
    return b"".join([*parts, streaming.encode_done(job.seq, body)])
