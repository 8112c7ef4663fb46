"""When an answer may be reused, the key it is kept under, and what it is to another job."""

import hashlib
from collections.abc import Sequence
from typing import cast

import msgspec

from producers.events import AnswerCompleted, Message, PromptSubmitted
from producers.log import codec

TTL_MS = 86_400_000


def cacheable(prompt: PromptSubmitted) -> bool:
    """Whether an answer may be reused: not past the cache, and an explicit temperature > 0 only if asked for.

    (`cache` is "use" by default, so the gateway says "bypass" for a sampled prompt that did not ask for the cache.)
    """
    return prompt.cache != "bypass"


def key_of(prompt: PromptSubmitted, history: Sequence[Message] = ()) -> str:
    """The cache key of a prompt whose model is shown all of it; `history` for a prompt of a conversation."""
    return key_of_shown(prompt, (*history, *prompt.messages))


def key_of_shown(prompt: PromptSubmitted, shown: Sequence[Message]) -> str:
    """The cache key: SHA-256 over all that the answer depends on, of the messages those that the model is shown."""
    form = (prompt.format, prompt.tools, prompt.must_call)
    depends_on = (prompt.tenant, prompt.model, prompt.sampling, form, prompt.instructions, tuple(shown))
    return hashlib.sha256(msgspec.json.encode(depends_on)).hexdigest()


def read(entry: bytes) -> AnswerCompleted:
    """The answer that an entry holds.

    Raises:
        InvalidEvent: it holds none that we understand.
    """
    return cast("AnswerCompleted", codec.decode_as(AnswerCompleted, entry))


def as_answer_to(prompt: PromptSubmitted, entry: bytes, finished_ms: float) -> AnswerCompleted:
    """What an entry holds as the answer of this prompt's own job.

    Raises:
        InvalidEvent: it holds none that we understand.
    """
    earlier = read(entry)
    return AnswerCompleted(
        job_id=prompt.job_id,
        prompt=prompt,
        text=earlier.text,
        usage=earlier.usage,
        finish_reason=earlier.finish_reason,
        choices=earlier.choices,
        cache="hit",
        timeline={"received": prompt.received_ms, "finished": finished_ms},
    )
