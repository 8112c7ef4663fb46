"""The Kafka client of a view: a member of a consumer group that leaves offsets to Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from infra import kafka
from infra.errors import Unavailable
from infra.settings import KafkaSettings
from stream_workers.views.partitions import Partition, Partitions
from stream_workers.views.settings import ViewSettings

NEVER_MS = 86_400_000
GATHERED_BYTES = 1 << 20
"""A fetch ends with so many bytes, whatever the time."""
IDLE_AFTER_S = 1.0
IDLE_FETCH_WAIT_MS = 500
"""When nothing has come for a while, a fetch ends with the first record, or after this time: the broker may rest."""
POLL_MS = 200
PATIENCE_S = 15.0


class Member:
    """Reads topics as one of a consumer group; all partitions go by their topic's name without prefix."""

    def __init__(self, group: str, settings: KafkaSettings, views: ViewSettings, topics: Iterable[str]) -> None:
        self._group = group
        self._settings = settings
        self._views = views
        self._topics = {f"{settings.topic_prefix}{each}": each for each in topics}
        self._consumer: Any = None
        self._busy_s = 0.0

    @asynccontextmanager
    async def in_group(self, partitions: Partitions) -> AsyncIterator[None]:
        """Be a member until the block ends; `partitions` hears which come and go.

        Raises:
            KafkaError: no broker lets it in.
            Unavailable: no broker's address is given, or a topic is missing.
        """
        self._consumer = _consumer(self._settings, self._views, self._group)
        try:
            await self._consumer.start()
            await self._refuse_missing_topics()
            self._consumer.subscribe(list(self._topics), listener=_Listener(self, partitions))
            yield
        finally:
            partitions.revoked()
            await self._consumer.stop()

    async def records(self) -> dict[Partition, Sequence[Any]]:
        """What has come of the partitions, after a moment's wait.

        Raises:
            KafkaError: the client cannot go on.
        """
        found = await self._consumer.getmany(timeout_ms=POLL_MS, max_records=self._views.batch_records)
        self._gather(found)
        return {self.named(each): records for each, records in found.items()}

    def _gather(self, found: Any) -> None:
        """Leave records to gather while they come; the client's fetcher reads these two anew for each fetch."""
        now_s = asyncio.get_running_loop().time()
        if found:
            self._busy_s = now_s
        is_idle, fetcher = now_s - self._busy_s > IDLE_AFTER_S, self._consumer._fetcher
        fetcher._fetch_min_bytes = 1 if is_idle else GATHERED_BYTES
        fetcher._fetch_max_wait_ms = IDLE_FETCH_WAIT_MS if is_idle else self._views.gather_ms

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from there; the partition must be this member's."""
        self._consumer.seek(self._of_client(partition), offset)

    async def starts(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The first offset that the log holds in each partition.

        Raises:
            KafkaError, TimeoutError: no broker tells.
        """
        return await self._told(partitions, self._consumer.beginning_offsets) if partitions else {}

    async def ends(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The offset after the last that the log holds in each partition.

        Raises:
            KafkaError, TimeoutError: no broker tells.
        """
        return await self._told(partitions, self._consumer.end_offsets) if partitions else {}

    def ends_told(self, since_ms: float) -> dict[Partition, int]:
        """Where the log ends in each partition, as the broker told with records, or without any, after that time."""
        told: dict[Partition, int] = {}
        for each in self._consumer.assignment() if self._consumer else ():
            at_ms, end = self._consumer.last_poll_timestamp(each), self._consumer.highwater(each)
            if at_ms is not None and end is not None and at_ms >= since_ms:
                told[self.named(each)] = end
        return told

    async def _told(self, partitions: Sequence[Partition], ask: Callable[..., Awaitable[Any]]) -> dict[Partition, int]:
        async with asyncio.timeout(PATIENCE_S):
            found = await ask([self._of_client(each) for each in partitions])
        return {self.named(each): offset for each, offset in found.items()}

    def named(self, partition: TopicPartition) -> Partition:
        """A partition of the client's."""
        return Partition(self._topics[partition.topic], partition.partition)

    def _of_client(self, partition: Partition) -> TopicPartition:
        return TopicPartition(f"{self._settings.topic_prefix}{partition.topic}", partition.number)

    async def _refuse_missing_topics(self) -> None:
        if missing := self._topics.keys() - await self._consumer.topics():
            raise Unavailable("kafka", f"there are no topics {', '.join(sorted(missing))}; create them first")


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # the client carries no types
    """Hears which partitions come and go."""

    def __init__(self, member: Member, partitions: Partitions) -> None:
        self._member = member
        self._partitions = partitions

    async def on_partitions_revoked(self, _: Iterable[TopicPartition]) -> None:
        """A rebalance begins."""
        self._partitions.revoked()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """It is over."""
        self._partitions.assigned(self._member.named(each) for each in assigned)


def _consumer(settings: KafkaSettings, views: ViewSettings, group: str) -> Any:
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
