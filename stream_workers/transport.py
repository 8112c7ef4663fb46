"""The transport between Faust and Kafka: commits nothing that is still being worked on.

Faust's own consumer commits past a message in flight as soon as later ones are acknowledged, and so loses it in a crash
(https://github.com/faust-streaming/faust/issues/606). This one commits the lowest offset that still waits for its
acknowledgement, holds strong references to the messages behind it, and stops fetching a partition whose deliveries run
too far ahead of it.
"""

import asyncio
import inspect
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from stream_workers.ledger import Ledger

log = logging.getLogger(__name__)

FURTHEST_AHEAD = 1000
"""A partition is not fetched while its deliveries run this far past its lowest offset in work."""
FETCH_WAIT_MS = 100
"""A fetch ends with the first record. The next is sent when what came was taken, or after 100 ms of stalling: only then
it does not cover the partitions that are not read to their end, and they wait for it."""
IDLE_FETCH_WAIT_MS = 500
"""When nothing has come for a while all partitions are covered, and a fetch ends as soon as one has a record."""
IDLE_AFTER_S = 2.0
GIVE_WAY_S = 0.001
"""A fetch is sent so long after what the one before it brought was taken: to ask for more, and for the broker to
look through all partitions, must not stand in the way of the prompts that are there."""
COMMIT_BEFORE_LETTING_GO_S = 1.0
_PAUSE_S = 0.02


class InWork:
    """The messages in work of all partitions; stands where Faust's consumer keeps a weak set of them."""

    def __init__(self) -> None:
        self.ledgers: defaultdict[TP, Ledger] = defaultdict(Ledger)

    def add(self, message: Any) -> None:
        """A stream has taken the message."""
        self.ledgers[message.tp].deliver(message.offset, message)

    def discard(self, message: Any) -> None:
        """The message is done; one that no stream ever took counts for nothing."""
        if message.tracked and message.tp in self.ledgers:
            self.ledgers[message.tp].acknowledge(message.offset)

    def forget(self, tps: set[TP]) -> None:
        """These partitions are no longer ours."""
        for tp in tps:
            self.ledgers.pop(tp, None)

    def committable(self) -> Iterator[tuple[TP, int]]:
        """What may be committed, by partition."""
        for tp, ledger in self.ledgers.items():
            if ledger.committable is not None:
                yield tp, ledger.committable

    def __len__(self) -> int:
        return sum(len(ledger) for ledger in self.ledgers.values())


class _OnTheLoop:
    """Runs what Faust would give a thread with a loop of its own as a task of ours."""

    def __init__(self, service: "SafeConsumerThread") -> None:
        self._service = service

    def start(self) -> None:
        self._serving = self._service.parent_loop.create_task(self._service._serve())

    def stop(self) -> None:
        """It ends by itself: nothing is to be joined."""


