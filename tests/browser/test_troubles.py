"""What goes wrong is said in words, and can be put right from the page."""

import msgspec
import pytest
from playwright.async_api import BrowserContext, Route, expect

from gateway.keys import REGISTRY, STOPPING
from gateway.readers.live import LIVE
from producers.events import JobError, KeyRevoked
from producers.jobs.live import Piece
from tests.browser.conftest import MODULE_LOOP
from tests.support.browser import Watch
from tests.support.builders import a_cancelled, a_completed, a_failed
from tests.support.chat_page import Chat
from tests.support.eventually import eventually
from tests.support.gateway import PlayedWorker, RunningGateway
from tests.support.stack import a_prefix

pytestmark = MODULE_LOOP

STATUS = "Failed to load resource: the server responded with a status of"


async def test_a_failed_answer_says_why_and_can_be_tried_again(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("Fail?")
    prompt, lease = await worker.claim()
    await worker.end(lease, a_failed(prompt, "the model server is gone"))
    await expect(chat.told("No answer came: the model server is gone")).to_be_visible()

    await chat.page.get_by_role("button", name="Try again").click()
    again = await worker.answer("Now it works.")

    await expect(chat.answers).to_have_text(["Now it works."])
    assert again.replaces is None, "a failed turn leaves nothing to replace"


async def test_a_gateway_that_stops_in_mid_answer_is_found_again(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    await chat.ask("Restart?")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("Before, ")])
    await expect(chat.answer).to_contain_text("Before,")

    gateway.app[STOPPING].set()
    gateway.app[LIVE].nudge()
    await expect(chat.told("The connection broke")).to_be_visible()
    await worker.leases.show(lease, [Piece("meanwhile, ")])
    gateway.app[STOPPING].clear()
    await expect(chat.answer).to_contain_text("Before, meanwhile,")
    await worker.end(lease, a_completed(prompt, "Before, meanwhile, after."))

    await expect(chat.answers).to_have_text(["Before, meanwhile, after."])
    await expect(chat.told("The connection broke")).to_be_hidden()


async def test_a_prompt_waits_for_a_server_that_is_started_anew(chat: Chat, worker: PlayedWorker, watch: Watch) -> None:
    watch.expect("ERR_CONNECTION_REFUSED")
    await chat.page.route("**/v1/jobs", lambda route: route.abort("connectionrefused"))
    await chat.ask("Are you there?")
    await expect(chat.told("The server cannot be reached; trying again")).to_be_visible()

    await chat.page.unroute_all()
    await worker.answer("Here again.")

    await expect(chat.answers).to_have_text(["Here again."])
    assert worker.log.nothing_waits()


async def test_the_first_prompt_of_a_chat_waits_for_such_a_server_as_well(
    chat: Chat, worker: PlayedWorker, watch: Watch
) -> None:
    watch.expect("ERR_CONNECTION_REFUSED")
    await chat.page.route("**/v1/conversations", lambda route: route.abort("connectionrefused"))
    await chat.ask("Are you there?")
    await expect(chat.told("The server cannot be reached; trying again")).to_be_visible()
    await expect(chat.page.locator(".prompt")).to_have_text(["Are you there?"])

    await chat.page.unroute_all()
    await worker.answer("Here again.")

    await expect(chat.answers).to_have_text(["Here again."])
    await expect(chat.page.locator(".prompt")).to_have_text(["Are you there?"])
    await expect(chat.told("The server cannot be reached")).to_be_hidden()


async def test_a_prompt_that_is_more_than_the_model_reads_says_so_and_only_the_last_is_tried_again(
    chat: Chat, worker: PlayedWorker
) -> None:
    await chat.ask("Too long")
    prompt, lease = await worker.claim()
    error = JobError("This model's maximum context length is 1024 tokens.", code="context_length_exceeded")
    await worker.end(lease, msgspec.structs.replace(a_failed(prompt), error=error))
    await expect(chat.told("This is more than the model can read at once.")).to_be_visible()
    await expect(chat.page.get_by_role("button", name="Try again")).to_have_count(1)

    await chat.ask("Short")
    await worker.answer("Yes.")

    await expect(chat.answer).to_have_text("Yes.")
    await expect(chat.page.get_by_role("button", name="Try again")).to_have_count(0)


async def test_what_was_written_and_not_sent_is_not_shown_to_who_comes_next(
    chat: Chat, gateway: RunningGateway
) -> None:
    await chat.field.fill("My secret draft")
    await chat.page.get_by_role("button", name="Sign out").click()
    await chat.enter("/", (await gateway.issue(a_prefix())).api_key)

    await expect(chat.field).to_have_value("")


async def test_a_prompt_that_could_not_be_sent_is_sent_once(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, watch: Watch
) -> None:
    watch.expect("ERR_INTERNET_DISCONNECTED")
    await chat.ask("First")
    await worker.answer("Yes.")
    await chat.is_idle()
    await visitor.set_offline(True)
    await chat.ask("Are you there?")
    await expect(chat.told("The server cannot be reached.")).to_be_visible()
    await visitor.set_offline(False)
    await chat.page.get_by_role("button", name="Try again").click()
    prompt = await worker.answer("Yes, I am.")

    await expect(chat.answers).to_have_text(["Yes.", "Yes, I am."])
    assert prompt.idempotency_key is not None
    assert worker.log.nothing_waits()


