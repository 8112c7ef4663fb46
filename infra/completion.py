"""`headrace completion`: the script that lets a shell complete our commands, options and topics."""

from typing import Final

import click
from click.shell_completion import get_completion_class

from infra.cli import headrace
from infra.command_line import json_option, print_json

NAME: Final = "headrace"
VARIABLE: Final = "_HEADRACE_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@json_option("Print one object: `shell` and its `script`.")
def completion(shell: str, as_json: bool) -> None:
    """Print the script that lets a shell complete commands, options and topics.

    \b
    bash:  echo 'eval "$(headrace completion bash)"' >> ~/.bashrc    (bash 4.4 or newer)
    zsh:   echo 'eval "$(headrace completion zsh)"' >> ~/.zshrc
    fish:  headrace completion fish > ~/.config/fish/completions/headrace.fish
    """  # noqa: D301 # \b is click's mark for lines that are not to be wrapped
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 # click knows each of those above
    script = kind(headrace, {}, NAME, VARIABLE).source()
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
