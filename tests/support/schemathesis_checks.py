"""What schemathesis is to look for beside its own checks; loaded by its command (`tests/support/schemathesis.py`)."""

import json
from typing import Any

import jsonschema_rs
import schemathesis
from schemathesis import Case, CheckContext, Response

from infra.sse import Parser

NO_REPORTS = ("/v1/reports", "/v1/dashboard", "/v1/usage")
"""No reports process runs beside the gateway under test."""


@schemathesis.check
def unavailable_for_a_reason(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """503 only where a part is away, and then with the time after which to ask again."""
    if response.status_code == 503:
        assert case.operation.path.startswith(NO_REPORTS), "nothing of what it needs is away"
        assert "retry-after" in response.headers, "when shall its client come back?"
    return None


@schemathesis.check
def each_event_as_documented(ctx: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Each event of a stream, and each line of a file of lines, has one of the shapes that the document names."""
    media = response.headers.get("content-type", [""])[0].partition(";")[0]
    document: Any = case.operation.schema.raw_schema
    told = case.operation.definition.raw["responses"].get(str(response.status_code), {})
    shapes: dict[str, Any] = told.get("content", {}).get(media, {}).get("x-each", {})
    if not shapes:
        return None
    if media == "text/event-stream":
        events = Parser().feed(response.content)
        for each in events:
            if each.data != "[DONE]":
                named = [shapes[each.event]] if each.event in shapes else list(shapes.values())
                assert each.event in {*shapes, "message"}, f"no event {each.event!r} is documented"
                _must_fit(json.loads(each.data), named, document)
    else:
        for line in response.content.splitlines():
            _must_fit(json.loads(line), list(shapes.values()), document)
    return None


def _must_fit(value: Any, schemas: list[Any], document: Any) -> None:
    schema = {"anyOf": schemas, "components": document["components"]}
    jsonschema_rs.validator_for(schema).validate(value)
