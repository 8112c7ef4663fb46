"""A worker process answers prompts on real Kafka and Redis, with the timed model server."""

import asyncio
import base64
import json
from typing import Any

import pytest

from producers.answers.answer_cache import key_of
from producers.conversations.store import Conversations
from producers.events import (
    AnswerCompleted,
    AnswerFailed,
    Buried,
    ConversationCreated,
    ItemsAdded,
    Message,
    PromptSubmitted,
    RetryScheduled,
    Sampling,
    Terminal,
    ToolCall,
    Truncated,
)
from producers.jobs import live
from producers.log import codec
from producers.log.outgoing import Outgoing
from producers.log.topics import JOB_EVENTS
from producers.state.retention import Retention
from tests.support.builders import a_prompt
from tests.support.eventually import eventually
from tests.support.model_servers import ModelServer
from tests.support.talk import said_in, turns_of
from tests.support.views import read_by_the_view
from tests.support.workers import Hand, Workshop, answers, dead_letters, read_topic


async def ending_of(hand: Hand, prompt: PromptSubmitted) -> Terminal:
    """Submit the prompt and wait for its end."""
    await hand.submit(prompt)
    await hand.all_ended([prompt])
    ending = (await hand.job(prompt.job_id)).ending
    assert ending is not None
    return ending


