"""Ending a job that no worker has: with what readers have seen of it, where it ran before."""

from collections.abc import Callable

from producers.events import Terminal
from producers.jobs import live, record
from producers.jobs.intake import Intake, StopFound
from producers.jobs.record import JobRecord
from producers.state.scripts import Scripts

Ended = Callable[[JobRecord, str], Terminal]
"""Makes the ending of a job from what readers have seen of it."""


async def stop(
    scripts: Scripts, intake: Intake, job: JobRecord, ended: Ended, *, running_too: bool, if_unread: bool = False
) -> tuple[StopFound, Terminal]:
    """End the job unless it runs; what was found (`Intake.stop`), and the ending, to be published if `finishing`.

    Raises:
        Unavailable: Redis does not answer.
    """
    while True:
        has_text = job.shown_tokens is not None
        ending = ended(job, live.text_of(await live.entries_after(scripts, job.job_id)) if has_text else "")
        found = await intake.stop(
            job.job_id, ending, running_too=running_too, if_unread=if_unread, shown_tokens=job.shown_tokens
        )
        if found.found != "shown":
            return found, ending
        job = await record.read(scripts, job.job_id) or job
