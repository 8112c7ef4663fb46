"""A body becomes a prompt, or is refused with the name of the field that is wrong."""

import json
from typing import Any

import pytest

from infra.errors import WrongField
from producers.destinations import Policy
from producers.events import AnswerFormat, Message, PromptSubmitted, Sampling, ToolCall, Webhook
from producers.prompts import bodies
from producers.prompts.reading import CHAT, JOBS, Envelope, Route, Wish, read_prompt
from producers.settings import PromptSettings

SETTINGS = PromptSettings(models=("m",))
POLICY = Policy(trusted=frozenset({"10.0.0.7:9000"}))
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
NOW_MS = 1_800_000_000_000.0

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def a_tool(name: str, **parameters: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def a_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}


def named(name: str) -> dict[str, Any]:
    return {"tool_choice": {"type": "function", "function": {"name": name}}}


def allowed(*names: str, mode: str = "auto") -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": each}} for each in names]
    return {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}}


def nested(depth: int) -> dict[str, Any]:
    return {"type": "array", "items": nested(depth - 1)} if depth else {"type": "string"}


def read(body: Any, route: Route = JOBS, **envelope: Any) -> tuple[PromptSubmitted, Wish]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_prompt(raw, Envelope(route, "job_1", "acme", "key_1", NOW_MS, **envelope), SETTINGS, POLICY)


def refused(body: Any, route: Route = JOBS) -> WrongField:
    with pytest.raises(WrongField) as caught:
        read(body, route)
    return caught.value


def test_every_field_finds_its_place() -> None:
    prompt, wish = read(
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Why "}, {"type": "text", "text": "so?"}]},
                {"role": "assistant", "content": "Because.", "refusal": None, "tool_calls": None, "annotations": []},
            ],
            "max_completion_tokens": 9,
            "temperature": 0,
            "top_p": 1,
            "stop": "\n",
            "seed": 7,
            "presence_penalty": -2,
            "frequency_penalty": 2.0,
            "n": 1,
            "user": "ann",
            "metadata": {"a": "b"},
            "lane": "batch",
            "webhook": {"url": "https://example.com/hook?x=1"},
            "deadline": "2027-01-15T09:00:00+01:00",
            "cache": "bypass",
            "tools": [],
            "logprobs": False,
            "store": None,
        },
        idempotency_key="k",
        traceparent="t",
    )

    assert prompt == PromptSubmitted(
        job_id="job_1", tenant="acme", key_id="key_1", lane="batch", model="m",
        messages=(Message("system", "Be brief."), Message("user", "Why so?"), Message("assistant", "Because.")),
        sampling=Sampling(
            max_tokens=9, temperature=0.0, top_p=1.0, stop=("\n",), seed=7, presence_penalty=-2.0, frequency_penalty=2.0
        ),
        webhook=Webhook("https://example.com/hook?x=1"), deadline_ms=1_800_000_000_000.0, cache="bypass",
        metadata={"a": "b"}, idempotency_key="k", fingerprint=prompt.fingerprint, received_ms=NOW_MS, traceparent="t",
            reserved_tokens=89,
    )  # fmt: skip
    assert wish == Wish()


def test_what_is_left_out_has_a_default_that_fits_the_route() -> None:
    job, _ = read({"model": "m", "input": "Why?"})
    chat, wish = read(BODY | {"stream": True, "stream_options": {"include_usage": True}}, CHAT)

    assert (job.lane, job.messages, job.cache) == ("standard", (Message("user", "Why?"),), "use")
    assert (chat.lane, chat.route) == ("interactive", "/v1/chat/completions")
    assert wish == Wish(stream=True, include_usage=True)


def test_null_is_the_same_as_left_out() -> None:
    nothing = dict.fromkeys(
        ["temperature", "top_p", "stop", "seed", "n", "user", "metadata", "stream", "stream_options", "lane",
         "conversation", "webhook", "deadline", "cache", "tools", "response_format", "input"]
    )  # fmt: skip

    assert read(BODY | nothing)[0].sampling == Sampling()


def test_a_sampled_answer_is_wanted_fresh_unless_the_client_says_otherwise() -> None:
    assert read(BODY | {"temperature": 0.7})[0].cache == "bypass"
    assert read(BODY | {"temperature": 0.7, "cache": "use"})[0].cache == "use"
    assert read(BODY | {"temperature": 0})[0].cache == "use"
    assert read(BODY)[0].cache == "use"