@pytest.mark.parametrize("status", [503, 429, 0])
async def test_a_stop_that_the_server_could_not_take_is_asked_for_again(
    chat: Chat, worker: PlayedWorker, watch: Watch, status: int
) -> None:
    watch.expect(f"{STATUS} {status}" if status else "ERR_CONNECTION_REFUSED")
    await chat.ask("Count!")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("one")])
    await expect(chat.answer).to_contain_text("one")
    await chat.page.route("**/cancel", lambda route: refuse(route, status))
    await chat.page.get_by_role("button", name="Stop").click()
    await expect(chat.told("Not stopped yet")).to_be_visible()
    await worker.leases.show(lease, [Piece(", two")])
    await expect(chat.answer).to_contain_text("one, two")
    await expect(chat.told("Not stopped yet")).to_be_visible()

    await chat.page.unroute_all()
    await expect(chat.told("Stopping")).to_be_visible()
    await worker.end(lease, a_cancelled(prompt, ran=True, text="one, two"))

    await expect(chat.page.get_by_text("stopped", exact=True)).to_be_visible()
    await chat.is_idle()


async def test_a_stop_that_was_refused_may_be_asked_for_again(chat: Chat, worker: PlayedWorker, watch: Watch) -> None:
    watch.expect(f"{STATUS} 400")
    await chat.ask("Wait!")
    prompt, lease = await worker.claim()
    await expect(chat.told("Thinking")).to_be_visible()
    await chat.page.route("**/cancel", lambda route: refuse(route, 400))
    stop = chat.page.get_by_role("button", name="Stop")
    async with chat.page.expect_response("**/cancel"):
        await stop.click()
    await expect(chat.told("Thinking")).to_be_visible()
    await chat.page.unroute_all()
    await stop.click()

    await expect(chat.told("Stopping")).to_be_visible()
    await worker.end(lease, a_cancelled(prompt, ran=True))
    await expect(chat.told("Stopped before an answer began.")).to_be_visible()


async def refuse(route: Route, status: int) -> None:
    """Answer in the gateway's place; 0: not at all."""
    if status == 0:
        await route.abort("connectionrefused")
    else:
        await route.fulfill(status=status, json={"error": {"message": "no", "code": None}})


async def test_a_key_over_its_limit_is_told_when_to_come_back(
    chat: Chat, watch: Watch, gateway: RunningGateway
) -> None:
    watch.expect(f"{STATUS} 429")
    poor = await gateway.issue(a_prefix(), requests_per_minute=1)
    await chat.page.get_by_role("button", name="Sign out").click()
    await chat.enter("/", poor.api_key)
    await chat.ask("One")
    await expect(chat.told("That was too much at once for this key. Try again in")).to_be_visible()


async def test_a_key_that_is_revoked_leads_back_to_the_way_in(
    chat: Chat, watch: Watch, gateway: RunningGateway
) -> None:
    watch.expect(f"{STATUS} 401")
    short_lived = await gateway.issue(a_prefix())
    await chat.page.get_by_role("button", name="Sign out").click()
    await chat.enter("/", short_lived.api_key)
    await chat.ask("Mine")
    await chat.told("Waiting").wait_for()
    gateway.app[REGISTRY].registry.apply(KeyRevoked(id=short_lived.event.id))
    await chat.page.get_by_role("button", name="Stop").click()

    await expect(chat.page.get_by_role("heading", name="Sign in to Headrace")).to_be_visible()
    await expect(chat.page.get_by_text("This key is unknown or was revoked.")).to_be_visible()
    assert await chat.page.evaluate("Object.keys({...localStorage, ...sessionStorage})") == []
    assert "Mine" not in await chat.page.content()


@pytest.mark.parametrize("meanwhile", ["asking", "looking"])
async def test_a_conversation_that_was_deleted_elsewhere_says_so(
    chat: Chat, worker: PlayedWorker, watch: Watch, gateway: RunningGateway, meanwhile: str
) -> None:
    watch.expect(f"{STATUS} 404")
    await chat.ask("Soon gone")
    prompt = await worker.answer("Indeed.")
    await chat.is_idle()
    async with gateway.http.delete(f"{gateway.url}/v1/conversations/{prompt.conversation}"):
        pass
    if meanwhile == "asking":
        await chat.ask("Hello?")
        await expect(chat.page.get_by_text("This conversation is not there any more")).to_be_visible()
        await expect(chat.field).to_have_value("Hello?")
        await chat.page.get_by_role("button", name="Send", exact=True).click()
        again = await worker.answer("Elsewhere.")
        await expect(chat.answers).to_have_text(["Elsewhere."])
        assert again.conversation != prompt.conversation
    else:
        await chat.page.reload()
        await expect(chat.page.get_by_text("This conversation is not there any more")).to_be_visible()
        await chat.page.locator("main").get_by_role("button", name="New chat").click()
        await expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()


async def test_leaving_a_conversation_lets_its_job_go_on(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    await chat.ask("Slow one")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("So")])
    await expect(chat.answer).to_contain_text("So")
    await chat.page.get_by_role("button", name="New chat").click()
    await eventually(lambda: gateway.has_no_readers(prompt.job_id), what="the end of the page's reading")
    assert (await worker.leases.show(lease, [Piece(" slow")])).kept == "kept", "nobody cancelled it"

    await chat.entry("Slow one").click()
    await expect(chat.answer).to_contain_text("So slow")
    await worker.end(lease, a_completed(prompt, "So slow."))

    await expect(chat.answers).to_have_text(["So slow."])


async def test_a_title_is_not_cut_in_the_middle_of_an_emoji(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("a" * 58 + "😀" * 5 + " say hi")
    prompt = await worker.answer("Hi.")

    await expect(chat.answers).to_have_text(["Hi."])
    assert prompt.messages[-1].content.endswith("😀 say hi")
    await expect(chat.entry("a" * 58 + "😀…")).to_be_visible()


async def test_an_address_that_names_no_conversation_is_an_empty_page(chat: Chat) -> None:
    await chat.page.goto("/#%")
    await chat.page.reload()

    await expect(chat.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
