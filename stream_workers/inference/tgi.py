"""The model server, spoken to in TGI's native protocol.

The types are those of the `text_generation` package; the transport is ours, because the package's own opens a session
a call, gives up after ten seconds, and takes a stream that was cut for one that ended.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import msgspec
from pydantic import ValidationError
from text_generation.types import FinishReason, Parameters, Request, StreamResponse

from infra import tls
from infra.settings import TgiSettings
from infra.sse import Parser
from producers.events import Message, TokenLogprob, Tool
from stream_workers.inference import trouble
from stream_workers.inference.parameters import Limits
from stream_workers.inference.trouble import Trouble

FINISH: dict[FinishReason, Literal["stop", "length"]] = {
    FinishReason.EndOfSequenceToken: "stop",
    FinishReason.StopSequence: "stop",
    FinishReason.Length: "length",
}
_CONNECTIONS = 512
_HEALTH_S = 5.0


@dataclass(frozen=True)
class Templated:
    """A prompt as the model reads it, and its exact length."""

    text: str
    tokens: int


class Token(msgspec.Struct, frozen=True):
    """One token of the answer; special ones have no text. `top` are the likeliest at its place, if asked for."""

    text: str
    logprob: float = 0.0
    special: bool = False
    top: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class End:
    """The answer ended as it should."""

    finish_reason: Literal["stop", "length"]
    tokens: int


class _Tokenized(msgspec.Struct):
    templated_text: str
    tokenize_response: list[msgspec.Raw]


class _Info(msgspec.Struct):
    max_input_tokens: int
    max_total_tokens: int
    max_stop_sequences: int = 4
    max_concurrent_requests: int = 0


class Tgi:
    """One model server over one shared session; `close` it after use. Nothing here raises: trouble is a value."""

    def __init__(self, settings: TgiSettings) -> None:
        (self._url,) = settings.urls
        self._headers = {"content-type": "application/json"}
        if settings.api_key:
            self._headers["authorization"] = f"Bearer {settings.api_key}"
        # aiohttp sets TCP_NODELAY on its connections. There is no limit on the whole of an answer, only on silence.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                keepalive_timeout=60,
                ssl=tls.towards(settings.ca_file) if settings.ca_file else True,
            ),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s
            ),
            auto_decompress=False,
        )
        self._limits: Limits | None = None

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def limits(self) -> Limits | Trouble:
        """What the server takes; asked once, and again after it was gone."""
        if self._limits is None:
            body = await self._call("GET", "/info", None)
            if isinstance(body, Trouble):
                return body
            try:
                info = msgspec.json.decode(body, type=_Info)
            except msgspec.DecodeError as error:
                return Trouble("garbled", f"/info: {error}")
            self._limits = Limits(
                info.max_input_tokens, info.max_total_tokens, info.max_stop_sequences, info.max_concurrent_requests
            )
        return self._limits

    async def template(
        self, model: str, messages: tuple[Message, ...], tools: tuple[Tool, ...] = (), *, must_call: bool = False
    ) -> Templated | Trouble:
        """The messages under the model's chat template, tools shown if there are any, and how many tokens they are."""
        request: dict[str, Any] = {"model": model, "messages": [_said(each) for each in messages]}
        if tools:
            request["tools"] = [_offered(each) for each in tools]
            request["tool_choice"] = "required" if must_call else "auto"
        try:
            asked = msgspec.json.encode(request)
        except RecursionError:
            return trouble.unsendable("the prompt's tools are nested too deeply")
        body = await self._call("POST", "/chat_tokenize", asked)
        if isinstance(body, Trouble):
            return body
        try:
            told = msgspec.json.decode(body, type=_Tokenized)
        except msgspec.DecodeError as error:
            return Trouble("garbled", f"/chat_tokenize: {error}")
        return Templated(told.templated_text, len(told.tokenize_response))

    async def generate(self, inputs: str, parameters: Parameters) -> AsyncGenerator[Token | End | Trouble, None]:
        """The answer token by token, then its end or its trouble. Closing the generator hangs up."""
        try:
            body = Request(inputs=inputs, parameters=parameters).model_dump_json(exclude_none=True)
        except (ValueError, RecursionError) as error:  # pydantic's own is a ValueError
            yield trouble.unsendable(f"the grammar cannot be written as JSON ({type(error).__name__})")
            return
        begun = False
        try:
            async with self._session.post(
                f"{self._url}/generate_stream", data=body.encode(), headers=self._headers
            ) as response:
                if response.status != 200:
                    yield trouble.of_reply(response.status, await response.read())
                    return
                begun = True
                try:
                    async for told in _told(response):
                        yield told
                        if not isinstance(told, Token):
                            return
                finally:
                    if not response.content.at_eof():
                        response.close()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            yield self._lost(error, begun=begun)

    async def healthy(self) -> bool:
        """Whether it answers, and not that it cannot; a server that knows no `/health` is taken at its word."""
        timeout = aiohttp.ClientTimeout(total=_HEALTH_S)
        try:
            async with self._session.get(f"{self._url}/health", headers=self._headers, timeout=timeout) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _call(self, method: str, path: str, body: bytes | None) -> bytes | Trouble:
        try:
            async with self._session.request(
                method, f"{self._url}{path}", data=body, headers=self._headers
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return self._lost(error)
        return content if response.status == 200 else trouble.of_reply(response.status, content)

    def _lost(self, error: BaseException, *, begun: bool = False) -> Trouble:
        self._limits = None
        match error:
            case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
                return Trouble("gone", f"the model server cannot be reached: {error!r}")
            case TimeoutError():
                return Trouble("cut", "the model server fell silent")
            case aiohttp.ClientPayloadError():
                return Trouble("cut", f"the model server hung up: {error!r}")
            case aiohttp.ClientConnectionError() | OSError():
                return Trouble("cut" if begun else "away", f"the model server hung up: {error!r}")
            case aiohttp.ClientResponseError():
                return Trouble("garbled", f"the model server does not speak HTTP: {error!r}")
            case _:
                return Trouble("cut" if begun else "gone", f"the model server cannot be asked: {error!r}")


def _said(message: Message) -> dict[str, Any]:
    """A message as TGI takes it: with calls it has no text, and it must say whose they are."""
    said: dict[str, Any] = {"role": message.role}
    if message.name is not None:
        said["name"] = message.name
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    if not message.tool_calls or message.content:
        return said | {"content": message.content}
    calls = [
        {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
        for each in message.tool_calls
    ]
    return said | {"tool_calls": calls}


def _offered(tool: Tool) -> dict[str, Any]:
    parameters = {"type": "object", **(tool.parameters or {"properties": {}})}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


async def _told(response: aiohttp.ClientResponse) -> AsyncGenerator[Token | End | Trouble, None]:
    parser = Parser()
    async for chunk in response.content.iter_any():
        for event in parser.feed(chunk):
            for told in read(event.data):
                yield told
    yield Trouble("cut", "the stream ended before the answer did")


def read(data: str) -> list[Token | End | Trouble]:
    """What one event of `/generate_stream` tells: a token, with the last one the end too; or trouble."""
    try:
        told = StreamResponse.model_validate_json(data)
    except ValidationError:
        return [_read_error(data)]
    found: list[Token | End | Trouble] = [_token(told)]
    if told.details is not None:
        found.append(End(FINISH[told.details.finish_reason], told.details.generated_tokens))
    elif told.generated_text is not None:
        found.append(Trouble("garbled", "the last event has no details"))
    return found


def _token(told: StreamResponse) -> Token:
    token = told.token
    top = tuple(TokenLogprob(each.text, each.logprob or 0.0) for each in told.top_tokens or ())
    return Token("" if token.special else token.text, token.logprob or 0.0, token.special, top)


def _read_error(data: str) -> Trouble:
    try:
        told: Any = msgspec.json.decode(data)
    except msgspec.DecodeError:
        told = None
    known = trouble.of_event(told) if isinstance(told, dict) else None
    if known is not None and known.kind in trouble.AWAY:
        return Trouble("failed", known.message)  # it answered, so that it was there
    return known or Trouble("garbled", f"no event of TGI's: {data[:200]!r}")
