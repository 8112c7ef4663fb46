"""What is asked of every request: who answers it, its route, and its body."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.http import headers
from gateway.http.problems import Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def route_of(request: web.Request) -> str:
    """The route as the table of URLs writes it; empty where there is nothing at the URL."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


async def read_body(request: web.Request) -> bytes:
    """The body of a request that must be JSON.

    Raises:
        Problem: 415 where it is something else.
    """
    if not headers.is_json(request.content_type, request.charset):
        raise Problem(415, "The body must be JSON: send Content-Type: application/json.", code="unsupported_media_type")
    return await request.read()
