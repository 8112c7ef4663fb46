"""Signs of life while a person waits, on a terminal only: a bar for many prompts, a spinner for one."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

_TEXT: Final = "{task.description}"


@contextmanager
def bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of so many prompts; call what it gives with the number of failed ones when one has ended."""
    with _live(TextColumn(_TEXT), BarColumn(), MofNCompleteColumn()) as live:
        task = live.add_task("prompts", total=total)

        def advance(failed: int) -> None:
            live.update(task, advance=1, description=f"prompts, {failed} failed" if failed else "prompts")

        yield advance


@contextmanager
def spinner(*, wanted: bool) -> Iterator[Callable[[str], None]]:
    """A spinner, if it is wanted; call what it gives with the state of what is waited for."""
    with _live(SpinnerColumn(), TextColumn(_TEXT), wanted=wanted) as live:
        task = live.add_task("asking the gateway", total=None)

        def show(state: str) -> None:
            live.update(task, description=state, refresh=True)

        yield show


def say(line: str, *, err: bool = False, colour: str | None = None) -> None:
    """Print a line, above whatever is live on the terminal."""
    # Click itself would write past rich, which stands in for the streams while something is live.
    click.secho(line, file=sys.stderr if err else sys.stdout, fg=colour)


def _live(*columns: ProgressColumn, wanted: bool = True) -> Progress:
    # Answers go above it where both are on one terminal, and straight to wherever else standard output leads.
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not (wanted and sys.stderr.isatty()),
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
    )
