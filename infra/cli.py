"""The `headrace` command: reads the list of commands from the installed package's table of contents and runs one.

Nothing is imported here that `headrace --help` and the completion of a shell can do without: each has to answer while a
person waits.
"""

import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from infra import platforms
from infra.command_line import Group
from infra.errors import HeadraceError, Unavailable, WrongSetting

DONE, FAILED, WRONG_USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

EXIT_CODES: Final = {
    DONE: "done; also where whoever read the output had enough of it (`headrace tail answers | head`)",
    FAILED: "it failed, or what was asked for did not come about",
    WRONG_USAGE: "wrong usage, a wrong setting, or a machine that is not supported",
    UNREACHABLE: "a part, a process or the stack cannot be reached or does not run",
    INTERRUPTED: "interrupted by Ctrl-C",
}
"""What each exit code means, the same for every command."""
_KINDS: Final = {FAILED: "failed", WRONG_USAGE: "wrong_usage", UNREACHABLE: "unreachable", INTERRUPTED: "interrupted"}


class TableOfContents(Group):
    """Commands by the names under `headrace.commands`; a command's room is imported only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        found = _commands().get(cmd_name)
        if found is None:
            return None
        try:
            command: click.Command = found.load()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] in _ROOMS:
                raise
            machine = platforms.this_machine()
            raise click.ClickException(platforms.missing_package(cmd_name, error.name or "?", machine)) from None
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; of a closed pipe click would make exit code 1, had the error a number."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise BrokenPipeError from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List them all, each with its sentence."""
        with formatter.section("Commands"):
            formatter.write_dl(list(summaries()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names that begin so, each with its sentence; and options."""
        found = [CompletionItem(name, help=told) for name, told in summaries() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


_ROOMS: Final = ("producers", "gateway", "stream_workers", "analytics", "infra")


def _commands() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group="headrace.commands")}


def summaries() -> Iterator[tuple[str, str]]:
    """Every command with the first sentence of its help."""
    return ((name, summary(entry)) for name, entry in sorted(_commands().items()))


def summary(entry: EntryPoint) -> str:
    """The first sentence of a command's help, taken from its source: to import all rooms takes seconds."""
    spec = importlib.util.find_spec(entry.module)
    if spec is None or spec.origin is None:
        return ""
    source = Path(spec.origin).read_text()
    found = re.search(rf'^def {entry.attr}\(.*?"""(.+?)(?:\n|""")', source, re.MULTILINE | re.DOTALL)
    return found[1].removesuffix(".") if found else ""


@click.group(cls=TableOfContents, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="headrace", prog_name="headrace")
@click.pass_context
def headrace(context: click.Context) -> None:
    """Self-hosted, event-driven ChatGPT-style inference: HTTP to Kafka to TGI and back.

    Start with `headrace up`. Every command takes --help, and all but those that run one process, --json. Exit codes
    and what --json prints are in docs/cli.md.
    """
    from infra import settings  # noqa: PLC0415 # not needed for --help

    context.color = settings.colours()
    # The doctor tells of every wrong setting at once, so it lives with them.
    if context.invoked_subcommand != "doctor":
        settings.refuse_unknown()


def main() -> None:
    """Run the command line; turns our errors into one line and an exit code."""
    as_json = wants_json(sys.argv[1:])
    try:
        sys.exit(headrace(prog_name="headrace", standalone_mode=False))
    except click.ClickException as error:
        if not as_json:
            error.show()
        code, told = error.exit_code, error.format_message()
    except (click.Abort, KeyboardInterrupt):
        if not as_json:
            click.echo(err=True)
        code, told = INTERRUPTED, "interrupted"
    except BrokenPipeError:
        # Whoever read our output has enough of it; what is still in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(DONE)
    except HeadraceError as error:
        code, told = exit_code(error), str(error)
        if not as_json:
            click.secho(f"headrace: {error}", err=True, fg="red")
    if as_json:
        click.echo(json.dumps({"error": told, "kind": _KINDS.get(code, "failed"), "exit_code": code}), err=True)
    sys.exit(code)


def exit_code(error: HeadraceError) -> int:
    """The exit code that an error of ours stands for."""
    match error:
        case WrongSetting():
            return WRONG_USAGE
        case Unavailable():
            return UNREACHABLE
        case _:
            return FAILED


def wants_json(arguments: list[str]) -> bool:
    """Whether the command line asks for JSON, even where it is otherwise wrong."""
    return "--json" in arguments[: arguments.index("--") if "--" in arguments else None]


if __name__ == "__main__":
    main()
