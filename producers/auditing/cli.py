"""`headrace audit`: whether what the log says, and what everybody shows of it, is what was promised."""

import logging
import math
from typing import Final

import click

from infra import stack_file
from infra.clock import SystemClock
from infra.command_line import Failed, Number, json_option, print_json
from infra.settings import LocalSettings, RedisSettings
from producers.administration.command import log_settings
from producers.auditing.examining import PATIENCE_S, Question, examine
from producers.auditing.ledger import Span
from producers.auditing.rules import MOST_SHOWN
from producers.auditing.shown import plain, progress, show
from producers.auditing.verdict import KINDS, Kind
from producers.tail.places import instant_ms

_MAY_BE_LEFT_OUT: Final = ("clickhouse", "webhooks")


def _instant(_context: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return instant_ms(value, SystemClock().now_ms())
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a span (30s, 10m, 2h, 1d) nor a time of ISO 8601") from None


@click.command()
@click.option("--from", "from_ms", callback=_instant, metavar="TIME", help="Jobs received since then (10m: ago).")
@click.option("--to", "to_ms", callback=_instant, metavar="TIME", help="Jobs received before then.")
@click.option("--without", multiple=True, type=click.Choice(_MAY_BE_LEFT_OUT), help="Do not ask for this.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=MOST_SHOWN,
    show_default=True,
    help="Offenders of each kind to name at most; all are counted.",
)
@click.option(
    "--patience",
    "patience_s",
    type=Number(least=0),
    default=PATIENCE_S,
    show_default=True,
    metavar="SECONDS",
    help="How long those who read the log may take to catch up with where it ended.",
)
@json_option("Print one object: whether all was `kept`, the counts, `violations` by kind and the first `offenders`.")
def audit(
    from_ms: float | None,
    to_ms: float | None,
    *,
    without: tuple[Kind, ...],
    most: int,
    patience_s: float,
    as_json: bool,
) -> None:
    """Read the log again, and prove that no accepted job is lost or doubled; exit code 1 where one is.

    Every job accepted (its prompt is in the log, or its ending from the cache) has ended once, or is in flight. What
    Redis shows of it is the first ending in the log, ClickHouse counts that once, and its webhook was delivered, is
    planned, or gave up for all to see, under one id. Exit code 3: a part could not be asked, so nothing is proved.

    It may run at any time, also under load, and changes nothing. Memory stays small: what it reads lies in a file of
    its own where temporary files are kept, some hundred bytes a job.

    \b
    headrace audit
    headrace audit --from 2h
    headrace audit --from 2026-11-01T00:00Z --to 2026-11-02T00:00Z --json | jq .offenders
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    span = Span(0.0 if from_ms is None else from_ms, math.inf if to_ms is None else to_ms)
    if span.from_ms >= span.to_ms:
        raise click.UsageError("--from must be before --to")
    # The command says itself what goes wrong.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    redis = stack_file.addressed(RedisSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    question = Question(span, frozenset(KINDS) - frozenset(without), most, patience_s)
    with progress() as tell:
        found = examine(question, log_settings(), redis, SystemClock(), tell)
    if as_json:
        print_json(plain(found))
    else:
        show(found)
    if not found.verdict.kept:
        raise Failed(f"{sum(found.verdict.violations.values())} promises were broken")
