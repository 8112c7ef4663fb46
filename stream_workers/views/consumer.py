"""The Kafka client of a view: a member of a consumer group that leaves offsets to Redis."""

from typing import Any

from aiokafka import AIOKafkaConsumer

from infra import kafka
from infra.settings import KafkaSettings
from stream_workers.views.settings import ViewSettings

NEVER_MS = 86_400_000
GATHERED_BYTES = 1 << 20
"""A fetch ends with so many bytes, whatever the time."""


def group_consumer(settings: KafkaSettings, views: ViewSettings, group: str) -> Any:
    """A consumer that is not started yet.

    Raises:
        Unavailable: no broker's address is given.
    """
    return AIOKafkaConsumer(
        bootstrap_servers=kafka.servers(settings),
        client_id=f"headrace-{group}",
        group_id=f"{settings.topic_prefix}{group}",
        group_instance_id=f"{group}-{views.instance}" if views.instance else None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=int(views.session_timeout_s * 1000),
        heartbeat_interval_ms=int(views.session_timeout_s * 1000) // 4,
        # While Redis is away nothing is polled, and the partitions shall stay where they are.
        max_poll_interval_ms=NEVER_MS,
        max_partition_fetch_bytes=kafka.MAX_RECORD_BYTES,
        fetch_min_bytes=GATHERED_BYTES,
        fetch_max_wait_ms=views.gather_ms,
        metadata_max_age_ms=60_000,
        request_timeout_ms=20_000,
    )
