"""A job on a terminal: its timeline to scale, its attempts, deliveries and feedback, and its answer."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from rich.bar import Bar
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from gateway.client.commands.history import History, Row
from gateway.client.objects import Job, Timeline
from infra.screen import Screen, visible

BAR_WIDTH: Final = 40
_BESIDE_BARS: Final = 38
_SHORT: Final = {"at", "attempt", "outcome", "status", "took", "kind"}
_COLOURS: Final = {"completed": "green", "failed": "red", "running": "cyan", "queued": "cyan"}
_STEP_COLOURS: Final = {"claimed": "yellow", "first_token": "cyan", "finished": "green"}


class Span(NamedTuple):
    """From the step before to this one, in ms since the first."""

    name: str
    begin_ms: float
    end_ms: float


def spans(timeline: Timeline, now_ms: float, *, ended: bool) -> list[Span]:
    """The spans of a timeline in order; of a job that goes on the last one ends now. Pure."""
    found, before_ms = [], 0.0
    for step in timeline.steps:
        found.append(Span(step.step, before_ms, max(before_ms, step.since_received_ms)))
        before_ms = found[-1].end_ms
    if timeline.steps and not ended:
        since_ms = now_ms - timeline.steps[0].at_ms
        found.append(Span(f"{timeline.status} …", before_ms, max(before_ms, since_ms)))
    return found


def draw(found: History, console: Screen, now_ms: float) -> None:
    """Print it."""
    for name, told in _about(found.job):
        console.print(Text.assemble((f"{name:<13}", "bold"), told), soft_wrap=True)
    console.print()
    room = max(BAR_WIDTH // 4, min(BAR_WIDTH, console.width - _BESIDE_BARS))
    console.show(bars(spans(found.timeline, now_ms, ended=found.job.ended), room))
    for table in _tables(found):
        console.print()
        console.show(table)
    if found.events is None:
        console.print("\nattempts, deliveries and feedback: the reports do not tell them just now", style="dim")
    if found.job.text is not None:
        console.print()
        console.print(visible(found.job.text, keep="\n\t"), markup=False, emoji=False, soft_wrap=True)


def bars(spans: Iterable[Span], width: int = BAR_WIDTH) -> Table:
    """The timeline to scale: a row a step, a bar from the step before to it."""
    listed = list(spans)
    whole_ms = max((each.end_ms for each in listed), default=0.0) or 1.0
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(width=width)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True, style="dim")
    for each in listed:
        # What is too short to be drawn is shown as a sliver all the same.
        end = max(each.end_ms, each.begin_ms + whole_ms / width / 8)
        bar = Bar(whole_ms, each.begin_ms, end, width=width, color=_STEP_COLOURS.get(each.name, "blue"))
        table.add_row(each.name, bar, f"+{each.end_ms - each.begin_ms:.1f} ms", f"{each.end_ms:.1f} ms")
    return table


def _about(job: Job) -> Iterator[tuple[str, Text]]:
    yield "job", Text(visible(job.id))
    yield "status", Text(job.status, style=_COLOURS.get(job.status, "yellow"))
    if job.error:
        code = f" ({job.error.code})" if job.error.code else ""
        yield "error", Text(visible(f"{job.error.message}{code}"), style="red")
    yield "model", Text(visible(job.model))
    yield "lane", Text(job.lane)
    if job.conversation:
        yield "conversation", Text(visible(job.conversation))
    yield "attempt", Text(str(job.attempt))
    if job.cache:
        yield "cache", Text(job.cache)
    if job.usage:
        yield "tokens", Text(f"{job.usage.prompt_tokens} in, {job.usage.completion_tokens} out")
    if job.created_at is not None:
        yield "received", Text(_clock(job.created_at, "%Y-%m-%d %H:%M:%S"))
    for name, value in job.metadata.items():
        yield "metadata", Text(visible(f"{name}: {value}"))


def _tables(found: History) -> Iterator[Table]:
    attempts = found.of_type("JobClaimed", "RetryScheduled")
    if attempts:
        yield _table("attempts", ("at", "attempt", "worker", "what"), (_attempt(each) for each in attempts))
    if deliveries := found.of_type("DeliveryAttempted"):
        columns = ("at", "attempt", "outcome", "status", "took", "webhook")
        yield _table("deliveries", columns, (_delivery(each) for each in deliveries))
    if found.feedback:
        yield _table("feedback", ("at", "kind", "value", "comment", "author"), (_said(each) for each in found.feedback))


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    table = Table(*columns, title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in table.columns:
        column.no_wrap, column.overflow = column.header in _SHORT, "fold"
    for row in rows:
        table.add_row(*(Text(visible("" if cell is None else str(cell))) for cell in row))
    return table


def _attempt(row: Row) -> tuple[Any, ...]:
    tried = row.get("type") == "RetryScheduled"
    what = f"again in {row.get('after_s')} s: {row.get('reason')}" if tried else "claimed"
    return _clock(row.get("at")), row.get("attempt"), row.get("worker"), what


def _delivery(row: Row) -> tuple[Any, ...]:
    duration = row.get("duration_ms")
    took = "" if duration is None else f"{duration:.0f} ms"
    where = " ".join(str(each) for each in (row.get("url"), row.get("error")) if each)
    return _clock(row.get("at")), row.get("attempt"), row.get("outcome"), row.get("status"), took, where


def _said(row: Row) -> tuple[Any, ...]:
    return _clock(row.get("said_at")), *(row.get(each) for each in ("kind", "value", "comment", "author"))


def _clock(at_s: float | None, form: str = "%H:%M:%S") -> str:
    return "" if at_s is None else datetime.fromtimestamp(at_s, UTC).astimezone().strftime(form)
