"""The `headrace` command: reads the list of commands from the installed package's table of contents and runs one.

Exit codes: 0 done; 1 the command failed; 2 wrong usage or a wrong setting; 3 a part cannot be reached; 130 interrupted.
"""

import os
import sys
from importlib.metadata import EntryPoint, entry_points, version

import click

from infra.errors import HeadraceError, Unavailable, WrongSetting
from infra.settings import refuse_unknown

FAILED, WRONG_USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130


class TableOfContents(click.Group):
    """Commands by the names under `headrace.commands`; a command's room is imported only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(_commands())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        found = _commands().get(cmd_name)
        return None if found is None else found.load()


def _commands() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group="headrace.commands")}


@click.group(cls=TableOfContents, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(version("headrace"), prog_name="headrace")
@click.pass_context
def headrace(context: click.Context) -> None:
    """Self-hosted, event-driven ChatGPT-style inference: HTTP to Kafka to TGI and back.

    Start with `headrace up`. Every command takes --help.
    """
    # The doctor tells of every wrong setting at once, so it lives with them.
    if context.invoked_subcommand != "doctor":
        refuse_unknown()


def main() -> None:
    """Run the command line; turns our errors into one line and an exit code."""
    try:
        sys.exit(headrace(standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough of it; what is still in the buffer must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except WrongSetting as error:
        _say(error)
        sys.exit(WRONG_USAGE)
    except Unavailable as error:
        _say(error)
        sys.exit(UNREACHABLE)
    except HeadraceError as error:
        _say(error)
        sys.exit(FAILED)


def _say(error: Exception) -> None:
    click.secho(f"headrace: {error}", err=True, fg="red")


if __name__ == "__main__":
    main()
