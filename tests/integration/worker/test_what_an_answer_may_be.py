"""More than a text: calls of tools, JSON, several choices, log-probabilities, each through a real worker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from producers.events import (
    AnswerCompleted,
    AnswerFailed,
    AnswerFormat,
    Choice,
    Message,
    PromptSubmitted,
    Sampling,
    Terminal,
    Tool,
    ToolCall,
)
from producers.jobs import live
from producers.jobs.live import Piece
from stream_workers.settings import WorkerSettings
from tests.support.builders import a_prompt
from tests.support.model_servers import ModelServer, embedded_tgi
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.workers import Hand, Workshop, workshop

__all__ = ["embedded_tgi"]

PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool("weather", "The weather of a city", PLACE)
CLOCK = Tool("clock")
SWITCH = {"type": "object", "properties": {"to": {"type": "string", "enum": ["full stop"]}}, "required": ["to"]}


@pytest.fixture(scope="module")
def by_the_small_model(
    tmp_path_factory: pytest.TempPathFactory, kafka: RunningKafka, redis_server: RunningRedis, embedded_tgi: ModelServer
) -> Iterator[Workshop]:
    """A workshop whose worker asks the embedded model."""
    folder, prefix = tmp_path_factory.mktemp("small"), a_prefix()
    with workshop(folder, kafka.settings(prefix), redis_server.settings(prefix), embedded_tgi.url) as found:
        worker = found.start(WorkerSettings(name="small"))
        yield found
        assert worker.terminate() == 0


async def answered(place: Workshop, prompt: PromptSubmitted) -> tuple[Terminal, list[Piece]]:
    """The prompt's ending, and what its readers were shown."""
    async with Hand(place) as hand:
        await hand.submit(prompt)
        await hand.all_ended([prompt])
        shown = live.joined(live.pieces_in(await live.entries_after(hand.scripts, prompt.job_id)))
        ending = (await hand.job(prompt.job_id)).ending
    assert ending is not None
    return ending, shown


async def test_a_tool_is_called_with_arguments_and_nobody_sees_how_that_came_about(
    place: Workshop, tgi: ModelServer
) -> None:
    tgi.say('{"function":{"_name":"weather","city":"Rome"}}', contains="Rome?")
    ending, shown = await answered(place, a_prompt("And Rome?", tools=(WEATHER, CLOCK)))

    assert isinstance(ending, AnswerCompleted)
    call = ending.drawn[0].tool_calls[0]
    assert call == ToolCall(call.id, "weather", '{"city":"Rome"}')
    assert (ending.text, ending.finish_reason) == ("", "tool_calls")
    assert shown == [Piece("", 0, (call,))]


async def test_a_model_that_chooses_no_tool_answers_freely(place: Workshop, tgi: ModelServer) -> None:
    tgi.say('{"function":{"_name":"no_tool"}}', contains="No tool")
    free, shown = await answered(place, a_prompt("No tool for this.", tools=(WEATHER,)))
    plain, _ = await answered(place, a_prompt("No tool for this."))

    assert isinstance(free, AnswerCompleted)
    assert (free.text, free.usage, free.choices) == (plain.text, plain.usage, ())
    assert live.text_in(shown) == free.text


async def test_a_stop_string_in_the_arguments_of_a_call_does_not_cut_it(by_the_small_model: Workshop) -> None:
    tools, sampling = (Tool("switch", "Switches the engine", SWITCH),), Sampling(stop=("stop",))
    prompt = a_prompt("Switch the engine to full stop.", tools=tools, must_call=True, sampling=sampling)
    ending, _ = await answered(by_the_small_model, prompt)

    assert isinstance(ending, AnswerCompleted)
    assert ending.finish_reason == "tool_calls"
    assert [json.loads(each.arguments) for each in ending.drawn[0].tool_calls] == [{"to": "full stop"}]


