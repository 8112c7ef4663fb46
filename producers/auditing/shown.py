"""How an audit's verdict reads, to a person and to a script; and how far it has come, on a terminal."""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.screen import Screen, visible
from producers.auditing.examining import Found, Tell
from producers.auditing.verdict import KINDS, Verdict


def show(found: Found) -> None:
    """Tell a person."""
    screen, verdict = Screen(highlight=False), found.verdict
    for line in _lines(found):
        screen.print(escape(line), soft_wrap=True)
    for each in verdict.offenders:
        told = f"{each.kind}: {visible(each.job_id)} ({visible(each.place)}): {visible(each.what)}"
        screen.print(escape(told), style="red", soft_wrap=True)
    for kind, many in verdict.violations.items():
        shown = sum(each.kind == kind for each in verdict.offenders)
        if many > shown:
            screen.print(f"{kind}: and {many - shown:,} more", style="red")


def plain(found: Found) -> dict[str, Any]:
    """Tell a script."""
    verdict = found.verdict
    told = dataclasses.asdict(verdict)
    executions = told["executions"] | {"extra_share": verdict.executions.extra_share}
    return {"kept": verdict.kept, **told, "executions": executions, "unreadable": found.unreadable}


@contextmanager
def progress() -> Iterator[Tell]:
    """How far it has come, on standard error where that is a terminal."""
    console = Console(stderr=True)
    if not (console.is_terminal and console.file.isatty()):
        yield lambda _what, _done, _total: None
        return
    columns = TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task("")
        yield lambda what, done, total: bars.update(bar, description=what, completed=done, total=total or None)


def _lines(found: Found) -> Iterator[str]:
    verdict = found.verdict
    ran = verdict.executions
    yield f"accepted {verdict.accepted:,} = {_sum(verdict)}"
    if verdict.in_flight:
        yield f"in flight: {_told(verdict.in_flight)}"
    if verdict.gone:
        yield f"besides, {verdict.gone:,} jobs of whose end the log holds nothing any more"
    for kind, many in verdict.violations.items():
        yield f"{kind} {many:,}" if kind in ("lost", "doubled") else f"{kind}: {_compared(verdict, kind, many)}"
    yield (
        f"extra executions {ran.extra:,} ({ran.extra_share:.2%} of {ran.jobs:,} jobs that ran); "
        f"{ran.claims:,} claims, {ran.tries:,} tries that a model server failed"
    )
    again = f"{verdict.said_again:,} endings said again, {verdict.overruled:,} overruled by the first"
    yield f"{again}; {verdict.prompts_again:,} prompts again; {found.unreadable:,} records that nobody can read"
    yield "every promise was kept" if verdict.kept else "a promise was broken"


def _sum(verdict: Verdict) -> str:
    parts = {**verdict.ended, "in flight": sum(verdict.in_flight.values()), "lost": verdict.violations.get("lost", 0)}
    return " + ".join(f"{many:,} {name}" for name, many in parts.items())


def _compared(verdict: Verdict, kind: str, many: int) -> str:
    fates: dict[str, int] = getattr(verdict, kind)
    return ", ".join(filter(None, (_told(fates), f"{many:,} broken"))) if kind in KINDS else ""


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{many:,} {name}" for name, many in counts.items())
