"""Descriptions and types to one OpenAPI 3.1 document. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from gateway.openapi import replying, schemas
from gateway.openapi.operation import IDEMPOTENCY_KEY, JSON, Content, Operation, Parameter, Reply
from gateway.openapi.operations import OPERATIONS, TAGS
from gateway.repeats import table
from gateway.repeats.making import REPLAYED
from gateway.shapes.errors import ErrorBodyShape

_ABOUT = (
    "Prompts in, answers out: every prompt goes through the log, and nothing that was accepted is lost. OpenAI's "
    "clients work unchanged; jobs are for whoever does not want to wait. Every answer bears `x-request-id`, every "
    "error has one shape."
)


def document(operations: Mapping[tuple[str, str], Operation] = OPERATIONS) -> dict[str, Any]:
    """The whole document."""
    types = _Types(operations.values())
    paths: dict[str, Any] = {}
    for (method, path), operation in operations.items():
        paths.setdefault(path, {})[method.lower()] = _operation(operation, method, path, types)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headrace",
            "version": version("headrace"),
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": about} for name, about in TAGS.items()],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": types.components,
            "responses": replying.error_responses(),
            "headers": replying.headers(),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Your API key."},
                "ticket": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "ticket",
                    "description": "For what a browser opens by itself: one of `POST /v1/tickets`.",
                },
            },
        },
    }


def text() -> str:
    """The document as it is served, and written to a file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def path_of(route: str) -> str:
    """The path of a route as the document writes it: `{model:.+}` is `{model}`."""
    return re.sub(r"{(\w+):[^{}]*}", r"{\1}", route)


class _Types:
    """The schemas of all types that are spoken of, written at once so that each has one name."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        types = [ErrorBodyShape, *(each for it in operations for each in _types_of(it))]
        written, self.components = schemas.components(types)
        self._schemas = {repr(each): schema for each, schema in zip(types, written, strict=True)}

    def schema(self, of: Any) -> dict[str, Any]:
        """The schema of a type."""
        return self._schemas[repr(of)]


def _types_of(operation: Operation) -> Iterator[Any]:
    if operation.takes is not None:
        yield operation.takes
    yield from (each.type for each in (*operation.asks, IDEMPOTENCY_KEY))
    contents = [each for reply in operation.replies.values() for each in reply.content.values()]
    for content in (*contents, *operation.takes_as.values()):
        if content.shape is not None:
            yield content.shape
        yield from content.each.values()


def _operation(it: Operation, method: str, path: str, types: _Types) -> dict[str, Any]:
    asked, about, replies, repeat = list(it.asks), it.about, it.replies, table.repeat_of(method, path)
    if repeat is not None and table.takes_key(method, path):
        asked.append(IDEMPOTENCY_KEY)
        about = f"{about} Repeated under its `Idempotency-Key`: {repeat.told}".lstrip()
        replies = {status: replace(each, headers=(*each.headers, REPLAYED)) for status, each in replies.items()}
    told: dict[str, Any] = {
        "operationId": _id(method, path, it.tag),
        "tags": [it.tag],
        "summary": it.summary,
        **({"description": about} if about else {}),
        **_security(it),
        "parameters": [*_ids(path), *(_parameter(each, types) for each in asked)],
    }
    if body := _body(it, types):
        told["requestBody"] = body
    told["responses"] = {
        **{str(status): _reply(reply, types, limits=not it.is_open) for status, reply in sorted(replies.items())},
        **{
            str(status): {"$ref": f"#/components/responses/Error{status}"}
            for status in replying.failures(it, method, path)
        },
    }
    return told


def _security(it: Operation) -> dict[str, Any]:
    if it.is_open:
        return {"security": []}
    return {"security": [{"key": []}, {"ticket": []}]} if it.by_ticket else {}


def _id(method: str, path: str, tag: str) -> str:
    words = re.findall(r"\w+", path.removeprefix("/v1"))
    return "_".join([method.lower(), *(["page"] if tag == "Pages" else []), *words])


def _ids(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _parameter(it: Parameter, types: _Types) -> dict[str, Any]:
    schema = {**types.schema(it.type), **it.more}
    return {"name": it.name, "in": it.where, "required": False, "description": it.about, "schema": schema}


def _body(it: Operation, types: _Types) -> dict[str, Any]:
    content = {media: _content(each, types) for media, each in it.takes_as.items()}
    if it.takes is not None:
        content[JSON] = {"schema": types.schema(it.takes)}
    return {"required": it.body_required, "content": content} if content else {}


def _reply(it: Reply, types: _Types, *, limits: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "description": it.about,
        "headers": replying.header_references((*it.headers, *(replying.LIMITS if limits else ()))),
    }
    if it.content:
        told["content"] = {media: _content(each, types, media) for media, each in it.content.items()}
    return told


def _content(it: Content, types: _Types, media: str = "") -> dict[str, Any]:
    if it.shape is not None:
        return {"schema": types.schema(it.shape)}
    if it.each:
        # OpenAPI 3.1 has no word for it (3.2 has itemSchema): what each event or line holds stands beside.
        return {"schema": {}, "x-each": {name: types.schema(each) for name, each in it.each.items()}}
    if it.binary:
        return {}
    return {"schema": {"type": "object" if media == JSON else "string"}}
