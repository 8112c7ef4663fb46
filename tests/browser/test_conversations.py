"""The list of conversations beside the chat: what is listed, renamed, exported and deleted."""

import asyncio
import json
from pathlib import Path

from playwright.async_api import Route, expect

from producers.events import Truncated
from tests.browser.conftest import MODULE_LOOP
from tests.support.chat_page import Chat
from tests.support.gateway import PlayedWorker, RunningGateway

pytestmark = MODULE_LOOP


async def test_a_conversation_is_renamed_and_deleted(chat: Chat, worker: PlayedWorker, gateway: RunningGateway) -> None:
    page = chat.page
    await chat.ask("Old name")
    prompt = await worker.answer("Yes.")
    await chat.is_idle()
    await chat.entry("Old name").hover()
    await page.get_by_role("button", name="Rename “Old name”").click()
    await page.get_by_label("Rename this conversation").last.fill("New <b>name</b>")
    await page.get_by_role("button", name="Save").click()
    await expect(chat.entry("New <b>name</b>")).to_be_visible()
    await expect(page.get_by_role("button", name="Rename “New <b>name</b>”")).to_be_focused()
    await expect(page).to_have_title("New <b>name</b> · Headrace")
    renamed = await gateway.get(f"/v1/conversations/{prompt.conversation}")

    await chat.entry("New <b>name</b>").hover()
    await page.get_by_role("button", name="Delete “New <b>name</b>”").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()

    assert renamed.json["title"] == "New <b>name</b>"
    assert (await gateway.get(f"/v1/conversations/{prompt.conversation}")).status == 404
    assert await chat.entry("New <b>name</b>").count() == 0
    assert "#" not in page.url


async def test_a_conversation_is_exported_as_it_is_kept(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    """By a link, which bears no key. The answer says that the model was not shown all."""
    await chat.ask("To take along")
    prompt = await worker.answer("Gladly.", truncated=Truncated(2))
    await chat.is_idle()
    await expect(chat.page.get_by_text("without the first 2")).to_be_visible()
    await chat.entry("To take along").hover()
    async with chat.page.expect_download() as waiting:
        await chat.page.get_by_role("button", name="Export “To take along”").click()
    download = await waiting.value
    lines = (await asyncio.to_thread(Path(await download.path()).read_bytes)).splitlines()
    here = f"/v1/conversations/{prompt.conversation}"

    assert download.suggested_filename == f"{prompt.conversation}.jsonl"
    assert gateway.key.api_key not in download.url
    assert [json.loads(each) for each in lines] == [
        (await gateway.get(here)).json, *(await gateway.get(f"{here}/items?order=asc")).json["data"]
    ]  # fmt: skip


async def test_a_conversation_that_begins_while_the_list_is_read_stays_in_it(chat: Chat, worker: PlayedWorker) -> None:
    read, begun = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        old = await route.fetch()
        read.set()
        await begun.wait()
        await route.fulfill(response=old)

    await chat.page.route("**/v1/conversations?*", late)
    await chat.page.reload()
    await read.wait()
    await chat.ask("Am I listed?")
    await expect(chat.entry("Am I listed?")).to_be_visible()
    begun.set()
    await worker.answer("You are.")
    await chat.is_idle()

    await expect(chat.entry("Am I listed?")).to_be_visible()
