"""The tables come and go by numbered steps."""

import json
from pathlib import Path

import pytest

from analytics.ingest.tables import UNDECODABLE, sources
from analytics.migrate import NoSuchMigration, applied, migrate, migrations
from analytics.settings import AnalyticsSettings
from infra.errors import Unavailable
from infra.settings import ClickHouseSettings
from tests.support.builders import CLOCK
from tests.support.clickhouse import Database
from tests.support.command import headrace

SETTINGS = AnalyticsSettings()
STEPS = [f"{each.number:04} {each.name}" for each in migrations()]


def schema(database: Database) -> dict[str, str]:
    rows = database.client.execute(
        "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() AND name != 'migrations'"
    )
    return dict(rows)


def test_without_clickhouse_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    nobody = ClickHouseSettings(url="clickhouse://127.0.0.1:1/headrace", timeout_s=1.0)

    done = headrace("migrate", settings=(nobody,), folder=tmp_path)

    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)


def test_every_step_down_undoes_its_step_up_and_may_be_done_again(clickhouse: Database) -> None:
    without_retention = AnalyticsSettings(text_retention_days=0)
    numbers = range(len(migrations()) + 1)

    up = [(migrate(clickhouse.settings, without_retention, to=number), schema(clickhouse))[1] for number in numbers]
    down = [
        (migrate(clickhouse.settings, without_retention, to=number), schema(clickhouse))[1]
        for number in reversed(numbers)
    ]
    migrate(clickhouse.settings, without_retention)

    assert up[0] == {}
    assert down == up[::-1]
    assert schema(clickhouse) == up[-1]
    assert applied(clickhouse.client) == set(numbers[1:])


def test_a_second_run_does_nothing_and_a_half_done_step_is_done_again(clickhouse: Database) -> None:
    clickhouse.client.execute(migrations()[0].up[0])  # died after its first statement

    first = migrate(clickhouse.settings, SETTINGS)
    again = migrate(clickhouse.settings, SETTINGS)

    assert first[0] == "did 0001 events"
    assert again == []


def test_the_columns_of_every_table_are_the_fields_of_its_rows(clickhouse: Database) -> None:
    migrate(clickhouse.settings, SETTINGS)

    for table in (*(each.table for each in sources(store_text=True)), UNDECODABLE):
        described = clickhouse.client.execute(f"DESCRIBE TABLE {table.name}")
        assert table.columns == tuple(row[0] for row in described if row[2] != "MATERIALIZED")


def test_a_step_that_does_not_exist_is_refused(clickhouse: Database) -> None:
    with pytest.raises(NoSuchMigration):
        migrate(clickhouse.settings, SETTINGS, to=99)


def test_text_leaves_its_row_after_its_retention_and_the_row_stays(clickhouse: Database) -> None:
    migrate(clickhouse.settings, AnalyticsSettings(text_retention_days=7))
    now_ms = int(CLOCK.now_ms())
    old_ms = now_ms - 8 * 86_400_000
    rows = [(1, "old", old_ms, old_ms, "said", "answered"), (2, "new", now_ms, now_ms, "said", "answered")]
    clickhouse.client.execute(
        "INSERT INTO answers (offset, job_id, received_at, finished_at, prompt, answer) VALUES", [*rows]
    )

    clickhouse.client.execute("OPTIMIZE TABLE answers FINAL")

    read = clickhouse.client.execute("SELECT job_id, prompt, answer FROM answers FINAL ORDER BY offset")
    assert read == [("old", "", ""), ("new", "said", "answered")]


def test_the_retention_follows_its_setting(clickhouse: Database) -> None:
    for days, expected in ((30, "toIntervalDay(30)"), (2, "toIntervalDay(2)"), (0, None)):
        migrate(clickhouse.settings, AnalyticsSettings(text_retention_days=days))
        table = schema(clickhouse)["answers"]
        assert expected in table if expected else "TTL" not in table


def test_the_command_creates_the_database_and_says_what_it_did(clickhouse: Database, tmp_path: Path) -> None:
    fresh = ClickHouseSettings(url=clickhouse.server.url(f"{clickhouse.name}_fresh"))

    first = headrace("migrate", settings=(fresh,), folder=tmp_path)
    undone = headrace("migrate", "--to", "0", "--json", settings=(fresh,), folder=tmp_path)
    wrong = headrace("migrate", "--to", "99", settings=(fresh,), folder=tmp_path)

    clickhouse.client.execute(f"DROP DATABASE {clickhouse.name}_fresh")
    assert first.stdout.splitlines() == [f"{clickhouse.name}_fresh: did {each}" for each in STEPS], first.stderr
    undid = [f"undid {each}" for each in reversed(STEPS)]
    assert json.loads(undone.stdout) == {"database": f"{clickhouse.name}_fresh", "done": undid}
    assert (wrong.returncode, "no migration 99" in wrong.stderr) == (1, True)


def test_a_store_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(Unavailable):
        migrate(ClickHouseSettings(url="clickhouse://127.0.0.1:1/headrace", timeout_s=1.0), SETTINGS)
