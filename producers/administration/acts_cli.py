"""`headrace acts`: who administered what, when, and from where."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from infra.command_line import json_option, print_json
from infra.screen import Screen, visible
from producers.administration.audit import AuditAsked, Recorded, read
from producers.administration.command import log_settings


@click.command(epilog="Example: headrace acts --limit 50 --of acme")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Acts to show at most.")
@click.option("--of", "target", default=None, help="Only the acts of this key or tenant, or upon it.")
@json_option(
    "Print one array, the newest act first: `id`, `act`, `target`, `actor`, `via`, `origin`, `changes`, `at_ms`."
)
def acts(limit: int, target: str | None, as_json: bool) -> None:
    """Show who made, changed, rotated and revoked keys or limited tenants, by API or command line, the newest first.

    An act is recorded before it is done: one that failed stands here too. The record is the topic `audit`.
    """
    found = read(log_settings(), AuditAsked(limit=limit, target=target)).acts
    if as_json:
        print_json([_plain(each) for each in found])
        return
    table = Table("when (UTC)", "who", "did", "to", "and changed", box=SIMPLE_HEAD)
    for at in (0, 3):
        table.columns[at].no_wrap = True
    for each in found:
        act, when = each.act, datetime.fromtimestamp(each.act.at_ms / 1000, UTC)
        who = f"{act.actor} ({act.via}, {act.origin})"
        changes = visible(", ".join(f"{it.field}: {it.before} to {it.after}" for it in act.changes))
        table.add_row(f"{when:%Y-%m-%d %H:%M:%S}", escape(visible(who)), act.act, escape(act.target), escape(changes))
    Screen().show(table)


def _plain(recorded: Recorded) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(recorded.act)
    del told["type"]
    return {"id": f"act_{recorded.offset}", **told}
