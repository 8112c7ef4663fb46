"""What the resources of administration share: who acts, how limits are asked for and shown, and waiting for the act."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from gateway.http.objects import as_json, list_of
from gateway.http.paging import PageAsked
from gateway.http.problems import bad_value
from gateway.keys import CALLER, CLOCK, ORIGIN, PUBLISHER, REGISTRY, REQUEST_ID
from infra.errors import WrongField
from producers.administration.acts import Actor, Administration
from producers.events import Limits
from producers.log.outgoing import Written
from producers.prompts.bodies import Strict

SEEN_WITHIN_S = 2.0
"""What was done is to be true for the next request here; other gateways hear of it as soon."""
MOST_LIMIT = 10**12


class LimitsBody(Strict, frozen=True, kw_only=True):
    """Limits as a body gives them: null takes one away, what is left out stays as it is."""

    requests_per_minute: int | UnsetType | None = UNSET
    tokens_per_minute: int | UnsetType | None = UNSET
    jobs_in_flight: int | UnsetType | None = UNSET
    queued_jobs: int | UnsetType | None = UNSET
    tokens_per_day: int | UnsetType | None = UNSET


def administration(request: web.Request) -> Administration:
    """The acts of the caller."""
    app = request.app
    return Administration(app[PUBLISHER], app[REGISTRY].registry, app[CLOCK], actor(request))


def actor(request: web.Request) -> Actor:
    """The caller, for the record."""
    return Actor(request[CALLER].id, "api", request[ORIGIN].client, request[REQUEST_ID])


async def seen(request: web.Request, written: Written) -> None:
    """Wait until this gateway goes by what was done."""
    await request.app[REGISTRY].wait_read(written.offset, SEEN_WITHIN_S)


def given_limits(body: LimitsBody | UnsetType) -> dict[str, int | None]:
    """What a body says of limits, by name.

    Raises:
        WrongField: one is not above 0.
    """
    found = {} if isinstance(body, UnsetType) else msgspec.structs.asdict(body)
    given = {name: value for name, value in found.items() if value is not UNSET}
    for name, value in given.items():
        if value is not None and not 1 <= value <= MOST_LIMIT:
            raise WrongField(f"limits.{name} must be from 1 to {MOST_LIMIT}, or null for no limit.", f"limits.{name}")
    return given


def limits_object(limits: Limits) -> dict[str, Any]:
    """Limits as the API shows them."""
    return msgspec.structs.asdict(limits)


def listed(objects: list[dict[str, Any]], *, has_more: bool) -> web.Response:
    """A page as OpenAI writes it."""
    return answered(list_of(objects, has_more=has_more))


def page_of(objects: list[dict[str, Any]], asked: PageAsked) -> web.Response:
    """The page that is asked for of all there are, which are in the order in which they were made.

    Raises:
        Problem: 400: `after` is none of them.
    """
    ordered = objects[::-1] if asked.newest_first else objects
    start = 0
    if asked.after is not None:
        ids = [each["id"] for each in ordered]
        if asked.after not in ids:
            raise bad_value("after is not in this list.", "after")
        start = ids.index(asked.after) + 1
    return listed(ordered[start : start + asked.limit], has_more=len(ordered) > start + asked.limit)


def answered(content: Any) -> web.Response:
    """JSON that nobody on the way keeps."""
    return as_json(content, headers={"Cache-Control": "no-store"})
