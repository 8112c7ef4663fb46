"""`headrace migrate`. Each command has a module of its own, so that none waits for what another needs to import."""

import click

from analytics import migrate as migrations
from analytics.settings import AnalyticsSettings
from infra import clickhouse, stack_file
from infra.command_line import json_option, print_json
from infra.settings import ClickHouseSettings, LocalSettings


@click.command(epilog="Example: headrace migrate")
@click.option("--to", type=int, default=None, help="Number of the migration to go to, up or down; 0 undoes all.")
@json_option("Print one object: `database`, and what was `done`, in words.")
def migrate(to: int | None, as_json: bool) -> None:
    """Bring the ClickHouse tables to the newest version, and text to its retention.

    The database is the one of HEADRACE_CLICKHOUSE__URL, or else that of the stack running here; it is created if there
    is none. May be run as often as you like.
    """
    settings = stack_file.addressed(ClickHouseSettings.from_env(), stack_file.read(LocalSettings.from_env()))
    done = migrations.migrate(settings, AnalyticsSettings.from_env(), to=to)
    if as_json:
        print_json({"database": clickhouse.database(settings), "done": done})
        return
    for each in done or ["nothing to do"]:
        click.echo(f"{clickhouse.database(settings)}: {each}")
