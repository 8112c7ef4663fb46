"""The chat page over the whole service: what its reader does reaches the model server, and comes back."""

import re

import pytest
from playwright.async_api import expect

from tests.support.browser import a_browser, a_visitor
from tests.support.chat_page import Chat
from tests.support.eventually import eventually
from tests.support.whole import Whole

SOME_WORD = re.compile(r"\w")


async def test_a_conversation_from_its_first_prompt_to_another_last_answer(service: Whole) -> None:
    async with a_browser() as browser, a_visitor(browser, service.stack["gateway_url"]) as (visitor, _):
        chat = Chat(await visitor.new_page())
        await chat.enter("/", service.stack["api_key"])
        await chat.ask("What is the first thing?")
        await chat.again()
        await chat.is_idle()
        await chat.ask("And the second?")
        await expect(chat.page.get_by_role("button", name="Copy answer")).to_have_count(2)
        shown = await chat.answers.all_text_contents()
        await chat.page.reload()
        await expect(chat.answers).to_have_text(shown)

    asked = [each["inputs"] for each in service.model.generations("What is the first thing?")]
    assert [each.count("What is the first thing?") for each in asked] == [1, 1, 1], "the replaced turn is not told"
    assert shown[0].strip() in asked[2]


@pytest.mark.parametrize("reloaded", [False, True])
async def test_stop_ends_the_generation_at_the_model_server(service: Whole, *, reloaded: bool) -> None:
    prompt = f"Go on without end, {reloaded}."
    service.model.turn(answer_tokens=4000, token_ms=20)
    async with a_browser() as browser, a_visitor(browser, service.stack["gateway_url"]) as (visitor, _):
        chat = Chat(await visitor.new_page())
        await chat.enter("/", service.stack["api_key"])
        await chat.ask(prompt)
        await expect(chat.answer).to_contain_text(SOME_WORD)
        if reloaded:
            await chat.page.reload()
            await expect(chat.answer).to_contain_text(SOME_WORD)
        await chat.page.get_by_role("button", name="Stop").click()
        await expect(chat.page.get_by_text("stopped", exact=True)).to_be_visible()

    def ended() -> bool:
        (generation,) = service.model.generations(prompt)
        return bool(generation["state"] == "closed")

    await eventually(ended, what="the end of the generation")
