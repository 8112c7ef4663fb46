"""Recorded exchanges with a real TGI: sent again, and compared in all that does not depend on the model."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from yarl import URL

GOLDEN = Path(__file__).parent / "golden"
RECORDED_LIMITS = (
    "--max-input-tokens=512",
    "--max-total-tokens=1024",
    "--max-best-of=2",
    "--max-stop-sequences=4",
    "--max-top-n-tokens=5",
    "--max-client-batch-size=4",
    "--payload-limit=2000000",
)
DONE = "data: [DONE]"
# These bytes were recorded as text, one character each.
BYTE_BODIES = {"invalid_utf8", "bom"}
CHANCE = {"logprob", "seed"}  # null or a number, as it happens


class Request(msgspec.Struct):
    """What was sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None


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


@dataclass(frozen=True)
class Reply:
    """What our server answered."""

    status: int
    headers: dict[str, str]
    body: str
    events: list[str]


def recorded(group: str) -> list[Exchange]:
    """The exchanges of one golden file."""
    return msgspec.json.decode((GOLDEN / f"{group}.json").read_bytes(), type=list[Exchange])


async def send(session: aiohttp.ClientSession, url: str, exchange: Exchange) -> Reply:
    """Send the recorded request to our server."""
    asked = exchange.request
    async with session.request(
        asked.method,
        URL(url + asked.path, encoded=True),
        headers=asked.headers,
        data=_body(exchange),
        allow_redirects=False,
        skip_auto_headers=["Content-Type", "User-Agent", "Accept", "Accept-Encoding"],
    ) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        if not headers.get("content-type", "").startswith("text/event-stream"):
            return Reply(reply.status, headers, await reply.text(), [])
        return Reply(reply.status, headers, "", (await reply.text()).split("\n\n"))


def _body(exchange: Exchange) -> bytes | None:
    body = exchange.request.body
    if body is None:
        return None
    if not isinstance(body, str):
        return json.dumps(body).encode()
    return body.encode("latin-1" if exchange.name in BYTE_BODIES else "utf-8")


def differences(wanted: Response, got: Reply) -> list[str]:
    """Where our answer is unlike TGI's."""
    found = [] if wanted.status == got.status else [f"status {got.status}, not {wanted.status}: {got.body[:300]}"]
    found += [f"header {name} is missing" for name in wanted.headers if name not in got.headers]
    found += [
        f"header {name}: {got.headers.get(name)}, not {wanted.headers.get(name)}"
        for name in ("content-type", "allow", "cache-control", "x-accel-buffering", "x-compute-type")
        if wanted.headers.get(name) != got.headers.get(name)
    ]
    if wanted.events is not None:
        return found + _stream_differences([each.strip() for each in wanted.events], got.events)
    return found if wanted.body is None else found + _body_differences(wanted.body, got.body)


def _body_differences(wanted: str, got: str) -> list[str]:
    if wanted[:1] not in {"{", "["}:
        # The framework's refusals: their first words are the contract, the parser's own words are not.
        same = wanted.partition(": ")[0] == got.partition(": ")[0]
        return [] if same else [f"body {got[:200]!r}, not {wanted[:200]!r}"]
    return _json_differences(json.loads(wanted), json.loads(got))


def _json_differences(wanted: Any, got: Any) -> list[str]:
    if isinstance(wanted, dict) and "error" in wanted:
        return [] if _error(wanted) == _error(got) else [f"error {got}, not {wanted}"]
    return [] if outline(wanted) == outline(got) else [f"shape {outline(got)}, not {outline(wanted)}"]


def _error(body: Any) -> Any:
    """An error without what depends on the model: numbers, and what a parser says of a text."""
    if isinstance(body, str):
        return re.sub(r"\d+", "N", re.sub(r"(Failed to parse generated text|grammar is not valid): .*", r"\1", body))
    return {name: _error(value) for name, value in body.items()} if isinstance(body, dict) else body


def _stream_differences(wanted: list[str], got: list[str]) -> list[str]:
    found = [] if got[-1] == "" else [f"the stream ends in mid-event: {got[-1]!r}"]
    got = [each for each in got if each and not each.startswith(":")]
    found += [f"no event: {each!r}" for each in got if not re.fullmatch(r"data: [^\n]*", each)]
    if (wanted[-1] == DONE) != (got[-1:] == [DONE]):
        found.append(f"the stream ends with {got[-1:]}, not {wanted[-1]!r}")
    wanted_events = [json.loads(each[6:]) for each in wanted if each != DONE]
    events = [json.loads(each[6:]) for each in got if each != DONE]
    known = [outline(each) for each in wanted_events]
    if len(known) > 1:  # of one event only, nothing can be said of those before the last: the model chose the length
        found += [f"TGI sends no such event: {each}" for each in events if outline(each) not in known]
    if bool(known) != bool(events) or (known and outline(events[-1]) != known[-1]):
        found.append(f"last event {events[-1:]}, not {wanted_events[-1:]}")
    if wanted_events and "error" in wanted_events[0]:
        found += _json_differences(wanted_events[0], events[0])
    return found


def outline(value: Any, name: str = "") -> Any:
    """Keys and types, without values; of a list the kinds of its items."""
    if name in CHANCE:
        return "number?"
    if isinstance(value, dict):
        return {key: outline(each, key) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return [json.loads(each) for each in sorted({json.dumps(outline(item)) for item in value})]
    if isinstance(value, bool) or value is None:
        return str(value) if value is None else "bool"
    if isinstance(value, int | float):
        return "number"
    return "empty" if name in {"id", "finish_reason"} and value == "" else "text"
