"""Body to PromptSubmitted: what may be asked where, and what it means. Pure."""

from dataclasses import dataclass
from typing import Literal, cast, get_args

import msgspec

from infra.errors import TooLarge, WrongField
from producers.destinations import Policy
from producers.events import LANES, CacheUse, Lane, Message, PromptSubmitted, Sampling, Truncation, Webhook
from producers.idempotency import naming
from producers.limits import spending
from producers.log import codec
from producers.prompts import bounds, kinds, schemas, tools, unserved, weighing
from producers.prompts.bodies import MessageBody, PromptBody
from producers.settings import PromptSettings

Route = Literal["/v1/jobs", "/v1/chat/completions", "/v1/responses"]
JOBS: Route = "/v1/jobs"
CHAT: Route = "/v1/chat/completions"
RESPONSES: Route = "/v1/responses"

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
MOST_STOPS, LONGEST_STOP = 4, 255
MOST_CHOICES = 8
"""They are drawn one after the other by one worker: more of them are more jobs."""
MOST_TOP_LOGPROBS = 5
"""What TGI tells at most; OpenAI's limit is 20."""
LEAST_SEED, MOST_SEED = -(2**63), 2**63 - 1
"""TGI's are unsigned: a negative one is passed on as 2^64 more, so that each is another there, too."""
LONGEST_DEADLINE_S = 30 * 86_400.0
MODEL_NOT_FOUND = "model_not_found"
LARGEST_BYTES = 3 * 1024 * 1024
"""Of a prompt's record: its ending holds the prompt whole, and an answer beside it, in a record of 4 MiB."""


@dataclass(frozen=True)
class Envelope:
    """What surrounds a body: where it came in, from whom, when, and what its headers say."""

    route: Route
    job_id: str
    tenant: str
    key_id: str
    received_ms: float
    traceparent: str | None = None
    idempotency_key: str | None = None
    cancel_after_s: float | None = None


@dataclass(frozen=True)
class Wish:
    """How the answer is wanted; the prompt itself does not depend on it."""

    stream: bool = False
    include_usage: bool = False


def read_prompt(
    body: bytes, envelope: Envelope, settings: PromptSettings, policy: Policy
) -> tuple[PromptSubmitted, Wish]:
    """The prompt that a body asks to answer.

    Raises:
        WrongField: names it; its code is `model_not_found` for a model that is not served.
        TooLarge: its record would leave no room for an answer beside it.
    """
    asked = kinds.read(PromptBody, body, kinds.IN_CHAT)
    _refuse_elsewhere(asked, envelope.route)
    options = asked.stream_options
    wish = Wish(bool(asked.stream), bool(options and options.include_usage))
    return prompt_of(asked, body, envelope, settings, policy), wish


def prompt_of(
    asked: PromptBody,
    body: bytes,
    envelope: Envelope,
    settings: PromptSettings,
    policy: Policy,
    messages: tuple[Message, ...] | None = None,
    *,
    follows: bool = False,
) -> PromptSubmitted:
    """The prompt that was asked for in these bytes, maybe with its messages read already.

    `follows` says that it goes on from others that are not in it.

    Raises:
        WrongField: names it; its code is `model_not_found` for a model that is not served.
        TooLarge: its record would leave no room for an answer beside it.
    """
    unserved.refuse(asked)
    bounds.short("user", asked.user)
    bounds.short("safety_identifier", asked.safety_identifier)
    bounds.short("prompt_cache_key", asked.prompt_cache_key)
    if asked.model not in settings.models:
        message = f"The model {asked.model[:100]!r} does not exist or is not served here."
        raise WrongField(message, "model", code=MODEL_NOT_FOUND)
    messages = _messages(asked) if messages is None else messages
    weighing.refuse_too_large(schemas.of_body(asked))
    tools.check_results(messages, follows=follows or asked.conversation is not None)
    offered, must_call = tools.offered(asked, settings.grammars)
    prompt = PromptSubmitted(
        job_id=envelope.job_id,
        tenant=envelope.tenant,
        key_id=envelope.key_id,
        lane=_lane(asked.lane, envelope.route),
        model=asked.model,
        messages=messages,
        sampling=_sampling(asked, settings),
        format=schemas.answer_format(asked, settings.grammars),
        tools=offered,
        must_call=must_call,
        route=envelope.route,
        store=bool(asked.store),
        conversation=bounds.short("conversation", asked.conversation),
        replaces=bounds.short("replaces", asked.replaces),
        truncation=_truncation(asked),
        webhook=None if asked.webhook is None else Webhook(bounds.webhook_url(asked.webhook.url, policy)),
        deadline_ms=_deadline_ms(asked.deadline, envelope),
        cache=_cache(asked),
        metadata=bounds.pairs(asked.metadata),
        idempotency_key=envelope.idempotency_key,
        fingerprint=naming.fingerprint(body),
        received_ms=envelope.received_ms,
        traceparent=envelope.traceparent,
    )
    return weighed(prompt, settings)


