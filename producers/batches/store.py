"""Batches in Redis: what became of each, who runs it, and how far it is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from producers.events import (
    BatchCancelRequested,
    BatchEnded,
    BatchEvent,
    BatchFinalizing,
    BatchSubmitted,
    BatchValidated,
)
from producers.files import filing
from producers.log import codec
from producers.state.listing import Ids, Listing
from producers.state.retention import Retention
from producers.state.scripts import Scripts, asked

Status = Literal["validating", "in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled"]


@dataclass(frozen=True)
class Progress:
    """How far a batch is: all lines before `line` (which begins at `offset_bytes`) have ended, and so many how.

    `beyond_…` are lines after it that have ended, too.
    """

    line: int = 1
    offset_bytes: int = 0
    completed: int = 0
    failed: int = 0
    beyond_completed: int = 0
    beyond_failed: int = 0


@dataclass(frozen=True)
class Batch:
    """One batch: the events that tell of it."""

    submitted: BatchSubmitted
    validated: BatchValidated | None = None
    cancelling: BatchCancelRequested | None = None
    finalizing: BatchFinalizing | None = None
    ended: BatchEnded | None = None
    progress: Progress = Progress()

    @property
    def id(self) -> str:
        """Its id."""
        return self.submitted.batch_id

    @property
    def status(self) -> Status:
        """Where it stands (conventions §6)."""
        if self.ended is not None:
            return self.ended.status
        if self.cancelling is not None:
            return "cancelling"
        if self.finalizing is not None:
            return "finalizing"
        return "validating" if self.validated is None else "in_progress"


@dataclass(frozen=True)
class BatchPage:
    """Some of a tenant's batches."""

    batches: tuple[Batch, ...]
    has_more: bool


class Batches:
    """The batches of all tenants; whoever asks checks the tenant."""

    def __init__(self, scripts: Scripts, retention: Retention, lease_ms: int = 10_000) -> None:
        self._scripts = scripts
        self._retention = retention
        self.lease_ms = lease_ms
        self._listing = Listing(scripts)

    def _home(self, batch_id: str) -> str:
        return f"{self._scripts.prefix}batch:{batch_id}"

    async def note(self, event: BatchEvent, offset: int) -> None:
        """Show what became of a batch, once the log holds it at this offset; of each kind the first there counts."""
        await self._scripts.run("note_batch", *filing.of_batch(event, self._retention), offset)

    async def read(self, batch_id: str) -> Batch | None:
        """The batch, or None where there is none."""
        (found,) = await self._read([batch_id])
        return found

    async def of_tenant(self, tenant: str, most: int, after: str | None, *, newest_first: bool) -> BatchPage | None:
        """So many of a tenant's batches by the time they were submitted; None where `after` is none of them."""
        page = await self._listing.page("batch", "batches", tenant, Ids(after, most, newest_first))
        if page is None:
            return None
        found = await self._read(page.ids)
        return BatchPage(tuple(each for each in found if each is not None), page.has_more)

    async def _read(self, ids: Sequence[str]) -> list[Batch | None]:
        keys = [key for each in ids for key in (self._home(each), f"{self._home(each)}:progress")]
        homes = await self._listing.homes(keys)
        return [_batch(home, progress) for home, progress in zip(homes[::2], homes[1::2], strict=True)]

    async def open(self, most: int, skip: int = 0) -> list[str]:
        """Batches that have not ended, the oldest first, but for so many of the oldest."""
        found = await asked(self._scripts.redis.zrange(f"{self._scripts.prefix}batches:open", skip, skip + most - 1))
        return [each.decode() for each in found]

    async def forget_open(self, batch_id: str) -> None:
        """Take a batch off the open ones of which nothing is known any more: its time was over before it ended."""
        await asked(self._scripts.redis.zrem(f"{self._scripts.prefix}batches:open", batch_id))

    async def hold(self, batch_id: str, holder: str, progress: Progress | None = None) -> bool:
        """Take the lease of a batch, or keep it; False where somebody else has it, or the batch has ended."""
        told: tuple[str | int, ...] = ()
        if progress is not None:
            told = tuple(part for name, value in asdict(progress).items() for part in (name, value))
        return bool(await self._scripts.run("hold_batch", batch_id, holder, self.lease_ms, *told))

    async def leave(self, batch_id: str, holder: str) -> None:
        """Let go of a batch: another may take it at once."""
        await self._scripts.run("leave_batch", batch_id, holder)


def _batch(found: dict[bytes, bytes], progress: dict[bytes, bytes]) -> Batch | None:
    """The batch that two hashes in Redis tell; None where there is none."""
    if b"submitted" not in found:
        return None
    told = {
        name: codec.decode_as(kind, found[name.encode()])
        for kind, name in filing.KINDS.items()
        if name.encode() in found
    }
    return Batch(**told, progress=Progress(**{name.decode(): int(value) for name, value in progress.items()}))
