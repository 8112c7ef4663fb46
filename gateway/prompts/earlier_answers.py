"""The look-up in the answer cache: an earlier answer as the answer of a new job."""

import logging

from infra.clock import Clock
from infra.errors import InvalidEvent
from producers.answers import answer_cache
from producers.events import AnswerCompleted, PromptSubmitted

log = logging.getLogger(__name__)


class EarlierAnswers:
    """What the cache knows of a prompt."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def key_of(self, prompt: PromptSubmitted) -> str:
        """Where its answer would be; '' where none may be reused, and for a turn: the worker knows its history."""
        may_be_there = prompt.conversation is None and answer_cache.cacheable(prompt)
        return answer_cache.key_of(prompt) if may_be_there else ""

    def read(self, prompt: PromptSubmitted, entry: bytes | None) -> AnswerCompleted | None:
        """What the cache holds for a prompt, as this job's own answer."""
        if entry is None:
            return None
        try:
            return answer_cache.as_answer_to(prompt, entry, self._clock.now_ms())
        except InvalidEvent as error:
            log.warning("an entry of the answer cache cannot be read: %s", error)
            return None
