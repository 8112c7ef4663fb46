"""POST /v1/markdown: texts as HTML that is safe to show, for pages that have no renderer of their own."""

import msgspec
from aiohttp import web

from gateway import entrance
from gateway.keys import CALLER, RENDERER
from gateway.problems import bad_value
from producers.prompts import bodies
from producers.prompts.bodies import Strict

MOST_TEXTS, LONGEST_TEXT, LONGEST_TOGETHER = 64, 32 * 1024, 128 * 1024


class AskedMarkdown(Strict, frozen=True, kw_only=True):
    """The body: the texts to be rendered, each by itself."""

    texts: list[str]


async def render(request: web.Request) -> web.Response:
    """Each text as its blocks, with the line on which each begins: whoever streams sends only the last one again."""
    texts = bodies.read(AskedMarkdown, await entrance.read_body(request)).texts
    if len(texts) > MOST_TEXTS or any(len(text) > LONGEST_TEXT for text in texts):
        raise bad_value(f"texts may hold {MOST_TEXTS} texts, each of {LONGEST_TEXT} characters at most.", "texts")
    if sum(map(len, texts)) > LONGEST_TOGETHER:
        raise bad_value(f"texts may have {LONGEST_TOGETHER} characters together.", "texts")
    data = [await request.app[RENDERER].render(request[CALLER].tenant, text) for text in texts]
    shown = [{"object": "markdown", "blocks": blocks} for blocks in data]
    return web.Response(body=msgspec.json.encode({"object": "list", "data": shown}), content_type="application/json")
