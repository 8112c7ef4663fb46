"""The outermost: every request has a name, and comes from somewhere."""

from aiohttp import web

from gateway.http import headers
from gateway.http.origin import Origin
from gateway.http.requests import Handler
from gateway.keys import CLOCK, LEAVING, LIMITS, METRICS, ORIGIN, PROXIES, REQUEST_ID
from infra.ids import new_id
from infra.telemetry import requests


@web.middleware
async def name_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give the request a name, which every response carries; say where it comes from, and count it."""
    clock, metrics = request.app[CLOCK], request.app[METRICS]
    seen = Origin(request.remote or "", request.scheme, request.host)
    request[ORIGIN] = request.app[PROXIES].origin(seen, request.headers)
    request[REQUEST_ID] = headers.request_id(request.headers) or new_id("req", clock)
    began_ms = clock.now_ms()
    response = await handler(request)
    requests.count(metrics, request, response, (clock.now_ms() - began_ms) / 1000)
    return response


async def show_name(request: web.Request, response: web.StreamResponse) -> None:
    """Put the request's name, and how its key stands, on a response that is about to be sent, whoever made it."""
    if request.app[LEAVING].is_set():
        # The client's next request is to go to another gateway. aiohttp has chosen the header before we are asked.
        response.force_close()
        response.headers["Connection"] = "close"
    response.headers.update(request.get(LIMITS, {}))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers["x-request-id"] = request.get(REQUEST_ID) or new_id("req", request.app[CLOCK])


def whose(request: web.Request) -> dict[str, str]:
    """A request as our own log tells of it."""
    origin = request[ORIGIN]
    return {
        "request_id": request[REQUEST_ID],
        "path": request.path,
        "client": origin.client,
        "scheme": origin.scheme,
        "host": origin.host,
    }
