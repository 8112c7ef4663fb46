"""From the prompt of a dead letter to a body that can be edited, and to the prompt of a redrive. Pure."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from infra.errors import TooLarge, WrongField
from infra.ids import derived_id
from infra.telemetry import trace
from producers.access.keys import is_tenant
from producers.access.registry import Registry
from producers.destinations import Policy
from producers.events import Message, PromptSubmitted, Tool
from producers.letters.letter import Letter
from producers.prompts import bounds, reading
from producers.prompts.reading import MODEL_NOT_FOUND, Envelope
from producers.settings import PromptSettings


@dataclass(frozen=True)
class Rules:
    """What a prompt is held to."""

    prompts: PromptSettings
    webhooks: Policy
    registry: Registry


@dataclass(frozen=True)
class Edited:
    """A prompt in the place of a letter's own: a body as of `POST /v1/jobs`, and whose it is where no one else says."""

    body: bytes
    tenant: str | None = None
    key_id: str | None = None


@dataclass(frozen=True)
class Refused:
    """The letter is as it was; why."""

    code: str
    message: str


NOT_A_PROMPT: Final = Refused(
    "not_a_prompt", "This is no prompt's letter: there is nothing to be asked again, it can only be discarded."
)
NO_PROMPT: Final = Refused(
    "no_prompt", "The prompt of this letter cannot be read: redrive it with an edited prompt, or discard it."
)
OF_CONVERSATION: Final = Refused(
    "turn_of_conversation",
    "This prompt is a turn of a conversation, which has gone on without it: out of its order it would be another "
    "question. Redrive it with an edited prompt that says all it needs (it runs outside of the conversation), or have "
    "its client say it anew.",
)


def new_job_id(letter: Letter, number: int) -> str:
    """The job of a letter's redrive: always the same one."""
    return derived_id("job", f"redrive {number} of {letter.id}")


def as_it_was(prompt: PromptSubmitted, job_id: str, now_ms: float, rules: Rules) -> PromptSubmitted | Refused:
    """The same prompt as a new job: received now, with as long until its deadline as it had, and known by no key.

    Raises:
        WrongField: its model is not served any more, or not to its key.
    """
    if prompt.conversation is not None:
        return OF_CONVERSATION
    if (refused := _refused_by_key(prompt, rules)) is not None:
        return refused
    if prompt.model not in rules.prompts.models:
        raise _no_model(prompt.model)
    left_ms = None if prompt.deadline_ms is None else prompt.deadline_ms - prompt.received_ms
    return msgspec.structs.replace(
        prompt,
        job_id=job_id,
        received_ms=now_ms,
        deadline_ms=None if left_ms is None else now_ms + left_ms,
        idempotency_key=None,
        traceparent=trace.child_of(prompt.traceparent),
    )


def as_edited(
    given: Edited, letter: Letter, before: PromptSubmitted | None, job_id: str, now_ms: float, by: str, rules: Rules
) -> PromptSubmitted | Refused:
    """An edited prompt as a new job of the same tenant and key, read and bounded as a submit is.

    Raises:
        WrongField: names what is wrong in it.
        TooLarge: it is larger than a gateway takes.
    """
    if len(given.body) > rules.prompts.body_limit_bytes:
        raise TooLarge(f"the prompt has {len(given.body)} bytes; {rules.prompts.body_limit_bytes} is the most")
    key_id = _key_of(given, before)
    envelope = Envelope(
        route=reading.JOBS,
        job_id=job_id,
        tenant=_tenant_of(given, letter),
        key_id=key_id or f"operator:{by}",
        received_ms=now_ms,
        traceparent=trace.child_of(None if before is None else before.traceparent),
    )
    prompt, _ = reading.read_prompt(given.body, envelope, rules.prompts, rules.webhooks)
    if prompt.conversation is not None:
        raise WrongField("conversation: a redriven prompt runs outside of conversations.", "conversation")
    if prompt.cache == "only":
        raise WrongField("cache: a redriven prompt cannot be asked of the cache only.", "cache")
    if prompt.webhook is not None and key_id is None:
        raise WrongField("webhook: give the key_id of the API key whose secret is to sign it.", "key_id")
    return _refused_by_key(prompt, rules) or prompt


