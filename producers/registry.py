"""Tenants and API keys, read from the `registry` topic into memory: authentication asks no store."""

import asyncio
import logging
import threading
from typing import Any

from kafka import TopicPartition

from infra import kafka
from infra.errors import InvalidEvent, Unavailable
from infra.settings import KafkaSettings
from producers import codec
from producers.events import KeyIssued, KeyRevoked, RegistryEvent, TenantDefined
from producers.keys import hashed
from producers.topics import REGISTRY

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 500
"""How often the broker says that nothing is new; what is new, it tells at once."""


class Registry:
    """What the registry topic says, as of the last event applied."""

    def __init__(self) -> None:
        self.tenants: dict[str, TenantDefined] = {}
        self.keys: dict[str, KeyIssued] = {}
        self.revoked: set[str] = set()
        self._by_hash: dict[str, KeyIssued] = {}

    def apply(self, event: RegistryEvent) -> None:
        """Take in one event; events of one id come in order."""
        match event:
            case TenantDefined():
                self.tenants[event.id] = event
            case KeyIssued():
                self.keys[event.id] = event
                self._by_hash[event.sha256] = event
            case KeyRevoked():
                # The key itself is gone from a compacted topic, so it may be unknown here.
                self.revoked.add(event.id)

    def key_for(self, api_key: str) -> KeyIssued | None:
        """The key as it was issued, or None where it is unknown or revoked."""
        found = self._by_hash.get(hashed(api_key))
        # A reader that lost its broker reads the log again from the start: until it comes to the revocation once more,
        # what it knew must stand.
        return None if found is None or found.id in self.revoked else found


class RegistryReader:
    """Keeps a Registry up to date from a thread of its own; `ready` once the topic's end was reached."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self.registry = Registry()
        self._settings = settings
        self._client_id = client_id
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"registry-{client_id}", daemon=True)

    @property
    def ready(self) -> bool:
        """Whether the registry was read up to its end at the start."""
        return self._ready.is_set()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    async def wait_ready(self, timeout_s: float) -> None:
        """Wait until the registry was read.

        Raises:
            Unavailable: not within `timeout_s`.
        """
        if not await asyncio.to_thread(self._ready.wait, timeout_s):
            raise Unavailable("kafka", f"the registry could not be read within {timeout_s} s")

    async def close(self) -> None:
        """Stop reading and end the thread."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow(kafka.consumer(self._settings, self._client_id, fetch_max_wait_ms=FETCH_WAIT_MS))
            except Exception as error:  # noqa: BLE001, RUF100 # whatever the client raises: what is known stays, try again
                log.warning("the registry cannot be read: %s; trying again", error)
                self._stopping.wait(1.0)

    def _follow(self, consumer: Any) -> None:
        partition = TopicPartition(f"{self._settings.topic_prefix}{REGISTRY.name}", 0)
        try:
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end = consumer.end_offsets([partition])[partition]
            while not self._stopping.is_set():
                for record in consumer.poll(timeout_ms=200).get(partition, ()):
                    self._apply(record)
                if not self.ready and consumer.position(partition) >= end:
                    self._ready.set()
        finally:
            consumer.close()

    def _apply(self, record: Any) -> None:
        try:
            self.registry.apply(codec.decode(REGISTRY, record.value))
        except InvalidEvent as error:
            log.error("the registry's record at offset %s is no event: %s", record.offset, error)
