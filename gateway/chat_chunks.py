"""A chat completion as a stream of chunks (conventions §2), from the entries of its job's stream. Pure."""

from typing import Any

import msgspec

from gateway.job_object import completion_id, seconds, usage_object
from infra import sse
from producers.events import JobError, PromptSubmitted, Usage
from producers.jobs.live import Entry

DONE = b"data: [DONE]\n\n"


class Sent:
    """What the client was sent, against what the job's stream says.

    An attempt that starts over says so (`snapshot`). While its text repeats what was shown, nothing is sent; if it
    differs, the stream cannot be continued honestly.
    """

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._sent_length = 0
        self._repeating = ""
        """What was shown before the newest attempt and not yet repeated by it."""

    def take(self, entry: Entry) -> str | None:
        """The text to send now (maybe empty), or None where it contradicts what was sent."""
        match entry.kind:
            case "snapshot":
                self._repeating = "".join(self._sent)
                return self._new(entry.value)
            case "token":
                return self._new(entry.value)
            case _:
                return ""

    def rest(self, text: str) -> str | None:
        """What is still to send of the whole text; None where it contradicts what was sent."""
        self._repeating = "".join(self._sent)
        return None if len(text) < self._sent_length else self._new(text)

    def _new(self, text: str) -> str | None:
        common = min(len(text), len(self._repeating))
        if common and text[:common] != self._repeating[:common]:
            return None
        self._repeating = self._repeating[common:]
        fresh = text[common:]
        if fresh:
            self._sent.append(fresh)
            self._sent_length += len(fresh)
        return fresh


class Chunks:
    """Makes the chunks of one completion; all carry the same id, time and model."""

    def __init__(self, prompt: PromptSubmitted, *, include_usage: bool) -> None:
        self._head: dict[str, Any] = {
            "id": completion_id(prompt.job_id),
            "object": "chat.completion.chunk",
            "created": seconds(prompt.received_ms),
            "model": prompt.model,
        }
        self._tail: dict[str, Any] = {"usage": None} if include_usage else {}
        self._include_usage = include_usage

    def role(self) -> bytes:
        """The first: who speaks."""
        return self._chunk({"role": "assistant", "content": ""}, None, None)

    def text(self, text: str, seq: int) -> bytes:
        """A piece of text."""
        return self._chunk({"content": text}, None, seq)

    def end(self, finish_reason: str, usage: Usage | None, seq: int | None) -> bytes:
        """Why the text ends, the usage if it was asked for, and the end of the stream."""
        last = self._chunk({}, finish_reason, seq)
        if self._include_usage:
            counted = {**self._head, "choices": [], "usage": usage_object(usage or Usage(0, 0))}
            last += sse.encode(msgspec.json.encode(counted).decode())
        return last + DONE

    def _chunk(self, delta: dict[str, str], finish_reason: str | None, seq: int | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse.encode(msgspec.json.encode({**self._head, "choices": [choice], **self._tail}).decode(), id=seq)


def broken(error: JobError) -> bytes:
    """An error in mid-stream; nothing follows it, not even [DONE]."""
    return sse.encode(msgspec.json.encode({"error": error}).decode())
