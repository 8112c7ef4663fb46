"""Body to PromptSubmitted: what may be asked, within which bounds, and what it means. Pure."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, cast, get_args

from gateway import bodies
from gateway.bodies import Asked, AskedMessage, TextPart
from gateway.problems import Problem, bad_value, not_found
from gateway.settings import GatewaySettings
from producers.destinations import Policy, forbidden
from producers.events import LANES, CacheUse, KeyIssued, Lane, Message, PromptSubmitted, Sampling, Webhook

Route = Literal["/v1/jobs", "/v1/chat/completions"]
JOBS: Route = "/v1/jobs"
CHAT: Route = "/v1/chat/completions"

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MOST_STOPS, LONGEST_STOP = 4, 255
MOST_PAIRS, LONGEST_PAIR_KEY, LONGEST_PAIR_VALUE = 16, 64, 512
LONGEST_URL, LONGEST_NAME = 2048, 512
LONGEST_DEADLINE_S = 30 * 86_400.0
LATEST_MS = 253_402_300_799_000.0
"""The end of the year 9999."""

# Fields of OpenAI's that we do not serve, and what else than null asks for nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "response_format": ({"type": "text"},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "reasoning_effort": (),
    "verbosity": (),
    "web_search_options": (),
    "store": (False,),
    "service_tier": ("auto", "default"),
}
_NEUTRAL_IN_MESSAGE: dict[str, tuple[Any, ...]] = {
    "refusal": ("",),
    "audio": (),
    "annotations": ([],),
    "tool_calls": ([],),
    "function_call": (),
}

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Envelope:
    """What surrounds a body: where it came in, from whom, when, and what its headers say."""

    route: Route
    job_id: str
    caller: KeyIssued
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
    body: bytes, envelope: Envelope, settings: GatewaySettings, policy: Policy
) -> tuple[PromptSubmitted, Wish]:
    """The prompt that a body asks to answer.

    Raises:
        Problem: 400 with the field that is wrong as `param`, 404 for a model that is not served.
    """
    asked = bodies.read(Asked, body)
    _refuse_unserved(asked)
    _refuse_elsewhere(asked, envelope.route)
    if asked.model not in settings.models:
        message = f"The model {asked.model[:100]!r} does not exist or is not served here."
        raise not_found(message, param="model", code="model_not_found")
    prompt = PromptSubmitted(
        job_id=envelope.job_id,
        tenant=envelope.caller.tenant,
        key_id=envelope.caller.id,
        lane=_lane(asked.lane, envelope.route),
        model=asked.model,
        messages=_messages(asked),
        sampling=_sampling(asked, settings),
        route=envelope.route,
        conversation=_short("conversation", asked.conversation),
        webhook=None if asked.webhook is None else Webhook(_url(asked.webhook.url, policy)),
        deadline_ms=_deadline_ms(asked.deadline, envelope),
        cache=_cache(asked),
        metadata=pairs(asked.metadata),
        idempotency_key=envelope.idempotency_key,
        fingerprint=hashlib.sha256(bodies.canonical(body)).hexdigest(),
        received_ms=envelope.received_ms,
        traceparent=envelope.traceparent,
    )
    options = asked.stream_options
    return prompt, Wish(bool(asked.stream), bool(options and options.include_usage))


def pairs(metadata: dict[str, str] | None) -> dict[str, str]:
    """Metadata within its bounds.

    Raises:
        Problem: too many pairs, or one too long.
    """
    found = metadata or {}
    if len(found) > MOST_PAIRS:
        raise bad_value(f"metadata holds {len(found)} pairs; {MOST_PAIRS} is the most.", "metadata")
    for name, value in found.items():
        if len(name) > LONGEST_PAIR_KEY or len(value) > LONGEST_PAIR_VALUE:
            raise bad_value(
                f"metadata.{name[:LONGEST_PAIR_KEY]}: a key may have {LONGEST_PAIR_KEY} characters, "
                f"a value {LONGEST_PAIR_VALUE}.",
                "metadata",
            )
    return found


def _refuse_unserved(asked: Asked) -> None:
    for name, neutral in _NEUTRAL.items():
        value = getattr(asked, name)
        if value is not None and not _is_one_of(value, neutral):
            raise bad_value(f"{name} is not supported here.", name)
    if asked.n not in {None, 1}:
        raise bad_value("n: only one answer is given to a prompt.", "n")
    _short("user", asked.user)


def _is_one_of(value: Any, neutral: tuple[Any, ...]) -> bool:
    # 0 == False in Python, but not in JSON.
    return any(value == each and type(value) is type(each) for each in neutral)


def _refuse_elsewhere(asked: Asked, route: Route) -> None:
    if asked.stream_options is not None and not asked.stream:
        raise bad_value("stream_options is for stream: true only.", "stream_options")
    if route == JOBS and asked.stream:
        raise bad_value("A job is not streamed by its submit: read its `events` URL.", "stream")
    if route == CHAT and asked.input is not None:
        raise bad_value("input is for /v1/jobs; send messages.", "input")
    if route == CHAT and asked.webhook is not None:
        raise bad_value("webhook is for /v1/jobs.", "webhook")
    if asked.cache == "only" and asked.conversation is not None:
        raise bad_value("cache: a turn of a conversation cannot be asked of the cache only.", "cache")


def _messages(asked: Asked) -> tuple[Message, ...]:
    if (asked.messages is None) == (asked.input is None):
        raise bad_value("Give messages, or input as short for one user message.", "messages")
    if asked.input is not None:
        return (Message("user", asked.input),)
    if not asked.messages:
        raise bad_value("messages is empty.", "messages")
    return tuple(_message(f"messages[{at}]", each) for at, each in enumerate(asked.messages))


def _message(where: str, message: AskedMessage) -> Message:
    role = ROLES.get(message.role)
    if role is None:
        raise bad_value(f"{where}.role must be one of {', '.join(ROLES)}.", f"{where}.role")
    for name, neutral in _NEUTRAL_IN_MESSAGE.items():
        value = getattr(message, name)
        if value is not None and not _is_one_of(value, neutral):
            raise bad_value(f"{where}.{name} is not supported here.", f"{where}.{name}")
    match message.content:
        case str(text):
            return Message(role, text)
        case list(parts) if parts:
            return Message(role, "".join(_text(f"{where}.content[{at}]", part) for at, part in enumerate(parts)))
        case _:
            raise bad_value(f"{where}.content must be a text or a list of text parts.", f"{where}.content")


def _text(where: str, part: TextPart) -> str:
    if part.type != "text":
        raise bad_value(f"{where}.type: only text is understood here.", f"{where}.type")
    return part.text


def _sampling(asked: Asked, settings: GatewaySettings) -> Sampling:
    short, long = asked.max_tokens, asked.max_completion_tokens
    if short is not None and long is not None and short != long:
        raise bad_value("max_tokens and max_completion_tokens contradict each other.", "max_tokens")
    most = settings.max_answer_tokens
    return Sampling(
        max_tokens=_within("max_completion_tokens", long, 1, most) or _within("max_tokens", short, 1, most),
        temperature=_within("temperature", asked.temperature, 0.0, 2.0),
        top_p=_above_zero("top_p", asked.top_p, 1.0),
        stop=_stops(asked.stop),
        seed=_within("seed", asked.seed, 0, 2**63 - 1),
        frequency_penalty=_within("frequency_penalty", asked.frequency_penalty, -2.0, 2.0),
        presence_penalty=_within("presence_penalty", asked.presence_penalty, -2.0, 2.0),
    )


def _within(name: str, value: Number | None, least: Number, most: Number) -> Number | None:
    if value is not None and not least <= value <= most:
        raise bad_value(f"{name} must be from {least} to {most}.", name)
    return value


def _above_zero(name: str, value: float | None, most: float) -> float | None:
    if value is not None and not 0.0 < value <= most:
        raise bad_value(f"{name} must be above 0 and at most {most:g}.", name)
    return value


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    found = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(found) > MOST_STOPS:
        raise bad_value(f"stop may hold {MOST_STOPS} texts.", "stop")
    if any(not 0 < len(each) <= LONGEST_STOP for each in found):
        raise bad_value(f"stop: each text must have 1 to {LONGEST_STOP} characters.", "stop")
    return found


def _lane(lane: str | None, route: Route) -> Lane:
    if lane is None:
        return "interactive" if route == CHAT else "standard"
    if lane not in LANES:
        raise bad_value(f"lane must be one of {', '.join(LANES)}.", "lane")
    return lane


def _cache(asked: Asked) -> CacheUse:
    if asked.cache is None:
        # A sampled answer is wanted fresh, unless the client says otherwise.
        return "bypass" if asked.temperature else "use"
    if asked.cache not in get_args(CacheUse):
        raise bad_value(f"cache must be one of {', '.join(get_args(CacheUse))}.", "cache")
    return cast("CacheUse", asked.cache)


def _short(name: str, value: str | None) -> str | None:
    if value is not None and not 0 < len(value) <= LONGEST_NAME:
        raise bad_value(f"{name} must have 1 to {LONGEST_NAME} characters.", name)
    return value


def _url(url: str, policy: Policy) -> str:
    """A webhook's URL, unless it says itself that it will never be called; names are judged when connecting."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        raise bad_value(f"webhook.url must be a URL of {LONGEST_URL} printable characters at most.", "webhook.url")
    if reason := forbidden(url, policy):
        raise bad_value(f"webhook.url cannot be called: {reason.reason}.", "webhook.url")
    return url


def _deadline_ms(deadline: str | float | None, envelope: Envelope) -> float | None:
    given = [] if envelope.cancel_after_s is None else [envelope.received_ms + envelope.cancel_after_s * 1000]
    match deadline:
        case None:
            pass
        case str():
            given.append(_instant_ms(deadline))
        case _:
            if not 0.0 < deadline <= LONGEST_DEADLINE_S:
                raise bad_value(f"deadline: seconds must be above 0 and at most {LONGEST_DEADLINE_S:g}.", "deadline")
            given.append(envelope.received_ms + deadline * 1000)
    return min(given) if given else None


def _instant_ms(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _no_instant() from None
    if at.tzinfo is None:
        raise _no_instant()
    ms = at.timestamp() * 1000
    if not 0 < ms <= LATEST_MS or not math.isfinite(ms):
        raise _no_instant()
    return ms


def _no_instant() -> Problem:
    return bad_value("deadline must be a time such as 2030-01-31T12:00:00Z, or seconds from now.", "deadline")