def weighed(prompt: PromptSubmitted, settings: PromptSettings) -> PromptSubmitted:
    """The prompt with what is to be held back for it.

    Raises:
        TooLarge: its record would leave no room for an answer beside it.
    """
    size_bytes = len(codec.encode(prompt))
    if size_bytes > LARGEST_BYTES:
        raise TooLarge(f"the prompt has {size_bytes} bytes; {LARGEST_BYTES} is the most")
    tokens = spending.reserved(prompt, settings.max_answer_tokens, settings.template_tokens)
    return msgspec.structs.replace(prompt, reserved_tokens=tokens)


def _refuse_elsewhere(asked: PromptBody, route: Route) -> None:
    if asked.stream_options is not None and not asked.stream:
        raise WrongField("stream_options is for stream: true only.", "stream_options")
    if route == JOBS and asked.stream:
        raise WrongField("A job is not streamed by its submit: read its `events` URL.", "stream")
    if route == CHAT and asked.input is not None:
        raise WrongField("input is for /v1/jobs; send messages.", "input")
    if route == CHAT and asked.webhook is not None:
        raise WrongField("webhook is for /v1/jobs.", "webhook")
    if asked.replaces is not None and asked.conversation is None:
        raise WrongField("replaces is for a turn of a conversation: name that too.", "replaces")
    if asked.cache == "only" and asked.conversation is not None:
        raise WrongField("cache: a turn of a conversation cannot be asked of the cache only.", "cache")


def _messages(asked: PromptBody) -> tuple[Message, ...]:
    if (asked.messages is None) == (asked.input is None):
        raise WrongField("Give messages, or input as short for one user message.", "messages")
    if asked.input is not None:
        return (Message("user", asked.input),)
    if not asked.messages:
        raise WrongField("messages is empty.", "messages")
    weighing.refuse_too_many("messages", asked.messages, weighing.MOST_MESSAGES)
    return tuple(_message(f"messages[{at}]", each) for at, each in enumerate(asked.messages))


def _message(where: str, message: MessageBody) -> Message:
    role = ROLES.get(message.role)
    if role is None:
        raise WrongField(f"{where}.role must be one of {', '.join(ROLES)}.", f"{where}.role")
    unserved.refuse_in_message(where, message)
    calls, name = tools.calls(where, message), bounds.short(f"{where}.name", message.name)
    return Message(role, _content(where, message), name, calls, message.tool_call_id)


def _content(where: str, message: MessageBody) -> str:
    match message.content:
        case str(text):
            return text
        case list(parts) if parts:
            if any(part.type != "text" for part in parts):
                at = next(at for at, part in enumerate(parts) if part.type != "text")
                place = f"{where}.content[{at}].type"
                raise WrongField(f"{place}: only text is understood here.", place)
            return "".join([part.text for part in parts])
        case None if message.tool_calls:
            return ""
        case _:
            raise WrongField(f"{where}.content must be a text or a list of text parts.", f"{where}.content")


