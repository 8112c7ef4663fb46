"""`headrace env`: the variables by which clients in this shell reach the stack running here."""

import shlex

import click

from infra import lock, stack_file
from infra.command_line import json_option, print_json
from infra.errors import Unavailable
from infra.settings import LocalSettings
from infra.stack_file import Stack


@click.command()
@json_option("Print one object: each variable and its value.")
def env(*, as_json: bool) -> None:
    """Print the variables by which clients reach the stack running here.

    For a shell: `eval "$(headrace env)"`. The OpenAI SDK then finds the gateway and the key by itself, and curl finds
    them as $OPENAI_BASE_URL and $OPENAI_API_KEY.
    """
    local = LocalSettings.from_env()
    stack = stack_file.read(local)
    if stack is None and lock.is_held(local.dir / stack_file.LOCK):
        raise Unavailable("stack", f"the stack of {local.dir.absolute()} is not up yet, or stopping: `headrace status`")
    if stack is None:
        raise Unavailable("stack", f"no stack runs from {local.dir.absolute()}: `headrace up` starts one")
    stack_file.refuse_stopped(stack)
    variables = variables_of(stack)
    if as_json:
        print_json(variables)
    else:
        click.echo("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))


def variables_of(stack: Stack) -> dict[str, str]:
    """By variable, where the stack's gateway is and how it is entered, for the OpenAI SDK and for our own client."""
    return {
        "OPENAI_BASE_URL": f"{stack.gateway_url}/v1",
        "OPENAI_API_KEY": stack.api_key,
        "HEADRACE_CLIENT__URL": stack.gateway_url,
        "HEADRACE_CLIENT__API_KEY": stack.api_key,
        "OPENAI_WEBHOOK_SECRET": stack.webhook_secret,
        "RECEIVER_URL": stack.receiver_url,
    }
