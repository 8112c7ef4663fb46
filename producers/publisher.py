"""The pen over kafka-python: publishes and waits for the broker's acknowledgement without ever blocking the loop.

kafka-python's `send` waits while it does not know the topic: then a thread of our own calls it, else the loop itself.
Acknowledgements come back through the loop. What is handed in and not yet acknowledged is bounded, in records and in
bytes; beyond that, publishing is refused at once.

A record that the broker refuses breaks the library's producer for good: it is closed and another takes its place. What
was under way beside that record may be tried again; what is published meanwhile waits.
"""

import asyncio
import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import Any

from kafka.errors import KafkaError, MessageSizeTooLargeError

from infra import kafka
from infra.errors import HeadraceError, TooLarge, Unavailable
from infra.settings import KafkaSettings
from producers import outgoing
from producers.events import PromptSubmitted
from producers.outgoing import Outgoing, Written
from producers.topics import Topic

log = logging.getLogger(__name__)

RECONNECT_S = 1.0
ASK_EVERY_S = 1.0
"""How often the broker is asked for a sign of life."""
SILENT_AFTER_S = 3.0
"""How long it may take to give one."""


@dataclass(frozen=True)
class _Order:
    record: Outgoing
    receipt: "asyncio.Future[Written]"


class _Pulse:
    """Knows whether a broker answers, also while nothing is sent: it is asked for its metadata again and again."""

    def __init__(self, connected: threading.Event) -> None:
        self._connected = connected
        self._asked: Any = None
        self._asked_at_s = 0.0

    def beat(self, producer: Any) -> None:
        """Ask if it is time; note a question that has had no answer for too long."""
        now_s = time.monotonic()
        if self._asked is not None and not self._asked.is_done:
            if now_s - self._asked_at_s > SILENT_AFTER_S:
                self._connected.clear()
        elif now_s - self._asked_at_s >= ASK_EVERY_S:
            self._asked_at_s = now_s
            self._asked = kafka.asked_for_metadata(producer)
            self._asked.add_callback(lambda _: self._connected.set())
            self._asked.add_errback(lambda _: self._connected.clear())


class Publisher:
    """Publishes events from one event loop; `start` before use, `close` after."""

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._producer: Any = None
        self._refusal: BaseException | None = None
        self._connected = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"publisher-{client_id}", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connected(self) -> bool:
        """Whether a broker answers: it did lately, and has left no question open for long since."""
        return self._connected.is_set()

    def start(self) -> None:
        """Begin to connect; publishing is refused until a broker answers."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a broker has answered.

        Raises:
            Unavailable: none did within `timeout_s`.
        """
        if not await asyncio.to_thread(self._connected.wait, timeout_s):
            raise Unavailable("kafka", f"no broker answered at {self._settings.bootstrap_servers} in {timeout_s:g} s")

    async def close(self) -> None:
        """Let what is in flight be acknowledged (for as long as the producer's patience lasts) and end the thread."""
        self._closing.set()
        self._orders.put(None)
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join)

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
        if self._closing.is_set() or self._producer is None:
            raise Unavailable("kafka", "no broker answers")
        receipt: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        receipt.add_done_callback(_retrieve)
        order = _Order(record, receipt)
        self._take_into_flight(order)
        if kafka.knows(self._producer, record.topic) and not kafka.is_broken(self._producer):
            self._send(self._producer, order)
        else:
            self._orders.put(order)
        try:
            async with asyncio.timeout(self._settings.ack_timeout_s):
                return await asyncio.shield(receipt)
        except TimeoutError:
            raise Unavailable(
                "kafka", f"the broker did not acknowledge within {self._settings.ack_timeout_s} s"
            ) from None

    def _take_into_flight(self, order: _Order) -> None:
        waiting_bytes = self._in_flight_bytes + order.record.size_bytes
        if self._in_flight >= self._settings.max_in_flight:
            raise Unavailable("kafka", f"{self._in_flight} records wait for their acknowledgement already")
        if self._in_flight and waiting_bytes > self._settings.max_in_flight_bytes:
            raise Unavailable("kafka", f"{self._in_flight_bytes} bytes wait for their acknowledgement already")
        self._in_flight += 1
        self._in_flight_bytes = waiting_bytes

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                producer = self._producer = kafka.producer(self._settings, self._client_id)
            except Unavailable as error:
                log.warning("%s; trying again in %s s", error, RECONNECT_S)
                self._producer = None
                self._refuse_what_waits("no broker answers")
                self._closing.wait(RECONNECT_S)
                continue
            self._connected.set()
            self._send_while_it_serves(producer)
            self._connected.clear()
            kafka.close(producer, self._settings.delivery_timeout_s)
        self._refuse_what_waits("the publisher is closing")

    def _send_while_it_serves(self, producer: Any) -> None:
        pulse = _Pulse(self._connected)
        while True:
            pulse.beat(producer)
            try:
                order = self._orders.get(timeout=ASK_EVERY_S)
            except queue.Empty:
                continue
            if order is not None:
                self._send(producer, order)
            elif self._closing.is_set() or kafka.is_broken(producer):
                return

    def _send(self, producer: Any, order: _Order) -> None:
        record = order.record
        try:
            sent = producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                headers=record.headers,
                partition=record.partition,
            )
            sent.add_callback(self._acknowledged, order)
            sent.add_errback(self._failed, order)
        except (KafkaError, AssertionError, ValueError) as error:
            self._tell(order, _told(error, record))

    def _refuse_what_waits(self, why: str) -> None:
        while not self._orders.empty():
            if (order := self._orders.get()) is not None:
                self._tell(order, Unavailable("kafka", why))

    def _acknowledged(self, order: _Order, metadata: Any) -> None:
        self._tell(order, Written(metadata.partition, metadata.offset, float(metadata.timestamp)))

    def _failed(self, order: _Order, error: BaseException) -> None:
        if error is self._refusal:
            # The library gives up after a refusal, and fails what else is under way with the very same error.
            self._tell(order, Unavailable("kafka", "the broker refused another record"))
        else:
            self._refusal = error
            self._tell(order, _told(error, order.record))

    def _tell(self, order: _Order, result: Written | HeadraceError) -> None:
        assert self._loop is not None  # noqa: S101 # start() sets it before the thread runs
        try:
            self._loop.call_soon_threadsafe(self._settle, order, result)
        except RuntimeError:
            log.debug("the loop ended before a receipt came")

    def _settle(self, order: _Order, result: Written | HeadraceError) -> None:
        self._in_flight -= 1
        self._in_flight_bytes -= order.record.size_bytes
        if self._producer is not None and kafka.is_broken(self._producer):
            # Said from the loop, which sends nothing more through it: the thread may close it and make another.
            self._orders.put(None)
        if order.receipt.done():
            return
        if isinstance(result, HeadraceError):
            order.receipt.set_exception(result)
        else:
            order.receipt.set_result(result)


def _told(error: BaseException, record: Outgoing) -> HeadraceError:
    if isinstance(error, MessageSizeTooLargeError):
        return TooLarge(f"a record of {record.size_bytes} bytes is too large for {record.topic}")
    return Unavailable("kafka", f"the broker did not take the record: {error!r}")


def _retrieve(receipt: "asyncio.Future[Written]") -> None:
    """Look at the exception of a receipt that nobody waits for any more, so that asyncio does not complain of it."""
    if not receipt.cancelled():
        receipt.exception()
