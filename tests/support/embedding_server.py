"""An embedding server of the tests' own: it keeps what it was asked, and can be told to hold on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
from aiohttp import web


@dataclass
class PlayedEmbeddings:
    """Answers each text with its length; `texts` says how often each was embedded."""

    url: str = ""
    texts: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0
    holds_after: int | None = None
    counts: bool = True
    """Whether it tells how many tokens it took."""
    is_out_of_order: bool = False
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    _at_once: int = 0

    async def embed(self, request: web.Request) -> web.Response:
        """POST /embed."""
        texts: list[str] = msgspec.json.decode(await request.read())["inputs"]
        if self.is_out_of_order:
            return web.json_response({"error": "out of order"}, status=500)
        if "refused" in texts:
            return web.json_response({"error": "`inputs` is refused"}, status=413)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            if self.holds_after is not None and self.texts.total() >= self.holds_after:
                await self.go_on.wait()
            await asyncio.sleep(0.002)
        finally:
            self._at_once -= 1
        self.texts.update(texts)
        headers = {"x-compute-tokens": str(sum(len(each.split()) for each in texts))} if self.counts else {}
        return web.json_response([[float(len(each)), 1.0] for each in texts], headers=headers)


@asynccontextmanager
async def an_embedding_server() -> AsyncIterator[PlayedEmbeddings]:
    """It serves until the test ends."""
    played = PlayedEmbeddings()
    app = web.Application()
    app.router.add_post("/embed", played.embed)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    played.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield played
    finally:
        played.go_on.set()
        await runner.cleanup()
