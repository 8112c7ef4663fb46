"""Tenants and API keys, read from the `registry` topic into memory: authentication asks no store."""

import asyncio
import logging
import math
import threading
from typing import Any

import msgspec
from kafka import TopicPartition

from infra import kafka
from infra.errors import InvalidEvent, Unavailable
from infra.settings import KafkaSettings
from producers.access.keys import hashed
from producers.events import (
    FormerKey,
    KeyChanged,
    KeyIssued,
    KeyRevoked,
    KeyRotated,
    Limits,
    RegistryEvent,
    TenantDefined,
)
from producers.log import codec
from producers.log.topics import REGISTRY

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 500
"""How often the broker says that nothing is new; what is new, it tells at once."""


class Registry:
    """What the registry topic says, as of the last event applied.

    One thread applies events while others read: so each change is one step, what is accepted anew is so before what it
    replaces no longer is, and whoever goes over all of something goes over a copy.
    """

    def __init__(self) -> None:
        self.tenants: dict[str, TenantDefined] = {}
        self.keys: dict[str, KeyIssued] = {}
        self.revoked: set[str] = set()
        self._accepted: dict[str, tuple[str, float]] = {}
        """By hash, whose secret it is and until when."""
        self._former: dict[str, tuple[FormerKey, ...]] = {}

    def apply(self, event: RegistryEvent) -> None:
        """Take in one event; events of one id come in order."""
        match event:
            case TenantDefined():
                self.tenants[event.id] = event
            case KeyIssued():
                if event.id not in self.keys:
                    self.keys[event.id] = event
                    self._accepted[event.sha256] = (event.id, math.inf)
            case KeyChanged():
                if known := self.keys.get(event.id):
                    self.keys[event.id] = changed(known, event)
            case KeyRotated():
                if known := self.keys.get(event.id):
                    self._rotate(known, event)
            case KeyRevoked():
                # The key itself is gone from a compacted topic, so it may be unknown here.
                self.revoked.add(event.id)

    def key_for(self, api_key: str, now_ms: float) -> KeyIssued | None:
        """The key as it stands, or None where it is unknown, revoked, or another one has taken its place."""
        key_id, until_ms = self._accepted.get(hashed(api_key), ("", 0.0))
        return None if now_ms >= until_ms or key_id in self.revoked else self.keys[key_id]

    def by_id(self, key_id: str) -> KeyIssued | None:
        """The key as it stands, or None where it is unknown or revoked."""
        return None if key_id in self.revoked else self.keys.get(key_id)

    def former_of(self, key_id: str, now_ms: float) -> dict[str, float]:
        """By hash, until when the secrets that a key had before are accepted still."""
        return {each.sha256: each.until_ms for each in self._former.get(key_id, ()) if now_ms < each.until_ms}

    def find(self, tenant: str | None, prefix: str) -> list[KeyIssued]:
        """The keys of a tenant, or of all, that begin so, in the order in which they were made; revoked ones too.

        What begins so may be shorter than what is kept of a key, or longer.
        """
        return [
            each
            for each in list(self.keys.values())
            if tenant in (None, each.tenant) and (each.prefix.startswith(prefix) or prefix.startswith(each.prefix))
        ]

    def limits_of(self, tenant: str) -> Limits:
        """What all keys of a tenant together may do."""
        known = self.tenants.get(tenant)
        return Limits() if known is None else known.limits

    def _rotate(self, key: KeyIssued, to: KeyRotated) -> None:
        accepted = {each.sha256: (key.id, each.until_ms) for each in to.former} | {to.sha256: (key.id, math.inf)}
        before = {key.sha256, *(each.sha256 for each in self._former.get(key.id, ()))}
        self._accepted |= accepted
        self.keys[key.id] = msgspec.structs.replace(key, prefix=to.prefix, sha256=to.sha256)
        self._former[key.id] = to.former
        for sha256 in before - accepted.keys():
            self._accepted.pop(sha256, None)


def changed(key: KeyIssued, to: KeyChanged) -> KeyIssued:
    """The key with what it may do from now on."""
    return msgspec.structs.replace(
        key,
        name=to.name,
        scopes=to.scopes,
        models=to.models,
        expires_ms=to.expires_ms,
        **msgspec.structs.asdict(to.limits),
    )


class RegistryReader:
    """Keeps a Registry up to date from a thread of its own; `ready` once the topic's end was reached."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self.registry = Registry()
        self._settings = settings
        self._client_id = client_id
        self._next = 0
        self._moved = threading.Condition()
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

    async def wait_read(self, offset: int, timeout_s: float) -> None:
        """Wait until that record was applied; who goes on without it is only a little behind."""

        def wait() -> None:
            with self._moved:
                self._moved.wait_for(lambda: self._next > offset, timeout_s)

        await asyncio.to_thread(wait)

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
            end = consumer.end_offsets([partition])[partition]
            # To read it all again would put back for a moment what was changed since. A shorter log is another log.
            consumer.seek(partition, self._next if self._next <= end else 0)
            while not self._stopping.is_set():
                for record in consumer.poll(timeout_ms=200).get(partition, ()):
                    self._apply(record)
                    with self._moved:
                        self._next = record.offset + 1
                        self._moved.notify_all()
                if not self.ready and consumer.position(partition) >= end:
                    self._ready.set()
        finally:
            consumer.close()

    def _apply(self, record: Any) -> None:
        try:
            self.registry.apply(codec.decode(REGISTRY, record.value))
        except InvalidEvent as error:
            log.error("the registry's record at offset %s is no event: %s", record.offset, error)
