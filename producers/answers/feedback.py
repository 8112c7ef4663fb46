"""Feedback in Redis: what each author said last of an answer, by kind; the log decides what is last."""

from collections.abc import Sequence
from typing import Any

from infra.ids import derived_id
from producers.events import FeedbackGiven, FeedbackKind
from producers.log import codec
from producers.state.retention import Retention
from producers.state.scripts import Scripts, asked


def feedback_id(job_id: str, author: str, kind: FeedbackKind) -> str:
    """The id of what an author says of an answer in one kind, however often."""
    return derived_id("fb", f"{job_id}/{author}/{kind}")


class Feedback:
    """The feedback of all tenants; whoever asks checks whose the job is."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention

    async def keep(self, given: FeedbackGiven, offset: int) -> bool:
        """Keep feedback that the log holds at this offset, unless a later one is kept; True for the first under its id.

        Raises:
            Unavailable: Redis does not answer.
        """
        told = given.job_id, given.feedback_id, codec.encode(given), offset, self._retention.job_ms
        return bool(await self._scripts.run("remember_feedback", *told))

    async def thumbs(self, job_ids: Sequence[str]) -> list[FeedbackGiven | None]:
        """Of each job the thumb that was given in nobody's name, as the pages give it; one round trip for all.

        Raises:
            Unavailable: Redis does not answer.
        """
        if not job_ids:
            return []
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        for job_id in job_ids:
            pipeline.hget(f"{self._scripts.prefix}feedback:{job_id}", feedback_id(job_id, "", "thumb"))
        found = await asked(pipeline.execute())
        return [None if each is None else codec.decode_as(FeedbackGiven, each) for each in found]
