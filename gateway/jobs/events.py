"""GET /v1/jobs/{id}/events: a job's stream as server-sent events, resumable on any gateway."""

import logging
from collections.abc import Sequence

from aiohttp import web

from gateway.http import headers
from gateway.jobs import streaming
from gateway.jobs.finding import find
from gateway.keys import RETENTION
from gateway.readers.event_stream import EventStream
from gateway.readers.following import FOLLOWING
from gateway.readers.leases import READER_LEASES
from gateway.readers.tale import Tale
from infra import sse
from producers.events import JobError
from producers.jobs import live
from producers.jobs.live import Entry
from producers.jobs.record import JobRecord
from producers.state.retention import Retention

log = logging.getLogger(__name__)

COME_BACK_MS = 500
"""By then this gateway should be out of its load balancer. Told early: one that is killed cannot."""


async def follow_job(request: web.Request) -> web.StreamResponse:
    """Everything after `Last-Event-ID`, then what comes, until `done`; 204 where nothing is left to tell.

    A reader whose last event is none of this stream's gets all text so far first, in place of what it has.
    """
    app, after = request.app, headers.last_event_id(request.headers)
    job = await find(request)
    await app[READER_LEASES].asked_for(job)
    return await app[FOLLOWING].take_up(EventStream(request), JobTale(job, after, app[RETENTION]), job, after)


class JobTale(Tale):
    """A job, told to a reader who has all up to the event of number `after`; None where it has one that is not ours."""

    ping = sse.PING
    parting = sse.come_back(COME_BACK_MS)

    def __init__(self, job: JobRecord, after: int | None, retention: Retention) -> None:
        super().__init__(job.prompt)
        self._retention = retention
        self._is_lost = after is None or after > job.seq
        self._last = 0 if after is None or self._is_lost else after
        """The number of the last event that the reader has."""

    def begin(self, entries: Sequence[Entry]) -> bytes:
        """When to come back, and what follows the reader's last event, or all that has been shown as one."""
        rest = [entry for entry in entries if entry.seq > self._last]
        is_torn = self._last > 0 and bool(rest) and rest[0].seq != self._last + 1
        if not (self._is_lost or is_torn):
            return sse.come_back(COME_BACK_MS) + self.more(rest)
        self._last = entries[-1].seq if entries else 0
        return sse.come_back(COME_BACK_MS) + streaming.encode_snapshot(self._last, live.pieces_in(entries))

    def more(self, entries: Sequence[Entry]) -> bytes:
        """More events."""
        self._last = entries[-1].seq if entries else self._last
        return b"".join(streaming.encode_entry(entry) for entry in entries if entry.kind != "done")

    async def end(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """The last events, the very last of which is the whole job."""
        return streaming.encode_rest(job, entries, self._last, self._retention)

    async def whole(self, job: JobRecord, entries: Sequence[Entry]) -> bytes:
        """When to come back, and what is left of a job's events, if there is any."""
        if self._is_lost:
            rest = streaming.encode_rest(job, (), -1, self._retention)
        else:
            rest = await self.end(job, [entry for entry in entries if entry.seq > self._last])
        return rest and sse.come_back(COME_BACK_MS) + rest

    def error(self, error: JobError, seq: int | None = None) -> bytes:
        """Nothing: the client comes back with its Last-Event-ID."""
        log.info("a reader is sent away: %s", error.message, extra={"job_id": self.prompt.job_id})
        return b""
