"""How a stack stands, for a person and for a script."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from infra.local.stack.standing import Process, Standing
from infra.screen import Screen

_STATES: Final = {
    "ready": "[green]ready[/]",
    "not_ready": "[yellow]not ready[/]",
    "starting": "[yellow]starting, or stopping[/]",
    "stopped": "not running; `headrace up` starts it",
}


def in_words(size_bytes: int) -> str:
    """A number of bytes for a person."""
    return decimal(size_bytes)


def lasted(seconds: float) -> str:
    """A time span for a person, in its two largest units."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def plain(found: Standing) -> dict[str, Any]:
    """As `headrace status --json` prints it."""
    stack = found.stack
    return {
        "state": found.state,
        "folder": str(found.folder),
        "supervisor": found.supervisor,
        "since_ms": found.since_ms,
        "gateway_url": stack.gateway_url if stack else None,
        "pages": pages(stack.gateway_url) if stack else {},
        "api_key": stack.api_key if stack else None,
        "processes": [vars(each) for each in found.processes],
        "data_bytes": {**found.data_bytes, "total": found.total_bytes},
        "log_excess_bytes": found.log_excess_bytes,
        "downloads": {"folder": str(found.downloads), "bytes": found.downloads_bytes},
    }


def pages(gateway_url: str) -> dict[str, str]:
    """The pages for people, by name."""
    return {"chat": f"{gateway_url}/", "dashboard": f"{gateway_url}/dashboard"}


def show(found: Standing, console: Screen) -> None:
    """Print it."""
    lines = {"stack": _STATES[found.state], "folder": escape(str(found.folder))}
    if found.since_ms is not None:
        since = datetime.fromtimestamp(found.since_ms / 1000, UTC).astimezone()
        lines["since"] = f"{since:%Y-%m-%d %H:%M:%S} (process {found.supervisor})"
    if found.stack is not None:
        lines |= {"gateway": found.stack.gateway_url, "API key": found.stack.api_key}
        lines |= pages(found.stack.gateway_url)
    lines["data"] = sizes_line(found.data_bytes)
    lines["downloads"] = escape(f"{in_words(found.downloads_bytes)} in {found.downloads}, shared by all stacks")
    if found.log_excess_bytes:
        lines["too large"] = (
            f"[yellow]the log, by {in_words(found.log_excess_bytes)}: what somebody has still to read is kept; "
            "`headrace topics lag` shows who[/]"
        )
    for name, told in lines.items():
        console.print(f"[bold]{name:<10}[/] {told}", soft_wrap=True)
    if found.processes:
        console.show(_table(found))


def sizes_line(sizes: Mapping[str, int]) -> str:
    """How big the data are, altogether and of each part."""
    each = ", ".join(f"{name} {in_words(size_bytes)}" for name, size_bytes in sizes.items() if size_bytes)
    return f"{in_words(sum(sizes.values()))}" + (f" ({each})" if each else "")


def _table(found: Standing) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("process", no_wrap=True)
    for name in ("pid", "up for", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ready", no_wrap=True)
    table.add_column("address", overflow="fold")
    for each in found.processes:
        table.add_row(*_row(each))
    return table


def _row(each: Process) -> tuple[str, ...]:
    trouble = f"\n[red]{escape(each.trouble)}[/]" if each.trouble else ""
    return (
        each.name,
        str(each.pid or "given"),
        "" if each.uptime_s is None else lasted(each.uptime_s),
        "" if each.memory_bytes is None else in_words(each.memory_bytes),
        "[green]yes[/]" if each.ready else "[red]no[/]",
        escape(each.address) + trouble,
    )