def test_old_turns_are_left_out_where_the_history_is_ours_or_the_client_says_so() -> None:
    turn = BODY | {"conversation": "conv_1"}
    asked = [BODY, turn, BODY | {"truncation": "auto"}, turn | {"truncation": "disabled"}]

    assert [read(each)[0].truncation for each in asked] == ["disabled", "auto", "auto", "disabled"]


@pytest.mark.parametrize(
    ("choice", "offered", "must_call"),
    [
        ({}, ("f", "g"), False),
        ({"tool_choice": "auto"}, ("f", "g"), False),
        ({"tool_choice": "none"}, (), False),
        ({"tool_choice": "required"}, ("f", "g"), True),
        (named("g"), ("g",), True),
        (allowed("g"), ("g",), False),
        (allowed("g", "f", mode="required"), ("f", "g"), True),
    ],
)
def test_the_tools_that_may_be_called_follow_from_the_choice(
    choice: dict[str, Any], offered: tuple[str, ...], must_call: bool
) -> None:
    prompt, _ = read(BODY | {"tools": [a_tool("f"), a_tool("g")], **choice})

    assert (tuple(each.name for each in prompt.tools), prompt.must_call) == (offered, must_call)


def test_a_call_and_its_result_come_back_as_messages() -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [CALL]}, result]

    assert read(BODY | {"messages": messages})[0].messages[1:] == (
        Message("assistant", "", tool_calls=(ToolCall("call_1", "f", "{}"),)),
        Message("tool", "sunny", tool_call_id="call_1"),
    )


def test_the_result_of_a_call_may_be_the_next_turn_of_its_conversation() -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}

    assert read({"model": "m", "messages": [result], "conversation": "conv_1"})[0].messages[0].role == "tool"


@pytest.mark.parametrize(
    ("asked", "format"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, AnswerFormat()),
        (
            a_format({"properties": {"a": {}}})["response_format"],
            AnswerFormat({"properties": {"a": {}}}, "s"),
        ),
    ],
)
def test_what_the_answer_must_be_is_read(asked: dict[str, Any], format: AnswerFormat | None) -> None:
    assert read(BODY | {"response_format": asked})[0].format == format


def test_several_answers_and_log_probabilities_may_be_asked_for() -> None:
    assert read(BODY | {"n": 3, "logprobs": True})[0].sampling == Sampling(n=3, top_logprobs=0)
    assert read(BODY | {"logprobs": True, "top_logprobs": 5})[0].sampling == Sampling(top_logprobs=5)


def test_the_fingerprint_is_of_what_was_said_not_of_how_it_was_written() -> None:
    one = read(b'{"model": "m", "input": "Why?", "seed": 1}')[0].fingerprint
    same = read(b'{"seed":1,\n"input":"Wh\\u0079?","model":"m"}')[0].fingerprint
    other = read(b'{"model": "m", "input": "Why?", "seed": 2}')[0].fingerprint

    assert one == same != other


