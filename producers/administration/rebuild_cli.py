"""`headrace rebuild`: the views made anew from the log."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from infra import stack_file
from infra.command_line import Failed, Number, json_option, print_json
from infra.settings import LocalSettings, RedisSettings
from producers.administration.command import log_settings
from producers.state.setting_back import Progress, dropped, set_back, until_whole

_PATIENCE_S: Final = 60.0
_LOST: Final = (
    "Redis forgets all that follows from the log, and the views read it again. Until they have, prompts and lists are "
    "answered 503, and running jobs begin again. What the log does not hold is lost: cancels of running jobs, what "
    "readers were shown of running answers, and turns of more than 30 days ago in conversations that are still in use."
)


@click.command()
@click.option("--yes", is_flag=True, help="Do it without asking; needed where nobody can be asked.")
@click.option(
    "--patience",
    "patience_s",
    type=Number(),
    default=_PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="How long nothing may go on before the command stops waiting.",
)
@json_option("Print one object: `keys` that went, `records` that were read again, and what it `took_s`.")
def rebuild(*, yes: bool, patience_s: float, as_json: bool) -> None:
    """Make the views in Redis anew from the log, after asking, and wait until they are whole.

    Jobs, conversations, files and batches as they are known, the answer cache, what was spent today, and the webhooks
    that are still to be sent. For a Redis that shows something else than the log (`headrace audit` tells), or that was
    given an older copy of its data.

    It may be done under load, twice, and broken off at any moment: the views are set back in one step, and `fanout` and
    `deliver`, which must run, go on reading by themselves. Exit code 1 where they do not.

    \b
    headrace rebuild
    headrace rebuild --yes && headrace audit
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    kafka, redis = (
        log_settings(),
        stack_file.addressed(RedisSettings.from_env(), stack_file.read(LocalSettings.from_env())),
    )
    if not yes:
        _ask(asyncio.run(dropped(kafka, redis)))
    began_s = time.monotonic()
    keys = asyncio.run(set_back(redis))
    with _progress() as tell:
        found = asyncio.run(until_whole(kafka, redis, patience_s, tell))
    took_s = time.monotonic() - began_s
    if not found.done:
        raise Failed(
            f"the views were set back, and nothing went on for {patience_s:g} s: {found.whole} of {found.partitions} "
            f"partitions are whole, {found.read:,} of {found.records:,} records read. Do fanout and deliver run?"
        )
    if as_json:
        print_json({"keys": keys, "records": found.records, "took_s": took_s})
    else:
        click.echo(f"{keys:,} keys went; {found.records:,} records were read again in {took_s:.1f} s: all is whole")


def _ask(endings_dropped: int) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --yes to make the views anew")
    click.echo(_LOST, err=True)
    if endings_dropped:
        click.echo(
            f"The log has dropped its first {endings_dropped:,} endings: Redis will not know of those jobs.", err=True
        )
    click.confirm("Make them anew?", abort=True, err=True)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """How far it has come, on standard error where that is a terminal."""
    console = Console(stderr=True)
    if not (console.is_terminal and console.file.isatty()):
        yield lambda _: None
        return
    columns = TextColumn("reading the log"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("")
        yield lambda now: bars.update(bar, completed=now.read, total=now.records)
