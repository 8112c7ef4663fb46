"""kafka-python clients: settings in, client out, nothing else."""

import threading
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient
from kafka.protocol.api_message import VersionSubscriptable

from infra import tls
from infra.errors import Unavailable
from infra.settings import MAX_RECORD_BYTES, KafkaSettings
from infra.tls import Pair

__all__ = [
    "MAX_RECORD_BYTES",
    "admin",
    "asked_for_metadata",
    "close",
    "consumer",
    "is_broken",
    "knows",
    "producer",
    "security",
    "servers",
]

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


def producer(settings: KafkaSettings, client_id: str) -> Any:
    """A producer that acknowledges only what all in-sync replicas hold, and never doubles a record by retrying.

    Raises:
        Unavailable: no broker answers.
    """
    return _connected(
        KafkaProducer,
        settings,
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_block_ms=1000,
        max_request_size=MAX_RECORD_BYTES,
        delivery_timeout_ms=int(settings.delivery_timeout_s * 1000),
        request_timeout_ms=int(settings.delivery_timeout_s * 1000) // 2,
    )


def asked_for_metadata(producer: Any) -> Any:
    """Ask the cluster for its metadata anew; a future of the library's that is done once a broker answered."""
    return producer._metadata.request_update()


def knows(producer: Any, topic: str) -> bool:
    """Whether the producer has the topic's metadata: then sending to it waits for nothing."""
    return producer._metadata.partitions_for_topic(topic) is not None


def is_broken(producer: Any) -> bool:
    """Whether the producer refuses all there will ever be: the broker refused a record, and the library gave it up."""
    return bool(producer._transaction_manager.has_fatal_error())


def close(producer: Any, patience_s: float) -> None:
    """Let what is in flight be acknowledged for so long, and fail the rest."""
    try:
        producer.close(timeout=patience_s)
    except KafkaError:
        # Flushing took too long, or stumbled over a batch that was split: the library leaves its thread running then.
        producer._sender.force_close()
        producer._sender.join(patience_s)


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
