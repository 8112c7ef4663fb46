"""The exact answer cache in Redis: the same tenant, model, parameters and whole conversation give the same answer.

Written by the state view in the script that makes an answer visible; read by gateway and worker.
"""

from collections.abc import Sequence

from producers import codec
from producers.cache_policy import cacheable, key_of
from producers.events import AnswerCompleted, Message, PromptSubmitted
from producers.jobs.scripts import Scripts, asked

__all__ = ["AnswerCache", "cacheable", "key_of"]


class AnswerCache:
    """Answers by key."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def recall(self, prompt: PromptSubmitted, history: Sequence[Message] = ()) -> AnswerCompleted | None:
        """An earlier answer to the same prompt, or None.

        Raises:
            Unavailable: Redis does not answer.
        """
        found = await asked(self._scripts.redis.get(self._key(prompt, history)))
        return None if found is None else codec.decode_as(AnswerCompleted, found)

    def _key(self, prompt: PromptSubmitted, history: Sequence[Message]) -> str:
        return f"{self._scripts.prefix}cache:{key_of(prompt, history)}"
