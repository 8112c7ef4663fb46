"""The table of routes, and what holds for all of them: API key, CORS, 404, 405, refusals."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from infra.local.tgi.errors import CutConnection, Malformed, SendGarbage, TgiRefusal
from infra.local.tgi.options import Options
from infra.local.tgi.replies import empty, malformed, refused
from infra.local.tgi.routes import chat, completions, native, plain
from infra.local.tgi.service import Service
from infra.local.tgi.stream import hang_up

Handler = Callable[[Service, web.Request], Awaitable[web.StreamResponse]]

VARY = {"vary": "origin, access-control-request-method, access-control-request-headers"}
PREFLIGHT = {"access-control-allow-methods": "GET,POST", "access-control-allow-headers": "content-type"}


@dataclass(frozen=True)
class Route:
    """The handlers of one path; `guarded` paths ask for the API key, whatever the method."""

    post: Handler | None = None
    get: Handler | None = None
    put: Handler | None = None
    guarded: bool = True

    @property
    def methods(self) -> dict[str, Handler]:
        """The handler of each method, in the order in which `allow` names them."""
        named = {"POST": self.post, "GET": self.get, "HEAD": self.get, "PUT": self.put}
        return {method: handler for method, handler in named.items() if handler is not None}


ROUTES: Mapping[str, Route] = {
    "/": Route(post=native.compat, get=plain.health),
    "/generate": Route(post=native.generate),
    "/generate_stream": Route(post=native.generate_stream),
    "/v1/chat/completions": Route(post=chat.chat),
    "/v1/completions": Route(post=completions.completions),
    "/tokenize": Route(post=plain.tokenize),
    "/chat_tokenize": Route(post=plain.chat_tokenize, guarded=False),
    "/invocations": Route(post=chat.invocations),
    "/vertex": Route(post=native.vertex),
    "/health": Route(get=plain.health, guarded=False),
    "/ping": Route(get=plain.health, guarded=False),
    "/info": Route(get=plain.info, guarded=False),
    "/metrics": Route(get=plain.metrics, guarded=False),
    "/v1/models": Route(get=plain.models, guarded=False),
    "/docs": Route(get=plain.docs, guarded=False),
}


def application(service: Service, extra: Mapping[str, Route] | None = None) -> web.Application:
    """The server's routes, and those of the timed engine beside them."""
    routes = {**ROUTES, **(extra or {})}

    async def dispatch(request: web.Request) -> web.StreamResponse:
        return await _dispatch(service, routes, request)

    async def dress(request: web.Request, response: web.StreamResponse) -> None:
        _dress(service.options, request, response)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", dispatch)
    app.on_response_prepare.append(dress)
    return app


async def _dispatch(service: Service, routes: Mapping[str, Route], request: web.Request) -> web.StreamResponse:
    route = routes.get(request.path)
    if request.method == "OPTIONS":
        allow = {"allow": ",".join(route.methods)} if route else {}
        return empty(200, PREFLIGHT | allow)
    if route is None:
        return empty(404)
    handler = route.methods.get(request.method)
    allow = {} if handler else {"allow": ",".join(route.methods)}
    if not _may_enter(service, route, request):
        return empty(401, allow)
    if handler is None:
        return empty(405, allow)
    try:
        return await handler(service, request)
    except Malformed as error:
        return malformed(error)
    except TgiRefusal as error:
        return refused(error)
    except (CutConnection, SendGarbage):
        hang_up(request)
        return empty(500)


def _may_enter(service: Service, route: Route, request: web.Request) -> bool:
    """TGI compares the whole header without regard to case, and lets GET of `/` pass."""
    key = service.options.api_key
    if not key or not route.guarded or (request.path == "/" and request.method in {"GET", "HEAD"}):
        return True
    return request.headers.get("Authorization", "").lower() == f"bearer {key}".lower()


def _dress(options: Options, request: web.Request, response: web.StreamResponse) -> None:
    """Every answer says who may read it and names no server; the empty one has no type."""
    response.headers.update(VARY | _allowed_origin(options, request))
    response.headers.popall("Server", None)
    if "x-compute-characters" in response.headers:
        response.headers["x-compute-type"] = options.compute_type
    if response.headers.get("Content-Type") == "application/octet-stream":  # aiohttp's own, for want of another
        response.headers.popall("Content-Type", None)


def _allowed_origin(options: Options, request: web.Request) -> dict[str, str]:
    origin = request.headers.get("Origin", "")
    if not options.cors_allow_origin:
        return {"access-control-allow-origin": "*"}
    return {"access-control-allow-origin": origin} if origin in options.cors_allow_origin else {}
