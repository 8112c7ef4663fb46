"""A job's stream over as many connections as it takes: no event twice, none left out."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

import aiohttp
import msgspec

from gateway.client.errors import NotFound, Told
from gateway.client.objects import Job
from gateway.client.patience import Patience
from gateway.client.wire import Wire, no_answer
from infra import sse
from infra.sse import ServerSentEvent

_LOOK_EVERY_S: Final = 0.1
_WHOLE: Final = frozenset({"snapshot", "done"})
"""Events that stand in place of all before them, whatever their number."""


def path_of(job_id: str, *rest: str) -> str:
    """Where a job is."""
    return "/".join(("v1/jobs", quote(job_id, safe=""), *rest))


async def follow(
    wire: Wire, job_id: str, after: str = "", appears_s: float = 0.0
) -> AsyncGenerator[ServerSentEvent, None]:
    """Every event of a job after that id, up to `done`, for as long as it takes the job to end.

    `appears_s` is how long a job may be unknown at first: that of a prompt which was published straight to the log is,
    until the state view has read it.

    Raises:
        Refused: there is no such job.
        Limited: the key's limit is reached, for longer than patience lasts.
        Unavailable: the gateway cannot be reached.
    """
    last_id, furthest_id, patience = after, after, wire.patience()
    appears_by_s = asyncio.get_running_loop().time() + appears_s
    while True:
        what, opened, told_before = "cut the stream", False, furthest_id
        try:
            async with wire.stream(path_of(job_id, "events"), {"Last-Event-ID": last_id} if last_id else {}) as answer:
                if isinstance(answer, Told):
                    await _bear(wire, answer, patience, appears_by_s)
                    continue
                opened = True
                async with aclosing(_new(answer, last_id)) as events:
                    async for event in events:
                        if _is_further(event.id, furthest_id):
                            # Only what is new shows that it gets on: a proxy may send the same again and again.
                            furthest_id = event.id
                            patience.renew()
                        last_id = event.id or last_id
                        yield event
                        if event.event == "done":
                            return
        except (aiohttp.ClientError, TimeoutError) as error:
            what = no_answer(error)
        if opened and furthest_id == told_before:
            # A job may be silent for hours, behind a proxy that cuts what is: the job itself says whether it goes on.
            if (job := await wire.ask(Job, "GET", path_of(job_id))).ended:
                yield ServerSentEvent(msgspec.json.encode(job).decode(), "done", last_id)
                return
            patience.endure()
        await patience.pause(what)


def _is_further(event_id: str, furthest_id: str) -> bool:
    return event_id.isdecimal() and int(event_id) > (int(furthest_id) if furthest_id.isdecimal() else -1)


async def _bear(wire: Wire, told: Told, patience: Patience, appears_by_s: float) -> None:
    try:
        await wire.judge(told, patience)
    except NotFound:
        if asyncio.get_running_loop().time() >= appears_by_s:
            raise
        await asyncio.sleep(_LOOK_EVERY_S)


async def _new(answer: aiohttp.ClientResponse, last_id: str) -> AsyncGenerator[ServerSentEvent, None]:
    """What was not told before: a gateway that says more than was asked for must not double the answer."""
    async for event in sse.events(answer.content.iter_any()):
        told_before = event.id.isdigit() and last_id.isdigit() and int(event.id) <= int(last_id)
        if event.event in _WHOLE or not told_before:
            last_id = event.id or last_id
            yield event
