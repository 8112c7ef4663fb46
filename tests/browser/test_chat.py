"""The chat page in a browser: a conversation from its first prompt on, over a gateway whose worker the test plays."""

import asyncio

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from producers.events import AnswerFailed, FeedbackGiven, Usage
from producers.jobs.live import Piece
from producers.log.topics import FEEDBACK
from stream_workers.inference.endings import not_last_turn
from tests.browser.conftest import MODULE_LOOP
from tests.support.browser import Watch
from tests.support.builders import a_cancelled, a_completed, a_failed
from tests.support.chat_page import Chat
from tests.support.eventually import eventually
from tests.support.gateway import Log, PlayedWorker, RunningGateway

pytestmark = MODULE_LOOP

ANSWER = "Because of **Rayleigh scattering**:\n\n```python\nprint('blue')\n```\n\n- short waves\n- long waves"


async def test_an_answer_comes_as_it_is_written_and_is_rendered(chat: Chat, worker: PlayedWorker) -> None:
    page = chat.page
    await chat.ask("Why is the sky blue?")
    await expect(chat.told("Waiting for its turn")).to_be_visible()
    prompt, lease = await worker.claim()
    await expect(chat.told("Thinking")).to_be_visible()
    for piece in (ANSWER[:20], ANSWER[20:60], ANSWER[60:]):
        await worker.leases.show(lease, [Piece(piece)])
        await expect(chat.answer).to_contain_text(piece.strip("* \n`-").split("\n")[0].split("*")[0])
    await worker.end(lease, a_completed(prompt, ANSWER, finish_reason="length"))

    await expect(page.get_by_role("button", name="Copy answer")).to_be_visible()
    await expect(chat.answer.locator("strong")).to_have_text(["Rayleigh scattering"])
    assert await chat.answer.locator("pre").text_content() == "print('blue')\n"
    assert await chat.answer.locator("li").all_text_contents() == ["short waves", "long waves"]
    await expect(chat.told("cut short")).to_be_visible()
    assert (prompt.conversation, prompt.lane) == (page.url.partition("#")[2], "interactive")
    assert await page.title() == "Why is the sky blue? · Headrace"
    await expect(chat.entry("Why is the sky blue?")).to_have_attribute("aria-current", "true")


async def test_a_conversation_goes_on_and_is_there_again_after_a_reload(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("One?")
    await worker.answer("First.")
    await chat.is_idle()
    await chat.field.press_sequentially("Two")
    await chat.field.press("Shift+Enter")
    await chat.field.press_sequentially("lines?")
    await chat.field.press("Enter")
    second = await worker.answer("Second.", cache="hit")
    await expect(chat.told("from the cache")).to_be_visible()
    await chat.page.reload()

    await expect(chat.answers).to_have_text(["First.", "Second."])
    assert second.messages[0].content == "Two\nlines?"
    assert await chat.page.locator(".prompt").all_text_contents() == ["One?", "Two\nlines?"]
    assert await chat.page.get_by_role("button", name="Answer again").count() == 1, "of the last turn only"


async def test_a_reload_in_mid_answer_loses_nothing_and_asks_nothing_twice(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("A long one?")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("Half of ")])
    await expect(chat.answer).to_contain_text("Half of")

    await chat.page.reload()
    await expect(chat.answer).to_contain_text("Half of")
    await worker.leases.show(lease, [Piece("the answer.")])
    await expect(chat.answer).to_have_text("Half of the answer.")
    await worker.end(lease, a_completed(prompt, "Half of the answer."))

    await chat.is_idle()
    assert await chat.page.locator(".prompt").all_text_contents() == ["A long one?"]
    assert worker.log.nothing_waits()
    assert await chat.page.evaluate("Object.keys({...localStorage, ...sessionStorage})") == ["headrace.key"]


@pytest.mark.parametrize("known", [True, False], ids=["its job was known", "it was left before its job was known"])
async def test_an_answer_that_ended_while_the_page_was_away_is_there_once(
    chat: Chat, worker: PlayedWorker, known: bool
) -> None:
    await chat.ask("Quick?")
    prompt, lease = await worker.claim()
    await expect(chat.told("Thinking")).to_be_visible()
    if not known:
        await chat.page.evaluate(
            "for (const [name, kept] of Object.entries(sessionStorage)) if (name.includes('pending'))"
            " sessionStorage.setItem(name, JSON.stringify({...JSON.parse(kept), job: null}));"
        )
    await chat.page.goto("about:blank")
    await worker.end(lease, a_completed(prompt, "Yes."))
    await chat.page.go_back()

    await expect(chat.answers).to_have_text(["Yes."])
    await chat.is_idle()


