"""kafka-python clients: settings in, client out, nothing else."""

import threading
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.protocol.api_message import VersionSubscriptable

from infra import tls
from infra.errors import Unavailable
from infra.settings import MAX_RECORD_BYTES, KafkaSettings
from infra.tls import Pair

__all__ = ["MAX_RECORD_BYTES", "admin", "consumer", "security", "servers"]

_make_version = VersionSubscriptable.__getitem__
_making_version = threading.RLock()


def _one_version_at_a_time(message: Any, version: int | None) -> Any:
    with _making_version:
        return _make_version(message, version)


# kafka-python makes the class of a message's version when it first meets it, and keeps a weak reference to the last one
# it made. Two clients of one process that meet it at once make two, and may keep the other: from then on none of them
# understands that answer any more.
VersionSubscriptable.__getitem__ = _one_version_at_a_time

CONNECT_MS = 5000
"""Longest wait for a first broker: whoever is told to stop meanwhile must not keep its process from ending."""
RECONNECT_MS = 1000
"""Longest pause between two tries at a broker that is away: how soon we notice that it is back."""


def servers(settings: KafkaSettings) -> list[str]:
    """The brokers' addresses.

    Raises:
        Unavailable: none is given.
    """
    found = [each.strip() for each in settings.bootstrap_servers.split(",") if each.strip()]
    if not found:
        raise Unavailable(
            "kafka",
            f"{settings.variable('bootstrap_servers')} is empty, and no stack runs here: `headrace up` starts one",
        )
    return found


def security(settings: KafkaSettings) -> dict[str, Any]:
    """How to reach the brokers, in the words that both Kafka libraries share.

    Raises:
        WrongSetting: a TLS file cannot be used.
    """
    found: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.encrypted:
        own = Pair(Path(settings.certificate_file), Path(settings.key_file)) if settings.certificate_file else None
        found["ssl_context"] = tls.towards(settings.ca_file, own)
    if settings.signs_in:
        found |= {
            "sasl_mechanism": settings.sasl_mechanism,
            "sasl_plain_username": settings.sasl_username,
            "sasl_plain_password": settings.sasl_password,
        }
    return found


def consumer(settings: KafkaSettings, client_id: str, **options: Any) -> Any:
    """A consumer that leaves offsets to its owner.

    Raises:
        Unavailable: no broker answers.
    """
    defaults = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "fetch_max_wait_ms": 100}
    return _connected(KafkaConsumer, settings, client_id=client_id, **{**defaults, **options})


def admin(settings: KafkaSettings) -> Any:
    """An admin client.

    Raises:
        Unavailable: no broker answers.
    """
    return _connected(KafkaAdminClient, settings, client_id="headrace-admin")


def _connected(kind: Any, settings: KafkaSettings, **options: Any) -> Any:
    networks: list[Any] = []

    def network(**config: Any) -> Any:
        networks.append(KafkaNetClient(**config))
        return networks[-1]

    try:
        return kind(
            bootstrap_servers=servers(settings),
            **security(settings),
            bootstrap_timeout_ms=CONNECT_MS,
            reconnect_backoff_max_ms=RECONNECT_MS,
            kafka_client=network,
            **options,
        )
    except KafkaError as error:
        # The library leaves the thread and the sockets of a client that found no broker behind; an outage of an hour
        # would leave hundreds.
        for each in networks:
            each.close()
        raise Unavailable("kafka", f"no broker answers at {settings.bootstrap_servers}: {error!r}") from error
