"""Events to bytes and back: JSON, checked against the classes on the way in."""

import functools
import re
from typing import Any

import msgspec

from infra.errors import InvalidEvent
from producers.log.topics import Topic

_encoder = msgspec.json.Encoder()
_TOLD = re.compile(r"value '.*'(?! - at `\$\.type`$)", re.DOTALL)


@functools.cache
def _decoder(events: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(events)


def encode(event: Any) -> bytes:
    """The event as it stands on the wire."""
    return _encoder.encode(event)


def decode(topic: Topic, value: bytes | None) -> Any:
    """The event that a record of `topic` tells.

    Raises:
        InvalidEvent: the bytes are no event of that topic; the message says where they differ.
    """
    return decode_as(topic.events, value)


def decode_as(kind: Any, value: bytes | None) -> Any:
    """The event of the given class (or union of classes) in `value`.

    Raises:
        InvalidEvent: the bytes are nothing of that kind.
    """
    try:
        return _decoder(kind).decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # Broken UTF-8 and brackets nested without end are bytes that anybody may send, too.
        # What was said there, but for the event's name, may be a secret, and this is logged.
        raise InvalidEvent(_TOLD.sub("value", str(error))) from None
