"""POST /v1/markdown: texts as HTML that is safe to show, for pages that have no renderer of their own."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import msgspec
from aiohttp import web

from gateway import entrance
from gateway.keys import RENDERER
from gateway.problems import bad_value
from gateway.rendering import Block, rendered
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
    loop = asyncio.get_running_loop()
    data = [await loop.run_in_executor(request.app[RENDERER], rendered, text) for text in texts]
    shown = [{"object": "markdown", "blocks": blocks} for blocks in data]
    return web.Response(body=msgspec.json.encode({"object": "list", "data": shown}), content_type="application/json")


def renderer() -> ThreadPoolExecutor:
    """One thread: however much is to be rendered, it takes no more than its share of one core from the event loop."""
    made = ThreadPoolExecutor(1, thread_name_prefix="markdown")
    made.submit(_warm_up)
    return made


def _warm_up() -> list[Block]:
    return rendered("```python\npass\n```")
