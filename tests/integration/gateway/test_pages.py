"""The pages' files over HTTP: how they are kept, what a browser is told of them, and what cannot be had."""

import gzip
import hashlib

import aiohttp
import pytest

from gateway.pages import assets, library
from producers.state.retention import IDEMPOTENCY_MS
from tests.support.gateway import RunningGateway

API = "/static/ground/api.js"


@pytest.mark.parametrize("path", ["/", "/dashboard", "/dead"])
async def test_a_page_needs_no_key_and_may_load_nothing_from_elsewhere(gateway: RunningGateway, path: str) -> None:
    async with aiohttp.ClientSession() as nobody, nobody.get(f"{gateway.url}{path}") as answer:
        policy = dict(each.split(" ", 1) for each in answer.headers["Content-Security-Policy"].split("; "))

        assert answer.status == 200
        assert answer.content_type == "text/html"
        assert {policy.pop("img-src")} <= {"'self'", "'self' data:"}
        assert (
            policy["default-src"]
            == policy["base-uri"]
            == policy["form-action"]
            == policy["frame-ancestors"]
            == "'none'"
        )
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


async def test_a_file_that_a_browser_has_is_not_sent_again(gateway: RunningGateway) -> None:
    first = await gateway.get(API)

    again = await gateway.get(API, if_none_match=first.headers["ETag"])
    other = await gateway.get(API, if_none_match='"other"')

    assert first.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (again.status, again.content) == (304, b"")
    assert (other.status, other.content) == (200, first.content)


async def test_a_file_travels_packed_only_to_who_can_unpack_it(gateway: RunningGateway) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        async with http.get(f"{gateway.url}{API}", headers={"Accept-Encoding": "gzip"}) as packed:
            body = await packed.read()
            assert packed.headers["Content-Encoding"] == "gzip"
        async with http.get(f"{gateway.url}{API}", headers={"Accept-Encoding": "identity"}) as plain:
            assert await plain.read() == gzip.decompress(body)


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/../app.py",
        "/static/%2e%2e/serve.py",
        "/static/ground",
        "/static/ground/",
        "/static//etc/passwd",
    ],
)
async def test_nothing_but_the_files_of_the_pages_can_be_had(gateway: RunningGateway, path: str) -> None:
    answer = await gateway.get(path)

    assert answer.status == 404
    assert answer.json["error"]["code"] == "unknown_url"


async def test_the_pages_name_only_files_that_there_are() -> None:
    named = {
        each.split('"')[0]
        for name, asset in assets.HTML.items()
        if name.endswith(".html")
        for each in asset.body.decode().replace("src=", "href=").split('href="/')[1:]
    }

    assert named
    assert named <= set(assets.HTML) | set(library.FILES)


async def test_the_chat_page_is_told_how_long_the_gateway_knows_an_idempotency_key(gateway: RunningGateway) -> None:
    answer = await gateway.get("/")

    assert f'data-idempotency-ms="{IDEMPOTENCY_MS}"'.encode() in answer.content


@pytest.mark.parametrize("path", library.FILES)
async def test_the_library_of_the_charts_is_served_as_its_makers_released_it(
    gateway: RunningGateway, path: str
) -> None:
    answer = await gateway.get(f"/{path}")

    assert answer.status == 200
    assert hashlib.sha256(answer.content).hexdigest() == library.FILES[path][1]


def test_another_file_than_the_one_we_know_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(library.FILES, "static/uplot/uplot.js", ("vendor/uplot.iife.min.js", "0" * 64))

    assert set(library.load()) == {"static/uplot/uplot.css"}
