"""What we ask of a store of files, held against both: a folder, and a bucket of a real S3-compatible server."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.files.settings import FilesSettings
from gateway.files.store import FileStore, NotStored
from infra.errors import Unavailable
from tests.support.bucket import bucket
from tests.support.eventually import eventually

__all__ = ["bucket"]

MIB = 1024 * 1024

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(params=["folder", "bucket"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> FilesSettings:
    if request.param == "folder":
        return FilesSettings(dir=str(tmp_path / "files"))
    found: FilesSettings = request.getfixturevalue("bucket")
    return found


@pytest.fixture
async def store(settings: FilesSettings) -> FileStore:
    store = FileStore(settings)

    async def takes() -> bool:
        """A server that has just started may not know where to put things yet."""
        try:
            await store.put("first", pieces(0))
        except Unavailable:
            return False
        return True

    await eventually(takes, what="a store that takes objects")
    return store


async def pieces(count: int, size: int = MIB) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number]) * size
    yield b"end"


async def read(store: FileStore, name: str, offset: int = 0) -> bytes:
    return b"".join([each async for each in store.read(name, offset)])


async def test_an_object_is_read_as_it_was_written_from_any_place(store: FileStore) -> None:
    await store.put("large", pieces(13))
    content = b"".join([each async for each in pieces(13)])

    assert await read(store, "large") == content
    assert await read(store, "large", 12 * MIB) == content[12 * MIB :]


async def test_nothing_is_read_from_the_end_on(store: FileStore) -> None:
    await store.put("short", pieces(0))

    assert await read(store, "short", 3) == b""


async def test_who_takes_an_object_slowly_gets_all_of_it(bucket: FilesSettings) -> None:
    await FileStore(bucket).put("slow", pieces(13))
    taken: list[bytes] = []
    async for each in FileStore(replace(bucket, timeout_s=3)).read("slow"):
        if not taken:
            await asyncio.sleep(4)  # longer than one request may take
        taken.append(each)

    assert b"".join(taken) == b"".join([each async for each in pieces(13)])


async def test_an_object_takes_the_place_of_one_of_its_name(store: FileStore) -> None:
    await store.put("again", pieces(1))
    await store.put("again", pieces(0))

    assert await read(store, "again") == b"end"


async def test_an_object_whose_pieces_break_off_is_not_there(store: FileStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for each in pieces(7):
            yield each
        raise ValueError("the client hung up")

    with pytest.raises(ValueError, match="hung up"):
        await store.put("half", broken())
    with pytest.raises(NotStored):
        await read(store, "half")


async def test_what_is_written_to_a_sink_is_there_at_its_end_and_not_before(store: FileStore) -> None:
    async with store.writing("sunk") as sink:
        for number in range(7):
            await sink.write(bytes([number]) * MIB)
        with pytest.raises(NotStored):
            await read(store, "sunk")

    assert len(await read(store, "sunk")) == 7 * MIB


async def test_a_sink_that_is_left_leaves_nothing(store: FileStore) -> None:
    async def leave() -> None:
        async with store.writing("left") as sink:
            for _ in range(7):
                await sink.write(b"x" * MIB)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await leave()
    with pytest.raises(NotStored):
        await read(store, "left")


async def test_an_object_is_removed_once_and_for_all(store: FileStore) -> None:
    await store.put("gone", pieces(0))
    for _ in range(2):
        await store.remove("gone")

    with pytest.raises(NotStored):
        await read(store, "gone")


@pytest.mark.parametrize(
    "wrong", [{"secret_access_key": "another"}, {"endpoint_url": "http://127.0.0.1:9"}], ids=["secret", "address"]
)
async def test_a_bucket_that_does_not_let_us_in_is_unavailable(bucket: FilesSettings, wrong: dict[str, Any]) -> None:
    store = FileStore(replace(bucket, **wrong))
    with pytest.raises(Unavailable):
        await store.put("mine", pieces(0))
    with pytest.raises(Unavailable):
        await read(store, "mine")
    with pytest.raises(Unavailable):
        async with store.writing("mine") as sink:
            await sink.write(b"x")


async def test_an_object_that_is_moved_stands_in_the_place_of_what_was_there(store: FileStore) -> None:
    await store.put("laid beside", pieces(6))
    await store.put("its place", pieces(0))
    await store.move("laid beside", "its place")

    assert await read(store, "its place") == b"".join([each async for each in pieces(6)])
    with pytest.raises(NotStored):
        await read(store, "laid beside")
    with pytest.raises(Unavailable):
        await store.move("laid beside", "its place")


async def test_what_a_writer_that_died_had_begun_goes_after_a_while(tmp_path: Path) -> None:
    store, folder = FileStore(FilesSettings(dir=str(tmp_path))), tmp_path
    await store.put("whole", pieces(0))
    await died_writing(folder, "half")
    begun = folder / next(each for each in names(folder) if each != "whole")
    begun_ms = begun.stat().st_mtime * 1000

    await store.remove_begun(begun_ms - 1)
    meanwhile = begun.exists()
    await store.remove_begun(begun_ms + 1)

    assert meanwhile
    assert names(folder) == ["whole"]
    assert await read(store, "whole") == b"end"


async def test_a_bucket_and_a_folder_that_is_not_made_yet_hold_nothing_begun(
    bucket: FilesSettings, tmp_path: Path
) -> None:
    await FileStore(bucket).remove_begun(1e15)
    await FileStore(FilesSettings(dir=str(tmp_path / "later"))).remove_begun(1e15)

    assert names(tmp_path) == []


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def died_writing(folder: Path, name: str) -> None:
    """A process that is killed while it writes an object."""
    program = f"""
import asyncio, os, signal
from gateway.files.settings import FilesSettings
from gateway.files.store import FileStore, PIECE_BYTES

async def write():
    async with FileStore(FilesSettings(dir={str(folder)!r})).writing({name!r}) as sink:
        for _ in range(3):
            await sink.write(b"x" * PIECE_BYTES)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(write())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await process.wait() == -signal.SIGKILL
