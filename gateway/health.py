"""Whether the process lives, whether it can serve, and what it has counted."""

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.keys import METRICS, PUBLISHER, REGISTRY, SCRIPTS
from infra.errors import Unavailable
from producers.jobs import view
from producers.jobs.scripts import Scripts
from producers.publisher import Publisher
from producers.registry import RegistryReader


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: the process lives and its loop turns."""
    return web.Response(body=b'{"status":"ok"}', content_type="application/json")


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when prompts would be taken now, else 503; each part by name, and how far the view is built."""
    app = request.app
    parts = await readiness(app[PUBLISHER], app[REGISTRY], app[SCRIPTS])
    status = "ready" if all(parts.values()) else "not_ready"
    body = msgspec.json.encode({"status": status, "parts": parts, "view": await _progress(app[SCRIPTS])})
    return web.Response(status=200 if status == "ready" else 503, body=body, content_type="application/json")


async def readiness(publisher: Publisher, registry: RegistryReader, scripts: Scripts) -> dict[str, bool]:
    """Every part that prompts need, and whether it is there."""
    try:
        redis, whole = True, await view.is_whole(scripts)
    except Unavailable:
        redis, whole = False, False
    return {"kafka": publisher.connected, "registry": registry.ready, "redis": redis, "view": whole}


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, for Prometheus."""
    return web.Response(body=await request.app[METRICS].shown(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _progress(scripts: Scripts) -> dict[str, int]:
    """How many partitions of the state view are whole."""
    try:
        whole = await view.whole_partitions(scripts)
    except Unavailable:
        whole = 0
    return {"whole": whole, "partitions": view.PARTITIONS}
