"""The handlers of the pages: nobody signs in to get one; it holds nothing and asks the API with its reader's key."""

from collections.abc import Mapping

from aiohttp import web

from gateway.http import headers
from gateway.http.problems import not_found
from gateway.http.requests import Handler
from gateway.pages import assets, library
from gateway.pages.assets import Asset
from producers.state.retention import IDEMPOTENCY_MS

# What a page may do: run our scripts, wear our styles, ask our API, and nothing else. Whatever text a model writes,
# there is nowhere to load from, nowhere to send to, and no way from a string to a script.
_POLICY: dict[str, str] = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "headrace",
}
OF_FILES = {
    # Of files, too: an SVG that is opened by itself is a document of its own.
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in _POLICY.items()),
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every file."""
OF_PAGES = {**OF_FILES, "X-Frame-Options": "DENY"}

_STATIC = assets.HTML | library.load()


def page(name: str) -> Handler:
    """A handler that answers with one HTML file; what it has to know of the gateway is put in.

    Raises:
        KeyError: there is no such file.
    """
    found = assets.asset(name, assets.HTML[name].body.replace(b"{{idempotency_ms}}", b"%d" % IDEMPOTENCY_MS))

    async def show(request: web.Request) -> web.StreamResponse:
        return respond(request, found, OF_PAGES)

    return show


async def static(request: web.Request) -> web.StreamResponse:
    """GET /static/{path}: a file that a page is made of; only what was read at the start can be asked for."""
    found = _STATIC.get(f"static/{request.match_info['path']}")
    if found is None:
        raise not_found("There is nothing at this URL.", code="unknown_url")
    return respond(request, found, OF_FILES)


def respond(request: web.Request, asset: Asset, told: Mapping[str, str]) -> web.Response:
    """A file, unless its reader has it; packed for who can unpack it."""
    told = {**told, "ETag": f'"{asset.etag}"'}
    if any(each.value in {asset.etag, "*"} for each in request.if_none_match or ()):
        return web.Response(status=304, headers=told)
    told["Content-Type"] = asset.content_type
    if asset.packed is not None and headers.takes_gzip(request.headers):
        return web.Response(body=asset.packed, headers={**told, "Content-Encoding": "gzip"})
    return web.Response(body=asset.body, headers=told)