async def test_a_prompt_is_answered_shown_published_and_made_visible(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("Why is the sky blue?")
    async with Hand(place) as hand:
        ending = await ending_of(hand, prompt)
        shown = await hand.shown(prompt.job_id)
        known = (await hand.job(prompt.job_id)).times
    log = await asyncio.to_thread(answers, place.kafka)

    assert log.first_by_job[prompt.job_id] == ending
    assert isinstance(ending, AnswerCompleted)
    assert ending.text == shown != ""
    assert ending.usage is not None
    assert (ending.worker, ending.attempt, ending.cache, ending.finish_reason) == ("w1", 1, "miss", "stop")
    # A worker may claim what the gateway has not noted as acknowledged yet: then the ending has not heard of it.
    assert "acknowledged" in known
    steps = ["received", "accepted", "claimed", "started", "first_token", "finished"]
    assert [step for step in ending.timeline if step != "acknowledged"] == steps
    assert [ending.timeline[step] for step in steps[2:]] == sorted(ending.timeline[step] for step in steps[2:])


async def test_stop_strings_are_cut_and_a_token_limit_is_kept(place: Workshop, tgi: ModelServer) -> None:
    async with Hand(place) as hand:
        whole = await ending_of(hand, a_prompt("One and the same question."))
        third = whole.text.split()[2]
        cut = await ending_of(hand, a_prompt("One and the same question.", sampling=Sampling(stop=(third,))))
        short = await ending_of(hand, a_prompt("One and the same question.", sampling=Sampling(max_tokens=2)))

    assert isinstance(cut, AnswerCompleted)
    assert isinstance(short, AnswerCompleted)
    assert (cut.text, cut.finish_reason) == (whole.text[: whole.text.index(third)], "stop")
    assert (short.finish_reason, short.usage and short.usage.completion_tokens) == ("length", 2)
    assert whole.text.startswith(short.text)


@pytest.mark.parametrize("kind", ["cut", "fail", "garbage", "overload"])
async def test_trouble_that_passes_is_tried_again_and_readers_are_told(
    place: Workshop, tgi: ModelServer, kind: str
) -> None:
    prompt = a_prompt(f"Trouble of the kind {kind}.")
    tgi.order(kind, after_tokens=3, times=2, contains=f"kind {kind}")  # type: ignore[arg-type] # one of them
    async with Hand(place) as hand:
        ending = await ending_of(hand, prompt)
        entries = await live.entries_after(hand.scripts, prompt.job_id)

    assert isinstance(ending, AnswerCompleted)
    assert ending.attempt == 3
    assert live.text_of(entries) == ending.text
    told = [json.loads(each.value)["status"] for each in entries if each.kind == "status"]
    assert told == ["running", "queued", "running", "queued", "running"]
    await eventually(lambda: tries_told(place, prompt.job_id, [1, 2]), what="the retries among the job's events")


async def test_trouble_that_stays_fails_the_job_after_three_more_tries(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("Trouble that stays.")
    tgi.order("fail", times=10, contains="that stays")
    async with Hand(place) as hand:
        ending = await ending_of(hand, prompt)

    assert isinstance(ending, AnswerFailed)
    assert (ending.error.type, ending.error.code) == ("server_error", "model_failed")
    assert len(await asyncio.to_thread(tgi.generations, "that stays")) == 4
    letters = [each for each in (await asyncio.to_thread(dead_letters, place.kafka)).events if isinstance(each, Buried)]
    (letter,) = [each for each in letters if each.job_id == prompt.job_id]
    assert (letter.reason, letter.attempts, letter.origin_topic) == ("exhausted", 4, "prompts.standard")
    assert (letter.error[:7], letter.first_error[:7]) == ("failed:", "failed:")
    assert codec.decode_as(PromptSubmitted, base64.b64decode(letter.payload_base64)) == prompt


async def test_what_the_model_server_refuses_fails_at_once(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("A penalty beyond all measure.", sampling=Sampling(frequency_penalty=9.0))
    async with Hand(place) as hand:
        ending = await ending_of(hand, prompt)

    assert isinstance(ending, AnswerFailed)
    assert (ending.error.type, ending.error.code) == ("invalid_request_error", "model_refused")


async def test_a_prompt_over_the_window_fails_with_openais_code(place: Workshop, tgi: ModelServer) -> None:
    async with Hand(place) as hand:
        ending = await ending_of(hand, a_prompt("word " * 10_000))

    assert isinstance(ending, AnswerFailed)
    assert (ending.error.type, ending.error.code) == ("invalid_request_error", "context_length_exceeded")


async def test_a_turn_is_answered_with_the_turns_before_it_and_from_the_cache_when_it_is_there(
    place: Workshop, tgi: ModelServer
) -> None:
    async with Hand(place) as hand:
        await Conversations(hand.scripts, Retention()).open(ConversationCreated(conversation="conv_1", tenant="acme"))
        turns = [a_prompt(f"Turn {number}.", conversation="conv_1") for number in range(3)]
        for each in turns:
            await hand.submit(each)
        await hand.all_ended(turns)
        endings = [(await hand.job(each.job_id)).ending for each in turns]

        await Conversations(hand.scripts, Retention()).open(ConversationCreated(conversation="conv_2", tenant="acme"))
        assert isinstance(endings[0], AnswerCompleted)
        await read_by_the_view(hand.scripts, endings[0])
        again = await ending_of(hand, a_prompt("Turn 0.", conversation="conv_2"))
        shown = await hand.shown(again.job_id)

    said: tuple[Message, ...] = ()
    for turn, ending in zip(turns, endings, strict=True):
        assert isinstance(ending, AnswerCompleted)
        assert ending.history == said
        said += (*turn.messages, Message("assistant", ending.text))
    assert isinstance(again, AnswerCompleted)
    assert (again.cache, again.text, shown) == ("hit", endings[0].text, endings[0].text)


async def test_an_entry_of_the_cache_that_cannot_be_read_is_none_to_a_turn(place: Workshop, tgi: ModelServer) -> None:
    turn = a_prompt("A turn beside what a later version wrote.", conversation="conv_6")
    async with Hand(place) as hand:
        await Conversations(hand.scripts, Retention()).open(ConversationCreated(conversation="conv_6", tenant="acme"))
        await hand.scripts.redis.set(f"{hand.scripts.prefix}cache:{key_of(turn)}", b'{"type": "AnswerOfTomorrow"}')
        ending = await ending_of(hand, turn)

    assert isinstance(ending, AnswerCompleted)
    assert (ending.cache, ending.attempt) == ("miss", 1)


async def test_a_conversation_over_the_window_loses_its_oldest_turns_or_is_refused(
    place: Workshop, tgi: ModelServer
) -> None:
    """The system prompt stays, the answer says what it rests on, and the history itself keeps everything."""
    about: dict[str, Any] = {"conversation": "conv_4", "tenant": "acme"}
    said = [Message("user", "word " * 400), Message("assistant", "so"), Message("user", "word " * 400)]
    async with Hand(place) as hand:
        conversations = Conversations(hand.scripts, Retention())
        await conversations.open(ConversationCreated(**about))
        long = (Message("system", "Be brief."), *said, Message("assistant", "well"))
        await conversations.add(ItemsAdded(**about, messages=long), 0)
        refused = await ending_of(hand, a_prompt("word " * 400, conversation="conv_4"))
        fitted = await ending_of(hand, a_prompt("word " * 400, conversation="conv_4", truncation="auto"))
        kept = await said_in(conversations, "conv_4")

    assert isinstance(refused, AnswerFailed)
    assert refused.error.code == "context_length_exceeded"
    assert isinstance(fitted, AnswerCompleted)
    assert fitted.truncated == Truncated(1)
    assert fitted.history == (long[0], *long[3:])
    assert (kept or ())[:5] == long


async def test_a_result_of_no_call_in_its_conversation_is_refused_before_the_model_sees_it(
    place: Workshop, tgi: ModelServer
) -> None:
    about: dict[str, Any] = {"conversation": "conv_5", "tenant": "acme"}
    call = Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", "{}"),))
    async with Hand(place) as hand:
        conversations = Conversations(hand.scripts, Retention())
        await conversations.open(ConversationCreated(**about))
        await conversations.add(ItemsAdded(**about, messages=(Message("user", "Rome?"), call)), 0)
        own = (Message("tool", "31", tool_call_id="call_1"), Message("tool", "32", tool_call_id="call_2"))
        turn, response = (
            a_prompt(conversation="conv_5", messages=own, route=route) for route in ("/v1/jobs", "/v1/responses")
        )
        refused = [await ending_of(hand, turn), await ending_of(hand, response)]
        left = await said_in(conversations, "conv_5")

    for ending, param in zip(refused, ("messages[1].tool_call_id", "input"), strict=True):
        assert isinstance(ending, AnswerFailed)
        assert (ending.error.type, ending.error.param) == ("invalid_request_error", param)
    assert left == (Message("user", "Rome?"), call)


async def test_of_two_prompts_that_replace_one_turn_the_first_in_the_log_does_so(
    place: Workshop, tgi: ModelServer
) -> None:
    async with Hand(place) as hand:
        conversations = Conversations(hand.scripts, Retention())
        await conversations.open(ConversationCreated(conversation="conv_3", tenant="acme"))
        first = a_prompt("One turn.", conversation="conv_3")
        await ending_of(hand, first)
        both = [a_prompt("One turn.", conversation="conv_3", replaces=first.job_id, cache="bypass") for _ in range(2)]
        for each in both:
            await hand.submit(each)
        await hand.all_ended(both)
        endings = [(await hand.job(each.job_id)).ending for each in both]
        left = await turns_of(conversations, "conv_3")

    assert isinstance(endings[0], AnswerCompleted)
    assert isinstance(endings[1], AnswerFailed)
    assert (endings[1].error.param, endings[1].error.code) == ("replaces", "not_last_turn")
    assert [each.job_id for each in left] == [both[0].job_id]


async def test_the_log_of_a_worker_holds_no_word_of_a_prompt_or_an_answer(place: Workshop, tgi: ModelServer) -> None:
    """Whatever becomes of the prompt: answered, tried again, refused, too long, or no prompt at all."""
    tgi.order("fail", times=1, contains="canary-again")
    prompts = [
        a_prompt("canary-answered"), a_prompt("canary-again"), a_prompt("canary-long " * 5_000),
        a_prompt("canary-refused", sampling=Sampling(frequency_penalty=9.0)),
    ]  # fmt: skip
    none = {"type": "PromptSubmitted", "lane": "canary-lane", "messages": "canary-messages"}
    topic = f"{place.kafka.topic_prefix}prompts.standard"
    async with Hand(place) as hand:
        await hand.publisher.write(Outgoing(topic, 0, b"canary-key", codec.encode(none), []))
        endings = [await ending_of(hand, each) for each in prompts]
        await eventually(lambda: "undecodable" in place.workers[0].log.read_text(), what="the burial in the log")
    said = [each.text for each in endings if len(each.text) > 20]
    log = place.workers[0].log.read_text()

    assert len(said) == 2
    assert [each for each in ("canary", *said) if each in log] == []


async def tries_told(place: Workshop, job_id: str, tries: list[int]) -> bool:
    told = (await asyncio.to_thread(read_topic, place.kafka, JOB_EVENTS)).events
    return [each.tries for each in told if isinstance(each, RetryScheduled) and each.job_id == job_id] == tries
