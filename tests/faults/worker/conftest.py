"""The timed model server and a workshop for workers that are going to die."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.settings import KafkaSettings, RedisSettings
from tests.support.model_servers import ModelServer, timed_tgi
from tests.support.workers import Workshop, workshop

__all__ = ["timed_tgi"]


@pytest.fixture
def place(
    tmp_path: Path, kafka_settings: KafkaSettings, redis_settings: RedisSettings, timed_tgi: ModelServer
) -> Iterator[Workshop]:
    timed_tgi.reset()
    with workshop(tmp_path, kafka_settings, redis_settings, timed_tgi.url) as found:
        yield found
