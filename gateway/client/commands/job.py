"""`headrace job`: one job, seen whole, or no longer wanted."""

import asyncio
from dataclasses import asdict

import click

from gateway.client.commands.drawn import draw
from gateway.client.commands.history import history
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import Job
from gateway.client.settings import ClientSettings, chosen
from gateway.client.wire import the_way
from infra.clock import SystemClock
from infra.command_line import Group, json_option, print_json
from infra.screen import Screen

_url = click.option("--url", metavar="URL", help="The gateway, instead of HEADRACE_CLIENT__URL or the stack here.")


@click.group(cls=Group)
def job() -> None:
    """Jobs by their ids: look at one whole, or cancel it.

    The gateway is that of HEADRACE_CLIENT__URL, or else of the stack running here; the key that of
    HEADRACE_CLIENT__API_KEY, or else of that stack.
    """


@job.command()
@click.argument("job_id", metavar="ID")
@_url
@json_option("Print one object: `job`, `timeline`, and the rows of `events` and `feedback` (null: no report tells).")
def show(job_id: str, url: str | None, as_json: bool) -> None:
    """Show a job with its timeline drawn to scale, its attempts, deliveries, feedback and answer.

    \b
    headrace job show job_01K…
    headrace job show job_01K… --json | jq .timeline.steps
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    clock = SystemClock()
    found = asyncio.run(history(chosen(url), clock, job_id))
    if as_json:
        print_json(asdict(found))
    else:
        draw(found, Screen(highlight=False), clock.now_ms())


@job.command()
@click.argument("job_ids", metavar="ID...", nargs=-1, required=True)
@_url
@json_option("Print each job as an object on a line.")
def cancel(job_ids: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Want these jobs no longer: one that waits never runs, one that runs is stopped; twice is once.

    One that runs is `cancelling` until its worker has stopped; one that has ended stays as it ended.

    \b
    headrace job cancel job_01K…
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    for each in asyncio.run(_cancelled(chosen(url), job_ids)):
        if as_json:
            print_json(each)
        else:
            click.echo(f"{each.id} is {each.status}")


async def _cancelled(settings: ClientSettings, job_ids: tuple[str, ...]) -> list[Job]:
    wire = the_way(settings, SystemClock(), connections=2)
    try:
        jobs = AsyncJobs(wire, SystemClock())
        return [await jobs.cancel(each) for each in dict.fromkeys(job_ids)]
    finally:
        await wire.close()