def test_the_nearer_of_two_deadlines_counts() -> None:
    assert read(BODY | {"deadline": 60}, cancel_after_s=30.0)[0].deadline_ms == NOW_MS + 30_000
    assert read(BODY | {"deadline": 1.5}, cancel_after_s=30.0)[0].deadline_ms == NOW_MS + 1_500


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": 3}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": "Why?"}, "messages"),
        ({"input": "twice"}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"content": "Why?"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "name": ""}]}, "messages[0].name"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "call_9"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": "x", "tool_call_id": "c"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "content": "x", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].id"),
        ({"messages": [{"role": "user", "content": "x", "tool_calls": [CALL]}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "function_call": {}, "content": "x"}]}, "messages[0].function_call"),
        ({"messages": [{"role": "user", "content": [{"type": "audio", "text": ""}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 4097}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": -0.1}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": ["x" * 256]}, "stop"),
        ({"seed": -(2**63) - 1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"user": ""}, "user"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {"k" * 65: ""}}, "metadata"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"stream": True}, "stream"),
        ({"stream_options": {}}, "stream_options"),
        ({"lane": "express"}, "lane"),
        ({"conversation": ""}, "conversation"),
        ({"deadline": 0}, "deadline"),
        ({"deadline": -5}, "deadline"),
        ({"deadline": 1e9}, "deadline"),
        ({"deadline": "tomorrow"}, "deadline"),
        ({"deadline": "2027-01-15T07:59:59Z"}, "deadline"),
        ({"deadline": "2027-02-14T08:00:01Z"}, "deadline"),
        ({"deadline": "2030-01-01T00:00:00"}, "deadline"),
        ({"deadline": "0001-01-01T00:00:00Z"}, "deadline"),
        ({"cache": "maybe"}, "cache"),
        ({"truncation": "some"}, "truncation"),
        ({"cache": "only", "conversation": "conv_1"}, "cache"),
        ({"webhook": {"url": "ftp://example.com"}}, "webhook.url"),
        ({"webhook": {"url": "https://"}}, "webhook.url"),
        ({"webhook": {"url": "https://ann:pw@example.com"}}, "webhook.url"),
        ({"webhook": {"url": "https://example.com:99999"}}, "webhook.url"),
        ({"webhook": {"url": "https://exa mple.com"}}, "webhook.url"),
        ({"webhook": {"url": "https://[::1"}}, "webhook.url"),
        ({"webhook": {"url": "https://example.com/" + "x" * 2048}}, "webhook.url"),
        ({"webhook": {"url": "http://example.com"}}, "webhook.url"),
        ({"webhook": {"url": "https://127.0.0.1/hook"}}, "webhook.url"),
        ({"webhook": {"url": "https://169.254.169.254/"}}, "webhook.url"),
        ({"webhook": {"url": "https://[::ffff:10.0.0.1]/"}}, "webhook.url"),
        ({"webhook": {"url": "https://10.0.0.7:9001/"}}, "webhook.url"),
        ({"webhook": {}}, "webhook.url"),
        ({"webhook": "https://example.com"}, "webhook"),
        ({"logprobs": 1}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 6}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
        (a_format({"type": "array", "items": {}}), "response_format.json_schema.schema"),
        (a_format({"properties": {"a": {"type": "string", "pattern": "("}}}), "response_format.json_schema.schema"),
        (a_format({"properties": {"a": nested(60)}}), "response_format"),
        (a_format({"properties": {"a": {"default": [[[]] * 30] * 600}}}), None),
        ({"logit_bias": json.loads("[" * 64 + "]" * 64)}, "logit_bias"),
        (a_format({"properties": {"a": {"const": "x" * 131_072}}}), "response_format.json_schema.schema"),
        (a_format({"properties": {"a": {"$ref": ["x"]}}}), "response_format.json_schema.schema"),
        ({"messages": [{"role": "user", "content": ""}] * 2049}, "messages"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "web_search", "function": {"name": "f"}}]}, "tools[0].type"),
        ({"tools": [a_tool("no spaces")]}, "tools[0].function.name"),
        ({"tools": [a_tool("f", type="string")]}, "tools[0].function.parameters"),
        ({"tools": [a_tool("f", properties={"a": {"pattern": "["}})]}, "tools[0].function.parameters"),
        ({"tools": [a_tool("f"), a_tool("f")]}, "tools"),
        ({"tools": [a_tool(f"f{n}") for n in range(129)]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "auto"}, "tool_choice"),
        (allowed("g") | {"tools": [a_tool("f")]}, "tool_choice.allowed_tools.tools"),
        (allowed("f", mode="some") | {"tools": [a_tool("f")]}, "tool_choice.allowed_tools.mode"),
        ({"tool_choice": "maybe", "tools": [a_tool("f")]}, "tool_choice"),
        (named("g") | {"tools": [a_tool("f")]}, "tool_choice"),
        ({"store": 1}, "store"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"zork": 1}, "zork"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], param: str | None) -> None:
    wrong = refused(BODY | change)

    assert (wrong.field, wrong.code) == (param, None)
    assert param is None or param in str(wrong) or param == "messages"


def test_a_chat_takes_nothing_that_is_for_jobs() -> None:
    assert refused({"model": "m", "input": "Why?"}, CHAT).field == "input"
    assert refused(BODY | {"webhook": {"url": "https://example.com"}}, CHAT).field == "webhook"


def test_a_model_that_is_not_served_is_not_found() -> None:
    wrong = refused(BODY | {"model": "gpt"})

    assert (wrong.code, wrong.field) == ("model_not_found", "model")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"1", b"\xff", b'{"model":"\\ud800"}', b"[" * 9999])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(body).field is None


@pytest.mark.parametrize("half", [rb"\ud83d", rb"\ud83d\u0041", rb"\uDBFF."])
def test_half_a_surrogate_pair_is_called_so(half: bytes) -> None:
    with pytest.raises(WrongField, match="half of a surrogate pair"):
        bodies.read(bodies.PromptBody, b'{"model": "' + half + b'"}')


def test_a_webhook_may_go_where_the_operator_says() -> None:
    prompt, _ = read(BODY | {"webhook": {"url": "http://10.0.0.7:9000/"}})

    assert prompt.webhook == Webhook("http://10.0.0.7:9000/")
