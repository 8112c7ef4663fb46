"""GET /v1/jobs: the caller's jobs, filtered, in pages."""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.access import counts
from gateway.http.objects import as_json, list_of
from gateway.http.paging import not_in_list, page_asked
from gateway.http.problems import bad_value
from gateway.http.times import ms_of
from gateway.jobs.objects import job_object
from gateway.keys import CALLER, RETENTION, SCRIPTS
from gateway.prompts.job_desk import JOB_DESK
from producers.events import LANES
from producers.jobs import listing
from producers.jobs.listing import Wanted
from producers.jobs.record import STATUSES
from producers.state import view

_TEXTS: Final = frozenset({"model", "conversation"})
_CHOICES: Final = {"status": STATUSES, "lane": LANES}
_TIMES: Final = frozenset({"created_after", "created_before"})
PAGING: Final = frozenset({"after", "limit", "order"})
METADATA: Final = re.compile(r"metadata\[(.{0,64})\]", re.DOTALL)


async def list_jobs(request: web.Request) -> web.Response:
    """Newest first unless asked otherwise; `last_id` is the `after` of the next page, which there is with `has_more`.

    Raises:
        Problem: 400 with the parameter.
        Unavailable: Redis does not answer, or knows only a part of the log so far.
    """
    scripts, retention = request.app[SCRIPTS], request.app[RETENTION]
    asked, wanted = page_asked(request.query), wanted_of(request.query, request[CALLER].tenant)
    await view.must_be_whole(scripts)
    found = await listing.jobs_of(
        scripts, wanted, asked.limit, asked.after, newest_first=asked.newest_first, go_on=counts.going_on(request)
    )
    if found is None:
        raise not_in_list()
    places = await request.app[JOB_DESK].places_of(found.jobs)
    shown = [job_object(each, retention, places.get(each.job_id)) for each in found.jobs]
    page = list_of(shown, has_more=found.has_more, last=found.last)
    return as_json(page)


def wanted_of(query: Mapping[str, str], tenant: str) -> Wanted:
    """Which jobs a query string asks for; what it does not know is refused, for it would filter nothing. Pure.

    Raises:
        Problem: 400 with the parameter.
    """
    given, times, metadata = dict[str, str](), dict[str, float | None](), dict[str, str]()
    for name, value in query.items():
        if (pair := METADATA.fullmatch(name)) is not None:
            metadata[pair[1]] = value
        elif name in _TIMES:
            times[name] = ms_of(name, value)
        elif name in _CHOICES and value not in _CHOICES[name]:
            raise bad_value(f"{name} must be one of {', '.join(_CHOICES[name])}.", name)
        elif name in _CHOICES or name in _TEXTS:
            given[name] = value
        elif name not in PAGING:
            raise bad_value(f"Jobs cannot be filtered by {name[:100]}.", name[:100])
    return Wanted(
        tenant,
        given.get("status", ""),
        given.get("lane", ""),
        given.get("model", ""),
        given.get("conversation", ""),
        metadata,
        times.get("created_after"),
        times.get("created_before"),
    )
