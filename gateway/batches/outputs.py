"""What became of a line, as the output and the error file say it (conventions §6). Pure."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from gateway.batches.ends import Left, LineAnswered, LineEnd, LineLeft, LineRefused
from gateway.http.problems import of_job
from gateway.jobs.objects import completion, error_of
from gateway.responses.objects import response_object
from infra.ids import derived_id
from producers.events import AnswerCompleted, Terminal, Usage
from producers.jobs.record import JobRecord
from producers.prompts.reading import RESPONSES

_LEFT = {
    "expired": ("batch_expired", "This line could not be answered before the batch expired."),
    "cancelled": ("batch_cancelled", "This line was not answered before the batch was cancelled."),
    "gone": ("input_file_gone", "This line could not be read any more when its turn came."),
    "failed": ("not_answered", "This line has no answer."),
}
_WITH_ITS_BATCH = {("deadline_exceeded", "expired"), ("cancelled", "cancelled")}
"""Errors of jobs that only ended because their batch did."""


@dataclass(frozen=True)
class Told:
    """What is told of a line; an `answer` goes into the output file, all else into the error file."""

    kind: Literal["answer", "error", "left"]
    text: bytes
    usage: Usage | None = None


@dataclass
class Tally:
    """How many lines came to what, and what they cost; those `left` count as failed, too."""

    completed: int = 0
    failed: int = 0
    left: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def usage(self) -> Usage:
        """All tokens."""
        return Usage(self.prompt_tokens, self.completion_tokens)

    def count(self, told: Told) -> None:
        """One more line."""
        self.completed += told.kind == "answer"
        self.failed += told.kind != "answer"
        self.left += told.kind == "left"
        if told.usage is not None:
            self.prompt_tokens += told.usage.prompt_tokens
            self.completion_tokens += told.usage.completion_tokens


@dataclass(frozen=True)
class LineName:
    """By what a line is known: in the input, to its client, and where more of it is to be heard."""

    line: str
    custom_id: str
    request_id: str


def told_of(name: LineName, end: LineEnd) -> Told:
    """What a file says of a line."""
    match end:
        case LineAnswered(body=body, usage=usage):
            return Told("answer", _encoded(name, _response(name, HTTPStatus.OK, body)), usage)
        case LineRefused(status=status, error=error):
            return Told("error", _encoded(name, _response(name, status, {"error": error})))
        case LineLeft(why=why):
            code, message = _LEFT[why]
            return Told("left", _encoded(name, error={"code": code, "message": message}))


def end_of(ending: Terminal, left: Left) -> LineEnd:
    """How a line ended whose job did."""
    if isinstance(ending, AnswerCompleted):
        return LineAnswered(_answer(ending), ending.usage)
    error = error_of(ending)
    if error is None or (error.code, left) in _WITH_ITS_BATCH:
        return LineLeft(left)
    return LineRefused(of_job(error, ending.prompt).status, error)


def told_id(line: str) -> str:
    """The id under which a line is told of."""
    return derived_id("batch_req", line)


def _answer(ending: AnswerCompleted) -> dict[str, Any]:
    """The body that the line's own endpoint would have answered."""
    if ending.prompt.route != RESPONSES:
        return completion(ending)
    job_id, times = ending.job_id, ending.timeline
    return response_object(JobRecord(job_id, "completed", ending.prompt, ending, ending.attempt, False, times))


def _response(name: LineName, status: int, body: dict[str, Any]) -> dict[str, Any]:
    # A job's id where there is one, for /v1/jobs tells more of it.
    return {"status_code": int(status), "request_id": name.request_id, "body": body}


def _encoded(name: LineName, response: dict[str, Any] | None = None, error: dict[str, Any] | None = None) -> bytes:
    told = {"id": told_id(name.line), "custom_id": name.custom_id, "response": response, "error": error}
    return msgspec.json.encode(told) + b"\n"
