"""Body to PromptSubmitted: what may be asked where, and what it means. Pure."""

import hashlib
from dataclasses import dataclass
from typing import Literal, cast, get_args

from infra.errors import WrongField
from producers.destinations import Policy
from producers.events import LANES, CacheUse, Lane, Message, PromptSubmitted, Sampling, Webhook
from producers.prompts import bodies, bounds, unserved
from producers.prompts.bodies import MessageBody, PromptBody, TextPart
from producers.settings import PromptSettings

Route = Literal["/v1/jobs", "/v1/chat/completions"]
JOBS: Route = "/v1/jobs"
CHAT: Route = "/v1/chat/completions"

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MOST_STOPS, LONGEST_STOP = 4, 255
LONGEST_DEADLINE_S = 30 * 86_400.0
MODEL_NOT_FOUND = "model_not_found"


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
    """
    asked = bodies.read(PromptBody, body)
    unserved.refuse(asked)
    bounds.short("user", asked.user)
    _refuse_elsewhere(asked, envelope.route)
    if asked.model not in settings.models:
        message = f"The model {asked.model[:100]!r} does not exist or is not served here."
        raise WrongField(message, "model", code=MODEL_NOT_FOUND)
    prompt = PromptSubmitted(
        job_id=envelope.job_id,
        tenant=envelope.tenant,
        key_id=envelope.key_id,
        lane=_lane(asked.lane, envelope.route),
        model=asked.model,
        messages=_messages(asked),
        sampling=_sampling(asked, settings),
        route=envelope.route,
        conversation=bounds.short("conversation", asked.conversation),
        replaces=bounds.short("replaces", asked.replaces),
        webhook=None if asked.webhook is None else Webhook(bounds.webhook_url(asked.webhook.url, policy)),
        deadline_ms=_deadline_ms(asked.deadline, envelope),
        cache=_cache(asked),
        metadata=bounds.pairs(asked.metadata),
        idempotency_key=envelope.idempotency_key,
        fingerprint=hashlib.sha256(bodies.canonical(body)).hexdigest(),
        received_ms=envelope.received_ms,
        traceparent=envelope.traceparent,
    )
    options = asked.stream_options
    return prompt, Wish(bool(asked.stream), bool(options and options.include_usage))


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
    return tuple(_message(f"messages[{at}]", each) for at, each in enumerate(asked.messages))


def _message(where: str, message: MessageBody) -> Message:
    role = ROLES.get(message.role)
    if role is None:
        raise WrongField(f"{where}.role must be one of {', '.join(ROLES)}.", f"{where}.role")
    unserved.refuse_in_message(where, message)
    match message.content:
        case str(text):
            return Message(role, text)
        case list(parts) if parts:
            return Message(role, "".join(_text(f"{where}.content[{at}]", part) for at, part in enumerate(parts)))
        case _:
            raise WrongField(f"{where}.content must be a text or a list of text parts.", f"{where}.content")


def _text(where: str, part: TextPart) -> str:
    if part.type != "text":
        raise WrongField(f"{where}.type: only text is understood here.", f"{where}.type")
    return part.text


def _sampling(asked: PromptBody, settings: PromptSettings) -> Sampling:
    short, long = asked.max_tokens, asked.max_completion_tokens
    if short is not None and long is not None and short != long:
        raise WrongField("max_tokens and max_completion_tokens contradict each other.", "max_tokens")
    most = settings.max_answer_tokens
    return Sampling(
        max_tokens=bounds.within("max_completion_tokens", long, 1, most) or bounds.within("max_tokens", short, 1, most),
        temperature=bounds.within("temperature", asked.temperature, 0.0, 2.0),
        top_p=bounds.above_zero("top_p", asked.top_p, 1.0),
        stop=_stops(asked.stop),
        seed=bounds.within("seed", asked.seed, 0, 2**63 - 1),
        frequency_penalty=bounds.within("frequency_penalty", asked.frequency_penalty, -2.0, 2.0),
        presence_penalty=bounds.within("presence_penalty", asked.presence_penalty, -2.0, 2.0),
    )


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
            given.append(bounds.instant_ms(deadline))
        case _:
            if not 0.0 < deadline <= LONGEST_DEADLINE_S:
                raise WrongField(f"deadline: seconds must be above 0 and at most {LONGEST_DEADLINE_S:g}.", "deadline")
            given.append(envelope.received_ms + deadline * 1000)
    return min(given) if given else None