async def test_stop_cancels_the_job_and_keeps_what_was_shown(chat: Chat, worker: PlayedWorker) -> None:
    for stop in ("button", "Escape"):
        await chat.ask("Count to a million.")
        prompt, lease = await worker.claim()
        await worker.leases.show(lease, [Piece("one, two")])
        await expect(chat.answer).to_contain_text("one, two")
        if stop == "button":
            await chat.page.get_by_role("button", name="Stop").click()
        else:
            await chat.page.keyboard.press(stop)
        await expect(chat.told("Stopping").last).to_be_visible()

        async def told(lease: object = lease) -> bool:
            return (await worker.leases.show(lease, "")).kept == "cancelled"  # type: ignore[arg-type]

        await eventually(told, what="the cancel")
        await worker.end(lease, a_cancelled(prompt, ran=True, text="one, two"))
        await chat.is_idle()
    await expect(chat.page.get_by_text("stopped", exact=True)).to_have_count(2)
    await expect(chat.answers).to_have_text(["one, two", "one, two"])


async def test_a_job_that_is_stopped_in_the_queue_never_runs(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("Never mind.")
    prompt, _ = await worker.next_prompt()
    await chat.page.get_by_role("button", name="Stop").click()

    await expect(chat.told("Stopped before an answer began.")).to_be_visible()
    assert prompt.conversation is not None

    await chat.page.reload()
    await expect(chat.field).to_have_value("Never mind.")  # the conversation does not hold it


async def test_what_is_written_and_not_sent_is_there_after_a_reload(chat: Chat, worker: PlayedWorker) -> None:
    await chat.field.fill("Half a thought")
    await chat.page.reload()
    await expect(chat.field).to_have_value("Half a thought")

    await chat.page.get_by_role("button", name="Send", exact=True).click()
    await worker.answer("The other half.")
    await expect(chat.answer).to_contain_text("other half")
    await chat.page.reload()
    await expect(chat.answer).to_contain_text("other half")
    await expect(chat.field).to_have_value("")


async def test_a_first_prompt_is_stopped_before_its_conversation_is_there(chat: Chat, worker: PlayedWorker) -> None:
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.continue_()

    await chat.page.route("**/v1/conversations", hold)
    await chat.ask("Never mind that.")
    await chat.page.get_by_role("button", name="Stop").click()
    await expect(chat.told("Stopping")).to_be_visible()
    held.set()
    prompt, _ = await worker.next_prompt()

    await expect(chat.told("Stopped before an answer began.")).to_be_visible()
    assert prompt.conversation is not None


async def test_another_answer_takes_the_place_of_the_last_once_it_is_there(chat: Chat, worker: PlayedWorker) -> None:
    await chat.ask("Again?")
    first = await worker.answer("First.")
    await chat.again()
    failing, lease = await worker.claim()
    await worker.end(lease, a_failed(failing, "the model server is gone"))
    await expect(chat.told("the model server is gone This is the answer from before.")).to_be_visible()
    await expect(chat.answers).to_have_text(["First."])

    await chat.again()
    second = await worker.answer("Second.")
    await expect(chat.answers).to_have_text(["Second."])
    await chat.page.reload()

    await expect(chat.answers).to_have_text(["Second."])
    assert (failing.replaces, second.replaces, second.cache) == (first.job_id, first.job_id, "bypass")


async def test_a_thumb_and_its_reason_reach_the_log(chat: Chat, worker: PlayedWorker, gateway: RunningGateway) -> None:
    log = Log(gateway.kafka, [FEEDBACK])
    await log.start()
    await chat.ask("Good?")
    prompt = await worker.answer("No.")
    await chat.page.get_by_role("button", name="Bad answer").click()
    await chat.page.get_by_label("Not correct").check()
    await chat.page.get_by_label("Why?").fill("It is good.")
    await chat.page.get_by_role("button", name="Send", exact=True).first.click()
    await expect(chat.told("Thank you: it was noted.")).to_be_visible()
    given: list[FeedbackGiven] = [(await log.next(gateway.tenant))[0] for _ in range(2)]
    await log.close()

    assert {each.job_id for each in given} == {prompt.job_id}
    assert [(each.value, each.tags, each.comment) for each in given] == [
        ("down", (), None), ("down", ("Not correct",), "It is good.")
    ]  # fmt: skip


async def test_the_page_follows_a_long_answer_unless_its_reader_scrolls_up(chat: Chat, worker: PlayedWorker) -> None:
    lines = [f"line {n}\n\n" for n in range(60)]
    await chat.ask("A lot?")
    prompt, lease = await worker.claim()
    await worker.leases.show(lease, [Piece("".join(lines[:40]))])
    await expect(chat.answer).to_contain_text("line 39")
    await chat.is_at_end()

    await chat.page.locator("#thread").evaluate("it => { it.scrollTop = 0 }")
    to_end = chat.page.get_by_role("button", name="To the end of the conversation")
    await expect(to_end).to_be_visible()
    await worker.leases.show(lease, [Piece("".join(lines[40:]))])
    await expect(chat.answer).to_contain_text("line 59")
    assert await chat.page.locator("#thread").evaluate("it => it.scrollTop") == 0
    await to_end.click()
    await chat.is_at_end()
    await worker.end(lease, a_completed(prompt, "".join(lines)))
    await chat.is_idle()


async def test_two_tabs_see_the_same_conversations(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> None:
    await chat.ask("In the first tab")
    await worker.answer("Yes.")
    await chat.is_idle()
    other = Chat(await visitor.new_page())
    await other.enter(chat.page.url, gateway.key.api_key)
    await other.ask("In the second tab")
    await worker.answer("Too.")
    await other.is_idle()

    await chat.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    await expect(chat.answers).to_have_text(["Yes.", "Too."])


async def test_what_was_known_of_an_answer_is_known_after_a_reload_and_in_another_tab(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway
) -> None:
    await chat.ask("Known?")
    await worker.answer("Yes.", cache="hit", finish_reason="length", usage=Usage(3, 7))
    await chat.is_idle()
    thumb = chat.page.get_by_role("button", name="Bad answer")
    await thumb.click()
    await chat.page.get_by_label("Too long").check()
    await chat.page.get_by_role("button", name="Send", exact=True).first.click()
    await expect(chat.told("Thank you: it was noted.")).to_be_visible()
    asked: list[str] = []
    chat.page.on("request", lambda request: asked.append(request.url) if "/v1/jobs" in request.url else None)

    await chat.page.reload()
    other = Chat(await visitor.new_page())
    await other.enter(chat.page.url, gateway.key.api_key)
    for each in (chat, other):
        for words in ("from the cache", "cut short", "7 tokens"):
            await expect(each.told(words)).to_be_visible()
        pressed = each.page.get_by_role("button", name="Bad answer")
        await expect(pressed).to_have_attribute("aria-pressed", "true")
        await expect(each.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")
        await pressed.click()
        await expect(each.page.get_by_label("Too long")).to_be_checked()
    assert asked == [], "the conversation's items tell all of it"


async def test_a_turn_that_two_tabs_answer_again_is_there_once(
    chat: Chat, worker: PlayedWorker, visitor: BrowserContext, gateway: RunningGateway, watch: Watch
) -> None:
    watch.expect("status of 409")
    await chat.ask("Who is first?")
    first = await worker.answer("Nobody.")
    await chat.is_idle()
    second, away, late = [Chat(await visitor.new_page()) for _ in range(3)]
    for each in (second, away, late):
        await each.enter(chat.page.url, gateway.key.api_key)
        await expect(each.answers).to_have_text(["Nobody."])

    # All are taken before any is in the conversation; the worker lets all but the first one in the log fail.
    taken = []
    for each in (chat, second, away):
        await each.again()
        taken.append(await worker.next_prompt())
    await second.page.reload()
    await expect(second.told("Waiting for its turn")).to_be_visible()
    (ours, place), *others = taken
    await worker.end(await worker.lease_of(ours, place), a_completed(ours, "Me."))
    await away.page.reload()
    await expect(away.answers).to_have_text(["Me."])
    for theirs, place in others:
        failed = AnswerFailed(job_id=theirs.job_id, prompt=theirs, error=not_last_turn())
        await worker.end(await worker.lease_of(theirs, place), failed)
    await late.again()

    assert {prompt.replaces for prompt, _ in taken} == {first.job_id}
    for each in (second, late):
        await expect(each.told("went on in another window")).to_be_visible()
    for each in (chat, second, away, late):
        await each.is_idle()
        await expect(each.answers).to_have_text(["Me."])
        await expect(each.page.locator(".prompt")).to_have_text(["Who is first?"])
        assert await each.page.evaluate("Object.keys({...localStorage, ...sessionStorage})") == ["headrace.key"]


async def test_on_a_narrow_screen_the_list_is_a_drawer(chat: Chat, worker: PlayedWorker) -> None:
    page: Page = chat.page
    await page.set_viewport_size({"width": 360, "height": 640})
    await chat.ask("Narrow?")
    await worker.answer("| a | b |\n|---|---|\n| " + "x" * 300 + " | y |\n\n" + "`" + "y" * 300 + "`")
    await chat.is_idle()
    await expect(chat.entry("Narrow?")).to_be_hidden()

    await page.get_by_role("button", name="Conversations").click()
    await expect(chat.entry("Narrow?")).to_be_visible()
    await page.get_by_role("button", name="New chat").click()

    await expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    await expect(chat.entry("Narrow?")).to_be_hidden()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
