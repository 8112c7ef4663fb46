"""Whatever the official SDK knows to send is taken, or refused with a reason; never as a field that is not known."""

import json
from typing import Any

import pytest
from openai.types.chat.chat_completion_message import ChatCompletionMessage
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from openai.types.responses.function_tool_param import FunctionToolParam
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from openai.types.responses.response_function_tool_call import ResponseFunctionToolCall
from openai.types.responses.response_output_message import ResponseOutputMessage

from infra.errors import WrongField
from producers.destinations import Policy
from producers.events import Message, PromptSubmitted, ToolCall
from producers.prompts import reading, responses
from producers.prompts.bodies import PromptBody
from producers.prompts.reading import CHAT, RESPONSES, Envelope
from producers.prompts.response_bodies import ResponseBody, ResponseTool
from producers.settings import PromptSettings

SETTINGS = PromptSettings(models=("m",))
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
ASKED: dict[str, Any] = {"model": "m", "input": "Why?"}
CALL = ToolCall("c1", "f", "{}")
OUTPUT: dict[str, Any] = {"type": "output_text", "text": "So.", "annotations": [], "logprobs": None}


def chat(body: dict[str, Any]) -> PromptSubmitted:
    envelope = Envelope(CHAT, "job_1", "acme", "key_1", 1_800_000_000_000.0)
    return reading.read_prompt(json.dumps(body).encode(), envelope, SETTINGS, Policy())[0]


def response(body: dict[str, Any]) -> PromptSubmitted:
    envelope = Envelope(RESPONSES, "job_1", "acme", "key_1", 1_800_000_000_000.0)
    return responses.read(json.dumps(body).encode(), envelope, SETTINGS, Policy())[0]


def a_user(part: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "See:"}, part]}]}


@pytest.mark.parametrize("name", sorted(CompletionCreateParamsBase.__annotations__))
def test_every_parameter_of_a_chat_completion_is_known(name: str) -> None:
    assert name in PromptBody.__struct_fields__


@pytest.mark.parametrize("name", sorted(ResponseCreateParamsBase.__annotations__))
def test_every_parameter_of_a_response_is_known(name: str) -> None:
    assert name in ResponseBody.__struct_fields__


@pytest.mark.parametrize("name", sorted(FunctionToolParam.__annotations__))
def test_every_field_of_a_function_is_known(name: str) -> None:
    assert name in ResponseTool.__struct_encode_fields__


@pytest.mark.parametrize(
    ("change", "param", "why"),
    [
        (a_user({"type": "image_url", "image_url": {"url": "data:"}}), "messages[0].content[1].type", "images are not"),
        (a_user({"type": "input_audio", "input_audio": {}}), "messages[0].content[1].type", "audio is not"),
        (a_user({"type": "file", "file": {"file_id": "x"}}), "messages[0].content[1].type", "files are not"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type", "only function"),
        ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}}, "tool_choice.type", "only function"),
        ({"response_format": {"type": "grammar", "grammar": "x"}}, "response_format.type", "only text, json_object"),
        ({"modalities": ["text", "audio"]}, "modalities", "answers are text"),
        ({"audio": {"voice": "x", "format": "wav"}}, "audio", "answers are text"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction", "anew"),
        ({"web_search_options": {}}, "web_search_options", "searched"),
        ({"reasoning_effort": "high"}, "reasoning_effort", "do not reason"),
        ({"verbosity": "low"}, "verbosity", "say in the prompt"),
        ({"service_tier": "flex"}, "service_tier", "one tier"),
        ({"moderation": {"model": "x"}}, "moderation", "operator"),
        ({"prompt_cache_options": {"mode": "explicit"}}, "prompt_cache_options", "model server"),
        ({"functions": [{"name": "f"}]}, "functions", "send tools"),
        ({"zork": 1}, "zork", "no field that is known"),
    ],
)
def test_what_is_not_served_is_refused_with_the_reason(change: dict[str, Any], param: str, why: str) -> None:
    with pytest.raises(WrongField, match=why) as caught:
        chat(BODY | change)

    assert caught.value.field == param


@pytest.mark.parametrize(
    "change",
    [
        {"safety_identifier": "ann", "prompt_cache_key": "k", "prompt_cache_retention": "24h"},
        {"reasoning_effort": "none", "verbosity": "medium", "modalities": ["text"], "service_tier": "auto"},
        {"prompt_cache_options": {"mode": "implicit", "ttl": None}},
        {"messages": [{"role": "user", "content": [
            {"type": "text", "text": "Why?", "prompt_cache_breakpoint": {"mode": "explicit"}}]}]},
    ],
)  # fmt: skip
def test_what_asks_for_nothing_that_is_not_served_is_taken(change: dict[str, Any]) -> None:
    assert chat(BODY | change).messages == (Message("user", "Why?"),)


@pytest.mark.parametrize("seed", [-1, -(2**63), 2**63 - 1])
def test_a_seed_is_any_that_openai_takes(seed: int) -> None:
    assert chat(BODY | {"seed": seed}).sampling.seed == seed


def test_a_top_p_of_0_is_taken() -> None:
    assert chat(BODY | {"top_p": 0}).sampling.top_p == 0.0


def test_an_answer_that_was_dumped_by_the_sdk_may_be_sent_back() -> None:
    said = ResponseOutputMessage.model_validate(
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [OUTPUT]}
    )
    called = ResponseFunctionToolCall.model_validate(
        {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"}
    )
    result = {"type": "function_call_output", "call_id": "c1", "output": "1"}
    prompt = response(ASKED | {"input": [said.model_dump(), called.model_dump(), result]})
    answer = ChatCompletionMessage(role="assistant", content="So.").model_dump()
    named = called.model_dump(by_alias=True)

    assert prompt.messages[:2] == (Message("assistant", "So."), Message("assistant", "", tool_calls=(CALL,)))
    assert response(ASKED | {"input": [named, result]}).messages[0].tool_calls == (CALL,)
    assert chat(BODY | {"messages": [*BODY["messages"], answer]}).messages[1] == Message("assistant", "So.")


def test_a_choice_among_no_tools_is_nothing_to_a_response_and_wrong_in_a_chat() -> None:
    assert response(ASKED | {"tool_choice": "auto", "tools": []}).tools == ()
    with pytest.raises(WrongField, match="has tools"):
        chat(BODY | {"tool_choice": "auto"})
