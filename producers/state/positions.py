"""Where a view of the log stands: its position in each partition, kept in Redis beside what it made of the records.

A view's script moves the position together with its writes, and only from the position that the reader expects. So a
reader whose Redis was emptied or set back is told to seek, and two readers of one partition do no harm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from producers.log.places import Place
from producers.state.scripts import Argument, Call, Scripts, asked


@dataclass(frozen=True)
class Move:
    """A view's move over a record: from the position that the reader expects, and where its partition becomes whole."""

    place: Place
    expected: int
    mark: int
    timestamp_ms: float
    run: str = ""
    """The run of Redis for which the mark holds."""

    def arguments(self, view: str) -> tuple[Argument, ...]:
        """As the scripts of a view want it."""
        place = self.place
        return view, field_of(place.topic, place.partition), self.expected, place.offset, f"{self.mark}:{self.run}"


@dataclass(frozen=True)
class Applied:
    """The record is in the view; `result` says what became of it."""

    result: str


@dataclass(frozen=True)
class Seek:
    """The view in Redis stands elsewhere (it was emptied or set back): go on reading from there."""

    position: int


@dataclass(frozen=True)
class StoredPosition:
    """What Redis knows of one partition of a view.

    `run` names this run of Redis; `current` says whether the view has opened anything in it yet: a Redis that was
    started again may have come back with an older copy of its data, and is whole only after another look at the log.
    """

    position: int
    whole: bool
    run: str
    current: bool


def field_of(topic: str, partition: int) -> str:
    """How a partition is named in Redis."""
    return f"{topic}:{partition}"


def verdict(answer: list[bytes]) -> Applied | Seek:
    """What a script of a view answered."""
    told, result = answer
    return Seek(int(result)) if told == b"seek" else Applied(result.decode())


class Positions:
    """The positions of one view by its name."""

    def __init__(self, scripts: Scripts, view: str) -> None:
        self._scripts = scripts
        self.view = view
        self._positions = f"{scripts.prefix}view:{view}:positions"
        self._whole = f"{scripts.prefix}view:{view}:whole"

    async def read(self, partitions: Sequence[tuple[str, int]]) -> list[StoredPosition]:
        """What Redis knows of each partition, all at one moment.

        Raises:
            Unavailable: Redis does not answer.
        """
        if not partitions:
            return []
        names = [field_of(topic, partition) for topic, partition in partitions]
        pipeline: Any = self._scripts.redis.pipeline(transaction=True)
        pipeline.hmget(self._positions, names)
        pipeline.smismember(self._whole, names)
        pipeline.get(f"{self._whole}:run")
        pipeline.info("server")
        positions, whole, known, server = await asked(pipeline.execute())
        run = str(server["run_id"])
        current = known is not None and known.decode() == run
        return [
            StoredPosition(int(at or 0), current and bool(flag), run, current)
            for at, flag in zip(positions, whole, strict=True)
        ]

    async def mark_whole(
        self, topic: str, partition: int, *, is_whole: bool, run: str = "", at: int | None = None
    ) -> None:
        """Say whether a partition has been read up to its mark, which is `at` this position.

        Nothing is said of another run of Redis than `run`, and nothing is whole that was set back meanwhile.

        Raises:
            Unavailable: Redis does not answer.
        """
        flag, position = "1" if is_whole else "0", "" if at is None else at
        await self._scripts.run("mark_whole", self.view, field_of(topic, partition), flag, run, position)

    async def start_over(self, topic: str, partition: int) -> None:
        """Forget the position in a partition whose log is another one now.

        Raises:
            Unavailable: Redis does not answer.
        """
        await asked(self._scripts.redis.hdel(self._positions, field_of(topic, partition)))

    def passing(self, move: Move) -> Call:
        """The call that moves the position on and does nothing else."""
        return Call("view_pass", move.arguments(self.view))

    async def pass_over(self, move: Move) -> Applied | Seek:
        """Nothing to apply, or nothing readable: the position moves on.

        Raises:
            Unavailable: Redis does not answer.
        """
        call = self.passing(move)
        return verdict(await self._scripts.run(call.name, *call.arguments))
