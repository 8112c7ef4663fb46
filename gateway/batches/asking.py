"""A line of a batch's input becomes a prompt, or texts to embed, or is refused with what is wrong. Pure."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.access import admission
from gateway.batches.lines import Line
from gateway.embeddings import asking as embeddings
from gateway.embeddings.asking import TextsAsked
from infra.errors import NeverTryAgain, TooLarge, WrongField
from infra.ids import derived_id
from producers.destinations import Policy
from producers.events import BatchSubmitted, KeyIssued, Limits, LineError, PromptSubmitted
from producers.idempotency import naming
from producers.jobs.intake import NO_LIMITS
from producers.limits import spending
from producers.prompts import bodies, reading, responses
from producers.prompts.bodies import Strict
from producers.prompts.reading import Envelope, Route
from producers.settings import PromptSettings

LONGEST_CUSTOM_ID: Final = 512
SPARE_BYTES: Final = 4096
"""What a line may have beside its body."""
EMBEDDINGS: Final = "/v1/embeddings"
_ROUTES: Final[dict[str, Route]] = {"/v1/chat/completions": reading.CHAT, "/v1/responses": reading.RESPONSES}
ENDPOINTS: Final = (*_ROUTES, EMBEDDINGS)
_NOT_IN_A_BATCH: Final = (
    *("stream", "background", "conversation", "previous_response_id", "webhook", "lane", "deadline"),
)


class LineBody(Strict, frozen=True, kw_only=True):
    """One line of the input."""

    custom_id: str
    method: str
    url: str
    body: msgspec.Raw


class WrongLine(NeverTryAgain):
    """A line that cannot be served."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param

    def at(self, number: int) -> LineError:
        """As a batch shows it."""
        return LineError(self.code, str(self), self.param, number)


@dataclass(frozen=True)
class Asked:
    """What a line asks."""

    custom_id: str
    prompt: PromptSubmitted


@dataclass(frozen=True)
class AskedTexts:
    """What a line of a batch of embeddings asks."""

    custom_id: str
    texts: TextsAsked


@dataclass(frozen=True)
class Rules:
    """By what a line is judged."""

    settings: PromptSettings
    policy: Policy
    key: KeyIssued | None
    """The key that the batch came with; None once it may no longer be used."""
    of_tenant: Limits = NO_LIMITS
    embed: tuple[str, ...] = ()
    """The models that embed."""

    @property
    def longest_bytes(self) -> int:
        """The longest line."""
        return self.settings.body_limit_bytes + SPARE_BYTES


def line_key(batch_id: str, number: int) -> str:
    """Names one line of a batch."""
    return f"{batch_id}/{number}"


class _Custom(msgspec.Struct, frozen=True):
    custom_id: str = ""


def custom_id_of(line: Line) -> str:
    """What the client calls a line; of one that is lost, or that nobody can read, a name of ours."""
    try:
        told = msgspec.json.decode(line.text or b"{}", type=_Custom).custom_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        told = ""
    return told or f"line-{line.number}"


def job_id_of(batch_id: str, number: int) -> str:
    """The job of a line."""
    return derived_id("job", line_key(batch_id, number))


def asked_by(line: Line, batch: BatchSubmitted, rules: Rules, now_ms: float) -> Asked:
    """What a line asks, as a prompt in the batch lane.

    Raises:
        WrongLine: we would not accept it.
    """
    told = _read(line, batch, rules)
    envelope = Envelope(
        route=_ROUTES[batch.endpoint],
        job_id=job_id_of(batch.batch_id, line.number),
        tenant=batch.tenant,
        key_id=batch.key_id,
        received_ms=now_ms,
        idempotency_key=naming.key_of_line(batch.batch_id, line.number),
    )
    with _told_of_the_body():
        prompt = _prompt(bytes(told.body), envelope, rules)
    _refuse_what_is_not_served(prompt.model, rules.settings.models, rules)
    _refuse_more_than_a_minutes_tokens(prompt.reserved_tokens, "body.max_completion_tokens", rules)
    return Asked(told.custom_id, msgspec.structs.replace(prompt, lane="batch", deadline_ms=batch.expires_ms))


