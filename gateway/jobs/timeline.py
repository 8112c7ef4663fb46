"""GET /v1/jobs/{id}/timeline: the time of each step of a job's life."""

from typing import Any

from aiohttp import web

from gateway.http.objects import as_json
from gateway.jobs.finding import find
from producers.jobs.record import STEPS, JobRecord


async def read_timeline(request: web.Request) -> web.Response:
    """The steps taken so far."""
    return as_json(timeline(await find(request)))


def timeline(job: JobRecord) -> dict[str, Any]:
    """Each step with its time, and how long it came after the first step and after the one before it (ms).

    Steps are listed by their time: on a fast path a claim may come before the broker's acknowledgement was noted.
    """
    times = sorted((at_ms, STEPS.index(step), step) for step, at_ms in job.times.items() if step in STEPS)
    first_ms = times[0][0] if times else 0.0
    before = [first_ms, *(at_ms for at_ms, _, _ in times)]
    steps = [
        {
            "step": step,
            "at_ms": round(at_ms, 3),
            "since_received_ms": round(at_ms - first_ms, 3),
            "since_previous_ms": round(at_ms - previous_ms, 3),
        }
        for (at_ms, _, step), previous_ms in zip(times, before, strict=False)
    ]
    return {"object": "job.timeline", "job_id": job.job_id, "status": job.status, "steps": steps}
