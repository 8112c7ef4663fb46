"""How a record is said: on a coloured line to a person, as an object to a script. Pure."""

import base64
import json
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import msgspec
from rich.text import Text

from infra.screen import visible
from producers.tail.facts import facts
from producers.tail.seen import Seen, tenant_of

LONGEST_TEXT: Final = 60
_MOST_BYTES_SHOWN: Final = 48
_COLOURS: Final = {
    "AnswerCompleted": "green",
    "AnswerFailed": "red",
    "AnswerCancelled": "yellow",
    "AnswerExpired": "yellow",
    "RetryScheduled": "yellow",
    "Buried": "red",
    "undecodable": "red",
    "PromptSubmitted": "cyan",
    "FeedbackGiven": "magenta",
}
_MARKS: Final = {"delivered": "green", "retry": "yellow", "exhausted": "red", "refused": "red"}


def line(seen: Seen, zone: tzinfo | None = None) -> Text:
    """One line for a person: when, what, which job, what matters of it; then whose, and where in the log.

    A terminal cuts it at its end, so what matters least comes last.
    """
    when = datetime.fromtimestamp(seen.timestamp_ms / 1000, UTC).astimezone(zone)
    said = Text()
    said.append(f"{when:%H:%M:%S}.{when.microsecond // 1000:03} ", style="dim")
    said.append(seen.type, style=f"bold {_COLOURS.get(seen.type, 'default')}")
    if seen.job_id:
        said.append(f" {visible(seen.job_id)}")
    if seen.event is None:
        said.append(f" {visible(seen.error)}", style="red").append(f" {_bytes(seen.value)}", style="dim")
    else:
        _matters(said, seen)
    if tenant := tenant_of(seen.event):
        said.append(f" {visible(tenant)}", style="blue")
    return said.append(f" {seen.topic}/{seen.partition}@{seen.offset}", style="dim")


def _matters(said: Text, seen: Seen) -> None:
    about, text = facts(seen.event)
    for each in about:
        said.append(f" {visible(each)}", style=_MARKS.get(each, "default"))
    if text:
        said.append(f' "{shortened(text)}"', style="italic")


def whole(seen: Seen) -> str:
    """All of a record's event, over several lines."""
    if seen.event is None:
        return repr(seen.value)
    return visible(json.dumps(msgspec.to_builtins(seen.event), indent=2, ensure_ascii=False), keep="\n")


def plain(seen: Seen) -> dict[str, Any]:
    """As `headrace tail --json` prints it: the event as it stands on the wire, or why there is none and the bytes."""
    place = {"topic": seen.topic, "partition": seen.partition, "offset": seen.offset}
    told = {**place, "timestamp_ms": seen.timestamp_ms, "key": seen.key, "type": seen.type}
    if seen.event is not None:
        return {**told, "event": msgspec.to_builtins(seen.event)}
    return {**told, "error": seen.error, "value_base64": base64.b64encode(seen.value).decode()}


def shortened(text: str) -> str:
    """The beginning of a text, on one line."""
    flat = visible(" ".join(text[: 4 * LONGEST_TEXT].split()))
    return flat if len(flat) <= LONGEST_TEXT else flat[: LONGEST_TEXT - 1] + "…"


def _bytes(value: bytes) -> str:
    return repr(value[:_MOST_BYTES_SHOWN]) + ("…" if len(value) > _MOST_BYTES_SHOWN else "")
