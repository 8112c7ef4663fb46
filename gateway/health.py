"""Whether the process lives, whether it can serve, and what it has counted."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.http.objects import as_json
from gateway.keys import LEAVING, METRICS, PUBLISHER, REGISTRY, SCRIPTS
from infra.errors import Unavailable
from producers.access.registry import RegistryReader
from producers.log.publisher import Publisher
from producers.state import view
from producers.state.scripts import Scripts

_REDIS_S: Final = 1.0
"""Longest wait for Redis: whoever asks how we are waits for nothing that hangs."""

Told = TypeVar("Told")


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: the process lives and its loop turns."""
    return as_json({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when prompts are taken, now and for a while, else 503; the parts, and how far the view is."""
    app = request.app
    parts, progress = await asyncio.gather(
        readiness(app[PUBLISHER], app[REGISTRY], app[SCRIPTS]), _progress(app[SCRIPTS])
    )
    status = "stopping" if app[LEAVING].is_set() else "ready" if all(parts.values()) else "not_ready"
    told = {"status": status, "parts": parts, "view": progress}
    return as_json(told, status=200 if status == "ready" else 503)


async def readiness(publisher: Publisher, registry: RegistryReader, scripts: Scripts) -> dict[str, bool]:
    """Every part that prompts need, and whether it is there."""
    whole = await _told(view.is_whole(scripts))
    redis = whole is not None
    return {"kafka": publisher.connected, "registry": registry.ready, "redis": redis, "view": bool(whole)}


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics, for Prometheus."""
    return web.Response(body=await request.app[METRICS].shown(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _progress(scripts: Scripts) -> dict[str, int]:
    """How many partitions of the state view are whole."""
    return {"whole": await _told(view.whole_partitions(scripts)) or 0, "partitions": view.PARTITIONS}


async def _told(asked: Awaitable[Told]) -> Told | None:
    """What Redis answers; None where it does not."""
    try:
        async with asyncio.timeout(_REDIS_S):
            return await asked
    except (Unavailable, TimeoutError):
        return None
