"""A chat completion as a stream of chunks (conventions §2), from the entries of its job's stream. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.http.objects import seconds
from gateway.jobs.objects import completion_id, logprobs, told_of_truncation, tool_call, usage_object
from infra import sse
from producers.events import AnswerCompleted, JobError, PromptSubmitted, Usage
from producers.jobs.live import Piece

DONE = "[DONE]"


class Chunks:
    """Makes the chunks of one completion; all carry the same id, time and model.

    A chunk bears the number of an entry only where it is the last that this entry brings: whoever has it, has all up to
    there. So the end of the stream is numbered at `[DONE]`, behind the reasons and the usage.
    """

    def __init__(self, prompt: PromptSubmitted, *, include_usage: bool) -> None:
        self._head: dict[str, Any] = {
            "id": completion_id(prompt.job_id),
            "object": "chat.completion.chunk",
            "created": seconds(prompt.received_ms),
            "model": prompt.model,
        }
        self._tail: dict[str, Any] = {"usage": None} if include_usage else {}
        self._include_usage = include_usage
        self._choices = prompt.sampling.n

    def roles(self) -> bytes:
        """The first of each choice: who speaks."""
        return b"".join(self._chunk(number, {"role": "assistant", "content": ""}) for number in range(self._choices))

    def piece(self, piece: Piece, seq: int | None = None) -> bytes:
        """More of a choice."""
        delta: dict[str, Any] = {"content": piece.text} if piece.text else {}
        if piece.tool_calls:
            delta["tool_calls"] = [{"index": at, **tool_call(each)} for at, each in enumerate(piece.tool_calls)]
        return self._chunk(piece.choice, delta, seq=seq, told=logprobs(piece.logprobs))

    def end(self, answer: AnswerCompleted, seq: int | None) -> bytes:
        """Why each choice ends, the usage if it was asked for, and the end of the stream."""
        last = b"".join(
            self._chunk(number, {}, finish_reason=each.finish_reason, more=told_of_truncation(answer))
            for number, each in enumerate(answer.drawn)
        )
        if self._include_usage:
            counted = {**self._head, "choices": [], "usage": usage_object(answer.usage or Usage(0, 0))}
            last += sse.encode(msgspec.json.encode(counted).decode())
        return last + sse.encode(DONE, id=seq)

    def _chunk(
        self,
        number: int,
        delta: dict[str, Any],
        *,
        seq: int | None = None,
        told: dict[str, Any] | None = None,
        finish_reason: str | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> bytes:
        choice = {"index": number, "delta": delta, "logprobs": told, "finish_reason": finish_reason}
        chunk = {**self._head, "choices": [choice], **self._tail, **(more or {})}
        return sse.encode(msgspec.json.encode(chunk).decode(), id=seq)


def broken(error: JobError, seq: int | None = None) -> bytes:
    """An error in mid-stream; nothing follows it, not even [DONE]. `seq` is there where the job has ended with it."""
    return sse.encode(msgspec.json.encode({"error": error}).decode(), id=seq)
