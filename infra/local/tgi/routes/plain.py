"""The routes that generate nothing: what the server says of itself, and the tokens of a text."""

from typing import Any

from aiohttp import web

from infra.local.tgi.engine import Piece
from infra.local.tgi.errors import unhealthy
from infra.local.tgi.metrics import CONTENT_TYPE
from infra.local.tgi.replies import empty, json_reply
from infra.local.tgi.requests.bodies import decode, read
from infra.local.tgi.requests.wire import ChatRequest, GenerateRequest
from infra.local.tgi.service import Service
from infra.local.tgi.tools import offered


async def health(service: Service, _request: web.Request) -> web.StreamResponse:
    """`GET /health`, `/ping` and `/`: an empty 200 while the engine is there.

    Raises:
        Refused: it is not.
    """
    if not await service.engine.healthy():
        raise unhealthy()
    return empty()


async def info(service: Service, _request: web.Request) -> web.StreamResponse:
    """`GET /info`: model and limits."""
    return json_reply(service.options.info())


async def models(service: Service, _request: web.Request) -> web.StreamResponse:
    """`GET /v1/models`: the one model."""
    model = service.options.model_id
    return json_reply({"object": "list", "data": [{"id": model, "object": "model", "created": 0, "owned_by": model}]})


async def metrics(service: Service, _request: web.Request) -> web.StreamResponse:
    """`GET /metrics` for Prometheus."""
    return web.Response(body=service.metrics.render().encode(), headers={"content-type": CONTENT_TYPE})


async def docs(_service: Service, _request: web.Request) -> web.StreamResponse:
    """`GET /docs`: TGI redirects to its own pages, which are not served here."""
    return empty(303, {"location": "/docs/"})


async def tokenize(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /tokenize`: every token, whatever the limits."""
    asked = decode(await read(request, service.options.payload_limit_bytes), GenerateRequest)
    return json_reply(_shown(await service.engine.tokenize(asked.inputs)))


async def chat_tokenize(service: Service, request: web.Request) -> web.StreamResponse:
    """`POST /chat_tokenize`: the templated text and its tokens."""
    asked = decode(await read(request, service.options.payload_limit_bytes), ChatRequest)
    service.metrics.count("tgi_request_count")
    text = service.templated(asked, offered(asked))
    return json_reply({"tokenize_response": _shown(await service.engine.tokenize(text)), "templated_text": text})


def _shown(pieces: list[Piece]) -> list[dict[str, Any]]:
    return [{"id": each.id, "text": each.text, "start": each.start, "stop": each.stop} for each in pieces]
