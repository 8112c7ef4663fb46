"""The pen over aiokafka: publishes from the loop it lives on, and waits for the broker's acknowledgement.

What is handed in and not yet acknowledged is bounded, in records and in bytes; beyond that, publishing is refused at
once. The library tries a record until the broker has it: where the oldest one has had no answer for the whole delivery
timeout, its producer is given up with all that is under way, and another takes its place.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from infra.errors import TooLarge, Unavailable
from infra.kafka_producer import MOST_BATCH_BYTES, Producer
from infra.settings import KafkaSettings
from producers.events import PromptSubmitted
from producers.log import outgoing
from producers.log.outgoing import Outgoing, Written
from producers.log.topics import Topic

log = logging.getLogger(__name__)

RECONNECT_S = 1.0
ASK_EVERY_S = 1.0
"""How often the broker is asked for a sign of life."""
SILENT_AFTER_S = 3.0
"""How long it may take to give one."""


@dataclass(eq=False)
class _Flight:
    """A record that was handed in and is not acknowledged yet."""

    size_bytes: int
    since_s: float


class Publisher:
    """Publishes events from one event loop; `start` before use, `close` after."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._flights: dict[_Flight, None] = {}
        self._flying_bytes = 0
        self._producer: Producer | None = None
        self._connected = asyncio.Event()
        self._closing = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether a broker answers: it did lately, and has left no question open for long since."""
        return self._connected.is_set()

    def start(self) -> None:
        """Begin to connect; publishing is refused until a broker answers."""
        self._serving = asyncio.create_task(self._serve(), name=f"publisher-{self._client_id}")

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a broker has answered.

        Raises:
            Unavailable: none did within `timeout_s`.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._connected.wait()
        except TimeoutError:
            why = f"no broker answered at {self._settings.bootstrap_servers} in {timeout_s:g} s"
            raise Unavailable("kafka", why) from None

    async def close(self) -> None:
        """Let what is in flight be acknowledged (for as long as the delivery timeout lasts), and disconnect."""
        self._closing.set()
        if self._serving is not None:
            if self._producer is None:
                self._serving.cancel()
            await asyncio.wait([self._serving])

    async def submit(self, prompt: PromptSubmitted) -> Written:
        """Publish a prompt to its lane; the record is on all in-sync replicas when this returns.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: no broker of ours will take the record.
        """
        return await self.write(outgoing.of_prompt(prompt, self._settings.topic_prefix))

    async def publish(self, topic: Topic, key: str, event: Any, traceparent: str | None = None) -> Written:
        """Publish any other event under its key.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: no broker of ours will take the record.
        """
        return await self.write(outgoing.of_event(topic, key, event, traceparent, self._settings.topic_prefix))

    async def write(self, record: Outgoing) -> Written:
        """Publish a record as it is.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: no broker of ours will take the record.
        """
        producer = self._producer
        if producer is None or self._closing.is_set():
            raise Unavailable("kafka", "no broker answers")
        patience_s = self._settings.ack_timeout_s
        try:
            async with asyncio.timeout(patience_s):
                written = await self._written(producer, record)
        except TimeoutError:
            raise Unavailable("kafka", f"the broker did not acknowledge within {patience_s} s") from None
        except MessageSizeTooLargeError as error:
            raise TooLarge(f"a record of {record.size_bytes} bytes is too large for {record.topic}") from error
        except (KafkaError, AssertionError) as error:
            # aiokafka asserts that a topic has the partition.
            raise Unavailable("kafka", f"the broker did not take the record: {error!r}") from error
        return Written(written.partition, written.offset, float(written.timestamp))

    async def _written(self, producer: Producer, record: Outgoing) -> Any:
        try:
            return await self._flown(producer, record)
        except MessageSizeTooLargeError:
            if record.size_bytes >= MOST_BATCH_BYTES:
                raise
        # The broker refuses a batch whole, for one record in it.
        return await self._flown(producer, record, alone=True)

    async def _flown(self, producer: Producer, record: Outgoing, *, alone: bool = False) -> Any:
        flight = self._take_off(record)
        try:
            receipt = await producer.hand_in(
                record.topic, record.partition, record.key, record.value, record.headers, alone=alone
            )
        except BaseException:
            self._land(flight)
            raise
        receipt.add_done_callback(lambda _: self._land(flight))
        return await asyncio.shield(receipt)

    def _take_off(self, record: Outgoing) -> _Flight:
        if len(self._flights) >= self._settings.max_in_flight:
            raise Unavailable("kafka", f"{len(self._flights)} records wait for their acknowledgement already")
        if self._flights and self._flying_bytes + record.size_bytes > self._settings.max_in_flight_bytes:
            raise Unavailable("kafka", f"{self._flying_bytes} bytes wait for their acknowledgement already")
        flight = _Flight(record.size_bytes, time.monotonic())
        self._flights[flight] = None
        self._flying_bytes += flight.size_bytes
        return flight

    def _land(self, flight: _Flight) -> None:
        del self._flights[flight]
        self._flying_bytes -= flight.size_bytes

    async def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                await self._serve_with(await Producer.started(self._settings, self._client_id))
            except Unavailable as error:
                log.warning("%s; trying again in %s s", error, RECONNECT_S)
                await self._closes_within(RECONNECT_S)
            except Exception:
                # Nobody planned this. What is published must not be refused for ever.
                log.exception("the publisher broke off; trying again in %s s", RECONNECT_S)
                await self._closes_within(RECONNECT_S)

    async def _serve_with(self, producer: Producer) -> None:
        self._producer = producer
        self._connected.set()
        try:
            await self._watch(producer)
        finally:
            self._connected.clear()
            await producer.end(self._settings.delivery_timeout_s if self._closing.is_set() else 0)
            self._producer = None

    async def _watch(self, producer: Producer) -> None:
        """Know whether a broker answers, also while nothing is sent; return when the producer is of no more use."""
        while not await self._closes_within(ASK_EVERY_S):
            if await producer.answers(SILENT_AFTER_S):
                self._connected.set()
            else:
                self._connected.clear()
            if producer.is_broken or self._is_overdue():
                log.warning("the producer is given up with %s records under way", len(self._flights))
                return

    def _is_overdue(self) -> bool:
        oldest = next(iter(self._flights), None)
        return oldest is not None and time.monotonic() - oldest.since_s > self._settings.delivery_timeout_s

    async def _closes_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._closing.wait()
        except TimeoutError:
            return False
