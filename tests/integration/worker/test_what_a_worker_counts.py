"""A worker process shows Prometheus what it does, and what waits for it."""

from producers.conversations.store import Conversations
from producers.events import ConversationCreated
from producers.state.retention import Retention
from tests.integration.worker.conftest import SETTINGS
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.scrape import scrape
from tests.support.workers import Hand, Workshop

LAG = 'headrace_consumer_lag{group="worker",topic="prompts.standard"}'


async def test_answers_waits_and_slots_are_counted(place: Workshop, tgi: ModelServer) -> None:
    url = place.workers[0].metrics
    before = await scrape(url)
    prompts = [a_prompt(f"Question {number}?") for number in range(3)]
    async with Hand(place) as hand:
        for each in prompts:
            await hand.submit(each)
        await hand.all_ended(prompts)

    async def is_done() -> bool:
        shown = await scrape(url)
        return (shown.get(LAG), shown["headrace_slots_busy"]) == (0, 0)

    await eventually(is_done, what="a worker without lag that is free")
    after = await scrape(url)

    def grown(sample: str) -> float:
        return after.get(sample, 0) - before.get(sample, 0)

    assert grown('headrace_jobs_total{state="running"}') == 3
    assert grown('headrace_jobs_total{state="completed"}') == 3
    for name in ("queue_wait", "ttft"):
        assert grown(f'headrace_{name}_seconds_count{{lane="standard"}}') == 3
        assert 0 < grown(f'headrace_{name}_seconds_sum{{lane="standard"}}') < 60
    assert (after["headrace_slots_size"], after["headrace_slots_busy"]) == (SETTINGS.slots, 0)
    assert after["headrace_mentions_dropped_total"] == 0


async def test_a_slot_is_busy_and_the_log_behind_while_an_answer_is_made(place: Workshop, tgi: ModelServer) -> None:
    url = place.workers[0].metrics
    tgi.order("hold", contains="takes its time")
    prompt = a_prompt("One that takes its time?")
    async with Hand(place) as hand:
        await hand.submit(prompt)

        async def is_at_work() -> bool:
            shown = await scrape(url)
            return shown["headrace_slots_busy"] == 1 and shown[LAG] == 1

        await eventually(is_at_work, what="a slot that is busy")
        await eventually(lambda: tgi.release() == 1, what="a server that holds the answer back")
        await hand.all_ended([prompt])


async def test_turns_of_a_conversation_are_looked_up_in_the_cache_here(place: Workshop, tgi: ModelServer) -> None:
    url = place.workers[0].metrics
    before = await scrape(url)
    async with Hand(place) as hand:
        created = ConversationCreated(conversation="conv_counted", tenant="acme")
        await Conversations(hand.scripts, Retention()).open(created)
        prompt = a_prompt("And then?", conversation=created.conversation)
        await hand.submit(prompt)
        await hand.all_ended([prompt])
    after = await scrape(url)

    sample = 'headrace_cache_requests_total{kind="exact",result="miss"}'
    assert after[sample] - before.get(sample, 0) == 1
