"""Limits on the command line: an option for each, and how they read."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
import msgspec

from producers.events import Limits

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_MEANING: Final = {
    "requests_per_minute": "Prompts and other writes in a minute, and ten times as many reads; more get 429.",
    "tokens_per_minute": "Tokens in and out in a minute.",
    "jobs_in_flight": "Jobs that may be queued or running at once.",
    "queued_jobs": "Of these, jobs that no worker has begun.",
    "tokens_per_day": "Tokens in and out in a day of UTC.",
}
_WORDS: Final = {
    "requests_per_minute": "requests a minute",
    "tokens_per_minute": "tokens a minute",
    "jobs_in_flight": "jobs in flight",
    "queued_jobs": "jobs queued",
    "tokens_per_day": "tokens a day",
}


NAMES: Final = tuple(name.replace("_", "-") for name in _MEANING)
"""Of the limits, as options have them."""


def limit_options(default: Limits, *, changing: bool = False) -> Callable[[Decorated], Decorated]:
    """An option for each limit, handed over by the names of `Limits`; `changing`, what is not given stays as it was."""

    def decorated(command: Decorated) -> Decorated:
        for name, meaning in reversed(_MEANING.items()):
            usual = getattr(default, name)
            told = meaning if changing or usual is not None else f"{meaning} None given: without limit."
            option = click.option(
                f"--{name.replace('_', '-')}", type=click.IntRange(min=1), default=usual, show_default=True, help=told
            )
            command = option(command)
        return command

    return decorated


def in_words(limits: Limits) -> str:
    """The limits there are, for a person."""
    found = {name: number for name, number in msgspec.structs.asdict(limits).items() if number is not None}
    return ", ".join(f"{number} {_WORDS[name]}" for name, number in found.items()) or "none"
