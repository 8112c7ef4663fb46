"""What matters of an event, in few words. Pure."""

from collections.abc import Iterator
from typing import Any

from producers import events
from producers.events import (
    AnswerCancelled,
    AnswerCompleted,
    AnswerFailed,
    Buried,
    DeliveryAttempted,
    ExampleReady,
    FeedbackGiven,
    KeyIssued,
    PromptSubmitted,
    RetryScheduled,
)


def facts(event: Any) -> tuple[list[str], str]:
    """Short facts, and the text that the event carries (it may be long)."""
    match event:
        case PromptSubmitted():
            return [event.model, *_of("conversation", event.conversation)], _said(event)
        case AnswerFailed():
            return [*_ending(event), *_of("code", event.error.code)], event.error.message
        case AnswerCancelled():
            return ["cut" if event.ran else "never ran", *_ending(event)], event.text
        case AnswerCompleted():
            return [event.finish_reason, *_ending(event)], event.text
        case events.Ending():
            return _ending(event), event.text
        case RetryScheduled():
            return [f"attempt {event.attempt}", f"again in {event.after_s:g} s"], event.reason
        case DeliveryAttempted():
            about = [event.outcome, str(event.status or "no answer"), f"attempt {event.attempt}", event.url]
            return about, event.error or ""
        case FeedbackGiven():
            value = [] if event.kind in ("comment", "correction") else [str(event.value)]
            return [event.kind, *value], str(event.comment or ("" if value else event.value))
        case ExampleReady():
            return [event.kind, *_of("label", event.label), *_of("score", event.score)], event.completion
        case Buried():
            origin = f"{event.origin_topic}-{event.origin_partition} at {event.origin_offset}"
            return [event.reason, f"from {origin}", *_of("attempts", event.attempts or None)], event.error
        case KeyIssued():
            return [event.id, f"begins with {event.prefix}"], event.name
        case _:
            return _plain(event), ""


def _ending(event: Any) -> list[str]:
    usage = [f"{event.usage.completion_tokens} tokens"] if event.usage else []
    times = event.timeline
    took = [f"{times['finished'] - times['received']:.0f} ms"] if {"received", "finished"} <= times.keys() else []
    return [*usage, *took, *_of("cache", event.cache), *_of("attempt", event.attempt if event.attempt > 1 else None)]


def _said(prompt: PromptSubmitted) -> str:
    return str(prompt.messages[-1].content or "") if prompt.messages else ""


def _of(name: str, value: Any) -> list[str]:
    return [] if value is None else [f"{name} {value}"]


def _plain(event: Any) -> list[str]:
    """Of an event that needs no words of its own: its short fields."""
    return [f"{name} {value}" for name, value in _fields(event) if isinstance(value, str | int) and value != ""]


def _fields(event: Any) -> Iterator[tuple[str, Any]]:
    told_elsewhere = ("job_id", "tenant", "lane", "at_ms")
    return ((name, getattr(event, name)) for name in event.__struct_fields__ if name not in told_elsewhere)
