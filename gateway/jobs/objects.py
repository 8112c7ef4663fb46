"""A job as clients see it (conventions §8), from the record that Redis holds."""

from collections.abc import Sequence
from typing import Any

from gateway.http.objects import seconds
from gateway.http.problems import Problem, of_job, of_no_job
from gateway.no_job import GivenUp
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    Choice,
    JobError,
    Terminal,
    TokenLogprob,
    ToolCall,
    Truncated,
    Usage,
)
from producers.jobs.record import JobRecord
from producers.jobs.waiting import Place
from producers.prompts.responses import in_its_words
from producers.state.retention import Retention

POLL_AFTER_S = 1
"""How soon we advise a client to ask again."""


def completion_id(job_id: str) -> str:
    """The id of the chat completion that answers a job."""
    return f"chatcmpl-{job_id.removeprefix('job_')}"


def job_of(completion: str) -> str:
    """The id of the job that a chat completion answers; '' where it is no id of ours."""
    given, ours, rest = completion.partition("chatcmpl-")
    return f"job_{rest}" if ours and not given else ""


def usage_object(usage: Usage | None) -> dict[str, int] | None:
    """Tokens in and out, as OpenAI writes them."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def truncated_object(truncated: Truncated | None) -> dict[str, int] | None:
    """What the model was not shown of a prompt that did not fit its window."""
    return None if truncated is None else {"turns_dropped": truncated.turns_dropped}


def told_of_truncation(ending: AnswerCompleted) -> dict[str, Any]:
    """What a completion says beyond OpenAI's fields: what the model was not shown, if anything."""
    truncated = truncated_object(ending.truncated)
    return {} if truncated is None else {"truncated": truncated}


def completion(ending: AnswerCompleted) -> dict[str, Any]:
    """The answer as a chat completion (conventions §1); beyond it, what the model was not shown, if anything."""
    return told_of_truncation(ending) | {
        "id": completion_id(ending.job_id),
        "object": "chat.completion",
        "created": seconds(ending.prompt.received_ms),
        "model": ending.prompt.model,
        "choices": [_choice(number, each) for number, each in enumerate(ending.drawn)],
        "usage": usage_object(ending.usage or Usage(0, 0)),
    }


def _choice(number: int, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None}
    if choice.tool_calls:
        message["content"] = choice.text or None
        message["tool_calls"] = [tool_call(each) for each in choice.tool_calls]
    return {
        "index": number,
        "message": message,
        "finish_reason": choice.finish_reason,
        "logprobs": logprobs(choice.logprobs),
    }


def tool_call(call: ToolCall) -> dict[str, Any]:
    """A call as OpenAI writes it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, Any] | None:
    """Log-probabilities as OpenAI writes them; None where none were asked for."""
    if not tokens:
        return None
    content = [{**_token(each), "top_logprobs": [_token(one) for one in each.top]} for each in tokens]
    return {"content": content, "refusal": None}


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode())}


def error_of(ending: Terminal | None) -> JobError | None:
    """Why who waits has no answer; None where there is one, or where there was no need to say more than the status."""
    match ending:
        case AnswerFailed(error=error, prompt=prompt):
            return in_its_words(error, prompt)
        case AnswerExpired():
            return JobError("The deadline passed before the answer was ready.", code="deadline_exceeded")
        case AnswerCancelled():
            return JobError("The job was cancelled.", "invalid_request_error", code="cancelled")
        case _:
            return None


def no_answer(ending: Terminal | None) -> Problem:
    """What who waits for the answer of a job is told that ended without one."""
    error = error_of(ending)
    return of_no_job(GivenUp()) if ending is None or error is None else of_job(error, ending.prompt)


def queue_object(place: Place | None) -> dict[str, Any] | None:
    """Where a job stands in its lane, and when it may start: about when, and between when and when in nine of ten."""
    if place is None:
        return None
    start = place.outlook
    told: dict[str, Any] = {"position": place.position, "estimated_start_at": None, "estimated_start_interval": None}
    if start is not None:
        told["estimated_start_at"] = seconds(place.now_ms + start.wait_ms)
        earliest, latest = seconds(place.now_ms + start.least_ms), seconds(place.now_ms + start.most_ms + 999)
        told["estimated_start_interval"] = {"low": earliest, "high": latest}
    return told


def job_object(record: JobRecord, retention: Retention, place: Place | None = None) -> dict[str, Any]:
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
        "queue": queue_object(place),
        "result": completion(ending) if isinstance(ending, AnswerCompleted) else None,
        "error": error,
        "usage": usage_object(ending.usage) if ending else None,
        "truncated": truncated_object(ending.truncated) if ending else None,
        "cache": ending.cache if ending else None,
        "metadata": prompt.metadata,
        "urls": {
            "self": here,
            "events": f"{here}/events",
            "cancel": f"{here}/cancel",
            "timeline": f"{here}/timeline",
        },
    }
