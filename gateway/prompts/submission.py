"""Steps 1 to 3 of a job's life: from a prompt to a record that the log holds, or to an answer from the cache."""

import functools
from dataclasses import dataclass

import msgspec
from aiohttp import web

from gateway.http.problems import OutOfSight
from gateway.no_job import Deleted, GivenUp
from gateway.prompts.earlier_answers import EarlierAnswers
from gateway.prompts.job_desk import JobDesk
from infra.errors import Unavailable
from infra.fuse import Fuse
from infra.telemetry.metrics import Metrics
from producers.answers import answer_cache
from producers.events import AnswerCompleted, JobError, Limits, PromptSubmitted
from producers.jobs import record
from producers.jobs.intake import NO_LIMITS, Accepted, Again, Intake, MayEnter, NotAccepted, OverQuota
from producers.jobs.record import JobRecord
from producers.limits.standing import Stands
from producers.log.publisher import Publisher
from producers.moderation import Moderator, Refused
from producers.state import view
from producers.state.scripts import Scripts


@dataclass(frozen=True)
class Admitted:
    """The job is `accepting`: enqueue its prompt."""

    prompt: PromptSubmitted
    stands: Stands


@dataclass(frozen=True)
class CacheHit:
    """The cache had the job's answer, which is its ending from now on: publish that."""

    answer: AnswerCompleted
    stands: Stands


@dataclass(frozen=True)
class TurnedAway:
    """Moderation refused the prompt: there is no job."""

    error: JobError
    stands: Stands


Entered = Admitted | CacheHit | Again | TurnedAway | OverQuota | NotAccepted


class Submissions:
    """Takes prompts in: `enter`, then `enqueue`; what came before is given `again`.

    A prompt is judged after all that is known without a judge, and before it is a job: so none that was not judged is
    ever sent again.
    """

    def __init__(
        self,
        publisher: Publisher,
        intake: Intake,
        moderator: Moderator,
        earlier: EarlierAnswers,
        desk: JobDesk,
        scripts: Scripts,
        metrics: Metrics,
        fuse: Fuse,
    ) -> None:
        self._publisher = publisher
        self._intake = intake
        self._moderator = moderator
        self._earlier = earlier
        self._desk = desk
        self._scripts = scripts
        self._fuse = fuse
        # Bound once: to look a series up costs more than to count.
        self._queued = metrics.jobs.labels("queued")
        self._looked_up = {found: metrics.cache_requests.labels("exact", found) for found in ("hit", "miss", "bypass")}

    async def enter(
        self,
        prompt: PromptSubmitted,
        limits: Limits,
        unread_ms: int = 0,
        *,
        of_tenant: Limits = NO_LIMITS,
        at_once: bool = False,
    ) -> Entered:
        """Step 1, and the look-up in the cache within it; `unread_ms` and `at_once` as `Intake.accept` has them.

        Raises:
            Unavailable: Redis does not answer, or nobody can judge the prompt.
        """
        key, asked = self._earlier.key_of(prompt), self._moderator.judges_prompts
        if asked:
            judged = await self._judged(prompt, limits, of_tenant, key)
            if not isinstance(judged, PromptSubmitted):
                return judged
            prompt = judged
        accept = functools.partial(self._intake.accept, limits=limits, unread_ms=unread_ms, of_tenant=of_tenant)
        verdict = await accept(prompt, cache_key=key, at_once=at_once, asked=asked)
        if isinstance(verdict, NotAccepted) and verdict.reason == "lane":
            # The conversation is pinned to another lane: its turns stay together, whatever this one asked.
            prompt = msgspec.structs.replace(prompt, lane=verdict.lane)
            verdict = await accept(prompt, asked=asked)
        found = verdict.earlier if isinstance(verdict, Accepted) else None
        answer = self._earlier.read(prompt, found)
        if found is not None and answer is None:
            verdict = await accept(prompt, asked=True)  # it has ended with what cannot be read
            if isinstance(verdict, Accepted) and prompt.cache == "only":
                await self._intake.abort(prompt.job_id, 0)
                return NotAccepted("not_cached", stands=verdict.stands)
        if isinstance(verdict, Accepted):
            self._fuse.passed("accepted")
        return self._entered(prompt, verdict, answer)

    async def _judged(
        self, prompt: PromptSubmitted, limits: Limits, of_tenant: Limits, cache_key: str
    ) -> PromptSubmitted | TurnedAway | Again | OverQuota | NotAccepted:
        """The prompt, which a hook allows; asked of it is only what nothing else speaks against."""
        found = await self._intake.ask(prompt, limits, of_tenant=of_tenant, cache_key=cache_key)
        if not isinstance(found, MayEnter):
            return found
        judged = await self._moderator.judge_prompt(prompt)
        if isinstance(judged, Refused):
            return TurnedAway(judged.of_prompt, found.stands)
        return msgspec.structs.replace(prompt, judged=True)

    async def enqueue(self, prompt: PromptSubmitted) -> JobRecord | GivenUp:
        """Steps 2 and 3: the prompt is in the log, and the job knows it; unless it was given up before.

        Raises:
            Unavailable: the broker did not answer; the same idempotency key will give the same job.
            OutOfSight: the log holds it, but Redis did not answer.
        """
        written = await self._publisher.submit(prompt)
        self._fuse.passed("published")
        try:
            state = await self._intake.acknowledge(prompt.job_id, prompt.conversation, written.offset)
        except Unavailable as error:
            raise OutOfSight(error, prompt) from error
        if state == "dropped":
            return GivenUp()
        self._fuse.passed("acknowledged")
        self._queued.inc()
        times = {"received": prompt.received_ms}
        return JobRecord(prompt.job_id, "queued", prompt, None, attempt=0, cancelling=False, times=times)

    async def again(self, job_id: str) -> JobRecord | Deleted | GivenUp:
        """The job of a repeated request; what the log may lack of it is sent again (twice is harmless).

        Raises:
            Unavailable: the broker or Redis did not answer.
        """
        await self._intake.expect(job_id)  # nobody gives it up while its prompt is on its way
        job = await record.read(self._scripts, job_id)
        if job is None:
            await view.must_be_whole(self._scripts)
            return Deleted()
        if job.state == "accepting":
            return await self.enqueue(job.prompt)
        if job.state == "finishing" and job.ending and not job.times.keys() & {"acknowledged", "claimed"}:
            return await self._desk.end(job.ending)
        if job.state == "aborted" and job.ending is None:
            return GivenUp()
        return job

    def _entered(
        self,
        prompt: PromptSubmitted,
        verdict: Accepted | Again | OverQuota | NotAccepted,
        answer: AnswerCompleted | None,
    ) -> Entered:
        if not isinstance(verdict, Accepted):
            return verdict
        if prompt.conversation is None:
            missed = "miss" if answer_cache.cacheable(prompt) else "bypass"
            self._looked_up["hit" if answer else missed].inc()
        return CacheHit(answer, verdict.stands) if answer else Admitted(prompt, verdict.stands)


SUBMISSIONS = web.AppKey("submissions", Submissions)
