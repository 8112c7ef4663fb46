"""The OpenAPI document and the table of routes tell the same."""

import re
from collections.abc import Iterator
from typing import Any

from gateway import routes
from gateway.access.tickets import STREAMS
from gateway.middlewares.signing_in import OPEN
from gateway.openapi import queries
from gateway.openapi.document import document, path_of
from gateway.openapi.notes import NOTES
from gateway.openapi.operation import IDEMPOTENCY_KEY
from gateway.openapi.operations import OPERATIONS, TAGS

DOCUMENT = document()
DESCRIBE_IT = "describe it in gateway/openapi/operations (its __init__ says how)"


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_every_route_is_in_the_document_and_every_operation_of_the_document_is_a_route() -> None:
    served = {(each.method, path_of(each.path)) for each in routes.table()}
    told = {(method, path) for method, path, _ in operations()}

    assert served - told == set(), DESCRIBE_IT
    assert told - served == set(), "no route is served there"


def test_the_document_says_of_every_route_whether_it_asks_for_a_key() -> None:
    open_ = {path for _, path, operation in operations() if operation.get("security") == []}

    assert open_ == OPEN


def test_every_reference_of_the_document_leads_somewhere() -> None:
    dead = [place for place in references(DOCUMENT) if not leads_somewhere(place)]

    assert dead == []


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def leads_somewhere(place: str) -> bool:
    found = DOCUMENT
    for name in place.removeprefix("#/").split("/"):
        if name not in found:
            return False
        found = found[name]
    return True


def test_every_operation_has_a_name_of_its_own_a_summary_and_a_known_tag() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]

    assert len(names) == len(set(names))
    assert all(each.summary and each.summary[-1] != "." for each in OPERATIONS.values())
    assert {each.tag for each in OPERATIONS.values()} == set(TAGS)


def test_every_note_is_of_a_field_that_its_type_has() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    lost = [
        f"{name}.{field}"
        for name, notes in NOTES.items()
        for field in notes
        if field not in schemas[name]["properties"]
    ]

    assert lost == []


def test_every_error_has_the_one_shape_and_every_answer_its_request_id() -> None:
    for status, told in DOCUMENT["components"]["responses"].items():
        assert told["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ErrorBody"}, status
    for method, path, operation in operations():
        for status, told in operation["responses"].items():
            assert "$ref" in told or "x-request-id" in told["headers"], (method, path, status)
    assert DOCUMENT["components"]["headers"]["x-request-id"]["required"] is True


def test_an_idempotency_key_may_be_what_the_document_says() -> None:
    pattern = re.compile(IDEMPOTENCY_KEY.more["pattern"])

    assert pattern.search('"8e03978e-40d5"')
    assert pattern.search("8e03978e-40d5")
    assert not pattern.search(" ")
    assert not pattern.search("clé")


def test_the_document_says_where_a_ticket_opens() -> None:
    by_ticket = {path for _, path, operation in operations() if {"ticket": []} in operation.get("security", ())}

    assert by_ticket == STREAMS


def test_every_route_with_a_key_knows_its_query_or_has_a_handler_that_does() -> None:
    routes_ = {at for at, it in OPERATIONS.items() if not it.is_open}
    by_handler = {path for method, path in routes_ - queries.known().keys()}

    assert by_handler == {
        *("/v1/jobs", "/v1/chat/completions"),
        *("/v1/usage", "/v1/reports/{name}", "/v1/dashboard", "/v1/dashboard/{chart}.csv"),
    }
