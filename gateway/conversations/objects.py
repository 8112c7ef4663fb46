"""Conversations and their items as clients see them (conventions §7). Pure."""

from collections.abc import Mapping
from typing import Any

from gateway.http.objects import seconds
from gateway.jobs.objects import truncated_object, usage_object
from producers.conversations.store import Conversation
from producers.conversations.turns import Item


def conversation_object(conversation: Conversation) -> dict[str, Any]:
    """A conversation as OpenAI writes it, with a title beside."""
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": seconds(conversation.created_ms),
        "title": conversation.title,
        "metadata": conversation.metadata,
    }


def item_object(item: Item, feedback: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An item as OpenAI writes it; beside it the turn's job, and of an answer how it came about."""
    shown = {"id": item.id, "status": "completed", "job": item.job_id}
    message, call = item.message, item.call
    if call is not None:
        return shown | {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
    if message.role == "tool":
        return shown | {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}
    shown |= {"type": "message", "role": message.role}
    if message.role != "assistant":
        return shown | {"content": [{"type": "input_text", "text": message.content}]}
    return shown | {
        "status": "incomplete" if message.finish_reason in {"length", "cancelled"} else "completed",
        "content": [{"type": "output_text", "text": message.content, "annotations": [], "logprobs": []}],
        "finish_reason": message.finish_reason,
        "cache": message.cache,
        "usage": usage_object(message.usage),
        "truncated": truncated_object(message.truncated),
        "feedback": feedback,
    }
