"""A dead letter as it stands: what was buried, what was done about it, and the prompt in it. Pure."""

import base64
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from infra.errors import InvalidEvent
from producers.events import Buried, Discarded, PromptSubmitted, Redriven
from producers.log import codec

State = Literal["dead", "redriven", "discarded"]
STATES: Final[tuple[State, ...]] = get_args(State)
REASONS: Final = ("undecodable", "poison", "refused", "exhausted")


@dataclass(frozen=True)
class Letter:
    """One letter. `tenant` and `model` are those of its prompt or of its job, where either is known."""

    id: str
    buried: Buried
    state: State
    buried_ms: float
    redrives: tuple[Redriven, ...] = ()
    discarded: Discarded | None = None
    tenant: str | None = None
    model: str | None = None

    @property
    def is_of_prompt(self) -> bool:
        """Whether a prompt could not be processed: nothing else can be asked again."""
        return self.buried.origin_topic.startswith("prompts.")

    def redrive(self, number: int) -> Redriven | None:
        """The redrive of that number, if there was one."""
        return next((each for each in self.redrives if each.number == number), None)


def letter_of(letter_id: str, fields: dict[bytes, bytes]) -> Letter | None:
    """The letter that a hash in Redis tells; None where there is none."""
    if b"buried" not in fields:
        return None
    redrives = [
        codec.decode_as(Redriven, value)
        for name, value in fields.items()
        if name.startswith(b"redriven:") and not name.endswith(b"_at")
    ]
    discarded = fields.get(b"discarded")
    state: Any = fields[b"state"].decode()
    return Letter(
        id=letter_id,
        buried=codec.decode_as(Buried, fields[b"buried"]),
        state=state,
        buried_ms=float(fields[b"created_ms"]),
        redrives=tuple(sorted(redrives, key=lambda each: each.number)),
        discarded=None if discarded is None else codec.decode_as(Discarded, discarded),
        tenant=fields[b"tenant"].decode() or None,
        model=fields[b"model"].decode() or None,
    )


def payload_of(buried: Buried) -> bytes:
    """The record's bytes, as far as they were kept."""
    return base64.b64decode(buried.payload_base64)


def prompt_in(buried: Buried) -> PromptSubmitted | None:
    """The prompt that the letter itself holds; None where it holds none that can be read."""
    if not buried.payload_base64:
        return None
    try:
        found: PromptSubmitted = codec.decode_as(PromptSubmitted, payload_of(buried))
    except (InvalidEvent, ValueError):
        return None
    return found
