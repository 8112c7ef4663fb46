"""Brings the tables to a version: numbered SQL files, recorded in the table `migrations`, each with its way back.

A step that dies in the middle is run again from its start, so its statements must bear that (IF NOT EXISTS).
"""

import logging
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from analytics.settings import AnalyticsSettings
from infra import clickhouse
from infra.errors import NeverTryAgain
from infra.settings import ClickHouseSettings

log = logging.getLogger(__name__)

_RECORD = """
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32,
    name String,
    applied Bool,
    at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY number
"""
_NAME = re.compile(r"(\d{4})_(\w+)\.sql")
_TEXTS = (
    ("answers", "prompt", "finished_at"),
    ("answers", "answer", "finished_at"),
    ("feedback", "text", "at"),
    ("feedback", "comment", "at"),
)
"""Columns of text that a client wrote or was told: table, column, and the time from which its retention runs."""


@dataclass(frozen=True)
class Migration:
    """One step and its way back."""

    number: int
    name: str
    up: tuple[str, ...]
    down: tuple[str, ...]


class NoSuchMigration(NeverTryAgain):
    """There is no step of that number."""


def migrations() -> tuple[Migration, ...]:
    """Every step, in order."""
    folder = resources.files("analytics") / "migrations"
    files = sorted(folder.iterdir(), key=lambda each: each.name)
    named = [(found, each) for each in files if (found := _NAME.fullmatch(each.name))]
    return tuple(
        Migration(
            number=int(found[1]),
            name=found[2],
            up=statements(each.read_text()),
            down=statements((folder / f"{found[1]}_{found[2]}.down.sql").read_text()),
        )
        for found, each in named
    )


def statements(sql: str) -> tuple[str, ...]:
    """The statements of a file: each ends with a semicolon at the end of a line."""
    bare = "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
    return tuple(each.strip() for each in re.split(r";\s*$", bare, flags=re.MULTILINE) if each.strip())


def migrate(
    clickhouse_settings: ClickHouseSettings, settings: AnalyticsSettings, *, to: int | None = None
) -> list[str]:
    """Bring the database, which is created if need be, to the newest step or to the one of that number.

    Returns:
        what was done, in words.

    Raises:
        Unavailable: ClickHouse refused or does not answer; what was done stays done.
        NoSuchMigration: there is no step `to`.
    """
    steps = migrations()
    newest = steps[-1].number
    if to is not None and not 0 <= to <= newest:
        raise NoSuchMigration(f"there is no migration {to}; the newest is {newest}")
    try:
        _create_database(clickhouse_settings)
        with clickhouse.client(clickhouse_settings) as client:
            done = _step(client, steps, newest if to is None else to)
            if to is None or to == newest:
                _keep_text_for(client, settings.text_retention_days)
            return done
    except clickhouse.FAILURES as error:
        raise clickhouse.unavailable(error) from None


def applied(client: Any) -> set[int]:
    """Numbers of the steps that are done."""
    return {number for (number,) in client.execute("SELECT number FROM migrations FINAL WHERE applied")}


def _create_database(settings: ClickHouseSettings) -> None:
    with clickhouse.client_of_server(settings) as client:
        client.execute(f"CREATE DATABASE IF NOT EXISTS `{clickhouse.database(settings)}`")


def _step(client: Any, steps: tuple[Migration, ...], to: int) -> list[str]:
    client.execute(_RECORD)
    there = applied(client)
    up = [each for each in steps if each.number <= to and each.number not in there]
    down = [each for each in reversed(steps) if each.number > to and each.number in there]
    for each in down:
        _run(client, each, each.down, applied=False)
    for each in up:
        _run(client, each, each.up, applied=True)
    return [f"undid {each.number:04} {each.name}" for each in down] + [
        f"did {each.number:04} {each.name}" for each in up
    ]


def _run(client: Any, migration: Migration, texts: tuple[str, ...], *, applied: bool) -> None:
    for text in texts:
        client.execute(text)
    row = (migration.number, migration.name, applied)
    client.execute("INSERT INTO migrations (number, name, applied) VALUES", [row], settings={"async_insert": 0})
    log.info("migration %04d %s is %s", migration.number, migration.name, "done" if applied else "undone")


def _keep_text_for(client: Any, days: int) -> None:
    """Text leaves its rows when a part is merged after that many days; the rest of the row stays."""
    for table, column, since in _TEXTS:
        had, wanted = _ttl(client, table, column), f"toDateTime({since}) + toIntervalDay({days})"
        if days and had != wanted:
            client.execute(f"ALTER TABLE {table} MODIFY COLUMN {column} String TTL {wanted}")
        elif had and not days:
            client.execute(f"ALTER TABLE {table} MODIFY COLUMN {column} REMOVE TTL")


def _ttl(client: Any, table: str, column: str) -> str:
    rows = client.execute(f"DESCRIBE TABLE {table}")
    return next((str(row[6]) for row in rows if row[0] == column), "")
