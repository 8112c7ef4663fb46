"""The unmodified `openai` SDK, sync and async, through the whole service: what it asks for is what comes back."""

import json
import time
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam, ChatCompletionToolParam
from openai.types.responses import FunctionToolParam
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import BaseModel

from tests.support.files import a_line, jsonl
from tests.support.whole import Whole

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": True,
    },
}
pytestmark = pytest.mark.timeout(300)


class Town(BaseModel):
    """What an answer is asked to be."""

    name: str
    people: int


@pytest.fixture
def sdk(service: Whole) -> Iterator[OpenAI]:
    with OpenAI(
        api_key=service.stack["api_key"], base_url=f"{service.stack['gateway_url']}/v1", max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def async_sdk(service: Whole) -> AsyncIterator[AsyncOpenAI]:
    stack = service.stack
    async with AsyncOpenAI(api_key=stack["api_key"], base_url=f"{stack['gateway_url']}/v1", max_retries=0) as client:
        yield client


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_every_parameter_is_honoured(sdk: OpenAI, service: Whole) -> None:
    answer = sdk.chat.completions.create(
        model=MODEL, messages=said("Everything at once."), n=2, temperature=0.8, top_p=0.9, seed=7,
        max_completion_tokens=5, stop=["\n\n"], presence_penalty=0.5, frequency_penalty=0.5, logprobs=True,
        top_logprobs=2, user="ann", metadata={"a": "b"}, store=True, service_tier="auto", parallel_tool_calls=False,
    )  # fmt: skip

    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[0].message.content != answer.choices[1].message.content
    for choice in answer.choices:
        assert choice.finish_reason == "length"
        assert choice.logprobs is not None
        assert choice.logprobs.content is not None
        assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
        assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10


async def test_a_stream_of_several_choices_is_put_together_by_the_sdk(async_sdk: AsyncOpenAI) -> None:
    async with async_sdk.chat.completions.stream(
        model=MODEL, messages=said("Several, streamed."), n=2, temperature=0.8, seed=7,
        logprobs=True, stream_options={"include_usage": True},
    ) as stream:  # fmt: skip
        async for _ in stream:
            pass
        streamed = await stream.get_final_completion()
    whole = await async_sdk.chat.completions.create(
        model=MODEL, messages=said("Several, streamed."), n=2, temperature=0.8, seed=7
    )

    assert [each.message.content for each in streamed.choices] == [each.message.content for each in whole.choices]
    assert streamed.usage == whole.usage
    assert all(each.logprobs is not None and each.logprobs.content for each in streamed.choices)


def test_a_tool_is_called_and_its_result_is_answered(sdk: OpenAI, service: Whole) -> None:
    service.model.say('{"function":{"_name":"weather","city":"Rome"}}', contains="in Rome?")
    asked = said("How warm is it in Rome?")
    first = sdk.chat.completions.create(model=MODEL, messages=asked, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or []
    back: list[ChatCompletionMessageParam] = [
        *asked,
        first.choices[0].message.model_dump(),  # type: ignore[list-item]
        {"role": "tool", "tool_call_id": call.id, "content": "23 degrees"},
    ]
    second = sdk.chat.completions.create(model=MODEL, messages=back, max_tokens=5)

    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.content is None
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Rome"})
    assert second.choices[0].message.content


async def test_a_streamed_call_is_put_together_by_the_sdk(async_sdk: AsyncOpenAI, service: Whole) -> None:
    service.model.say('{"function":{"_name":"weather","city":"Oslo"}}', contains="in Oslo?")
    async with async_sdk.chat.completions.stream(
        model=MODEL, messages=said("And in Oslo?"), tools=[WEATHER], tool_choice="required"
    ) as stream:
        kinds = {event.type async for event in stream}
        final = await stream.get_final_completion()

    (call,) = final.choices[0].message.tool_calls or []
    assert (call.function.name, call.function.parsed_arguments) == ("weather", {"city": "Oslo"})
    assert final.choices[0].finish_reason == "tool_calls"
    assert "tool_calls.function.arguments.done" in kinds


def test_an_answer_is_parsed_into_the_class_that_was_asked_for(sdk: OpenAI) -> None:
    answer = sdk.chat.completions.parse(model=MODEL, messages=said("A town, please."), response_format=Town)

    assert isinstance(answer.choices[0].message.parsed, Town)


def test_what_cannot_be_honoured_is_refused_by_its_name(sdk: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as no_bias:
        sdk.chat.completions.create(model=MODEL, messages=said("a"), logit_bias={"1": 1})
    wrong: ResponseFormatJSONSchema = {
        "type": "json_schema",
        "json_schema": {"name": "s", "schema": {"properties": {"a": {"type": "x"}}}},
    }
    with pytest.raises(openai.BadRequestError) as no_schema:
        sdk.chat.completions.create(model=MODEL, messages=said("a"), response_format=wrong)

    assert no_bias.value.param == "logit_bias"
    assert no_schema.value.param == "response_format.json_schema.schema"


def test_a_response_is_answered_and_can_be_asked_for_again(sdk: OpenAI) -> None:
    response = sdk.responses.create(
        model=MODEL, input="A first response.", instructions="Be brief.", metadata={"a": "b"}
    )
    again = sdk.responses.retrieve(response.id)
    items = sdk.responses.input_items.list(response.id)

    assert response.status == "completed"
    assert response.output_text
    assert response.usage is not None
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert (again.id, again.output_text, again.instructions) == (response.id, response.output_text, "Be brief.")
    assert [item.type for item in items] == ["message"]


def test_a_response_goes_on_from_the_one_before(sdk: OpenAI, service: Whole) -> None:
    first = sdk.responses.create(model=MODEL, input="I am called Ada.")
    second = sdk.responses.create(model=MODEL, input="What am I called?", previous_response_id=first.id)

    assert second.previous_response_id == first.id
    (seen,) = [each for each in service.model.generations("What am I called?") if "I am called Ada." in each["inputs"]]
    assert first.output_text in seen["inputs"]


async def test_a_response_in_the_background_is_polled_and_streamed_from_where_it_was_left(
    async_sdk: AsyncOpenAI,
) -> None:
    response = await async_sdk.responses.create(model=MODEL, input="In the background.", background=True)
    assert response.status in {"queued", "in_progress", "completed"}
    stream = await async_sdk.responses.retrieve(response.id, stream=True)
    events = [event async for event in stream]
    rest = [event async for event in await async_sdk.responses.retrieve(response.id, stream=True, starting_after=4)]

    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert [event.to_dict() for event in rest] == [event.to_dict() for event in events[5:]]
    assert (await async_sdk.responses.retrieve(response.id)).status == "completed"


def test_a_streamed_response_is_put_together_by_the_sdk(sdk: OpenAI) -> None:
    with sdk.responses.stream(model=MODEL, input="Streamed, please.") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert text == final.output_text != ""


def test_a_background_response_is_cancelled_once_and_for_all(sdk: OpenAI, service: Whole) -> None:
    service.model.order("hold", contains="Never to be answered.", after_tokens=2)
    response = sdk.responses.create(model=MODEL, input="Never to be answered.", background=True)
    cancelled = sdk.responses.cancel(response.id)

    assert cancelled.status == "cancelled"
    assert sdk.responses.cancel(response.id).to_dict() == cancelled.to_dict()


def test_a_response_calls_a_function_and_takes_its_result(sdk: OpenAI, service: Whole) -> None:
    service.model.say('{"function":{"_name":"weather","city":"Bern"}}', contains="in Bern?")
    tool: FunctionToolParam = {"type": "function", "strict": True, **WEATHER["function"]}  # type: ignore[typeddict-item]
    first = sdk.responses.create(model=MODEL, input="How warm is it in Bern?", tools=[tool])
    (call,) = first.output
    assert call.type == "function_call"
    second = sdk.responses.create(
        model=MODEL,
        previous_response_id=first.id,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "9 degrees"}],
    )

    assert json.loads(call.arguments) == {"city": "Bern"}
    assert second.output_text


def test_an_answer_of_a_response_is_parsed_into_the_class_that_was_asked_for(sdk: OpenAI) -> None:
    response = sdk.responses.parse(model=MODEL, input="A town, please.", text_format=Town)

    assert isinstance(response.output_parsed, Town)


def test_a_response_that_was_not_to_be_kept_is_not_there(sdk: OpenAI) -> None:
    response = sdk.responses.create(model=MODEL, input="Forget me.", store=False)

    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(response.id)
    with pytest.raises(openai.NotFoundError):
        sdk.responses.create(model=MODEL, input="Go on.", previous_response_id=response.id)


def test_a_response_is_deleted_though_it_runs(sdk: OpenAI, service: Whole) -> None:
    service.model.order("hold", contains="To be deleted.", after_tokens=1)
    response = sdk.responses.create(model=MODEL, input="To be deleted.", background=True)
    sdk.responses.delete(response.id)

    with pytest.raises(openai.NotFoundError):
        sdk.responses.retrieve(response.id)


def test_a_conversation_is_opened_asked_in_and_read(sdk: OpenAI, service: Whole) -> None:
    conversation = sdk.conversations.create(items=[{"role": "user", "content": "My name is Ann."}])
    first = sdk.responses.create(model=MODEL, input="The first turn.", conversation=conversation.id)
    sdk.responses.create(model=MODEL, input="The second turn.", conversation=conversation.id)
    items = list(sdk.conversations.items.list(conversation.id, order="asc", limit=2))
    sdk.conversations.delete(conversation.id)

    (asked,) = service.model.generations("The second turn.")
    assert all(each in asked["inputs"] for each in ("My name is Ann.", "The first turn.", first.output_text))
    said_by = [(each.role, each.content[0].text) for each in items if each.type == "message" and each.content]  # type: ignore[union-attr]
    assert said_by[:3] == [("user", "My name is Ann."), ("user", "The first turn."), ("assistant", first.output_text)]
    assert len(said_by) == 5
    with pytest.raises(openai.NotFoundError):
        sdk.conversations.retrieve(conversation.id)


def test_a_batch_is_answered_line_by_line(sdk: OpenAI) -> None:
    bodies = [{"model": MODEL, "messages": said(f"Line {number}."), "max_tokens": 4} for number in range(5)]
    lines = [a_line(str(number), body=body) for number, body in enumerate(bodies)]
    file = sdk.files.create(file=("asked.jsonl", jsonl(lines)), purpose="batch")
    batch = sdk.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    deadline_s = time.monotonic() + 60
    while (batch := sdk.batches.retrieve(batch.id)).status not in ("completed", "failed"):
        assert time.monotonic() < deadline_s, batch
        time.sleep(0.2)

    assert batch.output_file_id is not None, batch
    told = [json.loads(line) for line in sdk.files.content(batch.output_file_id).text.splitlines()]
    answers = {each["custom_id"]: ChatCompletion.model_validate(each["response"]["body"]) for each in told}
    assert sorted(answers) == [str(number) for number in range(5)]
    assert all(each.usage is not None and each.usage.completion_tokens == 4 for each in answers.values())
    assert batch.usage is not None
    assert batch.usage.output_tokens == 20
