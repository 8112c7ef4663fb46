"""`headrace submit`: hand in one prompt or many, and wait for the answers or watch them come."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, Final

import click
import msgspec

from gateway.client.commands import progress, prompts
from gateway.client.commands.many import Outcome, submit_all
from gateway.client.commands.prompts import BadLine, Line
from gateway.client.errors import JobFailed
from gateway.client.jobs import AsyncJobs
from gateway.client.objects import Job
from gateway.client.settings import ClientSettings, chosen
from gateway.client.told import DoneTold, Shown
from gateway.client.told import read as told_by
from gateway.client.wire import the_way
from infra.clock import SystemClock
from infra.command_line import Failed, Number, json_option
from producers.events import LANES

_ALL_COMPLETED: Final = 0
_SOME_FAILED: Final = 1
STARTS_OVER: Final = "\n[the answer starts over]\n"


@dataclass(frozen=True)
class Manner:
    """How the answers are wanted."""

    wait: bool
    stream: bool
    as_json: bool
    at_once: int
    anew: bool


@click.command()
@click.argument("prompt", required=False)
@click.option("--file", type=click.File("rb"), help="Take the prompt from a file ('-': standard input).")
@click.option(
    "--jsonl",
    type=click.File("rb"),
    help='Take many prompts from a file, one JSON object a line: the body of a job, or {"input": "…"} (\'-\': stdin).',
)
@click.option("--stream", is_flag=True, help="Print the answer as it comes; a cut connection is taken up where it was.")
@click.option("--wait", is_flag=True, help="Wait for the answers and print them, instead of the ids of the jobs.")
@click.option("--webhook", metavar="URL", help="Where the end of the job is to be told, signed by Standard Webhooks.")
@click.option("--model", help="Model to ask; the first that the key may use, if not given.")
@click.option("--lane", type=click.Choice(LANES), help="How soon: interactive, standard (the default) or batch.")
@click.option("--conversation", metavar="ID", help="Conversation that the prompt is the next turn of.")
@click.option("--max-tokens", type=click.IntRange(min=1), help="Longest answer, in tokens.")
@click.option("--temperature", type=Number(0, 2), help="0: the likeliest answer; higher: more varied ones.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    help="Prompts of --jsonl that are submitted or waited for at the same time.",
)
@click.option("--anew", is_flag=True, help="Make new jobs of --jsonl, also of a file that was submitted before.")
@json_option(
    "Print the job as one object; of --jsonl and --stream an object a line: `line`, `job`, `error`, or events."
)
@click.option("--url", metavar="URL", help="The gateway, instead of HEADRACE_CLIENT__URL or the stack running here.")
@click.option(
    "--timeout",
    "timeout_s",
    type=Number(),
    metavar="SECONDS",
    help="How long to try a gateway that does not answer; 10, or 30 for one that has answered before, if not given.",
)
def submit(
    prompt: str | None,
    file: BinaryIO | None,
    jsonl: BinaryIO | None,
    stream: bool,
    wait: bool,
    as_json: bool,
    at_once: int,
    anew: bool,
    **said: Any,
) -> None:
    """Submit a PROMPT to be answered: given here, in a file, as JSONL of many, or on standard input.

    \b
    headrace submit --stream "Why is the sky blue?"
    headrace submit --wait --jsonl prompts.jsonl --json > answers.jsonl
    git diff | headrace submit --wait --max-tokens 80

    Without --wait or --stream the command ends as soon as the job is durable, and prints its id. A refusal for lack of
    room is waited out, a gateway that does not answer is tried again for a while, and a try that is repeated never
    makes a second job. Options stand for every line of --jsonl that does not say otherwise itself.

    The same command with the same --jsonl file makes no job twice within 24 hours: after Ctrl-C run it again, and it
    does the rest. A line may bear an `idempotency_key` of its own; --anew makes new jobs of all other lines.

    \b
    Exit code: 0 all completed (without --wait: all accepted), 1 some failed, 2 wrong usage,
    3 the gateway cannot be reached.
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    if stream and (wait or jsonl):
        raise click.UsageError("--stream shows one answer as it comes: without --wait, and not with --jsonl")
    settings = chosen(said.pop("url"), patience_s=said.pop("timeout_s"))
    body, manner = prompts.options(**said), Manner(wait, stream, as_json, at_once, anew)
    if jsonl is not None:
        if prompt is not None or file is not None:
            raise click.UsageError("give one of PROMPT, --file and --jsonl")
        code = asyncio.run(_many(settings, jsonl.read(), body, manner))
    else:
        code = asyncio.run(_one(settings, prompts.from_text(_text(prompt, file), body), manner))
    sys.exit(code)


def _text(prompt: str | None, file: BinaryIO | None) -> str:
    if prompt is not None and file is not None:
        raise click.UsageError("give one of PROMPT, --file and --jsonl")
    if prompt is None:
        source = file or sys.stdin.buffer
        if file is None and sys.stdin.isatty():
            raise click.UsageError("no prompt: give one, or --file, --jsonl, or pipe one in")
        try:
            prompt = source.read().decode()
        except UnicodeDecodeError:
            raise click.UsageError("the prompt is no UTF-8 text") from None
    if not prompt.strip():
        raise click.UsageError("the prompt is empty")
    return prompt


@asynccontextmanager
async def _connected(settings: ClientSettings, connections: int) -> AsyncIterator[AsyncJobs]:
    wire = the_way(settings, SystemClock(), connections=connections, tell=_tell, endures_limits=True)
    try:
        yield AsyncJobs(wire, SystemClock())
    finally:
        await wire.close()


async def _one(settings: ClientSettings, prompt: Line, manner: Manner) -> int:
    async with _connected(settings, connections=2) as jobs:
        with progress.spinner(wanted=manner.wait) as show:
            body = {"model": prompt.body.get("model") or await jobs.first_model(), **prompt.body}
            job = await jobs.submit_body(msgspec.json.encode(body))
            show(job.status)
            if manner.wait:
                job = await jobs.wait(job.id, show=show)
        if manner.stream:
            return _end(await _watch(jobs, job, manner))
        click.echo(msgspec.json.encode(job) if manner.as_json else (job.text if manner.wait else job.id) or "")
        return _end(job) if manner.wait else _ALL_COMPLETED


def _tell(trouble: str) -> None:
    progress.say(f"headrace: {trouble}", err=True, colour="yellow")


async def _watch(jobs: AsyncJobs, job: Job, manner: Manner) -> Job:
    shown = Shown()
    async for event in jobs.follow(job.id):
        told = told_by(event)
        if isinstance(told, DoneTold):
            job = told.job
        if manner.as_json:
            data = msgspec.Raw(event.data.encode())
            click.echo(msgspec.json.encode({"event": event.event, "id": event.id, "data": data}))
        elif told is not None and (piece := shown.take(told)) is not None:
            click.echo((STARTS_OVER if piece.starts_over else "") + piece.text, nl=False)
    if not manner.as_json and shown.whole and not shown.whole.endswith("\n"):
        click.echo()
    return job


def _end(job: Job) -> int:
    if job.status != "completed":
        raise JobFailed(job)
    return _ALL_COMPLETED


async def _many(settings: ClientSettings, content: bytes, body: prompts.Body, manner: Manner) -> int:
    failed = 0
    lines: Sequence[Line | BadLine] = list(prompts.from_jsonl(content, body))
    async with _connected(settings, connections=manner.at_once) as jobs:
        if any(isinstance(each, Line) and "model" not in each.body for each in lines):
            model = await jobs.first_model()
            lines = [
                replace(each, body={"model": model, **each.body}) if isinstance(each, Line) else each for each in lines
            ]
        if not manner.anew:
            lines = prompts.keyed(lines, content)
        with progress.bar(len(lines)) as advance:

            def tell(outcome: Outcome) -> None:
                nonlocal failed
                failed += bool(outcome.failure)
                _print(outcome, manner)
                advance(failed)

            await submit_all(jobs, lines, tell, at_once=manner.at_once, wait=manner.wait)
    done = "completed" if manner.wait else "accepted"
    counted = f"{len(lines) - failed} {done}, {failed} failed"
    if failed and manner.as_json:
        raise Failed(counted)
    click.echo(counted, err=True)
    return _SOME_FAILED if failed else _ALL_COMPLETED


def _print(outcome: Outcome, manner: Manner) -> None:
    if manner.as_json:
        said: dict[str, Any] = {"line": outcome.line, "job": outcome.job}
        progress.say(msgspec.json.encode({**said, "error": outcome.failure or None}).decode())
    elif outcome.failure:
        progress.say(f"line {outcome.line}: {outcome.failure}", err=True, colour="red")
    elif outcome.job is not None:
        answer = outcome.job.text if manner.wait else None
        progress.say("\t".join((str(outcome.line), outcome.job.id, *([] if answer is None else [_in_a_line(answer)]))))


def _in_a_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
