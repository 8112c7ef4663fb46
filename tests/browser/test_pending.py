"""What was asked and has no answer yet: kept with its reader's key, for each prompt apart, and not for ever."""

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import MODULE_LOOP
from tests.support.browser import Watch
from tests.support.builders import a_completed
from tests.support.chat_page import Chat
from tests.support.gateway import PlayedWorker, RunningGateway
from tests.support.stack import a_prefix

pytestmark = MODULE_LOOP

NOTHING_PENDING = "() => !Object.keys({...localStorage, ...sessionStorage}).some((name) => name.includes('pending'))"


async def sign_in_for_the_device(page: Page, url: str, api_key: str) -> Chat:
    await page.goto(url)
    await page.get_by_label("API key").fill(api_key)
    await page.get_by_label("Remember on this device").check()
    await page.get_by_role("button", name="Sign in").click()
    chat = Chat(page)
    await expect(chat.field).to_be_visible()
    return chat


async def come_back(page: Page) -> None:
    """Leave while the server cannot be reached, and come back when it can: the page tries nothing in between."""
    url = page.url
    await page.goto("about:blank")
    await page.unroute_all()
    await page.goto(url)


async def test_a_prompt_lies_beside_the_key_it_was_asked_with(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> None:
    another = await gateway.issue(a_prefix())
    await sign_in_for_the_device(await visitor.new_page(), "/", another.api_key)

    await chat.ask("For this tab only?")
    prompt, lease = await worker.claim()
    await expect(chat.told("Thinking")).to_be_visible()
    everybodys = await chat.page.evaluate("Object.keys(localStorage)")
    own = await chat.page.evaluate("Object.keys(sessionStorage)")
    await worker.end(lease, a_completed(prompt, "Yes."))
    await chat.is_idle()

    assert everybodys == ["headrace.key"]
    assert len(own) == 2


async def test_a_submit_whose_answer_was_lost_is_not_sent_again_a_day_later(
    chat: Chat, worker: PlayedWorker, watch: Watch
) -> None:
    watch.expect("ERR_FAILED")

    async def lose(route: Route) -> None:
        await route.abort()

    await chat.page.route("**/v1/jobs", lose)
    await chat.ask("Who hears me?")
    await expect(chat.told("The server cannot be reached; trying again")).to_be_visible()
    await chat.page.evaluate(
        "for (const [name, kept] of Object.entries(sessionStorage)) if (name.includes('pending'))"
        " sessionStorage.setItem(name, JSON.stringify({...JSON.parse(kept), atMs: Date.now() - 24 * 3600e3}));"
    )
    await come_back(chat.page)

    await chat.page.wait_for_function(NOTHING_PENDING)
    await chat.is_idle()
    assert await chat.page.locator(".prompt").count() == 0
    assert worker.log.nothing_waits()


async def two_tabs(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> tuple[Chat, Chat]:
    """The same conversation of one turn, twice."""
    await chat.page.get_by_role("button", name="Sign out").click()
    one = await sign_in_for_the_device(chat.page, "/", gateway.key.api_key)
    await one.ask("Hello?")
    await worker.answer("Hello.")
    await one.is_idle()
    two = Chat(await visitor.new_page())
    await two.page.goto(one.page.url)
    await expect(two.answers).to_have_text(["Hello."])
    return one, two


async def test_what_two_tabs_asked_in_one_conversation_is_kept_apart(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> None:
    one, two = await two_tabs(chat, worker, visitor, gateway)

    await one.ask("In the first tab?")
    first, lease = await worker.claim()
    await expect(one.told("Thinking")).to_be_visible()
    await two.ask("In the second tab?")
    second, place = await worker.next_prompt()
    await expect(two.told("Waiting for its turn")).to_be_visible()
    await worker.end(lease, a_completed(first, "In the first."))
    await expect(one.answer).to_have_text("In the first.")
    await one.is_idle()
    await two.page.reload()

    await expect(two.told("Waiting for its turn")).to_be_visible()
    await worker.end(await worker.lease_of(second, place), a_completed(second, "In the second."))
    await expect(two.answer).to_have_text("In the second.")
    await two.page.wait_for_function(NOTHING_PENDING)


async def test_turns_from_another_tab_are_there_when_one_comes_back(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> None:
    one, two = await two_tabs(chat, worker, visitor, gateway)

    await one.ask("In the first tab?")
    await worker.answer("In the first.")
    await one.is_idle()
    await two.ask("In the second tab?")
    await worker.answer("In the second.")
    await two.is_idle()
    await expect(two.answers).to_have_text(["Hello.", "In the second."])
    await two.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await expect(two.answers).to_have_text(["Hello.", "In the first.", "In the second."])


async def test_what_is_asked_in_a_conversation_goes_with_it(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("Soon gone?")
    await worker.next_prompt()
    await expect(chat.told("Waiting for its turn")).to_be_visible()
    await chat.entry("Soon gone?").hover()
    await chat.page.get_by_role("button", name="Delete “Soon gone?”").click()
    await chat.page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()

    await chat.page.wait_for_function(NOTHING_PENDING)


async def test_a_first_prompt_outlives_a_reload_before_its_conversation_is_there(
    chat: Chat, worker: PlayedWorker, watch: Watch
) -> None:
    watch.expect("ERR_CONNECTION_REFUSED")
    await chat.page.route("**/v1/conversations", lambda route: route.abort("connectionrefused"))
    await chat.ask("Are you still there?")
    await expect(chat.told("The server cannot be reached; trying again")).to_be_visible()
    await come_back(chat.page)
    await worker.answer("Still.")

    await expect(chat.answers).to_have_text(["Still."])
    await expect(chat.entry("Are you still there?")).to_be_visible()
    assert worker.log.nothing_waits()


async def test_whoever_begins_another_chat_takes_back_what_has_not_begun(
    chat: Chat, worker: PlayedWorker, watch: Watch
) -> None:
    watch.expect("ERR_CONNECTION_REFUSED")
    await chat.page.route("**/v1/conversations", lambda route: route.abort("connectionrefused"))
    await chat.ask("Never mind?")
    await expect(chat.told("The server cannot be reached; trying again")).to_be_visible()
    await chat.page.get_by_role("button", name="New chat").click()
    await chat.page.unroute_all()
    await chat.page.reload()

    await expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    assert await chat.page.evaluate(NOTHING_PENDING)


@pytest.mark.parametrize(("status", "words"), [(403, "scope"), (429, "5 tokens a day")])
async def test_a_prompt_that_was_refused_is_sent_once_and_lies_in_the_field_after_a_reload(
    chat: Chat, watch: Watch, gateway: RunningGateway, status: int, words: str
) -> None:
    watch.expect(f"status of {status}")
    poor = await gateway.issue(a_prefix(), {"scopes": ("read",)} if status == 403 else {}, tokens_per_day=5)
    await chat.page.get_by_role("button", name="Sign out").click()
    await chat.enter("/", poor.api_key)
    refused: list[str] = []
    chat.page.on("response", lambda it: refused.append(it.url) if it.status == status else None)

    await chat.ask("A precious prompt")
    await expect(chat.page.get_by_role("alert").filter(has_text=words)).to_be_visible()
    await chat.page.reload()

    await expect(chat.field).to_have_value("A precious prompt")
    await chat.is_idle()
    assert len(refused) == 1, "what is refused for good is not asked again"
