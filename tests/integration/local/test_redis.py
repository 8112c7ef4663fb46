"""The embedded Redis: a real one, and what it keeps."""

from pathlib import Path

import pytest
import redis

from infra.local.processes.ports import free_ports
from infra.local.processes.process import Child
from infra.local.redis import EmbeddedRedis
from infra.settings import RedisSettings
from tests.support.eventually import eventually_sync
from tests.support.stack import RunningRedis


def connect(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, decode_responses=True)


def test_it_is_redis_eight_with_vector_sets_and_without_foreign_modules(redis_settings: RedisSettings) -> None:
    with connect(redis_settings.url) as client:
        client.execute_command("VADD", redis_settings.prefix + "v", "VALUES", 2, "1.0", "0.0", "east")

        modules = {each["name"] for each in client.module_list()}
        assert str(client.info("server")["redis_version"]).startswith("8.")
        assert "graph" not in modules


def test_it_refuses_to_forget_and_keeps_an_append_only_file(own_redis: RunningRedis) -> None:
    with connect(own_redis.url) as client:
        kept = client.config_get("maxmemory-policy") | client.config_get("appendonly") | client.config_get("bind")

    assert kept == {"maxmemory-policy": "noeviction", "appendonly": "yes", "bind": "127.0.0.1"}


def test_what_was_flushed_survives_sigkill_and_a_restart(own_redis: RunningRedis) -> None:
    with connect(own_redis.url) as client:
        client.set("kept", "yes")
        eventually_sync(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)

    own_redis.kill()
    own_redis.start()

    with connect(own_redis.url) as client:
        assert client.get("kept") == "yes"


def fill(client: "redis.Redis") -> None:
    for number in range(100):
        client.set(f"large:{number}", "x" * 1_000_000)


def test_memory_has_its_limit_and_what_is_too_much_is_refused(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / "redis", free_ports(1)[0], max_bytes=50_000_000)
    child = Child(server.prepare())
    child.wait_ready()

    try:
        with connect(server.url) as client:
            client.set("kept", "yes")
            with pytest.raises(redis.exceptions.OutOfMemoryError):
                fill(client)

            assert client.get("kept") == "yes"
    finally:
        child.wait_stopped()
