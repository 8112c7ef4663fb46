"""`/openapi.json` and `/docs` over HTTP."""

import json
from pathlib import Path

import aiohttp
from click.testing import CliRunner

from gateway.openapi.cli import openapi
from tests.support.gateway import RunningGateway


async def test_the_document_asks_for_no_key_and_is_not_sent_twice(gateway: RunningGateway) -> None:
    async with aiohttp.ClientSession() as nobody, nobody.get(f"{gateway.url}/openapi.json") as answer:
        document = await answer.json()
        etag = answer.headers["ETag"]

    again = await gateway.get("/openapi.json", if_none_match=etag)

    assert answer.content_type == "application/json"
    assert document["openapi"] == "3.1.0"
    assert "/v1/jobs" in document["paths"]
    assert (again.status, again.content) == (304, b"")


async def test_the_page_shows_every_operation_and_every_type(gateway: RunningGateway) -> None:
    document = (await gateway.get("/openapi.json")).json

    shown = (await gateway.get("/docs")).content.decode()

    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert [each for each in names if f'<article id="{each}">' not in shown] == []
    assert [each for each in document["components"]["schemas"] if f'id="type-{each}"' not in shown] == []


def test_the_command_writes_what_is_served(tmp_path: Path) -> None:
    file = tmp_path / "openapi.json"

    CliRunner().invoke(openapi, ["--output", str(file)], catch_exceptions=False)
    printed = CliRunner().invoke(openapi, ["--json"], catch_exceptions=False).output

    assert json.loads(file.read_text()) == json.loads(printed)
    assert printed.count("\n") == 1
