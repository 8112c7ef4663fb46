"""Where each part is: given by its address, or embedded on a loopback port of this stack's own."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self
from urllib.parse import urlsplit

from infra.errors import CannotStart
from infra.local.processes.ports import LOOPBACK
from infra.settings import ClickHouseSettings, KafkaSettings, RedisSettings, TgiSettings

PORT_NAMES: Final = ("kafka", "kafka_controller", "redis", "clickhouse", "tgi", "gateway", "reports", "receiver")
_REACH_WITHIN_S: Final = 5.0


@dataclass(frozen=True)
class Addresses:
    """Settings of the four parts as every process of the stack is to have them, and which of them were given."""

    kafka: KafkaSettings
    redis: RedisSettings
    clickhouse: ClickHouseSettings
    tgi: TgiSettings
    given: frozenset[str]

    @classmethod
    def choose(cls, ports: Mapping[str, int]) -> Self:
        """Take what the environment gives; the rest is embedded at these ports."""
        kafka, redis = KafkaSettings.from_env(), RedisSettings.from_env()
        clickhouse, tgi = ClickHouseSettings.from_env(), TgiSettings.from_env()
        given = {
            "kafka": kafka.bootstrap_servers,
            "redis": redis.url,
            "clickhouse": clickhouse.url,
            "tgi": tgi.url,
        }
        embedded = {name: f"{LOOPBACK}:{ports[name]}" for name in given}
        return cls(
            kafka=replace(kafka, bootstrap_servers=kafka.bootstrap_servers or embedded["kafka"]),
            redis=replace(redis, url=redis.url or f"redis://{embedded['redis']}/0"),
            clickhouse=replace(clickhouse, url=clickhouse.url or f"clickhouse://{embedded['clickhouse']}/default"),
            tgi=replace(tgi, url=tgi.url or f"http://{embedded['tgi']}"),
            given=frozenset(name for name, address in given.items() if address),
        )

    def check_given(self, name: str) -> None:
        """See that somebody answers at the address given for a part.

        Raises:
            CannotStart: nobody does.
        """
        variable, endpoints = self._endpoints(name)
        for host, port in endpoints:
            try:
                socket.create_connection((host, port), timeout=_REACH_WITHIN_S).close()
            except OSError:
                continue
            return
        where = ", ".join(f"{host}:{port}" for host, port in endpoints)
        raise CannotStart(
            name,
            f"{variable} is given, but nothing answers at {where}",
            advice=f"start that server, correct the address, or unset {variable} to have the embedded one",
        )

    def _endpoints(self, name: str) -> tuple[str, list[tuple[str, int]]]:
        match name:
            case "kafka":
                servers = [each.strip() for each in self.kafka.bootstrap_servers.split(",")]
                return self.kafka.variable("bootstrap_servers"), [
                    _endpoint(f"kafka://{each}", 9092) for each in servers
                ]
            case "redis":
                return self.redis.variable("url"), [_endpoint(self.redis.url, 6379)]
            case "clickhouse":
                return self.clickhouse.variable("url"), [_endpoint(self.clickhouse.url, 9000)]
            case _:
                return self.tgi.variable("url"), [
                    _endpoint(each, 443 if each.startswith("https") else 80) for each in self.tgi.urls
                ]


def _endpoint(url: str, default_port: int) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or LOOPBACK, parts.port or default_port
