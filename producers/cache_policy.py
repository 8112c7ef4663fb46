"""When an answer may be reused, and the key it is kept under."""

import hashlib
from collections.abc import Sequence

import msgspec

from producers.events import Message, PromptSubmitted

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
