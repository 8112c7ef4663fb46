"""A job is forgotten at its owner's wish: the log is told first, so that no view brings it back."""

from aiohttp import web

from gateway.keys import CLOCK, PUBLISHER, RETENTION, SCRIPTS
from infra.telemetry import trace
from producers.events import ResponseDeleted
from producers.jobs import record
from producers.jobs.record import JobRecord
from producers.log.topics import CONVERSATIONS


async def forget(request: web.Request, job: JobRecord) -> None:
    """Forget a job that has ended.

    Raises:
        Unavailable: the log or Redis does not answer.
    """
    app = request.app
    event = ResponseDeleted(job_id=job.job_id, tenant=job.prompt.tenant, at_ms=app[CLOCK].now_ms())
    await app[PUBLISHER].publish(CONVERSATIONS, job.job_id, event, trace.child_of(request.headers.get("traceparent")))
    await record.forget(app[SCRIPTS], job.job_id, app[RETENTION])
