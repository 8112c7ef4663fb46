"""The contract of `clickhouse-driver` and a ClickHouse.

It is tried on the embedded one, or on the server at HEADRACE_CLICKHOUSE__URL where that is set:

    HEADRACE_CLICKHOUSE__URL=clickhouse://user:password@host:9000 pytest tests/contracts/clickhouse

The files listed below look into the embedded one itself, so they are left out then.
"""

from collections.abc import Iterator

import pytest

from infra.settings import ClickHouseSettings
from tests.support.clickhouse import Database, GivenClickHouse, a_database

GIVEN = ClickHouseSettings.from_env().url
collect_ignore = ["test_durability.py", "test_hostile_clients.py", "test_refusals.py"] if GIVEN else []


@pytest.fixture
def clickhouse(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh database of this test's own, with a client."""
    with a_database(GivenClickHouse(GIVEN) if GIVEN else request.getfixturevalue("clickhouse_server")) as database:
        yield database
