"""What all pages share: who may come in, where the key goes, light and dark."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.support.browser import Watch, a_visitor
from tests.support.gateway import RunningGateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = r"console error: Failed to load resource: .* 401"
# No reports process runs beside this gateway.
UNCOUNTED = r"console error: Failed to load resource: .* 503 .*/v1/dashboard"
PAGES = ("/", "/dashboard")


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(browser: Browser, gateway: RunningGateway) -> AsyncIterator[tuple[BrowserContext, Watch]]:
    async with a_visitor(browser, gateway.url) as (context, watch):
        watch.expect(UNCOUNTED)
        yield context, watch


async def sign_in(page: Page, api_key: str, *, remember: bool = False) -> None:
    await page.get_by_label("API key").fill(api_key)
    if remember:
        await page.get_by_label("Remember on this device").check()
    await page.get_by_role("button", name="Sign in").click()


async def is_inside(page: Page) -> None:
    await page.locator("#inside:not([hidden])").wait_for(state="attached")


async def is_outside(page: Page) -> None:
    await page.get_by_role("heading", name="Sign in to Headrace").wait_for()


@pytest.mark.parametrize("path", PAGES)
async def test_a_wrong_key_is_told_in_words_and_a_right_one_lets_in(
    visitor: tuple[BrowserContext, Watch], gateway: RunningGateway, path: str
) -> None:
    context, watch = visitor
    watch.expect(REFUSED)
    page = await context.new_page()
    await page.goto(path)

    await expect(page.get_by_label("API key")).to_be_focused()
    await sign_in(page, "sk-headrace-nobody")
    await page.get_by_text("This key is unknown or was revoked.").wait_for()
    await sign_in(page, gateway.key.api_key)
    await is_inside(page)

    assert await page.get_by_role("heading", name="Sign in to Headrace").count() == 0


async def test_the_key_goes_into_the_header_and_nowhere_else(
    visitor: tuple[BrowserContext, Watch], gateway: RunningGateway
) -> None:
    context, _ = visitor
    page = await context.new_page()
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    await page.goto("/")

    await sign_in(page, gateway.key.api_key)
    await is_inside(page)

    assert urls
    assert [url for url in [*urls, page.url] if gateway.key.api_key in url or not url.startswith(gateway.url)] == []
    assert await context.cookies() == []
    assert await page.evaluate("localStorage.length") == 0
    assert gateway.key.api_key not in await page.content()


async def test_a_key_lives_as_long_as_its_tab_unless_the_device_is_to_remember_it(
    visitor: tuple[BrowserContext, Watch], gateway: RunningGateway
) -> None:
    context, _ = visitor
    page = await context.new_page()
    await page.goto("/")
    await sign_in(page, gateway.key.api_key)
    await is_inside(page)
    await page.reload()
    await is_inside(page)
    other = await context.new_page()
    await other.goto("/")
    await is_outside(other)

    await sign_in(other, gateway.key.api_key, remember=True)
    await is_inside(other)
    third = await context.new_page()
    await third.goto("/dashboard")
    await is_inside(third)

    await third.get_by_role("button", name="Sign out").click()
    await is_outside(third)
    await is_outside(other)
    assert await third.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 22, 27)")])
async def test_the_page_is_as_light_or_dark_as_the_system_until_somebody_chooses(
    browser: Browser, gateway: RunningGateway, scheme: str, paper: str
) -> None:
    async with a_visitor(browser, gateway.url, color_scheme=scheme) as (context, _):
        page = await context.new_page()
        await page.goto("/")
        seen = "getComputedStyle(document.body).backgroundColor"
        assert await page.evaluate(seen) == paper

        await page.get_by_role("button", name="Dark colours" if scheme == "light" else "Light colours").click()
        chosen = await page.evaluate(seen)
        await page.reload()

        assert chosen != paper
        assert await page.evaluate(seen) == chosen


async def test_a_page_follows_the_system_and_what_is_chosen_in_another_tab(
    browser: Browser, gateway: RunningGateway
) -> None:
    async with a_visitor(browser, gateway.url, color_scheme="light") as (context, _):
        page, other = [await context.new_page() for _ in range(2)]
        for each in (page, other):
            await each.goto("/")
        await page.emulate_media(color_scheme="dark")
        await page.locator("html[data-theme=dark]").wait_for()
        await page.get_by_role("button", name="Light colours").click()
        await page.get_by_role("button", name="Dark colours").click()

        await other.locator("html[data-theme=dark]").wait_for()
        await other.get_by_role("button", name="Light colours").wait_for()
