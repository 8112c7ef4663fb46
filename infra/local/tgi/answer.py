"""Tokens become text, and the reason to stop is found: end of sequence, a stop string, or the limit."""

from dataclasses import dataclass
from typing import Any, Literal

from infra.local.tgi.engine import Token

FinishReason = Literal["length", "eos_token", "stop_sequence"]


@dataclass(frozen=True, slots=True)
class Final:
    """What is known once an answer is whole."""

    generated_text: str
    finish_reason: FinishReason
    generated_tokens: int
    seed: int | None
    input_length: int

    def details(self) -> dict[str, Any]:
        """As the last event of a native stream tells it."""
        return {
            "finish_reason": self.finish_reason,
            "generated_tokens": self.generated_tokens,
            "seed": self.seed,
            "input_length": self.input_length,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One token with its place from 1; the last step carries what is known in the end."""

    index: int
    token: Token
    final: Final | None


class Answer:
    """An answer in the making."""

    def __init__(self, *, stop: list[str], max_new_tokens: int, seed: int | None, input_length: int) -> None:
        self._stop = stop
        self._max_new_tokens = max_new_tokens
        self._seed = seed
        self._input_length = input_length
        self._text = ""
        self._count = 0

    def add(self, token: Token) -> Step:
        """Take the next token; special ones are counted but are no text."""
        self._count += 1
        if not token.special:
            self._text += token.text
        reason = self._reason(token)
        final = None
        if reason is not None:
            final = Final(self._text, reason, self._count, self._seed, self._input_length)
        return Step(self._count, token, final)

    def _reason(self, token: Token) -> FinishReason | None:
        if token.ends:
            return "eos_token"
        # TGI looks at the end of the output with `$`, which also matches before a last newline.
        if any(self._text.endswith((stop, f"{stop}\n")) for stop in self._stop):
            return "stop_sequence"
        return "length" if self._count >= self._max_new_tokens else None
