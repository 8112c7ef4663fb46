"""Takes away the bytes of files whose time is over, and what a gateway that died was writing."""

from dataclasses import dataclass

from gateway.files.store import FileStore
from infra.clock import Clock
from producers.files.store import Files
from producers.state import view
from producers.state.scripts import Scripts

MOST_SWEPT = 100
PUT_OFF_MS = 60_000
"""When a file that a batch still reads is looked at again."""
BEGUN_MS = 3_600_000
"""What was begun in the store and not written on for so long, nobody writes any more."""


@dataclass(frozen=True)
class Sweeper:
    """Keeps the store to what is known of it."""

    store: FileStore
    files: Files
    scripts: Scripts
    clock: Clock

    async def sweep(self) -> None:
        """Take away the bytes of files that were deleted, expired or never kept.

        Raises:
            Unavailable: Redis or the store does not answer.
        """
        now_ms = self.clock.now_ms()
        doomed = await self.files.doomed(now_ms, MOST_SWEPT) if self.store.is_given else []
        # Of a view that is not whole nobody knows what was kept since.
        if not doomed or not await view.is_whole(self.scripts):
            return
        for file_id in doomed:
            if await self.files.is_read(file_id):  # its time is over, but not that of a batch
                await self.files.doom(file_id, now_ms + PUT_OFF_MS)
                continue
            await self.store.remove(file_id)
            await self.files.is_gone(file_id)

    async def clear(self) -> None:
        """Take away what a gateway that died was writing.

        Raises:
            Unavailable: the store does not answer.
        """
        await self.store.remove_begun(self.clock.now_ms() - BEGUN_MS)
