"""What every command shares: `--json`, colours where a person looks, and groups that know what you meant."""

import difflib
import math
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from infra.errors import HeadraceError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Failed(HeadraceError):
    """The command did what it could, and what it was asked for did not come about."""


class Number(click.ParamType):
    """A number between two others; nan and infinity are none. Without `least` it must be above 0."""

    name = "number"

    def __init__(self, least: float | None = None, most: float = math.inf) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number, or wrong usage in plain words."""
        try:
            number = float(value)
        except ValueError:
            self.fail(f"{value!r} is no number.", param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        if self._least is None and number <= 0:
            self.fail(f"{value} is not above 0.", param, ctx)
        if self._least is not None and not self._least <= number <= self._most:
            self.fail(f"{value} is not from {self._least:g} to {self._most:g}.", param, ctx)
        return number


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
