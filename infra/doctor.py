"""`headrace doctor`: what is wrong, every part and process as it answers, and the settings that were changed."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra import stack_file
from infra.command_line import json_option, print_json
from infra.errors import WrongSetting
from infra.local.disk import room
from infra.local.disk.room import Room
from infra.parts import Part, examine, visit
from infra.screen import Screen
from infra.settings import Block, LocalSettings, Setting, blocks, given_here, unknown, without_password
from infra.stack_file import Stack

_HEALTHY: Final = 0
_WRONG_SETTING: Final = 2
_UNREACHABLE: Final = 3


@dataclass(frozen=True)
class Group:
    """One block of settings as it stands."""

    name: str
    about: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True)
class Findings:
    """What the doctor has found; `wrong` are settings that nothing would start with."""

    wrong: list[str]
    parts: list[Part]
    processes: list[Part]
    groups: list[Group]
    rooms: list[Room]
    free_bytes: int

    @property
    def exit_code(self) -> int:
        """A wrong setting first: who mends it sees the parts better."""
        if self.wrong:
            return _WRONG_SETTING
        return _HEALTHY if all(each.reachable for each in (*self.parts, *self.processes)) else _UNREACHABLE


@click.command(epilog="Example: headrace doctor --all")
@click.option("--all", "everything", is_flag=True, help="Show all settings, not only those that were changed.")
@json_option("Print one object: `ok`, `wrong`, `parts`, `processes`, `disk`, and all `settings`.")
def doctor(everything: bool, as_json: bool) -> None:
    """Show whether Kafka, Redis, ClickHouse and the model server answer, and which settings were changed.

    First comes what is wrong: a setting that is unknown, of the wrong type, or in contradiction to another. Then the
    parts, at the addresses of the settings or else of the stack running here, and the processes of that stack; then
    the settings that differ from their defaults, secrets masked.

    \b
    Exit code: 0 all of them answer, 2 a setting is wrong, 3 a part or a process does not answer.
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    found = _find(blocks())
    if as_json:
        print_json(_plain(found))
    else:
        _show(found, everything)
    sys.exit(found.exit_code)


def _find(known: Sequence[type[Block]]) -> Findings:
    wrong, groups, stack = [], [], None
    try:
        wrong += unknown()
        sources = given_here()
    except WrongSetting as error:
        # The file itself: no block could say more.
        return Findings([without_password(str(error))], *asyncio.run(_look(None)), [], [], 0)
    for block in known:
        try:
            settings = tuple(block.from_env().shown(sources))
        except WrongSetting as error:
            wrong.append(without_password(str(error)))
            continue
        groups.append(Group(block.block or "common", (block.__doc__ or "").splitlines()[0], settings))
    rooms, free = [], 0
    try:
        local = LocalSettings.from_env()
        rooms, free = room.taken(local), room.free_bytes(local.dir)
        stack = stack_file.read(local)
    except WrongSetting as error:
        wrong.append(without_password(str(error)))
    parts, processes = asyncio.run(_look(stack))
    return Findings(wrong, parts, processes, sorted(groups, key=lambda group: group.name), rooms, free)


async def _look(stack: Stack | None) -> tuple[list[Part], list[Part]]:
    return await asyncio.gather(examine(stack), visit(stack))


def _plain(found: Findings) -> dict[str, Any]:
    settings = [
        {
            "block": group.name,
            "name": each.name,
            "value": each.shown,
            "default": each.default_shown,
            "changed": each.changed,
            "source": each.source,
            "meaning": each.meaning,
        }
        for group in found.groups
        for each in group.settings
    ]
    return {
        "ok": found.exit_code == _HEALTHY,
        "wrong": found.wrong,
        "parts": [{**asdict(each), "reachable": each.reachable} for each in found.parts],
        "processes": [{**asdict(each), "reachable": each.reachable} for each in found.processes],
        "disk": {
            "free_bytes": found.free_bytes,
            "parts": [{**asdict(each), "folder": str(each.folder)} for each in found.rooms],
        },
        "settings": settings,
    }


def _show(found: Findings, everything: bool) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for each in found.wrong:
        console.print(f"[red]wrong:[/] {escape(each)}")
    console.show(_table(found.parts, "part", "version"))
    if found.processes:
        console.show(_table(found.processes, "process", "state"))
    console.show(_disk(found))
    for group in found.groups:
        _show_group(console, group, everything)
    settings = [each for group in found.groups for each in group.settings]
    if not everything:
        changed = sum(each.changed for each in settings)
        console.print(f"{changed} of {len(settings)} settings differ from their defaults; --all shows the rest.")


def _show_group(console: Console, group: Group, everything: bool) -> None:
    shown = [each for each in group.settings if everything or each.changed]
    if not shown:
        return
    console.print(f"[bold]{group.name}[/]: {escape(group.about)}")
    for each in shown:
        mark, style = ("*", "yellow") if each.changed else (" ", "default")
        given = f"; given in {each.source}" if each.source else ""
        default = f" (default: {each.default_shown or 'empty'}{given})" if each.changed else ""
        console.print(f"{mark} {each.name}=[{style}]{escape(each.shown)}[/]")
        console.print(f"      [dim]{escape(each.meaning + default)}[/]")
    console.print()


def _table(parts: Sequence[Part], kind: str, told: str) -> Table:
    found = Table(kind, "answers", f"{told} or fault", "address", box=SIMPLE_HEAD)
    found.columns[0].no_wrap = found.columns[1].no_wrap = True
    found.columns[3].overflow = "fold"
    for part in parts:
        after = f" in {part.took_ms:.0f} ms" if part.reachable else ""
        answers = f"[green]yes[/]{after}" if part.reachable else "[red]no[/]"
        whose = "\n[dim]the stack running here[/]" if part.from_stack else ""
        found.add_row(part.name, answers, escape(part.version or part.failure), escape(part.address) + whose)
    return found


def _disk(found: Findings) -> Table:
    shown = Table("on disk", "takes", "at most", "folder", box=SIMPLE_HEAD)
    for name in shown.columns[:3]:
        name.no_wrap = True
    shown.columns[3].overflow = "fold"
    for each in found.rooms:
        limit = room.in_mb(each.limit_bytes) if each.limit_bytes else ""
        shown.add_row(each.name, room.in_mb(each.taken_bytes), limit, escape(str(each.folder)))
    shown.add_row("free", room.in_mb(found.free_bytes))
    return shown
