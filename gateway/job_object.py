"""A job as clients see it (conventions §8), from the record that Redis holds."""

from typing import Any

from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    JobError,
    Terminal,
    Usage,
)
from producers.jobs.record import JobRecord, Retention

POLL_AFTER_S = 1
"""How soon we advise a client to ask again."""


def seconds(ms: float | None) -> int | None:
    """Whole seconds since the epoch."""
    return None if ms is None else int(ms // 1000)


def completion_id(job_id: str) -> str:
    """The id of the chat completion that answers a job."""
    return f"chatcmpl-{job_id.removeprefix('job_')}"


def usage_object(usage: Usage | None) -> dict[str, int] | None:
    """Tokens in and out, as OpenAI writes them."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def completion(ending: AnswerCompleted) -> dict[str, Any]:
    """The answer as a chat completion (conventions §1)."""
    message = {"role": "assistant", "content": ending.text, "refusal": None}
    return {
        "id": completion_id(ending.job_id),
        "object": "chat.completion",
        "created": seconds(ending.prompt.received_ms),
        "model": ending.prompt.model,
        "choices": [{"index": 0, "message": message, "finish_reason": ending.finish_reason, "logprobs": None}],
        "usage": usage_object(ending.usage or Usage(0, 0)),
    }


def error_of(ending: Terminal | None) -> JobError | None:
    """Why there is no answer; None where there is one, or where there was no need to say more than the status."""
    match ending:
        case AnswerFailed(error=error):
            return error
        case AnswerExpired():
            return JobError("The deadline passed before the answer was ready.", code="deadline_exceeded")
        case AnswerCancelled():
            return JobError("The job was cancelled.", "invalid_request_error", code="cancelled")
        case _:
            return None


def job_object(record: JobRecord, retention: Retention) -> dict[str, Any]:
    """The whole object; an ending that is stored but not yet visible is not shown."""
    ending = record.ending if record.ended else None
    prompt, times, here = record.prompt, record.times, f"/v1/jobs/{record.job_id}"
    error = ending.error if isinstance(ending, AnswerFailed) else None
    return {
        "id": record.job_id,
        "object": "job",
        "status": record.status,
        "created_at": seconds(prompt.received_ms),
        "started_at": seconds(times.get("started")),
        "finished_at": seconds(times.get("finished")) if record.ended else None,
        "expires_at": seconds(prompt.received_ms + retention.job_ms),
        "model": prompt.model,
        "lane": prompt.lane,
        "conversation": prompt.conversation,
        "attempt": record.attempt,
        "queue": None,
        "result": completion(ending) if isinstance(ending, AnswerCompleted) else None,
        "error": error,
        "usage": usage_object(ending.usage) if ending else None,
        "cache": ending.cache if ending else None,
        "metadata": prompt.metadata,
        "urls": {
            "self": here,
            "events": f"{here}/events",
            "cancel": f"{here}/cancel",
            "timeline": f"{here}/timeline",
        },
    }
