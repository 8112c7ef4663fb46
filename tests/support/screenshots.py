"""Takes the pictures of docs/images/ anew: the whole stack with its real small model, and a real browser before it.

`make screenshots` runs this; `chat` and other names after it choose whose pictures are taken.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import aiohttp
from playwright.async_api import Browser, Page

from infra.clock import SystemClock
from infra.settings import ClickHouseSettings
from tests.support.browser import a_browser, a_visitor
from tests.support.chat_page import Chat
from tests.support.eventually import eventually
from tests.support.history import write_history
from tests.support.up import headrace

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 780}
LARGE = {"width": 1360, "height": 900}
MOST_BYTES = 300_000
ANSWER_WITHIN_MS = 120_000
PROMPTS = (
    "Name three uses of water power, with one advantage each.",
    "Explain why the sky is blue, in two sentences.",
    "Write a Python function that says whether a word is a palindrome.",
)

Scheme = Literal["light", "dark"]


@dataclass(frozen=True)
class Studio:
    """Who takes pictures, and of what."""

    browser: Browser
    stack: dict[str, Any]

    async def take(
        self, name: str, scheme: Scheme, size: dict[str, int], pose: Callable[[Page], Awaitable[None]], path: str = "/"
    ) -> None:
        """A picture of a page, once somebody has signed in and it stands as it should."""
        async with a_visitor(self.browser, self.stack["gateway_url"], color_scheme=scheme, viewport=size) as (
            visitor,
            _,
        ):
            page = await visitor.new_page()
            page.set_default_timeout(ANSWER_WITHIN_MS)
            await page.goto(path)
            await page.get_by_label("API key").fill(self.stack["api_key"])
            await page.get_by_role("button", name="Sign in").click()
            await pose(page)
            picture = await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")
            assert len(picture) < MOST_BYTES, f"{name} has {len(picture)} bytes"
            print(f"docs/images/{name}.png  {len(picture) // 1000} kB")


async def answered(page: Page) -> None:
    """Two prompts and their answers, in one conversation."""
    chat = Chat(page)
    for count, prompt in enumerate(PROMPTS[1:], 1):
        await chat.ask(prompt)
        await page.get_by_role("button", name="Copy answer").nth(count - 1).wait_for()
        await chat.is_idle()
    await page.wait_for_function("() => [...document.querySelectorAll('.rest')].every((it) => it.textContent === '')")
    await page.get_by_role("button", name="Good answer").last.focus()


async def first_words(page: Page) -> None:
    """An answer that has just begun."""
    await Chat(page).ask(PROMPTS[0])
    await page.wait_for_function("() => document.querySelector('.answer')?.textContent.length > 60")


async def of_the_chat(studio: Studio) -> None:
    """The chat page: wide, light and dark, and on a telephone."""
    await studio.take("chat-streaming", "light", WIDE, first_words)
    await studio.take("chat-light", "light", WIDE, answered)
    await studio.take("chat-dark", "dark", WIDE, answered)
    await studio.take("chat-narrow", "dark", NARROW, answered)


async def two_days_seen(page: Page) -> None:
    """The dashboard, all of it drawn."""
    await page.locator("main[aria-busy=false] article.percentiles canvas").first.wait_for()


async def a_job_seen(page: Page) -> None:
    """One job's panel, with its row in the analytics store."""
    await two_days_seen(page)
    await page.locator(".waterfall li").nth(7).wait_for()
    await page.locator(".words").nth(1).wait_for()


async def answered_job(stack: dict[str, Any]) -> str:
    """The id of a job that the real model answered, and that is counted."""
    headers = {"Authorization": f"Bearer {stack['api_key']}", "Prefer": "wait=60"}
    async with aiohttp.ClientSession(stack["gateway_url"], headers=headers) as client:
        model = (await (await client.get("/v1/models")).json())["data"][0]["id"]
        job = await (await client.post("/v1/jobs", json={"model": model, "input": PROMPTS[1], "max_tokens": 80})).json()

        async def counted() -> bool:
            found = await (await client.get("/v1/reports/job", params={"job": job["id"]})).json()
            return bool(found["data"])

        await eventually(counted, within_s=ANSWER_WITHIN_MS / 1000)
    return str(job["id"])


async def of_the_dashboard(studio: Studio) -> None:
    """The dashboard and the panel of a job, over a made-up past."""
    store = ClickHouseSettings(url=studio.stack["clickhouse"])
    past = partial(write_history, store, "development", until_ms=SystemClock().now_ms(), hours=50, an_hour=400)
    await asyncio.to_thread(past)
    job = await answered_job(studio.stack)
    for scheme in get_args(Scheme):
        await studio.take(f"dashboard-{scheme}", scheme, LARGE, two_days_seen, "/dashboard?range=24h")
        await studio.take(f"job-{scheme}", scheme, LARGE, a_job_seen, f"/dashboard?range=24h&job={job}")


ALBUMS: dict[str, Callable[[Studio], Awaitable[None]]] = {"chat": of_the_chat, "dashboard": of_the_dashboard}
"""Each page's pictures by its name."""


async def take_all(stack: dict[str, Any], names: list[str]) -> None:
    """The pictures of these pages, or of all."""
    IMAGES.mkdir(exist_ok=True)
    async with a_browser() as browser:
        for name in names or ALBUMS:
            await ALBUMS[name](Studio(browser, stack))


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    with tempfile.TemporaryDirectory() as folder, headrace("up", Path(folder), "--no-prompts") as running:
        running.wait_until_described()
        asyncio.run(take_all(running.stack(), sys.argv[1:]))
        running.process.terminate()
        running.process.wait(60)


if __name__ == "__main__":
    main()
