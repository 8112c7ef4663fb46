"""A migrated store, a log, and an ingest between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.migrate import migrate
from analytics.settings import AnalyticsSettings
from infra.settings import KafkaSettings
from tests.support.analytics import Log, a_log, an_ingest
from tests.support.clickhouse import Database
from tests.support.stack import RunningPart

QUICK = AnalyticsSettings(batch_rows=50, batch_age_s=0.2)


@pytest.fixture
def store(clickhouse: Database) -> Database:
    """A database with every table."""
    migrate(clickhouse.settings, AnalyticsSettings())
    return clickhouse


@pytest.fixture
def log(kafka_settings: KafkaSettings) -> Iterator[Log]:
    """The topics that analytics reads."""
    made = a_log(kafka_settings)
    yield made
    made.producer.close()


@pytest.fixture
def ingest(tmp_path: Path, log: Log, store: Database) -> Iterator[RunningPart]:
    """`headrace ingest` between the two, not started yet."""
    with an_ingest(tmp_path, log.settings, store.settings, QUICK) as part:
        yield part
