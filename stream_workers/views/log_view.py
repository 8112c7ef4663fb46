"""Follows topics of the log into a view in Redis, which keeps the positions; Kafka keeps none.

At assignment the position of each partition is read from Redis, and the log's end is remembered as its mark: up to
there the partition is not whole, unless it has been in this very run of Redis. Where Redis turns out to stand
elsewhere (it was emptied, or set back to an older snapshot), the partition is opened again in the same way.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from aiokafka.errors import KafkaError

from infra.errors import Unavailable
from producers.log.dead_letters import Reason, bury, letter_of
from producers.state.positions import Seek, StoredPosition
from stream_workers.views.member import Member
from stream_workers.views.partitions import Partition, Partitions, Reading, opening
from stream_workers.views.parts import Parts
from stream_workers.views.records import Done, ReadRecord, Stuck, View, portions, told_by

log = logging.getLogger(__name__)

RETRY_S = 0.5


class LogView:
    """One member of a view's consumer group; `follow` does all the work."""

    def __init__(self, view: View, given: Parts) -> None:
        self._view = view
        self._given = given
        self._topics = {each.name: each for each in view.topics}
        self._partitions = Partitions()
        self._member = Member(given.name, given.kafka, given.views, self._topics)
        # Asked for here, so that they are shown from the start and not from the first trouble.
        self._waits, self._buried = given.metrics.waits, given.metrics.dead_letters
        self._check_at_s = 0.0
        self.following = asyncio.Event()
        """Set once this member has opened its partitions for the first time: from then on it reads the log."""

    @property
    def name(self) -> str:
        """The view's name."""
        return self._view.positions.view

    @property
    def whole(self) -> bool:
        """Whether this member has its partitions and has read each up to its mark."""
        return self._partitions.whole

    def caught_up(self, within_ms: float) -> bool:
        """Whether every partition of this member was read up to the end that the broker told within this time."""
        return self._partitions.caught_up(self._ends_told(within_ms))

    def read_up(self, within_ms: float) -> frozenset[Partition]:
        """Those partitions of this member that were: what they do not hold by now, they did not hold then."""
        return self._partitions.read_up(self._ends_told(within_ms))

    def _ends_told(self, within_ms: float) -> dict[Partition, int]:
        return self._member.ends_told(self._given.clock.now_ms() - within_ms)

    async def behind(self) -> dict[str, int]:
        """By topic, how many records of this member's partitions are in the log and not in the view.

        Raises:
            KafkaError, TimeoutError: no broker tells where the log ends.
        """
        return self._partitions.behind(await self._member.ends(self._partitions.known))

    async def follow(self, stopping: asyncio.Event) -> None:
        """Follow the log until told to stop; waits out a Kafka or a Redis that is away."""
        while not stopping.is_set():
            try:
                async with self._member.in_group(self._partitions):
                    while not stopping.is_set():
                        await self._turn(stopping)
            except (KafkaError, Unavailable, TimeoutError) as error:
                log.warning("%s cannot read the log: %r; trying again", self.name, error)
                self._waits.labels(getattr(error, "part", "kafka")).inc()
                await _pause(stopping, RETRY_S)

    async def _turn(self, stopping: asyncio.Event) -> None:
        try:
            await self._open()
            if self._partitions.opened_all:
                self.following.set()
            await self._apply_all(await self._member.records())
            if asyncio.get_running_loop().time() >= self._check_at_s:
                await self._check()
        except Unavailable as error:
            # What was read may be in the view or not: Redis will say.
            log.warning("%s waits: %s", self.name, error)
            self._waits.labels(error.part).inc()
            self._partitions.reread_all()
            await _pause(stopping, error.after_s / 2)

    async def _open(self) -> None:
        generation, partitions = self._partitions.generation, self._partitions.unopened
        if not partitions:
            return
        # Before the ends: a Redis that is set back after this is another run, of which no mark below says anything.
        found = await self._view.positions.read(partitions)
        starts, ends = await self._member.starts(partitions), await self._member.ends(partitions)
        for partition, stored in zip(partitions, found, strict=True):
            left = self._partitions.left(partition)
            reading = opening(partition, generation, stored, starts[partition], ends[partition], left)
            await self._say_where_it_stands(reading, stored)
            if not self._partitions.opened(reading):
                return
            self._member.seek(partition, reading.next)

    async def _say_where_it_stands(self, reading: Reading, stored: StoredPosition) -> None:
        if reading.expected != stored.position:
            log.error("%s: the log of %s is shorter than the view: reading it anew", self.name, reading.partition)
            await self._view.positions.start_over(*reading.partition)
        if stored.whole != reading.whole or not stored.current:
            await self._view.positions.mark_whole(
                *reading.partition, is_whole=reading.whole, run=stored.run, at=reading.expected
            )

    async def _apply_all(self, found: dict[Partition, Sequence[Any]]) -> None:
        work = (
            self._apply(each, found[each.partition]) for each in self._partitions.readings if each.partition in found
        )
        for outcome in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _apply(self, reading: Reading, records: Sequence[Any]) -> None:
        for portion in portions(told_by(records, reading, self._topics[reading.partition.topic])):
            for told in (each for each in portion if each.error):
                await self._bury(told, "undecodable", told.error)
            match await self._view.apply(portion):
                case Done():
                    self._partitions.applied(reading, portion[-1].move.place.offset + 1)
                case Seek(position=position):
                    log.warning("%s: %s goes on from %d, where Redis stands", self.name, reading.partition, position)
                    self._partitions.reread(reading)
                    return
                case Stuck(move=move, error=error):
                    await self._bury(next(each for each in portion if each.move == move), "poison", error)
                    await self._view.positions.pass_over(move)
                    self._partitions.reread(reading)
                    return

    async def _bury(self, told: ReadRecord, reason: Reason, error: str) -> None:
        """Bury a record that is no event, or that the view cannot take."""
        place = told.move.place
        log.error("%s: buried as %s at %s: %s", self.name, reason, place, error)
        letter = letter_of(told.record, place, reason, error, self._given.clock.now_ms())
        await bury(self._given.publisher, letter)
        self._buried.labels(reason).inc()

    async def _check(self) -> None:
        """See whether Redis still stands where we left it: it may have been emptied while nothing was to be read."""
        self._check_at_s = asyncio.get_running_loop().time() + self._given.views.check_every_s
        readings = self._partitions.readings
        found = await self._view.positions.read([each.partition for each in readings])
        for reading, stored in zip(readings, found, strict=True):
            if not reading.agrees_with(stored):
                log.warning("%s: Redis is not as it was left in %s (at %d, then at %d): opening it again",
                            self.name, reading.partition, reading.expected, stored.position)  # fmt: skip
                self._partitions.reread(reading)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        pass
