"""How a body becomes a request: content type, size, JSON, shape — refused in the words of TGI's HTTP framework."""

import re
from typing import Any, TypeVar

import msgspec
from aiohttp import web
from msgspec import UNSET

from infra.local.tgi.errors import Malformed
from infra.local.tgi.requests.scan import fault
from infra.local.tgi.requests.serde import told
from infra.local.tgi.requests.wire import ChatRequest, CompletionRequest, GenerateRequest

T = TypeVar("T")

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")


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
        text = f"Failed to deserialize the JSON body into the target type: {told(error, body, shape)}"
        raise Malformed(422, text) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(400, f"Failed to parse the request body as JSON: {fault(body) or error}") from None


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
        if (cut := _TRAILING.search(str(error))) is None or int(cut[1]) > len(body):
            raise
        return _decode(body[: int(cut[1]) - 1], shape)  # it counts from 1


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
