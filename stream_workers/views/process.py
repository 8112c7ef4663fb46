"""What the processes of the views have in common: the loop that follows the log, and how they begin and end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from infra.service import Service
from stream_workers.views.log_view import LogView
from stream_workers.views.parts import Parts
from stream_workers.views.records import View


def follower(given: Parts, view: View) -> LogView:
    """The loop that follows the log into a view; how far it is behind is looked up at each scrape."""
    followed = LogView(view, given)
    lag = given.metrics.consumer_lag

    async def look() -> None:
        for topic, records in (await followed.behind()).items():
            lag.labels(given.name, topic).set(records)

    given.metrics.look_up(lag, look)
    return followed


async def say_ready(service: Service, view: LogView) -> None:
    """Say that the service is ready once it follows the log; how long it takes to read all of it, nobody knows."""
    await view.following.wait()
    service.ready()


async def until_stopped(
    follow: Coroutine[Any, Any, None],
    *beside: Coroutine[Any, Any, None],
    finishing: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Do all of it side by side; when following the log ends, because the service stops, end the others, too.

    `finishing` is not cut off: it sees for itself that the service stops, and puts its work down.

    Raises:
        ExceptionGroup: one of them failed in a way nobody planned; all the others were ended.
    """
    async with asyncio.TaskGroup() as group:
        others = [group.create_task(each) for each in beside]
        if finishing is not None:
            group.create_task(finishing)
        await follow
        for each in others:
            each.cancel()
