"""The body of a response becomes a prompt, or is refused with the name that its field has there."""

import json
from typing import Any

import pytest

from infra.errors import WrongField
from producers.destinations import Policy
from producers.events import AnswerFormat, Choice, Message, PromptSubmitted, ResponseTerms, Sampling, Tool, ToolCall
from producers.prompts import responses
from producers.prompts.reading import RESPONSES, Envelope
from producers.prompts.responses import LOGPROBS, ResponseWish
from producers.settings import PromptSettings
from tests.support.builders import a_completed, a_prompt

SETTINGS = PromptSettings(models=("m",))
BODY: dict[str, Any] = {"model": "m", "input": "Why?"}
TOOL: dict[str, Any] = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
ALLOWED: dict[str, Any] = {"type": "allowed_tools", "tools": [{"type": "function", "name": "f"}]}


def read(body: dict[str, Any]) -> tuple[PromptSubmitted, ResponseWish]:
    envelope = Envelope(RESPONSES, "job_1", "acme", "key_1", 1_800_000_000_000.0)
    return responses.read(json.dumps(body).encode(), envelope, SETTINGS, Policy())


def test_every_field_finds_its_place() -> None:
    prompt, wish = read(
        {
            "model": "m",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "And Rome?"}]},
                {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "23 degrees"},
                {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "dry"}]},
            ],
            "background": True, "stream": True, "store": True, "max_output_tokens": 9, "temperature": 0.5, "top_p": 0.9,
            "top_logprobs": 2, "include": [LOGPROBS], "text": {"format": {"type": "json_object"}}, "tools": [TOOL],
            "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": False, "metadata": {"a": "b"},
            "user": "ann", "reasoning": None, "truncation": "disabled",
        }
    )  # fmt: skip

    assert wish == ResponseWish(stream=True, background=True)
    assert (prompt.instructions, prompt.lane, prompt.metadata) == ("Be brief.", "standard", {"a": "b"})
    assert prompt.messages == (
        Message("user", "And Rome?"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"))),
        Message("tool", "23 degrees", tool_call_id="c1"),
        Message("tool", "dry", tool_call_id="c2"),
    )
    assert prompt.sampling == Sampling(max_tokens=9, temperature=0.5, top_p=0.9, top_logprobs=2)
    assert (prompt.format, prompt.must_call) == (AnswerFormat(), True)
    assert prompt.tools == (Tool("f", None, TOOL["parameters"]),)
    choice = {"type": "function", "name": "f"}
    assert prompt.response == ResponseTerms(background=True, tool_choice=choice, parallel_tool_calls=False)


def test_a_response_that_is_waited_for_is_interactive() -> None:
    assert read(BODY)[0].lane == "interactive"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "text": ""}]}]}, "input[0].content[0].type"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": ""}]}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 6}, "top_logprobs"),
        ({"background": True, "store": False}, "store"),
        ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "previous_response_id"),
        ({"include": ["reasoning.encrypted_content"]}, "include"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "s"}}}, "text.format.schema"),
        ({"text": {"verbosity": "high"}}, "text.verbosity"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0].type"),
        ({"tools": [{**TOOL, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tools": [{**TOOL, "async": True}]}, "tools[0].async"),
        ({"tools": [TOOL], "tool_choice": {"type": "mcp", "server_label": "x"}}, "tool_choice.type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": ""}]}]},
            "input[0].content[0].type",
        ),
        ({"input": [{"type": "reasoning", "summary": []}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": "x", "namespace": "n"}]}, "input[0].namespace"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "name": "no spaces"}]}, "tools[0].name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"reasoning": {"effort": "high"}}, "reasoning"),
        ({"max_tool_calls": 3}, "max_tool_calls"),
        ({"instructions": ""}, "instructions"),
        ({"zork": 1}, "zork"),
        ({"truncation": ""}, "truncation"),
        ({"lane": ""}, "lane"),
        ({"lane": "", "background": True}, "lane"),
        ({"cache": ""}, "cache"),
        ({"tool_choice": ""}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": ""}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {**ALLOWED, "mode": ""}}, "tool_choice.mode"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": ""}}, "tool_choice"),
    ],
)
def test_a_wrong_field_is_named_as_it_is_called_here(change: dict[str, Any], param: str) -> None:
    with pytest.raises(WrongField) as caught:
        read(BODY | change)

    assert caught.value.field == param
    assert "unknown field" not in str(caught.value)


def test_of_the_tools_those_are_kept_that_are_allowed() -> None:
    choice = {**ALLOWED, "mode": "required"}
    prompt, _ = read(BODY | {"tools": [TOOL, {**TOOL, "name": "g"}], "tool_choice": choice})

    assert ([each.name for each in prompt.tools], prompt.must_call) == (["f"], True)
    assert prompt.response is not None
    assert prompt.response.tool_choice == "required"


def test_a_response_may_be_told_what_another_says_of_itself() -> None:
    said = {
        "reasoning": {"effort": None, "summary": None},
        "tool_choice": "auto",
        "tools": [],
        "text": {"format": {"type": "text"}},
    }

    assert read(BODY | said)[0].messages == read(BODY)[0].messages


def test_a_response_goes_on_behind_all_that_the_one_before_was_shown_and_answered() -> None:
    previous = a_completed(
        a_prompt("Why?", instructions="Be brief."), "Scattering.", history=(Message("user", "Hello."),)
    )
    prompt = responses.continued(read(BODY | {"input": "Of what?"})[0], previous, SETTINGS)

    assert [each.content for each in prompt.messages] == ["Hello.", "Why?", "Scattering.", "Of what?"]
    assert prompt.instructions is None


def test_an_output_is_that_of_a_call_which_the_response_before_made() -> None:
    choice = Choice("", finish_reason="tool_calls", tool_calls=(ToolCall("c1", "f", "{}"),))
    previous = a_completed(a_prompt("And Rome?"), "", choices=(choice,))
    output = {"type": "function_call_output", "call_id": "c1", "output": "23 degrees"}
    follows = BODY | {"previous_response_id": "resp_1"}
    prompt = responses.continued(read(follows | {"input": [output]})[0], previous, SETTINGS)

    assert prompt.messages[-1] == Message("tool", "23 degrees", tool_call_id="c1")
    for wrong in ([output, output], [output | {"call_id": "c2"}]):
        with pytest.raises(WrongField) as raised:
            responses.continued(read(follows | {"input": wrong})[0], previous, SETTINGS)
        assert raised.value.field == "input"
