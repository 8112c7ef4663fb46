"""A real Chromium, and pages in it that fail their test when anything goes wrong in them unseen."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

from tests.support import chromium

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 40_000


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Chromium without a window; its processes end with the block."""
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium.on_this_machine(), args=flags)
        yield browser
        await browser.close()


@dataclass
class Watch:
    """What went wrong in a page: errors in its console (a violation of the policy is one), exceptions, crashes.

    A response with an error status is told in the console as well: a test that means one says so with `expect`.
    """

    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Troubles that match this are meant."""
        self.expected.append(pattern)

    def over(self, page: Page) -> None:
        """Watch this page."""
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(f"exception: {error}"))
        page.on("crash", lambda _: self.troubles.append("the page crashed"))

    def check(self) -> None:
        """Fails when anything happened that was not expected."""
        left = [each for each in self.troubles if not any(re.search(pattern, each) for pattern in self.expected)]
        assert not left, "\n".join(["the page was in trouble:", *left])

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning", "assert"}:
            self.troubles.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")


@asynccontextmanager
async def a_visitor(browser: Browser, url: str, **options: Any) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    """Somebody with a fresh browser profile at that address: open as many pages as needed, each is watched.

    `options` are those of a browser context: `color_scheme="dark"`, `viewport={"width": 390, "height": 844}`, …
    """
    watch = Watch()
    context = await browser.new_context(base_url=url, **{"reduced_motion": "reduce", **options})
    context.set_default_timeout(PATIENCE_MS)
    context.on("page", watch.over)
    try:
        yield context, watch
        watch.check()
    finally:
        await context.close()
