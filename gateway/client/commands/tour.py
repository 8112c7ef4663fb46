"""`headrace tour`: three real prompts through the whole chain, past the cache: their answers, then each hop's time."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import click
from rich.table import Table

from gateway.client.headrace import AsyncHeadrace
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import Job, Step
from gateway.client.settings import ClientSettings, chosen
from gateway.client.told import DoneTold, Shown
from infra import stack_file
from infra.command_line import json_option, print_json
from infra.errors import HeadraceError
from infra.screen import Screen
from infra.settings import LocalSettings

PROMPTS: Final = (
    "Why is the sky blue? Answer in one sentence.",
    "Write two lines about a river.",
    "Name three uses of water power.",
)
ANSWER_TOKENS: Final = 48
UNANSWERED: Final = 1
_ANSWER_WITHIN_S: Final = 120.0
_SETTLE_WITHIN_S: Final = 15.0
_PAUSE_S: Final = 0.1


@dataclass
class TourPrompt:
    """One prompt of the tour and what became of it."""

    prompt: str
    job: Job | None = None
    steps: tuple[Step, ...] = ()
    webhook: bool | None = None
    """Whether it has come; None where none was asked for."""
    row: bool = False

    @property
    def answer(self) -> str | None:
        """What was answered, if it was."""
        return self.job.text if self.job and self.job.status == "completed" else None

    def plain(self) -> dict[str, Any]:
        """As `headrace tour --json` prints it."""
        told = {"prompt": self.prompt, "job_id": self.job and self.job.id, "answer": self.answer}
        return {**told, "steps": self.steps, "webhook": self.webhook, "row": self.row}


@click.command(epilog="Example: headrace tour --json | jq .[].answer")
@click.option("--url", metavar="URL", help="The gateway, instead of HEADRACE_CLIENT__URL or the stack running here.")
@json_option("Print one array: of each prompt its `job_id`, `answer`, `steps`, `webhook` and `row`.")
def tour(url: str | None, as_json: bool) -> None:
    """Send three prompts through the whole chain, show their answers as they come, and the time in each hop.

    `headrace up` and `headrace demo` do this first. The webhooks go to the receiver of the stack running here; to
    another gateway none are asked for. With --json the answers are shown on standard error.

    Exits with 0 only if all three were answered.
    """
    screen = Screen(stderr=as_json)
    settings = chosen(url)
    asked = asyncio.run(walk(settings, _receiver(settings), screen))
    screen.print()
    screen.print(hops(asked))
    if as_json:
        print_json([each.plain() for each in asked])
    sys.exit(0 if all(each.answer is not None for each in asked) else UNANSWERED)


def _receiver(settings: ClientSettings) -> str | None:
    """Where webhooks can be seen: of the stack that runs here, if it is the one that is asked."""
    stack = stack_file.read(LocalSettings.from_env())
    is_asked = stack and stack.is_running and stack.gateway_url.rstrip("/") == settings.url.rstrip("/")
    return stack.receiver_url if stack and is_asked else None


async def walk(
    settings: ClientSettings, receiver: str | None, screen: Screen, *, settle_s: float = _SETTLE_WITHIN_S
) -> list[TourPrompt]:
    """Ask all prompts, one after the other, and wait for what follows from the answers."""
    async with AsyncHeadrace(settings=settings) as headrace:
        asked = [await _ask(headrace.jobs, prompt, receiver, screen) for prompt in PROMPTS]
        try:
            async with asyncio.timeout(settle_s), aiohttp.ClientSession() as session:
                await _await_what_follows(headrace, session, receiver, asked)
        except TimeoutError:
            # What has not come by now is shown as missing.
            pass
    return asked


async def _ask(jobs: AsyncJobs, prompt: str, receiver: str | None, screen: Screen) -> TourPrompt:
    """Send one prompt, show its answer as it comes, and fetch its timeline."""
    asked = TourPrompt(prompt, webhook=None if receiver is None else False)
    screen.print(f"\n[bold]{prompt}[/bold]")
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            asked.job = await jobs.submit(
                prompt, max_tokens=ANSWER_TOKENS, cache="bypass", lane="interactive", webhook=receiver
            )
            asked.job = await _watch(jobs, asked.job, screen)
            asked.steps = (await jobs.timeline(asked.job.id)).steps
    except (HeadraceError, TimeoutError) as error:
        missing = "no answer" if asked.answer is None else "no timeline"
        screen.print(f"{missing}: {error!r}", style="red", markup=False)
    if asked.job and asked.job.error:
        screen.print(asked.job.error.message, style="red", markup=False)
    return asked


async def _watch(jobs: AsyncJobs, job: Job, screen: Screen) -> Job:
    shown = Shown()
    async with aclosing(jobs.events(job.id)) as events:
        async for event in events:
            if (piece := shown.take(event)) is not None:
                screen.out(
                    "\n(from the start again) " if piece.starts_over else "",
                    piece.text,
                    sep="",
                    end="",
                    highlight=False,
                )
            if isinstance(event, DoneTold):
                job = event.job
    screen.print()
    return job


async def _await_what_follows(
    headrace: AsyncHeadrace, session: aiohttp.ClientSession, receiver: str | None, asked: Sequence[TourPrompt]
) -> None:
    """Wait for what an answer leads to: its webhook, where one is seen, and its row in the analytics store."""
    waiting = [each for each in asked if each.answer is not None]
    while waiting:
        received, rows = await _received(session, receiver) if receiver else set[str](), await _rows(headrace)
        for each in waiting:
            job_id = each.job.id if each.job else ""
            each.webhook, each.row = job_id in received if receiver else None, job_id in rows
        waiting = [each for each in waiting if not each.row or each.webhook is False]
        await asyncio.sleep(_PAUSE_S)


async def _received(session: aiohttp.ClientSession, receiver: str) -> set[str]:
    """The jobs of which a webhook has come with a signature that holds."""
    try:
        async with session.get(f"{receiver}received") as answer:
            received = (await answer.json())["received"]
        return {_job_of(each["payload"]) for each in received if each["refused"] is None}
    except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError):
        # One that is restarting is asked again.
        return set()


def _job_of(payload: Mapping[str, Any]) -> str:
    return str(payload["data"]["id"])


async def _rows(headrace: AsyncHeadrace) -> set[str]:
    try:
        report = await headrace.reports.get("recent_jobs", limit=20)
    except HeadraceError:
        return set()
    return {str(row.get("job_id")) for row in report.data}


def hops(asked: Sequence[TourPrompt]) -> Table:
    """A row a hop, a column a prompt: milliseconds since the hop before."""
    table = Table(title="Time in each hop, ms", title_justify="left")
    table.add_column("hop")
    for number, _ in enumerate(asked, 1):
        table.add_column(f"prompt {number}", justify="right")
    columns = [{step.step: step.since_previous_ms for step in each.steps} for each in asked]
    names = list(dict.fromkeys(step.step for each in asked for step in each.steps))
    for name in names:
        table.add_row(name, *(f"{column[name]:.1f}" if name in column else "-" for column in columns))
    table.add_section()
    table.add_row("altogether", *(f"{sum(column.values()):.1f}" for column in columns), style="bold")
    if any(each.webhook is not None for each in asked):
        table.add_row("signed webhook", *("received" if each.webhook else "not received" for each in asked))
    table.add_row("analytics row", *("written" if each.row else "not written" for each in asked))
    return table
