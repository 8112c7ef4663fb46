"""A job as a response (conventions §4): the same answer as a chat completion's, in items."""

from typing import Any

from gateway.http.objects import seconds
from gateway.jobs.objects import logprobs
from infra.ids import derived_id
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerExpired,
    AnswerFailed,
    AnswerFormat,
    Choice,
    JobError,
    Message,
    PromptSubmitted,
    ResponseTerms,
    Terminal,
    Tool,
    ToolCall,
    Usage,
)
from producers.jobs.record import JobRecord

_STATUS = {"queued": "queued", "running": "in_progress", "cancelling": "in_progress", "completed": "completed"}
_ENDED_BADLY = {"failed": "failed", "expired": "failed", "cancelled": "cancelled", "aborted": "cancelled"}
_WHY_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response_id(job_id: str) -> str:
    """The id of the response that answers a job."""
    return f"resp_{job_id.removeprefix('job_')}"


def job_of(response: str) -> str:
    """The job that a response of that id answers."""
    return f"job_{response.removeprefix('resp_')}"


def status_of(record: JobRecord) -> str:
    """Where a response stands."""
    if isinstance(record.ending, AnswerCompleted) and record.ended:
        return "incomplete" if record.ending.finish_reason in _WHY_INCOMPLETE else "completed"
    return _STATUS.get(record.status) or _ENDED_BADLY[record.status]


def response_object(record: JobRecord) -> dict[str, Any]:
    """The response as it stands."""
    ending = record.ending if record.ended else None
    return _response(record.prompt, status_of(record), ending, record.times.get("finished"))


def begun(prompt: PromptSubmitted, status: str) -> dict[str, Any]:
    """The response before there is anything of its answer."""
    return _response(prompt, status, None, None)


def _response(
    prompt: PromptSubmitted, status: str, ending: Terminal | None, finished_ms: float | None
) -> dict[str, Any]:
    terms, sampling = prompt.response or ResponseTerms(), prompt.sampling
    return {
        "id": response_id(prompt.job_id),
        "object": "response",
        "created_at": seconds(prompt.received_ms),
        "status": status,
        "background": terms.background,
        "completed_at": seconds(finished_ms) if status == "completed" else None,
        "error": _error(ending),
        "incomplete_details": _incomplete(ending),
        "instructions": prompt.instructions,
        "max_output_tokens": sampling.max_tokens,
        "metadata": prompt.metadata,
        "model": prompt.model,
        "output": output_of(ending),
        "parallel_tool_calls": terms.parallel_tool_calls,
        "previous_response_id": terms.previous,
        "conversation": None if prompt.conversation is None else {"id": prompt.conversation},
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": terms.store,
        "temperature": sampling.temperature,
        "text": {"format": _format(prompt.format)},
        "tool_choice": terms.tool_choice,
        "tools": [_tool(each) for each in prompt.tools],
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": sampling.top_p,
        "truncation": prompt.truncation,
        "usage": _usage(ending.usage) if ending else None,
    }


def output_of(ending: Terminal | None) -> list[dict[str, Any]]:
    """What was answered, as items: a message, or calls."""
    match ending:
        case AnswerCompleted():
            choice = ending.drawn[0]
            status = "incomplete" if choice.finish_reason in _WHY_INCOMPLETE else "completed"
            calls = [call_item(ending.job_id, at, each) for at, each in enumerate(choice.tool_calls)]
            return calls if calls and not choice.text else [message_item(ending.job_id, choice, status), *calls]
        case AnswerCancelled(text=text) if text:
            return [message_item(ending.job_id, Choice(text), "incomplete")]
        case _:
            return []


def message_item(job_id: str, choice: Choice, status: str) -> dict[str, Any]:
    """The answer's text as an item; without any, as an item that has just been begun."""
    content = [] if status == "in_progress" else [text_part(choice)]
    return {
        "id": derived_id("msg", f"{job_id}/answer"),
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": content,
    }


def text_part(choice: Choice) -> dict[str, Any]:
    """The text itself."""
    told = logprobs(choice.logprobs)
    return {
        "type": "output_text",
        "text": choice.text,
        "annotations": [],
        "logprobs": [] if told is None else told["content"],
    }


def call_item(job_id: str, at: int, call: ToolCall, status: str = "completed") -> dict[str, Any]:
    """A call as an item."""
    return {
        "id": derived_id("fc", f"{job_id}/{at}"),
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments if status == "completed" else "",
    }


def input_items(prompt: PromptSubmitted) -> list[dict[str, Any]]:
    """What was asked, as items, in order."""
    items: list[dict[str, Any]] = []
    for at, message in enumerate(prompt.messages):
        items.extend(_items(prompt.job_id, at, message))
    return items


def _items(job_id: str, at: int, message: Message) -> list[dict[str, Any]]:
    place = f"{job_id}/input/{at}"
    if message.role == "tool":
        output = {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}
        return [{"id": derived_id("fco", place), "status": "completed", **output}]
    kind = "output_text" if message.role == "assistant" else "input_text"
    extra: dict[str, Any] = {"annotations": [], "logprobs": []} if message.role == "assistant" else {}
    said = {
        "id": derived_id("msg", place),
        "type": "message",
        "status": "completed",
        "role": message.role,
        "content": [{"type": kind, "text": message.content, **extra}],
    }
    calls = [call_item(place, number, each) for number, each in enumerate(message.tool_calls)]
    return calls if calls and not message.content else [said, *calls]


def _format(form: AnswerFormat | None) -> dict[str, Any]:
    if form is None:
        return {"type": "text"}
    if form.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "name": form.name, "schema": form.schema, "strict": True, "description": None}


def _tool(tool: Tool) -> dict[str, Any]:
    said = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", **said, "strict": True}


def _incomplete(ending: Terminal | None) -> dict[str, str] | None:
    reason = _WHY_INCOMPLETE.get(ending.finish_reason) if isinstance(ending, AnswerCompleted) else None
    return None if reason is None else {"reason": reason}


def _error(ending: Terminal | None) -> dict[str, str] | None:
    match ending:
        case AnswerFailed(error=error):
            return {"code": code_of(error), "message": error.message}
        case AnswerExpired():
            return {"code": "server_error", "message": "The deadline passed before the answer was ready."}
        case _:
            return None


def code_of(error: JobError) -> str:
    """The code that a response's error may have, which are few."""
    return {"invalid_request_error": "invalid_prompt", "rate_limit_error": "rate_limit_exceeded"}.get(
        error.type, "server_error"
    )


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }
