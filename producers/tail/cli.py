"""`headrace tail`: follow topics of the log, decoded."""

import select
import signal
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from infra import stack_file
from infra.clock import SystemClock
from infra.command_line import json_option, print_json
from infra.screen import Screen
from infra.settings import KafkaSettings, LocalSettings
from producers.log.topics import BY_NAME, TOPICS
from producers.tail.following import follow
from producers.tail.lines import line, plain, whole
from producers.tail.places import Begin, FromStart, Last, Now, Since, instant_ms
from producers.tail.seen import Seen, Wanted

_TYPES: Final = sorted({kind.__name__ for topic in TOPICS for kind in typing.get_args(topic.events) or (topic.events,)})


def _instant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return instant_ms(value, SystemClock().now_ms())
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a span (30s, 10m, 2h, 1d) nor a time of ISO 8601") from None


@click.command()
@click.argument("topics", nargs=-1, type=click.Choice(list(BY_NAME)), metavar="[TOPIC]...")
@click.option("--from-start", is_flag=True, help="Begin with the oldest record that the log still holds.")
@click.option("--since", "since_ms", callback=_instant, metavar="TIME", help="Begin so long ago (10m), or at a time.")
@click.option("--last", type=click.IntRange(min=0), metavar="N", help="Begin with the newest N records.")
@click.option("--job", metavar="ID", help="Only records of this job.")
@click.option("--tenant", metavar="NAME", help="Only records of this tenant.")
@click.option("--type", "type_", type=click.Choice([*_TYPES, "undecodable"]), metavar="EVENT", help="Only such events.")
@click.option("--conversation", metavar="ID", help="Only records of this conversation.")
@click.option("--full", is_flag=True, help="Show each event whole, beneath its line.")
@click.option("--no-follow", is_flag=True, help="End with the newest record there is, instead of waiting for more.")
@json_option("Print each record as an object on a line: topic, partition, offset, timestamp_ms, key, type, event.")
def tail(  # noqa: PLR0913 # one for each way to begin and to choose
    topics: tuple[str, ...],
    *,
    from_start: bool,
    since_ms: float | None,
    last: int | None,
    job: str | None,
    tenant: str | None,
    type_: str | None,
    conversation: str | None,
    full: bool,
    no_follow: bool,
    as_json: bool,
) -> None:
    """Follow topics of the log, decoded, from now on; all topics where none is named.

    The broker is the one of HEADRACE_KAFKA__BOOTSTRAP_SERVERS, or else that of the stack running here. Nothing is
    committed and no consumer group joined: nobody notices. A record that is no event is shown as such. Ctrl-C ends it
    (exit code 0), and so does whoever no longer reads its output.

    \b
    headrace tail answers dead.letters
    headrace tail --job job_01K… --from-start --no-follow
    headrace tail job.events --type DeliveryAttempted --since 10m --json | jq .event.status
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    if sum((from_start, since_ms is not None, last is not None)) > 1:
        raise click.UsageError("give one of --from-start, --since and --last")
    settings = stack_file.addressed(KafkaSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    wanted = Wanted(job, tenant, type_, conversation)
    say = _printer(as_json=as_json, full=full)
    with _told_to_end() as ended:
        records = follow(
            settings,
            [BY_NAME[each] for each in dict.fromkeys(topics or BY_NAME)],
            _begin(from_start, since_ms, last),
            goes_on=not no_follow,
            ended=lambda: ended() or _nobody_reads(),
            tell=lambda trouble: click.secho(f"headrace: {trouble}", err=True, fg="yellow"),
        )
        for each in records:
            if wanted.takes(each):
                say(each)
            if ended():
                break


def _begin(from_start: bool, since_ms: float | None, last: int | None) -> Begin:
    if from_start:
        return FromStart()
    if since_ms is not None:
        return Since(since_ms)
    return Now() if last is None else Last(last)


def _printer(*, as_json: bool, full: bool) -> Callable[[Seen], None]:
    if as_json:
        return lambda each: print_json(plain(each))
    console = Screen(highlight=False)
    # A line of a pipe is whole; one on a terminal ends where that does, unless all is wanted.
    cut: dict[str, Any] = (
        {"no_wrap": True, "overflow": "ellipsis", "crop": True} if console.is_terminal else {"soft_wrap": True}
    )

    def say(each: Seen) -> None:
        console.print(line(each), **cut)
        if full:
            console.print(whole(each), markup=False, soft_wrap=True, style="dim")

    return say


@contextmanager
def _told_to_end() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; pressed again, it ends us as it ends everybody."""
    pressed = False

    def heard(_number: int, _frame: Any) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, heard)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _nobody_reads() -> bool:
    """Whether standard output is a pipe that was closed at its other end, though we have nothing to write just now."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return False
