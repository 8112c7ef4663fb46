"""Where Markdown is rendered: on one thread, at which the tenants take turns."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from aiohttp import web

from gateway.markdown.rendering import Block, rendered


class Renderer:
    """One thread: however much is to be rendered, it takes no more than its share of one core from the event loop.

    A tenant has one text there at a time: who sends many waits for its own, and for one text of each other tenant.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="markdown")
        self._thread.submit(rendered, "```python\npass\n```")  # what is loaded late is loaded before anybody waits
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def render(self, tenant: str, text: str) -> list[Block]:
        """The blocks of a text, once it is its turn."""
        turn = self._turns.setdefault(tenant, asyncio.Lock())
        async with turn:
            return await asyncio.get_running_loop().run_in_executor(self._thread, rendered, text)

    def close(self) -> None:
        """Render no more; what has not begun is left."""
        self._thread.shutdown(wait=False, cancel_futures=True)


RENDERER = web.AppKey("renderer", Renderer)