async def test_a_stop_string_in_the_choice_of_no_tool_does_not_cut_the_free_answer_off(
    place: Workshop, tgi: ModelServer
) -> None:
    plain, _ = await answered(place, a_prompt("Stop at colons."))
    tgi.say('{"function": {"_name": "no_tool"}}', contains="Stop at colons")
    stopping = a_prompt("Stop at colons.", tools=(WEATHER,), sampling=Sampling(stop=(":",)))
    free, _ = await answered(place, stopping)

    assert isinstance(plain, AnswerCompleted)
    assert isinstance(free, AnswerCompleted)
    assert (free.text, free.finish_reason) == (plain.text, plain.finish_reason)


async def test_a_call_that_was_cut_is_no_call(place: Workshop, tgi: ModelServer) -> None:
    prompt = a_prompt("Cut it.", tools=(WEATHER,), must_call=True, sampling=Sampling(max_tokens=3))
    ending, shown = await answered(place, prompt)

    assert isinstance(ending, AnswerCompleted)
    assert (ending.text, ending.finish_reason, ending.drawn[0].tool_calls, shown) == ("", "length", (), [])


async def test_what_a_tool_gave_back_is_shown_to_the_model(place: Workshop, tgi: ModelServer) -> None:
    call = ToolCall("call_1", "weather", '{"city":"Rome"}')
    messages = (
        Message("user", "And Rome?"),
        Message("assistant", "", tool_calls=(call,)),
        Message("tool", "23 degrees", tool_call_id="call_1"),
    )
    ending, _ = await answered(place, a_prompt(messages=messages))

    assert isinstance(ending, AnswerCompleted)
    (seen,) = tgi.generations("23 degrees")
    assert '"name":"weather"' in seen["inputs"].replace(" ", "")


async def test_an_answer_obeys_its_schema(place: Workshop, tgi: ModelServer) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
        "required": ["city", "degrees"],
    }
    ending, _ = await answered(place, a_prompt("As JSON.", format=AnswerFormat(schema)))

    assert isinstance(ending, AnswerCompleted)
    assert {name: type(value) for name, value in json.loads(ending.text).items()} == {"city": str, "degrees": int}


async def test_a_schema_that_the_server_refuses_is_told_by_the_name_of_its_field(
    place: Workshop, tgi: ModelServer
) -> None:
    format = AnswerFormat({"properties": {"a": {"type": "nonsense"}}})
    ending, _ = await answered(place, a_prompt("As nonsense.", format=format))

    assert isinstance(ending, AnswerFailed)
    assert (ending.error.type, ending.error.param) == ("invalid_request_error", "response_format")


async def test_a_schema_that_cannot_be_sent_ends_its_job_at_the_first_attempt(
    place: Workshop, tgi: ModelServer
) -> None:
    deep = json.loads("[" * 300 + "]" * 300)  # as no gateway lets in, but the log may hold
    format = AnswerFormat({"properties": {"a": {"type": "string", "default": deep}}})
    ending, _ = await answered(place, a_prompt("As something deep.", format=format))

    assert isinstance(ending, AnswerFailed)
    assert (ending.error.type, ending.error.param) == ("invalid_request_error", "response_format")
    assert ending.attempt == 1


@pytest.mark.parametrize("trouble", [False, True])
async def test_several_choices_come_with_the_weight_of_each_token_and_survive_trouble(
    place: Workshop, tgi: ModelServer, trouble: bool
) -> None:
    text = f"Twice, trouble {trouble}."
    if trouble:
        tgi.order("cut", contains=text, after_tokens=2)
    prompt = a_prompt(text, sampling=Sampling(n=2, top_logprobs=2, temperature=0.7, seed=7, max_tokens=4))
    ending, shown = await answered(place, prompt)

    assert isinstance(ending, AnswerCompleted)
    first, second = ending.drawn
    assert (ending.text, ending.finish_reason) == (first.text, first.finish_reason)
    assert first.text != second.text
    assert ending.usage is not None
    assert ending.usage.completion_tokens == 8
    for choice in ending.drawn:
        assert "".join(each.text for each in choice.logprobs) == choice.text
        assert all(each.logprob <= 0 and len(each.top) == 2 for each in choice.logprobs)
    assert shown == live.pieces_of(ending)


def test_an_answer_that_is_a_text_is_kept_as_nothing_more() -> None:
    assert AnswerCompleted(job_id="job_1", prompt=a_prompt(), text="So.").drawn == (Choice("So."),)
