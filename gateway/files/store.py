"""Where the bytes of files lie: a folder or an S3-style bucket, written and read in pieces, whole or not at all."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import obstore
from aiohttp import web
from obstore.store import LocalStore, ObjectStore, S3Store

from gateway.files.settings import FilesSettings
from infra.errors import NeverTryAgain, Unavailable

PIECE_BYTES = 5 * 1024 * 1024
"""S3 takes no smaller part of an upload but the last."""
WINDOW_BYTES = 1024 * 1024
"""Read in one request: whoever takes the bytes slowly holds none open, which the server or the timeout would cut."""
_AT_ONCE = 2
_PART = "file store"
_BEGUN = re.compile(r".+#\d+")
"""What the library names an object in a folder that is not written to its end; it neither lists nor removes those."""


class NotStored(NeverTryAgain):
    """The store holds nothing under that name."""


class Sink(Protocol):
    """Takes the bytes of one object."""

    async def write(self, data: bytes) -> None:
        """More of it."""


@dataclass(frozen=True)
class Opened:
    """An object: the size that it has in the store, and its bytes, piece by piece."""

    size_bytes: int
    pieces: AsyncIterator[bytes]
    """Raises `Unavailable` where the store breaks off, and `NotStored` where it was taken away meanwhile."""


class FileStore:
    """Objects by name. A few pieces of each are in memory at a time, never all."""

    def __init__(self, settings: FilesSettings) -> None:
        self._settings = settings
        self._opened: ObjectStore | None = None

    @property
    def is_given(self) -> bool:
        """Whether files are served here at all."""
        return bool(self._settings.dir or self._settings.bucket)

    async def put(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Store an object, in place of one of that name; what the pieces raise is raised, and nothing is stored.

        Raises:
            Unavailable: the store cannot be reached, or takes nothing.
        """
        raised: list[BaseException] = []
        try:
            await obstore.put_async(
                self._store, name, _watched(pieces, raised), chunk_size=PIECE_BYTES, max_concurrency=_AT_ONCE
            )
        except Exception as error:
            if raised:
                raise raised[0] from None
            raise _away(error) from error

    @asynccontextmanager
    async def writing(self, name: str) -> AsyncIterator[Sink]:
        """A sink for an object; it is there once this ends well.

        Raises:
            Unavailable: the store cannot be reached, or takes nothing.
        """
        writer: Any = obstore.open_writer_async(self._store, name, buffer_size=PIECE_BYTES, max_concurrency=_AT_ONCE)
        sink = _Sink(writer)
        yield sink
        await sink.close()

    async def open(self, name: str, offset_bytes: int = 0) -> Opened:
        """The object, to be read from there on, however slowly it is taken.

        Raises:
            NotStored: there is none.
            Unavailable: the store cannot be reached.
        """
        try:
            size_bytes = (await obstore.head_async(self._store, name))["size"]
        except Exception as error:
            raise _read_failed(error) from error
        return Opened(size_bytes, self._pieces(name, offset_bytes, size_bytes))

    async def read(self, name: str, offset_bytes: int = 0) -> AsyncGenerator[bytes, None]:
        """The object's bytes from there on, piece by piece; none where it ends there.

        Raises:
            NotStored: there is none.
            Unavailable: the store cannot be reached.
        """
        opened = await self.open(name, offset_bytes)
        async for each in opened.pieces:
            yield each

    async def _pieces(self, name: str, offset_bytes: int, size_bytes: int) -> AsyncGenerator[bytes, None]:
        try:
            for at in range(offset_bytes, size_bytes, WINDOW_BYTES):
                end = min(at + WINDOW_BYTES, size_bytes)
                yield bytes(await obstore.get_range_async(self._store, name, start=at, end=end))
        except Exception as error:
            raise _read_failed(error) from error

    async def move(self, name: str, place: str) -> None:
        """Give an object another name, in place of one that had it.

        Raises:
            Unavailable: the store cannot be reached, or holds no such object.
        """
        try:
            await obstore.rename_async(self._store, name, place, overwrite=True)
        except Exception as error:
            raise _away(error) from error

    async def remove(self, name: str) -> None:
        """Take an object away; that there is none is fine.

        Raises:
            Unavailable: the store cannot be reached.
        """
        try:
            await obstore.delete_async(self._store, name)
        except FileNotFoundError:
            return
        except Exception as error:
            raise _away(error) from error

    async def remove_begun(self, before_ms: float) -> None:
        """Take away what was last written before then and is no object yet: its writer died. A bucket sees to its own.

        Raises:
            Unavailable: the folder cannot be read, or keeps what is in it.
        """
        if not self._settings.dir:
            return
        try:
            await asyncio.to_thread(_remove_begun, Path(self._settings.dir), before_ms)
        except OSError as error:
            raise _away(error) from error

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            self._opened = _opened(self._settings)
        return self._opened


class _Sink:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    async def write(self, data: bytes) -> None:
        try:
            await self._writer.write(data)
        except Exception as error:
            raise _away(error) from error

    async def close(self) -> None:
        try:
            await self._writer.close()
        except Exception as error:
            raise _away(error) from error


def _opened(settings: FilesSettings) -> ObjectStore:
    if settings.dir:
        return LocalStore(settings.dir, mkdir=True)
    given: dict[str, Any] = {
        "endpoint": settings.endpoint_url,
        "region": settings.region,
        "access_key_id": settings.access_key_id,
        "secret_access_key": settings.secret_access_key,
    }
    # What is not given, the library finds as every tool of AWS does: by the environment or the machine's role.
    config: Any = {name: value for name, value in given.items() if value}
    options: Any = {"allow_http": settings.endpoint_url.startswith("http://"), "timeout": f"{settings.timeout_s}s"}
    retries: Any = {"max_retries": settings.retries}
    return S3Store(
        settings.bucket, prefix=settings.prefix or None, config=config, client_options=options, retry_config=retries
    )


def _remove_begun(folder: Path, before_ms: float) -> None:
    for each in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # it was written to its end, or another gateway was faster
            if _BEGUN.fullmatch(each.name) and each.stat().st_mtime * 1000 < before_ms:
                each.unlink()


async def _watched(pieces: AsyncIterator[bytes], raised: list[BaseException]) -> AsyncIterator[bytes]:
    """The pieces; what they raise is kept, for a library between us may make something else of it."""
    try:
        async for each in pieces:
            yield each
    except Exception as error:
        raised.append(error)
        raise


def _read_failed(error: Exception) -> Exception:
    return NotStored() if isinstance(error, FileNotFoundError) else _away(error)


def _away(error: Exception) -> Unavailable:
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Unavailable(_PART, f"the file store does not answer as it should: {first}")


STORE = web.AppKey("store", FileStore)
SETTINGS_OF_FILES = web.AppKey("settings_of_files", FilesSettings)
