"""A prompt that waits says where it stands in the queue, and about for how long."""

from typing import Any

from playwright.async_api import expect

from tests.browser.conftest import MODULE_LOOP
from tests.support.builders import CLOCK, a_completed
from tests.support.chat_page import Chat
from tests.support.gateway import MODEL, PlayedWorker, RunningGateway

pytestmark = MODULE_LOOP


async def test_a_waiting_prompt_tells_its_place_and_comes_nearer(
    chat: Chat, worker: PlayedWorker, gateway: RunningGateway
) -> None:
    for question in ("Whose is the first place?", "And the second?"):
        await gateway.post("/v1/jobs", {"model": MODEL, "input": question, "lane": "interactive"})
    await chat.ask("How long will it take?")

    await expect(chat.told("Waiting for its turn: number 3 in line …")).to_be_visible()
    await worker.answer("Mine.")
    await expect(chat.told("Waiting for its turn: number 2 in line …")).to_be_visible()
    pace: dict[Any, Any] = {"gaps": 20, "mean": 60_000, "variance": 0, "at": CLOCK.now_ms()}
    await gateway.scripts.redis.hset(f"{gateway.scripts.prefix}lane:interactive:pace", mapping=pace)
    await expect(chat.told("number 2 in line, about 2 minutes …")).to_be_visible()
    await worker.answer("Mine, too.")
    await expect(chat.told("next in line")).to_be_visible()
    prompt, lease = await worker.claim()
    await expect(chat.told("Thinking …")).to_be_visible()
    await worker.end(lease, a_completed(prompt, "Not long."))

    await expect(chat.answer).to_have_text("Not long.")
    await chat.is_idle()
