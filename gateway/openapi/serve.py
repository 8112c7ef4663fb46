"""`/openapi.json` and `/docs`: written once, with this module, as the pages are read."""

from aiohttp import web

from gateway.openapi.document import document, text
from gateway.openapi.page import page
from gateway.pages import serve
from gateway.pages.assets import asset

_DOCUMENT = asset("openapi.json", text().encode())
_PAGE = asset("docs.html", page(document()).encode())


async def show_document(request: web.Request) -> web.StreamResponse:
    """GET /openapi.json."""
    return serve.respond(request, _DOCUMENT, serve.OF_FILES)


async def show_page(request: web.Request) -> web.StreamResponse:
    """GET /docs."""
    return serve.respond(request, _PAGE, serve.OF_PAGES)
