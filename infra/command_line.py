"""What every command shares: `--json`, colours where a person looks, and groups that know what you meant."""

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from infra.errors import HeadraceError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Failed(HeadraceError):
    """The command did what it could, and what it was asked for did not come about."""


class Group(click.Group):
    """A group of commands; of an unknown one it says which the nearest is."""

    # Groups beneath a group are of the same kind.
    group_class = type

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant, or wrong usage with the nearest names."""
        name = args[0]
        known = self.list_commands(ctx)
        if not ctx.resilient_parsing and not name.startswith("-") and name not in known:
            ctx.fail(f"no such command {name!r}{did_you_mean(name, known)}")
        return super().resolve_command(ctx, args)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that names the nearest of the known words; empty where none is near."""
    near = difflib.get_close_matches(word, list(known), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def json_option(meaning: str) -> Callable[[Decorated], Decorated]:
    """The option `--json`, handed over as `as_json`; `meaning` says what is printed then."""
    return click.option("--json", "as_json", is_flag=True, help=meaning)


def print_json(value: Any) -> None:
    """Print one JSON document on a line of its own."""
    import msgspec  # noqa: PLC0415 # the list of commands is shown without it

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
