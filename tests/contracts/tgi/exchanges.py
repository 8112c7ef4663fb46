"""Recorded exchanges with a real TGI, and how one is sent again."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from yarl import URL

GOLDEN = Path(__file__).parent / "golden"
GROUPS = ("plain", "generate", "generate_stream", "other_forms", "chat", "completions", "tokenize")
RECORDED_LIMITS = (
    "--max-input-tokens=512",
    "--max-total-tokens=1024",
    "--max-best-of=2",
    "--max-stop-sequences=4",
    "--max-top-n-tokens=5",
    "--max-client-batch-size=4",
    "--payload-limit=2000000",
)
# These bytes were recorded as text, one character each.
BYTE_BODIES = {"invalid_utf8", "bom"}


class Request(msgspec.Struct):
    """What was sent; `{"repeat": text, "times": n}` stands for a text too long to keep."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None

    def payload(self, name: str) -> io.BytesIO | None:
        """The bytes of the body."""
        if self.body is None:
            return None
        text = self.body if isinstance(self.body, str) else json.dumps(_written_out(self.body))
        return io.BytesIO(text.encode("latin-1" if name in BYTE_BODIES else "utf-8"))


class Response(msgspec.Struct):
    """What TGI answered; `events` holds the chunks of a stream, and a body of None is not compared."""

    status: int
    headers: dict[str, str]
    body: str | None = None
    events: list[str] | None = None


class Exchange(msgspec.Struct):
    """One recorded exchange."""

    name: str
    request: Request
    response: Response


class Scenario(msgspec.Struct):
    """What TGI did under some flags, or when its model process failed; answers in no order, metrics afterwards."""

    name: str
    request: Request
    responses: list[Response]
    setting: str
    note: str
    metrics: dict[str, float] = {}


@dataclass(frozen=True)
class Reply:
    """What our server answered; `events` holds the chunks of a stream as they came over the wire."""

    status: int
    headers: dict[str, str]
    body: str
    events: list[str] | None = None


def recorded(group: str) -> list[Exchange]:
    """The exchanges of one golden file."""
    return msgspec.json.decode((GOLDEN / f"{group}.json").read_bytes(), type=list[Exchange])


def scenarios() -> list[Scenario]:
    """All recorded scenarios."""
    return msgspec.json.decode((GOLDEN / "scenarios.json").read_bytes(), type=list[Scenario])


async def send(session: aiohttp.ClientSession, url: str, request: Request, name: str) -> Reply:
    """Send the recorded request to our server."""
    async with session.request(
        request.method,
        URL(url + request.path, encoded=True),
        headers=request.headers,
        data=request.payload(name),
        allow_redirects=False,
        skip_auto_headers=["Content-Type", "User-Agent", "Accept", "Accept-Encoding"],
    ) as reply:
        headers = {key.lower(): value for key, value in reply.headers.items()}
        if not headers.get("content-type", "").startswith("text/event-stream"):
            return Reply(reply.status, headers, await reply.text())
        return Reply(reply.status, headers, "", await _chunks(reply))


async def _chunks(reply: aiohttp.ClientResponse) -> list[str]:
    """The transfer's chunks, each put together again from the pieces that it arrived in."""
    found, begun = [], b""
    async for piece, ends in reply.content.iter_chunks():
        begun += piece
        if ends and begun:
            found.append(begun.decode())
            begun = b""
    return found


def _written_out(body: Any) -> Any:
    match body:
        case {"repeat": str(text), "times": int(times)}:
            return text * times
        case dict():
            return {key: _written_out(value) for key, value in body.items()}
        case list():
            return [_written_out(each) for each in body]
        case _:
            return body
