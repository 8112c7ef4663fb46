"""`headrace doctor`: every setting as it stands, and every part we depend on as it answers."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra import stack_file
from infra.errors import WrongSetting
from infra.parts import Part, examine
from infra.settings import Block, LocalSettings, Setting, blocks

_HEALTHY: Final = 0
_UNREACHABLE: Final = 3


@dataclass(frozen=True)
class Group:
    """One block of settings as it stands."""

    name: str
    about: str
    settings: tuple[Setting, ...]


@click.command()
@click.option("--all/--changed", "everything", default=True, help="Show all settings, or only those that were changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def doctor(everything: bool, as_json: bool) -> None:
    """Show every setting, and whether Kafka, Redis, ClickHouse and the model server answer.

    Settings are grouped by part, secrets masked; a `*` marks what differs from its default. What is of the wrong type
    or contradicts another setting is refused by name. The parts are those of the settings, or else those of the stack
    running here.

    \b
    Exit code: 0 every part answers, 2 a setting is wrong, 3 a part does not answer.
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    groups = _groups(blocks())
    parts = asyncio.run(examine(stack_file.read(LocalSettings.from_env())))
    well = all(each.reachable for each in parts)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_plain(groups, parts, well))))
    else:
        _show(groups, parts, everything)
    sys.exit(_HEALTHY if well else _UNREACHABLE)


def _groups(known: Sequence[type[Block]]) -> list[Group]:
    groups, wrong = [], []
    for block in known:
        try:
            settings = tuple(block.from_env().shown())
        except WrongSetting as error:
            wrong.append(str(error))
            continue
        groups.append(Group(block.block or "common", (block.__doc__ or "").splitlines()[0], settings))
    if wrong:
        raise WrongSetting("; ".join(wrong))
    return sorted(groups, key=lambda group: group.name)


def _plain(groups: Sequence[Group], parts: Sequence[Part], well: bool) -> dict[str, Any]:
    settings = [
        {
            "block": group.name,
            "name": each.name,
            "value": each.shown,
            "default": each.default_shown,
            "changed": each.changed,
            "meaning": each.meaning,
        }
        for group in groups
        for each in group.settings
    ]
    return {
        "ok": well,
        "settings": settings,
        "parts": [{**asdict(each), "reachable": each.reachable} for each in parts],
    }


def _show(groups: Sequence[Group], parts: Sequence[Part], everything: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for group in groups:
        shown = [each for each in group.settings if everything or each.changed]
        if shown:
            console.print(f"\n[bold]{group.name}[/]: {escape(group.about)}")
        for each in shown:
            mark, style = ("*", "yellow") if each.changed else (" ", "default")
            default = f" (default: {each.default_shown or 'empty'})" if each.changed else ""
            console.print(f"{mark} {each.name}=[{style}]{escape(each.shown)}[/]")
            console.print(f"      [dim]{escape(each.meaning + default)}[/]")
    console.print(_table(parts), soft_wrap=False)


def _table(parts: Sequence[Part]) -> Table:
    found = Table("part", "answers", "after", "version or fault", "address", box=SIMPLE_HEAD)
    found.columns[4].overflow = "fold"
    for part in parts:
        answers = "[green]yes[/]" if part.reachable else "[red]no[/]"
        address = f"{part.address} (the stack running here)" if part.from_stack else part.address
        after = f"{part.took_ms:.0f} ms" if part.address else ""
        found.add_row(part.name, answers, after, escape(part.version or part.failure), escape(address))
    return found
