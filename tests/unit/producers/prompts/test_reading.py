"""A body becomes a prompt, or is refused with the name of the field that is wrong."""

import json
from typing import Any

import pytest

from infra.errors import WrongField
from producers.destinations import Policy
from producers.events import Message, PromptSubmitted, Sampling, Webhook
from producers.prompts.reading import CHAT, JOBS, Envelope, Route, Wish, read_prompt
from producers.settings import PromptSettings

SETTINGS = PromptSettings(models=("m",))
POLICY = Policy(trusted=frozenset({"10.0.0.7:9000"}))
BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Why?"}]}
NOW_MS = 1_800_000_000_000.0


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
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "x", "name": "ann"}]}, "messages[0].name"),
        ({"messages": [{"role": "assistant", "content": "x", "tool_calls": [{}]}]}, "messages[0].tool_calls"),
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
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.01}, "top_p"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stop": ""}, "stop"),
        ({"stop": ["x" * 256]}, "stop"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"presence_penalty": 2.5}, "presence_penalty"),
        ({"frequency_penalty": -2.5}, "frequency_penalty"),
        ({"n": 2}, "n"),
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
        ({"deadline": "2030-01-01T00:00:00"}, "deadline"),
        ({"deadline": "0001-01-01T00:00:00Z"}, "deadline"),
        ({"cache": "maybe"}, "cache"),
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
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"store": True}, "store"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"zork": 1}, "zork"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], param: str) -> None:
    wrong = refused(BODY | change)

    assert (wrong.field, wrong.code) == (param, None)
    assert param in str(wrong) or param == "messages"


def test_a_chat_takes_nothing_that_is_for_jobs() -> None:
    assert refused({"model": "m", "input": "Why?"}, CHAT).field == "input"
    assert refused(BODY | {"webhook": {"url": "https://example.com"}}, CHAT).field == "webhook"


def test_a_model_that_is_not_served_is_not_found() -> None:
    wrong = refused(BODY | {"model": "gpt"})

    assert (wrong.code, wrong.field) == ("model_not_found", "model")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"1", b"\xff", b'{"model":"\\ud800"}', b'{"tools":' + b"[" * 9999])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    assert refused(body).field is None


def test_a_webhook_may_go_where_the_operator_says() -> None:
    prompt, _ = read(BODY | {"webhook": {"url": "http://10.0.0.7:9000/"}})

    assert prompt.webhook == Webhook("http://10.0.0.7:9000/")
