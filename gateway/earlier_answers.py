"""The look-up in the answer cache: an earlier answer as the answer of a new job."""

import logging

from infra.clock import Clock
from infra.errors import InvalidEvent
from producers import answer_cache
from producers.answer_cache import AnswerCache
from producers.events import AnswerCompleted, PromptSubmitted

log = logging.getLogger(__name__)


class EarlierAnswers:
    """What the cache knows of a prompt."""

    def __init__(self, cache: AnswerCache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    async def answer_to(self, prompt: PromptSubmitted) -> AnswerCompleted | None:
        """An earlier answer as this job's own; a conversation's turn is looked up by the worker: it knows its history.

        Raises:
            Unavailable: Redis does not answer.
        """
        if prompt.conversation is not None or not answer_cache.cacheable(prompt):
            return None
        try:
            earlier = await self._cache.recall(prompt)
        except InvalidEvent as error:
            log.warning("an entry of the answer cache cannot be read: %s", error)
            return None
        if earlier is None:
            return None
        return AnswerCompleted(
            job_id=prompt.job_id,
            prompt=prompt,
            text=earlier.text,
            usage=earlier.usage,
            finish_reason=earlier.finish_reason,
            cache="hit",
            timeline={"received": prompt.received_ms, "finished": self._clock.now_ms()},
        )
