"""The `headrace` command: reads the list of commands from the installed package's table of contents and runs one.

Exit codes: 0 done; 1 the command failed; 2 wrong usage or a wrong setting; 3 a part cannot be reached; 130 interrupted.
"""

import sys
from importlib.metadata import EntryPoint, entry_points, version

import click

from infra.errors import HeadraceError, Unavailable, WrongSetting
from infra.settings import refuse_unknown

FAILED, WRONG_USAGE, UNREACHABLE = 1, 2, 3


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
def headrace() -> None:
    """Self-hosted, event-driven ChatGPT-style inference: HTTP to Kafka to TGI and back.

    Start with `headrace up`. Every command takes --help.
    """
    refuse_unknown()


def main() -> None:
    """Run the command line; turns our errors into one line and an exit code."""
    try:
        headrace()
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
