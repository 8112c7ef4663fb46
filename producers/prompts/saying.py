"""A prompt as a program says it, by keywords: the same for the log, the client and the tests of both. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

import msgspec

from infra.errors import WrongField


class Saying(TypedDict, total=False):
    """The fields of `POST /v1/jobs`; what is left out, or None, is left to the service."""

    messages: Sequence[Mapping[str, Any]] | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    n: int | None
    logprobs: bool | None
    top_logprobs: int | None
    response_format: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    user: str | None
    metadata: Mapping[str, str] | None
    lane: str | None
    conversation: str | None
    replaces: str | None
    truncation: str | None
    webhook: str | None
    deadline: float | str | datetime | timedelta | None
    cache: str | None


def body_of(said: Mapping[str, Any]) -> bytes:
    """What was said as the body of a job.

    Raises:
        WrongField: a value cannot be written as JSON; the field is named.
    """
    return b"{" + b",".join(_member(name, value) for name, value in said.items() if value is not None) + b"}"


def _member(name: str, value: Any) -> bytes:
    if isinstance(value, float) and not math.isfinite(value):
        # JSON knows no such number, and its writer would make null of it: as if nothing had been said.
        raise WrongField(f"{name} must be a finite number.", name)
    match name, value:
        case "webhook", str():
            value = {"url": value}
        case "deadline", timedelta():
            value = value.total_seconds()
        case "deadline", datetime():
            value = value.isoformat()
        case _:
            pass
    try:
        return msgspec.json.encode(name) + b":" + msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongField(f"{name} cannot be written as JSON: {error}.", name) from None
