"""`headrace up` on a Kafka, a Redis, a ClickHouse and a model server that run already, and are none of its own."""

from contextlib import closing
from pathlib import Path

import pytest

from infra import kafka as kafka_client
from tests.acceptance.test_up import PARTS, SERVICES, check_the_table
from tests.support.clickhouse import Database, RunningClickHouse
from tests.support.model_servers import model_server
from tests.support.stack import RunningKafka, RunningRedis, a_prefix
from tests.support.up import alive, headrace, none_left

pytestmark = pytest.mark.timeout(300)


def test_parts_given_by_address_are_used_and_outlive_the_stack(
    kafka: RunningKafka,
    redis_server: RunningRedis,
    clickhouse_server: RunningClickHouse,
    clickhouse: Database,
    tmp_path: Path,
) -> None:
    prefix = a_prefix()
    blocks = (kafka.settings(prefix), redis_server.settings(prefix), clickhouse.settings)
    given = {name: value for block in blocks for name, value in block.to_env().items()}
    with model_server("--timed") as model:
        with headrace("up", tmp_path, HEADRACE_TGI__URL=model.url, **given) as running:
            running.wait_for("Ctrl-C stops everything")
            stack = running.stack()
            running.process.terminate()
            assert running.process.wait(150) == 0, running.text()

        check_the_table(running.text())
        assert len(model.generations()) >= 3
        assert set(stack["processes"]) == SERVICES
        assert {name: stack[name] for name in PARTS} == {
            "kafka": kafka.bootstrap_servers,
            "redis": redis_server.url,
            "clickhouse": clickhouse.settings.url,
            "tgi": model.url,
        }
        none_left(stack["processes"])
        assert not any((tmp_path / ".headrace" / part).exists() for part in PARTS)
        assert all(alive(each) for each in (kafka.pid, redis_server.pid, clickhouse_server.pid, model.process.pid))
        assert model.call("GET", "/info")["model_id"]
    with closing(kafka_client.admin(kafka.settings(prefix))) as admin:
        assert f"{prefix}answers" in admin.list_topics()
    assert clickhouse.client.execute("SELECT count(), countIf(status = 'completed') FROM answers FINAL") == [(3, 3)]