def _sampling(asked: PromptBody, settings: PromptSettings) -> Sampling:
    short, long = asked.max_tokens, asked.max_completion_tokens
    if short is not None and long is not None and short != long:
        raise WrongField("max_tokens and max_completion_tokens contradict each other.", "max_tokens")
    most = settings.max_answer_tokens
    return Sampling(
        max_tokens=bounds.within("max_completion_tokens", long, 1, most) or bounds.within("max_tokens", short, 1, most),
        temperature=bounds.within("temperature", asked.temperature, 0.0, 2.0),
        top_p=bounds.within("top_p", asked.top_p, 0.0, 1.0),
        stop=_stops(asked.stop),
        seed=bounds.within("seed", asked.seed, LEAST_SEED, MOST_SEED),
        frequency_penalty=bounds.within("frequency_penalty", asked.frequency_penalty, -2.0, 2.0),
        presence_penalty=bounds.within("presence_penalty", asked.presence_penalty, -2.0, 2.0),
        n=bounds.within("n", asked.n, 1, MOST_CHOICES) or 1,
        top_logprobs=_top_logprobs(asked),
    )


def _top_logprobs(asked: PromptBody) -> int | None:
    most = bounds.within("top_logprobs", asked.top_logprobs, 0, MOST_TOP_LOGPROBS)
    if most and not asked.logprobs:
        raise WrongField("top_logprobs is for logprobs: true only.", "top_logprobs")
    return (most or 0) if asked.logprobs else None


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    found = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(found) > MOST_STOPS:
        raise WrongField(f"stop may hold {MOST_STOPS} texts.", "stop")
    if any(not 0 < len(each) <= LONGEST_STOP for each in found):
        raise WrongField(f"stop: each text must have 1 to {LONGEST_STOP} characters.", "stop")
    return found


def _lane(lane: str | None, route: Route) -> Lane:
    if lane is None:
        return "interactive" if route == CHAT else "standard"
    if lane not in LANES:
        raise WrongField(f"lane must be one of {', '.join(LANES)}.", "lane")
    return lane


def _truncation(asked: PromptBody) -> Truncation:
    if asked.truncation is None:
        # Whoever leaves the history to us cannot make it shorter; whoever sends it whole can.
        return "disabled" if asked.conversation is None else "auto"
    if asked.truncation not in get_args(Truncation):
        raise WrongField(f"truncation must be one of {', '.join(get_args(Truncation))}.", "truncation")
    return cast("Truncation", asked.truncation)


def _cache(asked: PromptBody) -> CacheUse:
    if asked.cache is None:
        # A sampled answer is wanted fresh, unless the client says otherwise.
        return "bypass" if asked.temperature else "use"
    if asked.cache not in get_args(CacheUse):
        raise WrongField(f"cache must be one of {', '.join(get_args(CacheUse))}.", "cache")
    return cast("CacheUse", asked.cache)


def _deadline_ms(deadline: str | float | None, envelope: Envelope) -> float | None:
    given = [] if envelope.cancel_after_s is None else [envelope.received_ms + envelope.cancel_after_s * 1000]
    match deadline:
        case None:
            pass
        case str():
            given.append(_within_reach_ms(bounds.instant_ms(deadline), envelope))
        case _:
            if not 0.0 < deadline <= LONGEST_DEADLINE_S:
                raise WrongField(f"deadline: seconds must be above 0 and at most {LONGEST_DEADLINE_S:.0f}.", "deadline")
            given.append(envelope.received_ms + deadline * 1000)
    return min(given) if given else None


def _within_reach_ms(at_ms: float, envelope: Envelope) -> float:
    if at_ms > envelope.received_ms + LONGEST_DEADLINE_S * 1000:
        raise WrongField(f"deadline may be {LONGEST_DEADLINE_S:.0f} seconds from now at most.", "deadline")
    # What is asked again under its key was in time once, and is still the same job.
    if at_ms <= envelope.received_ms and envelope.idempotency_key is None:
        raise WrongField("deadline has passed.", "deadline")
    return at_ms
