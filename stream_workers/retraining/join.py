"""The view `examples` in Redis: answers wait for feedback and feedback for answers; the second one makes the example.

Keep both sides, publish the example, then move the position: whoever dies in between publishes it again, under the same
id. A Redis that was lost publishes all of them again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from infra.errors import TooLarge
from infra.settings import RedisSettings
from infra.telemetry.metrics import Metrics
from producers.events import AnswerCompleted, Ending, ExampleReady, FeedbackGiven
from producers.log import codec
from producers.log.publisher import Publisher
from producers.log.topics import ANSWERS, EXAMPLES, FEEDBACK, RETENTION_MS, VIEWS, Topic
from producers.state.positions import Applied, Positions, Seek
from producers.state.scripts import Call, Library, Scripts, asked
from stream_workers.retraining.examples import Served, example_of, partner_of, served
from stream_workers.views.records import Done, ReadRecord, Stuck

NAME = VIEWS["retrain"]
LIBRARY = Library(Path(__file__).parent)


class Join:
    """Follows answers and feedback, and publishes examples."""

    topics: tuple[Topic, ...] = (ANSWERS, FEEDBACK)

    def __init__(self, redis: Redis, settings: RedisSettings, publisher: Publisher, metrics: Metrics) -> None:
        self._scripts = Scripts(redis, settings, LIBRARY)
        self._publisher = publisher
        self._published = metrics.examples
        self.positions = Positions(self._scripts, NAME)

    async def apply(self, batch: Sequence[ReadRecord]) -> Done | Seek | Stuck:
        """Apply records of one partition in their order; the position moves once all their examples are in the log.

        Raises:
            Unavailable: Redis or the broker does not answer; any of the examples may be in the log.
        """
        steps = [(each, call) for each in batch if (call := _keeping(each)) is not None]
        answers = await self._scripts.run_many([call for _, call in steps])
        ready: dict[str, FeedbackGiven] = {}
        completed_by: dict[str, ReadRecord] = {}
        for (told, _), answer in zip(steps, answers, strict=True):
            if isinstance(answer, Exception):
                return await self._stop_before(told, batch, f"{type(answer).__name__}: {answer}")
            found = [codec.decode_as(FeedbackGiven, each) for each in answer]
            ready |= {each.feedback_id: each for each in found}
            completed_by |= {each.feedback_id: told for each in found}
        if refused := await self._publish(await self._examples(list(ready.values()))):
            feedback_id, error = refused.popitem()
            return await self._stop_before(completed_by[feedback_id], batch, error)
        return await self._move_on(batch)

    async def _stop_before(self, told: ReadRecord, batch: Sequence[ReadRecord], error: str) -> Done | Seek | Stuck:
        """Apply those before a record that cannot be applied, and say so of it."""
        before = batch[: batch.index(told)]
        outcome = await self.apply(before) if before else Done()
        return Stuck(told.move, error) if isinstance(outcome, Done) else outcome

    async def _move_on(self, batch: Sequence[ReadRecord]) -> Done | Seek:
        last = replace(batch[-1].move, expected=batch[0].move.expected)
        moved = await self.positions.pass_over(last)
        return Done() if isinstance(moved, Applied) else moved

    async def _examples(self, feedback: Sequence[FeedbackGiven]) -> list[ExampleReady]:
        """The examples that these make with the answers that are there."""
        jobs = sorted({job for each in feedback for job in (each.job_id, partner_of(each)) if job})
        kept = await self._kept(jobs)
        examples = [
            example_of(each, answer, kept.get(partner_of(each) or ""))
            for each in feedback
            if (answer := kept.get(each.job_id)) is not None
        ]
        return [each for each in examples if each is not None]

    async def _kept(self, jobs: Sequence[str]) -> dict[str, Served]:
        if not jobs:
            return {}
        pipeline: Any = self._scripts.redis.pipeline(transaction=False)
        for job in jobs:
            pipeline.hget(f"{self._scripts.prefix}examples:{job}", "answer")
        found = await asked(pipeline.execute())
        return {job: codec.decode_as(Served, each) for job, each in zip(jobs, found, strict=True) if each}

    async def _publish(self, examples: Sequence[ExampleReady]) -> dict[str, str]:
        """Publish all that the log takes; by feedback, why it never will take the others."""
        refused: dict[str, str] = {}

        async def publish(example: ExampleReady) -> None:
            try:
                await self._publisher.publish(EXAMPLES, example.job_id, example)
                self._published.inc()
            except TooLarge as error:
                refused[example.feedback_id] = f"the example of {example.feedback_id}: {error}"

        await asyncio.gather(*map(publish, examples))
        return refused


def _keeping(told: ReadRecord) -> Call | None:
    """The call that keeps one side; None for a record of no use here."""
    match told.event:
        case Ending() as ending:
            kept = codec.encode(served(ending)) if isinstance(ending, AnswerCompleted) else b""
            return Call("keep_answer", (ending.job_id, told.move.place.offset, kept, RETENTION_MS))
        case FeedbackGiven() as feedback:
            who = f"{feedback.author}:{feedback.kind}"
            other = partner_of(feedback) or ""
            return Call("keep_feedback", (feedback.job_id, who, codec.encode(feedback), other, RETENTION_MS))
        case _:
            return None
