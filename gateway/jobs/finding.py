"""The job that a URL names."""

from aiohttp import web

from gateway.http.problems import must_be_there
from gateway.keys import CALLER
from gateway.prompts.job_desk import JOB_DESK
from producers.jobs.record import JobRecord


async def find(request: web.Request) -> JobRecord:
    """The job that the path names, if it is the caller's.

    Raises:
        Problem: 404 where there is none, 410 where it would no longer be kept.
        Unavailable: Redis does not answer, or we cannot know yet.
    """
    return must_be_there(await request.app[JOB_DESK].find(request.match_info["job_id"], request[CALLER].tenant))
