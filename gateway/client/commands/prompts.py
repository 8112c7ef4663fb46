"""What was typed, piped or listed in a file, as bodies of jobs. Pure but for reading the file it is given."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from infra.ids import derived_id
from producers.prompts import bounds

Body = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One prompt to submit; `line` is its place in the file it came from, from 1, `key` its idempotency key, if any."""

    line: int
    body: Body
    key: str | None = None


@dataclass(frozen=True)
class BadLine:
    """A line that is no prompt, and why."""

    line: int
    reason: str


def options(
    *,
    model: str | None = None,
    lane: str | None = None,
    conversation: str | None = None,
    webhook: str | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
) -> Body:
    """What was said on the command line, in the words of a job's body; what was not said is left out."""
    said: Body = {
        "model": model,
        "lane": lane,
        "conversation": conversation,
        "webhook": {"url": webhook} if webhook else None,
        "max_tokens": max_tokens,
        "temperature": temperature,
    }
    return {name: value for name, value in said.items() if value is not None}


def from_text(text: str, said: Body) -> Line:
    """One prompt of plain text."""
    return Line(1, {**said, "input": text})


def from_jsonl(content: bytes, said: Body) -> Iterator[Line | BadLine]:
    """Every line of a JSONL file: the body of a job, or `{"input": …}`; empty lines are passed over.

    What was said on the command line stands wherever a line does not say otherwise.
    """
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield _line(number, line, said)


def keyed(lines: Sequence[Line | BadLine], content: bytes) -> list[Line | BadLine]:
    """The lines of a file of this content, each with a key: the same file submitted again makes no job again."""
    file = hashlib.sha256(content).hexdigest()
    return [replace(each, key=each.key or _key(each, file)) if isinstance(each, Line) else each for each in lines]


def _key(asked: Line, file: str) -> str:
    # The body says what was said on the command line, too: with other options it is another job.
    body = msgspec.json.encode(asked.body, order="deterministic").decode()
    return derived_id("line", f"{file}\n{asked.line}\n{body}")


def _line(number: int, line: bytes, said: Body) -> Line | BadLine:
    try:
        body = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadLine(number, f"is no JSON: {error}")
    if not isinstance(body, dict):
        return BadLine(number, "is no JSON object")
    if ("input" in body) == ("messages" in body):
        return BadLine(number, "must have either `input` or `messages`")
    key = body.pop("idempotency_key", None)
    if key is not None and not (isinstance(key, str) and bounds.is_idempotency_key(key)):
        return BadLine(number, f"idempotency_key must have {bounds.IDEMPOTENCY_KEY}")
    return Line(number, {**said, **body}, key)
