"""/v1/admin/dead_letters: what nobody could process: read, redriven, discarded."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.access import counts
from gateway.admin.acting import actor, answered
from gateway.http import requests
from gateway.http.objects import list_of
from gateway.http.paging import not_in_list, page_asked
from gateway.http.problems import bad_value, conflict, not_found
from gateway.http.times import ms_of
from gateway.keys import CLOCK, FUSE, PUBLISHER, REGISTRY, SCRIPTS, SETTINGS, WEBHOOKS
from infra.errors import WrongField
from producers.administration.letters import MOST_AT_ONCE, LetterActs
from producers.events import Redriven
from producers.letters import shown
from producers.letters.letter import REASONS, STATES, Letter
from producers.letters.rewriting import Edited, Refused, Rules
from producers.letters.store import Letters, Wanted
from producers.prompts import bodies, bounds
from producers.prompts.bodies import Strict

_CHOICES: Final = {"state": STATES, "reason": REASONS}
_TEXTS: Final = frozenset({"tenant", "model"})
_TIMES: Final = frozenset({"created_after", "created_before"})
_PAGING: Final = frozenset({"after", "limit", "order"})


class RedriveBody(Strict, frozen=True, kw_only=True):
    """How a letter is redriven: as it was, or with another prompt; tenant and key only where the letter tells none."""

    number: int = 1
    prompt: dict[str, Any] | None = None
    tenant: str | None = None
    key_id: str | None = None


class SweepBody(Strict, frozen=True, kw_only=True):
    """Which dead letters are redriven as they were, oldest first; `after` goes on behind those of the last answer."""

    reason: str | None = None
    tenant: str | None = None
    model: str | None = None
    created_after: int | str | None = None
    created_before: int | str | None = None
    after: str | None = None
    limit: int = MOST_AT_ONCE


class DiscardBody(Strict, frozen=True, kw_only=True):
    """Why nothing is to become of it."""

    note: str


async def list_all(request: web.Request) -> web.Response:
    """GET /v1/admin/dead_letters: of all tenants, the newest first unless asked otherwise."""
    wanted, asked = _wanted(request.query), page_asked(request.query)
    found = await _letters(request).page(
        wanted, asked.limit, asked.after, newest_first=asked.newest_first, go_on=counts.going_on(request)
    )
    if found is None:
        raise not_in_list()
    return answered(list_of([shown.plain(each) for each in found.letters], has_more=found.has_more, last=found.last))


async def show(request: web.Request) -> web.Response:
    """GET /v1/admin/dead_letters/{id}: with its prompt, as a body that can be edited, and the record's bytes."""
    return await _shown(request, await _find(request))


async def redrive(request: web.Request) -> web.Response:
    """POST /v1/admin/dead_letters/{id}/redrive: its prompt is a new job; the same number is the same job."""
    letter = await _find(request)
    asked = bodies.read(RedriveBody, await requests.read_body(request)) if request.body_exists else RedriveBody()
    if asked.prompt is None and (asked.tenant, asked.key_id) != (None, None):
        raise bad_value("tenant and key_id are for an edited prompt only.", "prompt")
    edited = None
    if asked.prompt is not None:
        edited = Edited(msgspec.json.encode(asked.prompt), asked.tenant, asked.key_id)
    try:
        _must_be_done(await _acts(request).redrive(letter, asked.number, edited))
    except WrongField as error:
        raise _placed(error, edited) from error
    return await _shown(request, await _find(request))


async def redrive_all(request: web.Request) -> web.Response:
    """POST /v1/admin/dead_letters/redrive: so many at once, and how many; `has_more` says whether to go on."""
    asked = bodies.read(SweepBody, await requests.read_body(request)) if request.body_exists else SweepBody()
    bounds.within("limit", asked.limit, 1, MOST_AT_ONCE)
    given = msgspec.structs.asdict(asked)
    filters = {name: str(given[name]) for name in (*_TEXTS, *_TIMES, "reason") if given[name] is not None}
    done = await _acts(request).redrive_page(_wanted({**filters, "state": "dead"}), asked.limit, asked.after)
    if done is None:
        raise not_in_list()
    return answered(
        {
            "object": "dead_letter.sweep",
            "redriven": [_redriven(each) for each in done.redriven],
            "refused": [
                {"id": letter_id, "code": why.code or None, "message": why.message} for letter_id, why in done.refused
            ],
            "has_more": done.has_more,
            "last_id": done.last,
        }
    )


async def discard(request: web.Request) -> web.Response:
    """POST /v1/admin/dead_letters/{id}/discard: nothing is to become of it; the note says why."""
    letter = await _find(request)
    asked = bodies.read(DiscardBody, await requests.read_body(request))
    _must_be_done(await _acts(request).discard(letter, asked.note))
    return await _shown(request, await _find(request))


def _placed(error: WrongField, edited: Edited | None) -> WrongField:
    """What is wrong in an edited prompt is named by its place in the body."""
    field = error.field
    if edited is not None and field not in {None, "number", "tenant", "key_id"}:
        field = f"prompt.{field}"
    return WrongField(str(error), field, code=error.code)


def _redriven(redriven: Redriven) -> dict[str, Any]:
    return {"id": redriven.letter_id, "job": redriven.job_id}


def _letters(request: web.Request) -> Letters:
    return Letters(request.app[SCRIPTS])


def _acts(request: web.Request) -> LetterActs:
    app = request.app
    rules = Rules(app[SETTINGS], app[WEBHOOKS], app[REGISTRY].registry)
    return LetterActs(app[SCRIPTS], app[PUBLISHER], rules, app[CLOCK], actor(request), app[FUSE])


async def _find(request: web.Request) -> Letter:
    found = await _letters(request).read(request.match_info["letter_id"])
    if found is None:
        raise not_found("There is no such dead letter.")
    return found


async def _shown(request: web.Request, letter: Letter) -> web.Response:
    return answered(shown.in_full(letter, await _letters(request).prompt_of(letter)))


def _must_be_done(done: object) -> None:
    if isinstance(done, Refused):
        raise conflict(done.message, done.code)


def _wanted(query: Mapping[str, str]) -> Wanted:
    """Which letters a query asks for; what it does not know is refused, for it would filter nothing."""
    given, times = dict[str, str](), dict[str, float]()
    for name, value in query.items():
        if name in _TIMES:
            times[name] = ms_of(name, value)
        elif name in _CHOICES and value not in _CHOICES[name]:
            raise bad_value(f"{name} must be one of {', '.join(_CHOICES[name])}.", name)
        elif name in _CHOICES or name in _TEXTS:
            given[name] = value
        elif name not in _PAGING:
            raise bad_value(f"Dead letters cannot be filtered by {name[:100]}.", name[:100])
    return Wanted(**given, from_ms=times.get("created_after"), before_ms=times.get("created_before"))
