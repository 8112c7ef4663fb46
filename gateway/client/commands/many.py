"""Many prompts at once: so many in the air and no more, each told as it ends, none stopped by another's failure."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from gateway.client.commands.prompts import BadLine, Line
from gateway.client.errors import Refused
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import Job


@dataclass(frozen=True)
class Outcome:
    """What became of one line: its job, or why there is none; `failure` is empty where all went well."""

    line: int
    job: Job | None
    failure: str = ""


async def submit_all(
    jobs: AsyncJobs,
    prompts: Sequence[Line | BadLine],
    tell: Callable[[Outcome], None],
    *,
    at_once: int,
    wait: bool,
) -> None:
    """Submit every prompt, and wait for its answer if asked to; tells each outcome when it is known.

    Raises:
        Unavailable: the gateway could not be reached any more; what was not told was not submitted, or not awaited.
    """
    queue = iter(prompts)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(prompts))):
                group.create_task(_work(jobs, queue, tell, wait))
    except ExceptionGroup as group_of_errors:
        # The first stopped all the others; it alone says why.
        raise group_of_errors.exceptions[0] from None


async def _work(jobs: AsyncJobs, queue: Iterator[Line | BadLine], tell: Callable[[Outcome], None], wait: bool) -> None:
    for prompt in queue:
        match prompt:
            case BadLine(line=line, reason=reason):
                tell(Outcome(line, None, reason))
            case Line():
                tell(await _one(jobs, prompt, wait))


async def _one(jobs: AsyncJobs, prompt: Line, wait: bool) -> Outcome:
    try:
        job = await jobs.submit_body(msgspec.json.encode(prompt.body), prompt.key)
        if wait:
            job = await jobs.wait(job.id)
    except Refused as error:
        return Outcome(prompt.line, None, str(error))
    failed = wait and job.status != "completed"
    return Outcome(prompt.line, job, job.failure if failed else "")
