"""What the server says of itself: `/health`, `/info`, `/v1/models`, `/metrics`."""

from aiohttp import web

from infra.local.tgi.errors import unhealthy
from infra.local.tgi.metrics import CONTENT_TYPE
from infra.local.tgi.replies import empty, json_reply
from infra.local.tgi.service import Service


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
