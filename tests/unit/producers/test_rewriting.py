"""The prompt of a dead letter as a body that can be edited: nothing that was asked is lost on the way."""

from typing import Any

import msgspec
import pytest

from infra.errors import WrongField
from producers.access.registry import Registry
from producers.destinations import Policy
from producers.events import (
    AnswerFormat,
    Buried,
    Message,
    PromptSubmitted,
    Sampling,
    Tool,
    ToolCall,
    Webhook,
)
from producers.letters.letter import Letter
from producers.letters.rewriting import Edited, Rules, as_edited, as_it_was, body_of, new_job_id
from producers.log.dead_letters import id_of
from producers.settings import PromptSettings
from tests.support.builders import a_prompt

RULES = Rules(PromptSettings(models=("smollm2",)), Policy(), Registry())
SCHEMA: dict[str, Any] = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False,
}  # fmt: skip
WEATHER = Tool("weather", "tells the weather", SCHEMA)


def a_letter(prompt: PromptSubmitted) -> Letter:
    buried = Buried(
        job_id=prompt.job_id, reason="exhausted", error="", origin_topic="prompts.standard", origin_partition=0,
        origin_offset=1,
    )  # fmt: skip
    return Letter(id_of(buried), buried, "dead", 0.0, tenant=prompt.tenant, model=prompt.model)


def again(prompt: PromptSubmitted, body: dict[str, Any]) -> PromptSubmitted:
    """What comes of the body of a prompt that is handed in as it was shown."""
    letter = a_letter(prompt)
    given = Edited(msgspec.json.encode(body))
    made = as_edited(given, letter, prompt, new_job_id(letter, 1), prompt.received_ms, "me", RULES)
    assert isinstance(made, PromptSubmitted), made
    return made


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": (Message("system", "Be brief."), Message("user", "Why?", name="ann"))},
        {
            "sampling": Sampling(
                max_tokens=9, temperature=0.5, top_p=0.9, stop=("a", "b"), seed=-1, frequency_penalty=1.0,
                presence_penalty=-1.0, n=2, top_logprobs=3,
            ),
            "cache": "bypass",
        },
        {"sampling": Sampling(top_logprobs=0)},
        {"format": AnswerFormat()},
        {"format": AnswerFormat(SCHEMA, "place")},
        {"tools": (WEATHER,), "must_call": True},
        {
            "messages": (
                Message("user", "Rain?"),
                Message("assistant", "", tool_calls=(ToolCall("call_1", "weather", '{"city":"Bern"}'),)),
                Message("tool", "dry", tool_call_id="call_1"),
            ),
            "tools": (WEATHER,),
        },
        {"lane": "batch", "truncation": "auto", "store": True, "metadata": {"a": "b"}},
        {"webhook": Webhook("https://example.com/hook"), "received_ms": 1000.0, "deadline_ms": 61_000.0},
    ],
)  # fmt: skip
def test_a_body_that_is_handed_in_as_it_is_shown_asks_the_same(fields: dict[str, Any]) -> None:
    prompt = a_prompt(**fields)

    made = again(prompt, body_of(prompt))

    apart = {"job_id": made.job_id, "fingerprint": made.fingerprint, "traceparent": made.traceparent}
    assert msgspec.structs.replace(prompt, **apart, reserved_tokens=made.reserved_tokens) == made


def test_instructions_become_the_first_message_and_a_conversation_is_left() -> None:
    prompt = a_prompt(instructions="Be brief.", conversation="conv_1", route="/v1/responses")

    made = again(prompt, body_of(prompt))

    assert made.messages == (Message("system", "Be brief."), *prompt.messages)
    assert (made.conversation, made.route) == (None, "/v1/jobs")


def test_a_redrive_waits_as_long_for_its_deadline_as_the_old_job_did() -> None:
    prompt = a_prompt(received_ms=1000.0, deadline_ms=61_000.0, idempotency_key="k")

    made = as_it_was(prompt, "job_new", 500_000.0, RULES)

    assert isinstance(made, PromptSubmitted)
    assert (made.received_ms, made.deadline_ms, made.idempotency_key) == (500_000.0, 560_000.0, None)


def test_the_job_of_a_redrive_follows_from_letter_and_number() -> None:
    letter, other = a_letter(a_prompt()), a_letter(a_prompt())

    ids = {new_job_id(letter, 1), new_job_id(letter, 2), new_job_id(other, 1)}

    assert len(ids) == 3
    assert new_job_id(letter, 1) == new_job_id(letter, 1)


def test_a_prompt_of_nobody_needs_a_tenant_and_a_webhook_a_key() -> None:
    prompt = a_prompt()
    letter = Letter("letter_x", a_letter(prompt).buried, "dead", 0.0)
    body = {"model": "smollm2", "input": "Why?"}
    signed = {**body, "webhook": {"url": "https://example.com/hook"}}

    with pytest.raises(WrongField, match="name its tenant"):
        as_edited(Edited(msgspec.json.encode(body)), letter, None, "job_new", 0.0, "me", RULES)
    with pytest.raises(WrongField, match="whose secret is to sign it"):
        as_edited(Edited(msgspec.json.encode(signed), "acme"), letter, None, "job_new", 0.0, "me", RULES)
    made = as_edited(Edited(msgspec.json.encode(body), "acme"), letter, None, "job_new", 0.0, "me", RULES)
    assert isinstance(made, PromptSubmitted)
    assert (made.tenant, made.key_id) == ("acme", "operator:me")
