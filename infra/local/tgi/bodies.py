"""How a body becomes a request: content type, size, JSON, shape — refused in the words of TGI's HTTP framework."""

import re
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET

from infra.local.tgi.errors import Malformed
from infra.local.tgi.wire import ChatRequest, CompletionRequest, GenerateRequest

T = TypeVar("T")

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_AT = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_NAMES = {"str": "string", "bool": "boolean", "object": "map", "array": "sequence", "int": "integer", "float": "number"}
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")


async def read(request: web.BaseRequest, limit_bytes: int) -> bytes:
    """The whole body, if its type is JSON and its size within the limit.

    Raises:
        Malformed: 415 or 413.
    """
    _check_type(request.headers.get("Content-Type", ""))
    if (request.content_length or 0) > limit_bytes:
        raise _too_large()
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit_bytes:
            raise _too_large()
    return bytes(body)


def _check_type(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Malformed(415, "Expected request with `Content-Type: application/json`")


def _too_large() -> Malformed:
    return Malformed(413, "Failed to buffer the request body: length limit exceeded")


def decode(body: bytes, shape: type[T]) -> T:
    """The request in the body.

    A list stands for the fields in their order, and what follows the JSON value is ignored, as in TGI.

    Raises:
        Malformed: 400 if it is no JSON, 422 if it has another shape.
    """
    try:
        return _decode(body, shape)
    except msgspec.ValidationError as error:
        raise Malformed(
            422, f"Failed to deserialize the JSON body into the target type: {_told(error, body)}"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(400, f"Failed to parse the request body as JSON: {error}") from None


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        if body.lstrip()[:1] != b"[":
            return msgspec.json.decode(body, type=shape)
        fields: Any = msgspec.json.decode(body)
        names = msgspec.structs.fields(shape) if issubclass(shape, msgspec.Struct) else ()
        return msgspec.convert({each.name: value for each, value in zip(names, fields, strict=False)}, shape)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError as error:
        if (cut := _TRAILING.search(str(error))) is None or cut[1] == "0":
            raise
        return _decode(body[: int(cut[1])], shape)


def _told(error: msgspec.ValidationError, body: bytes) -> str:
    """The error in serde's way: path, what is wrong, and a position (the end of the body: ours is not known)."""
    text = str(error)
    path = "" if (at := _AT.search(text)) is None else at[1].replace("[...]", "[0]")
    text = _AT.sub("", text)
    if missing := _MISSING.match(text):
        text = f"missing field `{missing[1]}`"
    elif types := _EXPECTED.match(text):
        expected = " or ".join(_NAMES.get(each.strip(), each.strip()) for each in types[1].split("|"))
        text = f"invalid type: {_NAMES.get(types[2], types[2])}, expected {expected}"
    prefix = f"{path}: " if path and not text.startswith(path) else ""
    line, column = body.count(b"\n") + 1, len(body) - body.rfind(b"\n") - 1
    return f"{prefix}{text} at line {line} column {column}"


def decode_any(body: bytes) -> ChatRequest | CompletionRequest | GenerateRequest:
    """The body of `/invocations`: any of the three forms.

    Raises:
        Malformed: 400 if it is no JSON, 422 if it is none of them.
    """
    found: Any = decode(body, dict)
    forms: dict[str, type[ChatRequest | CompletionRequest | GenerateRequest]] = {
        "inputs": GenerateRequest,
        "messages": ChatRequest,
        "prompt": CompletionRequest,
    }
    for name, shape in forms.items():
        if found.get(name, UNSET) is not UNSET:
            try:
                return msgspec.convert(found, shape)
            except msgspec.ValidationError:
                break
    raise Malformed(
        422,
        "Failed to deserialize the JSON body into the target type: "
        "data did not match any variant of untagged enum SagemakerRequest",
    )
