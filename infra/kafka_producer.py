"""aiokafka's producer: made, watched, given up. It lives on the loop of whoever publishes."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Self, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError
from aiokafka.producer.sender import Sender
from aiokafka.protocol.metadata import MetadataRequest

from infra import kafka
from infra.errors import Unavailable
from infra.settings import MAX_RECORD_BYTES, KafkaSettings

MOST_BATCH_BYTES = 256 * 1024
"""Records of one partition that wait for a request travel together up to here; a larger one goes alone.

Whoever finds the batch full waits for its request and tries again: with the library's 16 KiB a thousand waiting prompts
of 20 KB cost four times the processor.
"""


class _Sender(Sender):  # type: ignore[misc] # the library has no types
    """The library's, that knows which requests are under way: it would wait for them for ever when it is closed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.requests: set[asyncio.Task[Any]] = set()

    async def _send_produce_req(self, node_id: Any, batches: Any) -> None:
        request = asyncio.current_task()
        assert request is not None  # noqa: S101 # the library makes a task of each
        self.requests.add(request)
        try:
            await super()._send_produce_req(node_id, batches)
        finally:
            self.requests.discard(request)


class Producer(AIOKafkaProducer):  # type: ignore[misc] # the library has no types
    """Acknowledges only what all in-sync replicas hold, and never doubles a record by retrying.

    The library tries a record for as long as it takes; whoever wants no more of that ends the producer.
    """

    _closed = True  # until it is made: one that could not be made has nothing to complain of

    def __init__(self, settings: KafkaSettings, client_id: str) -> None:
        request_timeout_ms = int(settings.delivery_timeout_s * 1000) // 2
        super().__init__(
            bootstrap_servers=kafka.servers(settings),
            **kafka.security(settings),
            client_id=client_id,
            acks="all",
            enable_idempotence=True,
            max_batch_size=MOST_BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=request_timeout_ms,
        )
        self._sender = _Sender(
            self.client,
            acks=-1,
            txn_manager=self._txn_manager,
            message_accumulator=self._message_accumulator,
            retry_backoff_ms=100,
            request_timeout_ms=request_timeout_ms,
        )

    @classmethod
    async def started(cls, settings: KafkaSettings, client_id: str) -> Self:
        """A producer that a broker has answered.

        Raises:
            Unavailable: none did in time.
        """
        producer = cls(settings, client_id)
        try:
            async with asyncio.timeout(kafka.CONNECT_MS / 1000):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            await producer.stop()
            raise Unavailable("kafka", f"no broker answers at {settings.bootstrap_servers}: {error!r}") from error
        except BaseException:
            await producer.stop()
            raise
        return producer

    @property
    def is_broken(self) -> bool:
        """Whether it writes nothing there will ever be; once true, it stays so."""
        return bool(self._sender.sender_task.done())

    async def answers(self, within_s: float) -> bool:
        """Whether a broker gives a sign of life."""
        try:
            async with asyncio.timeout(within_s):
                await self.client.send(self.client.get_random_node(), MetadataRequest([]))
        except (KafkaError, TimeoutError):
            return False
        return True

    async def hand_in(
        self, topic: str, partition: int, key: bytes, value: bytes, headers: list[tuple[str, bytes]], *, alone: bool
    ) -> "asyncio.Future[Any]":
        """The receipt of a record, which is done once the broker has it or refused it.

        Records of one partition share a batch where there is room; one that is `alone` has its own.

        Raises:
            KafkaError: it cannot be sent.
        """
        if alone:
            batch = self.create_batch()
            batch.append(key=key, value=value, timestamp=None, headers=headers)
            receipt = await self.send_batch(batch, topic, partition=partition)
        else:
            receipt = await self.send(topic, value, key, partition, headers=headers)
        receipt.add_done_callback(partial(number_anew, self))
        return cast("asyncio.Future[Any]", receipt)

    async def end(self, patience_s: float) -> None:
        """Let what is under way be acknowledged for so long, fail the rest, and disconnect."""
        with suppress(TimeoutError):
            async with asyncio.timeout(0 if self.is_broken else patience_s):
                await self.flush()
        self._message_accumulator.fail_all(KafkaTimeoutError("the producer is given up"))
        working = {self._sender.sender_task, *self._sender.requests}
        for each in working:
            each.cancel()
        await asyncio.wait(working)
        await self.stop()


def number_anew(producer: AIOKafkaProducer, receipt: "asyncio.Future[Any]") -> None:
    """Called when a record is done: one that was refused leaves a gap in the numbers that the library gives.

    The broker would refuse all later records of the partition for it; under a new producer id they count from 0.
    This runs before the library numbers the next ones; those under way keep the numbers they have.
    """
    if receipt.cancelled() or receipt.exception() is None:
        return
    numbers: Any = producer._txn_manager
    if numbers.has_pid():
        # As its constructor leaves it: its sender asks for an id when it has none.
        numbers.__init__(numbers.transactional_id, numbers.transaction_timeout_ms)
