"""The API reference, as somebody reads it: no script of its own, and nothing that the pages' policy forbids."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import MODULE_LOOP
from tests.support.browser import a_visitor
from tests.support.gateway import RunningGateway

pytestmark = MODULE_LOOP
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_a_reader_finds_a_route_and_the_types_of_its_answer(
    browser: Browser, gateway: RunningGateway, colours: str
) -> None:
    async with a_visitor(browser, gateway.url, color_scheme=colours, viewport=DESK) as (context, _):
        page = await context.new_page()
        await page.goto("/docs")

        await page.get_by_role("navigation", name="Contents").get_by_role("link", name="Read a job").click()
        route = page.locator("#get_jobs_job_id")
        await expect(route).to_be_in_viewport()
        await expect(route).to_contain_text("If-None-Match")
        await route.get_by_role("link", name="Job", exact=True).click()
        await expect(page.locator("#type-Job")).to_be_in_viewport()
        await expect(page.locator("#type-Job")).to_contain_text("finished_at")

        assert await page.locator("html").get_attribute("data-theme") == colours


async def test_it_is_read_on_a_phone_and_without_scripts(browser: Browser, gateway: RunningGateway) -> None:
    async with a_visitor(browser, gateway.url, viewport=PHONE, java_script_enabled=False) as (context, _):
        page = await context.new_page()
        await page.goto("/docs#post_chat_completions")

        await expect(page.locator("#post_chat_completions")).to_be_in_viewport()
        box = await page.locator("body").bounding_box()
        widest = await page.locator("main").bounding_box()

    assert box is not None
    assert widest is not None
    assert widest["x"] + widest["width"] <= PHONE["width"]
