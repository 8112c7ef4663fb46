"""The endings of jobs that never ran: pure. What ran is ended by its worker (`stream_workers/inference/endings.py`)."""

from producers.events import AnswerCancelled, AnswerExpired, PromptSubmitted
from producers.jobs.record import JobRecord

_BEFORE_A_CLAIM = ("received", "accepted", "acknowledged")


def cancelled(job: JobRecord, now_ms: float) -> AnswerCancelled:
    """Its client no longer wanted it: the job is aborted."""
    return AnswerCancelled(job_id=job.job_id, prompt=job.prompt, ran=False, timeline=_timeline(job, now_ms))


def expired(job: JobRecord, now_ms: float) -> AnswerExpired:
    """Its deadline passed while it waited, maybe for another attempt."""
    return AnswerExpired(job_id=job.job_id, prompt=job.prompt, attempt=job.attempt, timeline=_timeline(job, now_ms))


def unheard(prompt: PromptSubmitted, worker: str, now_ms: float) -> AnswerCancelled:
    """It was aborted before the log had its prompt, which now came."""
    timeline = {"received": prompt.received_ms, "finished": now_ms}
    return AnswerCancelled(job_id=prompt.job_id, prompt=prompt, worker=worker, ran=False, timeline=timeline)


def _timeline(job: JobRecord, now_ms: float) -> dict[str, float]:
    waited = {step: job.times[step] for step in _BEFORE_A_CLAIM if step in job.times}
    return {**waited, "finished": now_ms}
