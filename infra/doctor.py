"""`headrace doctor`: every setting as it stands, secrets masked."""

import click

from infra.settings import blocks


@click.command()
def doctor() -> None:
    """Show every setting with its value, default and meaning; refuse those that contradict one another."""
    for block in blocks():
        for each in block.from_env().shown():
            click.echo(f"{each.name}={each.shown}  # {each.meaning}")