class SafeConsumerThread(driver.AIOKafkaConsumerThread):
    """Owns aiokafka's consumer. No thread, for all its name: two that wake one another cost a third of a worker's time.

    Faust has one so that an agent which blocks its loop misses no heartbeat; ours block nothing.
    """

    Worker = _OnTheLoop  # type: ignore[assignment] # all that is asked of a thread here
    _busy_s = 0.0

    async def on_start(self) -> None:
        """Connect, and have fetches give way to what they bring."""
        await super().on_start()
        fetcher = self._ensure_consumer()._fetcher
        fetch = fetcher._proc_fetch_request

        async def give_way(*args: Any) -> Any:
            try:
                await asyncio.sleep(GIVE_WAY_S)
            except asyncio.CancelledError:
                return False  # as the fetch itself does: whoever closes the consumer waits for it
            return await fetch(*args)

        fetcher._proc_fetch_request = give_way

    async def call_thread(self, fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call what belongs to the consumer, here and now."""
        found = fun(*args, **kwargs)
        return await found if inspect.isawaitable(found) else found

    async def _gather_remaining_tasks(self) -> None:
        """The loop's tasks are not only ours; the consumer has ended its own."""

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        # Faust fixes it at 1500 ms; aiokafka reads it when its fetcher is made, in start().
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(consumer, *args, **kwargs)
        now_s = time.monotonic()
        if records:
            self._busy_s = now_s
        idle = now_s - self._busy_s > IDLE_AFTER_S
        consumer._fetcher._fetch_max_wait_ms = IDLE_FETCH_WAIT_MS if idle else FETCH_WAIT_MS
        return records

    async def commit(self, offsets: Any) -> bool:
        """Commit, or say that it did not work: a later commit covers the same ground."""
        return bool(await self.call_thread(self._try_to_commit, offsets))

    async def _try_to_commit(self, offsets: dict[TP, int]) -> bool:
        consumer = self._ensure_consumer()
        ours = {driver.ensure_aiokafka_TP(tp): offset for tp, offset in offsets.items() if tp in self.assignment()}
        if not ours:
            return False
        try:
            await consumer.commit(ours)
        except Exception as error:  # noqa: BLE001,RUF100 # whatever it is, nothing is lost by committing later
            log.info("offsets could not be committed: %r", error)
            return False
        return True


class SafeConsumer(driver.Consumer):
    """Commits by the ledgers of `InWork`, never by what has been acknowledged so far."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_work = InWork()
        self._unacked_messages = self._in_work  # type: ignore[assignment] # streams call its `add` and `discard`

    def _new_consumer_thread(self) -> SafeConsumerThread:
        return SafeConsumerThread(self, loop=self.loop, thread_loop=self.loop, beacon=self.beacon)

    def track_message(self, message: Any) -> None:
        """A stream has taken the message."""
        self._in_work.add(message)

    def ack(self, message: Any) -> bool:
        """The message is done, whatever became of its neighbours."""
        message.acked = True
        self._in_work.discard(message)
        return True

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what may be committed and is not yet."""
        offsets = {
            tp: offset for tp, offset in self._in_work.committable() if offset > (self._committed_offset[tp] or 0)
        }
        if not offsets or not await self._commit(offsets):
            return False
        self._committed_offset.update(offsets)
        return True

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit once more while the partitions are ours, then let them go."""
        try:
            async with asyncio.timeout(COMMIT_BEFORE_LETTING_GO_S):
                await self.commit()
        except TimeoutError:
            log.info("offsets could not be committed before the partitions went")
        self._in_work.forget(revoked)
        await super().on_partitions_revoked(revoked)

    async def wait_empty(self) -> None:
        """Wait for nothing: what is in work finishes under its lease, wherever its partition is."""
        await self.commit()

    def behind(self) -> dict[str, int]:
        """By topic, how many records of our partitions are not done: in work, or in the log and not delivered yet."""
        found: dict[str, int] = defaultdict(int)
        for tp in self.assignment():
            end = self._thread.highwater(tp) or 0
            ledger = self._in_work.ledgers.get(tp)
            # Nothing was delivered: what is committed was done by whoever had the partition before.
            done = self._committed_offset.get(tp)
            found[tp.topic] += ledger.behind(end) if ledger else 0 if done is None else max(0, end - done)
        return found

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        ledgers = self._in_work.ledgers
        wanted = {tp for tp in active_partitions if tp not in ledgers or ledgers[tp].spread < FURTHEST_AHEAD}
        if not wanted:
            await asyncio.sleep(_PAUSE_S)
            return {}
        # One that is held back must not wait for the others' silence once it may go on.
        return await super()._getmany(wanted, timeout if wanted == active_partitions else _PAUSE_S)


class SafeProducer(driver.Producer):
    """An idempotent producer that waits for all in-sync replicas."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class SafeTransport(driver.Transport):
    """Faust's aiokafka transport with our consumer and producer."""

    Consumer = SafeConsumer
    Producer = SafeProducer


class StockTransport(driver.Transport):
    """Faust's own, which loses messages in a crash: for the test that shows it (design: the planted bug)."""

    Producer = SafeProducer
