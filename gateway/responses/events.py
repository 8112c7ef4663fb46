"""The events of a response (conventions §5), from the entries of its job's stream. Pure.

They are numbered from 0 without a gap, and the numbers follow from the entries alone: every gateway counts alike, so
that a stream goes on at another one where it was cut.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.jobs.objects import logprobs
from gateway.readers.sent import Sent
from gateway.responses.objects import begun, call_item, message_item, response_object, text_part
from infra import sse
from producers.events import AnswerCompleted, Choice, JobError, PromptSubmitted, ToolCall
from producers.jobs.live import Entry, Piece
from producers.jobs.record import JobRecord

_TERMINAL = {"completed": "response.completed", "failed": "response.failed"}
_CLOSING = 3
"""So many events close a text."""


class ResponseEvents:
    """Makes the events of one response; those up to `after` are counted, and not told."""

    def __init__(self, prompt: PromptSubmitted, after: int = -1) -> None:
        self._prompt = prompt
        self._after = after
        self._number = 0
        self.last: int | None = None
        """The number of the last event of all, once it was made."""
        self._sent = Sent()
        self._texts: list[Piece] = []
        self._calls = 0
        self._runs = self._opened = False

    def begin(self) -> bytes:
        """It is there, and waits."""
        return self._whole("response.created", "queued") + self._whole("response.queued", "queued")

    def take(self, entry: Entry) -> bytes:
        """What an entry tells.

        Raises:
            Diverged: it contradicts what was told.
        """
        if entry.kind == "status":
            return self._run() if b'"running"' in entry.value.encode() else b""
        fresh = self._sent.take(entry)
        return b"" if fresh is None else self._run() + self._piece(fresh)

    def end(self, job: JobRecord) -> bytes:
        """What is left to tell of an ended job.

        Raises:
            Diverged: its answer contradicts what was told.
        """
        rest: Sequence[Piece] = self._sent.rest(job.ending) if isinstance(job.ending, AnswerCompleted) else ()
        began = self._run() if isinstance(job.ending, AnswerCompleted) else b""
        told = b"".join(self._piece(each) for each in rest)
        if isinstance(job.ending, AnswerCompleted) and not self._calls:
            told += self._open()  # an answer without a word is one, too
        return began + told + self._close(job) + self._terminal(job)

    def closing(self, job: JobRecord) -> bytes:
        """The end of a response whose beginning is no longer kept: the last events carry the whole of it.

        They have the numbers that they had, where those are known; to who has the last one, nothing is told.
        """
        if isinstance(job.ending, AnswerCompleted) and job.ending.text:
            self._opened = True
            self._texts = [Piece(job.ending.text, logprobs=job.ending.drawn[0].logprobs)]
        last = job.last_event
        self._number = self._after + 1 if last is None or last < self._after else last - _CLOSING * self._opened
        return self._close(job) + self._terminal(job)

    def error(self, error: JobError) -> bytes:
        """The stream cannot go on here; it has no number of its own, so that nothing is missing where it goes on."""
        last = max(self._number - 1, 0)
        told = {"code": error.code, "message": error.message, "param": error.param, "sequence_number": last}
        return sse.encode(msgspec.json.encode({"type": "error", **told}).decode(), event="error")

    def _run(self) -> bytes:
        if self._runs:
            return b""
        self._runs = True
        return self._whole("response.in_progress", "in_progress")

    def _piece(self, piece: Piece) -> bytes:
        told = b""
        if piece.text:
            told = self._open()
            self._texts.append(piece)
            weights = logprobs(piece.logprobs)
            delta = {"delta": piece.text, "logprobs": [] if weights is None else weights["content"]}
            told += self._event("response.output_text.delta", {**self._place(), **delta})
        return told + b"".join(self._call(each) for each in piece.tool_calls)

    def _open(self) -> bytes:
        if self._opened:
            return b""
        self._opened = True
        item = message_item(self._prompt.job_id, Choice(), "in_progress")
        added = self._event("response.output_item.added", {"output_index": 0, "item": item})
        return added + self._event("response.content_part.added", {**self._place(), "part": text_part(Choice())})

    def _call(self, call: ToolCall) -> bytes:
        at, index = self._calls, self._calls + self._opened
        self._calls += 1
        item = call_item(self._prompt.job_id, at, call)
        place = {"item_id": item["id"], "output_index": index}
        opened = {"output_index": index, "item": call_item(self._prompt.job_id, at, call, "in_progress")}
        return b"".join(
            [
                self._event("response.output_item.added", opened),
                self._event("response.function_call_arguments.delta", {**place, "delta": call.arguments}),
                self._event(
                    "response.function_call_arguments.done",
                    {**place, "name": call.name, "arguments": call.arguments},
                ),
                self._event("response.output_item.done", {"output_index": index, "item": item}),
            ]
        )

    def _close(self, job: JobRecord) -> bytes:
        """The text is whole, or as whole as it will be."""
        if not self._opened:
            return b""
        weights = tuple(one for each in self._texts for one in each.logprobs)
        choice = Choice("".join(each.text for each in self._texts), logprobs=weights)
        status = "completed" if response_object(job)["status"] == "completed" else "incomplete"
        part = text_part(choice)
        done = {"text": choice.text, "logprobs": part["logprobs"]}
        item = message_item(job.job_id, choice, status)
        return b"".join(
            [
                self._event("response.output_text.done", {**self._place(), **done}),
                self._event("response.content_part.done", {**self._place(), "part": part}),
                self._event("response.output_item.done", {"output_index": 0, "item": item}),
            ]
        )

    def _terminal(self, job: JobRecord) -> bytes:
        whole, self.last = response_object(job), self._number
        return self._event(_TERMINAL.get(whole["status"], "response.incomplete"), {"response": whole})

    def _place(self) -> dict[str, Any]:
        item = message_item(self._prompt.job_id, Choice(), "in_progress")
        return {"item_id": item["id"], "output_index": 0, "content_index": 0}

    def _whole(self, kind: str, status: str) -> bytes:
        return self._event(kind, {"response": begun(self._prompt, status)})

    def _event(self, kind: str, data: dict[str, Any]) -> bytes:
        number, self._number = self._number, self._number + 1
        if number <= self._after:
            return b""
        told = msgspec.json.encode({"type": kind, "sequence_number": number, **data})
        return sse.encode(told.decode(), event=kind, id=number)
