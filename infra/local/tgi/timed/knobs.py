"""What the timed server can be told: how fast it is, and what shall go wrong, always or once."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from infra.local.tgi.timed.text import ANSWER_TOKENS

FaultKind = Literal["cut", "fail", "overload", "garbage", "hold", "say"]


class Knobs(Struct, frozen=True, forbid_unknown_fields=True):
    """How the timed server behaves from now on. Rates are shares of all generations, between 0 and 1.

    It refuses (429) what is more than `room` generations at a time, unlike `slots`, for which they wait; 0: nothing.
    While it is `down`, health says 503 and every generation fails at once, as TGI does without its model process.
    """

    first_token_ms: float = 5.0
    token_ms: float = 1.0
    answer_tokens: int = ANSWER_TOKENS
    slots: int = 0
    room: int = 0
    overload_rate: float = 0.0
    error_rate: float = 0.0
    cut_rate: float = 0.0
    garbage_rate: float = 0.0
    after_tokens: int = 3
    down: bool = False


class Fault(Struct, forbid_unknown_fields=True):
    """What shall go wrong with the next `times` generations whose prompt contains a text.

    `cut` hangs up after so many tokens, `fail` is an error of the model (424) there, `garbage` sends what is no event
    there, `hold` waits there until it is released; `overload` refuses with 429. `say` is no fault: the answer is this
    text, whatever form was asked for. The text of a `fail` is what the model said went wrong.
    """

    kind: FaultKind
    after_tokens: int = 0
    times: int = 1
    contains: str = ""
    text: str = "as ordered"

    def strikes(self, inputs: str) -> bool:
        """Whether this prompt is meant, and any time is left."""
        return self.times > 0 and self.contains in inputs


def take(faults: list[Fault], inputs: str, kinds: Iterable[FaultKind]) -> Fault | None:
    """The first fault of these kinds that means this prompt, used up once."""
    for each in faults:
        if each.kind in kinds and each.strikes(inputs):
            each.times -= 1
            return each
    return None


def by_chance(knobs: Knobs, number: int) -> Fault | None:
    """The fault that the rates hold for the generation of that number; the same number has always the same luck."""
    rates: tuple[tuple[FaultKind, float], ...] = (
        ("cut", knobs.cut_rate),
        ("fail", knobs.error_rate),
        ("garbage", knobs.garbage_rate),
    )
    for kind, rate in rates:
        if rate > 0 and luck(kind, number) < rate:
            return Fault(kind=kind, after_tokens=knobs.after_tokens)
    return None


def luck(kind: str, number: int) -> float:
    """A number from 0 to 1 that follows from kind and number."""
    return int.from_bytes(hashlib.sha256(f"{kind}:{number}".encode()).digest()[:6], "big") / 2**48
