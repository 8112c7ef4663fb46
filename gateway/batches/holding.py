"""Who holds a batch: only under its lease is anything said of it, and each look at the lease tells its newest state."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.batches.asking import EMBEDDINGS, Rules
from gateway.batches.ends import Left
from infra.clock import Clock
from infra.errors import TryAgain
from producers.batches.store import Batch, Batches, Progress
from producers.events import BatchEnded, BatchEvent
from producers.log.outgoing import Pen, Written
from producers.log.topics import BATCHES, Topic
from producers.state import view
from producers.state.scripts import Scripts


class LeaseLost(TryAgain):
    """Somebody else runs the batch now."""


def left_of(batch: Batch, rules: Rules, now_ms: float) -> Left | None:
    """Why no more lines of a batch are to be handed in; None while they are."""
    if batch.cancelling is not None or rules.key is None:
        return "cancelled"
    return "expired" if now_ms >= batch.submitted.expires_ms else None


def can_be_run(batch: Batch, rules: Rules, now_ms: float) -> bool:
    """Whether a gateway of these rules has what the batch needs: to be ended, it needs nothing to embed with."""
    if batch.submitted.endpoint != EMBEDDINGS or rules.embed:
        return True
    return batch.finalizing is not None or left_of(batch, rules, now_ms) is not None


@dataclass(frozen=True)
class Holder:
    """This gateway, as batches know it."""

    name: str
    batches: Batches
    scripts: Scripts
    pen: Pen
    clock: Clock
    look_every_s: float


@dataclass
class Held:
    """One batch while it is ours: its newest state, how far it is, and by what it is judged now."""

    batch: Batch
    rules: Callable[[], Rules]
    holder: Holder
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        """It goes on where it was left."""
        self.progress = self.batch.progress

    @property
    def left(self) -> Left | None:
        """Why no more lines are to be handed in; None while they are."""
        return left_of(self.batch, self.rules(), self.now_ms())

    def now_ms(self) -> float:
        """The time."""
        return self.holder.clock.now_ms()

    async def look(self) -> None:
        """Keep it ours, and see what others have said of it meanwhile; a view that is not whole knows only some.

        Raises:
            LeaseLost: its lease is another's, or it has ended.
            Unavailable: Redis does not answer, or knows only a part of the log so far.
        """
        batches = self.holder.batches
        if not await batches.hold(self.batch.id, self.holder.name, self.progress):
            raise LeaseLost(f"another gateway holds {self.batch.id}")
        await view.must_be_whole(self.holder.scripts)
        self.batch = await batches.read(self.batch.id) or self.batch

    async def pause(self) -> None:
        """Wait for a while, then look.

        Raises:
            LeaseLost: as `look` does, and Unavailable.
        """
        await asyncio.sleep(self.holder.look_every_s)
        await self.look()

    async def publish(self, topic: Topic, key: str, event: Any) -> Written:
        """Put what becomes of it into the log, if it is ours still: whoever stalled on the way has nothing to say.

        Raises:
            LeaseLost: as `look` does, and Unavailable.
        """
        await self.look()
        return await self.holder.pen.publish(topic, key, event)

    async def say(self, event: BatchEvent) -> None:
        """Say what became of it: into the log, then for all to see.

        Raises:
            LeaseLost: as `look` does, and Unavailable.
        """
        written = await self.publish(BATCHES, event.batch_id, event)
        await self.holder.batches.note(event, written.offset)
        if not isinstance(event, BatchEnded):
            await self.look()
