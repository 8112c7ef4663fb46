"""The pen over Faust's own producer: it lives on the loop, so no thread is crossed."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import Any

from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from faust.exceptions import FaustError

from infra.errors import TooLarge, Unavailable
from infra.kafka_producer import number_anew
from infra.settings import KafkaSettings
from infra.telemetry.metrics import Metrics
from producers.log import outgoing
from producers.log.outgoing import Written
from producers.log.topics import Topic
from stream_workers.app import WorkerApp

log = logging.getLogger(__name__)

MOST_MENTIONS = 2000
GATHER_S = 0.1
"""Mentions travel together this often: a request for each would stand in the way of the answer that follows it."""


class FaustPen:
    """Writes events: `publish` waits for the broker's acknowledgement, `mention` waits for nothing."""

    def __init__(self, app: WorkerApp, settings: KafkaSettings, metrics: Metrics) -> None:
        self._app = app
        self._prefix = settings.topic_prefix
        self._patience_s = settings.delivery_timeout_s
        self._mentions: asyncio.Queue[tuple[Topic, str, Any]] = asyncio.Queue(MOST_MENTIONS)
        self._teller: asyncio.Task[None] | None = None
        self._dropped = metrics.mentions_dropped
        self._waits = metrics.waits.labels("kafka")

    async def publish(self, topic: Topic, key: str, event: Any, traceparent: str | None = None) -> Written:
        """Publish under the key; the record is on all in-sync replicas when this returns.

        Raises:
            Unavailable: the broker did not acknowledge in time; the record may still appear.
            TooLarge: no broker of ours will take the record.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                receipt = await self._send(topic, key, event, traceparent)
                written = await asyncio.shield(receipt)
        except TimeoutError:
            self._waits.inc()
            raise Unavailable("kafka", f"no acknowledgement within {self._patience_s} s") from None
        except (KafkaError, FaustError) as error:
            # Faust wraps what its client says.
            if isinstance(error, MessageSizeTooLargeError) or isinstance(error.__cause__, MessageSizeTooLargeError):
                raise TooLarge(f"a record for {topic.name} under {key} is too large: {error}") from error
            self._waits.inc()
            raise Unavailable("kafka", f"the record was not taken: {error!r}") from error
        return Written(written.partition, written.offset, float(written.timestamp or 0))

    def mention(self, topic: Topic, key: str, event: Any) -> None:
        """Publish without waiting and without a promise: beyond a bound, mentions are dropped and counted."""
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell(), name="mentions")
        try:
            self._mentions.put_nowait((topic, key, event))
        except asyncio.QueueFull:
            self._dropped.inc()

    async def close(self) -> None:
        """Hand over what is not told yet and stop; what the client does not take at once is dropped."""
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.wait([self._teller])
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_S):
                await self._tell_all()
        self._dropped.inc(self._mentions.qsize())

    async def _tell(self) -> None:
        await asyncio.sleep(GATHER_S)
        await self._tell_all()
        self._teller = None

    async def _tell_all(self) -> None:
        while not self._mentions.empty():
            topic, key, event = self._mentions.get_nowait()
            try:
                await self._send(topic, key, event, None)  # type: ignore[unused-awaitable] # nobody waits for it
            except (KafkaError, FaustError) as error:
                self._dropped.inc()
                log.debug("a mention was dropped: %r", error)
            except Exception:
                # Nobody planned this. Those after it must be told.
                self._dropped.inc()
                log.exception("a mention cannot be told")

    async def _send(self, topic: Topic, key: str, event: Any, traceparent: str | None) -> "asyncio.Future[Any]":
        record = outgoing.of_event(topic, key, event, traceparent, self._prefix)
        # aiokafka itself, without Faust's signals and sensors around it.
        faust: Any = self._app.producer
        producer = faust._ensure_producer()
        receipt: asyncio.Future[Any] = await producer.send(
            record.topic, record.value, key=record.key, partition=record.partition, headers=record.headers
        )
        receipt.add_done_callback(partial(number_anew, producer))
        return receipt
