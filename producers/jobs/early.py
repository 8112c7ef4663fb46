"""The endings of jobs that no worker has: pure. Else the worker ends them (`stream_workers/inference/endings.py`)."""

from producers.events import AnswerCancelled, AnswerExpired, AnswerFailed, JobError, PromptSubmitted
from producers.jobs.record import JobRecord

_KEPT = ("received", "accepted", "acknowledged", "started", "first_token")


def cancelled(job: JobRecord, now_ms: float, shown: str = "") -> AnswerCancelled:
    """Its client no longer wanted it: it is aborted if it never ran, else cancelled with what was shown of it."""
    return AnswerCancelled(
        job_id=job.job_id, prompt=job.prompt, attempt=job.attempt, text=shown, ran=job.attempt > 0,
        timeline=_timeline(job, now_ms),
    )  # fmt: skip


def expired(job: JobRecord, now_ms: float, shown: str = "") -> AnswerExpired:
    """Its deadline passed while it waited, maybe for another attempt."""
    timeline = _timeline(job, now_ms)
    return AnswerExpired(job_id=job.job_id, prompt=job.prompt, attempt=job.attempt, text=shown, timeline=timeline)


def refused(prompt: PromptSubmitted, error: JobError, now_ms: float) -> AnswerFailed:
    """It was not let in, and nobody is there to be told so at once."""
    return AnswerFailed(job_id=prompt.job_id, prompt=prompt, error=error, timeline=_timeline_of(prompt, now_ms))


def unheard(prompt: PromptSubmitted, worker: str, now_ms: float) -> AnswerCancelled:
    """It was aborted before the log had its prompt, which now came."""
    timeline = _timeline_of(prompt, now_ms)
    return AnswerCancelled(job_id=prompt.job_id, prompt=prompt, worker=worker, ran=False, timeline=timeline)


def _timeline_of(prompt: PromptSubmitted, now_ms: float) -> dict[str, float]:
    return {"received": prompt.received_ms, "finished": now_ms}


def _timeline(job: JobRecord, now_ms: float) -> dict[str, float]:
    waited = {step: job.times[step] for step in _KEPT if step in job.times}
    return {**waited, "finished": now_ms}
