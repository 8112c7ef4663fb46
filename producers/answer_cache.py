"""The exact answer cache in Redis: the same tenant, model, parameters and whole conversation give the same answer.

Written by the state view's process, read by gateway and worker; so its key and shape live here.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from producers import codec
from producers.events import AnswerCompleted, Message, PromptSubmitted
from producers.jobs.scripts import Scripts, asked

TTL_MS = 86_400_000


def cacheable(prompt: PromptSubmitted) -> bool:
    """Whether an answer may be reused: not past the cache, and an explicit temperature > 0 only if asked for.

    (`cache` is "use" by default, so the gateway says "bypass" for a sampled prompt that did not ask for the cache.)
    """
    return prompt.cache != "bypass"


def key_of(prompt: PromptSubmitted, history: Sequence[Message] = ()) -> str:
    """The cache key: SHA-256 over all that the answer depends on; `history` for a prompt of a conversation."""
    depends_on = (prompt.tenant, prompt.model, prompt.sampling, (*history, *prompt.messages))
    return hashlib.sha256(msgspec.json.encode(depends_on)).hexdigest()


class AnswerCache:
    """Answers by key, each for `ttl_ms`."""

    def __init__(self, scripts: Scripts, ttl_ms: int = TTL_MS) -> None:
        self._scripts = scripts
        self._ttl_ms = ttl_ms

    async def recall(self, prompt: PromptSubmitted, history: Sequence[Message] = ()) -> AnswerCompleted | None:
        """An earlier answer to the same prompt, or None.

        Raises:
            Unavailable: Redis does not answer.
        """
        found = await asked(self._scripts.redis.get(self._key(prompt, history)))
        return None if found is None else codec.decode_as(AnswerCompleted, found)

    async def remember(self, answer: AnswerCompleted) -> None:
        """Keep an answer that the model gave.

        Raises:
            Unavailable: Redis does not answer.
        """
        key = self._key(answer.prompt, answer.history)
        await asked(self._scripts.redis.set(key, codec.encode(answer), px=self._ttl_ms))

    def _key(self, prompt: PromptSubmitted, history: Sequence[Message]) -> str:
        return f"{self._scripts.prefix}cache:{key_of(prompt, history)}"
