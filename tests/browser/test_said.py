"""Whatever a conversation holds can be read: also what was put in by hand, and what was called between two messages."""

import re
from typing import Any

from playwright.async_api import expect

from tests.browser.conftest import MODULE_LOOP
from tests.support.chat_page import Chat
from tests.support.gateway import PlayedWorker, RunningGateway

pytestmark = MODULE_LOOP

HOSTILE = "sunny <img src=x onerror='window.harmed = 1'>"
ITEMS: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "How are you?"},
    {"role": "assistant", "content": "**Well.**"},
    {"role": "user", "content": "And the weather?"},
    {"type": "function_call", "call_id": "c1", "name": "look_outside", "arguments": '{"city":"Bonn"}'},
    {"type": "function_call_output", "call_id": "c1", "output": HOSTILE},
    {"role": "assistant", "content": "It is sunny."},
]
LAST: dict[str, Any] = {"role": "user", "content": "Nobody answered this."}
TURNS = """async (items) => {
  const { turnsOf, unbegun } = await import("/static/chat/said.js");
  const shown = turnsOf(items).map((it) => [it.prompt, it.folded.map(({ name }) => name), it.answer, it.isWhole]);
  return { shown, unbegun: unbegun(items) };
}"""


async def test_what_was_put_in_by_hand_is_all_there_with_its_calls(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    page = chat.page
    made = (await gateway.post("/v1/conversations", {"items": [*ITEMS, LAST]})).json
    await page.goto(f"/#{made['id']}")

    await expect(page.locator(".prompt")).to_have_text(["How are you?", "And the weather?", "Nobody answered this."])
    await expect(chat.answers.filter(has_text=re.compile(r"\S"))).to_have_text(["Well.", "It is sunny."])
    await expect(page.locator("summary")).to_have_text(
        ["Instructions", "Called look_outside", "Result of look_outside"]
    )
    await expect(page.get_by_text('{"city":"Bonn"}')).to_be_hidden()
    for each in await page.locator("summary").all():
        await each.click()
    await expect(page.locator(".folded pre")).to_have_text(["Be brief.", '{"city":"Bonn"}', HOSTILE])
    assert not await page.evaluate("'harmed' in window")
    for of_a_job in ("Good answer", "Answer again"):
        await expect(page.get_by_role("button", name=of_a_job)).to_have_count(0)

    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_load_state("networkidle")
    assert await page.locator("details[open]").count() == 3, "nothing is new: it is not shown anew"

    await chat.ask("And now?")
    await worker.answer("Now it goes on.")
    await page.reload()

    await expect(chat.answer).to_have_text("Now it goes on.")
    await expect(page.get_by_role("button", name="Answer again")).to_have_count(1)


def an_item(item_id: str, role: str | None = None, job: str | None = None, **call: Any) -> dict[str, Any]:
    """A message that says its own id, or the call of a tool."""
    said = (
        {"type": "message", "role": role, "content": [{"text": item_id}]} if role else {"type": "function_call", **call}
    )
    return {"id": item_id, "job": job, **said}


async def test_a_turn_is_what_one_question_brought(chat: Chat) -> None:
    items = [
        an_item("the end of what stands on the page before", "assistant"),
        an_item("one", "user"),
        an_item("called", call_id="c1", name="look", arguments="{}"),
        an_item("came", call_id="c1", output="sunny") | {"type": "function_call_output"},
        an_item("first", "assistant"),
        an_item("nobody answered", "user"),
        an_item("nor this", "user"),
        an_item("two", "user", "job_2"),
        an_item("second", "assistant", "job_2"),
        an_item("three", "user", "job_3"),
        an_item("third", "assistant", "job_3"),
        an_item("more", job="job_3", call_id="c2", name="more", arguments="{}"),
    ]

    seen = await chat.page.evaluate(TURNS, items)

    assert seen == {
        "shown": [
            ["", [], "the end of what stands on the page before", False],
            ["one", ["Called look", "Result of look"], "first", False],
            ["nobody answered", [], "", False],
            ["nor this", [], "", False],
            ["two", [], "second", True],
            ["three", [], "third", False],
            ["", ["Called more"], "", False],
        ],
        "unbegun": 1,
    }
