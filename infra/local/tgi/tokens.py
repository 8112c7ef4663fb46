"""`/tokenize` and `/chat_tokenize`: the tokens of a text, and of a templated conversation."""

from typing import Any

from aiohttp import web

from infra.local.tgi.bodies import decode, read
from infra.local.tgi.engine import Piece
from infra.local.tgi.replies import json_reply
from infra.local.tgi.service import Service
from infra.local.tgi.tools import offered
from infra.local.tgi.wire import ChatRequest, GenerateRequest


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