def texts_asked_by(line: Line, batch: BatchSubmitted, rules: Rules) -> AskedTexts:
    """What a line of a batch of embeddings asks.

    Raises:
        WrongLine: we would not accept it.
    """
    told = _read(line, batch, rules)
    with _told_of_the_body():
        asked = embeddings.read(bytes(told.body))
    _refuse_what_is_not_served(asked.model, rules.embed, rules)
    _refuse_more_than_a_minutes_tokens(spending.estimate("".join(asked.texts)), "body.input", rules)
    return AskedTexts(told.custom_id, asked)


def _read(line: Line, batch: BatchSubmitted, rules: Rules) -> LineBody:
    told = _decoded(line, rules)
    if not 0 < len(told.custom_id) <= LONGEST_CUSTOM_ID:
        raise WrongLine("invalid_custom_id", f"custom_id must have 1 to {LONGEST_CUSTOM_ID} characters.", "custom_id")
    if told.method != "POST":
        raise WrongLine("invalid_method", "method must be POST.", "method")
    if told.url != batch.endpoint:
        raise WrongLine("mismatched_endpoint", f"url must be the batch's endpoint, {batch.endpoint}.", "url")
    return told


def _decoded(line: Line, rules: Rules) -> LineBody:
    if line.text is None:
        raise WrongLine("line_too_long", f"A line may have {rules.longest_bytes} bytes.")
    try:
        return bodies.read(LineBody, line.text)
    except WrongField as error:
        code = "invalid_json_line" if error.field is None else "invalid_line"
        raise WrongLine(code, str(error).replace("The body", "The line"), error.field) from None


@contextmanager
def _told_of_the_body() -> Iterator[None]:
    try:
        yield
    except WrongField as error:
        param = f"body.{error.field}" if error.field else "body"
        raise WrongLine(error.code or "invalid_request", str(error), param) from None
    except TooLarge as error:
        raise WrongLine("too_large", f"The line cannot be kept: {error}.", "body") from None


def _prompt(body: bytes, envelope: Envelope, rules: Rules) -> PromptSubmitted:
    _refuse_what_has_no_place(body)
    read = responses.read if envelope.route == reading.RESPONSES else reading.read_prompt
    prompt, _ = read(body, envelope, rules.settings, rules.policy)
    if prompt.cache == "only":
        raise WrongField("cache: a batch may also ask the model.", "cache")
    return prompt


def _refuse_what_is_not_served(model: str, served: Sequence[str], rules: Rules) -> None:
    if model not in served or (rules.key is not None and not admission.may_use(rules.key, model)):
        message = f"The model {model[:100]!r} does not exist or is not served here."
        raise WrongLine(reading.MODEL_NOT_FOUND, message, "body.model")


def _refuse_more_than_a_minutes_tokens(tokens: int, param: str, rules: Rules) -> None:
    """It would wait for ever."""
    for limits in (rules.of_tenant, *([rules.key.limits] if rules.key is not None else [])):
        if limits.tokens_per_minute is not None and tokens > limits.tokens_per_minute:
            message = f"This line may take {tokens} tokens, more than {limits.tokens_per_minute} a minute."
            raise WrongLine("too_large_for_limit", message, param)


class _Misplaced(msgspec.Struct, frozen=True):
    stream: bool | None = None
    background: bool | None = None
    previous_response_id: Any = None
    conversation: Any = None
    webhook: Any = None
    lane: Any = None
    deadline: Any = None


def _refuse_what_has_no_place(body: bytes) -> None:
    asked = bodies.read(_Misplaced, body)
    for name in _NOT_IN_A_BATCH:
        if getattr(asked, name):
            raise WrongField(f"{name} has no place in a batch.", name)
