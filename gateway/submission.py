"""Steps 1 to 3 of a job's life: from a prompt to a record that the log holds, or to an answer from the cache."""

import asyncio
from dataclasses import dataclass

import msgspec

from gateway.earlier_answers import EarlierAnswers
from gateway.problems import Problem, not_found, unavailable
from infra.telemetry.metrics import Metrics
from producers import answer_cache
from producers.events import AnswerCompleted, PromptSubmitted
from producers.jobs import record, view
from producers.jobs.intake import Accepted, Again, Intake, NotAccepted, OverQuota, Quota, QuotaLeft
from producers.jobs.record import JobRecord
from producers.jobs.scripts import Scripts
from producers.publisher import Publisher


@dataclass(frozen=True)
class Admitted:
    """The job is `accepting`: enqueue its prompt."""

    prompt: PromptSubmitted
    quota_left: QuotaLeft


@dataclass(frozen=True)
class CacheHit:
    """The job is `accepting`, and the cache had its answer: publish that."""

    answer: AnswerCompleted
    quota_left: QuotaLeft


class Submissions:
    """Takes prompts in: `enter`, then `enqueue`; what came before is given `again`."""

    def __init__(
        self, publisher: Publisher, intake: Intake, earlier: EarlierAnswers, scripts: Scripts, metrics: Metrics
    ) -> None:
        self._publisher = publisher
        self._intake = intake
        self._earlier = earlier
        self._scripts = scripts
        self._metrics = metrics

    async def enter(
        self, prompt: PromptSubmitted, quota: Quota
    ) -> Admitted | CacheHit | Again | OverQuota | NotAccepted:
        """Step 1, and the look-up in the cache beside it.

        Raises:
            Problem: 404, only the cache was asked, and it holds no answer.
            Unavailable: Redis does not answer, or only the cache was asked, and is being rebuilt.
        """
        if prompt.cache == "only":
            answer = await self._earlier.answer_to(prompt)
            if answer is None:
                await view.must_be_whole(self._scripts)
                message = "The cache holds no answer to this prompt, and cache: only forbids to ask the model."
                raise not_found(message, param="cache", code="cache_miss")
            return self._entered(prompt, await self._intake.accept(prompt, quota), answer)
        verdict, answer = await asyncio.gather(self._intake.accept(prompt, quota), self._earlier.answer_to(prompt))
        if isinstance(verdict, NotAccepted) and verdict.reason == "lane":
            # The conversation is pinned to another lane: its turns stay together, whatever this one asked.
            prompt = msgspec.structs.replace(prompt, lane=verdict.lane)
            verdict = await self._intake.accept(prompt, quota)
        return self._entered(prompt, verdict, answer)

    async def enqueue(self, prompt: PromptSubmitted) -> None:
        """Steps 2 and 3: the prompt is in the log, and the job knows it, when this returns.

        Raises:
            Unavailable: the broker or Redis did not answer; the same idempotency key will give the same job.
            Problem: 503, the job was given up before the log held it; the same idempotency key will give a new one.
        """
        await self._publisher.submit(prompt)
        if await self._intake.acknowledge(prompt.job_id) == "dropped":
            raise _given_up()
        self._metrics.jobs.labels("queued").inc()

    async def again(self, job_id: str) -> JobRecord:
        """The job of a repeated request; its prompt is sent again where the log may lack it (twice is harmless).

        Raises:
            Unavailable: the broker or Redis did not answer.
            Problem: 503, the job was given up meanwhile.
        """
        job = await record.read(self._scripts, job_id)
        if job is None:
            raise unavailable("The job of this Idempotency-Key cannot be read just now.")
        if job.state == "accepting":
            await self.enqueue(job.prompt)
        if job.state == "aborted" and job.ending is None:
            raise _given_up()
        return job

    def _entered(
        self,
        prompt: PromptSubmitted,
        verdict: Accepted | Again | OverQuota | NotAccepted,
        answer: AnswerCompleted | None,
    ) -> Admitted | CacheHit | Again | OverQuota | NotAccepted:
        if not isinstance(verdict, Accepted):
            return verdict
        if prompt.conversation is None:
            missed = "miss" if answer_cache.cacheable(prompt) else "bypass"
            self._metrics.cache_requests.labels("exact", "hit" if answer else missed).inc()
        return CacheHit(answer, verdict.quota_left) if answer else Admitted(prompt, verdict.quota_left)


def _given_up() -> Problem:
    """The log did not get the prompt in time, so that nothing of the job was kept."""
    return unavailable("The prompt did not reach the log in time. Nothing was promised; try again.")
