"""The exact answer cache in Redis: the same tenant, model, parameters and whole conversation give the same answer.

Written by the state view in the script that makes an answer visible; read by the gateway in the script that accepts a
job, and by the worker.
"""

import logging
from collections.abc import Sequence

from infra.errors import InvalidEvent
from producers.answers.cache_policy import as_answer_to, cacheable, key_of, read
from producers.events import AnswerCompleted, Message, PromptSubmitted
from producers.state.scripts import Scripts

__all__ = ["AnswerCache", "as_answer_to", "cacheable", "key_of", "read"]

log = logging.getLogger(__name__)


class AnswerCache:
    """Answers by key."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def recall(self, prompt: PromptSubmitted, history: Sequence[Message] = ()) -> AnswerCompleted | None:
        """An earlier answer to the same prompt, or None; an entry that cannot be read is none.

        Raises:
            Unavailable: Redis does not answer.
        """
        found = await self.find(key_of(prompt, history))
        try:
            return None if found is None else read(found)
        except InvalidEvent as error:
            log.warning("an entry of the answer cache cannot be read: %s", error)
            return None

    async def find(self, key: str) -> bytes | None:
        """The entry under a key, or None.

        Raises:
            Unavailable: Redis does not answer.
        """
        found: bytes | None = await self._scripts.ask("GET", f"{self._scripts.prefix}cache:{key}")
        return found
