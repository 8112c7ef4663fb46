"""Files in Redis: what is known of each, whose they are, and when their bytes go; the bytes lie in the store."""

from dataclasses import dataclass

from infra.ids import derived_id
from producers.events import FileDeleted, FilePurpose, FileStored
from producers.files import filing
from producers.log import codec
from producers.state import walking
from producers.state.listing import Ids, Listing
from producers.state.retention import Retention
from producers.state.scripts import Scripts, asked
from producers.state.walking import GoOn

LONGEST_LIFE_S = 30 * 86_400
"""As long as the log keeps what it knows of a file."""
SHORTEST_LIFE_S = 3600
ON_ITS_WAY_MS = 60_000
"""How long it is believed that an event will be in the log: longer than whoever publishes it may wait."""


def named(file_id: str) -> str:
    """An id such as OpenAI's, `file-…`, of one of ours."""
    return file_id.replace("_", "-", 1)


def derived_file_id(source: str) -> str:
    """The id that always follows from `source`."""
    return named(derived_id("file", source))


@dataclass(frozen=True)
class FilePage:
    """Some of a tenant's files."""

    files: tuple[FileStored, ...]
    has_more: bool


class Files:
    """The files of all tenants; whoever asks checks the tenant."""

    def __init__(self, scripts: Scripts, retention: Retention) -> None:
        self._scripts = scripts
        self._retention = retention
        self._listing = Listing(scripts)
        self._doomed = f"{scripts.prefix}files:doomed"

    def _home(self, file_id: str) -> str:
        return f"{self._scripts.prefix}file:{file_id}"

    async def keep(self, event: FileStored, offset: int) -> None:
        """Make a file visible whose storing the log holds at this offset; of two such records the first counts."""
        await self._scripts.run("keep_file", *filing.of_file(event, self._retention), offset)

    async def forget(self, event: FileDeleted) -> None:
        """Forget a file whose deletion the log holds; twice is once."""
        await self._scripts.run("forget_file", event.file_id, event.tenant, self._retention.job_ms)

    async def read(self, file_id: str) -> FileStored | None:
        """The file, or None where there is none, it was deleted or its time is over."""
        return _file(await asked(self._scripts.redis.hgetall(self._home(file_id))))

    async def of_tenant(
        self,
        tenant: str,
        most: int,
        after: str | None,
        *,
        newest_first: bool,
        purpose: FilePurpose | None = None,
        go_on: GoOn = walking.freely,
    ) -> FilePage | None:
        """So many of a tenant's files by the time they were stored; None where `after` is none of them."""
        only = ("purpose", purpose) if purpose else ("", "")
        page = await self._listing.page("file", "files", tenant, Ids(after, most, newest_first, only), go_on)
        if page is None:
            return None
        found = map(_file, await self._listing.homes([self._home(each) for each in page.ids]))
        return FilePage(tuple(each for each in found if each is not None), page.has_more)

    async def lend(self, file_id: str, batch_id: str) -> bool:
        """Keep a file for a batch that the log is about to hold; False where it is gone, or is being deleted."""
        return bool(await self._scripts.run("lend_file", file_id, batch_id, ON_ITS_WAY_MS))

    async def withdraw(self, file_id: str) -> str | None:
        """Let no more batches read a file that is to be deleted; the batch that reads it, if any: then it stays."""
        found: bytes = await self._scripts.run("withdraw_file", file_id, ON_ITS_WAY_MS)
        return found.decode() or None

    async def is_read(self, file_id: str) -> bool:
        """Whether a batch that has not ended reads a file."""
        return bool(await self._scripts.run("reader_of_file", file_id))

    async def doom(self, file_id: str, at_ms: float, *, unless_known: bool = False) -> None:
        """Have the bytes of a file taken away at that time, unless it is kept until then, or its time is known."""
        await asked(self._scripts.redis.zadd(self._doomed, {file_id: at_ms}, nx=unless_known))

    async def doomed(self, now_ms: float, most: int) -> list[str]:
        """Files whose bytes are to go by now."""
        found = await asked(self._scripts.redis.zrangebyscore(self._doomed, "-inf", f"{now_ms:.3f}", start=0, num=most))
        return [each.decode() for each in found]

    async def is_gone(self, file_id: str) -> None:
        """The bytes of a file are gone."""
        await asked(self._scripts.redis.zrem(self._doomed, file_id))


def _file(home: dict[bytes, bytes]) -> FileStored | None:
    """The file that a hash in Redis tells; None where there is none, or it was deleted."""
    return codec.decode_as(FileStored, home[b"event"]) if b"event" in home else None
