"""POST /v1/markdown: texts as HTML that is safe to show, for pages that have no renderer of their own."""

from aiohttp import web

from gateway.http import requests
from gateway.http.objects import as_json
from gateway.http.problems import bad_value
from gateway.keys import CALLER
from gateway.markdown.renderer import RENDERER
from producers.prompts import bodies
from producers.prompts.bodies import Strict

MOST_TEXTS, LONGEST_TEXT, LONGEST_TOGETHER = 64, 32 * 1024, 128 * 1024


class AskedMarkdown(Strict, frozen=True, kw_only=True):
    """The body: the texts to be rendered, each by itself."""

    texts: list[str]


async def render(request: web.Request) -> web.Response:
    """Each text as its blocks, with the line on which each begins: whoever streams sends only the last one again."""
    texts = bodies.read(AskedMarkdown, await requests.read_body(request)).texts
    if len(texts) > MOST_TEXTS or any(len(text) > LONGEST_TEXT for text in texts):
        raise bad_value(f"texts may hold {MOST_TEXTS} texts, each of {LONGEST_TEXT} characters at most.", "texts")
    if sum(map(len, texts)) > LONGEST_TOGETHER:
        raise bad_value(f"texts may have {LONGEST_TOGETHER} characters together.", "texts")
    data = [await request.app[RENDERER].render(request[CALLER].tenant, text) for text in texts]
    shown = [{"object": "markdown", "blocks": blocks} for blocks in data]
    return as_json({"object": "list", "data": shown})