def body_of(prompt: PromptSubmitted) -> dict[str, Any]:
    """The prompt as the body of a submit that asks the same, outside of its conversation."""
    sampling, before = prompt.sampling, prompt.deadline_ms
    told: dict[str, Any] = {
        "model": prompt.model,
        "messages": [*_instructions(prompt), *map(_message, prompt.messages)],
        "lane": prompt.lane,
        "max_completion_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "n": sampling.n if sampling.n > 1 else None,
        "logprobs": None if sampling.top_logprobs is None else True,
        "top_logprobs": sampling.top_logprobs or None,
        "response_format": _format(prompt),
        "tools": [_tool(each) for each in prompt.tools] or None,
        "tool_choice": "required" if prompt.must_call else None,
        "truncation": prompt.truncation,
        "webhook": None if prompt.webhook is None else {"url": prompt.webhook.url},
        "deadline": None if before is None else max(1.0, (before - prompt.received_ms) / 1000),
        "cache": prompt.cache,
        "metadata": prompt.metadata or None,
        "store": prompt.store or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _instructions(prompt: PromptSubmitted) -> list[dict[str, Any]]:
    return [] if prompt.instructions is None else [{"role": "system", "content": prompt.instructions}]


def _message(message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name is not None:
        told["name"] = message.name
    if message.tool_calls:
        told["tool_calls"] = [
            {"id": each.id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
            for each in message.tool_calls
        ]
    if message.tool_call_id is not None:
        told["tool_call_id"] = message.tool_call_id
    return told


def _tool(tool: Tool) -> dict[str, Any]:
    about = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": {name: value for name, value in about.items() if value is not None}}


def _format(prompt: PromptSubmitted) -> dict[str, Any] | None:
    wanted = prompt.format
    if wanted is None:
        return None
    if wanted.schema is None:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": wanted.name or "answer", "schema": wanted.schema}}


def _tenant_of(given: Edited, letter: Letter) -> str:
    if letter.tenant is not None and given.tenant not in (None, letter.tenant):
        raise WrongField("tenant: the prompt stays its tenant's.", "tenant")
    tenant = letter.tenant or given.tenant
    if tenant is None:
        raise WrongField("tenant: the letter does not tell whose prompt it was; name its tenant.", "tenant")
    if not is_tenant(tenant):
        raise WrongField("tenant must have 1 to 64 letters, digits, '.', '_' or '-'.", "tenant")
    return tenant


def _key_of(given: Edited, before: PromptSubmitted | None) -> str | None:
    if before is not None and given.key_id not in (None, before.key_id):
        raise WrongField("key_id: the prompt stays its key's.", "key_id")
    return bounds.short("key_id", given.key_id if before is None else before.key_id)


def _refused_by_key(prompt: PromptSubmitted, rules: Rules) -> Refused | None:
    """Why the prompt's key speaks against it; one that the registry does not know is a trusted service's own name.

    Raises:
        WrongField: the model is none of the key's, or the key none of the tenant's.
    """
    if prompt.key_id in rules.registry.revoked:
        return Refused("revoked", "The key of this prompt was revoked: nothing is done in its name any more.")
    key = rules.registry.by_id(prompt.key_id)
    if key is not None and key.tenant != prompt.tenant:
        raise WrongField("key_id: this key is another tenant's.", "key_id")
    if key is not None and key.models and prompt.model not in key.models:
        raise _no_model(prompt.model)
    return None


def _no_model(model: str) -> WrongField:
    message = f"The model {model[:100]!r} does not exist or is not served here."
    return WrongField(message, "model", code=MODEL_NOT_FOUND)
