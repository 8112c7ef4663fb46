"""What an engine is asked, what it gives, and what it must be able to do."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a prompt or an answer; `top` holds the likeliest ones at its place, itself among them."""

    id: int
    text: str
    logprob: float | None
    special: bool = False
    ends: bool = False
    top: tuple["Token", ...] = ()

    def shown(self) -> dict[str, Any]:
        """As it stands in an answer."""
        return {"id": self.id, "text": self.text, "logprob": self.logprob, "special": self.special}


@dataclass(frozen=True, slots=True)
class Piece:
    """One token of a tokenized text; `start` and `stop` count bytes."""

    id: int
    text: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen; not sampling means the likeliest one."""

    sample: bool = False
    temperature: float = 1.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    typical_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Constraint:
    """The form an answer must have: a JSON schema or a regular expression."""

    schema: Any = None
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One generation; `ids` are the prompt's tokens after truncation, `inputs` its text, `max_new_tokens` the end."""

    inputs: str
    ids: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    given_seed: int | None = None
    top_n_tokens: int = 0
    constraint: Constraint | None = None


class Engine(Protocol):
    """Makes tokens of prompts."""

    @property
    def chat_template(self) -> str:
        """The template (Jinja) that makes one prompt of messages."""
        ...

    async def load(self) -> None:
        """Get ready; until then `healthy` is False."""
        ...

    async def healthy(self) -> bool:
        """Whether tokens can be made."""
        ...

    async def tokenize(self, text: str) -> list[Piece]:
        """The text's tokens."""
        ...

    async def logprobs(self, ids: Sequence[int]) -> list[float | None]:
        """How likely each token of a prompt is after those before it; nothing is known of the first."""
        ...

    def admit(self, inputs: str) -> bool:
        """Whether the engine takes this one at all (the timed one can be told to refuse)."""
        ...

    def generate(self, ask: Ask, on_start: Callable[[], None]) -> AsyncGenerator[Token, None]:
        """The answer's tokens; the last one `ends` unless the limit did. Closing the generator frees its slot at once.

        `on_start` is called when the generation leaves the queue.
        """
        ...

    async def close(self) -> None:
        """Let everything go."""
        ...
